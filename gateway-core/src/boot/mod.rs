//! From what was declared to what runs: collects, plans, checks, builds.

mod build;
pub(crate) mod check;
#[cfg(feature = "contract")]
pub(crate) mod contract;
pub(crate) mod overrides;
pub(crate) mod route_table;
pub(crate) mod start_report;

use std::{collections::HashMap, sync::Arc};

use crate::{
    auth::{AuthenticatorFacts, http::HttpAuthenticators, origins::Cors},
    boot::{
        check::StatedAt,
        overrides::Overrides,
        route_table::Table,
        start_report::{Problem, Report},
    },
    call::{enhancers::EnhancerFacts, extract::facts::ArgumentFacts},
    clock::Clock,
    cluster::Cluster,
    declare::{
        facts::{GatewayFacts, PresenceFacts},
        registry::{Declared, DeclaredHook, GatewayRegistration, Registry},
    },
    dispatch::{draining::Draining, gateway::GatewayRuntime},
    inject::{Key, Recipe, Services, factory::Maker},
    options::Options,
    platform::{Mounted, serve::ServerOptions},
    socket::settings::Settings,
    type_names::short,
};

/// What the application sets for all gateways, before they are collected.
#[derive(Default)]
pub(crate) struct Blueprint {
    pub(crate) services: Services,
    pub(crate) makers: Vec<Maker>,
    /// Of services that are built although no `#[injectable]` says how.
    pub(crate) recipes: Vec<(Key, Recipe)>,
    /// The problems found so far.
    pub(crate) problems: Vec<Problem>,
    pub(crate) expected: Vec<Key>,
    pub(crate) enhancers: EnhancerFacts,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
    /// Of gateways that have none of their own.
    pub(crate) cors: Cors,
    /// Whether the application serves routes of its own.
    pub(crate) has_routes: bool,
    pub(crate) settings: Settings,
    pub(crate) server: ServerOptions,
    pub(crate) stated_at: StatedAt,
    pub(crate) clock: Clock,
    /// What a test replaces, in the application of a test.
    pub(crate) overrides: Option<Overrides>,
    /// The application's other processes, if it can have any.
    pub(crate) cluster: Option<Cluster>,
}

pub(crate) struct Booted {
    pub(crate) gateways: Vec<Arc<GatewayRuntime>>,
    pub(crate) services: Arc<Services>,
    pub(crate) authenticators: HttpAuthenticators,
    pub(crate) cors: Vec<Cors>,
    pub(crate) table: Table,
    /// The problems that only count if it is taken out as a router, beside routes unknown to us.
    pub(crate) as_router: Report,
}

/// A gateway with all its blocks.
struct Plan {
    registration: GatewayRegistration,
    key: Key,
    facts: GatewayFacts,
    options: Options,
    cors: Cors,
    /// Whether that is the application's.
    inherits_cors: bool,
    presence: Option<PresenceFacts>,
    /// The gateway's own, or else the application's.
    authenticator: Option<AuthenticatorFacts>,
    declared: Declared,
}

/// Checks and builds.
pub(crate) async fn boot(
    mut blueprint: Blueprint,
    mounted: &Mounted,
    draining: &Arc<Draining>,
) -> Result<Booted, Report> {
    let mut registry = Registry::collect();
    let mut report = Report::default();
    let mut overrides = blueprint.overrides.take();
    if let Some(overrides) = &mut overrides {
        overrides.prepare(&mut registry, &mut blueprint);
    }
    std::mem::take(&mut blueprint.problems).into_iter().for_each(|problem| report.add(problem));
    check::server(&blueprint, &mut report);
    let mut recipes = recipes(&registry, &mut report);
    recipes.extend(std::mem::take(&mut blueprint.recipes));
    let mut plans = plan(&registry, &blueprint, &mut report);
    if let Some(overrides) = &mut overrides {
        overrides.replace(&mut plans, &mut blueprint, &mut report);
    }
    check::runtime(&mut report);
    check::gateways(&plans, &blueprint, &mut report);
    check::origins(&plans, &mut report);
    check::enhancers(&plans, &blueprint.enhancers, &mut report);
    let needs = if overrides.as_ref().is_some_and(Overrides::changes_something) {
        check::Needs::OfGateways
    } else {
        check::Needs::OfEverything
    };
    let idle = check::services(&plans, &blueprint, &recipes, needs, &mut report);
    recipes.retain(|key, _| !idle.contains(key));
    #[cfg(feature = "jwt")]
    check::tokens(&blueprint.services, &mut report);
    let mut as_router = Report::default();
    let routes = if blueprint.has_routes { &mut report } else { &mut as_router };
    for problem in check::identities_of_routes(&plans, blueprint.authenticator) {
        routes.add(problem);
    }
    if !report.is_empty() {
        return Err(report.sorted());
    }
    #[cfg(feature = "jwt")]
    warn_of_tokens(&blueprint.services);
    let vouchers = overrides.map(|overrides| overrides.vouchers);
    build::build(plans, recipes, blueprint, vouchers, (mounted, draining), as_router).await
}

