//! What clients may send and are sent is what is committed in `contract/`, for them and for reviews.

use demo_app::Config;

/// `UPDATE_CONTRACT=1 cargo test -p demo-app --test contract` writes it anew.
#[tokio::test]
async fn the_contract_is_committed() {
    let config = Config::of(&["--database-url", "sqlite::memory:"]).unwrap();
    let database = demo_app::open_database(&config.database_url).await.unwrap();
    demo_app::app(&config, database).contract().strict().assert_committed("contract");
}
