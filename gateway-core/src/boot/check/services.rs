//! What is injected: what needs it, and whether it is available.

use std::collections::{HashMap, HashSet};

use crate::{
    auth::AuthenticatorFacts,
    boot::{
        Blueprint, Plan,
        start_report::{Problem, Report, place},
    },
    call::{enhancers::EnhancerFacts, extract::facts::ArgumentFacts},
    inject::{Dependencies, Field, Key, Need, Recipe, Role, Services, factory::Maker},
    type_names::short,
};

/// Checks everything that is needed: by what, and whether it is available.
///
/// Returns the services that are not to be built: those that cannot be, where only what gateways need has to be.
pub(in crate::boot) fn services(
    plans: &[Plan],
    blueprint: &Blueprint,
    recipes: &HashMap<Key, Recipe>,
    needs: Needs,
    report: &mut Report,
) -> HashSet<Key> {
    let (makers, provided) = (&*blueprint.makers, &blueprint.services);
    let gateways: HashMap<Key, Known> =
        plans.iter().map(|plan| (plan.key, Known::of(plan))).collect();
    let mut keys: Vec<Key> = recipes.keys().copied().collect();
    keys.sort_by_key(|key| key.name);
    let mut idle = HashSet::new();
    if needs == Needs::OfGateways {
        let is_gateway = |key: &Key| gateways.contains_key(key);
        keys.retain(|key| {
            let mut problems = Report::default();
            let gateways = gateways.clone();
            let is_needed = is_gateway(key);
            if !is_needed {
                Check::new(recipes, makers, provided, gateways, &mut problems).service(*key);
            }
            if !problems.is_empty() {
                idle.insert(*key);
            }
            is_needed
        });
    }
    let mut check = Check::new(recipes, makers, provided, gateways, report);
    for maker in makers {
        check.service(maker.makes);
    }
    for key in keys {
        check.service(key);
    }
    check.authenticators(plans, blueprint.authenticator);
    for plan in plans {
        let name = plan.facts.name;
        let handlers = plan.declared.messages.iter().map(|message| {
            let facts = &message.facts;
            (&facts.enhancers, &message.signature, facts.handler, facts.place)
        });
        let hooks = plan.declared.hooks().map(|hook| {
            let facts = &hook.facts;
            (&facts.enhancers, &hook.signature, facts.handler, facts.place)
        });
        check.enhancers(&plan.facts.enhancers);
        for (enhancers, signature, handler, location) in handlers.chain(hooks) {
            check.enhancers(enhancers);
            check.arguments(name, handler, &signature.arguments, &place(location));
        }
    }
    idle
}

/// What has to be available.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::boot) enum Needs {
    /// Whatever any service needs, and not only those that a gateway needs: axum's handlers inject too.
    OfEverything,
    /// What the gateways need that are served: a test has replaced or left out something.
    OfGateways,
}

/// What is known of a gateway.
#[derive(Clone, Copy)]
struct Known {
    /// The type that identifies its users, if it keeps presence.
    presence: Option<Key>,
    /// Whether it has an authenticator.
    knows_users: bool,
}

impl Known {
    fn of(plan: &Plan) -> Self {
        let presence = plan.presence.as_ref().map(|presence| presence.user);
        Self { presence, knows_users: plan.authenticator.is_some() }
    }
}

struct Check<'a> {
    recipes: &'a HashMap<Key, Recipe>,
    makers: &'a [Maker],
    provided: &'a Services,
    gateways: HashMap<Key, Known>,
    report: &'a mut Report,
    done: HashSet<Key>,
    /// From the outermost service to the one being looked at.
    path: Vec<Step>,
}

/// A service on the path to another one, and the field that leads there.
struct Step {
    service: Key,
    field: Option<Field>,
}

impl Step {
    /// A trait has no fields: it is another name for the service behind it.
    fn is_trait(&self) -> bool {
        self.service.name.starts_with("dyn ")
    }

    fn is_factory(&self) -> bool {
        self.field.is_some_and(|field| field.role == Role::Argument)
    }
}

impl<'a> Check<'a> {
    fn new(
        recipes: &'a HashMap<Key, Recipe>,
        makers: &'a [Maker],
        provided: &'a Services,
        gateways: HashMap<Key, Known>,
        report: &'a mut Report,
    ) -> Self {
        Self { recipes, makers, provided, gateways, report, done: HashSet::new(), path: Vec::new() }
    }

    /// Each authenticator once, with everything that uses it, so that what it lacks is reported once.
    fn authenticators(&mut self, plans: &[Plan], application: Option<AuthenticatorFacts>) {
        let named = plans.iter().filter_map(|plan| {
            let gateway = format!("`{}` ({})", plan.facts.name, place(plan.facts.place));
            Some((plan.authenticator?, gateway))
        });
        let application = application.map(|facts| (facts, "the application".to_owned()));
        let mut all: Vec<(AuthenticatorFacts, Vec<String>)> = Vec::new();
        for (facts, who) in named.chain(application) {
            match all.iter_mut().find(|(known, _)| known.key == facts.key) {
                Some((_, others)) => others.push(who),
                None => all.push((facts, vec![who])),
            }
        }
        for (facts, who) in all {
            let dependencies = (facts.dependencies)();
            for field in dependencies.fields.iter().filter(|field| field.remedy.is_some()) {
                self.given(facts, &who, field);
            }
            self.fields(facts.key.name, &dependencies, None);
        }
    }

