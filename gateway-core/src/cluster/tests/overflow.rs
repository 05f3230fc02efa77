//! What becomes of what is heard faster than it can be used.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;

use super::{
    super::{Adapter, Answers, Member, Message, Question, memory::Network},
    process::{processes, seconds},
};
use crate::{
    defaults,
    platform::{Group, Packet},
};

/// Takes its time.
#[derive(Default)]
struct Slow {
    /// The sizes of what it has heard; `None` is something that it has missed.
    heard: Mutex<Vec<Option<usize>>>,
}

impl Member for Slow {
    fn may_reach(&self, _group: &Group) -> bool {
        true
    }

    fn hear(self: Arc<Self>, message: Message) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let Message::Event { packet, .. } = message else { panic!("{message:?}") };
            self.heard.lock().unwrap().push(Some(packet.text().len()));
            tokio::time::sleep(Duration::from_secs(5)).await;
        })
    }

    fn missed(&self) {
        self.heard.lock().unwrap().push(None);
    }

    fn asked(self: Arc<Self>, _: Question, _: Answers) {}
}

#[tokio::test(start_paused = true)]
async fn the_oldest_is_missed_and_that_is_told_in_its_place() {
    let network = Network::new();
    let all = processes(&network, 2).await;
    let slow = Arc::<Slow>::default();
    let member: Arc<dyn Member> = Arc::clone(&slow) as _;
    all[1].adapter.attach(Arc::downgrade(&member));
    // One is being heard, ten fit, and three do not.
    let size = |number: usize| defaults::CLUSTER_INBOX / 10 - 100 - number;
    for number in 0..14 {
        let text = format!(r#"["{}"]"#, "x".repeat(size(number) - 4 - 100));
        let packet = Packet::new(text, Vec::new());
        all[0].adapter.say(Message::Event { group: Group::default(), packet, is_volatile: false });
        seconds(u64::from(number == 0)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    seconds(60).await;
    let expected: Vec<_> = [Some(size(0) - 100), None]
        .into_iter()
        .chain((4..14).map(|number| Some(size(number) - 100)))
        .collect();
    assert_eq!(*slow.heard.lock().unwrap(), expected);
}

/// A namespace in which much is said, and nobody keeps up, takes nothing from the others.
#[tokio::test(start_paused = true)]
async fn what_is_said_in_another_namespace_is_heard_though_one_is_flooded() {
    let network = Network::new();
    let [floods, flooded] = [network.join(), network.join()];
    let slow = Arc::<Slow>::default();
    let member: Arc<dyn Member> = Arc::clone(&slow) as _;
    let [loud, quiet] = ["/loud", "/quiet"].map(|namespace| floods.adapter(namespace));
    flooded.adapter("/loud").attach(Arc::downgrade(&member));
    let listener = Arc::<Slow>::default();
    let member: Arc<dyn Member> = Arc::clone(&listener) as _;
    flooded.adapter("/quiet").attach(Arc::downgrade(&member));
    flooded.until_it_hears_of(1).await;
    let say = |adapter: &Adapter, bytes: usize| {
        let packet = Packet::new(format!(r#"["{}"]"#, "x".repeat(bytes - 4)), Vec::new());
        adapter.say(Message::Event { group: Group::default(), packet, is_volatile: false });
    };
    for _ in 0..40 {
        say(&loud, 1024 * 1024);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // More than what there may be room for by chance.
    let large = 2 * 1024 * 1024;
    say(&quiet, large);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(*listener.heard.lock().unwrap(), [Some(large)]);
    assert!(slow.heard.lock().unwrap().len() <= 1, "it is being flooded");
    seconds(300).await;
    assert!(slow.heard.lock().unwrap().contains(&None), "and has missed some");
}
