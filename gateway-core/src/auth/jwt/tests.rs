//! Whose tokens hold, and whose do not.

#[cfg(feature = "jwks-url")]
mod remote;

use std::time::UNIX_EPOCH;

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

use super::*;
use crate::{auth::session::Session, code, platform::RequestHead};

const FAR: u64 = 4_000_000_000;

#[track_caller]
fn refused(jwt: &JwtService, token: &str) {
    let error = jwt.verify::<Value>(token).unwrap_err();
    assert_eq!(error.code(), code::UNAUTHORIZED);
    assert_eq!(error.message(), "Authentication failed");
}

#[track_caller]
fn holds(jwt: &JwtService, token: &str) {
    assert_eq!(jwt.verify::<Value>(token).unwrap()["sub"], 7);
}

/// A token of anybody with a key: what the service itself would not sign.
fn forged(header: &Header, key: &EncodingKey) -> String {
    jsonwebtoken::encode(header, &json!({ "sub": 7, "exp": FAR }), key).unwrap()
}

fn named(algorithm: Algorithm, kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) }
}

fn good(jwt: &JwtService) -> String {
    jwt.sign(&json!({ "sub": 7, "exp": FAR })).unwrap()
}

fn every_kind() -> [JwtService; 4] {
    [
        JwtService::hs256("secret"),
        JwtService::rs256(RSA, RSA_PUBLIC).unwrap(),
        JwtService::es256(EC, EC_PUBLIC).unwrap(),
        JwtService::eddsa(ED, ED_PUBLIC).unwrap(),
    ]
}

#[test]
fn its_own_tokens_hold_and_no_others() {
    for (place, jwt) in every_kind().iter().enumerate() {
        for (other_place, other) in every_kind().iter().enumerate() {
            if place == other_place {
                holds(jwt, &good(other));
            } else {
                refused(jwt, &good(other));
            }
        }
    }
    // The same algorithm, another key.
    refused(&JwtService::hs256("secret"), &good(&JwtService::hs256("Secret")));
    let stranger = EncodingKey::from_ed_pem(OTHER_ED.as_bytes()).unwrap();
    let jwt = JwtService::eddsa(ED, ED_PUBLIC).unwrap();
    refused(&jwt, &forged(&Header::new(Algorithm::EdDSA), &stranger));
}

#[test]
fn what_is_no_token_does_not_hold() {
    for jwt in &every_kind() {
        let token = good(jwt);
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("a token has three parts")
        };
        for wrong in [
            "",
            ".",
            "..",
            "a.b.c",
            header,
            &format!("{header}.{claims}"),
            &format!("{header}.{claims}."),
            &format!("{header}.{claims}.{claims}"),
            &format!("{header}.{claims}.{signature}.{signature}"),
            &format!("{header}.{signature}.{claims}"),
            &format!(" {token}"),
            &format!("{token}="),
            // {"sub":8,"exp":4000000000}, under the signature of another
            &format!("{header}.eyJzdWIiOjgsImV4cCI6NDAwMDAwMDAwMH0.{signature}"),
        ] {
            refused(jwt, wrong);
        }
    }
}

/// The public key is public: whoever has it can sign with its text as if it were a secret.
#[test]
fn the_public_key_is_no_secret() {
    let modulus = {
        use jsonwebtoken::jwk::AlgorithmParameters;
        let set: JwkSet = serde_json::from_str(KEYS).unwrap();
        let AlgorithmParameters::RSA(rsa) = &set.keys[0].algorithm else { panic!("no RSA key") };
        rsa.n.clone()
    };
    let services = [
        JwtService::rs256(RSA, RSA_PUBLIC).unwrap(),
        JwtService::es256(EC, EC_PUBLIC).unwrap(),
        JwtService::eddsa(ED, ED_PUBLIC).unwrap(),
        JwtService::jwks(KEYS).unwrap(),
    ];
    for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
        for public in [RSA_PUBLIC, EC_PUBLIC, ED_PUBLIC, KEYS, &modulus] {
            for secret in [public, public.trim_end(), &format!("{public}\n"), ""] {
                let secret = EncodingKey::from_secret(secret.as_bytes());
                for jwt in &services {
                    refused(jwt, &forged(&Header::new(algorithm), &secret));
                    for kid in ["rsa", "ec", "ed"] {
                        refused(jwt, &forged(&named(algorithm, kid), &secret));
                    }
                }
            }
        }
    }
}

