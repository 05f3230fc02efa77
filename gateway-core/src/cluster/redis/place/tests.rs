use std::time::Instant;

use redis::{AsyncCommands, PushKind};
use tokio::time::{sleep, timeout};

use super::*;
use crate::cluster::redis::server::{Server, redis_cluster};

/// Longer than anything takes, unless it does not come.
const LONG: Duration = Duration::from_secs(20);

fn shown(url: &str) -> String {
    Place::parse(url).map_or_else(|error| error.to_string(), |place| format!("{place:?}"))
}

#[test]
fn every_form_is_understood() {
    for (url, place) in [
        ("redis://localhost", "redis://localhost:6379"),
        ("redis://:pass@10.0.0.1:7000/3", "redis://10.0.0.1:7000"),
        ("redis+unix:///run/redis.sock?db=2", "redis+unix:///run/redis.sock"),
        (
            "redis+sentinel://a,b:1,[::1],[::1]:2/main",
            "redis+sentinel://a:26379,b:1,::1:26379,::1:2/main",
        ),
        ("redis+sentinel://user:pass@a/main/4", "redis+sentinel://a:26379/main"),
        ("redis+cluster://a,b:7001", "redis+cluster://a:6379,b:7001"),
        ("redis+cluster://user:pass@a/0", "redis+cluster://a:6379"),
    ] {
        assert_eq!(shown(url), place, "{url}");
    }
}

#[test]
fn credentials_and_databases_go_to_redis_and_not_to_sentinels() {
    let place = Place::parse("redis+sentinel://ann:p%40ss@a,b/main/4").unwrap();
    let Kind::Sentinel { service, master } = &place.kind else { panic!("{place:?}") };
    assert_eq!(service, "main");
    let settings = master.redis_settings();
    assert_eq!(
        (settings.username(), settings.password(), settings.db()),
        (Some("ann"), Some("p@ss"), 4)
    );
    assert!(place.servers.iter().all(|sentinel| sentinel.redis_settings().password().is_none()));

    let place = Place::parse("redis+cluster://ann:p%2Fss@a,b").unwrap();
    assert!(place.servers.iter().all(|node| node.redis_settings().password() == Some("p/ss")));
}

