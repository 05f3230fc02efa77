//! [`health_check`]: what monitors a container, where the image has neither a shell nor curl.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::{self, ExitCode},
    time::Duration,
};

use axum::http::StatusCode;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::readiness::HEALTHZ;

/// Less than the 3 s that a `HEALTHCHECK` is usually given.
const PATIENCE: Duration = Duration::from_secs(2);

/// Bytes of a status line, at most.
const STATUS_LINE: u64 = 256;

/// Asks a server on this machine whether it responds, for images that have neither a shell nor curl: a program calls
/// this instead of serving, say if its only argument is `--health-check`, and `HEALTHCHECK` runs it.
///
/// `listen` is the address to which the server is bound. If that is all addresses (`0.0.0.0`, `[::]`), it is asked at this
/// machine's own. The server needs [`health_checks`](crate::AppBuilder::health_checks), and it must be reachable over
/// TCP without TLS.
///
/// It is `/healthz` that is asked, and not `/readyz`: whoever reads a container's health ends the unhealthy ones, which
/// mends neither a database that is away nor a drain. Whether clients should be sent there, balancers ask by themselves.
///
/// The exit code is 0 if the server responds with 200 within 2 s, and otherwise 1, with the reason on stderr. Without a
/// response in that time, the process ends here, since looking up a name cannot be given up.
///
/// ```no_run
/// use std::{env, process::ExitCode};
/// use gateway_core::prelude::*;
///
/// const LISTEN: &str = "0.0.0.0:3000";
///
/// #[tokio::main]
/// async fn main() -> ExitCode {
///     if env::args().nth(1).as_deref() == Some("--health-check") {
///         return gateway_core::health_check(LISTEN).await;
///     }
///     gateway_core::exit_code(App::builder().health_checks().run(LISTEN).await)
/// }
/// ```
pub async fn health_check(listen: &str) -> ExitCode {
    let Ok(asked) = timeout(PATIENCE, ask(listen)).await else {
        eprintln!("unhealthy: no answer within {PATIENCE:?}");
        process::exit(1);
    };
    match asked {
        Ok(StatusCode::OK) => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("unhealthy: {HEALTHZ} is answered with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(listen: &str) -> io::Result<StatusCode> {
    let addresses: Vec<SocketAddr> = lookup_host(listen).await?.map(reachable).collect();
    if addresses.iter().any(|address| address.port() == 0) {
        let reason = "port 0 does not tell where the server listens";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    // One line is all there is to read. An HTTP client would be compiled into every application for it.
    let mut stream = TcpStream::connect(&*addresses).await?;
    let request = format!("GET {HEALTHZ} HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream.take(STATUS_LINE)).read_line(&mut line).await?;
    status(&line)
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn status(line: &str) -> Option<StatusCode> {
    let (_version, status) = line.strip_prefix("HTTP/")?.split_once(' ')?;
    status.split_ascii_whitespace().next()?.parse().ok()
}

/// Where a listener is reached from its own machine: one that listens on all addresses has this one, too.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn who_listens_on_all_addresses_is_asked_on_this_machines_own() {
        let reachable = |address: &str| super::reachable(address.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(reachable("[::]:3000"), "[::1]:3000");
        assert_eq!(reachable("10.0.0.1:3000"), "10.0.0.1:3000");
    }

    /// What becomes of the question if the server says this and hangs up.
    async fn answered_with(answer: &'static [u8]) -> io::Result<StatusCode> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            let length = stream.read(&mut request).await.unwrap();
            stream.write_all(answer).await.unwrap();
            String::from_utf8(request[..length].to_vec()).unwrap()
        });
        let asked = ask(&address).await;
        let request = server.await.unwrap();
        assert!(request.starts_with("GET /healthz HTTP/1.1\r\n"), "{request}");
        assert!(request.contains(&format!("\r\nHost: {address}\r\n")), "{request}");
        asked
    }

    #[tokio::test]
    async fn the_status_is_the_answer() {
        for (answer, expected) in [
            (&b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"[..], StatusCode::OK),
            (b"HTTP/1.0 200\r\n\r\n", StatusCode::OK),
            (b"HTTP/1.1 503 Service Unavailable\r\n\r\n", StatusCode::SERVICE_UNAVAILABLE),
        ] {
            assert_eq!(answered_with(answer).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn what_is_not_http_is_no_answer() {
        for answer in [&b""[..], b"220 mail.example.com\r\n", b"HTTP/1.1\r\n"] {
            let asked = answered_with(answer).await;
            assert!(asked.is_err(), "{asked:?}");
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_not_waited_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(&[b'x'; 1_000]).await.unwrap();
            stream
        });
        let asked = timeout(PATIENCE, ask(&address)).await.expect("an answer");
        assert_eq!(asked.unwrap_err().kind(), io::ErrorKind::InvalidData);
        drop(server.await);
    }

    #[tokio::test]
    async fn a_port_that_nobody_knows_is_no_address() {
        let error = ask("127.0.0.1:0").await.unwrap_err();
        assert!(error.to_string().starts_with("port 0"), "{error}");
    }
}
