//! From what gateways say about themselves to the contract.

use serde_json::{Value, json};

use super::{
    Contract,
    description::{
        ArgumentsDescription, EventDescription, FilterDescription, GatewayDescription,
        HandlerDescription, Place, ReplyDescription, TypeDescription,
    },
    gap::Gap,
    known_types::{STANDARD_ERROR, StandardError, renewed, renewing_auth},
    model::{Arguments, Message, Namespace, either},
    notes,
    schema::{GAP, admits_null, reference},
    schemas::Schemas,
};
use crate::type_names;

/// The event of the standard error.
const EXCEPTION: &str = "exception";

impl Contract {
    /// The contract of these gateways, in whatever order they come, and of the filters that all of them have.
    pub(crate) fn of(
        mut gateways: Vec<GatewayDescription>,
        application_filters: Vec<FilterDescription>,
    ) -> Self {
        gateways.sort_by(|one, other| {
            let key = |gateway: &GatewayDescription| (gateway.name, gateway.place);
            one.namespace.cmp(&other.namespace).then_with(|| key(one).cmp(&key(other)))
        });
        let mut contract = Self::default();
        for gateways in gateways.chunk_by(|one, other| one.namespace == other.namespace) {
            let path = gateways[0].namespace.clone();
            let mut collector = Collector::new();
            for gateway in gateways {
                collector.gateway(gateway.clone(), &application_filters);
            }
            let Collector { schemas, mut namespace, gaps, mut notes } = collector;
            for (first, second) in schemas.define(&mut namespace) {
                notes.push(notes::same_name(&first, &second));
            }
            notes.extend(notes::of(&namespace));
            contract.notes.extend(notes.into_iter().map(|note| format!("{path}: {note}")));
            contract.gaps.extend(gaps);
            contract.namespaces.insert(path, namespace);
        }
        contract.gaps.sort();
        contract.gaps.dedup();
        contract.notes.sort();
        contract.notes.dedup();
        contract
    }
}

struct Collector {
    schemas: Schemas,
    namespace: Namespace,
    gaps: Vec<Gap>,
    notes: Vec<String>,
}

impl Collector {
    fn new() -> Self {
        Self {
            schemas: Schemas::new(),
            namespace: Namespace::default(),
            gaps: Vec::new(),
            notes: Vec::new(),
        }
    }

    fn gateway(&mut self, gateway: GatewayDescription, application: &[FilterDescription]) {
        let GatewayDescription { mut handlers, mut events, filters, renewal, .. } = gateway;
        // `schemars` numbers types of one name as they come, and links come in any order.
        handlers.sort_by_key(|handler| (handler.event, handler.name, handler.place));
        events.sort_by_key(|event| (event.name, event.place));
        for event in &events {
            self.event(event);
        }
        let standard = EventDescription {
            name: EXCEPTION,
            docs: "A message has failed.",
            place: Place { file: "", line: 0 },
            payload: ArgumentsDescription::One(TypeDescription {
                name: STANDARD_ERROR,
                schema: Some(|generator| generator.subschema_for::<StandardError>()),
            }),
            ack: None,
        };
        self.event(&standard);
        let mut shared = Vec::new();
        for filter in filters.iter().rev().chain(application.iter().rev()) {
            self.filter(filter, &mut shared);
        }
        for error in &shared {
            if !self.namespace.errors.contains(error) {
                self.namespace.errors.push(error.clone());
            }
        }
        for handler in &handlers {
            self.handler(handler, &shared);
        }
        if let Some(event) = renewal {
            self.renewal(event, shared);
        }
    }

    /// The event by which a client renews its session: what authenticators take, they do not say.
    fn renewal(&mut self, event: String, errors: Vec<Value>) {
        let message = Message {
            payload: Arguments::one(renewing_auth()),
            ack: Some(Arguments::one(renewed())),
            errors,
            docs: "Renews the session, before it ends with its token.".to_owned(),
            answer: None,
        };
        self.namespace.client_to_server.insert(event, message);
    }

