//! The options of `#[web_socket_gateway(..)]` on a struct. Each is declared here, and nowhere else in this crate:
//! the grammar, the names that messages list, the model, the rules and the expansion all use this table.
//!
//! An option whose value is a number, a time or a text needs one line here, one in `gateway-core/src/options.rs`,
//! with its default, and a row in the documentation of `gateway_core::web_socket_gateway`, which the tests of both
//! crates check for.

/// One option.
pub(crate) struct Declaration {
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    /// As one would write it, for messages.
    pub(crate) example: &'static str,
    /// The rule for its value if that is a literal. Core applies the same rule to computed values.
    pub(crate) rule: Rule,
}

/// What is written after an option's name.
pub(crate) enum Form {
    /// Nothing: the name switches it on.
    Flag,
    /// `= path`, where the core is.
    Core,
    /// `= Type`, of the authenticator.
    Authenticator,
    /// `= expression`, a value of this type; or `= closure`, which computes one.
    Setting(Ty),
    /// `(option = .., ..)`.
    Group(Group),
    /// `(Type, ..)`, of events.
    Events,
}

/// The type of an option's value.
#[derive(Clone, Copy)]
pub(crate) enum Ty {
    Text,
    Texts,
    Count,
    Time,
    Truth,
    /// One that only core knows.
    OfCore,
}

/// Options that share a name.
pub(crate) struct Group {
    pub(crate) options: &'static [Declaration],
    /// What is in the parentheses, in a sentence.
    pub(crate) contents: &'static str,
    /// One of these must be given, or the group would be meaningless; with the message that says so.
    pub(crate) needs: Option<(&'static [&'static str], &'static str)>,
    /// What the group's name states by itself, so that the parentheses may be left out: the type in core.
    pub(crate) states: Option<&'static str>,
}

/// What a value has to satisfy besides its type.
#[derive(Clone, Copy)]
pub(crate) enum Rule {
    Any,
    /// Of a namespace.
    Namespace,
    /// Of an event that clients emit.
    Event,
    /// Of the origins of pages.
    Origins,
}

/// In the order in which messages and the documentation list them.
pub(crate) const GATEWAY: &[Declaration] = &[
    ruled("namespace", Ty::Text, "namespace = \"/chat\"", Rule::Namespace),
    of("authenticate", Form::Authenticator, "authenticate = JwtAuthenticator<User>"),
    ruled("reauthenticate", Ty::Text, "reauthenticate = \"reauthenticate\"", Rule::Event),
    of("cors", Form::Group(CORS), "cors(origins = [\"https://example.com\"])"),
    of("presence", Form::Group(PRESENCE), "presence(grace = Duration::from_secs(5))"),
    of("emits", Form::Events, EMITS),
    of("serial", Form::Flag, "serial"),
    setting("concurrency", Ty::Count, "concurrency = 64"),
    of("inbox", Form::Group(INBOX), "inbox(messages = 8192, bytes = 4 * 1024 * 1024)"),
    setting("outbox_packets", Ty::Count, "outbox_packets = 8192"),
    setting("outbox_bytes", Ty::Count, "outbox_bytes = 4 * 1024 * 1024"),
    setting("overflow", Ty::OfCore, "overflow = Overflow::DropNewest"),
    setting("sessions", Ty::OfCore, "sessions = Newest"),
    setting("handler_grace", Ty::Time, "handler_grace = Duration::from_secs(30)"),
    setting("rooms_per_socket", Ty::OfCore, "rooms_per_socket = 1024"),
    setting("outstanding_asks", Ty::OfCore, "outstanding_asks = 1024"),
    setting("sockets_per_user", Ty::OfCore, "sockets_per_user = 10"),
    setting("handler_time", Ty::OfCore, "handler_time = Duration::from_secs(10)"),
    of("crate", Form::Core, "crate = my_reexport::gateway_core"),
];

/// `emits`, which impl blocks have as well.
pub(crate) const EMITS: &str = "emits(NewMessage, UserJoined)";

const CORS: Group = Group {
    options: &[
        ruled("origins", Ty::Texts, "origins = [\"https://example.com\"]", Rule::Origins),
        setting("credentials", Ty::Truth, "credentials = true"),
    ],
    contents: "its origins",
    needs: Some((&["origins"], "`cors` does not list any origins")),
    states: None,
};

const PRESENCE: Group = Group {
    options: &[setting("grace", Ty::Time, "grace = Duration::from_secs(5)")],
    contents: "its option",
    needs: None,
    states: Some("PresenceFacts"),
};

const INBOX: Group = Group {
    options: &[
        setting("messages", Ty::Count, "messages = 8192"),
        setting("bytes", Ty::Count, "bytes = 4 * 1024 * 1024"),
    ],
    contents: "its limits",
    needs: Some((&["messages", "bytes"], "`inbox()` sets no limit")),
    states: None,
};

const fn of(name: &'static str, form: Form, example: &'static str) -> Declaration {
    Declaration { name, form, example, rule: Rule::Any }
}

const fn setting(name: &'static str, ty: Ty, example: &'static str) -> Declaration {
    ruled(name, ty, example, Rule::Any)
}

const fn ruled(name: &'static str, ty: Ty, example: &'static str, rule: Rule) -> Declaration {
    Declaration { name, form: Form::Setting(ty), example, rule }
}

/// The option of this name.
pub(crate) fn find(
    options: &'static [Declaration],
    name: impl AsRef<str>,
) -> Option<&'static Declaration> {
    options.iter().find(|option| option.name == name.as_ref())
}

/// The names of them all.
pub(crate) fn names(options: &[Declaration]) -> Vec<&'static str> {
    options.iter().map(|option| option.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The documentation stands in core, where applications find it.
    #[test]
    fn the_documentation_lists_the_options_in_this_order() {
        let file =
            concat!(env!("CARGO_MANIFEST_DIR"), "/../gateway-core/src/declare/attributes.rs");
        let text = std::fs::read_to_string(file).expect("core stands beside this crate");
        let rows = text.lines().skip_while(|line| !line.starts_with("/// | option |")).skip(2);
        let rows = rows.map_while(|line| line.strip_prefix("/// | `"));
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        let documented: Vec<&str> =
            rows.map(|row| &row[..row.find(|c| !is_name(c)).unwrap_or(row.len())]).collect();
        assert_eq!(documented, names(GATEWAY));
    }
}
