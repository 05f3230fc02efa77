//! `--health-check`: what monitors a container, where the image has neither a shell nor curl.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::process::{self, ExitCode};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::HOST;
use axum::http::{Request, StatusCode};
use gateway_core::AppError;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

/// Of the two questions, whether the process responds. Whoever reads a container's health ends the unhealthy
/// ones, and neither a database that is away nor a drain is mended by that. Whether clients should be sent here
/// (`/readyz`) is the balancer's question, which it asks by itself.
const PATH: &str = "/healthz";

/// Less than the three seconds that the image's `HEALTHCHECK` waits.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the demo that listens there; 0 if it responds, otherwise 1.
pub async fn run(listen: &str) -> ExitCode {
    let Ok(asked) = timeout(PATIENCE, ask(listen)).await else {
        eprintln!("unhealthy: no answer within {PATIENCE:?}");
        // A name that is still being looked up would keep the runtime from ending.
        process::exit(1);
    };
    match asked {
        Ok(StatusCode::OK) => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("unhealthy: {PATH} is answered with {status}");
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("unhealthy: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(listen: &str) -> Result<StatusCode, AppError> {
    let addresses: Vec<SocketAddr> = lookup_host(listen).await?.map(reachable).collect();
    if addresses.iter().any(|address| address.port() == 0) {
        return Err(AppError::other("port 0 does not tell where the demo listens"));
    }
    let stream = TcpStream::connect(&*addresses).await?;
    let (mut requests, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(AppError::other)?;
    tokio::spawn(connection);
    let request = Request::get(PATH).header(HOST, listen).body(Body::empty())?;
    let response = requests.send_request(request).await.map_err(AppError::other)?;
    Ok(response.status())
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
    use super::*;

    #[test]
    fn who_listens_on_all_addresses_is_asked_on_this_machines_own() {
        let reachable = |address: &str| super::reachable(address.parse().unwrap()).to_string();
        assert_eq!(reachable("0.0.0.0:3000"), "127.0.0.1:3000");
        assert_eq!(reachable("[::]:3000"), "[::1]:3000");
        assert_eq!(reachable("10.0.0.1:3000"), "10.0.0.1:3000");
    }

    #[tokio::test]
    async fn a_port_that_nobody_knows_is_no_address() {
        let error = ask("127.0.0.1:0").await.unwrap_err();
        assert!(error.to_string().starts_with("port 0"), "{error}");
    }
}