#[test]
fn the_header_does_not_choose_the_algorithm() {
    let [hmac, rsa, ..] = &every_kind();
    for algorithm in [Algorithm::HS384, Algorithm::HS512] {
        let same_secret = EncodingKey::from_secret(b"secret");
        refused(hmac, &forged(&Header::new(algorithm), &same_secret));
    }
    for algorithm in [Algorithm::RS384, Algorithm::RS512, Algorithm::PS256] {
        let same_key = EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap();
        refused(rsa, &forged(&Header::new(algorithm), &same_key));
    }
    // {"alg":"none"}, {"alg":"None"}, {"alg":"NONE"}, {"typ":"JWT"}, {"alg":""}, {"alg":null}
    for header in [
        "eyJhbGciOiJub25lIn0",
        "eyJhbGciOiJOb25lIn0",
        "eyJhbGciOiJOT05FIn0",
        "eyJ0eXAiOiJKV1QifQ",
        "eyJhbGciOiIifQ",
        "eyJhbGciOm51bGx9",
    ] {
        for jwt in &every_kind() {
            let token = good(jwt);
            let (_, rest) = token.split_once('.').unwrap();
            let (claims, signature) = rest.split_once('.').unwrap();
            refused(jwt, &format!("{header}.{claims}."));
            refused(jwt, &format!("{header}.{claims}.{signature}"));
            refused(jwt, &format!("{header}.{claims}"));
        }
    }
}

