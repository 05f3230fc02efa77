//! `POST /auth/login`, where there is one.

use serde_json::{Value, json};

use super::Demo;

#[tokio::test]
async fn anyone_gets_a_token_for_any_user() {
    let demo = Demo::start().await;
    for user in [json!(7), json!("7")] {
        let body = json!({ "userId": user, "role": "admin" });
        let reply = demo.0.http().post("/auth/login").json(&body).await.assert_status(200);
        let token = reply.json::<Value>()["access_token"].take();
        let device = demo.0.connect("/presence").auth(json!({ "token": token })).await;
        let online: Value = device.ack("get-online-users", ()).await.unwrap();
        assert_eq!(online, json!({ "onlineUserIds": [7] }));
    }
}

#[tokio::test]
async fn a_login_that_makes_no_sense_is_told_where() {
    let demo = Demo::start().await;
    let refused = async |body: Value, language| {
        let http = demo.0.http().post("/auth/login").header("accept-language", language);
        http.json(&body).await.assert_status(422).json::<Value>()
    };
    let told = |path: &str, message: &str| json!({ "code": "VALIDATION", "errors": [{ "path": path, "message": message }] });
    let nobody = json!({ "userId": "ann" });
    let english = "must be a number or a string of digits";
    assert_eq!(refused(nobody.clone(), "en").await, told("userId", english));
    let chinese = "必须是数字或由数字组成的字符串";
    assert_eq!(refused(nobody, "zh").await, told("userId", chinese));
    let no_role = json!({ "userId": 1, "role": 7 });
    assert_eq!(refused(no_role, "zh").await, told("role", "内容不符合要求"));
}

#[tokio::test]
async fn there_is_none_where_somebody_chose_a_secret() {
    let demo = Demo::with(&["--jwt-secret", "a secret of somebody's own choice"]).await;
    demo.0.http().post("/auth/login").json(&json!({ "userId": 1 })).await.assert_status(404);
}
