//! One session per user, across processes.

use super::{super::newest::assert_replaced, *};
use crate::options::Sessions;

fn sole() -> Plan {
    let mut plan = plan();
    plan.options = Options { sessions: Sessions::Newest, ..Options::default() };
    plan
}

#[tokio::test]
async fn the_newest_session_goes_on_wherever_it_is() {
    let mut instances = Instances::of(sole).await;
    // In the process of `ben`.
    let (mut second, _) = enter(&instances.all[1].world, "ann").await;
    assert_replaced(&mut instances.all[0].client).await;
    let (mut third, _) = enter(&instances.all[2].world, "ann").await;
    assert_replaced(&mut second).await;
    assert_eq!(third.ask(r#"421["echo",1]"#).await, "431[1]");
    for process in [1, 2] {
        let client = &mut instances.all[process].client;
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]", "nobody else ends");
    }
}

#[tokio::test]
async fn two_at_once_never_end_each_other() {
    let instances = Instances::of(sole).await;
    for round in 0..30 {
        let name = format!("dan {round}");
        let entering = instances.all.iter().map(|process| enter(&process.world, &name));
        let _clients = join_all(entering).await;
        let count = || -> usize {
            let here = instances.all.iter();
            here.map(|process| process.server.user(&name).sockets().len()).sum()
        };
        eventually(|| count() == 1).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(count(), 1, "round {round}");
    }
}

/// Another process tells of its session before ours, which has the lower rank, has come in: so there is nothing to end yet.
#[tokio::test]
async fn who_comes_in_late_with_an_earlier_rank_ends() {
    let mut instances = Instances::of(sole).await;
    let namespace = Arc::clone(instances.all[0].world.gateway.namespace());
    let (newest, adapter) = (namespace.newest.as_ref().unwrap(), namespace.adapter.as_ref());
    let earlier = newest.rank(adapter).await;
    let (mut later, _) = enter(&instances.all[1].world, "dan").await;
    // As if it were one of `dan`.
    let connection = namespace.everyone().pop().unwrap();
    // Behind what the other process has said of its session.
    instances.all[1].server.user("ann").emit("now", ()).await.unwrap();
    assert_eq!(instances.all[0].client.hear().await.as_deref(), Some(r#"42["now"]"#));
    assert_eq!(newest.begin("dan", &connection, earlier, adapter).await, Ok(()));
    assert_replaced(&mut instances.all[0].client).await;
    assert_eq!(later.ask(r#"421["echo",1]"#).await, "431[1]");
}

#[tokio::test]
async fn while_the_cluster_is_away_it_holds_for_each_process() {
    let mut instances = Instances::of(sole).await;
    instances.network.stop();
    let world = &instances.all[0].world;
    eventually(|| world.cluster.as_ref().unwrap().why_not().is_some()).await;
    let (mut second, _) = enter(world, "ann").await;
    assert_replaced(&mut instances.all[0].client).await;
    let (mut elsewhere, _) = enter(&instances.all[1].world, "ann").await;
    for client in [&mut second, &mut elsewhere] {
        assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    }
}
