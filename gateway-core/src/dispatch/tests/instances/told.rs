//! Broadcasts, and what is done with many sockets.

use super::*;
use crate::{EmitError, SocketsError, defaults::CLUSTER_LARGEST};

/// Nobody, or one event.
fn told(those: [bool; 3]) -> Vec<Vec<String>> {
    those.map(|is| if is { vec!["news".to_owned()] } else { Vec::new() }).into()
}

#[tokio::test]
async fn a_broadcast_reaches_whom_it_is_for_wherever_and_each_once() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    let cleo = instances.all[2].server.sockets()[0].id();

    server.emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, true, true]), "all");
    server.to("ben").emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([false, true, false]), "a room");
    server.except("ben").emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, false, true]), "all but a room");
    server.to(["lobby", "ben", "cleo"]).emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, true, true]), "each once, in several rooms");
    server.to("lobby").except(cleo).emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, true, false]), "all but one client elsewhere");
    server.to(cleo).emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([false, false, true]), "one client elsewhere");
    server.user("cleo").emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([false, false, true]), "one user elsewhere");
    server.to("lobby").local().emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, false, false]), "those of this process");
    server.local().emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, false, false]), "all of this process");
    server.to(Vec::<String>::new()).emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([false, false, false]), "nobody");
}

#[tokio::test]
async fn what_is_emitted_elsewhere_is_what_is_emitted_here() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    server.to("cleo").emit("消息", ("a \"b\"\n", 1.5, [(); 0])).await.unwrap();
    let cleo = &mut instances.all[2].client;
    assert_eq!(cleo.hear().await.unwrap(), "42[\"消息\",[\"a \\\"b\\\"\\n\",1.5,[]]]");
    server.to("cleo").emit("bytes", bytes::Bytes::from_static(b"\0\xff")).await.unwrap();
    let text = cleo.hear().await.unwrap();
    assert_eq!(text, r#"451-["bytes",{"_placeholder":true,"num":0}]"#);
    assert_eq!(cleo.hear_binary().await, b"\0\xff");
    let too_large = "x".repeat(CLUSTER_LARGEST);
    let refused = server.to("lobby").emit("large", &too_large).await;
    assert!(matches!(refused, Err(EmitError::TooLarge { most: CLUSTER_LARGEST, .. })));
    assert_eq!(instances.heard().await, told([false, false, false]), "nobody is sent it");
    assert_eq!(server.to("lobby").local().emit("large", &too_large).await, Ok(()));
}

#[tokio::test]
async fn the_emits_of_a_process_keep_their_order_everywhere() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    for number in 0..500 {
        let broadcast = if number % 2 == 0 { server.to("lobby") } else { server.except("nobody") };
        broadcast.emit(format!("e{number}"), number).await.unwrap();
    }
    let expected: Vec<String> = (0..500).map(|number| format!("e{number}")).collect();
    for heard in instances.heard().await {
        assert_eq!(heard, expected);
    }
}