#[test]
fn expiry_is_required_and_exact() {
    for jwt in &every_kind() {
        let now = jsonwebtoken::get_current_timestamp();
        for exp in [
            json!(null),
            json!(now - 1),
            json!(0),
            json!(-1),
            json!(FAR.to_string()),
            json!([FAR]),
            json!({ "at": FAR }),
            json!(true),
        ] {
            refused(jwt, &jwt.sign(&json!({ "sub": 7, "exp": exp })).unwrap());
        }
        refused(jwt, &jwt.sign(&json!({ "sub": 7 })).unwrap());
        holds(jwt, &jwt.sign(&json!({ "sub": 7, "exp": now + 60 })).unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_for_later_does_not_hold_yet_but_clocks_may_differ() {
    let now = 2_000_000_000;
    let at = |leeway| {
        let jwt = JwtService::hs256("secret");
        let jwt = match leeway {
            Some(leeway) => jwt.leeway(leeway),
            None => jwt,
        };
        JwtService { clock: Clock::starting_at(UNIX_EPOCH + Duration::from_secs(now)), ..jwt }
    };
    let token = |jwt: &JwtService, nbf: Value| {
        jwt.sign(&json!({ "sub": 7, "exp": FAR, "nbf": nbf })).unwrap()
    };
    for (leeway, ahead, good) in [
        (None, 0, true),
        (None, 1, true),
        (None, 5, true),
        (None, 6, false),
        (Some(Duration::ZERO), 0, true),
        (Some(Duration::ZERO), 1, false),
        (Some(Duration::from_secs(60)), 60, true),
        (Some(Duration::from_secs(60)), 61, false),
        (Some(Duration::MAX), 1_000_000, true),
    ] {
        let jwt = at(leeway);
        let token = token(&jwt, json!(now + ahead));
        let read = jwt.verify::<Value>(&token);
        assert_eq!(read.is_ok(), good, "{leeway:?}, {ahead} s ahead");
    }
    let jwt = at(None);
    for nbf in [json!("soon"), json!(true), json!([now]), json!((now + 60).to_string())] {
        refused(&jwt, &token(&jwt, nbf));
    }
    for nbf in [json!(null), json!(-1), json!(now as f64 + 4.5), json!(0)] {
        holds(&jwt, &token(&jwt, nbf));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leeway_lengthens_no_token() {
    let now = 2_000_000_000;
    let clock = Clock::starting_at(UNIX_EPOCH + Duration::from_secs(now));
    let jwt = JwtService { clock, ..JwtService::hs256("secret").leeway(Duration::from_secs(60)) };
    refused(&jwt, &jwt.sign(&json!({ "sub": 7, "exp": now })).unwrap());
    holds(&jwt, &jwt.sign(&json!({ "sub": 7, "exp": now + 1 })).unwrap());
}

fn with_claim(jwt: &JwtService, name: &str, value: Value) -> String {
    let mut claims = json!({ "sub": 7, "exp": FAR });
    claims[name] = value;
    jwt.sign(&claims).unwrap()
}

#[test]
fn a_token_for_somebody_else_is_refused() {
    let signer = JwtService::hs256("secret");
    let token = |aud: Value| with_claim(&signer, "aud", aud);
    let none = signer.clone();
    let one = JwtService::hs256("secret").audience("chat");
    let two = one.clone().audience("https://chat.example");
    let required = one.clone().require_audience();

    for aud in [json!("chat"), json!(["chat"]), json!(["other", "chat"])] {
        for jwt in [&none, &one, &two, &required] {
            holds(jwt, &token(aud.clone()));
        }
    }
    for aud in [json!("https://chat.example"), json!(["x", "https://chat.example"])] {
        holds(&two, &token(aud.clone()));
        refused(&one, &token(aud));
    }
    for aud in [
        json!("another-app"),
        json!(""),
        json!("Chat"),
        json!("chat "),
        json!([]),
        json!(["other"]),
        json!(7),
        json!({ "chat": "chat" }),
        json!([["chat"]]),
        json!(true),
    ] {
        holds(&none, &token(aud.clone()));
        for jwt in [&one, &two, &required] {
            refused(jwt, &token(aud.clone()));
        }
    }
    // Of a token that does not say whom it is for.
    for unsaid in [good(&signer), token(json!(null))] {
        holds(&one, &unsaid);
        refused(&required, &unsaid);
    }
    refused(&none.require_audience(), &token(json!("chat")));
}

#[test]
fn a_token_of_somebody_else_is_refused() {
    let jwt = JwtService::hs256("secret").issuer("https://id.example/").issuer("me");
    for iss in [json!("https://id.example/"), json!("me")] {
        holds(&jwt, &with_claim(&jwt, "iss", iss));
    }
    for iss in [
        json!("https://id.example"),
        json!("https://ID.example/"),
        json!("https://id.example/?"),
        json!(""),
        json!(null),
        json!(["me"]),
        json!(7),
    ] {
        refused(&jwt, &with_claim(&jwt, "iss", iss.clone()));
        holds(&JwtService::hs256("secret"), &with_claim(&jwt, "iss", iss));
    }
    refused(&jwt, &good(&jwt));
}

#[test]
fn a_header_that_must_be_understood_is_not() {
    let keys = JwtService::jwks(KEYS).unwrap();
    let [rsa, ..] = signers();
    for crit in [vec!["exp"], vec!["b64"], vec![], vec!["http://example.invalid/UNDEFINED"]] {
        let crit = Some(crit.into_iter().map(str::to_owned).collect::<Vec<_>>());
        let secret = EncodingKey::from_secret(b"secret");
        let header = Header { crit: crit.clone(), ..Header::new(Algorithm::HS256) };
        refused(&JwtService::hs256("secret"), &forged(&header, &secret));
        let header = Header { crit, ..named(Algorithm::RS256, "rsa") };
        refused(&keys, &forged(&header, &rsa));
    }
}

#[test]
fn an_empty_secret_opens_nothing_and_is_a_mistake() {
    let empty = JwtService::hs256("");
    assert!(empty.sign(&json!({ "exp": FAR })).unwrap_err().is_internal());
    let nobody = EncodingKey::from_secret(b"");
    refused(&empty, &forged(&Header::new(Algorithm::HS256), &nobody));
    let (what, _) = empty.mistakes().next().expect("a mistake");
    assert!(what.contains("empty"), "{what}");
}

#[test]
fn what_is_weak_is_warned_of() {
    let warnings = |jwt: &JwtService| jwt.warnings().count();
    for (bytes, count) in [(1, 1), (31, 1), (32, 0), (64, 0)] {
        let jwt = JwtService::hs256(vec![b'x'; bytes]);
        assert_eq!((warnings(&jwt), jwt.mistakes().count()), (count, 0), "{bytes}");
    }
    let keys = JwtService::jwks(KEYS).unwrap();
    assert_eq!(warnings(&keys), 1);
    assert_eq!(warnings(&keys.audience("chat")), 0);
    assert_eq!(warnings(&JwtService::rs256(RSA, RSA_PUBLIC).unwrap()), 0);
    assert_eq!(JwtService::hs256([7; 32]).require_audience().mistakes().count(), 1);
}

#[test]
fn claims_of_another_form_are_refused() {
    #[derive(Debug, Deserialize)]
    struct Named {
        #[serde(rename = "name")]
        _name: String,
    }
    let jwt = JwtService::hs256("secret");
    let error = jwt.verify::<Named>(&good(&jwt)).unwrap_err();
    assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "Authentication failed"));
}

#[test]
fn keys_of_the_wrong_kind_cannot_be_read() {
    for (private, public) in [("", ""), ("no key", RSA_PUBLIC), (RSA, "no key"), (RSA, EC_PUBLIC)] {
        assert!(JwtService::rs256(private, public).is_err());
    }
    assert!(JwtService::rs256(EC, EC_PUBLIC).is_err());
    assert!(JwtService::es256(ED, ED_PUBLIC).is_err());
    assert!(JwtService::eddsa(RSA, RSA_PUBLIC).is_err());
    assert!(JwtService::es256(EC_PUBLIC, EC_PUBLIC).is_err());
    assert!(JwtService::eddsa(ED_PUBLIC, ED_PUBLIC).is_err());
}

#[test]
fn an_unreadable_key_is_not_repeated_in_its_error() {
    let error = JwtService::rs256("top secret", RSA_PUBLIC).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("top secret"), "{error:?}");
}

#[test]
fn a_key_set_verifies_by_the_name_of_the_key() {
    let jwt = JwtService::jwks(KEYS).unwrap();
    let [rsa, ec, ed] = signers();
    holds(&jwt, &forged(&named(Algorithm::RS256, "rsa"), &rsa));
    holds(&jwt, &forged(&named(Algorithm::ES256, "ec"), &ec));
    holds(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &ed));
    // Which key it was is not told: those of the algorithm are tried.
    holds(&jwt, &forged(&Header::new(Algorithm::RS256), &rsa));
    holds(&jwt, &forged(&Header::new(Algorithm::ES256), &ec));
    holds(&jwt, &forged(&Header::new(Algorithm::EdDSA), &ed));
}

#[test]
fn a_key_set_refuses_other_names_keys_and_algorithms() {
    let jwt = JwtService::jwks(KEYS).unwrap();
    let [rsa, ec, ed] = signers();
    // There is no such key.
    refused(&jwt, &forged(&named(Algorithm::RS256, "retired"), &rsa));
    refused(&jwt, &forged(&named(Algorithm::RS256, ""), &rsa));
    refused(&jwt, &forged(&named(Algorithm::RS256, "RSA"), &rsa));
    // There is, but it is another one.
    refused(&jwt, &forged(&named(Algorithm::RS256, "ec"), &rsa));
    refused(&jwt, &forged(&named(Algorithm::ES256, "ed"), &ec));
    refused(&jwt, &forged(&named(Algorithm::EdDSA, "other-ed"), &ed));
    // The key has another algorithm.
    refused(&jwt, &forged(&named(Algorithm::RS512, "rsa"), &rsa));
    refused(&jwt, &forged(&named(Algorithm::PS256, "rsa"), &rsa));
    // A key of nobody.
    let ghost = EncodingKey::from_ed_pem(GHOST_ED.as_bytes()).unwrap();
    refused(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &ghost));
    refused(&jwt, &forged(&Header::new(Algorithm::EdDSA), &ghost));
}

