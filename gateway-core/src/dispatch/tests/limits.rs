//! What a client may make a gateway keep, or do, and what it is told of more.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use super::Dropped;
use crate::{
    Authenticated, EmitError, ExecutionContext, Handshake, JoinError, PendingAck, Reply, Server,
    SocketsError, Throttle, WsException,
    auth::Authenticator,
    call::reply::ReplyKind,
    counted::Counted,
    dispatch::testing::{Client, Plan, World, eventually},
    limits::Limits,
    options::Options,
};

/// Everybody is one user.
struct OneUser;

impl Authenticator for OneUser {
    type Identity = ();

    async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<()>, WsException> {
        Ok(Authenticated::new(()).user("ada"))
    }
}

/// The body of an event `exception`, or of an acknowledgement.
async fn answer(client: &mut Client) -> Value {
    let packet = client.hear().await.expect("an answer");
    let array: Value = serde_json::from_str(&packet[packet.find('[').unwrap()..]).unwrap();
    array.as_array().unwrap().last().unwrap().clone()
}

#[tokio::test]
async fn an_event_of_a_long_name_is_refused_unread() {
    let reached = Counted::by("limit");
    let _recording = metrics::set_default_local_recorder(&reached);
    const LONG: &str = "a name that is longer than sixteen bytes";
    let handled = Arc::<AtomicUsize>::default();
    let counts = Arc::clone(&handled);
    let mut plan = Plan::default().handle(LONG, move |context| {
        counts.fetch_add(1, Ordering::SeqCst);
        super::echo(context)
    });
    plan.settings.limits = Limits::default().event_name_bytes(16_usize);
    let world = World::of(plan).await;
    let mut client = world.client().await;
    client.say(&format!(r#"421["{LONG}","secret"]"#)).await;
    let refused = json!({
        "status": "error",
        "message": "The name of the event is longer than 16 bytes",
        "code": "UNKNOWN_EVENT",
        "cause": { "pattern": LONG },
    });
    assert_eq!(answer(&mut client).await, refused, "as an event");
    assert_eq!(answer(&mut client).await, refused, "as the acknowledgement");
    // Of a very long one the beginning is repeated.
    client.say(&format!(r#"42["{}","secret"]"#, "é".repeat(100_000))).await;
    let pattern = answer(&mut client).await["cause"]["pattern"].clone();
    assert_eq!(pattern, format!("{}…", "é".repeat(62)));
    // One of sixteen bytes is only unknown.
    client.say(r#"42["seventeen bytes..","secret"]"#).await;
    assert_eq!(
        answer(&mut client).await["message"],
        "The name of the event is longer than 16 bytes"
    );
    client.say(r#"42["sixteen bytes...",1]"#).await;
    let unknown = answer(&mut client).await;
    assert_eq!((&unknown["code"], &unknown["cause"]["data"]), (&json!("UNKNOWN_EVENT"), &json!(1)));
    assert_eq!(handled.load(Ordering::SeqCst), 0);
    assert_eq!(reached.all(), [("event_name_bytes".to_owned(), 3)]);
}

async fn join(context: ExecutionContext) -> Result<Reply, WsException> {
    let rooms: Vec<String> = context.decode()?;
    context.socket().join(rooms).await?;
    Reply::new(&context, context.socket().rooms().len())
}

async fn leave(context: ExecutionContext) -> Result<Reply, WsException> {
    let rooms: Vec<String> = context.decode()?;
    context.socket().leave(rooms).await;
    Reply::new(&context, context.socket().rooms().len())
}

#[tokio::test]
async fn a_socket_is_in_so_many_rooms_and_no_more() {
    let reached = Counted::by("limit");
    let _recording = metrics::set_default_local_recorder(&reached);
    let plan = Plan::default().handle("join", join).handle("leave", leave);
    let mut plan = plan.authenticate(Arc::new(OneUser));
    plan.settings.limits = Limits::default().room_name_bytes(8_usize);
    plan.options = Options { rooms_per_socket: Some(3), ..Options::default() };
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"421["join",["a","b"]]"#).await, "431[2]");
    // All or none, and each new one once.
    client.say(r#"42["join",["c","d"]]"#).await;
    let refused = answer(&mut client).await;
    assert_eq!(refused["code"], "TOO_MANY_ROOMS");
    assert_eq!(refused["message"], "a client may be in at most 3 rooms");
    assert_eq!(client.ask(r#"421["join",["c","c","a","b"]]"#).await, "431[3]");
    assert_eq!(client.ask(r#"421["leave",["a"]]"#).await, "431[2]");
    assert_eq!(client.ask(r#"421["join",["d"]]"#).await, "431[3]");
    client.say(r#"42["join",["ninebytes"]]"#).await;
    let refused = answer(&mut client).await;
    assert_eq!(refused["code"], "BAD_PAYLOAD");
    assert_eq!(refused["message"], "a room name is longer than 8 bytes");
    // From afar it is the same.
    let server = Server::new(Arc::clone(world.gateway.namespace()));
    let too_many = SocketsError::Join(JoinError::TooManyRooms { most: 3 });
    assert_eq!(server.sockets_join("e").await, Err(too_many.clone()));
    assert_eq!(WsException::from(too_many).code(), "TOO_MANY_ROOMS");
    let too_long = SocketsError::Join(JoinError::NameTooLong { most: 8 });
    assert_eq!(server.sockets_join("ninebytes").await, Err(too_long));
    let found = server.fetch_sockets::<()>().await.unwrap();
    assert!(matches!(found[0].join("e").await, Err(SocketsError::Join(_))));
    assert_eq!(server.sockets_join("d").await, Ok(()));
    let expected = [("room_name_bytes".to_owned(), 2), ("rooms_per_socket".to_owned(), 3)];
    assert_eq!(reached.all(), expected);
}

#[tokio::test]
async fn a_client_is_asked_so_much_and_no_more_before_it_answers() {
    let waiting = Arc::<Mutex<Vec<PendingAck<u64>>>>::default();
    let held = Arc::clone(&waiting);
    let plan = Plan::default().handle("ask-me", move |context: ExecutionContext| {
        let held = Arc::clone(&held);
        async move {
            let asked = context.socket().emit_for_ack("question", 1).await;
            let outcome = asked.map(|ack| held.lock().unwrap().push(ack));
            Reply::new(&context, outcome == Err(EmitError::TooManyAsks))
        }
    });
    let mut plan = plan;
    plan.options = Options { outstanding_asks: Some(2), ..Options::default() };
    let world = World::of(plan).await;
    let mut client = world.client().await;
    for _ in 0..2 {
        assert_eq!(client.ask(r#"421["ask-me"]"#).await.get(3..), Some(r#"["question",1]"#));
        assert_eq!(client.hear().await.as_deref(), Some("431[false]"));
    }
    for _ in 0..3 {
        assert_eq!(client.ask(r#"421["ask-me"]"#).await, "431[true]", "and nothing was sent");
    }
    // Who waits no more makes room.
    waiting.lock().unwrap().pop();
    assert_eq!(client.ask(r#"421["ask-me"]"#).await.get(3..), Some(r#"["question",1]"#));
    assert_eq!(client.hear().await.as_deref(), Some("431[false]"));
    assert_eq!(client.ask(r#"421["ask-me"]"#).await, "431[true]");
}

/// What a newcomer hears of whether it is let in.
async fn knock(world: &World) -> (Client, String) {
    let mut client = world.newcomer().await;
    loop {
        let heard = client.hear().await.unwrap();
        if heard.starts_with('4') {
            return (client, heard);
        }
    }
}

#[tokio::test]
async fn a_user_has_so_many_sockets_and_no_more() {
    let reached = Counted::by("limit");
    let _recording = metrics::set_default_local_recorder(&reached);
    let mut plan = Plan::default().authenticate(Arc::new(OneUser));
    plan.options = Options { sockets_per_user: Some(2), ..Options::default() };
    let world = World::of(plan).await;
    let first = world.client().await;
    let _second = world.client().await;
    let (_refused, heard) = knock(&world).await;
    assert_eq!(heard, r#"44{"message":"Too many connections of this user"}"#);
    assert_eq!(world.gateway.namespace().len(), 2, "nothing is kept of it");
    assert_eq!(reached.all(), [("sockets_per_user".to_owned(), 1)]);
    drop(first);
    eventually(|| world.gateway.namespace().len() == 1).await;
    let (_third, heard) = knock(&world).await;
    assert!(heard.starts_with("40"), "{heard}");
}

#[tokio::test]
async fn a_handler_that_takes_too_long_is_dropped_and_its_client_told() {
    let reached = Counted::by("limit");
    let _recording = metrics::set_default_local_recorder(&reached);
    let dropped = Arc::new(AtomicBool::new(false));
    let guard = Arc::clone(&dropped);
    let plan = Plan::default().handle("hang", move |_| {
        let guard = Dropped(Arc::clone(&guard));
        async move {
            let _guard = guard;
            pending().await
        }
    });
    let mut plan = plan.handle("stream", async |context: ExecutionContext| {
        let hub = Arc::clone(context.hub());
        let event = move |number| hub.encode_event("item", &number).map_err(WsException::from);
        let events = stream::iter(0..3).then(|number| async move {
            tokio::time::sleep(Duration::from_millis(60)).await;
            number
        });
        let events = Box::pin(events.map(event));
        Ok(Reply::from(ReplyKind::Stream { events, ack: None }))
    });
    let time = Duration::from_millis(100);
    plan.options = Options { handler_time: Some(time), ..Options::default() };
    let world = World::of(plan).await;
    let mut client = world.client().await;
    client.say(r#"42["hang"]"#).await;
    let told = answer(&mut client).await;
    assert_eq!(told["code"], "TIMEOUT");
    assert!(dropped.load(Ordering::SeqCst));
    assert_eq!(reached.all(), [("handler_time".to_owned(), 1)]);
    client.say(r#"42["stream"]"#).await;
    for number in 0..3 {
        let item = format!(r#"42["item",{number}]"#);
        assert_eq!(client.hear().await, Some(item), "a stream may take longer");
    }
}

#[tokio::test]
async fn who_is_throttled_hears_for_how_long() {
    let mut plan = Plan::default().handle("echo", super::echo);
    let throttle = Throttle::per_socket(1, Duration::from_secs(3600));
    plan.enhancers.guards.push(Arc::new(throttle));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    client.say(r#"42["echo",2]"#).await;
    let told = answer(&mut client).await;
    assert_eq!((&told["code"], &told["retryAfter"]), (&json!("THROTTLED"), &json!(3600)));
}

#[tokio::test]
async fn who_is_throttled_quietly_hears_only_what_they_asked_for() {
    let mut plan = Plan::default().handle("echo", super::echo);
    let throttle = Throttle::per_socket(1, Duration::from_secs(3600)).quietly();
    plan.enhancers.guards.push(Arc::new(throttle));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"421["echo",1]"#).await, "431[1]");
    client.say(r#"42["echo",2]"#).await;
    let told = client.ask(r#"423["echo",3]"#).await;
    assert!(told.starts_with(r#"433[{"#) && told.contains("THROTTLED"), "{told}");
}

#[tokio::test]
async fn names_that_clients_make_up_are_throttled_as_one_event() {
    let mut plan = Plan::default().handle("echo", super::echo).handle_others(super::echo);
    let throttle = Throttle::per_event(1, Duration::from_secs(3600));
    plan.enhancers.guards.push(Arc::new(throttle));
    let world = World::of(plan).await;
    let mut client = world.client().await;
    assert_eq!(client.ask(r#"421["made up",1]"#).await, "431[1]");
    client.say(r#"42["another",2]"#).await;
    assert_eq!(answer(&mut client).await["code"], "THROTTLED");
    assert_eq!(client.ask(r#"421["echo",3]"#).await, "431[3]");
}

#[test]
fn what_a_gateway_says_counts_before_what_the_application_says() {
    use crate::socket::settings::Caps;

    let limits = Limits::default().rooms_per_socket(7_usize).sockets_per_user(8_usize);
    let caps = Caps::of(&Options::default(), &limits);
    assert_eq!((caps.rooms_per_socket, caps.outstanding_asks), (7, 1_024));
    assert_eq!((caps.sockets_per_user, caps.handler_time), (8, Duration::MAX));
    let options = Options {
        rooms_per_socket: Some(70),
        outstanding_asks: Some(3),
        sockets_per_user: Some(usize::MAX),
        handler_time: Some(Duration::from_secs(1)),
        ..Options::default()
    };
    let caps = Caps::of(&options, &limits);
    assert_eq!((caps.rooms_per_socket, caps.outstanding_asks), (70, 3));
    assert_eq!((caps.sockets_per_user, caps.handler_time), (usize::MAX, Duration::from_secs(1)));
}