#[tokio::test]
async fn other_namespaces_hear_nothing() {
    let mut instances = Instances::three().await;
    let mut other = plan();
    other.options = Options { namespace: "/other".to_owned(), ..Options::default() };
    let cluster = instances.all[1].world.cluster.clone().unwrap();
    let other = process(cluster, other).await;
    let (mut stranger, _) = enter(&other, "ann").await;
    instances.server().emit("news", 1).await.unwrap();
    assert_eq!(instances.heard().await, told([true, true, true]));
    Server::new(Arc::clone(other.gateway.namespace())).emit("all", ()).await.unwrap();
    assert_eq!(stranger.hear().await.unwrap(), r#"42/other,["all"]"#);
}

#[tokio::test]
async fn sockets_have_joined_and_left_everywhere_when_that_returns() {
    let instances = Instances::three().await;
    let server = instances.server();
    let members = |room: &str| -> Vec<bool> {
        let room = room.to_owned();
        instances.all.iter().map(|process| !process.server.to(&room).sockets().is_empty()).collect()
    };
    server.sockets_join("all of them").await.unwrap();
    assert_eq!(members("all of them"), [true, true, true]);
    server.to("ben").sockets_join(["one", "two"]).await.unwrap();
    assert_eq!(
        (members("one"), members("two")),
        (vec![false, true, false], vec![false, true, false])
    );
    let cleo = instances.all[2].server.sockets()[0].id();
    server.to(cleo).sockets_join("by id").await.unwrap();
    assert_eq!(members("by id"), [false, false, true]);
    server.user("ann").sockets_leave("all of them").await.unwrap();
    assert_eq!(members("all of them"), [false, true, true]);
    server.sockets_leave(["all of them", "one"]).await.unwrap();
    assert_eq!(members("all of them"), [false, false, false]);
    assert_eq!(members("two"), [false, true, false]);
    server.local().sockets_join("here").await.unwrap();
    assert_eq!(members("here"), [true, false, false]);
    let too_long = server.sockets_join("x".repeat(300)).await;
    assert!(matches!(too_long, Err(SocketsError::Join(_))), "{too_long:?}");
    let rooms = server.all_rooms().await.unwrap();
    assert_eq!(rooms, ["ann", "ben", "by id", "cleo", "here", "lobby", "two"]);
}

#[tokio::test]
async fn who_is_disconnected_elsewhere_first_hears_what_was_said_before() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    for number in 0..50 {
        server.to("ben").emit("before", number).await.unwrap();
    }
    server.to("ben").disconnect_sockets().await.unwrap();
    server.to("ben").emit("after", ()).await.unwrap();
    let ben = &mut instances.all[1].client;
    for number in 0..50 {
        assert_eq!(ben.hear().await, Some(format!(r#"42["before",{number}]"#)));
    }
    assert_eq!(ben.hear().await.as_deref(), Some("41"));
    eventually(|| instances.all[1].server.socket_count() == 0).await;
    assert_eq!(server.socket_count(), 1, "and nobody else");
    server.disconnect_sockets().await.unwrap();
    for process in [0, 2] {
        assert_eq!(instances.all[process].client.hear().await.as_deref(), Some("41"));
    }
}

#[tokio::test]
async fn whose_connection_is_closed_elsewhere_first_hears_what_was_said_before() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    server.to("ben").emit("before", 1).await.unwrap();
    server.to("ben").close_connections().await.unwrap();
    let ben = &mut instances.all[1].client;
    assert_eq!(ben.hear().await.as_deref(), Some(r#"42["before",1]"#));
    assert_eq!(ben.hear().await.as_deref(), Some("41"));
    // It does not end the connection by itself.
    assert_eq!(ben.hear().await, None);
    assert_eq!(server.socket_count(), 1, "and nobody else");
    server.sockets()[0].close_connection();
    assert_eq!(instances.all[0].client.hear().await.as_deref(), Some("41"));
    assert_eq!(instances.all[0].client.hear().await, None);
}

#[tokio::test]
async fn what_is_volatile_is_not_kept_for_a_cluster_that_is_away() {
    let mut instances = Instances::three().await;
    let server = instances.server().clone();
    server.volatile().emit("cursor", 1).await.unwrap();
    let cursor = vec!["cursor".to_owned()];
    assert_eq!(instances.heard().await, vec![cursor; 3]);
    instances.network.stop();
    let cluster = instances.all[0].world.cluster.clone().unwrap();
    eventually(|| cluster.why_not().is_some()).await;
    server.volatile().emit("cursor", 2).await.unwrap();
    server.emit("news", 2).await.unwrap();
    instances.network.start();
    let heard = instances.heard().await;
    let news = || vec!["news".to_owned()];
    assert_eq!(heard, [vec!["cursor".to_owned(), "news".to_owned()], news(), news()]);
}