/// Warns of settings that are accepted but should not be used in production.
#[cfg(feature = "jwt")]
fn warn_of_tokens(services: &Services) {
    if let Some(jwt) = services.get::<crate::auth::JwtService>() {
        jwt.warnings().for_each(|warning| tracing::warn!("{warning}"));
    }
}

fn recipes(registry: &Registry, report: &mut Report) -> HashMap<Key, Recipe> {
    let gateways = registry.gateways.iter().map(|gateway| ((gateway.key)(), gateway.recipe));
    let mut recipes = HashMap::new();
    for (key, recipe) in registry.recipes.iter().copied().chain(gateways) {
        if recipes.insert(key, recipe).is_some() {
            let name = short(key.name);
            report.add(Problem::new(
                format!("two services are `#[injectable(as {name})]`"),
                format!("keep one, or choose one at startup: `.provide_arc::<{name}>(..)`"),
            ));
        }
    }
    recipes
}

/// Joins each gateway with its blocks and computes its options.
fn plan(registry: &Registry, blueprint: &Blueprint, report: &mut Report) -> Vec<Plan> {
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
            let inherits_cors = !facts.options.has_cors();
            let options =
                std::mem::take(&mut facts.options).resolve(&blueprint.services, |missing| {
                    report.add(uncomputed(facts.name, missing, &blueprint.makers));
                });
            let cors = match inherits_cors {
                true => blueprint.cors.clone(),
                false => Cors {
                    origins: options.cors_origins.clone(),
                    credentials: options.cors_credentials,
                },
            };
            let presence = facts.presence.take();
            let authenticator = facts.authenticator.take().or(blueprint.authenticator);
            Plan {
                registration: *registration,
                key,
                options,
                cors,
                inherits_cors,
                presence,
                authenticator,
                declared: declared.remove(&key).unwrap_or_default(),
                facts,
            }
        })
        .collect();
    plans.sort_by(|a, b| {
        (&a.options.namespace, a.facts.name).cmp(&(&b.options.namespace, b.facts.name))
    });
    plans
}

/// An option of `gateway` is computed from a value that nothing provides.
fn uncomputed(gateway: &str, missing: Key, makers: &[Maker]) -> Problem {
    let is_made = makers.iter().any(|maker| maker.makes == missing);
    let missing = short(missing.name);
    if is_made {
        return Problem::new(
            format!("an option of `{gateway}` is computed from `{missing}`, which a factory makes"),
            "options are computed first: compute it from something that is given to `.provide(..)`",
        );
    }
    Problem::new(
        format!("an option of `{gateway}` is computed from `{missing}`, which nothing provides"),
        format!("add `.provide({missing} {{ .. }})` to the `App::builder()`"),
    )
}

impl Declared {
    fn append(&mut self, mut block: Self) {
        self.messages.append(&mut block.messages);
        self.on_connection.append(&mut block.on_connection);
        self.on_disconnect.append(&mut block.on_disconnect);
        self.after_init.append(&mut block.after_init);
        self.emits.append(&mut block.emits);
    }

    fn hooks(&self) -> impl Iterator<Item = &DeclaredHook> {
        self.on_connection.iter().chain(&self.on_disconnect).chain(&self.after_init)
    }

    fn hooks_mut(&mut self) -> impl Iterator<Item = &mut DeclaredHook> {
        let Self { on_connection, on_disconnect, after_init, .. } = self;
        on_connection.iter_mut().chain(on_disconnect).chain(after_init)
    }

    /// Of all its handlers and hooks.
    fn arguments(&self) -> impl Iterator<Item = &ArgumentFacts> {
        let messages = self.messages.iter().map(|message| &message.signature.arguments);
        messages.chain(self.hooks().map(|hook| &hook.signature.arguments))
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.hooks().next().is_none()
    }
}
