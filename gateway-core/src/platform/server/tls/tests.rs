use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::{self, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use axum::{Router, extract::Request, response::IntoResponse, routing::get};
use http::{StatusCode, header};
use hyper::upgrade::OnUpgrade;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex},
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::Instant,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream as ClientStream,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject},
    },
};

use super::*;
use crate::platform::{
    line::{StreamOptions, Upgraded},
    server::{Ended, Server, Times, listener::Listener, tests::goes_out},
};

/// Certificates for `localhost`, signed by an authority of their own.
struct Authority(PathBuf);

impl Authority {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);

        // Only the number's being unique counts.
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("gateway-tls-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        let authority = Self(folder);
        authority.openssl(&format!(
            "req -x509 {NEW_KEY} authority.key -out authority.pem -subj /CN=authority"
        ));
        authority.issue();
        authority
    }

    /// A new certificate, in the files of the one before.
    fn issue(&self) {
        self.openssl(&format!(
            "req -x509 {NEW_KEY} key.pem -out chain.pem -subj /CN=localhost -CA authority.pem \
             -CAkey authority.key -addext subjectAltName=DNS:localhost \
             -addext basicConstraints=critical,CA:FALSE"
        ));
    }

    fn openssl(&self, arguments: &str) {
        let mut openssl = Command::new("openssl");
        openssl.args(arguments.split_whitespace()).current_dir(&self.0).stderr(Stdio::null());
        assert!(openssl.status().expect("this test needs openssl on the PATH").success());
    }

    fn path(&self, file: &str) -> PathBuf {
        self.0.join(file)
    }

    fn tls(&self) -> Tls {
        Tls::files(self.path("chain.pem"), self.path("key.pem"))
    }

    async fn connect(&self, stream: DuplexStream) -> io::Result<ClientStream<DuplexStream>> {
        let mut roots = RootCertStore::empty();
        let authority = CertificateDer::from_pem_file(self.path("authority.pem")).unwrap();
        roots.add(authority).unwrap();
        let provider = Arc::new(ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider);
        let config = config.with_safe_default_protocol_versions().unwrap();
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }
}

const NEW_KEY: &str = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -keyout";

impl Drop for Authority {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Streams that a test makes, each from another address or all from one.
struct InProcess {
    comes: mpsc::Receiver<DuplexStream>,
    count: u16,
    from_one: bool,
}

impl axum::serve::Listener for InProcess {
    type Io = DuplexStream;
    type Addr = PeerAddress;

    async fn accept(&mut self) -> (DuplexStream, PeerAddress) {
        let Some(stream) = self.comes.recv().await else { return std::future::pending().await };
        self.count += u16::from(!self.from_one);
        let [high, low] = self.count.to_be_bytes();
        let ip = Ipv4Addr::from([198, 51, high, low]);
        (stream, SocketAddr::from((ip, 9)).into())
    }

    fn local_addr(&self) -> io::Result<PeerAddress> {
        Ok(PeerAddress::Unknown)
    }
}

/// A server that encrypts.
struct Encrypting {
    connects: mpsc::Sender<DuplexStream>,
    stop: oneshot::Sender<()>,
    served: JoinHandle<Ended>,
}

impl Encrypting {
    fn new(tls: &Tls, limits: &Limits) -> Self {
        let places = Places::new(100, 100, Default::default());
        Self::with(tls, limits, places, false)
    }

    /// One whose clients are all at one address, of which two may be there.
    fn for_two_of_one_address(tls: &Tls, trusted: &[&str]) -> Self {
        let trusted = TrustedProxies::new(trusted.iter().map(|text| text.parse().unwrap()));
        let places = Places::new(100, 2, trusted);
        Self::with(tls, &Limits::default(), places, true)
    }

    fn with(tls: &Tls, limits: &Limits, places: Arc<Places>, from_one: bool) -> Self {
        let large = async || "x".repeat(1024 * 1024);
        let encryption = Encryption::new(tls.config().unwrap(), limits, Default::default());
        let server = Server {
            router: Router::new()
                .route("/", get(async || "done"))
                .route("/soon", get(async || tokio::time::sleep(Duration::from_secs(3)).await))
                .route("/large", get(large))
                .route("/upgrade", get(speak_and_drop)),
            streams: StreamOptions::default(),
            times: Times::of(limits),
            places,
            encryption: Some(encryption),
        };
        let (connects, comes) = mpsc::channel(1);
        let listener = Listener::of(InProcess { comes, count: 0, from_one });
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async move { drop(stopped.await) };
        let patience = Duration::from_secs(10);
        let served = server.serve(listener, stopped, patience, async |_| Ended::ByItself);
        Self { connects, stop, served: tokio::spawn(served) }
    }

