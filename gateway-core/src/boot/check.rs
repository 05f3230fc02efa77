//! Whether the parts fit together: every rule reports what breaks it, and none stops the others.

mod server;
mod services;

use std::{collections::BTreeMap, panic::catch_unwind, time::Duration};

use gateway_names::NamespaceError;
use tokio::runtime::Handle;

use super::{Blueprint, Plan};
use crate::{
    auth::{AuthenticatorFacts, origins::contradictions},
    boot::start_report::{Problem, Report, place},
    call::enhancers::{EnhancerFacts, Mistake},
    declare::{facts::GatewayFacts, registry::DeclaredMessage},
    inject::{Key, Need},
    options::Sessions,
    socket::event::Listed,
    type_names::short,
};
pub(crate) use server::StatedAt;
pub(super) use server::server;
#[cfg(feature = "jwt")]
pub(super) use services::tokens;
pub(super) use services::{Needs, services};

/// The Tokio runtime that everything else runs on.
pub(super) fn runtime(report: &mut Report) {
    const HELP: &str =
        "write `#[tokio::main]` above `async fn main`, or build it inside `Runtime::block_on`";
    if Handle::try_current().is_err() {
        report.add(Problem::new("there is no Tokio runtime to run on", HELP));
        return;
    }
    // The runtime does not say whether it has timers: it panics.
    if catch_unwind(|| drop(tokio::time::sleep(Duration::ZERO))).is_err() {
        report.add(Problem::new(
            "the Tokio runtime has no timers",
            "add `.enable_all()` to its `Builder`",
        ));
    }
}

pub(super) fn gateways(plans: &[Plan], blueprint: &Blueprint, report: &mut Report) {
    if plans.is_empty() {
        report.add(Problem::new(
            "there are no gateways",
            "put `#[web_socket_gateway]` on a struct; if the gateways are in a library, link it: `use my_gateways as _;`",
        ));
    }
    for key in &blueprint.expected {
        if !plans.iter().any(|plan| plan.key == *key) {
            let name = short(key.name);
            report.add(Problem::new(
                format!("`{name}` is expected, but not registered"),
                "is its crate linked? write `use my_gateways as _;` in the application",
            ));
        }
    }
    let mut by_path: BTreeMap<&str, &Plan> = BTreeMap::new();
    for plan in plans {
        options(plan, report);
        if let Some(other) = by_path.insert(&plan.options.namespace, plan) {
            report.add(Problem::new(
                format!(
                    "namespace `{}` has two gateways: `{}` ({}) and `{}` ({})",
                    plan.options.namespace, other.facts.name, place(other.facts.place), plan.facts.name, place(plan.facts.place),
                ),
                "give one of them another namespace; the handlers of one gateway may be spread over several impl blocks",
            ));
        }
        handlers(plan, report);
        emitted(plan, report);
        names_of_events(plan, blueprint.settings.limits.event_name_bytes, report);
        presence(plan, report);
        sessions(plan, report);
    }
}

/// The values of options, however they came about. The macro has applied the same rules to those that are
/// written in an attribute as literals.
fn options(plan: &Plan, report: &mut Report) {
    let Plan { facts, options, .. } = plan;
    let gateway = format!("`{}` ({})", facts.name, place(facts.place));
    if let Err(error) = gateway_names::namespace(&options.namespace) {
        let help = match &error {
            NamespaceError::NoSlash(path) => format!("write `/{path}`"),
            NamespaceError::EndsWithSlash(path) => {
                format!("write `/{}`", path.trim_matches('/'))
            }
            _ => error.help(),
        };
        let namespace = &options.namespace;
        report.add(Problem::new(
            format!("{gateway} cannot use the namespace `{namespace:?}`: {error}"),
            help,
        ));
    }
    if let Err(error) = gateway_names::received(&options.reauthenticate) {
        let event = &options.reauthenticate;
        report.add(Problem::new(
            format!("{gateway} cannot use `{event:?}` as the event that renews a session: {error}"),
            error.help(),
        ));
    }
    for (name, help) in options.zeros() {
        report.add(Problem::new(format!("{gateway} has `{name} = 0`"), help));
    }
}

