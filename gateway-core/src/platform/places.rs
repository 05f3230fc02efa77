//! How many connections or sessions there are, or bytes of theirs, and whether there is room for more.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use foldhash::fast::RandomState;

use super::{forwarded::TrustedProxies, network::Network};

/// So many places, in all and of each address.
#[derive(Debug)]
pub(crate) struct Places {
    most: usize,
    most_of_one: usize,
    /// Who speaks for many, and is not counted as one.
    proxies: TrustedProxies,
    open: AtomicUsize,
    of: Mutex<HashMap<Network, usize, RandomState>>,
}

/// Which places are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    All,
    OfAddress,
}

/// What one has taken: given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Places>,
    network: Option<Network>,
    size: usize,
}

impl Places {
    pub(crate) fn new(most: usize, most_of_one: usize, proxies: TrustedProxies) -> Arc<Self> {
        let of = Mutex::default();
        Arc::new(Self { most, most_of_one, proxies, open: AtomicUsize::new(0), of })
    }

    /// Whether nobody finds a place.
    pub(crate) fn is_full(&self) -> bool {
        self.open() >= self.most
    }

    /// How many are taken.
    pub(crate) fn open(&self) -> usize {
        // Only the number counts: nothing is ordered by it, here and below.
        self.open.load(Ordering::Relaxed)
    }

    /// Takes so much for a client of this address.
    pub(crate) fn enter(
        self: &Arc<Self>,
        address: Option<IpAddr>,
        size: usize,
    ) -> Result<Place, Full> {
        let address = address.filter(|address| !self.proxies.trust(*address));
        let network = address.and_then(Network::of_public);
        let mut place = Place { places: Arc::clone(self), network, size: 0 };
        place.grow(size)?;
        Ok(place)
    }

    fn of(&self) -> MutexGuard<'_, HashMap<Network, usize, RandomState>> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Takes so much more.
    ///
    /// # Errors
    /// If there is not so much. It stays as it is, then.
    pub(crate) fn grow(&mut self, by: usize) -> Result<(), Full> {
        let Places { most, most_of_one, .. } = *self.places;
        let more = |open: usize, most| open.checked_add(by).filter(|open| *open <= most);
        let (open, relaxed) = (&self.places.open, Ordering::Relaxed);
        open.fetch_update(relaxed, relaxed, |open| more(open, most)).map_err(|_| Full::All)?;
        if let Some(network) = self.network {
            let mut of = self.places.of();
            let before = of.get(&network).copied().unwrap_or_default();
            let Some(now) = more(before, most_of_one) else {
                open.fetch_sub(by, relaxed);
                return Err(Full::OfAddress);
            };
            of.insert(network, now);
        }
        self.size += by;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open.fetch_sub(self.size, Ordering::Relaxed);
        let Some(network) = self.network else { return };
        let mut of = self.places.of();
        if let Some(open) = of.get_mut(&network) {
            *open -= self.size;
            if *open == 0 {
                of.remove(&network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn there_are_so_many_places_and_so_many_of_one_address() {
        let places = Places::new(4, 2, Default::default());
        let a = places.enter(ip("198.51.100.1"), 1).unwrap();
        let _b = places.enter(ip("198.51.100.1"), 1).unwrap();
        assert_eq!(places.enter(ip("198.51.100.1"), 1).unwrap_err(), Full::OfAddress);
        let _c = places.enter(ip("198.51.100.2"), 1).unwrap();
        assert!(!places.is_full());
        let _d = places.enter(ip("127.0.0.1"), 1).unwrap();
        assert!(places.is_full());
        assert_eq!(places.enter(ip("198.51.100.3"), 1).unwrap_err(), Full::All);
        drop(a);
        let _e = places.enter(ip("198.51.100.1"), 1).unwrap();
    }

    #[test]
    fn a_trusted_proxy_speaks_for_many() {
        let proxies = TrustedProxies::new(["198.51.100.0/24".parse().unwrap()]);
        let places = Places::new(4, 1, proxies);
        let of_proxy = [ip("198.51.100.1"), ip("198.51.100.1"), ip("::ffff:198.51.100.1")];
        let _open = of_proxy.map(|proxy| places.enter(proxy, 1).unwrap());
        let _stranger = places.enter(ip("203.0.113.1"), 1).unwrap();
        assert_eq!(places.enter(ip("203.0.113.2"), 1).unwrap_err(), Full::All);
    }

    #[test]
    fn nothing_is_kept_of_who_has_gone_or_was_refused() {
        let places = Places::new(2, 1, Default::default());
        let taken = [places.enter(ip("198.51.100.1"), 1), places.enter(ip("198.51.100.2"), 1)];
        assert_eq!(places.enter(ip("198.51.100.3"), 1).unwrap_err(), Full::All);
        assert_eq!(places.of().len(), 2);
        drop(taken);
        assert_eq!(places.of().len(), 0);
        assert_eq!(places.open(), 0);
    }

    #[test]
    fn places_that_grow_have_a_size_together() {
        let places = Places::new(100, 60, Default::default());
        let mut a = places.enter(ip("198.51.100.1"), 50).unwrap();
        assert_eq!(places.enter(ip("198.51.100.1"), 11).unwrap_err(), Full::OfAddress);
        assert_eq!(a.grow(11).unwrap_err(), Full::OfAddress);
        a.grow(10).unwrap();
        let mut b = places.enter(ip("198.51.100.2"), 0).unwrap();
        assert_eq!(b.grow(41).unwrap_err(), Full::All);
        assert_eq!(b.grow(usize::MAX).unwrap_err(), Full::All);
        b.grow(40).unwrap();
        assert!(places.is_full());
        drop(a);
        assert_eq!((places.open(), places.of().len()), (40, 1));
        drop(b);
        assert_eq!((places.open(), places.of().len()), (0, 0));
    }

    #[test]
    fn as_many_come_at_once_as_there_are_places() {
        let places = Places::new(100, 70, Default::default());
        let comers: Vec<_> = (0..4_u8)
            .map(|comer| {
                let places = Arc::clone(&places);
                let address = ip(if comer % 2 == 0 { "198.51.100.1" } else { "127.0.0.1" });
                std::thread::spawn(move || {
                    (0..100).filter_map(|_| places.enter(address, 1).ok()).collect::<Vec<_>>()
                })
            })
            .collect();
        let taken: Vec<_> = comers.into_iter().map(|comer| comer.join().unwrap()).collect();
        assert_eq!(taken.iter().map(Vec::len).sum::<usize>(), 100);
        assert!(taken[0].len() + taken[2].len() <= 70);
        drop(taken);
        assert_eq!((places.open(), places.of().len()), (0, 0));
    }

    #[test]
    fn those_behind_a_proxy_are_not_counted_together() {
        let places = Places::new(100, 1, Default::default());
        let taken: Vec<_> = (0..100).map(|_| places.enter(ip("10.0.0.1"), 1).unwrap()).collect();
        assert_eq!(taken.len(), 100);
        assert!(places.enter(None, 1).is_err());
    }
}
