//! Arbitrary tokens on the attributes.
//!
//! The first byte chooses the attribute. The rest is text, of which the first line is the attribute's
//! arguments and what follows its item; a byte above 127 stands for one of the `WORDS`, which chance
//! would not find.

use std::str::FromStr as _;

use fuzz_attributes::{ATTRIBUTES, expansion};
use proc_macro2::TokenStream;

use crate::alarms;
use crate::replay::Target;

/// The target, with its corpus.
pub const TARGET: Target = Target { name: "attributes", run, words: &[] };

/// Groups in groups, at most: syn calls itself for each, and what is too deep for it is so for rustc.
const DEPTH_MAX: usize = 40;

const WORDS: [&str; 96] = [
    "#[subscribe_message(\"a\")] ",
    "#[subscribe_message(",
    "#[on_connection] ",
    "#[on_disconnect] ",
    "#[after_init] ",
    "#[use_guards(",
    "#[use_interceptors(",
    "#[use_pipes(",
    "#[use_filters(",
    "#[set_metadata(",
    "#[init] ",
    "#[init(",
    "#[ws(code = \"",
    "#[ws(",
    "#[error(\"",
    "#[cfg(feature = \"x\")] ",
    "#[cfg_attr(x, ",
    "#[gateway_core::subscribe_message(",
    "#[web_socket_gateway(",
    "#[web_socket_gateway] ",
    "#[injectable] ",
    "#[derive(",
    "#[doc = \"x\"] ",
    ")] ",
    "\")] ",
    "namespace = ",
    "\"/chat\"",
    "\"chat/\"",
    "authenticate = ",
    "JwtAuthenticator<User>",
    "reauthenticate = ",
    "cors(",
    "origins = ",
    "[\"https://example.com\"]",
    "credentials = ",
    "presence(",
    "grace = ",
    "serial",
    "concurrency = ",
    "inbox(",
    "messages = ",
    "bytes = ",
    "outbox_packets = ",
    "overflow = Overflow::DropNewest",
    "handler_grace = ",
    "crate = ",
    "crate",
    "as dyn ",
    "|config: &Config| ",
    "Duration::from_secs(3)",
    "async fn f(&self",
    "async fn g(&mut self, ",
    "fn h(self",
    "MessageBody(x): MessageBody<",
    "Option<MessageBody<",
    "socket: Socket",
    "Identity(user): Identity<User>",
    "ack: Ack",
    "Inject(s): Inject<",
    "Valid(x): Valid<",
    ") {} ",
    ") -> Result<(), WsException> { Ok(()) } ",
    ") -> WsStream<impl Stream<Item = u8> + use<>> ",
    "struct S",
    "struct S;",
    "struct S { ",
    "struct S(",
    "enum E { A(",
    "union U { a: u8 }",
    "impl S { ",
    "impl<T> S<T> where T: ",
    "impl Trait for S { ",
    "pub(crate) ",
    "Arc<dyn T>",
    "Option<Arc<T>>",
    "Box<T>",
    "server: Server, ",
    "<'a, const N: usize>",
    "r#type",
    "_",
    "Self",
    "self",
    "r#\"x\"#",
    "b\"x\"",
    "b'x'",
    "'a",
    "'a'",
    "1u8",
    "1.5e3",
    "-1",
    "名字",
    "\"\\u{0}\"",
    "\"\\u{202e}\"",
    "$x",
    "macro_rules! m { () => {} }",
    "!",
];

/// # Panics
/// Where an attribute does, or what it makes cannot be read.
pub fn run(input: &[u8]) {
    alarms::arm();
    let Some((number, text)) = input.split_first() else { return };
    let text = written(text);
    let (arguments, item) = text.split_once('\n').unwrap_or(("", &text));
    let (Some(arguments), Some(item)) = (tokens(arguments), tokens(item)) else { return };
    let is_item = is_item(item.clone());

    let made = expansion(usize::from(*number) % ATTRIBUTES, arguments, item);
    alarms::check();
    let printed = made.to_string();
    match TokenStream::from_str(&printed) {
        Err(error) => panic!("{error}: {printed}"),
        Ok(read) if is_item => {
            if let Err(error) = syn::parse2::<syn::File>(read) {
                panic!("{error}: {printed}");
            }
        }
        // What was no item is none afterwards.
        Ok(_) => {}
    }
}

/// Whether rustc would take it for an item, and hand it to an attribute at all.
fn is_item(tokens: TokenStream) -> bool {
    match syn::parse2(tokens) {
        // syn reads fields without a name, which rustc does not.
        Ok(syn::Item::Struct(item)) => {
            let mut names = item.fields.iter().filter_map(|field| field.ident.as_ref());
            !names.any(|name| name == "_")
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

fn written(input: &[u8]) -> String {
    let mut text = String::new();
    for &byte in input {
        match byte {
            0..128 => text.push(char::from(byte)),
            word => text.push_str(WORDS[usize::from(word - 128) % WORDS.len()]),
        }
    }
    text
}

/// The tokens of a text, with what it has left open closed; `None` where it has no tokens.
fn tokens(text: &str) -> Option<TokenStream> {
    let mut open = Vec::new();
    let mut balanced = String::new();
    for character in text.chars() {
        match character {
            '(' => open.push(')'),
            '[' => open.push(']'),
            '{' => open.push('}'),
            ')' | ']' | '}' => {
                if open.last() != Some(&character) {
                    continue;
                }
                open.pop();
            }
            _ => {}
        }
        if open.len() > DEPTH_MAX {
            return None;
        }
        balanced.push(character);
    }
    balanced.extend(open.into_iter().rev());
    TokenStream::from_str(&balanced).ok()
}
