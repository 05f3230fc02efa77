//! From what an application asks for to the application.

#[cfg(feature = "redis")]
use std::future::ready;
use std::sync::Arc;

use axum::Router;
use tower::Layer;

use super::AppBuilder;
#[cfg(feature = "prometheus")]
use super::endpoints::Prometheus;
#[cfg(feature = "client")]
use crate::app::client;
#[cfg(feature = "contract")]
use crate::app::contract;
#[cfg(feature = "prometheus")]
use crate::app::prometheus;
use crate::{
    app::{
        App, capacity::Capacity, drain::Drain, error::AppError,
        handshake_filter::HandshakeFilterLayer, readiness, routes,
        stderr_log::warn_if_panics_abort, stopping::Stopping, wrong_path::WrongPathLayer,
    },
    auth::origins::Origins,
    boot::{
        self,
        start_report::{Problem, place},
    },
    call::extract::http::AppServices,
    dispatch::draining::Draining,
    metrics,
    platform::{
        serve::{self, ServerOptions},
        server::{Server, Times},
    },
};
#[cfg(feature = "tls")]
use crate::{limits::Limits, platform::server::tls::Encryption};

impl AppBuilder {
    pub(super) async fn assemble(mut self) -> Result<App, AppError> {
        warn_if_panics_abort(cfg!(panic = "abort"));
        let draining = Arc::<Draining>::default();
        self.provide_stopping(&draining);
        #[cfg(feature = "redis")]
        self.join_cluster();
        let limits = self.blueprint.settings.limits.clone().with_open_files();
        let proxies = self.front.proxies.clone();
        let capacity = Capacity::new(&limits, &proxies);
        #[cfg(feature = "tls")]
        let encryption = self.encryption(&limits);
        let router = self.routes_and_health_checks((Arc::clone(&draining), capacity.clone())).await;
        #[cfg(feature = "prometheus")]
        let router = self.with_prometheus(router).await;
        #[cfg(feature = "client")]
        let router = self.with_client(router).await;
        #[cfg(feature = "contract")]
        let router = self.with_api_docs(router).await;
        self.keep_path_free(&router).await;
        let ServerOptions { path, drain_timeout, bind_to_address, .. } = &self.blueprint.server;
        let (path, drain_timeout, bind_to_address) =
            (path.clone(), *drain_timeout, *bind_to_address);
        let streams = self.blueprint.server.streams(&limits);
        let porter = std::mem::take(&mut self.porter);
        self.blueprint.server.porter = porter.within(limits.authentication_timeout);
        let Capacity { places, reception } = capacity;
        let (mounted, namespaces) =
            serve::open(&self.blueprint.server, &limits, reception, metrics::upgrade);
        let cluster = self.blueprint.cluster.clone();
        let include_cause = self.blueprint.settings.include_cause;
        let booted = boot::boot(self.blueprint, &mounted, &draining).await;
        let mut booted = booted.map_err(AppError::wiring)?;
        #[cfg(feature = "tls")]
        if encryption.is_some() {
            booted.as_router.add(Problem::new(
                "the application is to encrypt its connections, and a router has none",
                "leave `.tls(..)` out, and encrypt where the router is served; or serve the application itself",
            ));
        }
        let needs_addresses = bind_to_address && !proxies.trust_unix();
        if let Some(at) = self.layered {
            booted.as_router.add(Problem::new(
                format!("the application has a layer around all of it ({}), which a router cannot keep", place(at)),
                "leave `.layer(..)` out, and put the layer around the router: `app.into_router().layer(..)`",
            ));
        }
        let services =
            AppServices::new(booted.services, booted.authenticators, proxies, include_cause);
        let filter = HandshakeFilterLayer::new(Origins::new(booted.cors), Arc::clone(&draining));
        let router = router.layer((WrongPathLayer::new(&path), services.clone()));
        let router = routes::with_server(router, &path, filter.layer(namespaces));
        let router = self.layers.into_iter().fold(router, |router, around| around(router));
        Ok(App {
            table: booted.table,
            server: Server {
                router: self.front.before(router),
                streams,
                times: Times::of(&limits),
                places,
                #[cfg(feature = "tls")]
                encryption,
            },
            services,
            drain: Drain { gateways: booted.gateways, mounted, draining, cluster },
            drain_timeout,
            needs_addresses,
            limits,
            as_router: booted.as_router,
            stderr_log: self.stderr_log,
        })
    }

    /// What every application has.
    fn provide_stopping(&mut self, draining: &Draining) {
        let stopping = Arc::new(Stopping::of(draining.asked.clone()));
        if self.blueprint.services.insert(stopping) {
            self.blueprint.problems.push(Problem::new(
                "a `Stopping` is provided, but every application has its own",
                "leave it out: it is injected without being provided",
            ));
        }
    }

    /// Joins the cluster, and asks it whether it can be reached whenever somebody asks whether this process is ready.
    #[cfg(feature = "redis")]
    fn join_cluster(&mut self) {
        // Without a runtime, nothing will be built, which is said elsewhere.
        let Some(redis) =
            self.redis.take().filter(|_| tokio::runtime::Handle::try_current().is_ok())
        else {
            return;
        };
        self.blueprint.cluster = redis.join();
        let Some(cluster) = self.blueprint.cluster.clone() else { return };
        let name = "cluster";
        if redis.serves_alone() {
            self.readiness.only_report(name.into());
        }
        let check = move || ready(cluster.why_not().map_or(Ok(()), Err));
        if !self.readiness.add(name.into(), check) {
            self.blueprint.problems.push(Problem::new(
                format!("a readiness check is called `{name}`, as that of the cluster is"),
                "give it another name",
            ));
        }
    }

