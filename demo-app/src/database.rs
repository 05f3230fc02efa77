//! The one database of the demo: SQLite, or PostgreSQL where the URL says so.
//!
//! Every statement of the demo runs on both, so there is one store of each thing and not two. What
//! must be serialised begins its transaction with the write that others wait for: a row's lock to
//! PostgreSQL, the one writer to SQLite.

mod probe;

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::Migrator;
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

pub(crate) use probe::probe;

/// How long to wait for a connection, all of them being busy or the server being down.
const PATIENCE: Duration = Duration::from_secs(5);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is of neither.
    #[error(
        "the database URL must be that of a SQLite file (`sqlite:..`) or of a PostgreSQL server (`postgres://..`)"
    )]
    Url,
    /// It is not there and cannot be created, or its tables cannot be made those of this version.
    #[error("the database `{0}` cannot be opened")]
    Open(String, #[source] sqlx::Error),
}

/// Opens the database and brings its tables up to date; a SQLite file is created if it is missing.
///
/// # Errors
/// See [`DatabaseError`].
pub async fn open(url: &str) -> Result<AnyPool, DatabaseError> {
    install_default_drivers();
    let options = AnyConnectOptions::from_str(url).map_err(|_| DatabaseError::Url)?;
    let mut shown = options.database_url.clone();
    // A URL without a host has no password either.
    shown.set_password(None).ok();
    shown.set_query(None);
    let opened = match options.database_url.scheme() {
        "sqlite" => open_sqlite(options).await,
        "postgres" | "postgresql" => open_postgres(options).await,
        _ => return Err(DatabaseError::Url),
    };
    opened.map_err(|error| DatabaseError::Open(shown.into(), error))
}

async fn open_postgres(options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
    // A pool would keep trying for a while, and then only say that it did.
    AnyConnection::connect_with(&options).await?.close().await?;
    let pool = AnyPoolOptions::new().acquire_timeout(PATIENCE).max_connections(10);
    let pool = pool.connect_with(options).await?;
    MIGRATIONS.run(&pool).await?;
    Ok(pool)
}

async fn open_sqlite(mut options: AnyConnectOptions) -> Result<AnyPool, sqlx::Error> {
    let pool = AnyPoolOptions::new().acquire_timeout(PATIENCE);
    let pool = if is_in_memory(&options) {
        // The database is its connection: there must be one, and it must never be closed.
        pool.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        if !options.database_url.as_str().contains("mode=") {
            options.database_url.query_pairs_mut().append_pair("mode", "rwc");
        }
        // Readers and the writer, of this process or another, do not wait for each other. A commit
        // outlives the death of the process; only when the machine loses power may the last ones be
        // gone (`FULL` would wait for the disk each time).
        let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL";
        pool.max_connections(4).after_connect(move |connection, _| {
            Box::pin(async move { connection.execute(pragmas).await.map(drop) })
        })
    };
    let pool = pool.connect_with(options).await?;
    // Several processes may start on one new file; SQLite has no lock for that but a transaction.
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    MIGRATIONS.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(pool)
}

fn is_in_memory(options: &AnyConnectOptions) -> bool {
    let url = options.database_url.as_str();
    url.contains(":memory:") || url.contains("mode=memory")
}

/// What is bound to the places of a statement: `query_with("SELECT .. $1 .. $2", values![user, id])`.
macro_rules! values {
    ($($value:expr),*) => {{
        let mut values = sqlx::any::AnyArguments::default();
        $(sqlx::Arguments::add(&mut values, $value).expect("a text or an integer");)*
        values
    }};
}
pub(crate) use values;

#[cfg(test)]
pub(crate) mod tests {
    //! Databases to test stores with.

    use std::env;

    use futures_util::future::join_all;
    use uuid::Uuid;

    use super::*;

    /// A new database of one test's own.
    pub(crate) struct TestDatabase {
        pub(crate) url: String,
    }

    impl TestDatabase {
        /// A SQLite file.
        pub(crate) fn sqlite() -> Self {
            let file = env::temp_dir().join(format!("demo-app-{}.db", Uuid::new_v4()));
            Self { url: format!("sqlite://{}", file.display()) }
        }

        /// A schema in the PostgreSQL database that `TEST_POSTGRES_URL` names, as `scripts/test.sh`
        /// does; `None` where it names none.
        pub(crate) async fn postgres() -> Option<Self> {
            let server = env::var("TEST_POSTGRES_URL").ok()?;
            install_default_drivers();
            let schema = format!("test_{}", Uuid::new_v4().simple());
            let options = AnyConnectOptions::from_str(&server).expect("a URL");
            let pool = AnyPoolOptions::new().max_connections(1).connect_with(options).await;
            let pool = pool.expect("a PostgreSQL server");
            let create = sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"));
            pool.execute(create).await.expect("a new schema");
            pool.close().await;
            Some(Self { url: format!("{server}?options=-c%20search_path%3D{schema}") })
        }

        pub(crate) async fn open(&self) -> AnyPool {
            super::open(&self.url).await.expect("a database")
        }
    }

    impl Drop for TestDatabase {
        fn drop(&mut self) {
            if let Some(file) = self.url.strip_prefix("sqlite://") {
                for suffix in ["", "-wal", "-shm"] {
                    let _ = std::fs::remove_file(format!("{file}{suffix}"));
                }
            }
        }
    }

    /// Makes each function, which takes a [`TestDatabase`], a test on every kind of database.
    macro_rules! on_every_database {
        ($($test:ident),* $(,)?) => {
            mod sqlite {
                $(#[tokio::test]
                async fn $test() {
                    super::$test(crate::database::tests::TestDatabase::sqlite()).await;
                })*
            }

            mod postgres {
                $(#[tokio::test]
                async fn $test() {
                    if let Some(database) = crate::database::tests::TestDatabase::postgres().await {
                        super::$test(database).await;
                    }
                })*
            }
        };
    }
    pub(crate) use on_every_database;

    #[tokio::test]
    async fn a_password_is_never_shown() {
        let url = "postgres://ann:hunter2@127.0.0.1:1/demo?password=hunter2";
        let error = open(url).await.unwrap_err();
        assert!(matches!(&error, DatabaseError::Open(name, _) if name.contains("127.0.0.1")));
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
        for url in ["postgres://ann:hunter2@:x:y", "mysql://ann:hunter2@host/demo", "hunter2"] {
            let error = format!("{:?}", open(url).await.unwrap_err());
            assert!(url == "hunter2" || !error.contains("hunter2"), "{error}");
        }
    }

    #[tokio::test]
    async fn processes_that_start_together_agree_on_the_tables() {
        let database = TestDatabase::sqlite();
        for opened in join_all((0..8).map(|_| super::open(&database.url))).await {
            opened.unwrap();
        }
    }
}
