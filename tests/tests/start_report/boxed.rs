//! An application without a gateway, whose `main` returns a boxed error.

use std::error::Error;

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).expect("an address");
    App::builder().build().await?.serve(address).await?;
    Ok(())
}
