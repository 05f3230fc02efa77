//! Tokens that are verified with a set of public keys.

use super::*;

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
