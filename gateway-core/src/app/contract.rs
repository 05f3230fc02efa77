//! The contract of an application, and what it serves of it.

use std::panic::Location;

use axum::{
    Router,
    response::{Html, IntoResponse},
    routing::get,
};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use crate::{
    app::builder::AppBuilder,
    boot::{self, Blueprint, start_report::Report},
    contract::Contract,
    description::Place,
};

/// Where the document for programs is, and the page for people.
pub(super) const PATHS: [&str; 2] = ["/asyncapi.json", "/api-docs"];

/// The contract of all gateways that are linked in: what clients may send them, and what they are sent. Nothing is built
/// for it: no service, no database, no port. What the application adds to all gateways, filters and an authenticator, is
/// known to [`AppBuilder::contract`] only.
///
/// ```standalone_crate
/// # mod app {
/// use gateway_core::prelude::*;
///
/// #[web_socket_gateway(namespace = "/chat")]
/// pub struct ChatGateway;
///
/// #[web_socket_gateway]
/// impl ChatGateway {
///     /// Says something.
///     #[subscribe_message("say")]
///     async fn say(&self, MessageBody(text): MessageBody<String>) -> usize {
///         text.len()
///     }
/// }
/// # }
/// // In a test, this compares with what is committed: `gateway_core::contract().assert_committed("contract")`.
/// let typescript = gateway_core::contract().typescript();
/// assert!(typescript.contains("say: (value: string, ack: (reply: number | WsError) => void) => void;"), "{typescript}");
/// ```
///
/// # Panics
/// If an option of a gateway, which may be its namespace, is computed from a service:
/// [`AppBuilder::contract`] has the services.
#[must_use]
pub fn contract() -> Contract {
    let nothing = Blueprint::default();
    of(&nothing).unwrap_or_else(|report| panic!("there is no contract: {report}"))
}

/// The contract of the gateways that are linked in, with what the application gives them.
pub(super) fn of(blueprint: &Blueprint) -> Result<Contract, Report> {
    let gateways = boot::contract::describe(blueprint)?;
    // Where they are added is not known.
    let place = Place { file: "use_global_filters", line: 0 };
    Ok(Contract::of(gateways, boot::contract::filters(&blueprint.enhancers, place)))
}

/// The two routes.
pub(super) fn routes(contract: &Contract) -> Router {
    let [document, page] = PATHS;
    let asyncapi = contract.asyncapi().to_string();
    let html = contract.page();
    let json = [(CONTENT_TYPE, "application/json"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Router::new()
        .route(document, get(async move || (json, asyncapi.clone()).into_response()))
        .route(page, get(async move || Html(html.clone())))
}

impl AppBuilder {
    /// The contract of the gateways that are linked in, where [`contract`](fn@crate::contract) lacks the values that their
    /// options are computed from. Nothing is built for it.
    ///
    /// ```standalone_crate
    /// # mod app {
    /// use gateway_core::prelude::*;
    ///
    /// pub struct Config {
    ///     pub namespace: String,
    /// }
    ///
    /// #[web_socket_gateway(namespace = |config: &Config| config.namespace.clone())]
    /// pub struct ChatGateway {
    ///     server: Server,
    /// }
    /// # }
    /// # use app::*;
    /// # use gateway_core::App;
    /// let config = Config { namespace: "/chat".to_owned() };
    /// let contract = App::builder().provide(config).contract();
    /// assert!(contract.gaps().is_empty());
    /// ```
    ///
    /// # Panics
    /// If an option of a gateway is computed from a service that is not provided.
    #[must_use]
    pub fn contract(&self) -> Contract {
        let contract = of(&self.blueprint);
        contract.unwrap_or_else(|report| panic!("there is no contract: {report}"))
    }

    /// Serves the contract: `GET /asyncapi.json` for programs, as an AsyncAPI 3.0.0 document, and the page `GET /api-docs`
    /// for people. Both are made when the application is built.
    ///
    /// Whoever can reach the server can read them: a proxy in front should keep the paths to itself, if not everybody is to
    /// know what the application takes.
    ///
    /// ```
    /// use gateway_core::App;
    ///
    /// let builder = App::builder().api_docs();
    /// # drop(builder);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn api_docs(mut self) -> Self {
        self.api_docs = Some(Location::caller());
        self
    }
}
