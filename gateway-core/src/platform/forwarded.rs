//! What proxies in front of the application say of the client they speak for.
//!
//! Anybody can send these headers, so they count where the other end of the connection is a proxy that the
//! application trusts, and as far back as those trust each other. `Forwarded` (RFC 7239) is not read: a proxy
//! that sets one of the two ways to say it hands the other on from the client, and nothing tells which it is.

use std::{
    fmt,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::extract::ConnectInfo;
use gateway_names::{Host, Origin};
use http::{Extensions, HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

use super::server::{Peer, listener::PeerAddress};

static FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// An address and a port, as every connection keeps its own: a `SocketAddr` has room for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Address {
    ip: IpAddr,
    /// 0 where it is not known.
    port: u16,
}

impl Address {
    /// An IPv4 address has one form, also where it came over IPv6.
    fn new(ip: IpAddr, port: u16) -> Self {
        Self { ip: ip.to_canonical(), port }
    }

    /// As proxies write it: with a port or without.
    fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        if let Ok(ip) = text.parse() {
            return Some(Self::new(ip, 0));
        }
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Some(Self::new(address.ip(), address.port()));
        }
        let ip: Ipv6Addr = text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()?;
        Some(Self::new(ip.into(), 0))
    }
}

/// Who is at the other end, as far as it can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Client {
    address: Option<Address>,
    /// The trusted proxies that a request came through.
    proxies: u8,
    /// Whether our own server has encrypted the connection, to the client or to the last proxy.
    is_encrypted: bool,
}

impl Client {
    /// Of a request: as the trusted proxies had it, where that was looked at before.
    pub(crate) fn of(extensions: &Extensions) -> Self {
        let seen = extensions.get::<Self>().copied();
        seen.unwrap_or_else(|| {
            let peer = peer(extensions).network();
            let address = peer.map(|peer| Address::new(peer.ip(), peer.port()));
            let ours = extensions.get::<ConnectInfo<Peer>>();
            let is_encrypted = ours.is_some_and(|ConnectInfo(peer)| peer.is_encrypted);
            Self { address, proxies: 0, is_encrypted }
        })
    }

    pub(crate) fn ip(&self) -> Option<IpAddr> {
        self.address.map(|address| address.ip)
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.address.map(|Address { ip, port }| SocketAddr::new(ip, port))
    }

    /// The server as the client itself names it: `authority` of the request's URI, its `Host`, or what the
    /// proxies say that was. `values` are those of a header, in their order.
    pub(crate) fn addressed<'a>(
        &self,
        authority: Option<&str>,
        values: impl Fn(&HeaderName) -> Vec<&'a [u8]>,
    ) -> Addressed {
        let forwarded = |name: &HeaderName| match self.proxies {
            0 => None,
            proxies => nth_from_the_right(&values(name), usize::from(proxies)),
        };
        let own = || match (authority, values(&http::header::HOST).as_slice()) {
            (Some(authority), _) => Some(authority.to_owned()),
            (None, [host]) => String::from_utf8(host.to_vec()).ok(),
            // Which of several it is, others on the way may have decided otherwise.
            _ => None,
        };
        let scheme = match self.proxies {
            // Without encryption of ours there may be somebody else's in front of us that we are not told of.
            0 => self.is_encrypted.then_some("https"),
            _ => forwarded(&PROTO).and_then(|scheme| match &*scheme.to_ascii_lowercase() {
                "http" | "ws" => Some("http"),
                "https" | "wss" => Some("https"),
                _ => None,
            }),
        };
        let host = forwarded(&HOST).or_else(own).and_then(|host| Host::parse(&host).ok());
        Addressed { host, scheme }
    }
}

/// Its address, for the log.
impl fmt::Display for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            Some(address) => address.fmt(formatter),
            None => formatter.write_str("(unknown)"),
        }
    }
}

/// A server, as a client names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addressed {
    pub(crate) host: Option<Host>,
    /// `http` or `https`, where a proxy says so, or it is we who encrypt.
    pub(crate) scheme: Option<&'static str>,
}

