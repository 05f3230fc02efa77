//! What the registered gateways say about themselves, for the contract: nothing is built for it.

use std::collections::HashMap;

use super::{
    Blueprint,
    start_report::{Problem, Report, place},
};
use crate::{
    call::enhancers::{EnhancerFacts, FilterFacts},
    declare::{
        facts::MessageFacts,
        registry::{Declared, Registry},
    },
    description::{
        BlockDescription, FilterDescription, GatewayDescription, HandlerDescription, Place,
    },
    inject::Key,
    type_names::short,
};

/// All gateways, in the order of their namespaces.
///
/// # Errors
/// A namespace is computed from a service that is not among those of the blueprint.
pub(crate) fn describe(blueprint: &Blueprint) -> Result<Vec<GatewayDescription>, Report> {
    let registry = Registry::collect();
    let mut report = Report::default();
    let mut blocks: HashMap<Key, (Declared, BlockDescription)> = HashMap::new();
    for block in &registry.blocks {
        let (declared, described) = blocks.entry((block.gateway)()).or_default();
        declared.append((block.declare)());
        (block.describe)(described);
    }
    let mut gateways: Vec<GatewayDescription> = Vec::new();
    for registration in &registry.gateways {
        let facts = (registration.facts)();
        let options = facts.options.resolve(&blueprint.services, |missing| {
            let missing = short(missing.name);
            report.add(Problem::new(
                format!(
                    "an option of `{}` ({}) is computed from `{missing}`, which nothing provides",
                    facts.name,
                    place(facts.place)
                ),
                format!(
                    "write `App::builder().provide({missing} {{ .. }}).contract()`: the contract names namespaces"
                ),
            ));
        });
        let (declared, mut described) = blocks.remove(&(registration.key)()).unwrap_or_default();
        for handler in &mut described.handlers {
            add_filters(handler, &declared);
        }
        let place = facts.place.into();
        let authenticates = facts.authenticator.is_some() || blueprint.authenticator.is_some();
        gateways.push(GatewayDescription {
            name: facts.name,
            namespace: options.namespace,
            place,
            handlers: described.handlers,
            events: described.events,
            filters: filters(&facts.enhancers, place),
            renewal: authenticates.then_some(options.reauthenticate),
        });
    }
    if !report.is_empty() {
        return Err(report.sorted());
    }
    gateways.sort_by(|one, other| (&one.namespace, one.name).cmp(&(&other.namespace, other.name)));
    Ok(gateways)
}

/// The filters of a level, declared at `place`.
pub(crate) fn filters(enhancers: &EnhancerFacts, place: Place) -> Vec<FilterDescription> {
    let description = |filter: &FilterFacts| filter.description(place);
    enhancers.filters.iter().filter_map(description).collect()
}

/// The filters of a handler, which only the facts about it say.
fn add_filters(handler: &mut HandlerDescription, declared: &Declared) {
    let is_it =
        |facts: &&MessageFacts| (facts.event, facts.handler) == (handler.event, handler.name);
    let mut facts = declared.messages.iter().map(|message| &message.facts);
    if let Some(facts) = facts.find(is_it) {
        handler.filters = filters(&facts.enhancers, handler.place);
    }
}
