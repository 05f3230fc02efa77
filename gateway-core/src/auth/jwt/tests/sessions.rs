//! What a token makes of its client: a session, of a user.

use super::*;

async fn admit(claims: Value) -> Result<Session, WsException> {
    admit_by(JwtService::hs256("secret").messages("No token", "No entry"), claims).await
}

async fn admit_by(jwt: JwtService, claims: Value) -> Result<Session, WsException> {
    #[derive(Clone, Deserialize)]
    struct Anyone {}
    let token = jwt.sign(&claims).unwrap();
    let auth = json!({ "token": token }).to_string();
    let handshake = Handshake::new(
        Some(auth.into()),
        Arc::new(RequestHead::default()),
        std::time::SystemTime::UNIX_EPOCH,
    );
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
    let handshake = Handshake::new(
        Some(auth.into()),
        Arc::new(RequestHead::default()),
        std::time::SystemTime::UNIX_EPOCH,
    );
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
        let handshake = Handshake::new(
            Some(auth.into()),
            Arc::new(RequestHead::default()),
            std::time::SystemTime::UNIX_EPOCH,
        );
        let error = Authenticator::authenticate(&authenticator, &handshake).await.unwrap_err();
        assert_eq!((error.code(), error.message()), (code::UNAUTHORIZED, "No token"), "{auth}");
    }
}