    async fn open(&self) -> DuplexStream {
        let (client, server) = duplex(64 * 1024);
        self.connects.send(server).await.unwrap();
        client
    }
}

/// Accepts an upgrade, says something over it, and drops it: no protocol above has an end of its own.
async fn speak_and_drop(mut request: Request) -> impl IntoResponse {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().expect("an upgrade");
    tokio::spawn(async move {
        let mut upgraded = Upgraded::from(upgrade.await.unwrap());
        upgraded.write_all(b"the last word").await.unwrap();
        upgraded.flush().await.unwrap();
    });
    let headers = [(header::CONNECTION, "upgrade"), (header::UPGRADE, "it")];
    (StatusCode::SWITCHING_PROTOCOLS, headers)
}

async fn get_page(client: &mut ClientStream<DuplexStream>) -> String {
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = [0; 1024];
    let read = client.read(&mut answer).await.unwrap();
    String::from_utf8(answer[..read].to_vec()).unwrap()
}

fn certificate(client: &ClientStream<DuplexStream>) -> Vec<u8> {
    client.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

#[tokio::test]
async fn what_is_encrypted_is_http_1() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let mut client = authority.connect(server.open().await).await.unwrap();
    assert_eq!(client.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert!(get_page(&mut client).await.ends_with("done"));
}

#[tokio::test]
async fn certificates_are_renewed_for_those_who_come() {
    let authority = Authority::new();
    let tls = authority.tls();
    let server = Encrypting::new(&tls, &Limits::default());
    let mut before = authority.connect(server.open().await).await.unwrap();
    authority.issue();
    tls.reload().unwrap();
    let after = authority.connect(server.open().await).await.unwrap();
    assert_ne!(certificate(&before), certificate(&after));
    assert!(get_page(&mut before).await.ends_with("done"));

    fs::write(authority.path("chain.pem"), "half of it").unwrap();
    tls.reload().unwrap_err();
    let still = authority.connect(server.open().await).await.unwrap();
    assert_eq!(certificate(&still), certificate(&after));
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_is_sent_away() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let mut client = server.open().await;
    let begun = Instant::now();
    assert_eq!(client.read(&mut [0; 16]).await.unwrap(), 0);
    assert_eq!(begun.elapsed().as_secs(), 10);
}

#[tokio::test]
async fn who_does_not_encrypt_is_not_served() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let mut client = server.open().await;
    client.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
}

#[tokio::test]
async fn so_many_are_at_their_handshakes_at_once() {
    let authority = Authority::new();
    let limits = Limits::default().tls_handshakes(2_usize);
    let server = Encrypting::new(&authority.tls(), &limits);
    let [first, _second] = [server.open().await, server.open().await];
    let mut third = server.open().await;
    assert_eq!(third.read(&mut [0; 16]).await.unwrap(), 0);
    drop(first);
    while authority.connect(server.open().await).await.is_err() {}
    // Those whose handshake is over do not count.
    let _open = [
        authority.connect(server.open().await).await.unwrap(),
        authority.connect(server.open().await).await.unwrap(),
    ];
}

#[tokio::test]
async fn so_many_of_one_address_may_be_there() {
    let authority = Authority::new();
    let server = Encrypting::for_two_of_one_address(&authority.tls(), &[]);
    let mut first = authority.connect(server.open().await).await.unwrap();
    let _second = authority.connect(server.open().await).await.unwrap();
    let mut third = server.open().await;
    let at_once = timeout(Duration::from_secs(5), third.read(&mut [0; 16])).await;
    assert_eq!(at_once.expect("no handshake is waited for").unwrap(), 0);
    assert!(get_page(&mut first).await.ends_with("done"));
    // A place is free when its connection has ended.
    drop(first);
    while authority.connect(server.open().await).await.is_err() {}
}

#[tokio::test]
async fn proxies_that_are_trusted_speak_for_many() {
    let authority = Authority::new();
    let server = Encrypting::for_two_of_one_address(&authority.tls(), &["198.51.0.0"]);
    let mut open = Vec::new();
    for _ in 0..5 {
        let mut client = authority.connect(server.open().await).await.unwrap();
        assert!(get_page(&mut client).await.ends_with("done"));
        open.push(client);
    }
}

#[tokio::test]
async fn an_encrypted_port_goes_out() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let silent = server.open().await;
    let Encrypting { connects, stop, served } = server;
    // Without a `close_notify`, the ends would be errors.
    let connect = async || {
        let (client, server) = duplex(64 * 1024);
        connects.send(server).await.unwrap();
        authority.connect(client).await.unwrap()
    };
    goes_out((stop, served), silent, connect).await;
}

#[tokio::test]
async fn the_end_of_what_is_dropped_is_said() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let mut client = authority.connect(server.open().await).await.unwrap();
    let request =
        b"GET /upgrade HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: it\r\n\r\n";
    client.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    // Without a `close_notify`, this would be an error.
    client.read_to_end(&mut answer).await.unwrap();
    assert!(answer.ends_with(b"the last word"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut_as_without_encryption() {
    let authority = Authority::new();
    let server = Encrypting::new(&authority.tls(), &Limits::default());
    let mut client = authority.connect(server.open().await).await.unwrap();
    client.write_all(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    tokio::time::sleep(Duration::from_secs(21)).await;
    let mut answer = Vec::new();
    client.read_to_end(&mut answer).await.ok();
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert!(answer.len() < 200 * 1024, "{}", answer.len());
}

#[test]
fn what_is_wrong_with_certificates_is_said() {
    let authority = Authority::new();
    let other = Authority::new();
    let (chain, key) = (authority.path("chain.pem"), authority.path("key.pem"));
    let encrypted = authority.path("encrypted.pem");
    authority.openssl("pkcs8 -topk8 -in key.pem -passout pass:x -out encrypted.pem");
    for (chain, key, says) in [
        (authority.path("missing.pem"), key.clone(), "missing.pem` cannot be read: "),
        (chain.clone(), authority.path("missing.pem"), "missing.pem` cannot be read: "),
        (key.clone(), key.clone(), "there is no certificate in it"),
        (chain.clone(), chain.clone(), "there is no private key"),
        (chain.clone(), encrypted, "there is no private key"),
        (chain.clone(), other.path("key.pem"), "the private key does not belong"),
    ] {
        let error = Tls::files(chain, key).reload().unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
    let [chain, key] = [chain, key].map(|file| fs::read(file).unwrap());
    Tls::pem(chain, key).reload().unwrap();
    let damaged = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    let error = Tls::pem(damaged, "").reload().unwrap_err().to_string();
    assert!(error.starts_with("the certificates are not PEM"), "{error}");
}
