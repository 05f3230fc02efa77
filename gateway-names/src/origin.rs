//! Where pages come from: origins and hosts, as browsers write them.

use std::{
    error::Error,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// A server as a client names it: a host name or an address, and a port if one is written.
///
/// Different spellings of the same host compare equal: letters are lower-cased, an IPv6 address takes its
/// shortest form, and the dot that may end a fully qualified DNS name is dropped.
///
/// ```
/// use gateway_names::Host;
///
/// assert_eq!(Host::parse("Chat.Example.:443"), Host::parse("chat.example:443"));
/// assert_eq!(Host::parse("[0::1]:80").unwrap().to_string(), "[::1]:80");
/// assert!(Host::parse("chat.example/").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    name: String,
    port: Option<u16>,
}

impl Host {
    /// Reads `name`, `name:port`, `[address]` or `[address]:port`.
    ///
    /// # Errors
    /// If the text has none of these forms.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        let (name, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, port) = rest.split_once(']').ok_or(OriginError::Host)?;
                let address = address.parse::<Ipv6Addr>().map_err(|_| OriginError::Host)?;
                (written(address), port.strip_prefix(':').or_else(|| port.is_empty().then_some("")))
            }
            None => {
                let (name, port) = text.split_once(':').unwrap_or((text, ""));
                (name_of(name)?, Some(port))
            }
        };
        let port = match port.ok_or(OriginError::Host)? {
            "" => None,
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Some(digits.parse().map_err(|_| OriginError::Port)?)
            }
            _ => return Err(OriginError::Port),
        };
        Ok(Self { name, port })
    }

    /// The name or address, without the port. An IPv6 address is in brackets.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The port, if one is written.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        self.port
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// The longest host name (RFC 1035, 3.1, as text).
const NAME_BYTES: usize = 253;

/// The longest scheme that is accepted; the longest registered ones are half as long.
const SCHEME_BYTES: usize = 64;

/// A host name, or an IPv4 address.
fn name_of(text: &str) -> Result<String, OriginError> {
    if !text.is_ascii() {
        return Err(OriginError::NotAscii);
    }
    let is_of_names =
        |byte: u8| byte.is_ascii_graphic() && !br#"#%/:<>?@[\]^|*"`{}"#.contains(&byte);
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_name = name.len() <= NAME_BYTES && name.split('.').all(|label| !label.is_empty());
    if !is_name || !name.bytes().all(is_of_names) {
        return Err(OriginError::Host);
    }
    // To a browser, a name that ends in a number is an IPv4 address, which it writes as four numbers.
    let last = name.rsplit('.').next().unwrap_or_default();
    let digits = last.strip_prefix("0x").unwrap_or(last);
    let radix = if last.starts_with("0x") { 16 } else { 10 };
    let is_number = digits.chars().all(|digit| digit.is_digit(radix));
    if is_number && name.parse::<Ipv4Addr>().is_err() {
        return Err(OriginError::Host);
    }
    Ok(name)
}

/// An IPv6 address as browsers write it: one that maps an IPv4 address has no dotted part.
fn written(address: Ipv6Addr) -> String {
    match address.to_ipv4_mapped() {
        Some(_) => {
            let [.., high, low] = address.segments();
            format!("[::ffff:{high:x}:{low:x}]")
        }
        None => format!("[{address}]"),
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        let name = match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => written(address),
        };
        Self { name, port: None }
    }
}

/// Where a page comes from: what browsers send as `Origin`, except `null`, which names no place.
///
/// ```
/// use gateway_names::Origin;
///
/// let origin = Origin::parse("https://chat.example:443").unwrap();
/// assert_eq!(origin, Origin::parse("https://Chat.example").unwrap());
/// assert_eq!(origin.to_string(), "https://chat.example");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: String,
    /// `None` for a file. The port is `None` if it is the scheme's default.
    host: Option<Host>,
}

