//! Whether it fits together: every rule reports, none stops the others.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Plan;
use crate::{
    enhancers::EnhancerFacts,
    facts::ArgumentFacts,
    origins::contradictions,
    provider::{Dependencies, Field, Key, Need, Recipe, Services},
    registry::DeclaredMessage,
    report::{Problem, Report, place, short},
};

pub(super) fn gateways(plans: &[Plan], expected: &[Key], report: &mut Report) {
    if plans.is_empty() {
        report.add(Problem::new(
            "there is no gateway",
            "put `#[web_socket_gateway]` on a struct; where the gateways are in a library, link it: `use my_gateways as _;`",
        ));
    }
    for key in expected {
        if !plans.iter().any(|plan| plan.key == *key) {
            let name = short(key.name);
            report.add(Problem::new(
                format!("`{name}` is expected, and not registered"),
                "is its crate linked? write `use my_gateways as _;` in the application",
            ));
        }
    }
    for plan in plans.iter().filter(|plan| plan.limits.concurrency == 0) {
        report.add(Problem::new(
            format!("`{}` ({}) has `concurrency = 0`", plan.facts.name, place(plan.facts.place)),
            "no handler could ever run; strictly one at a time is `serial`",
        ));
    }
    let mut by_path: BTreeMap<&str, &Plan> = BTreeMap::new();
    for plan in plans {
        if !plan.path.starts_with('/') {
            report.add(Problem::new(
                format!(
                    "the namespace `{}` of `{}` ({}) does not begin with a slash",
                    plan.path,
                    plan.facts.name,
                    place(plan.facts.place)
                ),
                format!("let it be `/{}`", plan.path),
            ));
        }
        if let Some(other) = by_path.insert(&plan.path, plan) {
            report.add(Problem::new(
                format!(
                    "namespace `{}` has two gateways: `{}` ({}) and `{}` ({})",
                    plan.path, other.facts.name, place(other.facts.place), plan.facts.name, place(plan.facts.place),
                ),
                "give one of them another namespace; handlers of one gateway may stand in several impl blocks",
            ));
        }
        handlers(plan, report);
        presence(plan, report);
    }
}

/// Origins: what browsers would be told twice, and differently.
pub(super) fn origins(plans: &[Plan], report: &mut Report) {
    for plan in plans {
        if plan.cors.credentials && plan.cors.origins.iter().any(|origin| origin == "*") {
            report.add(Problem::new(
                format!("`{}` ({}) allows every origin, with credentials", plan.facts.name, place(plan.facts.place)),
                "name the origins, or leave `credentials = true` out: browsers refuse the two together",
            ));
        }
        for origin in &plan.cors.origins {
            if origin != "*" && (!origin.contains("://") || origin.ends_with('/')) {
                report.add(Problem::new(
                    format!("`{}` ({}) allows the origin `{origin}`, which no browser sends", plan.facts.name, place(plan.facts.place)),
                    "write scheme, host and port, and no path: `https://example.com`, `http://localhost:4200`",
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
            "the two share the handshake, so give both the same `credentials`",
        ));
    }
}

/// The identities handlers take, against those the authenticators give.
fn identities(plan: &Plan, report: &mut Report) {
    let messages = plan
        .declared
        .messages
        .iter()
        .map(|message| (message.facts.handler, &message.facts.arguments, message.facts.place));
    let hooks = plan.declared.hooks();
    let hooks = hooks.map(|hook| (hook.facts.handler, &hook.facts.arguments, hook.facts.place));
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
                format!("{taken}, and nothing authenticates the clients of `{}`", plan.path),
                "write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`",
            )),
            Some(authenticator) if authenticator.identity != wanted => report.add(Problem::new(
                format!("{taken}, and `{}` gives `{}`", short(authenticator.name), short(authenticator.identity.name)),
                format!("write `Identity<{}>`", short(authenticator.identity.name)),
            )),
            Some(_) => {}
        }
    }
    let taken = plan.declared.messages.iter().find(|one| one.facts.event == plan.reauthenticate);
    if let (Some(message), Some(_)) = (taken, &plan.authenticator) {
        report.add(Problem::new(
            format!("`{}::{}` ({}) handles `{}`, the event that renews a session", plan.facts.name, message.facts.handler, place(message.facts.place), plan.reauthenticate),
            "rename the event, or write `reauthenticate = \"another-name\"` in the `#[web_socket_gateway(..)]`",
        ));
    }
}

