//! Whether the database can be used: that it answers is not enough where its disk is full.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sqlx::AnyPool;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::Kind;

/// How often something is written, while that succeeds: often enough to be found out soon, and seldom
/// enough to cost nothing.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// How long an answer waits for a write. One that takes longer goes on by itself: where many write at
/// once, that is no reason to send clients elsewhere.
const PATIENCE: Duration = Duration::from_millis(300);

/// So many times 32 bytes are written: as many as the longest message has, so that there is room for
/// messages where there is room for this.
const PADDING: usize = 512;

/// Nothing can be stored.
#[derive(Debug, thiserror::Error)]
#[error("the database takes no writes")]
struct NoWrites(#[source] Arc<sqlx::Error>);

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A question whether the database is there and takes writes, to be asked again and again. It has
/// connections of its own: that all others are at work is no reason to send clients elsewhere.
pub(crate) fn probe(
    pool: &AnyPool,
) -> impl Fn() -> BoxFuture<'static, Result<(), AnyError>> + use<> {
    let options = AnyConnectOptions::clone(&pool.connect_options());
    let probe = Arc::new(Probe::new(options));
    move || Box::pin(Arc::clone(&probe).ask())
}

struct Probe {
    own: AnyPool,
    /// A database in memory has no disk, and is another one for each connection.
    is_stored: bool,
    written: Mutex<Written>,
}

#[derive(Default)]
struct Written {
    begun: Option<Instant>,
    /// What became of the last one that has ended.
    failed: Option<Arc<sqlx::Error>>,
    is_running: bool,
}

impl Probe {
    fn new(options: AnyConnectOptions) -> Self {
        let kind = Kind::of(options.database_url.as_str());
        let is_stored = !matches!(kind, Ok(Kind::SqliteInMemory));
        // One of them may be writing while the other is asked.
        let own = AnyPoolOptions::new().max_connections(2).connect_lazy_with(options);
        Self { own, is_stored, written: Mutex::default() }
    }

    async fn ask(self: Arc<Self>) -> Result<(), AnyError> {
        // A pool asks a connection before it hands it out.
        drop(self.own.acquire().await?);
        if let Some(write) = self.begin_to_write() {
            let _goes_on = timeout(PATIENCE, write).await;
        }
        match &self.written().failed {
            Some(error) => Err(NoWrites(Arc::clone(error)).into()),
            None => Ok(()),
        }
    }

    /// A write in a task of its own, if it is time for one: at once after one that failed.
    fn begin_to_write(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let mut written = self.written();
        let is_due = written.failed.is_some()
            || written.begun.is_none_or(|begun| begun.elapsed() >= WRITE_EVERY);
        if !self.is_stored || written.is_running || !is_due {
            return None;
        }
        written.begun = Some(Instant::now());
        written.is_running = true;
        let probe = Arc::clone(self);
        Some(tokio::spawn(async move {
            let failed = probe.write().await.err().map(Arc::new);
            let mut written = probe.written();
            written.failed = failed;
            written.is_running = false;
        }))
    }

    async fn write(&self) -> Result<(), sqlx::Error> {
        // By chance, or a database that compresses would need no room for it.
        let padding: String = (0..PADDING).map(|_| Uuid::new_v4().simple().to_string()).collect();
        sqlx::query(
            "INSERT INTO readiness (id, padding) VALUES (1, $1) \
             ON CONFLICT (id) DO UPDATE SET padding = excluded.padding",
        )
        .bind(padding)
        .execute(&self.own)
        .await?;
        Ok(())
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;
    use crate::database;
    use crate::database::tests::{TestDatabase, on_every_database};

    on_every_database!(what_is_asked_often_writes_seldom);

    async fn probe_of(database: &TestDatabase) -> Arc<Probe> {
        let pool = database.open().await;
        Arc::new(Probe::new(AnyConnectOptions::clone(&pool.connect_options())))
    }

    async fn what_is_asked_often_writes_seldom(database: TestDatabase) {
        let probe = probe_of(&database).await;
        let padding = async || {
            let sql = "SELECT padding FROM readiness";
            sqlx::query_scalar::<_, String>(sql).fetch_optional(&probe.own).await.unwrap()
        };
        Arc::clone(&probe).ask().await.unwrap();
        let first = padding().await.unwrap();
        assert_eq!(first.len(), 32 * PADDING);
        for _ in 0..10 {
            Arc::clone(&probe).ask().await.unwrap();
        }
        assert_eq!(padding().await.unwrap(), first);

        // As if that had been long ago.
        probe.written().begun = Instant::now().checked_sub(WRITE_EVERY);
        Arc::clone(&probe).ask().await.unwrap();
        assert_ne!(padding().await.unwrap(), first);
    }

    #[tokio::test]
    async fn a_full_database_is_not_ready_until_there_is_room() {
        let database = TestDatabase::sqlite();
        let probe = probe_of(&database).await;
        let limit_pages = async |pragma: &'static str| {
            let mut both = (probe.own.acquire().await.unwrap(), probe.own.acquire().await.unwrap());
            both.0.execute(pragma).await.unwrap();
            both.1.execute(pragma).await.unwrap();
        };
        // As many as there are.
        limit_pages("PRAGMA max_page_count = 1").await;
        for _ in 0..2 {
            let error = Arc::clone(&probe).ask().await.unwrap_err();
            let cause = error.source().expect("a cause").to_string();
            assert!(cause.contains("full"), "{cause}");
        }
        limit_pages("PRAGMA max_page_count = 1000").await;
        Arc::clone(&probe).ask().await.unwrap();
    }

    #[tokio::test]
    async fn a_database_in_memory_has_no_disk() {
        let pool = database::open("sqlite::memory:").await.unwrap();
        let probe = super::probe(&pool);
        probe().await.unwrap();
    }
}