/// While keys are rotated there are two of one kind.
#[test]
fn a_key_set_tries_all_keys_of_the_algorithm_where_none_is_named() {
    let jwt = JwtService::jwks(KEYS).unwrap();
    let second = EncodingKey::from_ed_pem(OTHER_ED.as_bytes()).unwrap();
    holds(&jwt, &forged(&Header::new(Algorithm::EdDSA), &second));
    holds(&jwt, &forged(&named(Algorithm::EdDSA, "other-ed"), &second));
    refused(&jwt, &forged(&named(Algorithm::EdDSA, "ed"), &second));
}

#[test]
fn a_key_set_signs_nothing() {
    let error = JwtService::jwks(KEYS).unwrap().sign(&json!({ "exp": FAR })).unwrap_err();
    assert!(error.is_internal());
}

#[test]
fn what_is_no_key_set_cannot_be_read() {
    let nameless = json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "x": ED_X }] });
    for text in
        ["", "{}", "[]", r#"{"keys":{}}"#, r#"{"keys":[{}]}"#, RSA_PUBLIC, &nameless.to_string()]
    {
        assert!(JwtService::jwks(text).is_err(), "{text}");
    }
}

async fn admit(claims: Value) -> Result<Session, WsException> {
    admit_by(JwtService::hs256("secret").messages("No token", "No entry"), claims).await
}

