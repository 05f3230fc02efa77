//! From what was declared to what runs: everything is checked first, and only then built.

use std::{
    collections::{BTreeMap, HashMap, HashSet, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::Arc,
};

use futures_util::FutureExt;

use crate::{
    app::{AppBuilder, AppError},
    auth::ErasedAuthenticator,
    context::ExecutionContext,
    deadlines::Deadlines,
    enhancers::{EnhancerFacts, Enhancers, Level},
    extract::HttpAuthenticators,
    facts::AuthenticatorFacts,
    facts::{ArgumentFacts, GatewayFacts, Setting},
    gateway::{GatewayRuntime, Hook, Hooks, Route, Settings},
    inbox::{Lane, Limits},
    namespace::Namespace,
    origins::{self, Cors},
    platform::{self, Mounted},
    provider::{Dependencies, Key, Need, Provider, Recipe, Services},
    registry::{Declared, DeclaredHook, DeclaredMessage, GatewayRegistration, Registry},
    report::{Problem, Report, place, short},
    table::{Row, Table},
};

pub(crate) struct Booted {
    pub(crate) gateways: Vec<Arc<GatewayRuntime>>,
    pub(crate) services: Arc<Services>,
    pub(crate) authenticators: HttpAuthenticators,
    pub(crate) cors: Vec<Cors>,
    pub(crate) table: Table,
}

/// A gateway with all its blocks.
struct Plan {
    registration: GatewayRegistration,
    key: Key,
    facts: GatewayFacts,
    path: String,
    limits: Limits,
    overflow: crate::outbox::Overflow,
    reauthenticate: String,
    cors: Cors,
    /// Its own, or the application's.
    authenticator: Option<AuthenticatorFacts>,
    declared: Declared,
}

/// Checks and builds.
pub(crate) async fn boot(builder: AppBuilder, mounted: &Mounted) -> Result<Booted, AppError> {
    let registry = Registry::collect();
    let mut report = Report::default();
    let recipes = recipes(&registry, &mut report);
    for name in &builder.twice {
        report.add(Problem::new(
            format!("`{}` is provided twice", short(name)),
            "provide it once; two values of one type need two types",
        ));
    }
    let plans = plan(&registry, &builder, &mut report);
    check_gateways(&plans, &builder.expected, &mut report);
    check_origins(&plans, &mut report);
    check_services(&plans, &recipes, &builder.services, &mut report);
    if !report.is_empty() {
        return Err(AppError::wiring(report.sorted()));
    }
    build(plans, recipes, builder, mounted).await
}

fn recipes(registry: &Registry, report: &mut Report) -> HashMap<Key, Recipe> {
    let gateways = registry.gateways.iter().map(|gateway| ((gateway.key)(), gateway.recipe));
    let mut recipes = HashMap::new();
    for (key, recipe) in registry.recipes.iter().copied().chain(gateways) {
        if recipes.insert(key, recipe).is_some() {
            let name = short(key.name);
            report.add(Problem::new(
                format!("two services are `#[injectable(as {name})]`"),
                format!("keep one, or choose at the start: `.provide_arc::<{name}>(..)`"),
            ));
        }
    }
    recipes
}

/// Joins each gateway with its blocks and computes its options.
fn plan(registry: &Registry, builder: &AppBuilder, report: &mut Report) -> Vec<Plan> {
    let mut declared: HashMap<Key, Declared> = HashMap::new();
    for block in &registry.blocks {
        declared.entry((block.gateway)()).or_default().append((block.declare)());
    }
    let mut plans: Vec<Plan> = registry
        .gateways
        .iter()
        .map(|registration| {
            let key = (registration.key)();
            let mut facts = (registration.facts)();
            let mut options = Options { name: facts.name, services: &builder.services, report };
            let path = options.or(facts.namespace.take(), "/".to_owned());
            let limits = Limits {
                concurrency: options.or(facts.concurrency.take(), 64),
                inbox_messages: options.or(facts.inbox_messages.take(), 8_192),
                inbox_bytes: options.or(facts.inbox_bytes.take(), 4 * 1024 * 1024),
            };
            let overflow = options.or(facts.overflow.take(), crate::outbox::Overflow::default());
            let event = facts.reauthenticate.take();
            let reauthenticate = options.or(event, "reauthenticate".to_owned());
            let cors = facts.cors.take().unwrap_or_default();
            let cors = Cors {
                origins: options.or(cors.origins, Vec::new()),
                credentials: options.or(cors.credentials, false),
            };
            let authenticator = facts.authenticator.take().or(builder.authenticator);
            Plan {
                registration: *registration,
                key,
                path,
                limits,
                overflow,
                reauthenticate,
                cors,
                authenticator,
                declared: declared.remove(&key).unwrap_or_default(),
                facts,
            }
        })
        .collect();
    plans.sort_by(|a, b| (&a.path, a.facts.name).cmp(&(&b.path, b.facts.name)));
    plans
}

/// Options that may be computed from what is provided.
struct Options<'a> {
    name: &'static str,
    services: &'a Services,
    report: &'a mut Report,
}

