//! Where certificates come from, and how they are renewed while the server runs.

use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

/// The certificates of a server that encrypts, for [`AppBuilder::tls`](crate::AppBuilder::tls). All clones have the
/// same certificates.
///
/// ```no_run
/// use std::time::Duration;
/// use gateway_core::{App, AppError, Tls};
///
/// # async fn run() -> Result<(), AppError> {
/// let tls = Tls::files("/etc/chat/chain.pem", "/etc/chat/key.pem");
/// let app = App::builder().tls(tls.clone()).build().await?;
/// tokio::spawn(async move {
///     loop {
///         tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
///         if let Err(error) = tls.reload() {
///             eprintln!("the certificates were not renewed: {error}");
///         }
///     }
/// });
/// app.bind("0.0.0.0:443").await?.serve().await
/// # }
/// ```
#[derive(Clone)]
pub struct Tls(Arc<Certificates>);

struct Certificates {
    source: Source,
    provider: Arc<CryptoProvider>,
    /// What connections that come are shown; those that are there go on with what they were shown.
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

enum Source {
    Files { chain: PathBuf, key: PathBuf },
    Pem { chain: Vec<u8>, key: Vec<u8> },
}

impl Tls {
    /// The certificates in a PEM file, the server's own first, and its private key in another. The files are read
    /// when the application is built, and whenever they are [reloaded](Self::reload).
    #[must_use]
    pub fn files(chain: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        Self::new(Source::Files { chain: chain.into(), key: key.into() })
    }

    /// The certificates as PEM, the server's own first, and its private key.
    #[must_use]
    pub fn pem(chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        Self::new(Source::Pem { chain: chain.into(), key: key.into() })
    }

    fn new(source: Source) -> Self {
        let provider = Arc::new(ring::default_provider());
        Self(Arc::new(Certificates { source, provider, current: RwLock::default() }))
    }

    /// Reads the files again. Connections that come afterwards are shown the new certificates, those that are there
    /// go on. With [`pem`](Self::pem), nothing changes.
    ///
    /// # Errors
    /// If the files cannot be used. The certificates stay what they were, then.
    pub fn reload(&self) -> Result<(), TlsError> {
        let Certificates { source, provider, current } = &*self.0;
        let read = |path: &PathBuf| {
            let read = fs::read(path);
            read.map_err(|source| TlsError(Why::Unreadable { file: path.clone(), source }))
        };
        let read = match source {
            Source::Files { chain, key } => certified(&read(chain)?, &read(key)?, provider),
            Source::Pem { chain, key } => certified(chain, key, provider),
        };
        let read = read.map_err(TlsError)?;
        *current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(read));
        Ok(())
    }

    /// Reads the certificates, and is ready to show them.
    pub(crate) fn config(&self) -> Result<ServerConfig, TlsError> {
        /// What is spoken inside: WebSockets are opened by it.
        const HTTP_1: &[u8] = b"http/1.1";

        self.reload()?;
        let builder = ServerConfig::builder_with_provider(Arc::clone(&self.0.provider));
        let builder = builder
            .with_safe_default_protocol_versions()
            .map_err(|error| TlsError(Why::Unusable(error)))?;
        let mut config =
            builder.with_no_client_auth().with_cert_resolver(Arc::new(Shown(Arc::clone(&self.0))));
        config.alpn_protocols = vec![HTTP_1.to_vec()];
        Ok(config)
    }
}

fn certified(chain: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, Why> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(chain).collect();
    let chain = chain.map_err(|error| Why::NotPem(error.to_string()))?;
    if chain.is_empty() {
        return Err(Why::NoCertificate);
    }
    // What the error says of the key is kept out of logs: there may be more in it than its kind.
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| Why::NoKey)?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Why::OtherKey,
        error => Why::Unusable(error),
    })
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.source {
            Source::Files { chain, .. } => formatter.debug_tuple("Tls").field(chain).finish(),
            Source::Pem { .. } => formatter.debug_struct("Tls").finish_non_exhaustive(),
        }
    }
}

/// Shows all clients the same certificates, whatever name they ask for.
struct Shown(Arc<Certificates>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shown").finish_non_exhaustive()
    }
}

/// Why [certificates](Tls) cannot be used.
///
/// ```
/// use gateway_core::Tls;
///
/// let error = Tls::pem("no certificate", "no key").reload().unwrap_err();
/// assert_eq!(error.to_string(), "there is no certificate in it: `-----BEGIN CERTIFICATE-----` is missing");
/// ```
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TlsError(Why);

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("`{}` cannot be read: {source}", .file.display())]
    Unreadable { file: PathBuf, source: io::Error },
    #[error("the certificates are not PEM: {0}")]
    NotPem(String),
    #[error("there is no certificate in it: `-----BEGIN CERTIFICATE-----` is missing")]
    NoCertificate,
    #[error(
        "there is no private key that can be read: PKCS #8, PKCS #1 or SEC1, as PEM and without a password"
    )]
    NoKey,
    #[error("the private key does not belong to the first certificate")]
    OtherKey,
    #[error("they cannot be used: {0}")]
    Unusable(rustls::Error),
}
