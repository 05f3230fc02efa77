//! Updates that are sent until they are acknowledged: to devices, and as streams of events.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, routing::get};
use gateway_core::{FeedError, feed_events, prelude::*};
use gateway_test::{TestApp, TestClient};
use tokio::time::advance;

use gateways::{Account, Letters};

const SECOND: Duration = Duration::from_secs(1);

mod gateways {
    use super::*;

    #[derive(Clone)]
    pub(crate) struct Account;

    #[injectable]
    pub(crate) struct Nobody;

    impl Authenticator for Nobody {
        type Identity = Account;

        async fn authenticate(&self, _: &Handshake) -> Result<Authenticated<Account>, WsException> {
            Err(WsException::unauthorized("nobody but whom the test vouches for"))
        }
    }

    #[web_socket_gateway(namespace = "/post", authenticate = Nobody, emits(Letter<'_>, Parcel))]
    pub(crate) struct PostGateway;

    #[web_socket_gateway]
    impl PostGateway {
        #[on_connection]
        async fn connected(
            &self,
            socket: Socket,
            Inject(letters): Inject<Feed<Letters>>,
            Inject(parcels): Inject<Feed<Parcels>>,
        ) -> Result<(), WsException> {
            letters.deliver(&socket)?;
            Ok(parcels.deliver(&socket)?)
        }
    }

    #[derive(serde::Serialize, Event)]
    #[event("letter", ack = bool)]
    pub(crate) struct Letter<'a> {
        number: i64,
        text: &'a str,
        language: &'a str,
    }

    #[derive(serde::Serialize, Event)]
    #[event("parcel", ack = ())]
    pub(crate) struct Parcel(i64);

    /// What each user was written, and whether it is settled.
    #[derive(Default)]
    pub(crate) struct Letters {
        users: Mutex<HashMap<u64, Vec<(String, bool)>>>,
        pub(crate) is_down: AtomicBool,
        pub(crate) is_slow: AtomicBool,
        pub(crate) hangs: AtomicBool,
        pub(crate) is_closed: AtomicBool,
        pub(crate) forgets: AtomicBool,
    }

    impl Letters {
        /// The number of a letter that has been written now.
        pub(crate) fn write(&self, user: u64, text: &str) -> i64 {
            let mut users = self.users.lock().unwrap();
            let letters = users.entry(user).or_default();
            letters.push((text.to_owned(), false));
            letters.len() as i64
        }

        pub(crate) fn settled(&self, user: u64) -> Vec<bool> {
            self.users.lock().unwrap()[&user].iter().map(|(_, settled)| *settled).collect()
        }

        async fn answers(&self) -> Result<(), WsException> {
            if self.hangs.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if self.is_closed.load(Ordering::Relaxed) {
                return Err(WsException::new("closed").with_code("CLOSED"));
            }
            match self.is_down.load(Ordering::Relaxed) {
                true => Err(io::Error::other("no connection to the database").into()),
                false => Ok(()),
            }
        }
    }

    impl FeedStore for Letters {
        type Gateway = PostGateway;
        type User = u64;
        type Update = (i64, String);
        type Event<'a> = Letter<'a>;

        const UNACKNOWLEDGED: usize = 3;

        async fn newest(&self, user: &u64) -> Result<i64, WsException> {
            self.answers().await?;
            Ok(self.users.lock().unwrap().get(user).map_or(0, Vec::len) as i64)
        }

        async fn unseen(
            &self,
            user: &u64,
            unseen: Unseen,
        ) -> Result<Vec<(i64, String)>, WsException> {
            self.answers().await?;
            let users = self.users.lock().unwrap();
            let letters = (1..).zip(users.get(user).into_iter().flatten());
            let letters = letters.filter(|(number, (_, settled))| {
                *number > unseen.after && (!settled || *number >= unseen.since)
            });
            Ok(letters.map(|(number, (text, _))| (number, text.clone())).take(2).collect())
        }

        async fn settle(&self, user: &u64, number: i64) -> Result<(), WsException> {
            self.answers().await?;
            if self.is_slow.load(Ordering::Relaxed) {
                tokio::time::sleep(SECOND).await;
            }
            if self.forgets.load(Ordering::Relaxed) {
                return Err(WsException::new("not now"));
            }
            self.users.lock().unwrap().get_mut(user).unwrap()[number as usize - 1].1 = true;
            Ok(())
        }

        fn number(update: &(i64, String)) -> i64 {
            update.0
        }

        fn event<'a>(update: &'a (i64, String), to: &Handshake) -> Letter<'a> {
            let language = match to.header("accept-language") {
                Some("en") => "en",
                _ => "zh",
            };
            Letter { number: update.0, text: &update.1, language }
        }
    }

    /// One parcel for everybody, which nobody can settle.
    #[injectable]
    pub(crate) struct Parcels;

    impl FeedStore for Parcels {
        type Gateway = PostGateway;
        type User = u64;
        type Update = i64;
        type Event<'a> = Parcel;

        async fn newest(&self, _: &u64) -> Result<i64, WsException> {
            Ok(1)
        }

        async fn unseen(&self, _: &u64, unseen: Unseen) -> Result<Vec<i64>, WsException> {
            Ok(if unseen.after < 1 { vec![1] } else { Vec::new() })
        }

        async fn settle(&self, _: &u64, _: i64) -> Result<(), WsException> {
            Ok(())
        }

        fn number(number: &i64) -> i64 {
            *number
        }

        fn event(number: &i64, _: &Handshake) -> Parcel {
            Parcel(*number)
        }
    }
}