impl Options<'_> {
    fn or<T: 'static>(&mut self, setting: Option<Setting<T>>, default: T) -> T {
        match setting.map(|setting| setting.resolve(self.services)) {
            None => default,
            Some(Ok(value)) => value,
            Some(Err(missing)) => {
                let missing = short(missing.name);
                self.report.add(Problem::new(
                    format!(
                        "an option of `{}` is computed from `{missing}`, which nothing provides",
                        self.name
                    ),
                    format!("add `.provide({missing} {{ .. }})` to the `App::builder()`"),
                ));
                default
            }
        }
    }
}

fn check_gateways(plans: &[Plan], expected: &[Key], report: &mut Report) {
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
        check_handlers(plan, report);
    }
}

/// Origins: what browsers would be told twice, and differently.
fn check_origins(plans: &[Plan], report: &mut Report) {
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
    for (origin, one, other) in origins::contradictions(all) {
        report.add(Problem::new(
            format!(
                "`{one}` and `{other}` both allow `{origin}`, one with credentials and one without"
            ),
            "the two share the handshake, so give both the same `credentials`",
        ));
    }
}

/// The identities handlers take, against those the authenticators give.
fn check_identities(plan: &Plan, report: &mut Report) {
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

fn check_handlers(plan: &Plan, report: &mut Report) {
    check_identities(plan, report);
    let Plan { facts, declared, .. } = plan;
    if declared.is_empty() {
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
fn check_services(
    plans: &[Plan],
    recipes: &HashMap<Key, Recipe>,
    provided: &Services,
    report: &mut Report,
) {
    let gateways = plans.iter().map(|plan| plan.key).collect();
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
    gateways: HashSet<Key>,
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
        let has_namespace = key.is_some_and(|key| self.gateways.contains(&key));
        self.path.extend(key);
        for field in &dependencies.fields {
            let at = place(field.place);
            match field.need {
                Need::Server if has_namespace => {}
                Need::Server => self.report.add(Problem::new(
                    format!(
                        "`{}` has a `Server` (field `{}`, {at}), and no namespace",
                        short(owner),
                        field.name
                    ),
                    "inject the gateway, as `Arc<MyGateway>`, and use its `server`",
                )),
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

impl Declared {
    fn append(&mut self, mut block: Self) {
        self.messages.append(&mut block.messages);
        self.on_connection.append(&mut block.on_connection);
        self.on_disconnect.append(&mut block.on_disconnect);
        self.after_init.append(&mut block.after_init);
    }

    fn hooks(&self) -> impl Iterator<Item = &DeclaredHook> {
        self.on_connection.iter().chain(&self.on_disconnect).chain(&self.after_init)
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.hooks().next().is_none()
    }
}

async fn build(
    plans: Vec<Plan>,
    recipes: HashMap<Key, Recipe>,
    builder: AppBuilder,
    mounted: &Mounted,
) -> Result<Booted, AppError> {
    let mut provider = Provider::new(builder.services, recipes);
    let cors = plans.iter().map(|plan| plan.cors.clone()).collect();
    let authenticators = http_authenticators(&plans, builder.authenticator, &mut provider);
    let namespaces: Vec<Arc<Namespace>> = plans
        .iter()
        .map(|plan| {
            let namespace = Arc::new(Namespace::new(plan.path.clone()));
            provider.set_namespace(plan.key, Arc::clone(&namespace));
            namespace
        })
        .collect();

    let table = Table::new(plans.iter().flat_map(rows).collect());
    let mut parts = Vec::new();
    for (plan, namespace) in plans.into_iter().zip(namespaces) {
        parts.push(assemble(plan, namespace, &builder.enhancers, &mut provider));
    }
    provider.build_all();
    // Shared by all, so it is complete only once every gateway has been built.
    let services = Arc::new(provider.into_services());
    let deadlines = Deadlines::start();
    let mut gateways = Vec::new();
    let mut after_init = Vec::new();
    for (part, hook) in parts {
        let gateway =
            Arc::new(part(Arc::clone(&services), builder.settings.clone(), deadlines.clone()));
        gateway.namespace.open(platform::mount(
            mounted,
            gateway.namespace.path(),
            Arc::clone(&gateway),
        ));
        after_init.extend(hook.map(|hook| (Arc::clone(&gateway), hook)));
        gateways.push(gateway);
    }
    run_after_init(after_init).await?;
    Ok(Booted { gateways, services, authenticators, cors, table })
}

/// The application's authenticator first: where two give one identity, it is the one for HTTP.
fn http_authenticators(
    plans: &[Plan],
    application: Option<AuthenticatorFacts>,
    provider: &mut Provider,
) -> HttpAuthenticators {
    let mut known: HashMap<Key, Arc<dyn ErasedAuthenticator>> = HashMap::new();
    for facts in application.into_iter().chain(plans.iter().filter_map(|plan| plan.authenticator)) {
        if let Entry::Vacant(entry) = known.entry(facts.identity) {
            entry.insert((facts.build)(provider));
        }
    }
    HttpAuthenticators(Arc::new(known))
}

type Part = Box<dyn FnOnce(Arc<Services>, Settings, Deadlines) -> GatewayRuntime>;

/// Builds the gateway and binds its handlers.
fn assemble(
    plan: Plan,
    namespace: Arc<Namespace>,
    global: &Level,
    provider: &mut Provider,
) -> (Part, Option<Hook>) {
    let Plan {
        registration,
        facts,
        limits,
        overflow,
        reauthenticate,
        cors,
        authenticator,
        declared,
        ..
    } = plan;
    let instance = (registration.instance)(provider);
    let own = facts.enhancers.build(provider);
    let authenticator = authenticator.map(|authenticator| (authenticator.build)(provider));

    let hook = |hooks: Vec<DeclaredHook>, provider: &mut Provider| {
        hooks.into_iter().next().map(|hook| {
            let method = hook.facts.enhancers.build(provider);
            Hook {
                handler: hook.facts.handler,
                enhancers: Enhancers::of_hook(global, &own, method),
                call: (hook.bind)(&instance),
            }
        })
    };
    let hooks = Hooks {
        on_connection: hook(declared.on_connection, provider),
        on_disconnect: hook(declared.on_disconnect, provider),
    };
    let after_init = hook(declared.after_init, provider);

    let mut lanes = 0..Lane::MAX;
    let gateway_lane = if facts.serial { lanes.next() } else { None };
    let routes = declared
        .messages
        .into_iter()
        .map(|message| {
            let method = message.facts.enhancers.build(provider);
            let own_lane = if message.facts.serial { lanes.next() } else { None };
            let route = Route {
                event: message.facts.event,
                handler: message.facts.handler,
                lane: gateway_lane.or(own_lane),
                takes_ack: message.facts.arguments.takes_ack,
                enhancers: Enhancers::of_message(global, &own, method),
                handle: (message.bind)(&instance),
            };
            (route.event, Arc::new(route))
        })
        .collect();
    let enhancers = Enhancers::of_hook(global, &own, Level::default());
    let part: Part = Box::new(move |services, settings, deadlines| GatewayRuntime {
        name: facts.name,
        namespace,
        routes,
        hooks,
        authenticator,
        reauthenticate,
        deadlines,
        cors,
        enhancers,
        limits,
        overflow,
        serial: facts.serial,
        settings,
        services,
        departures: tokio_util::task::TaskTracker::new(),
    });
    (part, after_init)
}

/// Runs each gateway's `after_init` to its end, before the first client is let in.
async fn run_after_init(hooks: Vec<(Arc<GatewayRuntime>, Hook)>) -> Result<(), AppError> {
    let mut report = Report::default();
    for (gateway, hook) in hooks {
        let context = ExecutionContext::init(Arc::clone(&gateway));
        let outcome = AssertUnwindSafe(async { (hook.call)(context).await }).catch_unwind().await;
        let why = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(exception)) => exception.to_string(),
            Err(_panic) => "it panicked".to_owned(),
        };
        report.add(Problem::new(
            format!("`{}::{}` (`after_init`) failed: {why}", gateway.name, hook.handler),
            "the application starts when it succeeds",
        ));
    }
    if report.is_empty() { Ok(()) } else { Err(AppError::wiring(report)) }
}

fn rows(plan: &Plan) -> Vec<Row> {
    let name = plan.facts.name;
    let serial = |serial: bool| {
        if plan.facts.serial || serial { "serial".to_owned() } else { String::new() }
    };
    let messages = plan.declared.messages.iter().map(|message| {
        let facts = &message.facts;
        let payload = facts.arguments.payload.map_or_else(|| "()".to_owned(), short);
        Row {
            namespace: plan.path.clone(),
            event: facts.event.to_owned(),
            handler: format!("{name}::{}", facts.handler),
            traits: serial(facts.serial),
            types: format!("{payload} -> {}", short(facts.reply)),
            place: place(facts.place),
        }
    });
    let hooks = [
        ("(on_connection)", &plan.declared.on_connection),
        ("(on_disconnect)", &plan.declared.on_disconnect),
        ("(after_init)", &plan.declared.after_init),
    ];
    let hooks = hooks.into_iter().flat_map(|(event, hooks)| {
        hooks.iter().map(move |hook| Row {
            namespace: plan.path.clone(),
            event: event.to_owned(),
            handler: format!("{name}::{}", hook.facts.handler),
            traits: String::new(),
            types: String::new(),
            place: place(hook.facts.place),
        })
    });
    messages.chain(hooks).collect()
}
