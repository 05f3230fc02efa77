//! One connection of HTTP by hand.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// More than any response takes that is not waited for on purpose: a poll ends with a heartbeat.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that carries one request at a time.
#[derive(Debug)]
pub struct Http(BufReader<TcpStream>);

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Response {
    /// The number in its first line.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Nothing where the status is that of a switch of protocols: what follows is no HTTP.
    pub body: Bytes,
}

impl Http {
    /// Opens a connection.
    ///
    /// # Errors
    ///
    /// Where nobody listens.
    pub async fn open(server: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and reads its response.
    ///
    /// # Errors
    ///
    /// Where the connection ends first, or nothing comes for 30 s.
    pub async fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Response> {
        self.send(method, target, headers, body).await?;
        self.response().await
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// Where the connection has ended.
    pub async fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<()> {
        let mut request = format!("{method} {target} HTTP/1.1\r\nHost: here\r\n");
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        if method != "GET" {
            request.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        request.push_str("\r\n");
        self.0.write_all(&[request.as_bytes(), body].concat()).await
    }

    /// Reads the response to what was sent.
    ///
    /// # Errors
    ///
    /// Where the connection ends first, or nothing comes for 30 s.
    pub async fn response(&mut self) -> io::Result<Response> {
        timeout(PATIENCE, self.read_response()).await?
    }

    async fn read_response(&mut self) -> io::Result<Response> {
        let line = self.line().await?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("not a status: {line:?}")))?;
        let mut response = Response { status, headers: Vec::new(), body: Bytes::new() };
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            response.headers.push((name.to_owned(), value.trim().to_owned()));
        }
        if status == 101 {
            return Ok(response);
        }
        let mut body = Vec::new();
        if response.header("transfer-encoding") == Some("chunked") {
            loop {
                let size = self.line().await?;
                let size = usize::from_str_radix(&size, 16).map_err(io::Error::other)?;
                let begin = body.len();
                body.resize(begin + size, 0);
                self.0.read_exact(&mut body[begin..]).await?;
                self.line().await?;
                if size == 0 {
                    break;
                }
            }
        } else if let Some(length) = response.header("content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            self.0.read_exact(&mut body).await?;
        }
        response.body = body.into();
        Ok(response)
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

impl Response {
    /// A header, by its name in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    ///
    /// # Errors
    ///
    /// Where it is none.
    pub fn text(&self) -> io::Result<&str> {
        std::str::from_utf8(&self.body).map_err(io::Error::other)
    }
}
