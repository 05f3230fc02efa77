//! From what was declared to what runs: everything is checked first, and only then built.

mod build;
mod check;

use std::{collections::HashMap, sync::Arc, time::Duration};

use crate::{
    app::{AppBuilder, AppError},
    extract::HttpAuthenticators,
    facts::{AuthenticatorFacts, GatewayFacts, PresenceFacts, Setting},
    gateway::GatewayRuntime,
    health::Health,
    inbox::Limits,
    origins::Cors,
    outbox::Overflow,
    platform::Mounted,
    provider::{Key, Recipe, Services},
    registry::{Declared, DeclaredHook, GatewayRegistration, Registry},
    report::{Problem, Report, short},
    table::Table,
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
    overflow: Overflow,
    reauthenticate: String,
    cors: Cors,
    presence: Option<PresenceFacts>,
    grace: Duration,
    /// Its own, or the application's.
    authenticator: Option<AuthenticatorFacts>,
    declared: Declared,
}

/// Checks and builds.
pub(crate) async fn boot(
    builder: AppBuilder,
    mounted: &Mounted,
    health: &Arc<Health>,
) -> Result<Booted, AppError> {
    let registry = Registry::collect();
    let mut report = Report::default();
    let recipes = recipes(&registry, &mut report);
    for name in &builder.twice {
        report.add(Problem::new(
            format!("`{}` is provided twice", short(name)),
            "provide it once; two values of one type need two types",
        ));
    }
    for name in &builder.checks_twice {
        report.add(Problem::new(
            format!("two readiness checks are called `{name}`"),
            "give each a name of its own: it is all that `/readyz` says of it",
        ));
    }
    let plans = plan(&registry, &builder, &mut report);
    check::gateways(&plans, &builder.expected, &mut report);
    check::origins(&plans, &mut report);
    check::services(&plans, &recipes, &builder.services, &mut report);
    if !report.is_empty() {
        return Err(AppError::wiring(report.sorted()));
    }
    build::build(plans, recipes, builder, mounted, health).await
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
            let overflow = options.or(facts.overflow.take(), Overflow::default());
            let event = facts.reauthenticate.take();
            let reauthenticate = options.or(event, "reauthenticate".to_owned());
            let cors = facts.cors.take().unwrap_or_default();
            let cors = Cors {
                origins: options.or(cors.origins, Vec::new()),
                credentials: options.or(cors.credentials, false),
            };
            let mut presence = facts.presence.take();
            let grace = presence.as_mut().and_then(|presence| presence.grace.take());
            let grace = options.or(grace, Duration::from_secs(5));
            let authenticator = facts.authenticator.take().or(builder.authenticator);
            Plan {
                registration: *registration,
                key,
                path,
                limits,
                overflow,
                reauthenticate,
                cors,
                presence,
                grace,
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
