//! Makes what was checked: services, gateways, their routes and hooks.

use std::{
    collections::{HashMap, hash_map::Entry},
    panic::AssertUnwindSafe,
    sync::{Arc, Weak},
};

use futures_util::FutureExt;
use tracing::Instrument;

use super::{Booted, Plan};
use crate::{
    app::{AppBuilder, AppError},
    auth::ErasedAuthenticator,
    context::ExecutionContext,
    deadlines::Deadlines,
    enhancers::{Enhancers, Level},
    extract::HttpAuthenticators,
    facts::AuthenticatorFacts,
    gateway::{GatewayRuntime, Hook, Hooks, Route, Settings},
    health::Health,
    inbox::Lane,
    metrics::{self, MessageMetrics},
    namespace::Namespace,
    platform::{self, Mounted, SocketId},
    presence::{self, Changes},
    provider::{Key, Provider, Recipe, Services},
    registry::DeclaredHook,
    report::{Problem, Report, place, short},
    table::{Row, Table},
};

pub(super) async fn build(
    plans: Vec<Plan>,
    recipes: HashMap<Key, Recipe>,
    builder: AppBuilder,
    mounted: &Mounted,
    health: &Arc<Health>,
) -> Result<Booted, AppError> {
    metrics::describe();
    let mut provider = Provider::new(builder.services, recipes);
    let cors = plans.iter().map(|plan| plan.cors.clone()).collect();
    let authenticators = http_authenticators(&plans, builder.authenticator, &mut provider);
    let namespaces: Vec<(Arc<Namespace>, Option<Changes>)> = plans
        .iter()
        .map(|plan| {
            let presence = plan.presence.as_ref().map(|_| presence::open_in_memory(plan.grace));
            let (store, changes) = presence.unzip();
            let authenticator = plan.authenticator.as_ref();
            let identity = authenticator.map_or_else(Key::of::<()>, |known| known.identity);
            let namespace = Arc::new(Namespace::new(plan.path.clone(), identity, store));
            provider.set_namespace(plan.key, Arc::clone(&namespace));
            (namespace, changes)
        })
        .collect();

    let table = Table::new(plans.iter().flat_map(rows).collect());
    let mut parts = Vec::new();
    for (plan, (namespace, changes)) in plans.into_iter().zip(namespaces) {
        let (part, hook) = assemble(plan, namespace, &builder.enhancers, &mut provider);
        parts.push((part, hook, changes));
    }
    provider.build_all();
    // Shared by all, so it is complete only once every gateway has been built.
    let services = Arc::new(provider.into_services());
    let mut gateways = Vec::new();
    let mut after_init = Vec::new();
    for (part, hook, changes) in parts {
        let (settings, health) = (builder.settings.clone(), Arc::clone(health));
        let gateway = Arc::new(part(Arc::clone(&services), settings, health));
        if let Some(changes) = changes {
            announce(&gateway, changes);
        }
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

/// Lets the gateway tell of its users, for as long as it is there.
fn announce(gateway: &Arc<GatewayRuntime>, changes: Changes) {
    metrics::users(gateway.namespace.path()).set(0);
    let span = tracing::info_span!("presence", namespace = gateway.namespace.path());
    let gateway = Arc::downgrade(gateway);
    let tell = move |change| {
        let gateway = Weak::clone(&gateway);
        async move {
            match gateway.upgrade() {
                Some(gateway) => gateway.announce(change).await,
                None => Ok(()),
            }
        }
    };
    tokio::spawn(presence::announce(changes, tell).instrument(span));
}

type Part = Box<dyn FnOnce(Arc<Services>, Settings, Arc<Health>) -> GatewayRuntime>;

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
        presence,
        authenticator,
        declared,
        ..
    } = plan;
    let instance = (registration.instance)(provider);
    let announcer = presence.map(|presence| (presence.announcer)(&instance));
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
                metrics: MessageMetrics::of(namespace.path(), message.facts.event),
            };
            (route.event, Arc::new(route))
        })
        .collect();
    let enhancers = Enhancers::of_hook(global, &own, Level::default());
    let deadlines = sessions(&namespace);
    let part: Part = Box::new(move |services, settings, health| GatewayRuntime {
        name: facts.name,
        routes,
        hooks,
        authenticator,
        renewals: MessageMetrics::of(namespace.path(), &reauthenticate),
        unknown_events: MessageMetrics::of_unknown_events(namespace.path()),
        namespace,
        reauthenticate,
        deadlines,
        cors,
        announcer,
        enhancers,
        limits,
        overflow,
        serial: facts.serial,
        settings,
        health,
        services,
        departures: tokio_util::task::TaskTracker::new(),
    });
    (part, after_init)
}

/// When the sessions of a namespace end.
fn sessions(namespace: &Arc<Namespace>) -> Deadlines<SocketId> {
    let namespace = Arc::clone(namespace);
    Deadlines::start(move |id| {
        if let Some(connection) = namespace.client(id) {
            connection.check_session();
        }
    })
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