    fn handler(&mut self, handler: &HandlerDescription, shared: &[Value]) {
        let within = handler.name;
        let mut errors = Vec::new();
        for filter in handler.filters.iter().rev() {
            self.filter(filter, &mut errors);
        }
        for error in shared {
            if !errors.contains(error) {
                errors.push(error.clone());
            }
        }
        let (ack, answer) = match &handler.reply {
            ReplyDescription::Ack(reply) => {
                (self.arguments(reply, false, handler.place, within), None)
            }
            ReplyDescription::Events(event) => {
                if let Some(event) = event {
                    self.event(event);
                }
                (Arguments::default(), event.map(|event| event.name))
            }
        };
        let Some(event) = handler.event else {
            self.namespace.takes_other_events = true;
            return;
        };
        let payload = self.arguments(&handler.payload, true, handler.place, within);
        let message = Message {
            payload,
            ack: Some(ack),
            errors,
            docs: handler.docs.trim().to_owned(),
            answer,
        };
        self.namespace.client_to_server.insert(event.to_owned(), message);
    }

    /// An event that clients are sent. What is declared twice may be the one or the other.
    fn event(&mut self, event: &EventDescription) {
        let payload = self.arguments(&event.payload, false, event.place, event.name);
        let ack = event.ack.map(|ack| self.arguments(&ack, true, event.place, event.name));
        let events = &mut self.namespace.server_to_client;
        let Some(known) = events.get_mut(event.name) else {
            let docs = event.docs.trim().to_owned();
            let message = Message { payload, ack, docs, ..Message::default() };
            events.insert(event.name.to_owned(), message);
            return;
        };
        if known.ack != ack {
            self.notes.push(notes::two_acks(event.name));
        }
        known.payload = std::mem::take(&mut known.payload).or(payload);
        known.ack = known.ack.take().or(ack);
        if known.docs.is_empty() {
            event.docs.trim().clone_into(&mut known.docs);
        }
    }

    fn filter(&mut self, filter: &FilterDescription, errors: &mut Vec<Value>) {
        let body = self.schema(&filter.body, false, filter.place, filter.name);
        if !errors.contains(&body) {
            errors.push(body);
        }
        if let Some(event) = &filter.event {
            self.event(event);
        }
    }

    fn arguments(
        &mut self,
        arguments: &ArgumentsDescription,
        taken: bool,
        place: Place,
        within: &'static str,
    ) -> Arguments {
        let mut arguments = match arguments {
            ArgumentsDescription::None => Arguments::default(),
            ArgumentsDescription::One(one) => {
                Arguments::one(self.schema(one, taken, place, within))
            }
            ArgumentsDescription::Optional(one) => {
                Arguments { optional: 1, ..Arguments::one(self.schema(one, taken, place, within)) }
            }
            ArgumentsDescription::List(list) => {
                let list = self.schema(list, taken, place, within);
                let list = self.schemas.followed(list, taken);
                let items =
                    list.get("items").filter(|items| items.is_object() || items.is_boolean());
                match (list.get("prefixItems"), items) {
                    (Some(Value::Array(list)), _) => {
                        Arguments { list: list.clone(), ..Arguments::default() }
                    }
                    (_, Some(item)) => Arguments::any(item.clone()),
                    _ => Arguments::any(list),
                }
            }
            ArgumentsDescription::Unknown(why) => {
                self.gaps.push(Gap::unknown(why, place, within));
                Arguments::any(json!({ GAP: why }))
            }
        };
        // Arguments that were not sent read as `null`.
        if taken && arguments.more.is_none() {
            let missing = arguments
                .list
                .iter()
                .rev()
                .take_while(|schema| schema.get(GAP).is_none() && admits_null(schema));
            arguments.optional = arguments.optional.max(missing.count());
        }
        arguments
    }

    fn schema(
        &mut self,
        described: &TypeDescription,
        taken: bool,
        place: Place,
        within: &'static str,
    ) -> Value {
        match described.schema {
            Some(make) => self.schemas.of(make, taken),
            None => {
                let name = type_names::short(described.name);
                self.gaps.push(Gap::of_type(&name, place, within));
                json!({ GAP: name })
            }
        }
    }
}

/// What a handler's failure is told as: one of the filters' bodies, or the standard error.
pub(super) fn failure(errors: &[Value]) -> Value {
    let standard = json!({ "$ref": reference(STANDARD_ERROR) });
    errors.iter().rev().fold(standard, |all, error| either(error.clone(), all))
}