/// The help for a guard or an interceptor that cannot work.
pub(super) const CHANGE_IT: &str = "change its arguments, or leave it out";

/// Guards and interceptors that cannot work as they were constructed.
pub(super) fn enhancers(plans: &[Plan], global: &EnhancerFacts, report: &mut Report) {
    for Mistake { why, .. } in global.mistakes() {
        report.add(Problem::new(
            format!("the application uses a global guard or interceptor that cannot work: {why}"),
            CHANGE_IT,
        ));
    }
    for plan in plans {
        let name = plan.facts.name;
        let mut add = |owner: String, at, enhancers: &EnhancerFacts| {
            for Mistake { name, why } in enhancers.mistakes() {
                let name = short(name);
                report.add(Problem::new(
                    format!("`{owner}` ({}) uses a `{name}` that cannot work: {why}", place(at)),
                    CHANGE_IT,
                ));
            }
        };
        add(name.to_owned(), plan.facts.place, &plan.facts.enhancers);
        for message in &plan.declared.messages {
            let facts = &message.facts;
            add(format!("{name}::{}", facts.handler), facts.place, &facts.enhancers);
        }
        for hook in plan.declared.hooks() {
            let facts = &hook.facts;
            add(format!("{name}::{}", facts.handler), facts.place, &facts.enhancers);
        }
    }
}

/// Origins that no browser sends, and gateways that contradict each other about one.
pub(super) fn origins(plans: &[Plan], report: &mut Report) {
    // The application's were checked where they were given.
    for plan in plans.iter().filter(|plan| !plan.inherits_cors) {
        if plan.cors.credentials && plan.cors.origins.iter().any(|origin| origin == "*") {
            report.add(Problem::new(
                format!("`{}` ({}) allows every origin, with credentials", plan.facts.name, place(plan.facts.place)),
                "list the origins, or leave `credentials = true` out: browsers refuse the combination",
            ));
        }
        for origin in &plan.cors.origins {
            if let Err(error) = gateway_names::origin(origin) {
                report.add(Problem::new(
                    format!(
                        "`{}` ({}) allows the origin {origin:?}, which no browser sends: {error}",
                        plan.facts.name,
                        place(plan.facts.place)
                    ),
                    error.help(),
                ));
            }
        }
    }
    let all = plans.iter().map(|plan| (plan.facts.name, &plan.cors));
    for (origin, one, other) in contradictions(all) {
        report.add(Problem::new(
            format!(
                "`{one}` and `{other}` both allow `{origin}`, one with credentials and one without"
            ),
            "both gateways share the handshake, so give them the same `credentials`",
        ));
    }
}

/// Two gateways whose different authenticators give the same identity type, in an application that has
/// none for that type: which of the two a route's `Identity` should ask is not ours to guess.
pub(super) fn identities_of_routes(
    plans: &[Plan],
    application: Option<AuthenticatorFacts>,
) -> Vec<Problem> {
    let decided = application.map(|facts| facts.identity);
    // Each authenticator once, with the first gateway that has it.
    let mut by_identity: Vec<(Key, Vec<(AuthenticatorFacts, &Plan)>)> = Vec::new();
    for plan in plans {
        let Some(facts) = plan.authenticator else { continue };
        match by_identity.iter_mut().find(|(identity, _)| *identity == facts.identity) {
            Some((_, known)) if known.iter().any(|(other, _)| other.key == facts.key) => {}
            Some((_, known)) => known.push((facts, plan)),
            None => by_identity.push((facts.identity, vec![(facts, plan)])),
        }
    }
    let undecided = by_identity
        .into_iter()
        .filter(|(identity, known)| known.len() > 1 && Some(*identity) != decided);
    undecided.map(|(identity, known)| of_several(identity, &known)).collect()
}

fn of_several(identity: Key, known: &[(AuthenticatorFacts, &Plan)]) -> Problem {
    let identity = short(identity.name);
    let gateway = |(facts, plan): &(AuthenticatorFacts, &Plan)| {
        let Plan { facts: GatewayFacts { name, place: at, .. }, .. } = plan;
        format!("`{}` of `{name}` ({})", short(facts.key.name), place(at))
    };
    let known: Vec<String> = known.iter().map(gateway).collect();
    Problem::new(
        format!(
            "a route that takes `Identity<{identity}>` could ask any of {} authenticators: {}",
            known.len(),
            known.join(", ")
        ),
        format!(
            "choose one for routes, by `.authenticate::<..>()` on the `App::builder()` (it also serves gateways that name none), or give each of them an identity type of its own instead of `{identity}`"
        ),
    )
}