/// The application of a test, with what it writes.
struct Post {
    app: TestApp,
    letters: Arc<Letters>,
}

impl Post {
    async fn open() -> Self {
        Self::within(Limits::default()).await
    }

    async fn within(limits: Limits) -> Self {
        let routes = Router::new().route("/letters", get(feed_events::<Letters>));
        let builder = App::builder().limits(limits).provide(Letters::default());
        let builder = builder.feed::<Letters>().feed::<gateways::Parcels>().routes(routes);
        let app = TestApp::new(builder).build().await;
        let letters = app.get();
        Self { app, letters }
    }

    async fn device(&self, user: u64) -> TestClient {
        self.app.connect("/post").as_user(Authenticated::new(Account).user(user)).await
    }

    /// Writes to a user, and says so.
    async fn send(&self, user: u64, text: &str) {
        let number = self.letters.write(user, text);
        self.app.get::<Feed<Letters>>().announce(&user, number).await;
    }

    /// All that a stream has had that began after an event and ended three seconds later.
    async fn stream(&self, user: u64, last: Option<&str>) -> String {
        let ends = self.app.now() + 3 * SECOND;
        let client = Authenticated::new(Account).user(user).expires_at(ends);
        let request = self.app.http().get("/letters").as_user(client);
        let request = match last {
            Some(last) => request.header("last-event-id", last),
            None => request,
        };
        request.await.assert_status(200).text()
    }
}

/// The texts of the next letters.
async fn read<const N: usize>(device: &TestClient) -> [String; N] {
    let mut texts = [const { String::new() }; N];
    for text in &mut texts {
        let letter: serde_json::Value = device.expect_event("letter").await;
        *text = letter["text"].as_str().expect("a text").to_owned();
    }
    texts
}

/// The next letter, acknowledged.
async fn take(device: &TestClient) -> String {
    let (letter, answer) = device.expect_asked::<serde_json::Value>("letter").await;
    answer.send(());
    letter["text"].as_str().expect("a text").to_owned()
}

