//! Who may speak.

use gateway_core::prelude::*;

use crate::user::User;

/// Lets in whoever is logged in.
///
/// The gateway's authenticator has let nobody else in, so this never refuses here. It stands where
/// the tutorial has it, and shows what a guard is made of.
#[derive(Debug)]
#[injectable]
pub(super) struct WsJwtGuard;

impl Guard for WsJwtGuard {
    async fn can_activate(&self, context: &ExecutionContext) -> Result<bool, WsException> {
        match context.identity::<User>() {
            Some(_) => Ok(true),
            None => Err(WsException::unauthorized("未认证")),
        }
    }
}
