use std::collections::BTreeSet;

use crate::{context::ExecutionContext, exception::WsException, guard::Guard};

/// A guard that lets in users with certain roles, as the authenticator
/// [gave](crate::Authenticated::roles) them; the claims `role` and `roles` of a
/// [`JwtAuthenticator`](crate::JwtAuthenticator).
///
/// ```
/// # mod app {
/// # use gateway_core::prelude::*;
/// #[web_socket_gateway(namespace = "/admin")]
/// #[use_guards(Roles::any(["admin", "support"]))]
/// pub struct AdminGateway;
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Roles {
    wanted: BTreeSet<String>,
    all: bool,
}

impl Roles {
    /// Users with one of these roles.
    pub fn any<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Self {
        Self { wanted: roles.into_iter().map(Into::into).collect(), all: false }
    }

    /// Users with all of these roles.
    pub fn all<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Self {
        Self { wanted: roles.into_iter().map(Into::into).collect(), all: true }
    }
}

impl Guard for Roles {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        let own = context.roles();
        let has = |role: &String| own.contains(role);
        Ok(if self.all { self.wanted.iter().all(has) } else { self.wanted.iter().any(has) })
    }
}