impl Origin {
    /// Reads `scheme://host` or `scheme://host:port`.
    ///
    /// # Errors
    /// If the text has neither form.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.is_empty() {
            return Err(OriginError::Empty);
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(OriginError::NoScheme(text.to_owned()));
        };
        let scheme = scheme.to_ascii_lowercase();
        let is_scheme = scheme.len() <= SCHEME_BYTES
            && scheme.starts_with(|c: char| c.is_ascii_lowercase())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !is_scheme {
            return Err(OriginError::Scheme);
        }
        if rest.contains('*') {
            return Err(OriginError::Pattern);
        }
        if let Some(end) = rest.find(['/', '?', '#', '\\']) {
            return Err(OriginError::Path(Self::within(&scheme, &rest[..end])));
        }
        if let Some((_, host)) = rest.rsplit_once('@') {
            return Err(OriginError::Path(Self::within(&scheme, host)));
        }
        if scheme == "file" {
            return match rest {
                "" => Ok(Self { scheme, host: None }),
                _ => Err(OriginError::Path(Some(Self { scheme, host: None }))),
            };
        }
        let mut host = Host::parse(rest)?;
        host.port = host.port.filter(|port| Some(*port) != default_port(&scheme));
        Ok(Self { scheme, host: Some(host) })
    }

    /// The origin in a text that goes on after it.
    fn within(scheme: &str, rest: &str) -> Option<Self> {
        match Self::parse(&format!("{scheme}://{rest}")) {
            Ok(origin) => Some(origin),
            Err(OriginError::Path(origin)) => origin,
            Err(_) => None,
        }
    }

    /// The scheme, in lower case.
    #[must_use]
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Whether a page of this origin was loaded from the server that its browser calls `host`, over `scheme` if
    /// that is known. A host without a port has the scheme's default port.
    ///
    /// ```
    /// use gateway_names::{Host, Origin};
    ///
    /// let page = Origin::parse("https://chat.example").unwrap();
    /// let host = |text| Host::parse(text).unwrap();
    /// assert!(page.is_of(&host("chat.example"), None));
    /// assert!(page.is_of(&host("chat.example:443"), None));
    /// assert!(!page.is_of(&host("chat.example:8443"), None));
    /// assert!(!page.is_of(&host("chat.example"), Some("http")));
    /// ```
    #[must_use]
    pub fn is_of(&self, host: &Host, scheme: Option<&str>) -> bool {
        let Some(own) = &self.host else { return false };
        let Some(default) = default_port(&self.scheme) else { return false };
        own.name == host.name
            && scheme.is_none_or(|scheme| scheme == self.scheme)
            && own.port.unwrap_or(default) == host.port.unwrap_or(default)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}://", self.scheme)?;
        self.host.as_ref().map_or(Ok(()), |host| host.fmt(formatter))
    }
}

/// The default port of a scheme that pages are loaded over.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

/// Checks that browsers send exactly this text as the `Origin` of some page. It may also be `null`, which
/// they send for pages that must not reveal their origin, or `*`, which stands for every origin.
///
/// # Errors
/// Why no browser sends it.
///
/// ```
/// use gateway_names::origin;
///
/// for sent in ["https://chat.example", "http://localhost:4200", "http://[::1]:3000", "null", "file://"] {
///     assert_eq!(origin(sent), Ok(()));
/// }
/// assert_eq!(
///     origin("https://Chat.example/").unwrap_err().help(),
///     "write `\"https://chat.example\"`: browsers do not send a path",
/// );
/// ```
pub fn origin(text: &str) -> Result<(), OriginError> {
    if matches!(text, "*" | "null") {
        return Ok(());
    }
    if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(OriginError::Spelling(Origin::parse(text.trim()).ok()));
    }
    let origin = Origin::parse(text)?;
    if let Some(scheme) = of_pages(&origin.scheme) {
        let page = format!("{scheme}{}", &text[origin.scheme.len()..]);
        return Err(OriginError::Spelling(Origin::parse(&page).ok()));
    }
    match origin.to_string() == text {
        true => Ok(()),
        false => Err(OriginError::Spelling(Some(origin))),
    }
}

/// The scheme of the pages that connect over a WebSocket scheme.
fn of_pages(scheme: &str) -> Option<&'static str> {
    match scheme {
        "ws" => Some("http"),
        "wss" => Some("https"),
        _ => None,
    }
}

