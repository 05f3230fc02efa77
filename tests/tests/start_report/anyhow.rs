//! An application without a gateway, whose `main` returns what holds any error.

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let address = std::env::args().nth(1).expect("an address");
    App::builder().build().await?.serve(address).await?;
    Ok(())
}
