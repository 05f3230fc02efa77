//! Unix sockets: files that the programs of one machine connect to.

use std::{
    fs::{self, File, Permissions},
    io::{self, ErrorKind},
    os::unix::{
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
        net::UnixListener as StdListener,
    },
    path::{Path, PathBuf},
};

use futures_util::future::BoxFuture;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};
use tokio::net::{UnixListener, UnixStream};

use super::listener::{AnyIncoming, AnyStream, Listener, PeerAddress, accepted};
use crate::platform::line::{Below, DrainRate};

/// Connections that the kernel keeps until they are accepted, as for TCP.
const BACKLOG: i32 = 1024;

/// One that is listened on.
pub(crate) struct UnixSocket {
    /// Dropped, and so removed, while somebody still listens: nobody else takes it for a stale one before.
    _file: Option<SocketFile>,
    listener: UnixListener,
}

impl UnixSocket {
    /// Makes the file, with these permissions, and listens on it. A file that a process has left behind is
    /// replaced; one that somebody listens on is not, and neither is one of another kind.
    ///
    /// # Errors
    /// If there is such a file, or it cannot be made.
    pub(crate) fn bind(path: &Path, mode: u32) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = File::open(folder.unwrap_or(Path::new(".")))?;
        // Until this is done: of two processes that start at once, none takes the other's file for stale.
        folder.lock()?;
        remove_stale(path)?;
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let file = SocketFile::at(path)?;
        // Nobody can connect before it is listened on.
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        socket.set_nonblocking(true)?;
        socket.listen(BACKLOG)?;
        let listener = UnixListener::from_std(StdListener::from(socket))?;
        Ok(Self { _file: Some(file), listener })
    }
}

impl From<UnixListener> for UnixSocket {
    /// Of a listener whose file is its owner's.
    fn from(listener: UnixListener) -> Self {
        Self { _file: None, listener }
    }
}

impl From<UnixSocket> for Listener {
    fn from(socket: UnixSocket) -> Self {
        Self::Boxed(Box::new(socket))
    }
}

fn remove_stale(path: &Path) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    let probe = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Where very many wait to be accepted, another one would have to wait with them.
    probe.set_nonblocking(true)?;
    match probe.connect(&SockAddr::unix(path)?) {
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => fs::remove_file(path),
        Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
        _ => Err(io::Error::new(ErrorKind::AddrInUse, "a process listens on it")),
    }
}

/// A file that we have made: it goes with this, unless another one has taken its place.
struct SocketFile {
    path: PathBuf,
    /// Its device and its inode.
    made: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), made: identity(path)? })
    }
}

/// What a file is told from others by, whatever its name.
fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let file = fs::symlink_metadata(path)?;
    Ok((file.dev(), file.ino()))
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = identity(&self.path).is_ok_and(|there| there == self.made);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "a socket's file was not removed");
        }
    }
}

impl AnyIncoming for UnixSocket {
    fn next(&mut self) -> BoxFuture<'_, (AnyStream, PeerAddress)> {
        let listener = &self.listener;
        Box::pin(async move {
            let (stream, address) = accepted(|| listener.accept()).await;
            // Else it takes hundreds of kilobytes for a peer that reads slowly, and then nothing for long.
            let unsent = DrainRate::UNSENT as usize;
            if let Err(error) = SockRef::from(&stream).set_send_buffer_size(unsent) {
                tracing::debug!(%error, "SO_SNDBUF was refused");
            }
            (AnyStream::new(stream), address.into())
        })
    }

    fn is_unix(&self) -> bool {
        true
    }
}

impl Below for UnixStream {
    fn try_write(&self, bytes: &[u8]) -> Option<io::Result<usize>> {
        match Self::try_write(self, bytes) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            result => Some(result),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream as StdStream;

    use super::*;

    /// A folder of its own, removed at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("gateway-{}-{name}", std::process::id()));
            fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }

        fn socket(&self) -> PathBuf {
            self.0.join("socket")
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            fs::remove_dir_all(&self.0).unwrap();
        }
    }

    fn kind(bound: io::Result<UnixSocket>) -> ErrorKind {
        bound.map(drop).unwrap_err().kind()
    }

    #[tokio::test]
    async fn a_socket_has_the_permissions_it_was_given_and_goes_with_its_listener() {
        let folder = Folder::new("permissions");
        let path = folder.socket();
        for mode in [0o600, 0o666, 0o060] {
            let bound = UnixSocket::bind(&path, mode).unwrap();
            assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o777, mode);
            StdStream::connect(&path).unwrap();
            drop(bound);
            assert!(!path.exists());
        }
    }

    #[tokio::test]
    async fn what_a_process_has_left_behind_is_replaced() {
        let folder = Folder::new("stale");
        let path = folder.socket();
        drop(StdListener::bind(&path).unwrap());
        assert!(path.exists(), "nobody removes it");
        let _bound = UnixSocket::bind(&path, 0o600).unwrap();
        StdStream::connect(&path).unwrap();
    }

    #[tokio::test]
    async fn what_somebody_listens_on_is_left_alone() {
        let folder = Folder::new("in-use");
        let path = folder.socket();
        let _bound = UnixSocket::bind(&path, 0o600).unwrap();
        assert_eq!(kind(UnixSocket::bind(&path, 0o600)), ErrorKind::AddrInUse);
        StdStream::connect(&path).unwrap();
        // Also where nobody accepts, and no more fit into the queue.
        let full = folder.0.join("full");
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        socket.bind(&SockAddr::unix(&full).unwrap()).unwrap();
        socket.listen(0).unwrap();
        let _waiting = StdStream::connect(&full).unwrap();
        assert_eq!(kind(UnixSocket::bind(&full, 0o600)), ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn a_file_of_another_kind_is_left_alone() {
        let folder = Folder::new("other-kind");
        let path = folder.socket();
        fs::write(&path, "precious").unwrap();
        assert_eq!(kind(UnixSocket::bind(&path, 0o600)), ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        let link = folder.0.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(kind(UnixSocket::bind(&link, 0o600)), ErrorKind::AlreadyExists);
    }

    #[tokio::test]
    async fn a_successor_keeps_its_file() {
        let folder = Folder::new("successor");
        let path = folder.socket();
        let bound = UnixSocket::bind(&path, 0o600).unwrap();
        fs::remove_file(&path).unwrap();
        let successor = StdListener::bind(&path).unwrap();
        drop(bound);
        StdStream::connect(&path).unwrap();
        drop(successor);
    }

    #[tokio::test]
    async fn of_many_that_start_at_once_on_a_stale_file_one_gets_it() {
        let folder = Folder::new("race");
        let path = folder.socket();
        for _ in 0..20 {
            drop(StdListener::bind(&path).unwrap());
            let starting: Vec<_> = (0..4)
                .map(|_| {
                    let path = path.clone();
                    tokio::task::spawn_blocking(move || UnixSocket::bind(&path, 0o600))
                })
                .collect();
            let mut bound = Vec::new();
            for one in starting {
                bound.extend(one.await.unwrap());
            }
            assert_eq!(bound.len(), 1);
            StdStream::connect(&path).unwrap();
        }
    }
}
