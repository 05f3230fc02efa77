use std::collections::BTreeSet;

use crate::{
    call::{context::ExecutionContext, guard::Guard},
    exception::WsException,
};

/// A guard that lets users with certain roles through. The roles are those that the authenticator
/// [gave](crate::Authenticated::roles) them; with a [`JwtAuthenticator`](crate::JwtAuthenticator), they are the
/// claims `role` and `roles`.
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
    /// Lets users with at least one of these roles through. An empty list is a startup error.
    pub fn any<R: Into<String>>(roles: impl IntoIterator<Item = R>) -> Self {
        Self { wanted: roles.into_iter().map(Into::into).collect(), all: false }
    }

    /// Lets users with all of these roles through. An empty list is a startup error.
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

    fn check_at_start(&self) -> Result<(), String> {
        match (self.wanted.is_empty(), self.all) {
            (false, _) => Ok(()),
            (true, true) => Err("`Roles::all` without roles lets everybody in".to_owned()),
            (true, false) => Err("`Roles::any` without roles lets nobody in".to_owned()),
        }
    }
}
