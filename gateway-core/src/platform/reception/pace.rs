//! How often handshakes may come from one address.

use std::{net::IpAddr, time::Duration};

use crate::{
    debts::Debts,
    platform::{forwarded::TrustedProxies, network::Network},
};

/// Seconds of handshakes that may come at once: all clients of an office, when the server is back.
const BURST: u32 = 3;

/// Addresses that are known at once. Of more, what the first of them owe is forgotten: then it is no longer
/// one address that asks too often, and the limits of all hold.
const MOST: usize = 64 * 1024;

/// So many handshakes in a second from one address, evenly, and a burst of some seconds' worth. Addresses
/// of which many clients may come for reasons of their own are not counted, as with
/// [`Places`](crate::platform::places::Places).
#[derive(Debug)]
pub(super) struct Pace {
    debts: Debts<Network>,
    proxies: TrustedProxies,
}

/// The address must wait for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFast(pub(super) Duration);

impl Pace {
    pub(super) fn new(per_second: usize, proxies: TrustedProxies) -> Self {
        let per_second = u32::try_from(per_second).unwrap_or(u32::MAX).max(1);
        let pause = Duration::from_secs(1) / per_second;
        Self { debts: Debts::new(pause, pause * per_second * BURST, MOST), proxies }
    }

    /// A client asks for a session.
    ///
    /// # Errors
    /// Where its address has asked too often. It is not counted, then.
    pub(super) fn enter(&self, address: Option<IpAddr>) -> Result<(), TooFast> {
        let address = address.filter(|address| !self.proxies.trust(*address));
        let Some(network) = address.and_then(Network::of_public) else { return Ok(()) };
        self.debts.charge(network).map_err(TooFast)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use tokio::time::{advance, sleep};

    use super::*;

    const STRANGER: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1)));

    fn pace(per_second: usize) -> Pace {
        Pace::new(per_second, TrustedProxies::default())
    }

    impl Pace {
        /// How many of so many are let in.
        fn let_in(&self, address: Option<IpAddr>, times: usize) -> usize {
            (0..times).filter(|_| self.enter(address).is_ok()).count()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_three_seconds_and_then_so_many_a_second() {
        let pace = pace(1_000);
        assert_eq!(pace.let_in(STRANGER, 2_000), 2_000, "all clients of one address come back");
        assert_eq!(pace.let_in(STRANGER, 50_000), 1_000);
        let TooFast(wait) = pace.enter(STRANGER).unwrap_err();
        assert_eq!(wait, Duration::from_millis(1));
        for _ in 0..20 {
            sleep(Duration::from_millis(500)).await;
            assert_eq!(pace.let_in(STRANGER, 1_000), 500, "who is refused pays for nothing");
        }
        advance(Duration::from_secs(3)).await;
        assert_eq!(pace.let_in(STRANGER, 50_000), 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_is_counted_alone_and_a_network_of_ipv6_as_one() {
        let pace = pace(1);
        assert_eq!(pace.let_in(STRANGER, 9), 3);
        assert_eq!(pace.let_in(Some(Ipv4Addr::new(198, 51, 100, 2).into()), 9), 3);
        let of_network = |host| Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into());
        assert_eq!((0..9).map(|host| pace.let_in(of_network(host), 1)).sum::<usize>(), 3);
        for exempt in [None, Some(Ipv4Addr::LOCALHOST.into()), Some([10, 0, 0, 1].into())] {
            assert_eq!(pace.let_in(exempt, 9), 9, "{exempt:?}");
        }
        let proxy = TrustedProxies::new(["198.51.100.0/24".parse().unwrap()]);
        assert_eq!(Pace::new(1, proxy).let_in(STRANGER, 9), 9);
    }

    #[tokio::test]
    async fn without_a_limit_there_is_none() {
        assert_eq!(pace(usize::MAX).let_in(STRANGER, 10_000), 10_000);
    }
}
