//! The contract as a page for people: one HTML file that needs nothing else, and no JavaScript.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    Contract,
    known_types::STANDARD_ERROR,
    model::{Arguments, Message, Namespace},
    names,
    typescript::{self, types::Writer},
};

const STYLE: &str = include_str!("style.css");

impl Contract {
    /// The page.
    pub(crate) fn page(&self) -> String {
        let (title, version) = self.title();
        let names = names::of_namespaces(self.namespaces.keys());
        let mut text =
            String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        text += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
        let _ = writeln!(text, "<title>{}</title>", escaped(title));
        let _ = writeln!(text, "<style>\n{STYLE}</style>\n</head>\n<body>\n<nav>");
        for (path, namespace) in &self.namespaces {
            text += &Section::new(path, &names, namespace).contents();
        }
        let _ = writeln!(text, "<a href=\"#WsError\">Errors</a>\n</nav>\n<main>\n<header>");
        let _ = writeln!(text, "<h1>{} <small>{}</small></h1>", escaped(title), escaped(version));
        text += "<p>What clients may send over Socket.IO, and what they are sent. Types are written as in TypeScript.</p>\n";
        text += "</header>\n";
        for (path, namespace) in &self.namespaces {
            text += &Section::new(path, &names, namespace).written();
        }
        let error = typescript::standard_error();
        let _ = writeln!(
            text,
            "<section id=\"WsError\">\n<h2>Errors</h2>\n<p>A message that fails is acknowledged with an error, unless a \
             filter decides otherwise. Whoever has asked for no acknowledgement hears of it all the same, by the event \
             <code>exception</code>.</p>\n<pre>{}</pre>\n</section>\n</main>\n</body>\n</html>",
            escaped(error.trim())
        );
        text
    }
}

/// A namespace.
struct Section<'a> {
    path: &'a str,
    /// Its name, which all its anchors begin with.
    name: &'a str,
    namespace: &'a Namespace,
}

impl<'a> Section<'a> {
    fn new(path: &'a str, names: &'a BTreeMap<&str, String>, namespace: &'a Namespace) -> Self {
        Self { path, name: names.get(path).map_or("", String::as_str), namespace }
    }

    fn directions(&self) -> [(&'static str, &'static str, &'a BTreeMap<String, Message>); 2] {
        [
            ("taken", "What clients may send", &self.namespace.client_to_server),
            ("sent", "What clients are sent", &self.namespace.server_to_client),
        ]
    }

    fn anchor(&self, word: &str, event: &str) -> String {
        escaped(&format!("{}.{word}.{}", self.name, event.replace(char::is_whitespace, "_")))
    }

    fn contents(&self) -> String {
        let mut text =
            format!("<a class=\"namespace\" href=\"#{}\">{}</a>\n", self.name, escaped(self.path));
        for (word, _, events) in self.directions() {
            for event in events.keys() {
                let arrow = if word == "taken" { "→" } else { "←" };
                let _ = writeln!(
                    text,
                    "<a href=\"#{}\"><span>{arrow}</span> {}</a>",
                    self.anchor(word, event),
                    escaped(event)
                );
            }
        }
        text
    }

    fn written(&self) -> String {
        let mut text = format!("<section id=\"{}\">\n<h2>{}</h2>\n", self.name, escaped(self.path));
        for (word, heading, events) in self.directions() {
            if events.is_empty() {
                continue;
            }
            let _ = writeln!(text, "<h3>{heading}</h3>");
            for (event, message) in events {
                text += &self.event(word, event, message);
            }
            if word == "taken" && self.namespace.takes_other_events {
                text +=
                    "<p>All other events are taken as well: what they carry is not declared.</p>\n";
            }
        }
        let taken = self.namespace.taken_definitions();
        let mut types = self
            .namespace
            .definitions
            .iter()
            .filter(|(name, _)| *name != STANDARD_ERROR)
            .peekable();
        if types.peek().is_some() {
            text += "<h3>Types</h3>\n";
        }
        for (name, schema) in types {
            let writer = Writer { taken: taken.contains(name), depth: 0 };
            let declared = writer.definition(name, schema).replace("export ", "");
            let _ = writeln!(
                text,
                "<pre id=\"{}.{name}\">{}</pre>",
                self.name,
                self.linked(declared.trim())
            );
        }
        text + "</section>\n"
    }

    fn event(&self, word: &str, event: &str, message: &Message) -> String {
        let is_taken = word == "taken";
        let mut text =
            format!("<article id=\"{}\">\n<h4>{}</h4>\n", self.anchor(word, event), escaped(event));
        text += &prose(&message.docs);
        text += "<dl>\n";
        self.row(&mut text, "Arguments", &self.arguments(&message.payload, is_taken));
        if let Some(ack) = &message.ack {
            let said = match ack.list.as_slice() {
                [] if ack.more.is_none() => "without arguments".to_owned(),
                [one] => Writer { taken: !is_taken, depth: 0 }.written(one),
                _ => self.arguments(ack, !is_taken),
            };
            self.row(&mut text, "Acknowledgement", &said);
        }
        if let Some(answer) = message.answer {
            self.row(&mut text, "Answered with", answer);
        }
        if is_taken && !message.errors.is_empty() {
            self.row(&mut text, "Errors", &typescript::said_errors(&message.errors));
        }
        text + "</dl>\n</article>\n"
    }

    fn arguments(&self, arguments: &Arguments, taken: bool) -> String {
        let said = typescript::said(arguments, taken);
        if said.is_empty() { "none".to_owned() } else { said }
    }

    fn row(&self, text: &mut String, heading: &str, said: &str) {
        let _ = writeln!(text, "<dt>{heading}</dt>\n<dd><code>{}</code></dd>", self.linked(said));
    }

    /// With a link on the name of each type.
    fn linked(&self, text: &str) -> String {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$';
        let mut html = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
            let (word, tail) = rest.split_at(end);
            let _ = match word {
                STANDARD_ERROR => write!(html, "<a href=\"#WsError\">{word}</a>"),
                _ if self.namespace.definitions.contains_key(word) => {
                    write!(html, "<a href=\"#{}.{word}\">{word}</a>", self.name)
                }
                _ => write!(html, "{}", escaped(word)),
            };
            let between = tail.find(is_part).unwrap_or(tail.len());
            html += &escaped(&tail[..between]);
            rest = &tail[between..];
        }
        html
    }
}