async fn admit_by(jwt: JwtService, claims: Value) -> Result<Session, WsException> {
    #[derive(Clone, Deserialize)]
    struct Anyone {}
    let token = jwt.sign(&claims).unwrap();
    let auth = json!({ "token": token }).to_string();
    let handshake = Handshake::new(Some(auth.into()), Arc::new(RequestHead::default()));
    let authenticator = JwtAuthenticator::<Anyone> { jwt: jwt.into(), identity: PhantomData };
    Authenticator::authenticate(&authenticator, &handshake).await.map(Session::from)
}

#[tokio::test]
async fn the_session_is_that_of_the_token() {
    let claims = json!({ "sub": 7, "exp": FAR, "role": "admin", "roles": ["writer"] });
    let session = admit(claims).await.unwrap();
    assert_eq!(session.user(), Some("7"));
    assert_eq!(session.roles(), ["admin", "writer"]);
    assert_eq!(session.expires_at(), Some(UNIX_EPOCH + Duration::from_secs(FAR)));
}

#[tokio::test]
async fn a_number_and_its_text_are_one_user() {
    for (sub, user) in [
        (json!(7), Some("7")),
        (json!("7"), Some("7")),
        (json!("seven"), Some("seven")),
        (json!(null), None),
        (json!(true), None),
    ] {
        let session = admit(json!({ "sub": sub, "exp": FAR })).await.unwrap();
        assert_eq!(session.user(), user, "{sub}");
        assert!(session.roles().is_empty());
    }
    assert_eq!(admit(json!({ "exp": FAR })).await.unwrap().user(), None);
}

#[tokio::test]
async fn a_subject_that_is_read_as_something_has_one_name() {
    let admit = async |sub: Value| {
        let jwt = JwtService::hs256("secret").subject::<u8>();
        admit_by(jwt, json!({ "sub": sub, "exp": FAR })).await
    };
    for sub in [json!(7), json!("7"), json!("007")] {
        assert_eq!(admit(sub).await.unwrap().user(), Some("7"));
    }
    for sub in [json!("seven"), json!(-7), json!(256)] {
        assert_eq!(admit(sub).await.unwrap_err().code(), code::UNAUTHORIZED);
    }
    assert_eq!(admit(json!(null)).await.unwrap().user(), None);
}

