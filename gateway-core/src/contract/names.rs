//! Names: what may be one, and those of namespaces.

use std::collections::{BTreeMap, BTreeSet};

/// Words that are no names in TypeScript.
pub(super) const WORDS: [&str; 56] = [
    "any",
    "as",
    "bigint",
    "boolean",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "declare",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "never",
    "new",
    "null",
    "number",
    "object",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "string",
    "super",
    "switch",
    "symbol",
    "this",
    "throw",
    "true",
    "try",
    "type",
    "typeof",
    "undefined",
    "unknown",
    "var",
    "void",
    "with",
];

/// The name of each namespace: `Chat` for `/chat`, `Root` for `/`.
pub(super) fn of_namespaces<'a>(
    paths: impl Iterator<Item = &'a String>,
) -> BTreeMap<&'a str, String> {
    let mut used = BTreeSet::new();
    let mut names = BTreeMap::new();
    for path in paths {
        let plain = pascal(path);
        let numbered = (2..).map(|number| format!("{plain}{number}"));
        let mut all = std::iter::once(plain.clone()).chain(numbered);
        if let Some(name) = all.find(|name| !used.contains(name)) {
            used.insert(name.clone());
            names.insert(path.as_str(), name);
        }
    }
    names
}

const BESIDE: [&str; 5] = ["ClientSocket", "TypedSocket", "WithoutAck", "WsError", "WsErrorCode"];

fn pascal(path: &str) -> String {
    let words = path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let name: String = words.map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect();
    match name.chars().next() {
        None if path.trim_matches('/').is_empty() => "Root".to_owned(),
        None => "Namespace".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("Namespace{name}"),
        // What stands beside the namespaces has these names.
        Some(_) if BESIDE.contains(&name.as_str()) => {
            format!("{name}Namespace")
        }
        Some(_) => name,
    }
}

/// A name of a type as the name of a value: `sendMessage` for `SendMessage`.
pub(super) fn camel(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_have_names_of_their_own() {
        let paths =
            ["/", "/admin/ops", "/adminOps", "/admin_ops", "/root", "/2024", "/聊天", "/ws-error"];
        let mut paths = paths.map(str::to_owned);
        paths.sort();
        let names = of_namespaces(paths.iter());
        let expected = [
            ("/", "Root"),
            ("/2024", "Namespace2024"),
            ("/admin/ops", "AdminOps"),
            ("/adminOps", "AdminOps2"),
            ("/admin_ops", "AdminOps3"),
            ("/root", "Root2"),
            ("/ws-error", "WsErrorNamespace"),
            ("/聊天", "Namespace"),
        ];
        let names: Vec<(&str, &str)> =
            names.iter().map(|(path, name)| (*path, name.as_str())).collect();
        assert_eq!(names, expected);
    }
}
