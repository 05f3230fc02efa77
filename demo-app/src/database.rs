//! The one SQLite database of the demo.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::migrate::MigrateError;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// Any text is a file name to SQLite, another database's URL included.
    #[error("the database URL must begin with `sqlite:`, not `{0}`")]
    Foreign(String),
    /// The file cannot be opened or created.
    #[error("the database `{0}` cannot be opened")]
    Open(String, #[source] sqlx::Error),
    /// Its tables are not those of this version, and cannot be made so.
    #[error("the tables of the database `{0}` cannot be brought up to date")]
    Migrate(String, #[source] MigrateError),
}

/// Opens the database, creates it if it is missing, and brings its tables up to date.
pub(crate) async fn open(url: &str) -> Result<SqlitePool, DatabaseError> {
    if !url.starts_with("sqlite:") {
        return Err(DatabaseError::Foreign(scheme(url).to_owned()));
    }
    let not_opened = |error| DatabaseError::Open(url.to_owned(), error);
    let options = SqliteConnectOptions::from_str(url)
        .map_err(not_opened)?
        .create_if_missing(true)
        .foreign_keys(true)
        // Readers and the writer, of this process or another, do not wait for each other.
        .journal_mode(SqliteJournalMode::Wal)
        // With WAL this loses nothing when the process dies, only when the machine does.
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5));
    let pool = pool_options(url).connect_with(options).await.map_err(not_opened)?;
    let migrated = sqlx::migrate!().run(&pool).await;
    migrated.map_err(|error| DatabaseError::Migrate(url.to_owned(), error))?;
    Ok(pool)
}

/// What may be shown of a URL that is not ours: it may hold a password.
fn scheme(url: &str) -> &str {
    url.split_once(':').map_or(url, |(scheme, _)| scheme)
}

fn pool_options(url: &str) -> SqlitePoolOptions {
    if url.contains(":memory:") || url.contains("mode=memory") {
        // The database is its connection: there must be one, and it must never be closed.
        SqlitePoolOptions::new()
            .min_connections(1)
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
    } else {
        SqlitePoolOptions::new().max_connections(4)
    }
}
