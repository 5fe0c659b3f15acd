//! Keeps count of who keeps presenting bad tokens.
//!
//! Each failure is recorded by the caller, until an address has too many in a
//! minute. Then the gate is shut for it: its bad tokens are only counted, so that a flood
//! costs one record and not one per attempt. A valid token opens it all the same:
//! nobody is shut out by what somebody else sends from the same address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How the bad tokens of an address are answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gate {
    /// One by one.
    Open,
    /// They are only counted.
    Shut,
}

/// Refusals that one record stands for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedUnheard {
    /// The address, or none for all those that there was no room to tell apart.
    pub client: Option<IpAddr>,
    /// How many.
    pub count: u64,
}

/// Counts failures per client address. IPv6 addresses count as their /64 network.
#[derive(Debug)]
pub struct FailureGate {
    failures_max: u32,
    refusal_time: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    clients: HashMap<IpAddr, Client>,
    /// Failures of addresses there was no room for.
    untold: u64,
}

#[derive(Debug)]
struct Client {
    window_start: Instant,
    failures: u32,
    shut_until: Option<Instant>,
    /// Refused since the last report.
    refused: u64,
}

impl FailureGate {
    /// Shuts for `refusal_time` after `failures_max` failures in a minute.
    #[must_use]
    pub fn new(failures_max: u32, refusal_time: Duration) -> Self {
        Self { failures_max, refusal_time, state: Mutex::default() }
    }

    /// Another one with the same limits, that has seen nobody yet.
    #[must_use]
    pub fn twin(&self) -> Self {
        Self::new(self.failures_max, self.refusal_time)
    }

    /// What to do about a bad token. Where the gate is shut, it is counted by this.
    pub fn ask(&self, client: IpAddr, at: Instant) -> Gate {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.clients.get_mut(&network(client)) {
            Some(client) if client.shut_until.is_some_and(|until| at < until) => {
                client.refused += 1;
                Gate::Shut
            }
            _ => Gate::Open,
        }
    }

    /// Counts a bad token that was answered. The caller records it.
    pub fn failed(&self, client: IpAddr, at: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let address = network(client);
        if !state.clients.contains_key(&address) && state.clients.len() >= CLIENTS_MAX {
            state.clients.retain(|_, client| client.matters(at));
            if state.clients.len() >= CLIENTS_MAX {
                state.untold += 1;
                return;
            }
        }
        let client = state.clients.entry(address).or_insert(Client {
            window_start: at,
            failures: 0,
            shut_until: None,
            refused: 0,
        });
        if at.saturating_duration_since(client.window_start) >= WINDOW {
            client.window_start = at;
            client.failures = 0;
        }
        client.failures += 1;
        if client.failures >= self.failures_max {
            client.shut_until = Some(at + self.refusal_time);
            client.window_start = at;
            client.failures = 0;
        }
    }

    /// Takes what was refused unheard since it was last asked: one record each. To be
    /// called every few seconds, and at the end.
    pub fn take_refused(&self, at: Instant) -> Vec<RefusedUnheard> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut taken = Vec::new();
        for (address, client) in &mut state.clients {
            let count = std::mem::take(&mut client.refused);
            if count > 0 {
                taken.push(RefusedUnheard { client: Some(*address), count });
            }
        }
        let untold = std::mem::take(&mut state.untold);
        if untold > 0 {
            taken.push(RefusedUnheard { client: None, count: untold });
        }
        state.clients.retain(|_, client| client.matters(at));
        taken
    }
}

impl Client {
    fn matters(&self, at: Instant) -> bool {
        let recent = at.saturating_duration_since(self.window_start) < WINDOW;
        recent || self.refused > 0 || self.shut_until.is_some_and(|until| at < until)
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

const WINDOW: Duration = Duration::from_secs(60);
/// Bounds the memory: about a megabyte.
const CLIENTS_MAX: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn client(last: u32) -> IpAddr {
        IpAddr::V4(last.into())
    }

    #[test]
    fn shuts_after_too_many_and_opens_again() {
        let gate = FailureGate::new(3, Duration::from_secs(60));
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        for second in 0..2 {
            gate.failed(client(1), after(second));
            assert_eq!(gate.ask(client(1), after(second)), Gate::Open);
        }
        gate.failed(client(1), after(2));
        assert_eq!(gate.ask(client(1), after(3)), Gate::Shut);
        assert_eq!(gate.ask(client(1), after(4)), Gate::Shut);
        assert_eq!(gate.ask(client(2), after(4)), Gate::Open, "others are not concerned");
        let refused = RefusedUnheard { client: Some(client(1)), count: 2 };
        assert_eq!(gate.take_refused(after(5)), [refused]);
        assert_eq!(gate.take_refused(after(6)), []);
        assert_eq!(gate.ask(client(1), after(63)), Gate::Open);
    }

    #[test]
    fn slow_failures_do_not_shut_it() {
        let gate = FailureGate::new(2, Duration::from_secs(60));
        let start = Instant::now();
        for minute in 0..10 {
            let at = start + Duration::from_secs(minute * 61);
            gate.failed(client(1), at);
            assert_eq!(gate.ask(client(1), at), Gate::Open);
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_client() {
        let gate = FailureGate::new(1, Duration::from_secs(60));
        let at = Instant::now();
        gate.failed("2001:db8:0:1::1".parse().unwrap(), at);
        assert_eq!(gate.ask("2001:db8:0:1:ffff::2".parse().unwrap(), at), Gate::Shut);
        assert_eq!(gate.ask("2001:db8:0:2::1".parse().unwrap(), at), Gate::Open);
        gate.failed("::ffff:10.0.0.1".parse().unwrap(), at);
        assert_eq!(gate.ask("10.0.0.1".parse().unwrap(), at), Gate::Shut);
    }

    #[test]
    fn memory_is_bounded_and_nothing_goes_uncounted() {
        let gate = FailureGate::new(5, Duration::from_secs(60));
        let at = Instant::now();
        for number in 0..20_000 {
            gate.failed(client(number), at);
        }
        let state = gate.state.lock().unwrap();
        assert_eq!(state.clients.len(), CLIENTS_MAX);
        assert_eq!(state.untold, 10_000);
    }
}