/// The identities that handlers take, compared with those that the authenticators give.
fn identities(plan: &Plan, report: &mut Report) {
    let messages =
        plan.declared.messages.iter().map(|message| {
            (message.facts.handler, &message.signature.arguments, message.facts.place)
        });
    let hooks = plan.declared.hooks();
    let hooks = hooks.map(|hook| (hook.facts.handler, &hook.signature.arguments, hook.facts.place));
    for (handler, arguments, location) in messages.chain(hooks) {
        let Some(wanted) = arguments.identity else { continue };
        let at = place(location);
        let taken = format!(
            "`{}::{handler}` takes `Identity<{}>` ({at})",
            plan.facts.name,
            short(wanted.name)
        );
        match &plan.authenticator {
            None => report.add(Problem::new(
                format!("{taken}, but nothing authenticates the clients of `{}`", plan.options.namespace),
                "write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`",
            )),
            Some(authenticator) if authenticator.identity != wanted => report.add(Problem::new(
                format!("{taken}, but `{}` gives `{}`", short(authenticator.key.name), short(authenticator.identity.name)),
                format!("write `Identity<{}>`", short(authenticator.identity.name)),
            )),
            Some(_) => {}
        }
    }
    let taken = plan
        .declared
        .messages
        .iter()
        .find(|one| one.facts.event == Some(&*plan.options.reauthenticate));
    if let (Some(message), Some(_)) = (taken, &plan.authenticator) {
        report.add(Problem::new(
            format!("`{}::{}` ({}) handles `{}`, the event that renews a session", plan.facts.name, message.facts.handler, place(message.facts.place), plan.options.reauthenticate),
            "rename the event, or write `reauthenticate = \"another-name\"` in the `#[web_socket_gateway(..)]`",
        ));
    }
}

/// Presence is about users, so something has to say which user a client is.
fn presence(plan: &Plan, report: &mut Report) {
    if plan.presence.is_some() && plan.authenticator.is_none() {
        report.add(Problem::new(
            format!("`{}` ({}) keeps presence, but nothing says which user a client is", plan.facts.name, place(plan.facts.place)),
            "write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`",
        ));
    }
}

/// So is one session per user.
fn sessions(plan: &Plan, report: &mut Report) {
    if plan.options.sessions == Sessions::Newest && plan.authenticator.is_none() {
        report.add(Problem::new(
            format!("`{}` ({}) has one session per user, but nothing says which user a client is", plan.facts.name, place(plan.facts.place)),
            "write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`",
        ));
    }
}

fn handlers(plan: &Plan, report: &mut Report) {
    identities(plan, report);
    let Plan { facts, declared, .. } = plan;
    if declared.is_empty() && plan.presence.is_none() && !has_server(plan) {
        report.add(Problem::new(
            format!("`{}` ({}) has no handlers, and no `Server` to emit with", facts.name, place(facts.place)),
            format!("put `#[web_socket_gateway]` on an `impl {}` block with a `#[subscribe_message(\"..\")]` method, or give it a field `server: Server`", facts.name),
        ));
    }
    for message in &declared.messages {
        taken_once(plan.facts.name, message, report);
    }
    let mut by_event: BTreeMap<Option<&str>, &DeclaredMessage> = BTreeMap::new();
    for message in &declared.messages {
        // The macro has checked those that are literals.
        if let Some(event) = message.facts.event
            && let Err(error) = gateway_names::received(event)
        {
            let at = place(message.facts.place);
            report.add(Problem::new(
                format!(
                    "`{}::{}` ({at}) cannot handle `{event:?}`: {error}",
                    facts.name, message.facts.handler
                ),
                error.help(),
            ));
        }
        if let Some(other) = by_event.insert(message.facts.event, message) {
            let mut places = [place(other.facts.place), place(message.facts.place)];
            places.sort();
            let places = format!("{} and {}", places[0], places[1]);
            report.add(match message.facts.event {
                Some(event) => Problem::new(
                    format!("event `{event}` of `{}` has two handlers: {places}", facts.name),
                    "rename one event, or merge the handlers",
                ),
                None => Problem::new(
                    format!("`{}` has several `#[subscribe_message(_)]`: {places}", facts.name),
                    "keep one, and call the others from it",
                ),
            });
        }
    }
    for (attribute, hooks) in [
        ("on_connection", &declared.on_connection),
        ("on_disconnect", &declared.on_disconnect),
        ("after_init", &declared.after_init),
    ] {
        if hooks.len() > 1 {
            let mut places: Vec<String> =
                hooks.iter().map(|hook| place(hook.facts.place)).collect();
            places.sort();
            report.add(Problem::new(
                format!("`{}` has several `#[{attribute}]`: {}", facts.name, places.join(" and ")),
                "keep one, and call the others from it",
            ));
        }
    }
}

