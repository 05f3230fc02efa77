//! A connection with both its ends, for tests.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::AsyncReadExt,
    net::{TcpListener, TcpStream},
    time::timeout,
};

use super::{StreamOptions, http::HttpStream};

/// The answer to an upgrade.
pub(super) const HEAD: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\n\r\n";

/// The server's end, and the client's.
pub(super) async fn pair() -> (HttpStream<TcpStream>, TcpStream) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (server, _) = listener.accept().await.unwrap();
    (HttpStream::new(server, None, StreamOptions::default()), client)
}

/// What one read of the client yields, if there is anything to read soon.
pub(super) async fn next(client: &mut TcpStream) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 1024];
    let read = timeout(Duration::from_millis(50), client.read(&mut buffer)).await.ok()?;
    buffer.truncate(read.unwrap());
    Some(buffer)
}
