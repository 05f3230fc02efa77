//! Who a client is: access tokens, and the login that hands them out while developing.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::post;
use axum::{Json, Router};
use gateway_core::Rules;
use gateway_core::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
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
            tracing::warn!(
                "the other demos on this Redis have other secrets: give all of them the same"
            );
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

#[derive(Serialize)]
struct Claims<'a> {
    sub: UserId,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    exp: i64,
}

#[derive(Serialize)]
struct LoginReply {
    access_token: String,
}

/// Anyone gets a token for any user: this is a demo's login, there are no passwords.
async fn login(
    Inject(jwt): Inject<JwtService>,
    Body(Valid(Login { user_id: sub, role, .. })): Body<Valid<Login>>,
) -> Result<Json<LoginReply>, WsException> {
    let exp = (OffsetDateTime::now_utc() + TOKEN_LIFETIME).unix_timestamp();
    let access_token = jwt.sign(&Claims { sub, role: role.as_deref(), exp })?;
    Ok(Json(LoginReply { access_token }))
}

/// Read field by field, to name every wrong one and not only the first.
#[derive(Debug, Deserialize, PartialEq)]
#[serde(from = "Map<String, Value>")]
struct Login {
    user_id: UserId,
    role: Option<String>,
    wrong: Vec<FieldError>,
}

impl From<Map<String, Value>> for Login {
    fn from(mut body: Map<String, Value>) -> Self {
        let mut take = |field| body.remove(field).unwrap_or_default();
        let user_id = serde_json::from_value(take("userId"))
            .map_err(|_| FieldError::new("userId", "must be a number or a string of digits"));
        let role = serde_json::from_value(take("role"))
            .map_err(|_| FieldError::new("role", "must be a string"));
        let wrong = user_id.clone().err().into_iter().chain(role.clone().err()).collect();
        Self { user_id: user_id.unwrap_or(UserId(0)), role: role.unwrap_or_default(), wrong }
    }
}

impl Rules for Login {
    fn broken(&self) -> Vec<FieldError> {
        self.wrong.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_login_names_every_wrong_field() {
        let login = |body| serde_json::from_value::<Login>(body).unwrap();
        let wrong = |body| login(body).broken().into_iter().map(|error| error.path);
        let ann = login(json!({"userId": "1", "role": "user"}));
        assert_eq!((ann.user_id, ann.role.as_deref()), (UserId(1), Some("user")));
        assert!(ann.broken().is_empty());
        assert_eq!(login(json!({"userId": 1})).role, None);
        assert!(wrong(json!({"userId": "ann", "role": 1})).eq(["userId", "role"]));
        assert!(wrong(json!({})).eq(["userId"]));
    }
}
