//! What a test replaces in an application, or leaves out of it.

use std::{any::Any, mem, sync::Arc};

use super::{Blueprint, Plan};
use crate::{
    auth::{Authenticator, AuthenticatorFacts, vouchers::Vouchers},
    boot::start_report::{Problem, Report},
    call::{
        enhancers::EnhancerReplacements, filter::ExceptionFilter, guard::Guard,
        interceptor::Interceptor, pipe::Pipe,
    },
    clock::Clock,
    declare::registry::{BlockRegistration, Gateway, GatewayRegistration, Registry},
    inject::{Key, Services},
    type_names::short,
};

/// What a test replaces, or leaves out. The crate `gateway-test` fills it in.
#[derive(Default)]
pub struct Overrides {
    /// The gateways that are served; all of them if there are none.
    only: Vec<Key>,
    services: Vec<Provide>,
    enhancers: EnhancerReplacements,
    authenticators: Vec<ReplacedAuthenticator>,
    /// Whom the test vouches for, and no authenticator is asked about.
    pub vouchers: Arc<Vouchers>,
    /// Whether the application is another one than without the test.
    changes: bool,
    pub(crate) stage: Option<Stage>,
}

/// An application of one gateway, which a test needs for the contexts of its messages.
pub(crate) struct Stage {
    pub(crate) gateway: GatewayRegistration,
    pub(crate) block: BlockRegistration,
    pub(crate) event: &'static str,
    pub(crate) metadata: Vec<Arc<dyn Any + Send + Sync>>,
    pub(crate) authenticator: Option<AuthenticatorFacts>,
}

/// Provides a service in the place of the one that was there.
type Provide = Box<dyn FnOnce(&mut Services) + Send + Sync>;

struct ReplacedAuthenticator {
    replaced: Key,
    by: AuthenticatorFacts,
    is_used: bool,
}

impl Overrides {
    /// Serves this gateway, and of the others only those for which this is called, too.
    pub fn only<G: Gateway>(&mut self) {
        self.changes = true;
        self.only.push(Key::of::<G>());
    }

    /// Provides a service in the place of the one that was provided, or that would be built.
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<T>) {
        self.changes = true;
        self.services.push(Box::new(|services| {
            services.insert(service);
        }));
    }

    /// Puts a guard wherever there is an `A`.
    pub fn guard<A: Guard>(&mut self, by: impl Guard) {
        self.enhancers.guards.put(Key::of::<A>(), Arc::new(by));
    }

    /// Puts an interceptor wherever there is an `A`.
    pub fn interceptor<A: Interceptor>(&mut self, by: impl Interceptor) {
        self.enhancers.interceptors.put(Key::of::<A>(), Arc::new(by));
    }

    /// Puts a pipe wherever there is an `A`.
    pub fn pipe<A: Pipe>(&mut self, by: impl Pipe) {
        self.enhancers.pipes.put(Key::of::<A>(), Arc::new(by));
    }

    /// Puts a filter wherever there is an `A`.
    pub fn filter<A: ExceptionFilter>(&mut self, by: impl ExceptionFilter) {
        self.enhancers.filters.put(Key::of::<A>(), Arc::new(by));
    }

    /// Asks `by` wherever an `A` would be asked.
    pub fn authenticator<A: Authenticator, B: Authenticator<Identity = A::Identity>>(
        &mut self,
        by: B,
    ) {
        self.provide_arc(Arc::new(by));
        let (replaced, by) = (Key::of::<A>(), AuthenticatorFacts::of_service::<B>());
        self.authenticators.retain(|one| one.replaced != replaced);
        self.authenticators.push(ReplacedAuthenticator { replaced, by, is_used: false });
    }

    /// Whether a service that was needed may not be needed any more.
    pub(super) fn changes_something(&self) -> bool {
        self.changes
    }

    /// Leaves out what is not served, and provides what is replaced.
    pub(super) fn prepare(&mut self, registry: &mut Registry, blueprint: &mut Blueprint) {
        if let Some(stage) = &self.stage {
            (registry.gateways, registry.blocks) = (vec![stage.gateway], vec![stage.block]);
            blueprint.authenticator = stage.authenticator;
        }
        if !self.only.is_empty() {
            let is_served = |key: &Key| self.only.contains(key);
            registry.gateways.retain(|gateway| is_served(&(gateway.key)()));
            registry.blocks.retain(|block| is_served(&(block.gateway)()));
            blueprint.expected.retain(is_served);
            // Named by the test, so that it is linked in; said nevertheless if it is not found.
            blueprint.expected.extend(&self.only);
        }
        for provide in self.services.drain(..) {
            provide(&mut blueprint.services);
        }
        let provided = &blueprint.services;
        blueprint.makers.retain(|maker| !provided.contains(maker.makes));
        blueprint.clock = Clock::of_test();
        #[cfg(feature = "jwt")]
        expire_tokens_by(&blueprint.clock.clone(), blueprint);
    }

    /// Puts what is replaced into the places of what it replaces, and reports what has no such place.
    pub(super) fn replace(
        &mut self,
        plans: &mut [Plan],
        blueprint: &mut Blueprint,
        report: &mut Report,
    ) {
        if let Some(stage) = &mut self.stage {
            let messages = plans.iter_mut().flat_map(|plan| &mut plan.declared.messages);
            for message in messages {
                message.facts.event = Some(stage.event);
                message.facts.enhancers.add_all_metadata(mem::take(&mut stage.metadata));
            }
        }
        blueprint.enhancers.replace(&mut self.enhancers);
        self.replace_authenticator(&mut blueprint.authenticator);
        for plan in plans {
            plan.facts.enhancers.replace(&mut self.enhancers);
            for message in &mut plan.declared.messages {
                message.facts.enhancers.replace(&mut self.enhancers);
            }
            for hook in plan.declared.hooks_mut() {
                hook.facts.enhancers.replace(&mut self.enhancers);
            }
            self.replace_authenticator(&mut plan.authenticator);
        }
        let unused = self.authenticators.iter().filter(|one| !one.is_used);
        let unused = unused.map(|one| ("authenticator", one.replaced));
        for (kind, key) in unused.chain(self.enhancers.unused()) {
            let name = short(key.name);
            report.add(Problem::new(
                format!("the test overrides the {kind} `{name}`, which nothing that is served uses"),
                format!("name the type that the application names, or leave out `.override_{kind}::<{name}>(..)`"),
            ));
        }
    }

    fn replace_authenticator(&mut self, facts: &mut Option<AuthenticatorFacts>) {
        let Some(facts) = facts else { return };
        if let Some(one) = self.authenticators.iter_mut().find(|one| one.replaced == facts.key) {
            one.is_used = true;
            *facts = one.by;
        }
    }
}

impl std::fmt::Debug for Overrides {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Overrides").field("only", &self.only).finish_non_exhaustive()
    }
}

/// Has tokens expire by this clock, whoever provides or makes their service.
#[cfg(feature = "jwt")]
fn expire_tokens_by(clock: &Clock, blueprint: &mut Blueprint) {
    use crate::auth::JwtService;

    if let Some(tokens) = blueprint.services.get::<JwtService>() {
        blueprint.services.insert(Arc::new(tokens.with_clock(clock.clone())));
    }
    let makers = std::mem::take(&mut blueprint.makers).into_iter().map(|maker| {
        let clock = clock.clone();
        maker.with(move |tokens: Arc<JwtService>| Arc::new(tokens.with_clock(clock)))
    });
    blueprint.makers = makers.collect();
}
