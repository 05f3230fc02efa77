//! Whom an address stands for, where clients are counted by address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Those who share a limit: an address of IPv4, or a /64 of IPv6, of which whoever has one has all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }

    /// Nobody's, where many clients may be behind one address because something of the application's
    /// own stands in between: this machine, the local link, and private networks (RFC 1918, 6598 and
    /// 4193). A proxy that nobody configured is one of them.
    pub(crate) fn of_public(address: IpAddr) -> Option<Self> {
        let is_near = match address.to_canonical() {
            IpAddr::V4(address) => is_near_v4(address),
            IpAddr::V6(address) => is_near_v6(address),
        };
        (!is_near).then(|| Self::of(address))
    }
}

fn is_near_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let is_shared = a == 100 && b & 0b1100_0000 == 64;
    address.is_loopback() || address.is_private() || address.is_link_local() || is_shared
}

fn is_near_v6(address: Ipv6Addr) -> bool {
    address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn whoever_has_one_address_of_ipv6_has_all_of_its_network() {
        assert_eq!(Network::of(ip("2001:db8:1:2::1")), Network::of(ip("2001:db8:1:2:ffff::9")));
        assert_ne!(Network::of(ip("2001:db8:1:2::1")), Network::of(ip("2001:db8:1:3::1")));
        assert_ne!(Network::of(ip("198.51.100.1")), Network::of(ip("198.51.100.2")));
        assert_eq!(Network::of(ip("198.51.100.1")), Network::of(ip("::ffff:198.51.100.1")));
    }

    #[test]
    fn what_a_proxy_may_be_is_not_counted() {
        for near in [
            "127.0.0.1",
            "127.9.9.9",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "100.64.0.0",
            "100.127.255.255",
            "::1",
            "fe80::1",
            "fc00::1",
            "fdff::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(Network::of_public(ip(near)), None, "{near}");
        }
        for public in [
            "1.1.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "192.169.0.1",
            "2001:db8::1",
            "fe00::1",
            "fec0::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(Network::of_public(ip(public)).is_some(), "{public}");
        }
    }
}
