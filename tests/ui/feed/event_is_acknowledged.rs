use gateway_core::prelude::*;

#[web_socket_gateway(namespace = "/post", emits(Letter, Notice))]
struct PostGateway;

#[derive(serde::Serialize, Event)]
#[event("letter", ack = ())]
struct Letter;

struct Letters;

#[derive(serde::Serialize, Event)]
#[event("notice")]
struct Notice;

impl FeedStore for Letters {
    type Gateway = PostGateway;
    type User = u64;
    type Update = i64;
    type Event<'a> = Notice;

    async fn newest(&self, _: &u64) -> Result<i64, WsException> {
        Ok(0)
    }

    async fn unseen(&self, _: &u64, _: Unseen) -> Result<Vec<i64>, WsException> {
        Ok(Vec::new())
    }

    async fn settle(&self, _: &u64, _: i64) -> Result<(), WsException> {
        Ok(())
    }

    fn number(number: &i64) -> i64 {
        *number
    }

    fn event<'a>(_: &'a i64, _: &Handshake) -> Notice {
        Notice
    }
}

fn main() {}
