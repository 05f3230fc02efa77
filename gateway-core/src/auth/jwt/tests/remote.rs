//! Keys that change where they are published.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use http::StatusCode;
use tokio_util::task::AbortOnDropHandle;

use super::*;
use crate::counted::Counted;

/// What is published.
#[derive(Clone)]
enum Published {
    Text(StatusCode, String),
    Redirect,
    /// Nothing, and the connection stays open.
    Silence,
}

/// An issuer, over HTTP.
struct Issuer {
    url: String,
    published: Arc<Mutex<Published>>,
    asked: Arc<AtomicUsize>,
    _served: AbortOnDropHandle<()>,
}

impl Issuer {
    async fn of(keys: &str) -> Self {
        type Shared = (Arc<Mutex<Published>>, Arc<AtomicUsize>);
        async fn answer(State((published, asked)): State<Shared>) -> Response {
            // A figure of its own: nothing is ordered by it.
            asked.fetch_add(1, Ordering::Relaxed);
            let published = published.lock().unwrap().clone();
            match published {
                Published::Text(status, text) => (status, text).into_response(),
                Published::Redirect => Redirect::temporary("/elsewhere").into_response(),
                Published::Silence => std::future::pending().await,
            }
        }
        let published = Arc::new(Mutex::new(Published::Text(StatusCode::OK, keys.to_owned())));
        let asked = Arc::<AtomicUsize>::default();
        let whole = KEYS.to_owned();
        let router = Router::new()
            .route("/keys", get(answer))
            .with_state((Arc::clone(&published), Arc::clone(&asked)))
            .route("/elsewhere", get(|| async { whole }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        let served = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, published, asked, _served: AbortOnDropHandle::new(served) }
    }

    fn publish(&self, keys: &str) {
        *self.published.lock().unwrap() = Published::Text(StatusCode::OK, keys.to_owned());
    }

    fn fails(&self, how: Published) {
        *self.published.lock().unwrap() = how;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }

    fn keys(&self) -> JwksUrl {
        JwksUrl::new(&self.url).refresh_at_most_every(Duration::ZERO)
    }
}

/// A set of those of [`KEYS`] that have these names.
fn set(names: &[&str]) -> String {
    let mut keys: Value = serde_json::from_str(KEYS).unwrap();
    let keep = |key: &Value| names.contains(&key["kid"].as_str().unwrap());
    keys["keys"].as_array_mut().unwrap().retain(keep);
    keys.to_string()
}

fn token_of(name: &str) -> String {
    let [rsa, ec, ed] = signers();
    match name {
        "rsa" => forged(&named(Algorithm::RS256, "rsa"), &rsa),
        "ec" => forged(&named(Algorithm::ES256, "ec"), &ec),
        "ed" => forged(&named(Algorithm::EdDSA, "ed"), &ed),
        other => forged(&named(Algorithm::EdDSA, other), &ed),
    }
}

async fn is_let_in(jwt: &JwtService, token: &str) -> bool {
    let auth = json!({ "token": token }).to_string();
    let handshake = Handshake::new(
        Some(auth.into()),
        Arc::new(RequestHead::default()),
        std::time::SystemTime::UNIX_EPOCH,
    );
    let authenticator =
        JwtAuthenticator::<Value> { jwt: Arc::new(jwt.clone()), identity: PhantomData };
    Authenticator::authenticate(&authenticator, &handshake).await.is_ok()
}

async fn eventually(what: impl Fn() -> bool) -> bool {
    for _ in 0..500 {
        if what() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    false
}

#[tokio::test]
async fn keys_are_fetched_at_the_start_and_when_one_is_missing() {
    let issuer = Issuer::of(&set(&["ed"])).await;
    let jwt = JwtService::jwks_url(issuer.keys()).await.unwrap();
    holds(&jwt, &token_of("ed"));
    assert!(jwt.sign(&json!({ "exp": FAR })).is_err());
    assert_eq!(issuer.asked(), 1);

    issuer.publish(&set(&["rsa", "ec"]));
    assert!(is_let_in(&jwt, &token_of("rsa")).await);
    assert_eq!(issuer.asked(), 2);
    assert!(is_let_in(&jwt, &token_of("ec")).await);
    assert_eq!(issuer.asked(), 2, "it is there now");
    assert!(!is_let_in(&jwt, &token_of("ed")).await, "it was taken back");
    refused(&jwt, &forged(&named(Algorithm::RS512, "rsa"), &signers()[0]));
}

#[tokio::test]
async fn who_does_not_wait_has_the_new_keys_for_the_next_token() {
    let issuer = Issuer::of(&set(&["ed"])).await;
    let jwt = JwtService::jwks_url(issuer.keys()).await.unwrap();
    issuer.publish(&set(&["rsa"]));
    let token = token_of("rsa");
    refused(&jwt, &token);
    assert!(eventually(|| jwt.verify::<Value>(&token).is_ok()).await);
}

#[tokio::test]
async fn strangers_cannot_make_it_fetch_again_and_again() {
    let issuer = Issuer::of(&set(&["ed"])).await;
    let often = JwksUrl::new(&issuer.url).refresh_at_most_every(Duration::from_secs(3600));
    let jwt = JwtService::jwks_url(often).await.unwrap();
    for stranger in ["a", "b", "c"] {
        assert!(!is_let_in(&jwt, &token_of(stranger)).await);
    }
    assert_eq!(issuer.asked(), 1);
    // Tokens that name no key, or are none, are no reason to look for one.
    let jwt = JwtService::jwks_url(issuer.keys()).await.unwrap();
    let ghost = EncodingKey::from_ed_pem(GHOST_ED.as_bytes()).unwrap();
    for token in [&*forged(&Header::new(Algorithm::EdDSA), &ghost), "a.b.c", ""] {
        assert!(!is_let_in(&jwt, token).await);
    }
    assert_eq!(issuer.asked(), 2);
    // Those who come at once wait for one answer each, one after the other, and all are let in.
    issuer.publish(&set(&["rsa"]));
    let token = token_of("rsa");
    let all = futures_util::future::join_all((0..20).map(|_| is_let_in(&jwt, &token))).await;
    assert!(all.into_iter().all(|is_in| is_in));
}

#[tokio::test]
async fn each_time_that_they_are_to_be_fetched_is_counted() {
    let counted = Counted::by("outcome");
    let _recording = metrics::set_default_local_recorder(&counted);
    let issuer = Issuer::of(&set(&["ed"])).await;
    let jwt = JwtService::jwks_url(issuer.keys()).await.unwrap();
    issuer.publish(&set(&["rsa"]));
    assert!(is_let_in(&jwt, &token_of("rsa")).await);
    issuer.fails(Published::Text(StatusCode::NOT_FOUND, String::new()));
    assert!(!is_let_in(&jwt, &token_of("ec")).await);
    let seldom = JwksUrl::new(&issuer.url).refresh_at_most_every(Duration::from_secs(3600));
    issuer.publish(&set(&["rsa"]));
    let jwt = JwtService::jwks_url(seldom).await.unwrap();
    assert!(!is_let_in(&jwt, &token_of("ec")).await);
    let once = |outcome: &str| (outcome.to_owned(), 1);
    assert_eq!(counted.all(), ["failed", "ok", "spared"].map(once));
}

#[tokio::test]
async fn keys_are_fetched_again_and_again() {
    let issuer = Issuer::of(&set(&["ed", "rsa"])).await;
    let often = JwksUrl::new(&issuer.url).refresh_every(Duration::from_millis(50));
    let jwt = JwtService::jwks_url(often).await.unwrap();
    let retired = token_of("rsa");
    holds(&jwt, &retired);
    issuer.publish(&set(&["ed"]));
    assert!(eventually(|| jwt.verify::<Value>(&retired).is_err()).await);
    holds(&jwt, &token_of("ed"));
    drop(jwt);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let before = issuer.asked();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(issuer.asked(), before, "nobody wants them any more");
}

#[tokio::test]
async fn while_the_issuer_is_away_the_keys_stay() {
    let issuer = Issuer::of(&set(&["ed"])).await;
    let jwt =
        JwtService::jwks_url(issuer.keys().timeout(Duration::from_millis(200))).await.unwrap();
    let broken = |text: &str| Published::Text(StatusCode::OK, text.to_owned());
    for how in [
        Published::Text(StatusCode::SERVICE_UNAVAILABLE, KEYS.to_owned()),
        broken(""),
        broken("{}"),
        broken(r#"{"keys":[]}"#),
        broken(&" ".repeat(300_000)),
        Published::Redirect,
        Published::Silence,
    ] {
        issuer.fails(how);
        let before = issuer.asked();
        assert!(!is_let_in(&jwt, &token_of("rsa")).await);
        assert_eq!(issuer.asked(), before + 1);
        holds(&jwt, &token_of("ed"));
    }
    issuer.publish(KEYS);
    assert!(is_let_in(&jwt, &token_of("rsa")).await);
}

#[tokio::test]
async fn without_keys_there_is_no_service() {
    let why = async |keys: JwksUrl| JwtService::jwks_url(keys).await.unwrap_err().to_string();
    let issuer = Issuer::of("").await;
    let says = async |how, part: &str| {
        issuer.fails(how);
        let said = why(issuer.keys().timeout(Duration::from_millis(200)).max_bytes(1000)).await;
        assert!(said.contains(&issuer.url) && said.contains(part), "{part}: {said}");
    };
    says(Published::Text(StatusCode::NOT_FOUND, String::new()), "404").await;
    says(Published::Text(StatusCode::OK, "x".repeat(1001)), "1000 bytes").await;
    says(Published::Text(StatusCode::OK, r#"{"keys":[]}"#.to_owned()), "none of the keys").await;
    says(Published::Redirect, "307").await;
    says(Published::Silence, "200ms").await;
    // What is published is no secret, so nothing is signed by it.
    let shared = r#"{"keys":[{"kty":"oct","alg":"HS256","use":"sig","kid":"a","k":"c2VjcmV0"}]}"#;
    says(Published::Text(StatusCode::OK, shared.to_owned()), "none of the keys").await;

    for url in ["", "keys", "/keys", "ftp://id.example/keys", "https:///keys"] {
        assert!(why(url.into()).await.contains("not the URL"), "{url}");
    }
    let keys = || JwksUrl::new(&issuer.url);
    for (zero, name) in [
        (keys().refresh_every(Duration::ZERO), "refresh_every"),
        (keys().timeout(Duration::ZERO), "timeout"),
        (keys().max_bytes(0), "max_bytes"),
    ] {
        assert!(why(zero).await.contains(name), "{name}");
    }
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}/keys", listener.local_addr().unwrap())
    };
    assert!(why(nobody.into()).await.contains("refused"));
}
