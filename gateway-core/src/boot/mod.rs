//! From what was declared to what runs: collects, plans, checks, builds.

mod build;
pub(crate) mod check;
pub(crate) mod route_table;
pub(crate) mod start_report;

use std::{collections::HashMap, sync::Arc};

use crate::{
    auth::{AuthenticatorFacts, http::HttpAuthenticators, origins::Cors},
    boot::{
        check::StatedAt,
        route_table::Table,
        start_report::{Problem, Report},
    },
    call::enhancers::Level,
    clock::Clock,
    declare::{
        facts::{GatewayFacts, PresenceFacts},
        registry::{Declared, DeclaredHook, GatewayRegistration, Registry},
    },
    dispatch::{draining::Draining, gateway::GatewayRuntime},
    inject::{Key, Recipe, Services},
    options::Options,
    platform::{Mounted, serve::ServerOptions},
    socket::settings::Settings,
    type_names::short,
};

/// What the application sets for all gateways, before they are collected.
#[derive(Default)]
pub(crate) struct Blueprint {
    pub(crate) services: Services,
    /// The problems found so far.
    pub(crate) problems: Vec<Problem>,
    pub(crate) expected: Vec<Key>,
    pub(crate) enhancers: Level,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
    /// Whether the application serves routes of its own.
    pub(crate) has_routes: bool,
    pub(crate) settings: Settings,
    pub(crate) server: ServerOptions,
    pub(crate) stated_at: StatedAt,
    pub(crate) clock: Clock,
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
    let registry = Registry::collect();
    let mut report = Report::default();
    std::mem::take(&mut blueprint.problems).into_iter().for_each(|problem| report.add(problem));
    check::server(&blueprint, &mut report);
    let recipes = recipes(&registry, &mut report);
    let plans = plan(&registry, &blueprint, &mut report);
    check::runtime(&mut report);
    check::gateways(&plans, &blueprint, &mut report);
    check::origins(&plans, &mut report);
    check::enhancers(&plans, &blueprint.enhancers, &mut report);
    check::services(&plans, blueprint.authenticator, &recipes, &blueprint.services, &mut report);
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
    build::build(plans, recipes, blueprint, mounted, draining, as_router).await
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
            let options =
                std::mem::take(&mut facts.options).resolve(&blueprint.services, |missing| {
                    report.add(uncomputed(facts.name, missing));
                });
            let cors = Cors {
                origins: options.cors_origins.clone(),
                credentials: options.cors_credentials,
            };
            let presence = facts.presence.take();
            let authenticator = facts.authenticator.take().or(blueprint.authenticator);
            Plan {
                registration: *registration,
                key,
                options,
                cors,
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
fn uncomputed(gateway: &str, missing: Key) -> Problem {
    let missing = short(missing.name);
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
    }

    fn hooks(&self) -> impl Iterator<Item = &DeclaredHook> {
        self.on_connection.iter().chain(&self.on_disconnect).chain(&self.after_init)
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.hooks().next().is_none()
    }
}
