//! As much of a Socket.IO client as an idle connection needs: a WebSocket handshake, the
//! engine's OPEN, and a CONNECT that is answered.

use std::error::Error;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connected client, until it is dropped.
pub(crate) struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    pub(crate) fn open(server: SocketAddr, namespace: &str) -> Result<Self, Box<dyn Error>> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        stream.set_nodelay(true)?;
        write!(
            stream,
            "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: {server}\r\n\
             Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )?;
        let mut connection = Self { stream: BufReader::new(stream) };
        connection.skip_response()?;
        connection.send(&format!("40{namespace},"))?;
        let connected = format!("40{namespace},");
        loop {
            let text = connection.receive()?;
            if text.starts_with(&connected) {
                return Ok(connection);
            }
            if text.starts_with("44") {
                return Err(format!("refused: {text}").into());
            }
        }
    }

    fn skip_response(&mut self) -> Result<(), Box<dyn Error>> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        if !line.starts_with("HTTP/1.1 101") {
            return Err(format!("no upgrade: {line}").into());
        }
        while line != "\r\n" {
            line.clear();
            self.stream.read_line(&mut line)?;
        }
        Ok(())
    }

    /// One text frame, masked with zeros, which leave it as it is.
    fn send(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 126);
        let length = length.ok_or("too long for a short frame")?;
        let mut frame = vec![0x81, 0x80 | length, 0, 0, 0, 0];
        frame.extend_from_slice(text.as_bytes());
        self.stream.get_mut().write_all(&frame)?;
        Ok(())
    }

    fn receive(&mut self) -> Result<String, Box<dyn Error>> {
        let mut head = [0; 2];
        self.stream.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut long = [0; 2];
                self.stream.read_exact(&mut long)?;
                usize::from(u16::from_be_bytes(long))
            }
            short => usize::from(short),
        };
        let mut text = vec![0; length];
        self.stream.read_exact(&mut text)?;
        Ok(String::from_utf8(text)?)
    }
}