#[derive(Debug, PartialEq, Deserialize)]
struct ById {
    sub: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
struct ByName {
    sub: String,
}

#[test]
fn a_subject_is_a_number_or_a_string_whichever_is_wanted() {
    let jwt = JwtService::hs256("secret");
    let token = |sub: &Value| jwt.sign(&json!({ "sub": sub, "exp": FAR, "a\"b": [1] })).unwrap();
    for (sub, id) in [
        (json!(7), Some(7)),
        (json!("7"), Some(7)),
        (json!("0"), Some(0)),
        (json!(u64::MAX.to_string()), Some(u64::MAX)),
        (json!("007"), None),
        (json!("+7"), None),
        (json!("-7"), None),
        (json!(""), None),
        (json!("seven"), None),
        (json!("7 "), None),
        (json!(null), None),
    ] {
        let read = jwt.verify::<ById>(&token(&sub)).ok();
        assert_eq!(read, id.map(|sub| ById { sub }), "{sub}");
    }
    for (sub, name) in [
        (json!("ann"), Some("ann")),
        (json!("7"), Some("7")),
        (json!(7), Some("7")),
        (json!(-7), Some("-7")),
        (json!(7.0), Some("7")),
        (json!(null), None),
        (json!(["ann"]), None),
        (json!(true), None),
    ] {
        let read = jwt.verify::<ByName>(&token(&sub)).ok();
        assert_eq!(read, name.map(|sub| ByName { sub: sub.to_owned() }), "{sub}");
    }
    // What the subject is read as says which user it is, in either form.
    let jwt = jwt.subject::<u64>();
    let token = |sub: Value| jwt.sign(&json!({ "sub": sub, "exp": FAR })).unwrap();
    assert_eq!(jwt.verify::<ById>(&token(json!("007"))).unwrap(), ById { sub: 7 });
    assert_eq!(jwt.verify::<ByName>(&token(json!(7))).unwrap().sub, "7");
    refused(&jwt, &token(json!("ann")));
}

/// As numbers they would be one float, and two users one.
#[tokio::test]
async fn subjects_beyond_64_bits_are_told_apart() {
    for sub in ["18446744073709551617", "18446744073709551618"] {
        let claims = format!(r#"{{"sub":{sub},"exp":{FAR}}}"#);
        let claims: Box<RawValue> = serde_json::from_str(&claims).unwrap();
        let jwt = JwtService::hs256("secret");
        let token = jwt.sign(&claims).unwrap();
        let verified = jwt.verified(&token, &jwt.keys.now()).unwrap();
        assert_eq!(verified.user.as_deref(), Some(sub));
    }
}

#[tokio::test]
async fn an_identity_is_read_by_a_subject_of_either_form() {
    #[derive(Clone, Deserialize)]
    struct User {
        #[serde(rename = "sub")]
        id: u64,
    }
    let jwt = Arc::new(JwtService::hs256("secret"));
    let token = jwt.sign(&json!({ "sub": "7", "exp": FAR })).unwrap();
    let auth = json!({ "token": token }).to_string();
    let handshake = Handshake::new(Some(auth.into()), Arc::new(RequestHead::default()));
    let authenticator = JwtAuthenticator::<User> { jwt, identity: PhantomData };
    let session: Session =
        Authenticator::authenticate(&authenticator, &handshake).await.unwrap().into();
    assert_eq!(session.identity::<User>().unwrap().id, 7);
    assert_eq!(session.user(), Some("7"));
}

#[tokio::test]
async fn who_is_refused_reads_the_words_of_the_application() {
    let error = admit(json!({ "sub": 7 })).await.unwrap_err();
    assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "No entry"));

    let jwt = Arc::new(JwtService::hs256("secret").messages("No token", "No entry"));
    let authenticator = JwtAuthenticator::<Value> { jwt, identity: PhantomData };
    for auth in ["null", "{}", r#"{"token":""}"#, r#"{"token":7}"#] {
        let handshake = Handshake::new(Some(auth.into()), Arc::new(RequestHead::default()));
        let error = Authenticator::authenticate(&authenticator, &handshake).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "No token"), "{auth}");
    }
}

