//! Whose tokens hold, and whose do not.

mod key_sets;
mod pem;
#[cfg(feature = "jwks-url")]
mod remote;
mod sessions;

use std::time::UNIX_EPOCH;

use jsonwebtoken::jwk::JwkSet;
use serde::Deserialize;

use super::*;
use crate::{auth::session::Session, code, platform::RequestHead};
use pem::*;

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
