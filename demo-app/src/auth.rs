//! Who a client is: access tokens, and the login that hands them out while developing.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::routing::post;
use axum::{Json, Router};
use gateway_core::prelude::*;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::config::Config;
use crate::language::Language;
use crate::user::{User, UserId};

/// How long a token from the login is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// What signs and verifies access tokens.
pub(crate) fn jwt_service(config: &Config) -> JwtService {
    let secret = config.jwt_secret.clone().unwrap_or_else(|| {
        tracing::info!("no JWT secret given: using a random one, tokens end with this process");
        if config.redis_url.is_some() {
            tracing::warn!("all demos on this Redis need the same secret: give them one");
        }
        // Two of them: 244 bits of the system's randomness.
        format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
    });
    JwtService::hs256(secret).messages("缺少 Token", "认证失败").subject::<UserId>()
}

/// Lets in who brings a token that holds. Who does not is told so in a language of their own.
#[derive(Debug)]
#[injectable]
pub(crate) struct TokenAuthenticator {
    jwt: Arc<JwtService>,
}

impl Authenticator for TokenAuthenticator {
    type Identity = User;

    async fn authenticate(
        &self,
        handshake: &Handshake,
    ) -> Result<Authenticated<User>, WsException> {
        let tokens = JwtAuthenticator::new(Arc::clone(&self.jwt));
        tokens.authenticate(handshake).await.map_err(|refusal| {
            let message = Language::of(handshake).message(&refusal);
            refusal.with_message(message)
        })
    }
}

/// The routes of this module: none but in development.
pub(crate) fn routes(dev_login: bool) -> Router {
    let router = Router::new();
    if dev_login { router.route("/auth/login", post(login)) } else { router }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Login {
    user_id: UserId,
    role: Option<String>,
}

/// Anyone gets a token for any user: this is a demo's login, there are no passwords.
async fn login(
    Inject(jwt): Inject<JwtService>,
    Body(Login { user_id, role }): Body<Login>,
) -> Result<Json<Value>, WsException> {
    let exp = (SystemTime::now() + TOKEN_LIFETIME).duration_since(UNIX_EPOCH)?.as_secs();
    let access_token = jwt.sign(&json!({ "sub": user_id, "role": role, "exp": exp }))?;
    Ok(Json(json!({ "access_token": access_token })))
}
