//! The one database of the demo: SQLite, or PostgreSQL where the URL says so.
//!
//! Every statement of the demo runs on both, so there is one store of each thing and not two. What
//! must be serialised begins its transaction with the write that others wait for: a row's lock to
//! PostgreSQL, the one writer to SQLite.

mod probe;

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions, install_default_drivers};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{AnyConnection, AnyPool, Connection as _, Executor as _};

pub(crate) use probe::probe;

/// How long to wait for a connection, all of them being busy or the server being down.
const PATIENCE: Duration = Duration::from_secs(5);

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL is of neither.
    #[error("the database URL must begin with `sqlite:` or `postgres:`, not `{0}`")]
    Foreign(String),
    /// It is not there, or cannot be created.
    #[error("the database `{0}` cannot be opened")]
    Open(String, #[source] sqlx::Error),
    /// Its tables are not those of this version, and cannot be made so.
    #[error("the tables of the database `{0}` cannot be brought up to date")]
    Migrate(String, #[source] MigrateError),
}

/// Opens the database and brings its tables up to date; a SQLite file is created if it is missing.
///
/// # Errors
/// See [`DatabaseError`].
pub async fn open(url: &str) -> Result<AnyPool, DatabaseError> {
    let kind = Kind::of(url)?;
    install_default_drivers();
    let options = kind.connect_options(url).map_err(|error| {
        // What cannot be read cannot be shown without its password.
        DatabaseError::Open(format!("{}:..", scheme(url)), error)
    })?;
    let name = name(&options);
    let not_opened = |error| DatabaseError::Open(name.clone(), error);
    let not_migrated = |error| DatabaseError::Migrate(name.clone(), error);

    if kind == Kind::Postgres {
        // A pool would keep trying for a while, and then only say that it did.
        let connection = AnyConnection::connect_with(&options).await.map_err(not_opened)?;
        connection.close().await.map_err(not_opened)?;
    }
    let pool = kind.pool_options().connect_with(options).await.map_err(not_opened)?;
    if kind == Kind::Postgres {
        MIGRATIONS.run(&pool).await.map_err(not_migrated)?;
    } else {
        // Several processes may start on one new file; SQLite has no lock for that but a transaction.
        let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(not_opened)?;
        MIGRATIONS.run(&mut *transaction).await.map_err(not_migrated)?;
        transaction.commit().await.map_err(not_opened)?;
    }
    Ok(pool)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    SqliteFile,
    SqliteInMemory,
    Postgres,
}

impl Kind {
    fn of(url: &str) -> Result<Self, DatabaseError> {
        match scheme(url) {
            "sqlite" if url.contains(":memory:") || url.contains("mode=memory") => {
                Ok(Self::SqliteInMemory)
            }
            "sqlite" => Ok(Self::SqliteFile),
            "postgres" | "postgresql" => Ok(Self::Postgres),
            other => Err(DatabaseError::Foreign(other.to_owned())),
        }
    }

    fn connect_options(self, url: &str) -> Result<AnyConnectOptions, sqlx::Error> {
        if self == Self::SqliteFile && !url.contains("mode=") {
            let separator = if url.contains('?') { '&' } else { '?' };
            return AnyConnectOptions::from_str(&format!("{url}{separator}mode=rwc"));
        }
        AnyConnectOptions::from_str(url)
    }

    fn pool_options(self) -> AnyPoolOptions {
        let options = AnyPoolOptions::new().acquire_timeout(PATIENCE);
        match self {
            Self::Postgres => options.max_connections(10),
            Self::SqliteFile => {
                options.max_connections(4).after_connect(|connection, _| {
                    Box::pin(async move {
                        // Readers and the writer, of this process or another, do not wait for each
                        // other. A commit outlives the death of the process; only when the machine
                        // loses power may the last ones be gone (`FULL` would wait for the disk each
                        // time).
                        connection.execute("PRAGMA journal_mode = WAL").await?;
                        connection.execute("PRAGMA synchronous = NORMAL").await?;
                        Ok(())
                    })
                })
            }
            // The database is its connection: there must be one, and it must never be closed.
            Self::SqliteInMemory => {
                options.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
            }
        }
    }
}

fn scheme(url: &str) -> &str {
    url.split_once(':').map_or(url, |(scheme, _)| scheme)
}

/// The database as it may be shown: without its password.
fn name(options: &AnyConnectOptions) -> String {
    let mut url = options.database_url.clone();
    // A URL without a host has no password either.
    url.set_password(None).ok();
    url.set_query(None);
    url.into()
}

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