/// The events that it lists: the macro has checked those whose names are literals, and those of one list.
fn emitted(plan: &Plan, report: &mut Report) {
    let gateway = plan.facts.name;
    let mut by_name: BTreeMap<&str, &Listed> = BTreeMap::new();
    for event in &plan.declared.emits {
        let (name, ty) = (event.name, short(event.of));
        if let Err(error) = gateway_names::emitted(name) {
            report.add(Problem::new(
                format!(
                    "the event `{ty}` ({}) cannot be emitted as {name:?}: {error}",
                    place(event.declared)
                ),
                "choose another name in its `#[event(..)]`",
            ));
        }
        // The compiler has refused to list a type twice.
        if let Some(other) = by_name.insert(name, event) {
            let mut types = [(short(other.of), other), (ty, event)]
                .map(|(ty, event)| format!("`{ty}` ({})", place(event.declared)));
            types.sort();
            let [one, another] = types;
            report.add(Problem::new(
                format!("`{gateway}` emits two events by the name `{name}`: {one} and {another}"),
                "rename one of them, or make them one event with an enum for its payload",
            ));
        }
    }
}

/// Events that no client could emit.
fn names_of_events(plan: &Plan, most: usize, report: &mut Report) {
    let name = plan.facts.name;
    let messages = plan.declared.messages.iter().map(|message| &message.facts);
    let handled = messages.filter_map(|facts| Some((facts.event?, facts.handler, facts.place)));
    let renewal = (&*plan.options.reauthenticate, "reauthenticate", plan.facts.place);
    for (event, handler, at) in handled.chain(plan.authenticator.map(|_| renewal)) {
        if event.len() > most {
            report.add(Problem::new(
                format!(
                    "no client can emit the event of `{name}::{handler}` ({}): its name has {} bytes, and the limit `event_name_bytes` is {most}",
                    place(at),
                    event.len(),
                ),
                "shorten the name, or raise the limit: `.limits(Limits::default().event_name_bytes(..))`",
            ));
        }
    }
}

/// Whether the gateway can emit: then it needs no handlers, and may only push.
fn has_server(plan: &Plan) -> bool {
    let dependencies = (plan.registration.recipe.dependencies)();
    let own = [Need::Server, Need::ServerOf(plan.key)];
    dependencies.fields.iter().any(|field| own.contains(&field.need))
}

/// The macro reports this too, but knows types only by name. This catches those under another name.
fn taken_once(gateway: &str, message: &DeclaredMessage, report: &mut Report) {
    let (facts, arguments) = (&message.facts, &message.signature.arguments);
    let handler = format!("`{gateway}::{}` ({})", facts.handler, place(facts.place));
    if arguments.bodies > 1 {
        report.add(Problem::new(
            format!("{handler} takes the payload of a message more than once"),
            "take it once; positional arguments are a tuple: `MessageBody((a, b)): MessageBody<(A, B)>`",
        ));
    }
    if arguments.acks > 1 {
        report.add(Problem::new(
            format!("{handler} takes the acknowledgement of a message more than once"),
            "take one `Ack`; it may be moved to whoever answers",
        ));
    }
}