impl Addressed {
    /// Whether a page of this origin was loaded from the server. The scheme is compared if it is known: without
    /// encryption of our own, or a proxy that tells, we do not see what is in front of us.
    pub(crate) fn has(&self, origin: &Origin) -> bool {
        self.host.as_ref().is_some_and(|host| origin.is_of(host, self.scheme))
    }
}

impl fmt::Display for Addressed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.host, self.scheme) {
            (Some(host), Some(scheme)) => write!(formatter, "{scheme}://{host}"),
            (Some(host), None) => host.fmt(formatter),
            (None, _) => formatter.write_str("(no host)"),
        }
    }
}

/// What the outermost of so many proxies has added to a list. Each adds its own at the right; where there are
/// fewer, one of them has replaced what was there.
fn nth_from_the_right(values: &[&[u8]], proxies: usize) -> Option<String> {
    let elements: Vec<&[u8]> = values.iter().flat_map(|value| elements(value)).collect();
    let element = elements.get(elements.len().saturating_sub(proxies))?;
    Some(String::from_utf8_lossy(element).into_owned())
}

/// The elements of a list in a header. Empty ones are none (RFC 9110, 5.6.1.2).
fn elements(value: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    let elements = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    elements.filter(|element| !element.is_empty())
}

/// The other end of a request's connection.
fn peer(extensions: &Extensions) -> PeerAddress {
    let ours = extensions.get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.address);
    let of_axum = || extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer);
    ours.or_else(|| of_axum().map(PeerAddress::from)).unwrap_or(PeerAddress::Unknown)
}

/// The proxies that the application trusts.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies {
    networks: Arc<[IpNet]>,
    /// Whoever connects to a Unix socket.
    unix: bool,
}

/// What an application says of one of them, or of a network of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TrustedProxy {
    Network(IpNet),
    /// Whoever connects to a Unix socket: its permissions say who may.
    Unix,
}

impl FromStr for TrustedProxy {
    type Err = String;

    /// Reads an address, a network of them, or `unix`.
    ///
    /// # Errors
    /// Says what to write instead.
    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unix" => Ok(Self::Unix),
            _ => TrustedProxies::network(text).map(Self::Network),
        }
    }
}

impl TrustedProxies {
    fn network(text: &str) -> Result<IpNet, String> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(ip.to_canonical().into());
        }
        let network: IpNet = text.parse().map_err(|_| {
            "write addresses and networks: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`; or `unix`"
                .to_owned()
        })?;
        if network.trunc() != network {
            let (all, one) = (network.trunc(), network.addr());
            return Err(format!(
                "write `{all}` for the network, or `{one}` for that address alone"
            ));
        }
        Ok(canonical(network))
    }

    pub(crate) fn new(proxies: impl IntoIterator<Item = TrustedProxy>) -> Self {
        let mut unix = false;
        let networks = proxies.into_iter().filter_map(|proxy| match proxy {
            TrustedProxy::Network(network) => Some(network),
            TrustedProxy::Unix => {
                unix = true;
                None
            }
        });
        let networks = networks.collect();
        Self { networks, unix }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.networks.is_empty() && !self.unix
    }

    /// Whether those who connect to a Unix socket are proxies.
    pub(crate) fn trust_unix(&self) -> bool {
        self.unix
    }

    /// Whether anybody is one of them, and so can say to be anybody.
    pub(crate) fn are_everybody(&self) -> bool {
        self.networks.iter().any(|network| network.prefix_len() == 0)
    }

    pub(crate) fn trust(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.networks.iter().any(|network| network.contains(&ip))
    }

    /// Keeps who has sent a request with it, where that was not done before: for [`Client::of`].
    pub(crate) fn see(&self, extensions: &mut Extensions, headers: &HeaderMap) {
        if !self.is_empty() && extensions.get::<Client>().is_none() {
            let client = self.client(extensions, headers);
            extensions.insert(client);
        }
    }

    /// Who has sent a request: the first address on the way back, from the other end of the connection on,
    /// that is no trusted proxy's. Where one of those says nothing that can be read, it is the client
    /// itself: to believe what stands further back would be to believe anybody.
    pub(crate) fn client(&self, extensions: &Extensions, headers: &HeaderMap) -> Client {
        let mut client = Client::of(extensions);
        let lists = headers.get_all(&FOR).iter().rev();
        let mut said = lists.flat_map(|list| elements(list.as_bytes()).rev()).map(Address::parse);
        let mut is_proxy = match client.address {
            Some(address) => self.trust(address.ip),
            None => self.unix && peer(extensions) == PeerAddress::Unix,
        };
        while is_proxy {
            client.proxies = client.proxies.saturating_add(1);
            let Some(Some(address)) = said.next() else { break };
            client.address = Some(address);
            is_proxy = self.trust(address.ip);
        }
        client
    }
}

