//! The schemas of a namespace's types, and their names: what clients send is read by other rules than what they are
//! sent.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::Value;

use super::{
    known_types::{BYTES, STANDARD_ERROR, binary, reserve, reserve_names},
    model::Namespace,
    names::WORDS,
    schema::{change_all, contains, is_binary, reference, referred, visit_all},
};

/// Makes the schemas of one namespace.
///
/// Both generators see every type, in the same order, whichever direction it is for: so a name stands for the same
/// type in both.
pub(super) struct Schemas {
    taken: SchemaGenerator,
    sent: SchemaGenerator,
    /// What has been made.
    made: Vec<Make>,
}

type Make = fn(&mut SchemaGenerator) -> Schema;
type Definitions = BTreeMap<String, Value>;

impl Schemas {
    pub(super) fn new() -> Self {
        let (mut taken, mut sent) = generators();
        reserve_names(&mut taken);
        reserve_names(&mut sent);
        Self { taken, sent, made: Vec::new() }
    }

    pub(super) fn of(&mut self, make: Make, taken: bool) -> Value {
        self.made.push(make);
        let (one, other) = (make(&mut self.taken), make(&mut self.sent));
        if taken { one.to_value() } else { other.to_value() }
    }

    /// The schema itself, where it is only referred to: of a list, each element is needed.
    pub(super) fn followed(&self, schema: Value, taken: bool) -> Value {
        let generator = if taken { &self.taken } else { &self.sent };
        let definition = referred(&schema);
        definition.and_then(|name| generator.definitions().get(name).cloned()).unwrap_or(schema)
    }

    /// Adds the definitions that the namespace's schemas refer to. A type that clients send in another form than they
    /// are sent it gets two names, of which the one that ends in `Input` is what they send.
    ///
    /// Returns the names that more than one type has, each with the name that the second one got.
    pub(super) fn define(mut self, namespace: &mut Namespace) -> Vec<(String, String)> {
        let mut taken: Definitions = self.taken.take_definitions(true).into_iter().collect();
        let mut sent: Definitions = self.sent.take_definitions(true).into_iter().collect();
        for schema in taken.values_mut().chain(sent.values_mut()) {
            change_all(schema, &mut mark_bytes);
        }
        for direction in [true, false] {
            for schema in namespace.schemas_mut(direction) {
                change_all(schema, &mut mark_bytes);
            }
        }
        retain_reached(&mut taken, namespace.schemas_mut(true));
        let mut roots = namespace.schemas_mut(false);
        let mut error =
            Value::Object([("$ref".to_owned(), reference(STANDARD_ERROR))].into_iter().collect());
        roots.push(&mut error);
        retain_reached(&mut sent, roots);

        let mut second = second_names(taken.keys().chain(sent.keys()));
        second.retain(|(_, name)| !is_own_name(name, &self.made));
        let names = Names::new(&taken, &sent);
        for schema in namespace.schemas_mut(true).into_iter().chain(taken.values_mut()) {
            names.apply(schema, true);
        }
        for schema in namespace.schemas_mut(false).into_iter().chain(sent.values_mut()) {
            names.apply(schema, false);
        }
        for (name, schema) in taken {
            namespace.definitions.insert(names.of(&name, true).to_owned(), schema);
        }
        for (name, schema) in sent {
            namespace.definitions.insert(names.of(&name, false).to_owned(), schema);
        }
        second
    }
}

/// `schemars` describes bytes as a list of numbers, which they are in JSON, but not on this wire.
fn mark_bytes(fields: &mut serde_json::Map<String, Value>) {
    let is_bytes = fields.get("$ref").is_some_and(|path| *path == reference(BYTES));
    if is_bytes {
        fields.remove("$ref");
        fields.extend(binary().as_object().cloned().into_iter().flatten());
    }
}

fn retain_reached(definitions: &mut Definitions, roots: Vec<&mut Value>) {
    let mut reached = BTreeSet::new();
    let mut next: Vec<String> = Vec::new();
    for root in roots {
        visit_all(root, &mut |schema| next.extend(decoded(schema)));
    }
    while let Some(name) = next.pop() {
        if let Some(schema) = definitions.get(&name)
            && reached.insert(name)
        {
            visit_all(schema, &mut |schema| next.extend(decoded(schema)));
        }
    }
    definitions.retain(|name, _| reached.contains(name));
}