    /// What the application has to provide for one of this crate's authenticators.
    fn given(&mut self, facts: AuthenticatorFacts, who: &[String], field: &Field) {
        let Need::Service(needed) = field.need else { return };
        if !self.service(needed) {
            let verb = if who.len() == 1 { "authenticates" } else { "authenticate" };
            let needs = format!(
                "{} {verb} with `{}`, which needs a `{}`",
                who.join(" and "),
                short(facts.key.name),
                short(needed.name)
            );
            self.missing(needed, &needs, field.remedy);
        }
    }

    fn enhancers(&mut self, enhancers: &EnhancerFacts) {
        for (name, dependencies) in enhancers.dependencies() {
            self.fields(name, &dependencies, None);
        }
    }

    fn arguments(&mut self, gateway: &str, handler: &str, arguments: &ArgumentFacts, at: &str) {
        for key in &arguments.servers {
            let takes =
                format!("`{gateway}::{handler}` takes `Server<{}>` ({at})", short(key.name));
            self.server_of(*key, &takes);
        }
        for key in &arguments.services {
            if !self.service(*key) {
                let needs =
                    format!("`{gateway}::{handler}` takes `Inject<{}>` ({at})", short(key.name));
                self.missing(*key, &needs, None);
            }
        }
    }

    /// The fields of `owner`; `key` is its own key if it is a service itself.
    fn fields(&mut self, owner: &str, dependencies: &Dependencies, key: Option<Key>) {
        let gateway = key.and_then(|key| self.gateways.get(&key)).copied();
        self.path.extend(key.map(|service| Step { service, field: None }));
        for field in &dependencies.fields {
            let at = place(field.place);
            if key.is_some()
                && let Some(step) = self.path.last_mut()
            {
                step.field = Some(*field);
            }
            match field.need {
                Need::Server if gateway.is_some() => {}
                Need::Server => self.report.add(Problem::new(
                    format!(
                        "`{}` has a `Server` (field `{}`, {at}), but no namespace",
                        short(owner),
                        field.name
                    ),
                    "inject the gateway, as `Arc<MyGateway>`, and use its `server`",
                )),
                Need::ServerOf(wanted) => {
                    let has = format!(
                        "`{}` has a `Server<{}>` (field `{}`, {at})",
                        short(owner),
                        short(wanted.name),
                        field.name
                    );
                    self.server_of(wanted, &has);
                }
                Need::UsersOf(wanted) => self.users_of(wanted, &short(owner)),
                Need::Presence(wanted) => {
                    let presence = gateway.map(|gateway| gateway.presence);
                    self.presence(owner, field, wanted, presence);
                }
                Need::Optional(wanted) => {
                    self.service(wanted);
                }
                // Already reported for what uses it.
                Need::Service(_) if field.remedy.is_some() => {}
                Need::Service(needed) => {
                    if !self.service(needed) {
                        let needs = needs(&short(owner), field, &short(needed.name), &at);
                        self.missing(needed, &needs, None);
                    }
                }
            }
        }
        if key.is_some() {
            self.path.pop();
        }
    }

    /// The server of a gateway that is named; `takes` says who names it.
    fn server_of(&mut self, gateway: Key, takes: &str) {
        if !self.gateways.contains_key(&gateway) {
            self.report.add(Problem::new(
                format!("{takes}, but the application does not have that gateway"),
                "is its crate linked? write `use my_gateways as _;` in the application",
            ));
        }
    }

    /// A gateway whose users `owner` is for.
    fn users_of(&mut self, gateway: Key, owner: &str) {
        let name = short(gateway.name);
        let is_for = format!("`{owner}` is for the users of `{name}`");
        match self.gateways.get(&gateway) {
            None => self.server_of(gateway, &is_for),
            Some(Known { knows_users: false, .. }) => self.report.add(Problem::new(
                format!("{is_for}, which has no authenticator"),
                format!("write `authenticate = ..` in the `#[web_socket_gateway(..)]` of `{name}`, or add `.authenticate::<..>()` to the `App::builder()`"),
            )),
            Some(_) => {}
        }
    }