/// Why no browser sends this text as an `Origin`. Its `Display` gives the reason; [`help`](Self::help) says
/// what to write instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OriginError {
    /// The text is empty.
    Empty,
    /// The text, given here, does not start with a scheme.
    NoScheme(String),
    /// What comes before `://` is not a scheme.
    Scheme,
    /// It contains a `*`.
    Pattern,
    /// It goes on after the origin, which is this one.
    Path(Option<Origin>),
    /// Browsers write this origin differently: like this.
    Spelling(Option<Origin>),
    /// The host is missing, or is not valid.
    Host,
    /// The host is not written in ASCII.
    NotAscii,
    /// The port is not valid.
    Port,
}

impl OriginError {
    /// What to write instead.
    #[must_use]
    pub fn help(&self) -> String {
        const PARTS: &str = "write scheme, host and port, without a path: `https://example.com`, `http://localhost:4200`";
        match self {
            Self::NoScheme(text) => {
                format!("write `\"https://{text}\"`, as in the browser's address bar")
            }
            Self::Path(Some(origin)) => {
                format!("write `\"{origin}\"`: browsers do not send a path")
            }
            Self::Spelling(Some(origin)) => format!("write `\"{origin}\"`, as browsers do"),
            Self::Pattern => {
                "list each origin; `*` on its own allows every origin, and a list can be computed: `origins = |config: &Config| config.origins.clone()`".to_owned()
            }
            Self::NotAscii => {
                "write its name in Punycode, as browsers send it: `https://xn--..`".to_owned()
            }
            _ => PARTS.to_owned(),
        }
    }
}

impl fmt::Display for OriginError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "the origin is empty",
            Self::NoScheme(_) => "an origin must start with a scheme",
            Self::Scheme => "what comes before `://` is not a scheme",
            Self::Pattern => "an origin cannot be a pattern",
            Self::Path(_) => "an origin ends after its host and port",
            Self::Spelling(_) => "browsers write this origin differently",
            Self::Host => "an origin needs a host name or an address",
            Self::NotAscii => "browsers write host names in ASCII",
            Self::Port => "the port of an origin is a number up to 65535",
        })
    }
}