#[tokio::test(start_paused = true)]
async fn every_device_is_told_and_one_acknowledgement_settles_it() {
    let post = Post::open().await;
    let (phone, laptop, other) = (post.device(1).await, post.device(1).await, post.device(2).await);
    post.send(1, "hello").await;
    assert_eq!(take(&phone).await, "hello");
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true]);
    assert_eq!(read(&laptop).await, ["hello"]);
    other.expect_nothing("letter").await;
    let next = post.device(1).await;
    next.expect_nothing("letter").await;
}

#[tokio::test(start_paused = true)]
async fn whatever_an_acknowledgement_says_it_settles() {
    let post = Post::open().await;
    let device = post.device(1).await;
    for number in 0..3 {
        post.send(1, "hello").await;
        let (_, answer) = device.expect_asked::<serde_json::Value>("letter").await;
        match number {
            0 => answer.send(true),
            1 => answer.send(Args(("two", "things"))),
            _ => answer.send(Args(())),
        }
    }
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true; 3]);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_has_acknowledged_comes_again_in_order() {
    let post = Post::open().await;
    let deaf = post.device(1).await;
    for text in ["a", "b", "c"] {
        post.send(1, text).await;
    }
    assert_eq!(read(&deaf).await, ["a", "b", "c"]);
    deaf.cut();
    let device = post.device(1).await;
    for text in ["a", "b", "c"] {
        assert_eq!(take(&device).await, text);
    }
    // What comes now comes to all, however many are settled.
    post.send(1, "d").await;
    assert_eq!(take(&device).await, "d");
    device.expect_nothing("letter").await;
    assert_eq!(post.letters.settled(1), [true; 4]);
}

/// The other feed of the gateway has numbers of its own.
#[tokio::test(start_paused = true)]
async fn two_feeds_of_a_gateway_do_not_mix() {
    let post = Post::open().await;
    let device = post.device(1).await;
    assert_eq!(device.expect_event::<i64>("parcel").await, 1);
    post.send(1, "hello").await;
    assert_eq!(take(&device).await, "hello");
    device.expect_nothing("parcel").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_appended_and_not_announced_comes_with_the_next() {
    let post = Post::open().await;
    let device = post.device(1).await;
    post.app.settle().await;
    post.letters.write(1, "quiet");
    device.expect_nothing("letter").await;
    post.send(1, "loud").await;
    assert_eq!(read(&device).await, ["quiet", "loud"]);
}

#[tokio::test(start_paused = true)]
async fn an_acknowledgement_is_waited_for_so_long() {
    let post = Post::open().await;
    let device = post.device(1).await;
    post.send(1, "in time").await;
    let (_, answer) = device.expect_asked::<serde_json::Value>("letter").await;
    advance(Letters::ACK_TIMEOUT - SECOND).await;
    answer.send(());
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true]);

    post.send(1, "late").await;
    let (_, answer) = device.expect_asked::<serde_json::Value>("letter").await;
    advance(Letters::ACK_TIMEOUT + SECOND).await;
    answer.send(());
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true, false]);
    let next = post.device(1).await;
    assert_eq!(take(&next).await, "late");
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true; 2]);
}

/// However long its store takes.
#[tokio::test(start_paused = true)]
async fn what_a_device_has_acknowledged_before_it_left_is_settled() {
    let post = Post::open().await;
    post.letters.is_slow.store(true, Ordering::Relaxed);
    let device = post.device(1).await;
    for text in ["a", "b", "c"] {
        post.send(1, text).await;
    }
    for _ in 0..3 {
        take(&device).await;
    }
    device.close().await;
    tokio::time::sleep(5 * SECOND).await;
    assert_eq!(post.letters.settled(1), [true; 3]);
}

