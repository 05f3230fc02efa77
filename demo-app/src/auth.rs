//! Who a client is: access tokens, and the login that hands them out while developing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::routing::post;
use axum::{Json, Router};
use gateway_core::prelude::*;
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::config::Config;
use crate::http::{self, HttpError};
use crate::language::Language;
use crate::user::{User, UserId};

/// How long a token from the login is good.
const TOKEN_LIFETIME: Duration = Duration::from_secs(3600);

/// What signs and verifies access tokens.
pub(crate) fn jwt_service(config: &Config) -> JwtService {
    let secret = config.jwt_secret.clone().unwrap_or_else(|| {
        tracing::info!("no JWT secret given: using a random one, tokens end with this process");
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
            let message = Language::of(handshake).message(&refusal).into_owned();
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
    jwt: Inject<JwtService>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LoginReply>, HttpError> {
    let Login { user_id, role } = Login::parse(&body?)?;
    let exp = (OffsetDateTime::now_utc() + TOKEN_LIFETIME).unix_timestamp();
    let access_token = jwt.0.sign(&Claims { sub: user_id, role: role.as_deref(), exp })?;
    Ok(Json(LoginReply { access_token }))
}

#[derive(Debug, PartialEq)]
struct Login {
    user_id: UserId,
    role: Option<String>,
}

impl Login {
    /// Reads field by field, to name every wrong one and not only the first.
    fn parse(body: &[u8]) -> Result<Self, HttpError> {
        let mut body = http::object(body)?;
        let mut take = |field| body.remove(field).unwrap_or_default();
        let user_id = serde_json::from_value(take("userId"))
            .map_err(|_| FieldError::new("userId", "must be a number or a string of digits"));
        let role = serde_json::from_value(take("role"))
            .map_err(|_| FieldError::new("role", "must be a string"));
        match (user_id, role) {
            (Ok(user_id), Ok(role)) => Ok(Self { user_id, role }),
            (user_id, role) => {
                Err(HttpError::Validation(user_id.err().into_iter().chain(role.err()).collect()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn wrong_fields(body: &str) -> Vec<Value> {
        match Login::parse(body.as_bytes()) {
            Err(HttpError::Validation(errors)) => errors
                .iter()
                .map(|error| serde_json::to_value(error).unwrap()["path"].take())
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_login_names_every_wrong_field() {
        let login = Login::parse(br#"{"userId": "1", "role": "user"}"#).unwrap();
        assert_eq!(login, Login { user_id: UserId(1), role: Some("user".to_owned()) });
        assert_eq!(Login::parse(br#"{"userId": 1}"#).unwrap().role, None);
        assert_eq!(wrong_fields(r#"{"userId": "ann", "role": 1}"#), ["userId", "role"]);
        assert_eq!(wrong_fields("{}"), ["userId"]);
        assert_eq!(wrong_fields("[]"), [""]);
        assert_eq!(wrong_fields("{"), [""]);
    }
}