impl Error for OriginError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_browsers_send_is_named_as_it_is() {
        for sent in [
            "*",
            "null",
            "file://",
            "http://localhost",
            "http://localhost:4200",
            "https://app.example:8443",
            "https://xn--mnchen-3ya.example",
            "https://under_score.example",
            "http://127.0.0.1:3000",
            "http://[::1]:3000",
            "http://[2001:db8::1]",
            "http://[::ffff:102:304]",
            "https://1.example",
            "https://example.co1",
            "http://example.com:443",
            "https://example.com:80",
            "capacitor://localhost",
            "ionic://localhost",
            "tauri://localhost",
            "app://obsidian.md",
            "chrome-extension://aapbdbdomjkkjkaonfhkkikfgjllcleb",
            "moz-extension://1b9fb4b6-9a5e-4b27-a1b5-3b4fdf4a9b3a",
        ] {
            assert_eq!(origin(sent), Ok(()), "{sent}");
        }
    }

    #[test]
    fn what_none_sends_has_a_cure() {
        for (text, cure) in [
            ("https://example.com:443", "https://example.com"),
            ("http://example.com:80", "http://example.com"),
            ("https://example.com:", "https://example.com"),
            ("https://example.com:08443", "https://example.com:8443"),
            ("https://example.com/", "https://example.com"),
            ("https://a.example/path", "https://a.example"),
            ("https://a.example?query", "https://a.example"),
            ("https://a.example#part", "https://a.example"),
            ("https://user:secret@a.example", "https://a.example"),
            ("https://User@A.example:443/x", "https://a.example"),
            (" https://a.example", "https://a.example"),
            ("https://a.example\n", "https://a.example"),
            ("https://A.example", "https://a.example"),
            ("HTTPS://a.example", "https://a.example"),
            ("https://a.example.", "https://a.example"),
            ("http://[0:0::1]:3000", "http://[::1]:3000"),
            ("http://[::FFFF:1.2.3.4]", "http://[::ffff:102:304]"),
            ("wss://a.example:443", "https://a.example"),
            ("ws://localhost:3000", "http://localhost:3000"),
            ("file:///home", "file://"),
            ("a.example", "https://a.example"),
        ] {
            let error = origin(text).expect_err(text);
            assert!(error.help().contains(&format!("`\"{cure}\"`")), "{text:?}: {}", error.help());
            assert_eq!(origin(cure), Ok(()), "{cure}");
        }
    }

    #[test]
    fn what_cannot_be_cured_has_a_reason() {
        for (text, reason) in [
            ("", OriginError::Empty),
            ("https://*.example.com", OriginError::Pattern),
            ("http://localhost:*", OriginError::Pattern),
            ("*://a.example", OriginError::Scheme),
            ("://a.example", OriginError::Scheme),
            ("4://a.example", OriginError::Scheme),
            ("https://", OriginError::Host),
            ("https://:443", OriginError::Host),
            ("https://.", OriginError::Host),
            ("https://a..example", OriginError::Host),
            ("https://a.example:port", OriginError::Port),
            ("https://a.example:65536", OriginError::Port),
            ("https://a.example:-1", OriginError::Port),
            ("https://[::1", OriginError::Host),
            ("https://[::1]3000", OriginError::Host),
            ("https://[1.2.3.4]", OriginError::Host),
            ("https://[fe80::1%eth0]", OriginError::Host),
            ("http://::1", OriginError::Host),
            ("http://127.1", OriginError::Host),
            ("http://127.0.0.0x1", OriginError::Host),
            ("http://256.0.0.1", OriginError::Host),
            ("http://010.0.0.1", OriginError::Host),
            ("https://a%20b.example", OriginError::Host),
            ("https://münchen.example", OriginError::NotAscii),
            ("https://a b.example", OriginError::Spelling(None)),
            ("https://a.example, https://b.example", OriginError::Spelling(None)),
        ] {
            let error = origin(text).expect_err(text);
            assert_eq!(error, reason, "{text:?}");
            assert!(!error.help().is_empty() && !error.to_string().is_empty());
        }
    }

    #[test]
    fn a_page_is_of_the_server_it_was_loaded_from() {
        let is_of = |origin: &str, host: &str, scheme| {
            Origin::parse(origin).unwrap().is_of(&Host::parse(host).unwrap(), scheme)
        };
        for (origin, host) in [
            ("https://chat.example", "chat.example"),
            ("http://chat.example", "chat.example"),
            ("https://chat.example", "chat.example:443"),
            ("http://chat.example", "chat.example:80"),
            ("https://chat.example:443", "chat.example"),
            ("https://chat.example:8443", "chat.example:8443"),
            ("https://CHAT.example", "chat.EXAMPLE"),
            ("https://chat.example.", "chat.example"),
            ("https://chat.example", "chat.example.:443"),
            ("http://[::1]:3000", "[0:0:0:0:0:0:0:1]:3000"),
            ("http://[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
        ] {
            assert!(is_of(origin, host, None), "{origin} {host}");
            let scheme = origin.split_once("://").unwrap().0;
            assert!(is_of(origin, host, Some(scheme)), "{origin} {host}");
            assert!(!is_of(origin, host, Some("other")), "{origin} {host}");
        }
        for (origin, host) in [
            ("https://chat.example", "chat.example:80"),
            ("http://chat.example", "chat.example:443"),
            ("https://chat.example", "chat.example:8443"),
            ("https://chat.example:8443", "chat.example"),
            ("https://chat.example:80", "chat.example"),
            ("https://a.chat.example", "chat.example"),
            ("http://[::1]", "[::2]"),
            ("http://127.0.0.1", "[::ffff:7f00:1]"),
            ("file://", "chat.example"),
            ("app://chat.example", "chat.example"),
        ] {
            assert!(!is_of(origin, host, None), "{origin} {host}");
        }
    }
}
