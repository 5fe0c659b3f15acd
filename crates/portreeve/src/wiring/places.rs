//! Who may wait to log in: so many connections to a listener in all, and so many from one
//! address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of one listener.
#[derive(Debug)]
pub(super) struct Places {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    taken: usize,
    /// INVARIANT: no entry is 0, and their sum is at most `taken`.
    by_network: HashMap<IpAddr, usize>,
    bounds: Bounds,
}

/// How many there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Bounds {
    /// In all.
    pub(super) total_max: usize,
    /// From one IPv4 address, or one /64 network of IPv6.
    pub(super) per_address_max: usize,
}

/// One place; it is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    network: Option<IpAddr>,
}

impl Places {
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        let state = State { taken: 0, by_network: HashMap::new(), bounds };
        Arc::new(Self { state: Mutex::new(state) })
    }

    /// Takes a place for somebody whose address is not known yet.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        let mut state = self.state();
        if state.taken >= state.bounds.total_max {
            return None;
        }
        state.taken += 1;
        Some(Place { places: self.clone(), network: None })
    }

    /// From now on there are so many; who has one keeps it.
    pub(super) fn set_bounds(&self, bounds: Bounds) {
        self.state().bounds = bounds;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Says whose place it is; none where that address has too many.
    pub(super) fn of(mut self, client: IpAddr) -> Option<Self> {
        let network = network(client);
        let mut state = self.places.state();
        let most = state.bounds.per_address_max;
        let own = state.by_network.entry(network).or_insert(0);
        if *own >= most {
            if *own == 0 {
                state.by_network.remove(&network);
            }
            return None;
        }
        *own += 1;
        drop(state);
        self.network = Some(network);
        Some(self)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.places.state();
        state.taken = state.taken.saturating_sub(1);
        let Some(network) = self.network else { return };
        if let Some(own) = state.by_network.get_mut(&network) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                state.by_network.remove(&network);
            }
        }
    }
}

/// Whoever has one address of an IPv6 network has 2⁶⁴.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(total_max: usize, per_address_max: usize) -> Arc<Places> {
        Places::new(Bounds { total_max, per_address_max })
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let places = places(3, 2);
        let [one, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        let take = |address| places.take().and_then(|place| place.of(address));
        let first = take(one).unwrap();
        let second = take(one).unwrap();
        assert!(take(one).is_none(), "two of one address");
        let third = take(other).unwrap();
        assert!(take(IpAddr::from([10, 0, 0, 3])).is_none(), "three in all");
        drop(first);
        assert!(take(one).is_some());
        drop((second, third));
        assert_eq!(places.state().taken, 0);
        assert!(places.state().by_network.is_empty(), "nothing is kept of who has gone");
    }

    #[test]
    fn a_network_of_ipv6_is_one_client_and_a_mapped_address_is_its_own() {
        let places = places(10, 1);
        let take = |address: &str| places.take().and_then(|p| p.of(address.parse().unwrap()));
        let _six = take("2001:db8:0:1::1").unwrap();
        assert!(take("2001:db8:0:1:ffff::2").is_none());
        let _four = take("::ffff:10.0.0.1").unwrap();
        assert!(take("10.0.0.1").is_none());
        let _other = take("::ffff:10.0.0.2").unwrap();
    }

    #[test]
    fn fewer_places_send_nobody_away() {
        let places = places(3, 3);
        let held: Vec<_> = (0..3).map(|_| places.take().unwrap()).collect();
        places.set_bounds(Bounds { total_max: 1, per_address_max: 1 });
        drop(held);
        let _one = places.take().unwrap();
        assert!(places.take().is_none());
    }
}
