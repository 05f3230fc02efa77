//! Whether the database can be used: that it answers is not enough where its disk is full.

use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

/// How often something is written, while that succeeds: often enough to be found out soon, and seldom
/// enough to cost nothing.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// How often it is tried again after that has failed.
const RETRY_EVERY: Duration = Duration::from_millis(500);

/// So many times 32 bytes are written: as many as the longest message has, so that there is room for
/// messages where there is room for this.
const PADDING: usize = 512;

/// What has become of a write, or of a question, in words for the operator.
type Answer = Result<(), String>;

/// A question whether the database is there and takes writes, to be asked again and again.
pub(crate) fn probe(pool: &AnyPool) -> impl Fn() -> BoxFuture<'static, Answer> + use<> {
    let probe = Probe::new(pool, WRITE_EVERY);
    move || Box::pin(probe.clone().ask())
}

#[derive(Clone)]
struct Probe {
    /// Connections of its own: that all others are at work is no reason to send clients elsewhere.
    own: AnyPool,
    written: watch::Receiver<Answer>,
}

impl Probe {
    fn new(pool: &AnyPool, write_every: Duration) -> Self {
        let options = AnyConnectOptions::clone(&pool.connect_options());
        let is_in_memory = super::is_in_memory(&options);
        // One of them may be writing while the other is asked.
        let own = AnyPoolOptions::new().max_connections(2).connect_lazy_with(options);
        let (tell, written) = watch::channel(Ok(()));
        // A database in memory has no disk, and is another one for each connection.
        if !is_in_memory {
            tokio::spawn(write_again_and_again(own.clone(), write_every, tell));
        }
        Self { own, written }
    }

    async fn ask(self) -> Answer {
        // A pool asks a connection before it hands it out.
        drop(self.own.acquire().await.map_err(|error| error.to_string())?);
        self.written.borrow().clone()
    }
}

/// While anybody may ask what has become of it. Nobody waits for it: where many write at once it may
/// take long, and that is no reason to send clients elsewhere either.
async fn write_again_and_again(own: AnyPool, every: Duration, tell: watch::Sender<Answer>) {
    while !tell.is_closed() {
        let written =
            write(&own).await.map_err(|error| format!("the database takes no writes: {error}"));
        let pause = if written.is_ok() { every } else { RETRY_EVERY };
        tell.send(written).ok();
        let _closed = timeout(pause, tell.closed()).await;
    }
}

async fn write(own: &AnyPool) -> Result<(), sqlx::Error> {
    // By chance, or a database that compresses would need no room for it.
    let padding: String = (0..PADDING).map(|_| Uuid::new_v4().simple().to_string()).collect();
    sqlx::query(
        "INSERT INTO readiness (id, padding) VALUES (1, $1) \
         ON CONFLICT (id) DO UPDATE SET padding = excluded.padding",
    )
    .bind(padding)
    .execute(own)
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;
    use crate::database;
    use crate::database::tests::{TestDatabase, on_every_database};

    const OFTEN: Duration = Duration::from_millis(10);

    on_every_database!(what_is_asked_often_writes_seldom, what_nobody_asks_any_more_writes_no_more);

    /// What the next write has become.
    async fn written(probe: &mut Probe) -> Answer {
        probe.written.changed().await.unwrap();
        probe.written.borrow_and_update().clone()
    }

    async fn what_is_asked_often_writes_seldom(database: TestDatabase) {
        let pool = database.open().await;
        let padding = async || {
            let sql = "SELECT padding FROM readiness";
            sqlx::query_scalar::<_, String>(sql).fetch_one(&pool).await.unwrap()
        };
        let mut probe = Probe::new(&pool, WRITE_EVERY);
        written(&mut probe).await.unwrap();
        let first = padding().await;
        assert_eq!(first.len(), 32 * PADDING);
        for _ in 0..10 {
            probe.clone().ask().await.unwrap();
        }
        // Longer than the pause after a failure.
        tokio::time::sleep(2 * RETRY_EVERY).await;
        assert_eq!(padding().await, first);

        let mut often = Probe::new(&pool, OFTEN);
        written(&mut often).await.unwrap();
        let second = padding().await;
        assert_ne!(second, first);
        written(&mut often).await.unwrap();
        assert_ne!(padding().await, second);
    }

    async fn what_nobody_asks_any_more_writes_no_more(database: TestDatabase) {
        let pool = database.open().await;
        let (tell, written) = watch::channel(Ok(()));
        let writing = tokio::spawn(write_again_and_again(pool, WRITE_EVERY, tell));
        tokio::task::yield_now().await;
        assert!(!writing.is_finished());
        drop(written);
        writing.await.unwrap();
    }

    #[tokio::test]
    async fn a_full_database_is_not_ready_until_there_is_room() {
        let database = TestDatabase::sqlite();
        let mut probe = Probe::new(&database.open().await, OFTEN);
        let own = probe.own.clone();
        let on_both = async |one: &'static str, other: &'static str| {
            let mut both = (own.acquire().await.unwrap(), own.acquire().await.unwrap());
            both.0.execute(one).await.unwrap();
            both.1.execute(other).await.unwrap();
        };
        // As many pages as there are, and none that is free.
        let limit = "PRAGMA max_page_count = 1";
        on_both("DELETE FROM readiness; VACUUM; PRAGMA max_page_count = 1", limit).await;
        while written(&mut probe).await.is_ok() {}
        for _ in 0..2 {
            let error = probe.clone().ask().await.unwrap_err();
            assert!(error.contains("takes no writes") && error.contains("full"), "{error}");
        }
        let room = "PRAGMA max_page_count = 1000";
        on_both(room, room).await;
        while written(&mut probe).await.is_err() {}
        probe.ask().await.unwrap();
    }

    #[tokio::test]
    async fn a_database_in_memory_has_no_disk() {
        let pool = database::open("sqlite::memory:").await.unwrap();
        let probe = super::probe(&pool);
        probe().await.unwrap();
    }
}