/// The name that a schema of the generator refers to.
fn decoded(schema: &Value) -> Option<String> {
    let name = referred(schema)?.replace("~1", "/").replace("~0", "~");
    if !name.contains('%') {
        return Some(name);
    }
    let mut bytes = Vec::new();
    let mut rest = name.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()).filter(|_| byte == b'%') {
            Some(code) => {
                bytes.push(code);
                rest = &tail[2..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

/// Names that `schemars` has made out of others, for a second type of the same name.
fn second_names<'a>(names: impl Iterator<Item = &'a String>) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = names.collect();
    let first = |name: &str| {
        let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let number: usize = name[base.len()..].parse().ok()?;
        let known = base == BYTES || base == STANDARD_ERROR || names.contains(&base.to_owned());
        (number >= 2 && known).then(|| base.to_owned())
    };
    names.iter().filter_map(|name| Some((first(name)?, (*name).clone()))).collect()
}

/// Whether a type is really called so: then it gets another name once this one is taken.
fn is_own_name(name: &str, made: &[Make]) -> bool {
    let (taken, sent) = generators();
    [taken, sent].into_iter().any(|mut generator| {
        reserve_names(&mut generator);
        reserve(name, &mut generator);
        for make in made {
            make(&mut generator);
        }
        generator.definitions().contains_key(&format!("{name}2"))
    })
}

fn generators() -> (SchemaGenerator, SchemaGenerator) {
    let settings = SchemaSettings::draft2020_12;
    (settings().for_deserialize().into_generator(), settings().for_serialize().into_generator())
}

/// What the definitions of a namespace are called: identifiers, in every language.
struct Names {
    taken: BTreeMap<String, String>,
    sent: BTreeMap<String, String>,
}

/// Types that are declared in each namespace of `events.d.ts`, and global ones that it needs.
const RESERVED: [&str; 8] = [
    "AnyError",
    "ArrayBuffer",
    "ArrayBufferView",
    "ClientToServerEvents",
    "ServerToClientEvents",
    "Socket",
    "TypedSocket",
    "Uint8Array",
];

impl Names {
    fn new(taken: &Definitions, sent: &Definitions) -> Self {
        let differ = differing(taken, sent);
        let mut names = Self { taken: BTreeMap::new(), sent: BTreeMap::new() };
        let mut used: BTreeSet<String> = BTreeSet::new();
        // Names that are identifiers already keep them, whoever else would like to have them.
        let mut all: Vec<&String> =
            taken.keys().chain(sent.keys()).collect::<BTreeSet<_>>().into_iter().collect();
        all.sort_by_key(|name| identifier(name) != **name);
        for name in all {
            let plain = free(&identifier(name), &used);
            used.insert(plain.clone());
            if sent.contains_key(name) || !differ.contains(name) {
                names.sent.insert(name.clone(), plain.clone());
            }
            if !differ.contains(name) {
                names.taken.insert(name.clone(), plain);
            }
        }
        for name in &differ {
            let input = free(&format!("{}Input", names.sent[name]), &used);
            used.insert(input.clone());
            names.taken.insert(name.clone(), input);
        }
        names
    }

    fn of<'a>(&'a self, name: &'a str, taken: bool) -> &'a str {
        let names = if taken { &self.taken } else { &self.sent };
        names.get(name).map_or(name, String::as_str)
    }

    fn apply(&self, schema: &mut Value, taken: bool) {
        change_all(schema, &mut |fields| {
            let path = fields.get("$ref").map(|path| serde_json::json!({ "$ref": path }));
            if let Some(name) = path.as_ref().and_then(decoded) {
                fields.insert("$ref".to_owned(), reference(self.of(&name, taken)));
            }
        });
    }
}

fn identifier(name: &str) -> String {
    let mut name: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if RESERVED.contains(&name.as_str()) || WORDS.contains(&name.as_str()) {
        name.push('_');
    }
    name
}

fn free(name: &str, used: &BTreeSet<String>) -> String {
    let numbered = (2..).map(|number| format!("{name}{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    names.find(|name| !used.contains(name)).unwrap_or_default()
}

/// The types that clients send in another form than they are sent it, and those that contain one.
fn differing(taken: &Definitions, sent: &Definitions) -> BTreeSet<String> {
    let both = || taken.iter().filter_map(|(name, schema)| Some((name, schema, sent.get(name)?)));
    // What bytes are to a client depends on the direction.
    let mut differ: BTreeSet<String> = both()
        .filter(|(_, one, other)| one != other || contains(one, &mut is_binary))
        .map(|(name, ..)| name.clone())
        .collect();
    loop {
        let more: Vec<String> = both()
            .filter(|(name, one, _)| {
                let refers =
                    |schema: &Value| decoded(schema).is_some_and(|name| differ.contains(&name));
                !differ.contains(*name) && contains(one, &mut { refers })
            })
            .map(|(name, ..)| name.clone())
            .collect();
        if more.is_empty() {
            return differ;
        }
        differ.extend(more);
    }
}