/// What belongs to devices that are gone would pile up behind a database that hangs.
#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_keeps_nothing_of_devices_that_are_gone() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let post = Post::open().await;
    post.app.settle().await;
    let before = tasks();
    // One hangs in reading, one in settling.
    let device = post.device(1).await;
    post.send(1, "a").await;
    let (_, answer) = device.expect_asked::<serde_json::Value>("letter").await;
    post.letters.hangs.store(true, Ordering::Relaxed);
    answer.send(());
    post.app.settle().await;
    let other = post.device(2).await;
    post.app.settle().await;
    assert!(tasks() > before);
    device.cut();
    other.cut();
    tokio::time::sleep(60 * SECOND).await;
    assert_eq!(tasks(), before);
    // It was kept until it was settled, which it was not.
    post.letters.hangs.store(false, Ordering::Relaxed);
    let next = post.device(1).await;
    assert_eq!(take(&next).await, "a");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_acknowledges_is_sent_no_more_than_so_many() {
    let post = Post::open().await;
    let device = post.device(1).await;
    for text in ["a", "b", "c", "d", "e"] {
        post.send(1, text).await;
    }
    let (_, answer) = device.expect_asked::<serde_json::Value>("letter").await;
    assert_eq!(read(&device).await, ["b", "c"]);
    device.expect_nothing("letter").await;
    answer.send(());
    assert_eq!(read(&device).await, ["d"]);
    // The next two are waited for in vain.
    advance(Letters::ACK_TIMEOUT).await;
    assert_eq!(read(&device).await, ["e"]);
    assert_eq!(post.letters.settled(1), [true, false, false, false, false]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_down_is_asked_again_and_nothing_is_skipped() {
    let post = Post::open().await;
    post.letters.is_down.store(true, Ordering::Relaxed);
    let device = post.device(1).await;
    post.send(1, "a").await;
    post.send(1, "b").await;
    device.expect_nothing("letter").await;
    post.letters.is_down.store(false, Ordering::Relaxed);
    assert_eq!(take(&device).await, "a");
    assert_eq!(take(&device).await, "b");
    device.expect_nothing("letter").await;
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_settled_is_sent_once_more() {
    let post = Post::open().await;
    let device = post.device(1).await;
    post.letters.forgets.store(true, Ordering::Relaxed);
    post.send(1, "a").await;
    assert_eq!(take(&device).await, "a");
    device.expect_nothing("letter").await;
    post.letters.forgets.store(false, Ordering::Relaxed);
    let next = post.device(1).await;
    assert_eq!(take(&next).await, "a");
    post.app.settle().await;
    assert_eq!(post.letters.settled(1), [true]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_what_comes_and_ends_with_the_session() {
    let post = Post::open().await;
    post.send(1, "before").await;
    let writes = async {
        tokio::time::sleep(SECOND).await;
        post.send(1, "now").await;
        post.send(2, "not for you").await;
    };
    let began = tokio::time::Instant::now();
    let (stream, ()) = tokio::join!(post.stream(1, None), writes);
    assert_eq!(began.elapsed(), 3 * SECOND);
    let now = "event: letter\nid: 2\ndata: {\"number\":2,\"text\":\"now\",\"language\":\"zh\"}";
    assert_eq!(stream, format!("id: 1\nretry: 1000\n\n{now}\n\n"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_goes_on_where_it_was() {
    let post = Post::open().await;
    for text in ["a", "b", "c", "d", "e"] {
        post.send(1, text).await;
    }
    let device = post.device(1).await;
    assert_eq!(take(&device).await, "a");
    // Settled or not: a stream acknowledges nothing, and misses nothing.
    for (last, texts) in [("0", "abcde"), ("3", "de"), ("5", ""), ("6", "abcde"), ("x", "abcde")] {
        let stream = post.stream(1, Some(last)).await;
        let had: String =
            texts.chars().filter(|text| stream.contains(&format!("\"{text}\""))).collect();
        assert_eq!((stream.matches("event:").count(), &*had), (texts.len(), texts), "after {last}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_speaks_the_language_of_its_request() {
    let post = Post::open().await;
    post.send(1, "hello").await;
    let client = Authenticated::new(Account).user(1).expires_at(post.app.now() + SECOND);
    let request = post.app.http().get("/letters").as_user(client).header("last-event-id", "0");
    let stream = request.header("accept-language", "en").await.text();
    assert!(stream.contains("\"language\":\"en\""), "{stream}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_the_application_stops_or_the_store_is_down() {
    let post = Post::open().await;
    let began = tokio::time::Instant::now();
    let breaks = async {
        tokio::time::sleep(SECOND).await;
        post.letters.is_down.store(true, Ordering::Relaxed);
        post.send(1, "a").await;
    };
    let (stream, ()) = tokio::join!(post.stream(1, None), breaks);
    assert_eq!((began.elapsed(), &*stream), (SECOND, "id: 0\nretry: 1000\n\n"));

    post.letters.is_down.store(false, Ordering::Relaxed);
    let stops = async {
        tokio::time::sleep(SECOND).await;
        post.app.get::<Stopping>().request();
    };
    tokio::join!(post.stream(1, None), stops);
    assert_eq!(began.elapsed(), 2 * SECOND);
}

/// Which says nothing against the token: a client would ask for another one.
#[tokio::test]
async fn a_store_that_refuses_is_told_as_any_route_that_does() {
    let post = Post::open().await;
    post.letters.is_closed.store(true, Ordering::Relaxed);
    let client = Authenticated::new(Account).user(1);
    let reply = post.app.http().get("/letters").as_user(client).await.assert_status(400);
    assert_eq!(reply.json::<serde_json::Value>()["code"], "CLOSED");
}

#[tokio::test(start_paused = true)]
async fn streams_are_so_many() {
    let limits = Limits::default().feed_streams(2_usize).feed_streams_per_user(1_usize);
    let post = Post::within(limits).await;
    let refused = async |user: u64, wait: Duration| {
        tokio::time::sleep(wait).await;
        let client = Authenticated::new(Account).user(user);
        let reply = post.app.http().get("/letters").as_user(client).await;
        assert_eq!(reply.header("retry-after"), Some("5"));
        let code = reply.json::<serde_json::Value>()["code"].as_str().unwrap().to_owned();
        (reply.status().as_u16(), code)
    };
    let later = async {
        tokio::time::sleep(SECOND).await;
        post.stream(2, None).await
    };
    let (_, _, of_user, of_all) =
        tokio::join!(post.stream(1, None), later, refused(1, SECOND / 2), refused(3, 2 * SECOND));
    assert_eq!(of_user, (429, "THROTTLED".to_owned()));
    assert_eq!(of_all, (503, "OVERLOADED".to_owned()));
    // All have ended.
    post.stream(3, None).await;
}

/// Nothing waits for news of an application that is no more.
#[tokio::test(start_paused = true)]
async fn an_application_that_ends_takes_its_feeds_along() {
    let Post { app, letters } = Post::open().await;
    let device = app.connect("/post").as_user(Authenticated::new(Account).user(1)).await;
    app.settle().await;
    assert!(Arc::strong_count(&letters) > 1);
    device.close().await;
    app.shut_down().await.unwrap();
    drop(app);
    tokio::time::sleep(SECOND).await;
    assert_eq!(Arc::strong_count(&letters), 1);
}

#[tokio::test]
async fn whoever_is_nobody_is_refused() {
    let post = Post::open().await;
    post.app.http().get("/letters").await.assert_status(401);
    let nobody = || Authenticated::new(Account);
    for client in [nobody(), nobody().user("ann")] {
        post.app.http().get("/letters").as_user(client.clone()).await.assert_status(500);
        let device = post.app.connect("/post").as_user(client).await;
        assert!(device.closed().await.to_string().contains("server"));
    }
    let error = FeedError::UnknownForm { user: "ann".to_owned(), expected: "u64".to_owned() };
    assert_eq!(error.to_string(), "the user id `ann` is not a valid `u64`");
}