    /// A field `Presence<..>` of `owner`, which may or may not be a gateway.
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
                format!("{has}, but no namespace"),
                "inject the gateway, as `Arc<MyGateway>`, and use its `presence`",
            )),
            Some(None) => self.report.add(Problem::new(
                format!("{has}, but keeps no presence"),
                "write `presence` in its `#[web_socket_gateway(..)]`",
            )),
            Some(Some(kept)) if kept != wanted => self.report.add(Problem::new(
                format!("{has}, but identifies its users by `{}`", short(kept.name)),
                format!("write `Presence<{}>`", short(kept.name)),
            )),
            Some(Some(_)) => {}
        }
    }

    /// Whether there is such a service; if it has to be built, its own fields are checked as well.
    fn service(&mut self, key: Key) -> bool {
        if self.provided.contains(key) {
            return true;
        }
        let maker = self.makers.iter().find(|maker| maker.makes == key);
        let recipe = self.recipes.get(&key);
        if maker.is_none() && recipe.is_none() {
            return false;
        }
        if let Some(start) = self.path.iter().position(|step| step.service == key) {
            self.circle(start);
            return true;
        }
        if self.done.insert(key) {
            // A factory goes before `#[injectable]`, as what is provided does.
            let dependencies = match (maker, recipe) {
                (Some(maker), _) => maker.dependencies.clone(),
                (None, Some(recipe)) => (recipe.dependencies)(),
                (None, None) => Dependencies::default(),
            };
            self.fields(key.name, &dependencies, Some(key));
        }
        true
    }

    /// The services on the path from `start` on need each other.
    fn circle(&mut self, start: usize) {
        let circle = &self.path[start..];
        let told = |step: &Step| {
            let name = short(step.service.name);
            match step.field {
                Some(field) if step.is_factory() => {
                    format!("`{name}` (factory, {})", place(field.place))
                }
                Some(field) if !step.is_trait() => {
                    format!("`{name}` (field `{}`, {})", field.name, place(field.place))
                }
                _ => format!("`{name}`"),
            }
        };
        let names: Vec<String> = circle.iter().map(told).collect();
        let first = circle.first().map(|step| short(step.service.name)).unwrap_or_default();
        // What a gateway's handlers take is built before the first of them runs.
        let gateways = circle.iter().enumerate().find_map(|(index, step)| {
            let next = &circle[(index + 1) % circle.len()];
            self.gateways.contains_key(&step.service).then_some((step, step.field?, next))
        });
        let help = match gateways {
            Some((gateway, field, next)) => format!(
                "remove `{}` from `{}`: a handler can take it as `Inject<{}>`",
                field.name,
                short(gateway.service.name),
                short(next.service.name),
            ),
            None if circle.iter().any(Step::is_factory) => {
                "have one of them made without the other, and introduce them to each other later"
                    .to_owned()
            }
            None => {
                "remove one of the fields, and pass the value to the methods that use it".to_owned()
            }
        };
        self.report.add(Problem::new(
            format!("services need each other in a cycle: {} → `{first}`", names.join(" → ")),
            help,
        ));
    }

    /// `remedy` is what to provide, if the type alone does not say it.
    fn missing(&mut self, key: Key, needs: &str, remedy: Option<&str>) {
        let name = short(key.name);
        if self.provided.contains_arc_of(key) {
            self.report.add(Problem::new(
                format!("{needs}, but what is provided is an `Arc<{name}>` inside another `Arc`"),
                "use `.provide_arc(..)` for what is already in an `Arc`",
            ));
            return;
        }
        // By its name: feeds are above this layer.
        let feed = key.name.strip_prefix(concat!(env!("CARGO_CRATE_NAME"), "::feed::Feed<"));
        let help = match (remedy, name.strip_prefix("dyn ")) {
            _ if let Some(store) = feed.and_then(|feed| feed.strip_suffix('>')) => {
                let store = short(store);
                format!("add `.feed::<{store}>()` to the `App::builder()`")
            }
            (Some(remedy), _) => format!("add `.provide({remedy})` to the `App::builder()`"),
            (None, Some(_)) => format!(
                "add `.provide_arc::<{name}>(Arc::new(..))` to the `App::builder()`, or write `#[injectable(as {name})]` above a service"
            ),
            (None, None) => format!(
                "add `.provide({name} {{ .. }})` to the `App::builder()`, or write `#[injectable]` above `struct {name}`"
            ),
        };
        self.report.add(Problem::new(format!("{needs}, but nothing provides it"), help));
    }
}

/// What `owner` needs a service for.
fn needs(owner: &str, field: &Field, service: &str, at: &str) -> String {
    let name = field.name;
    match field.role {
        Role::Field => format!("`{owner}` needs `Arc<{service}>` (field `{name}`, {at})"),
        Role::Initializer => {
            format!("`{owner}` computes its field `{name}` from a `{service}` ({at})")
        }
        Role::Argument => format!("the factory of `{owner}` takes a `{service}` ({at})"),
    }
}

/// Tokens: the keys that must not be used to verify them.
#[cfg(feature = "jwt")]
pub(in crate::boot) fn tokens(provided: &Services, report: &mut Report) {
    if let Some(jwt) = provided.get::<crate::auth::JwtService>() {
        jwt.mistakes().for_each(|(what, help)| report.add(Problem::new(what, help)));
    }
}