#[test]
fn no_key_is_shown() {
    for jwt in &every_kind() {
        assert_eq!(format!("{jwt:?}"), "JwtService { keys: 1, .. }");
    }
}

fn signers() -> [EncodingKey; 3] {
    [
        EncodingKey::from_rsa_pem(RSA.as_bytes()).unwrap(),
        EncodingKey::from_ec_pem(EC.as_bytes()).unwrap(),
        EncodingKey::from_ed_pem(ED.as_bytes()).unwrap(),
    ]
}

// Keys made for these tests; they open nothing.

const RSA: &str = "\
-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQClp+rMSkqAlMzN
tEDh8KH7D1z7AUW3ajTMJH5pKIK0vWrvRMas8SyzDviKd7zasuw0/4oZpe6bNJFV
LuD7SP9Y7F2Ulv9JzVhGWOX/wr7C7bWmFf6UmPt2hZ++wXjNNKCyPzksfg2o6sUN
B9OvOGSuS9vTrk9c/G4p4gsUWoH7NCFCz0BUukaXcUjxrx3ymd5oXD7odw3feu58
I0mb30zJL4JKJHfdByk6yjZ7BY5H6u5XIz03fSnDQqr9dFckG4jcd1agWvYBmbY+
BI12BOU/DRRUARUadD9ZAFaJaMxjp371/P/QzLfIXObiMiqtCFhim3yHTnvFjwlF
ZQITpXHbAgMBAAECggEAHwB677qjkMbIQWMPlXk8R0kLxKnrSzUkJmRaCAId3Adr
ANZlPC5yiBwwJXHdNSyxCgYc6UnlisRewotgbYauywyJQuqzYjN85sVyXdgrbT2h
djC9kT/EJ91AFSoOGpFT1agBYjNBCTDOqe6iDjPGm9v0ivwfPC69yzbTjf6WPtWo
o2miflosS+25srwCeNHvsI1v/OSXqm2i0bHmmplhRC1zr/Fv/g/JN9CMQdUR3OWt
bstyisVZser4o45+yizbmvMUrt1BhmthxieXfLqY9JWcoZ5ZNOJc4voePgqeTpbG
+zUpEtTfixDbu55F4rClVCKIDSZlGwUKJTuy9LCIMQKBgQDOL+whSbG6B+UlvMkT
sX9+lb1OIReFnT4Gq5LYoTTT2m2Xh8L1mplfU+gLNBgJ0xP4gZtT220ircG3nlQ7
Y5zddTwqS68sA7Yiso3H20YbPq+syenJvcL7wXwXqW2N3WgCOwy+Z8KcXfK1uqiz
4fKj6W9VL9zlzjwJgPqsvdUjkwKBgQDNrUD3LVVt8FUQI/ooIFMoUBUL0pHNXeiO
E8zRplIkqLyI5reWhCPKSTKGu2OT/HUP1M2I7LCRhmjU2Fl6um2kaj5Kc2WA50Pm
ABy3B2JkvuBVIAnrOAyrR2MohGrHcWpjlEz8V/zjFRR+f2OHQyxp6/PmDzHrbhB0
VXtXJJt1mQKBgBUM+XuwjW+jzLZcnt7e2VhwK0KlyEQA+Msviy+Izd7vRw8YckQn
A4+i/mbea7HdFgXiHZyjI3JN8SAxDwJ9Og+2H21mCr1gp6DFQApujarMbJ0khDTv
pc+UQnob9y5rs2m+458w8sKKKPR62Sx8Xgx0EcTNvSzNMH376BvoybD3AoGAEFj5
9euDg8Z7bFn/sxrGoUikM5lb/1+8cTZ/rBY1JzbGLXdxFiSQl65ztqPESWnigAyg
/YYajqaJRImhqxCQUGYlZ1N+uN0o12og3idXGbzWJc3zG+ALmb2F0x2bQxjvpNSP
vercbcwqIdfMOF8Nc6nOa/W/OQA5jJWSxR1iwdkCgYEAx2uRxH8vrMgRTqEEfZmG
D/iaO+udKKB0h3nDe90z3cwNIN1W1qGimgUjpBve95RrhUh4RhZ5L8V2yxAzTr70
b7y1/KCfQt1nAazGRSwSkTo0Y+svyHsGksK3McbQj7U93oLt7q0lCxc8P3dQQcFK
Zea4XI61v+VH6bc00py5Np8=
-----END PRIVATE KEY-----
";