    #[cfg(feature = "tls")]
    fn encryption(&mut self, limits: &Limits) -> Option<Encryption> {
        let (tls, at) = self.tls.take()?;
        match tls.config() {
            Ok(config) => Some(Encryption::new(config, limits, self.front.proxies.clone())),
            Err(error) => {
                self.blueprint.problems.push(Problem::new(
                    format!("the certificates of `.tls(..)` ({}) cannot be used: {error}", place(at)),
                    "give it a PEM file with the certificates, the server's own first, and one with its key: `Tls::files(\"chain.pem\", \"key.pem\")`",
                ));
                None
            }
        }
    }

    /// The application's own routes, with the health checks if they are switched on.
    async fn routes_and_health_checks(&mut self, open: (Arc<Draining>, Capacity)) -> Router {
        let router = std::mem::take(&mut self.router);
        let Some(asked) = self.health_checks else { return router };
        let mut taken = false;
        for path in readiness::PATHS {
            if routes::has_route(&router, path).await {
                taken = true;
                self.blueprint.problems.push(Problem::new(
                    format!(
                        "the application has a route `{path}`, which the health checks need ({})",
                        place(asked),
                    ),
                    "give your route another path, or leave out `.health_checks()` and `.readiness_check(..)`",
                ));
            }
        }
        if taken {
            return router;
        }
        let readiness = std::mem::take(&mut self.readiness);
        let (draining, capacity) = open;
        router.merge(readiness::routes(draining, move || capacity.is_full(), readiness))
    }

    /// These routes, and those of the official client if they are asked for.
    #[cfg(feature = "client")]
    async fn with_client(&mut self, router: Router) -> Router {
        let Some(asked) = self.client else { return router };
        let server = &self.blueprint.server.path;
        for path in client::paths(server) {
            if routes::has_route(&router, &path).await {
                self.blueprint.problems.push(Problem::new(
                    format!(
                        "the application has a route `{path}`, where the client is to be served ({})",
                        place(asked)
                    ),
                    "leave out your route, or `.serve_client()`",
                ));
                return router;
            }
        }
        router.merge(client::routes(server))
    }

    /// These routes, and those of the contract if they are asked for.
    #[cfg(feature = "contract")]
    async fn with_api_docs(&mut self, router: Router) -> Router {
        let Some(asked) = self.api_docs else { return router };
        for path in contract::PATHS {
            if routes::has_route(&router, path).await {
                self.blueprint.problems.push(Problem::new(
                    format!(
                        "the application has a route `{path}`, where its contract is to be served ({})",
                        place(asked)
                    ),
                    "give your route another path, or leave out `.api_docs()`",
                ));
                return router;
            }
        }
        // What is wrong with the options of gateways is told when they are built.
        match contract::of(&self.blueprint) {
            Ok(contract) => router.merge(contract::routes(&contract)),
            Err(_) => router,
        }
    }

    /// These routes, and the one for Prometheus if it is asked for.
    #[cfg(feature = "prometheus")]
    async fn with_prometheus(&mut self, router: Router) -> Router {
        let Some(Prometheus { path, asked, recorder }) = self.prometheus.take() else {
            return router;
        };
        if routes::has_route(&router, &path).await {
            self.blueprint.problems.push(Problem::new(
                format!(
                    "the application has a route `{path}`, which Prometheus is to read ({})",
                    place(asked)
                ),
                "give your route another path, or choose another for `.prometheus(..)`",
            ));
            return router;
        }
        // Without a runtime, nothing will be built, which is said elsewhere.
        match tokio::runtime::Handle::try_current() {
            Ok(_) => router.merge(prometheus::routes(&path, recorder)),
            Err(_) => router,
        }
    }

    /// Makes it a startup error if there is a route at the server's path.
    async fn keep_path_free(&mut self, router: &Router) {
        let path = &self.blueprint.server.path;
        if path.is_empty() {
            return;
        }
        for path in [path.to_string(), format!("{path}/")] {
            if routes::has_route(router, &path).await {
                self.blueprint.problems.push(Problem::new(
                    format!("the application has a route `{path}`, which is the path of its Socket.IO server"),
                    "give the route another path, or move the server: `.path(\"/realtime\")`",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use tokio::runtime;

    use super::*;

    fn problems(built: Result<App, AppError>) -> Vec<String> {
        built.expect_err("there are no gateways, at least").problems()
    }

    #[test]
    fn without_a_runtime_it_says_so() {
        let mut building = pin!(App::builder().build());
        let polled = building.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let Poll::Ready(built) = polled else { panic!("it waits for what is not there") };
        let problems = problems(built);
        assert!(problems.iter().any(|one| one.contains("no Tokio runtime")), "{problems:?}");
    }

    #[test]
    fn without_timers_it_says_so() {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        let problems = problems(runtime.block_on(App::builder().build()));
        assert!(problems.iter().any(|one| one.contains("no timers")), "{problems:?}");
    }

    #[cfg(feature = "tls")]
    #[tokio::test]
    async fn certificates_that_cannot_be_used_are_told_with_everything_else() {
        let tls = crate::Tls::files("/missing/chain.pem", "/missing/key.pem");
        let problems = problems(App::builder().tls(tls).build().await);
        let [certificates, gateways] = &*problems else { panic!("{problems:?}") };
        assert!(certificates.contains("`/missing/chain.pem` cannot be read"), "{certificates}");
        assert!(certificates.contains("assembly.rs:"), "{certificates}");
        assert_eq!(gateways, "there are no gateways");
    }

    #[tokio::test]
    async fn with_both_it_does_not() {
        let problems = problems(App::builder().build().await);
        assert_eq!(problems, ["there are no gateways"]);
    }
}