/// Addresses are looked at in their canonical form, so those of IPv4 are never of a network of IPv6.
fn canonical(network: IpNet) -> IpNet {
    let IpNet::V6(v6) = network else { return network };
    let v4 = v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96));
    v4.and_then(|(address, length)| Ipv4Net::new(address, length).ok()).map_or(network, IpNet::V4)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn proxies(networks: &[&str]) -> TrustedProxies {
        TrustedProxies::new(networks.iter().map(|text| text.parse().unwrap()))
    }

    fn request(peer: &str, headers: &[(&HeaderName, &str)]) -> (Extensions, HeaderMap) {
        let mut extensions = Extensions::new();
        if !peer.is_empty() {
            extensions.insert(ConnectInfo(peer.parse::<SocketAddr>().unwrap()));
        }
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        (extensions, map)
    }

    fn client(trusted: &[&str], peer: &str, forwarded_for: &[&str]) -> Client {
        let headers: Vec<_> = forwarded_for.iter().map(|value| (&FOR, *value)).collect();
        let (extensions, headers) = request(peer, &headers);
        proxies(trusted).client(&extensions, &headers)
    }

    /// Of a connection of our own server.
    fn over(peer: PeerAddress, trusted: &[&str], forwarded_for: &str) -> Client {
        let (mut extensions, headers) = request("", &[(&FOR, forwarded_for)]);
        let peer = Peer { address: peer, is_encrypted: false, http: Default::default() };
        extensions.insert(ConnectInfo(peer));
        proxies(trusted).client(&extensions, &headers)
    }

    #[test]
    fn over_a_unix_socket_comes_a_proxy_if_that_is_said() {
        is(over(PeerAddress::Unix, &[], "1.2.3.4"), "", 0);
        is(over(PeerAddress::Unix, &["0.0.0.0/0", "::/0"], "1.2.3.4"), "", 0);
        is(over(PeerAddress::Unix, &["unix"], "9.9.9.9, 1.2.3.4"), "1.2.3.4:0", 1);
        is(over(PeerAddress::Unix, &["unix", "10.0.0.0/8"], "1.2.3.4, 10.0.0.1"), "1.2.3.4:0", 2);
        is(over(PeerAddress::Unix, &["unix"], "nobody"), "", 1);
        is(over(PeerAddress::Unknown, &["unix"], "1.2.3.4"), "", 0);
        let network = PeerAddress::Network("10.0.0.1:5".parse().unwrap());
        is(over(network, &["unix"], "1.2.3.4"), "10.0.0.1:5", 0);
    }

    #[track_caller]
    fn is(client: Client, address: &str, through: u8) {
        let shown = client.address().map(|address| address.to_string()).unwrap_or_default();
        assert_eq!((&*shown, client.proxies), (address, through));
    }

    #[test]
    fn who_is_no_proxy_is_not_believed() {
        let forged = &["1.2.3.4"];
        is(client(&[], "10.0.0.1:5", forged), "10.0.0.1:5", 0);
        is(client(&["10.0.0.0/8"], "11.0.0.1:5", forged), "11.0.0.1:5", 0);
        is(client(&["10.0.0.0/8"], "", forged), "", 0);
        is(client(&["::/0"], "10.0.0.1:5", forged), "10.0.0.1:5", 0);
    }

    #[test]
    fn who_has_been_seen_stays_who_they_are() {
        let (mut extensions, headers) = request("10.0.0.1:5", &[(&FOR, "10.0.0.9, 1.2.3.4")]);
        proxies(&[]).see(&mut extensions, &headers);
        assert_eq!(extensions.get::<Client>(), None, "where no proxy is trusted, nothing is kept");
        proxies(&["10.0.0.0/8"]).see(&mut extensions, &headers);
        is(Client::of(&extensions), "1.2.3.4:0", 1);
        proxies(&["0.0.0.0/0"]).see(&mut extensions, &headers);
        is(Client::of(&extensions), "1.2.3.4:0", 1);
    }

    #[test]
    fn the_client_is_the_last_who_is_no_proxy() {
        let near = &["10.0.0.0/8"];
        is(client(near, "10.0.0.1:5", &[]), "10.0.0.1:5", 1);
        is(client(near, "10.0.0.1:5", &["1.2.3.4"]), "1.2.3.4:0", 1);
        is(client(near, "10.0.0.1:5", &["9.9.9.9, 1.2.3.4"]), "1.2.3.4:0", 1);
        is(client(near, "10.0.0.1:5", &["9.9.9.9, 1.2.3.4, 10.0.0.2"]), "1.2.3.4:0", 2);
        // One list, in as many headers as it likes.
        is(
            client(near, "10.0.0.1:5", &["9.9.9.9", "1.2.3.4", "10.0.0.2,10.0.0.3"]),
            "1.2.3.4:0",
            3,
        );
        // A proxy that asks for itself.
        is(client(near, "10.0.0.1:5", &["10.0.0.9"]), "10.0.0.9:0", 2);
    }

    #[test]
    fn what_cannot_be_read_is_where_trust_ends() {
        for garbage in [
            "unknown",
            "_hidden",
            "1.2.3",
            "[::1",
            "example.com",
            "1.2.3.4:x",
            "fe80::1%eth0",
            "\u{e9}",
        ] {
            let said = format!("9.9.9.9, {garbage}, 10.0.0.2");
            is(client(&["10.0.0.0/8"], "10.0.0.1:5", &[&said]), "10.0.0.2:0", 2);
        }
        is(client(&["10.0.0.0/8"], "10.0.0.1:5", &["", " ,", ",1.2.3.4,,"]), "1.2.3.4:0", 1);
    }

    #[test]
    fn addresses_have_ports_and_brackets_and_one_form() {
        for (said, address) in [
            ("1.2.3.4:4711", "1.2.3.4:4711"),
            ("2001:db8::1", "[2001:db8::1]:0"),
            ("[2001:db8::1]", "[2001:db8::1]:0"),
            ("[2001:db8::1]:4711", "[2001:db8::1]:4711"),
            ("::ffff:1.2.3.4", "1.2.3.4:0"),
            ("[::ffff:102:304]:7", "1.2.3.4:7"),
        ] {
            is(client(&["127.0.0.1"], "127.0.0.1:5", &[said]), address, 1);
        }
        // Over a socket for both families.
        is(client(&["10.0.0.0/8"], "[::ffff:10.0.0.1]:5", &["1.2.3.4"]), "1.2.3.4:0", 1);
        is(client(&["::ffff:10.0.0.0/104"], "10.0.0.1:5", &["1.2.3.4"]), "1.2.3.4:0", 1);
        is(client(&[], "[::ffff:10.0.0.1]:5", &[]), "10.0.0.1:5", 0);
        is(client(&["fd00::/8"], "[fd00::1]:5", &["1.2.3.4"]), "1.2.3.4:0", 1);
    }

    fn addressed(trusted: &[&str], headers: &[(&HeaderName, &str)]) -> String {
        let (extensions, headers) = request("10.0.0.1:5", headers);
        let client = proxies(trusted).client(&extensions, &headers);
        let values =
            |name: &HeaderName| headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        client.addressed(None, values).to_string()
    }

    #[test]
    fn the_server_has_the_name_that_the_client_gave_it() {
        let host = &http::header::HOST;
        let behind = [(host, "127.0.0.1:3000"), (&HOST, "Chat.example"), (&PROTO, "HTTPS")];
        assert_eq!(addressed(&["10.0.0.1"], &behind), "https://chat.example");
        assert_eq!(addressed(&["10.0.0.2"], &behind), "127.0.0.1:3000");
        assert_eq!(addressed(&[], &behind), "127.0.0.1:3000");
        let only_proto = [(host, "chat.example:443"), (&PROTO, "wss")];
        assert_eq!(addressed(&["10.0.0.1"], &only_proto), "https://chat.example:443");
        assert_eq!(addressed(&["10.0.0.1"], &[(host, "a"), (&PROTO, "gopher")]), "a");
        assert_eq!(addressed(&["10.0.0.1"], &[(host, "a"), (&HOST, "a b")]), "(no host)");
        assert_eq!(addressed(&[], &[(host, "a"), (host, "b")]), "(no host)");
        assert_eq!(addressed(&[], &[]), "(no host)");
    }

    #[test]
    fn what_we_encrypt_is_https_unless_a_proxy_stands_between() {
        let shown = |trusted: &[&str], headers: &[(&HeaderName, &str)]| {
            let (mut extensions, headers) = request("", headers);
            let address = PeerAddress::Network("10.0.0.1:5".parse().unwrap());
            let peer = Peer { address, is_encrypted: true, http: Default::default() };
            extensions.insert(ConnectInfo(peer));
            let client = proxies(trusted).client(&extensions, &headers);
            let values = |name: &HeaderName| {
                headers.get_all(name).iter().map(HeaderValue::as_bytes).collect()
            };
            client.addressed(None, values).to_string()
        };
        let host = (&http::header::HOST, "chat.example");
        assert_eq!(shown(&[], &[host]), "https://chat.example");
        assert_eq!(shown(&[], &[host, (&PROTO, "http")]), "https://chat.example");
        assert_eq!(shown(&["10.0.0.1"], &[host]), "chat.example");
        assert_eq!(shown(&["10.0.0.1"], &[host, (&PROTO, "http")]), "http://chat.example");
    }

    #[test]
    fn of_several_names_that_of_the_outermost_proxy_counts() {
        let near = &["10.0.0.0/8"];
        for (said_for, said_host, name) in [
            // Each proxy adds, and the client had begun a list of its own.
            ("1.2.3.4", "evil.example, chat.example", "chat.example"),
            ("1.2.3.4, 10.0.0.2", "evil.example, chat.example, inner.example", "chat.example"),
            // One replaces, the other hands on.
            ("1.2.3.4, 10.0.0.2", "chat.example", "chat.example"),
        ] {
            let headers = [(&FOR, said_for), (&HOST, said_host)];
            assert_eq!(addressed(near, &headers), name, "{said_for} {said_host}");
        }
    }

    #[test]
    fn what_is_no_network_has_a_cure() {
        for (text, cure) in [
            ("10.0.0.1/8", "`10.0.0.0/8`"),
            ("10.0.0.1/8", "`10.0.0.1`"),
            ("10.0.0.0/33", "`10.0.0.0/8`"),
            ("loopback", "`127.0.0.1`"),
            ("", "`127.0.0.1`"),
            ("10.0.0.1:80", "`127.0.0.1`"),
            ("Unix", "`unix`"),
        ] {
            assert!(TrustedProxies::network(text).unwrap_err().contains(cure), "{text}");
        }
        assert!(proxies(&["0.0.0.0/0"]).are_everybody());
        assert!(!proxies(&["10.0.0.0/8", "::1"]).are_everybody());
    }

    fn an_address() -> impl Strategy<Value = IpAddr> {
        // Few, so that proxies and clients meet.
        (0_u8..4, 0_u8..4).prop_map(|(net, host)| IpAddr::from([net, 0, 0, host]))
    }

    proptest! {
        /// The rule, said again: of the way back from the peer, the first that is no proxy's.
        #[test]
        fn nobody_hides_behind_a_proxy(
            peer in an_address(),
            said in proptest::collection::vec(an_address(), 0..6),
            trusted in proptest::collection::vec(0_u8..4, 0..3),
        ) {
            let networks: Vec<String> = trusted.iter().map(|net| format!("{net}.0.0.0/8")).collect();
            let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
            let list: Vec<String> = said.iter().map(IpAddr::to_string).collect();
            let found = client(&networks, &format!("{peer}:5"), &[&list.join(", ")]);
            let is_trusted = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if trusted.contains(&v4.octets()[0]));
            let mut way = std::iter::once(peer).chain(said.iter().rev().copied());
            let mut last = peer;
            let expected = way.find(|ip| { last = *ip; !is_trusted(ip) }).unwrap_or(last);
            prop_assert_eq!(found.address().unwrap().ip(), expected);
        }
    }
}