const RSA_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEApafqzEpKgJTMzbRA4fCh
+w9c+wFFt2o0zCR+aSiCtL1q70TGrPEssw74ine82rLsNP+KGaXumzSRVS7g+0j/
WOxdlJb/Sc1YRljl/8K+wu21phX+lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhk
rkvb065PXPxuKeILFFqB+zQhQs9AVLpGl3FI8a8d8pneaFw+6HcN33rufCNJm99M
yS+CSiR33QcpOso2ewWOR+ruVyM9N30pw0Kq/XRXJBuI3HdWoFr2AZm2PgSNdgTl
Pw0UVAEVGnQ/WQBWiWjMY6d+9fz/0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx
2wIDAQAB
-----END PUBLIC KEY-----
";

const EC: &str = "\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgh+XfbXmELJavugpe
7Vl8ndAp6ugcQp7C748n6eArclShRANCAASdssqaCM/DgeAapaHWhtKbLy5NcpQH
GE+qSP8F05nlTkt5cDo08WFDRJF9m1lo4uWS5wzmY+OknlGcZX5BTaWp
-----END PRIVATE KEY-----
";

const EC_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEnbLKmgjPw4HgGqWh1obSmy8uTXKU
BxhPqkj/BdOZ5U5LeXA6NPFhQ0SRfZtZaOLlkucM5mPjpJ5RnGV+QU2lqQ==
-----END PUBLIC KEY-----
";

const ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIDti3ra0PfhQ15X1hh0ZtnmhRvtoYrklVQfP9h92bSkw
-----END PRIVATE KEY-----
";

const ED_PUBLIC: &str = "\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAvKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o=
-----END PUBLIC KEY-----
";

const OTHER_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIIQrHU+tF39YLKZ3Z735AzQndLDN78TgzPsUUSm7ccXk
-----END PRIVATE KEY-----
";

const GHOST_ED: &str = "\
-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIPvzlfUerTWxY5md+Xd0NEnJauY58GKrI9L7WORG71Rk
-----END PRIVATE KEY-----
";

const ED_X: &str = "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o";

/// The public halves of the above, as an issuer publishes them.
const KEYS: &str = r#"{"keys": [
        {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "rsa", "e": "AQAB", "n": "pafqzEpKgJTMzbRA4fCh-w9c-wFFt2o0zCR-aSiCtL1q70TGrPEssw74ine82rLsNP-KGaXumzSRVS7g-0j_WOxdlJb_Sc1YRljl_8K-wu21phX-lJj7doWfvsF4zTSgsj85LH4NqOrFDQfTrzhkrkvb065PXPxuKeILFFqB-zQhQs9AVLpGl3FI8a8d8pneaFw-6HcN33rufCNJm99MyS-CSiR33QcpOso2ewWOR-ruVyM9N30pw0Kq_XRXJBuI3HdWoFr2AZm2PgSNdgTlPw0UVAEVGnQ_WQBWiWjMY6d-9fz_0My3yFzm4jIqrQhYYpt8h057xY8JRWUCE6Vx2w"},
        {"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "ec", "x": "nbLKmgjPw4HgGqWh1obSmy8uTXKUBxhPqkj_BdOZ5U4", "y": "S3lwOjTxYUNEkX2bWWji5ZLnDOZj46SeUZxlfkFNpak"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": "vKYf77I0F4EYS7vKjnxWmJOFHjEZEKoZLj7pe8BFZ0o"},
        {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "other-ed", "x": "y6UBuB0EtooXnFVnn9-hdgQEQa6UIpnB2sITdTMscWM"}
    ]}"#;
