//! Volatile events to many: who has to wait for one never gets it, and nobody else is affected.

use std::sync::Arc;

use crate::{
    EmitError, Server,
    dispatch::testing::{Plan, World, eventually},
    options::Options,
};

#[tokio::test]
async fn a_member_that_does_not_read_misses_what_the_others_hear() {
    let mut plan = Plan::default();
    plan.options = Options { outbox_bytes: 1 << 24, ..Options::default() };
    let world = World::of(plan).await;
    let server = Server::new(Arc::clone(world.gateway.namespace()));
    let mut slow = world.client().await;
    let stalled = server.sockets().remove(0);
    let mut quick = world.client().await;
    server.sockets_join("board").await.unwrap();
    // More than the kernel takes.
    stalled.try_emit("large", "x".repeat(12_000_000)).unwrap();
    for number in 0..200 {
        server.to("board").volatile().emit("cursor", number).await.unwrap();
        stalled.volatile().emit("cursor", number).await.unwrap();
        assert_eq!(quick.hear().await, Some(format!(r#"42["cursor",{number}]"#)));
    }
    server.volatile().emit("cursor", "for all").await.unwrap();
    server.to("board").emit("drawn", ()).await.unwrap();
    assert_eq!(quick.hear().await.unwrap(), r#"42["cursor","for all"]"#);
    assert_eq!(quick.hear().await.unwrap(), r#"42["drawn"]"#);
    assert!(stalled.is_connected() && server.slow_clients_disconnected() == 0);

    assert!(slow.hear().await.unwrap().starts_with(r#"42["large","#));
    assert_eq!(slow.hear().await.unwrap(), r#"42["drawn"]"#, "and no cursor");
    server.to("board").volatile().emit("cursor", "at last").await.unwrap();
    assert_eq!(slow.hear().await.unwrap(), r#"42["cursor","at last"]"#);

    drop(slow);
    eventually(|| !stalled.is_connected()).await;
    assert_eq!(stalled.volatile().emit("cursor", 1).await, Err(EmitError::Disconnected));
    let reserved = stalled.volatile().emit("connect", 1).await;
    assert!(matches!(reserved, Err(EmitError::ReservedEvent(_))));
}