/// Paragraphs, with code in backticks.
fn prose(docs: &str) -> String {
    let paragraphs = docs.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty());
    let paragraph = |text: &str| {
        let parts: Vec<String> = text.split('`').map(escaped).collect();
        // The last backtick of an odd number begins nothing.
        let last = parts.len() - 1;
        let part = |(index, part): (usize, &String)| match index % 2 {
            1 if index < last => format!("<code>{part}</code>"),
            1 => format!("`{part}"),
            _ => part.clone(),
        };
        format!("<p>{}</p>\n", parts.iter().enumerate().map(part).collect::<String>())
    };
    paragraphs.map(paragraph).collect()
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html += "&amp;",
            '<' => html += "&lt;",
            '>' => html += "&gt;",
            '"' => html += "&quot;",
            '\'' => html += "&#39;",
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{
        description::{ArgumentsDescription::None as Nothing, HandlerDescription},
        fixture::{self, gateway, handler},
    };

    #[test]
    fn the_page_has_every_event_and_every_type_and_each_link_leads_somewhere() {
        let contract = fixture::contract().titled("Odd shapes", "1.0.0");
        let page = contract.page();
        for (path, namespace) in &contract.namespaces {
            assert!(page.contains(&format!("<h2>{path}</h2>")), "{path}");
            for event in namespace.client_to_server.keys().chain(namespace.server_to_client.keys())
            {
                assert!(page.contains(&format!("<h4>{}</h4>", escaped(event))), "{path} {event}");
            }
        }
        let links: Vec<&str> =
            page.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert!(links.contains(&"Chat.ChatMessage"), "{links:?}");
        for link in links {
            assert_eq!(page.matches(&format!("id=\"{link}\"")).count(), 1, "{link}");
        }
    }

    #[test]
    fn nothing_that_an_application_says_is_markup() {
        let evil = "<script>alert('&')</script> `a<b` ` \"";
        let handlers = vec![HandlerDescription { docs: evil, ..handler("<b>", Nothing, Nothing) }];
        let contract = Contract::of(vec![gateway("/<i>", handlers, Vec::new())], Vec::new());
        let page = contract.titled("<u>", "<v>").page();
        for markup in ["<script", "<b>", "<i>", "<u>", "<v>"] {
            assert!(!page.contains(markup), "{markup}");
        }
        assert!(page.contains("&lt;script&gt;alert(&#39;&amp;&#39;)"), "{page}");
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = fixture::contract().page();
        for foreign in ["http:", "https:", "<script", "<link", "<img", "@import", "url("] {
            assert!(!page.contains(foreign), "{foreign}");
        }
    }

    #[test]
    fn code_in_docs_is_code() {
        assert_eq!(
            prose("Says `x`.\n\nAnd ` more."),
            "<p>Says <code>x</code>.</p>\n<p>And ` more.</p>\n"
        );
    }
}
