use gateway_core::prelude::*;
use serde::Deserialize;

#[derive(Clone, Deserialize)]
struct User;

async fn count(server: Server) -> Result<usize, SocketsError> {
    Ok(server.to("lobby").fetch_sockets::<User>().await?.len())
}

fn main() {}