#[test]
fn what_is_wrong_with_a_url_is_said_without_repeating_it() {
    for (url, error) in [
        ("localhost:6379", InvalidRedisUrl::UnknownScheme),
        ("http://secret@localhost", InvalidRedisUrl::UnknownScheme),
        ("redis+magic://secret@localhost", InvalidRedisUrl::UnknownScheme),
        ("redis://", InvalidRedisUrl::Malformed),
        ("redis://:secret/1@localhost", InvalidRedisUrl::Malformed),
        ("redis://:secret@localhost:port", InvalidRedisUrl::Malformed),
        ("redis://:secret@localhost/first", InvalidRedisUrl::Malformed),
        ("redis://:secret@localhost#insecure", InvalidRedisUrl::Malformed),
        ("redis+sentinel://:secret@a,b", InvalidRedisUrl::NoService),
        ("redis+sentinel://:secret@a,,b/main", InvalidRedisUrl::Malformed),
        ("redis+sentinel://:secret@a/main/first", InvalidRedisUrl::Malformed),
        ("redis+cluster://:secret@a,b/1", InvalidRedisUrl::DatabaseInCluster),
        ("redis+cluster://", InvalidRedisUrl::Malformed),
        (
            "rediss+unix:///secret",
            if cfg!(feature = "redis-tls") {
                InvalidRedisUrl::TlsOnUnixSocket
            } else {
                InvalidRedisUrl::NoTls
            },
        ),
    ] {
        assert_eq!(Place::parse(url).unwrap_err(), error, "{url}");
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn tls_is_a_feature_of_its_own() {
    for url in ["rediss://a", "rediss+sentinel://a/main", "rediss+cluster://a,b"] {
        if cfg!(feature = "redis-tls") {
            assert!(shown(url).starts_with("rediss"), "{}", shown(url));
        } else {
            assert_eq!(shown(url), "`rediss://` needs the feature `redis-tls` of gateway-core");
        }
    }
}

async fn set_and_get(connection: &mut Connection, key: &str) -> String {
    let _: () = connection.set(key, "here").await.expect("a Redis that can be written to");
    connection.get(key).await.expect("an answer")
}

#[tokio::test]
async fn a_redis_is_connected_to_by_tcp_and_by_a_unix_socket() {
    let server = Server::start_with(&["--unixsocket", "redis.sock", "--requirepass", "secret"]);
    let socket = server.folder().join("redis.sock");
    for url in [
        format!("redis://:secret@127.0.0.1:{}/2", server.port()),
        format!("redis+unix://{}?pass=secret&db=2", socket.display()),
    ] {
        let mut connection =
            Place::parse(&url).unwrap().connect("key").await.expect("a connection");
        assert_eq!(set_and_get(&mut connection, "key").await, "here");
    }
    let error = server.place().connect("key").await.expect_err("no password");
    assert!(!format!("{error:?} {error}").contains("secret"));
}

#[tokio::test]
async fn what_does_not_answer_is_an_error_within_two_seconds() {
    let server = Server::start();
    let mut connected = server.place().connect("key").await.expect("a connection");
    server.freeze();
    let began = Instant::now();
    server.place().connect("key").await.expect_err("a frozen Redis");
    connected.get::<_, Option<String>>("key").await.expect_err("a frozen Redis");
    assert!(began.elapsed() < Duration::from_millis(2500), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_connection_that_waits_may_wait_longer_than_others() {
    let server = Server::start();
    let wait = Duration::from_millis(1500);
    let mut waiting = server.place().connect_to_wait("key", wait).await.expect("a connection");
    let nothing: Option<(String, String)> = waiting.blpop("key", 1.5).await.expect("in time");
    assert_eq!(nothing, None);
}

#[tokio::test]
async fn what_is_published_comes_where_it_was_subscribed_to() {
    let server = Server::start();
    let (pushed, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut listening =
        server.place().connect_to_listen("key", pushed).await.expect("a connection");
    listening.subscribe("news").await.expect("a subscription");
    let mut other = server.place().connect("key").await.expect("a connection");
    let _: () = other.publish("news", "hello").await.expect("an answer");
    loop {
        let push = timeout(LONG, told.recv()).await.expect("in time").expect("a connection");
        if push.kind == PushKind::Message {
            break;
        }
    }
}

/// A master, its replica, and a Sentinel of both.
#[tokio::test]
async fn a_sentinel_is_asked_where_the_master_is() {
    let mut master = Server::start();
    let replica = Server::start_with(&["--replicaof", &format!("127.0.0.1 {}", master.port())]);
    let sentinel = Server::sentinel(&master);
    let url = format!("redis+sentinel://127.0.0.1:1,127.0.0.1:{}/main", sentinel.port());
    let place = Place::parse(&url).unwrap();
    let mut connection = place.connect("key").await.expect("the master");
    assert_eq!(set_and_get(&mut connection, "key").await, "here");

    let nobody = format!("redis+sentinel://127.0.0.1:{}/other", sentinel.port());
    let error = Place::parse(&nobody).unwrap().connect("key").await.expect_err("no such service");
    assert!(error.to_string().contains("know no such service"), "{error}");

    master.kill();
    let mut connection = timeout(LONG, connected_again(&place)).await.expect("a failover");
    assert_eq!(set_and_get(&mut connection, "key").await, "here");
    let mut replica = replica.place().connect("key").await.expect("a connection");
    assert_eq!(replica.get::<_, String>("key").await.unwrap(), "here", "it is the master now");
}

async fn connected_again(place: &Place) -> Connection {
    loop {
        sleep(Duration::from_millis(200)).await;
        if let Ok(connection) = place.connect("key").await {
            return connection;
        }
    }
}

#[tokio::test]
async fn the_node_of_a_cluster_that_owns_the_key_is_connected_to() {
    let (nodes, place) = redis_cluster().await;
    let mut found = Vec::new();
    for key in ["{a}:1", "{b}:1"] {
        let mut connection = place.connect(key).await.expect("a node");
        assert_eq!(set_and_get(&mut connection, key).await, "here");
        let setting: (String, u16) =
            cmd("CONFIG").arg("GET").arg("port").query_async(&mut connection).await.unwrap();
        found.push(setting.1);
    }
    found.sort_unstable();
    let mut ports = nodes.map(|node| node.port());
    ports.sort_unstable();
    assert_eq!(found, ports, "these keys have different nodes");
}

/// In a process of its own, whose environment says which authority is trusted.
#[cfg(feature = "redis-tls")]
#[tokio::test]
async fn a_redis_with_tls_is_connected_to_if_it_has_a_certificate() {
    use std::{env, process::Command};

    const URL: &str = "REDIS_URL_OF_THIS_TEST";

    if let Ok(url) = env::var(URL) {
        let mut connection =
            Place::parse(&url).unwrap().connect("key").await.expect("a connection");
        assert_eq!(set_and_get(&mut connection, "key").await, "here");
        return;
    }
    let server = Server::with_tls();
    let url = format!("rediss://localhost:{}", server.port());
    let refused = Place::parse(&url).unwrap().connect("key").await;
    assert!(refused.is_err(), "nobody trusts this authority");
    let this = format!("{}::a_redis_with_tls_is_connected_to_if_it_has_a_certificate", module());
    let trusting = Command::new(env::current_exe().unwrap())
        .args(["--exact", &this, "--nocapture"])
        .env(URL, url)
        .env("SSL_CERT_FILE", server.folder().join("authority.pem"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&trusting.stdout);
    assert!(trusting.status.success() && said.contains("1 passed"), "{said}");
}

/// This module, as tests are named.
#[cfg(feature = "redis-tls")]
fn module() -> &'static str {
    module_path!().split_once("::").expect("a module of the crate").1
}
