//! An application without a gateway.

use gateway_core::prelude::*;

#[tokio::main]
async fn main() -> Result<(), AppError> {
    let address = std::env::args().nth(1).expect("an address");
    App::builder().build().await?.serve(address).await
}
