//! Builds what was checked: services, gateways, their routes and hooks.

use std::{
    borrow::Cow,
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

use futures_util::FutureExt;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::{Blueprint, Booted, Plan, check};
use crate::{
    auth::{
        AuthenticatorFacts, ErasedAuthenticator,
        http::HttpAuthenticators,
        identity::{IdentityCodec, Known},
        vouchers::Vouchers,
    },
    boot::{
        route_table::{Row, Table},
        start_report::{Problem, Report, place},
    },
    call::{
        context::ExecutionContext,
        enhancers::{Enhancers, Level},
        route::{Action, GatewayInfo, HandlerFn, HookFn, Lane, Route},
    },
    clock::Clock,
    cluster::Cluster,
    declare::registry::{DeclaredHook, DeclaredMessage, Instance},
    dispatch::{
        attend::GatewayPresence,
        draining::Draining,
        gateway::{Conversations, GatewayRuntime, Hooks, Lines, Routes},
        sessions::{self, Sessions},
    },
    exception::Chain,
    inject::{Key, Provider, Recipe, Scope, Services, factory::Failed},
    metrics::{self, MessageMetrics},
    platform::{self, Mounted, Occupant, SocketId, Vacancy},
    presence::{self, Announcer, Batch, Changes, PresenceStore},
    socket::{
        deadlines::Deadlines, event::ListedEvents, namespace::Namespace, server::Namespaces,
        settings::Settings,
    },
    type_names::short,
};

/// Builds everything in the order of its dependencies: first namespaces, because gateways are injected
/// their `Server`; then services, gateways and the enhancers around their handlers; then the runtimes,
/// which hold all services; and finally the way in for clients.
pub(super) async fn build(
    plans: Vec<Plan>,
    recipes: HashMap<Key, Recipe>,
    blueprint: Blueprint,
    vouchers: Option<Arc<Vouchers>>,
    (mounted, draining): (&Mounted, &Arc<Draining>),
    as_router: Report,
) -> Result<Booted, Report> {
    metrics::describe();
    let Blueprint { services, makers, enhancers, authenticator, settings, clock, cluster, .. } =
        blueprint;
    #[cfg(feature = "jwt")]
    let are_tokens_made =
        makers.iter().any(|maker| maker.makes == Key::of::<crate::auth::JwtService>());
    let mut provider = Provider::new(services, recipes);
    let enhancers = enhancers.build(&mut provider);
    let cors = plans.iter().map(|plan| plan.cors.clone()).collect();
    let table = Table::new(plans.iter().flat_map(rows).collect());
    let codecs = codecs(&plans);
    let cluster = cluster.as_ref();
    let opened: Vec<Opened> = plans
        .iter()
        .map(|plan| open(plan, &settings, &codecs, cluster, mounted, &mut provider))
        .collect();
    provider.provide(Namespaces::new(
        plans.iter().zip(&opened).map(|(plan, opened)| (plan.key, Arc::clone(&opened.namespace))),
    ));
    provider.provide(clock.clone());
    made(provider.run(makers))?;
    #[cfg(feature = "jwt")]
    made_tokens_hold(are_tokens_made, provider.services())?;
    let mut authenticators = http_authenticators(&plans, authenticator, &settings, &mut provider);
    let mut assembled: Vec<Assembled> = plans
        .into_iter()
        .zip(opened)
        .map(|(plan, opened)| assemble(plan, opened, &enhancers, &mut provider))
        .collect();
    if let Some(vouchers) = &vouchers {
        vouch(vouchers, &mut authenticators, &mut assembled);
    }
    provider.build_all();
    working(std::mem::take(&mut provider.mistakes))?;
    let services = Arc::new(provider.into_services());
    let mut gateways = Vec::new();
    let mut after_init = Vec::new();
    for gateway in assembled {
        let (gateway, hook) = gateway.finish(&services, draining, &clock);
        after_init.extend(hook);
        gateways.push(gateway);
    }
    run_after_init(after_init).await?;
    Ok(Booted { gateways, services, authenticators, cors, table, as_router })
}

/// A namespace that is waiting for its gateway.
struct Opened {
    namespace: Arc<Namespace>,
    vacancy: Vacancy<GatewayRuntime>,
    presence: Option<(Arc<dyn PresenceStore>, Changes)>,
}

/// Opens a gateway's namespace, and provides what only the gateway's own fields may ask for.
fn open(
    plan: &Plan,
    settings: &Settings,
    codecs: &HashMap<Key, IdentityCodec>,
    cluster: Option<&Cluster>,
    mounted: &Mounted,
    provider: &mut Provider,
) -> Opened {
    let (hub, vacancy) = platform::mount(mounted, &plan.options.namespace);
    let options = &plan.options;
    let presence = plan
        .presence
        .as_ref()
        .map(|_| presence::open(cluster, &options.namespace, options.presence_grace));
    let identity = match &plan.authenticator {
        Some(facts) => Known { key: facts.identity, codec: codecs.get(&facts.identity).copied() },
        None => Known::nobody(),
    };
    let (options, settings) = (plan.options.clone(), settings.clone());
    let adapter = cluster.map(|cluster| cluster.adapter(&options.namespace));
    let declared = ListedEvents::new(plan.declared.emits.iter().copied());
    let namespace = Namespace::new(hub, identity, declared, options, settings, adapter);
    let namespace = Arc::new(namespace);
    let scope = Scope::default().with(Arc::clone(&namespace));
    let scope = match &presence {
        Some((store, _)) => scope.with(Arc::clone(store)),
        None => scope,
    };
    provider.set_scope(plan.key, scope);
    Opened { namespace, vacancy, presence }
}

/// How identities are told to other processes, as far as any gateway has said that they can be.
fn codecs(plans: &[Plan]) -> HashMap<Key, IdentityCodec> {
    let of_arguments = plans.iter().flat_map(|plan| plan.declared.arguments());
    let codecs = of_arguments.flat_map(|arguments| &arguments.codecs);
    let codecs = codecs.chain(plans.iter().filter_map(|plan| plan.facts.codec.as_ref()));
    codecs.map(|codec| (codec.identity, *codec)).collect()
}

/// The authenticators that routes ask for identities: the application's, and those of gateways that are
/// the only ones to give their identity type. If two give the same type and the application has none for
/// it, neither is asked: which one decides must not depend on the names of namespaces.
fn http_authenticators(
    plans: &[Plan],
    application: Option<AuthenticatorFacts>,
    settings: &Settings,
    provider: &mut Provider,
) -> HttpAuthenticators {
    let mut by_identity: HashMap<Key, Option<AuthenticatorFacts>> = HashMap::new();
    for facts in plans.iter().filter_map(|plan| plan.authenticator) {
        let known = by_identity.entry(facts.identity).or_insert(Some(facts));
        *known = known.filter(|known| known.key == facts.key);
    }
    by_identity.extend(application.map(|facts| (facts.identity, Some(facts))));
    let mut asked: Vec<AuthenticatorFacts> = by_identity.into_values().flatten().collect();
    asked.sort_by_key(|facts| facts.key.name);
    let known = asked.into_iter().map(|facts| (facts.identity, (facts.build)(provider))).collect();
    HttpAuthenticators { known: Arc::new(known), timeout: settings.limits.authentication_timeout }
}

/// Lets in whom a test vouches for, past the authenticators.
fn vouch(vouchers: &Arc<Vouchers>, of_http: &mut HttpAuthenticators, gateways: &mut [Assembled]) {
    let known = of_http.known.iter();
    let known =
        known.map(|(identity, one)| (*identity, vouchers.before(*identity, Arc::clone(one))));
    of_http.known = Arc::new(known.collect());
    for gateway in gateways {
        let identity = gateway.plan.authenticator.map(|facts| facts.identity);
        let own = gateway.authenticator.take().zip(identity);
        gateway.authenticator = own.map(|(own, identity)| vouchers.before(identity, own));
    }
}

/// A gateway that has been built, with everything that its runtime needs except the application's services,
/// which are complete only when every gateway has been built.
struct Assembled {
    plan: Plan,
    opened: Opened,
    announcer: Option<Arc<dyn Announcer>>,
    authenticator: Option<Arc<dyn ErasedAuthenticator>>,
    /// For events that none of the application's handlers handles.
    enhancers: Enhancers,
    messages: Vec<AssembledMessage>,
    on_connection: Option<AssembledHook>,
    on_disconnect: Option<AssembledHook>,
    after_init: Option<AssembledHook>,
}

struct AssembledMessage {
    /// `None` for all events that have no handler of their own.
    event: Option<&'static str>,
    handler: &'static str,
    serial: bool,
    enhancers: Enhancers,
    call: HandlerFn,
}

struct AssembledHook {
    handler: &'static str,
    enhancers: Enhancers,
    call: HookFn,
}

/// Builds the gateway and binds its handlers.
fn assemble(mut plan: Plan, opened: Opened, global: &Level, provider: &mut Provider) -> Assembled {
    let instance = (plan.registration.instance)(provider);
    let own = std::mem::take(&mut plan.facts.enhancers).build(provider);
    let declared = std::mem::take(&mut plan.declared);
    let mut hook = |hooks: Vec<DeclaredHook>| {
        hooks.into_iter().next().map(|hook| {
            let method = hook.facts.enhancers.build(provider);
            AssembledHook {
                handler: hook.facts.handler,
                enhancers: Enhancers::of_hook(global, &own, method),
                call: (hook.bind)(&instance),
            }
        })
    };
    let on_connection = hook(declared.on_connection);
    let on_disconnect = hook(declared.on_disconnect);
    let after_init = hook(declared.after_init);
    let mut message = |message: DeclaredMessage| bind(message, &instance, global, &own, provider);
    Assembled {
        messages: declared.messages.into_iter().map(&mut message).collect(),
        announcer: plan.presence.as_ref().map(|presence| (presence.announcer)(&instance)),
        authenticator: plan.authenticator.map(|authenticator| (authenticator.build)(provider)),
        enhancers: Enhancers::of_hook(global, &own, Level::default()),
        plan,
        opened,
        on_connection,
        on_disconnect,
        after_init,
    }
}

fn bind(
    message: DeclaredMessage,
    instance: &Instance,
    global: &Level,
    gateway: &Level,
    provider: &mut Provider,
) -> AssembledMessage {
    let method = message.facts.enhancers.build(provider);
    AssembledMessage {
        event: message.facts.event,
        handler: message.facts.handler,
        serial: message.facts.serial,
        enhancers: Enhancers::of_message(global, gateway, method),
        call: (message.bind)(instance),
    }
}

/// An `after_init` hook, to be run once all gateways are built.
type AfterInit = (Arc<GatewayInfo>, Arc<Route>);

impl Assembled {
    /// Turns it into its runtime, and lets clients in.
    fn finish(
        self,
        services: &Arc<Services>,
        draining: &Arc<Draining>,
        clock: &Clock,
    ) -> (Arc<GatewayRuntime>, Option<AfterInit>) {
        let Opened { namespace, vacancy, presence } = self.opened;
        let info = Arc::new(GatewayInfo {
            name: self.plan.facts.name,
            namespace,
            services: Arc::clone(services),
        });
        let hook = |event, hook: AssembledHook| {
            let AssembledHook { handler, enhancers, call } = hook;
            let action = Action::Hook(call);
            Arc::new(Route { handler, action, ..Route::of_nothing(&info, event, enhancers) })
        };
        let hooks = Hooks {
            on_connection: self.on_connection.map(|on| hook("on_connection", on)),
            on_disconnect: self.on_disconnect.map(|on| hook("on_disconnect", on)),
        };
        let after_init = self.after_init.map(|on| (Arc::clone(&info), hook("after_init", on)));
        let (store, changes) = presence.unzip();
        let presence = store.zip(self.announcer);
        let gateway = Arc::new_cyclic(|gateway| {
            let sessions = Arc::new(Sessions::new(deadlines(gateway, clock), clock.clone()));
            let mut routes =
                routes(&info, self.messages, self.plan.options.serial, &self.enhancers);
            if let Some(authenticator) = &self.authenticator {
                let renewal = sessions::renewal(Arc::clone(&sessions), Arc::clone(authenticator));
                routes.add_renewal(
                    &info,
                    self.plan.options.reauthenticate,
                    renewal,
                    &self.enhancers,
                );
            }
            GatewayRuntime {
                info,
                routes,
                hooks,
                authenticator: self.authenticator,
                cors: self.plan.cors,
                presence: presence.map(|(store, announcer)| GatewayPresence { store, announcer }),
                sessions,
                draining: Arc::clone(draining),
                departures: TaskTracker::new(),
                conversations: Conversations::default(),
                lines: Lines::default(),
            }
        });
        if let Some(changes) = changes {
            announce(&gateway, changes);
        }
        gateway.end_replaced_sessions();
        gateway.namespace().take_part();
        vacancy.fill(Arc::clone(&gateway));
        (gateway, after_init)
    }
}

/// Where the calls of a gateway go: to its own handlers, and to the framework's for everything else.
fn routes(
    info: &Arc<GatewayInfo>,
    messages: Vec<AssembledMessage>,
    whole_gateway_is_serial: bool,
    enhancers: &Enhancers,
) -> Routes {
    let mut lanes = 0..Lane::MAX;
    let gateway_lane = if whole_gateway_is_serial { lanes.next() } else { None };
    let path = info.namespace.path();
    let own = |event| Route::of_nothing(info, event, enhancers.clone());
    let mut by_event = HashMap::default();
    let mut others = own("");
    for message in messages {
        let AssembledMessage { event, handler, serial, enhancers, call } = message;
        let own_lane = if serial { lanes.next() } else { None };
        let route = Route {
            handler,
            lane: gateway_lane.or(own_lane),
            action: Action::Handle(call),
            ..Route::of_nothing(info, event.unwrap_or_default(), enhancers)
        };
        match event {
            Some(event) => {
                let metrics = Some(MessageMetrics::of(path, event));
                by_event.insert(event.into(), Arc::new(Route { metrics, ..route }));
            }
            None => others = route,
        }
    }
    Routes {
        by_event,
        // However many names clients think of, they are counted as one.
        unknown: Arc::new(Route {
            event: None,
            metrics: Some(MessageMetrics::of_unknown_events(path)),
            ..others
        }),
        arrival: Arc::new(own("on_connection")),
        session: Arc::new(own("session")),
    }
}

impl Routes {
    /// The event that renews a session, unless the gateway itself handles an event of that name.
    fn add_renewal(
        &mut self,
        info: &Arc<GatewayInfo>,
        event: String,
        renewal: HandlerFn,
        enhancers: &Enhancers,
    ) {
        let metrics = MessageMetrics::of(info.namespace.path(), &event);
        let route = Route {
            event: Some(Cow::Owned(event.clone())),
            metrics: Some(metrics),
            action: Action::Handle(renewal),
            takes_secrets: true,
            ..Route::of_nothing(info, "", enhancers.clone())
        };
        self.by_event.entry(event.into()).or_insert_with(|| Arc::new(route));
    }
}

/// Checks on a client when its session ends.
fn deadlines(gateway: &Weak<GatewayRuntime>, clock: &Clock) -> Deadlines<SocketId> {
    let gateway = Weak::clone(gateway);
    Deadlines::start(clock.clone(), move |id| {
        let client = gateway.upgrade().and_then(|gateway| gateway.client(id));
        if let Some(client) = client {
            client.check_session();
        }
    })
}

/// Lets the gateway announce its users, for as long as it exists.
fn announce(gateway: &Arc<GatewayRuntime>, changes: Changes) {
    let span = tracing::info_span!("presence", namespace = gateway.namespace().path());
    let (one, all) = (Arc::downgrade(gateway), Arc::downgrade(gateway));
    let one = move |change| {
        let gateway = Weak::clone(&one);
        async move {
            match gateway.upgrade() {
                Some(gateway) => gateway.announce(change).await,
                None => Ok(()),
            }
        }
    };
    let all = move |changes| {
        let gateway = Weak::clone(&all);
        async move {
            match gateway.upgrade() {
                Some(gateway) => gateway.announce_all(changes).await,
                None => Ok(Batch::Announced),
            }
        }
    };
    tokio::spawn(presence::announce(changes, one, all).instrument(span));
}

/// Reports factories that have made nothing.
fn made(failed: Vec<Failed>) -> Result<(), Report> {
    let mut report = Report::default();
    for Failed { makes, place: at, error } in failed {
        let (name, at) = (short(makes.name), place(at));
        report.add(Problem::new(
            format!("the factory of `{name}` ({at}) failed: {}", Chain(&*error)),
            "the application does not start until it succeeds",
        ));
    }
    if report.is_empty() { Ok(()) } else { Err(report.sorted()) }
}

/// Checks the keys of tokens that a factory has made; others were checked before.
#[cfg(feature = "jwt")]
fn made_tokens_hold(are_made: bool, services: &Services) -> Result<(), Report> {
    let mut report = Report::default();
    if are_made {
        check::tokens(services, &mut report);
        super::warn_of_tokens(services);
    }
    if report.is_empty() { Ok(()) } else { Err(report.sorted()) }
}

/// Reports guards and interceptors built by injection, which show only now that they cannot work.
fn working(mistakes: Vec<String>) -> Result<(), Report> {
    let mut report = Report::default();
    for mistake in mistakes {
        report.add(Problem::new(mistake, check::CHANGE_IT));
    }
    if report.is_empty() { Ok(()) } else { Err(report.sorted()) }
}

/// Runs each gateway's `after_init` to its end, before the first client is let in.
async fn run_after_init(hooks: Vec<AfterInit>) -> Result<(), Report> {
    let mut report = Report::default();
    for (gateway, route) in hooks {
        let context = ExecutionContext::without_message(None, Arc::clone(&route), None);
        let Action::Hook(hook) = &route.action else { continue };
        let outcome = AssertUnwindSafe(async { hook.call(&context).await }).catch_unwind().await;
        let why = match outcome {
            Ok(Ok(())) => continue,
            Ok(Err(exception)) => exception.to_string(),
            Err(_panic) => "it panicked".to_owned(),
        };
        report.add(Problem::new(
            format!("`{}::{}` (`after_init`) failed: {why}", gateway.name, route.handler),
            "the application does not start until it succeeds",
        ));
    }
    if report.is_empty() { Ok(()) } else { Err(report) }
}

fn rows(plan: &Plan) -> Vec<Row> {
    let name = plan.facts.name;
    let serial = |serial: bool| {
        if plan.options.serial || serial { "serial".to_owned() } else { String::new() }
    };
    let messages = plan.declared.messages.iter().map(|message| {
        let facts = &message.facts;
        let payload = message.signature.arguments.payload.map_or_else(|| "()".to_owned(), short);
        Row {
            namespace: plan.options.namespace.clone(),
            event: facts.event.unwrap_or("(all others)").to_owned(),
            handler: format!("{name}::{}", facts.handler),
            traits: serial(facts.serial),
            types: format!(
                "{payload} -> {}",
                short(facts.reply.unwrap_or(message.signature.output))
            ),
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
            namespace: plan.options.namespace.clone(),
            event: event.to_owned(),
            handler: format!("{name}::{}", hook.facts.handler),
            traits: String::new(),
            types: String::new(),
            place: place(hook.facts.place),
        })
    });
    let pushes_only = plan.declared.is_empty().then(|| Row {
        namespace: plan.options.namespace.clone(),
        event: "(no handlers)".to_owned(),
        handler: name.to_owned(),
        traits: String::new(),
        types: String::new(),
        place: place(plan.facts.place),
    });
    messages.chain(hooks).chain(pushes_only).collect()
}