/// Presence is about users, so somebody must say who they are.
fn presence(plan: &Plan, report: &mut Report) {
    if plan.presence.is_some() && plan.authenticator.is_none() {
        report.add(Problem::new(
            format!("`{}` ({}) keeps presence, and nothing says which user a client is", plan.facts.name, place(plan.facts.place)),
            "write `authenticate = ..` in its `#[web_socket_gateway(..)]`, or `.authenticate::<..>()` on the `App::builder()`",
        ));
    }
}

fn handlers(plan: &Plan, report: &mut Report) {
    identities(plan, report);
    let Plan { facts, declared, .. } = plan;
    if declared.is_empty() && plan.presence.is_none() {
        report.add(Problem::new(
            format!("`{}` ({}) has no handlers", facts.name, place(facts.place)),
            format!("put `#[web_socket_gateway]` on an `impl {}` block with a `#[subscribe_message(\"..\")]` method", facts.name),
        ));
    }
    let mut by_event: BTreeMap<&str, &DeclaredMessage> = BTreeMap::new();
    for message in &declared.messages {
        if let Some(other) = by_event.insert(message.facts.event, message) {
            let mut places = [place(other.facts.place), place(message.facts.place)];
            places.sort();
            report.add(Problem::new(
                format!(
                    "event `{}` of `{}` has two handlers: {} and {}",
                    message.facts.event, facts.name, places[0], places[1],
                ),
                "rename one event, or merge the handlers",
            ));
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

/// Everything that is needed, by whom, and whether it can be had.
pub(super) fn services(
    plans: &[Plan],
    recipes: &HashMap<Key, Recipe>,
    provided: &Services,
    report: &mut Report,
) {
    let gateways = plans
        .iter()
        .map(|plan| (plan.key, plan.presence.as_ref().map(|presence| presence.user)))
        .collect();
    let mut check =
        Check { recipes, provided, gateways, report, done: HashSet::new(), path: Vec::new() };
    // All of them and not only those a gateway needs: axum's handlers inject too.
    let mut keys: Vec<Key> = recipes.keys().copied().collect();
    keys.sort_by_key(|key| key.name);
    for key in keys {
        check.service(key);
    }
    for plan in plans {
        let name = plan.facts.name;
        if let Some(authenticator) = &plan.authenticator {
            check.fields(authenticator.name, &(authenticator.recipe.dependencies)(), None);
        }
        let handlers = plan.declared.messages.iter().map(|message| {
            let facts = &message.facts;
            (&facts.enhancers, &facts.arguments, facts.handler, facts.place)
        });
        let hooks = plan.declared.hooks().map(|hook| {
            let facts = &hook.facts;
            (&facts.enhancers, &facts.arguments, facts.handler, facts.place)
        });
        check.enhancers(&plan.facts.enhancers);
        for (enhancers, arguments, handler, location) in handlers.chain(hooks) {
            check.enhancers(enhancers);
            check.arguments(name, handler, arguments, &place(location));
        }
    }
}

struct Check<'a> {
    recipes: &'a HashMap<Key, Recipe>,
    provided: &'a Services,
    /// Each with what names its users, where it keeps presence.
    gateways: HashMap<Key, Option<Key>>,
    report: &'a mut Report,
    done: HashSet<Key>,
    /// From the outermost service to the one being looked at.
    path: Vec<Key>,
}

impl Check<'_> {
    fn enhancers(&mut self, enhancers: &EnhancerFacts) {
        for (name, dependencies) in enhancers.dependencies() {
            self.fields(name, &dependencies, None);
        }
    }

    fn arguments(&mut self, gateway: &str, handler: &str, arguments: &ArgumentFacts, at: &str) {
        for key in &arguments.services {
            if !self.service(*key) {
                let needs =
                    format!("`{gateway}::{handler}` takes `Inject<{}>` ({at})", short(key.name));
                self.missing(*key, &needs);
            }
        }
    }

    /// The fields of `owner`; `key` is its own when it is a service itself.
    fn fields(&mut self, owner: &str, dependencies: &Dependencies, key: Option<Key>) {
        let gateway = key.and_then(|key| self.gateways.get(&key)).copied();
        self.path.extend(key);
        for field in &dependencies.fields {
            let at = place(field.place);
            match field.need {
                Need::Server if gateway.is_some() => {}
                Need::Server => self.report.add(Problem::new(
                    format!(
                        "`{}` has a `Server` (field `{}`, {at}), and no namespace",
                        short(owner),
                        field.name
                    ),
                    "inject the gateway, as `Arc<MyGateway>`, and use its `server`",
                )),
                Need::Presence(wanted) => self.presence(owner, field, wanted, gateway),
                Need::Service(needed) => {
                    if !self.service(needed) {
                        let needs = format!(
                            "`{}` needs `Arc<{}>` (field `{}`, {at})",
                            short(owner),
                            short(needed.name),
                            field.name,
                        );
                        self.missing(needed, &needs);
                    }
                }
            }
        }
        if key.is_some() {
            self.path.pop();
        }
    }

    /// A `Presence<..>`, of an `owner` that may be a gateway.
    fn presence(&mut self, owner: &str, field: &Field, wanted: Key, gateway: Option<Option<Key>>) {
        let has = format!(
            "`{}` has a `Presence<{}>` (field `{}`, {})",
            short(owner),
            short(wanted.name),
            field.name,
            place(field.place)
        );
        match gateway {
            None => self.report.add(Problem::new(
                format!("{has}, and no namespace"),
                "inject the gateway, as `Arc<MyGateway>`, and use its `presence`",
            )),
            Some(None) => self.report.add(Problem::new(
                format!("{has}, and keeps no presence"),
                "write `presence` in its `#[web_socket_gateway(..)]`",
            )),
            Some(Some(kept)) if kept != wanted => self.report.add(Problem::new(
                format!("{has}, and its users are named by `{}`", short(kept.name)),
                format!("write `Presence<{}>`", short(kept.name)),
            )),
            Some(Some(_)) => {}
        }
    }

    /// Whether there is such a service; looks into it when it is one to be built.
    fn service(&mut self, key: Key) -> bool {
        if self.provided.contains(key) {
            return true;
        }
        let Some(recipe) = self.recipes.get(&key) else { return false };
        if let Some(start) = self.path.iter().position(|on_path| *on_path == key) {
            let mut circle: Vec<String> =
                self.path[start..].iter().map(|key| format!("`{}`", short(key.name))).collect();
            circle.push(format!("`{}`", short(key.name)));
            self.report.add(Problem::new(
                format!("services need each other in a circle: {}", circle.join(" → ")),
                "take one of the fields out, and pass the value when it is used",
            ));
            return true;
        }
        if self.done.insert(key) {
            self.fields(key.name, &(recipe.dependencies)(), Some(key));
        }
        true
    }

    fn missing(&mut self, key: Key, needs: &str) {
        let name = short(key.name);
        let help = match name.strip_prefix("dyn ") {
            Some(_) => format!(
                "add `.provide_arc::<{name}>(Arc::new(..))` to the `App::builder()`, or write `#[injectable(as {name})]` above a service"
            ),
            None => format!(
                "add `.provide({name} {{ .. }})` to the `App::builder()`, or write `#[injectable]` above `struct {name}`"
            ),
        };
        self.report.add(Problem::new(format!("{needs}, and nothing provides it"), help));
    }
}
