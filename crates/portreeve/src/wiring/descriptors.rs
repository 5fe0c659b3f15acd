//! File descriptors: as many as the configuration's sessions take, or fewer sessions.
//!
//! A gateway that runs out of them could not open the next segment of its evidence, and
//! would have to stop for good. So what clients can use is bounded by what there is.

use portreeve_control::Config;
use portreeve_control::api::API_CONNECTIONS_MAX;

/// What the descriptors allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Capacity {
    /// Sessions at once.
    pub(crate) sessions_max: usize,
    /// Connections of one listener that wait to log in.
    pub(crate) logins_max: usize,
    /// What there is.
    pub(crate) available: usize,
    /// What the configuration would take.
    pub(crate) needed: usize,
}

impl Capacity {
    /// What is less than the configuration asks for, for the operator; none where all fits.
    pub(crate) fn shortage(&self) -> Option<String> {
        (self.needed > self.available).then(|| {
            format!(
                "{} file descriptors are too few for the limits, which take {}: {} sessions and \
                 {} logins at once are let in; hint: raise the hard limit (`LimitNOFILE=` of \
                 systemd, `ulimit -Hn`), or lower `limits.sessions_max`",
                self.available, self.needed, self.sessions_max, self.logins_max
            )
        })
    }
}

/// Raises the limit of this process as far as it is needed and allowed.
///
/// # Errors
/// What there is does not suffice for a handful of sessions.
pub(crate) fn reserve(config: &Config) -> anyhow::Result<Capacity> {
    let wanted = u64::try_from(needed(config)).unwrap_or(u64::MAX);
    let (soft, hard) = rlimit::Resource::NOFILE.get()?;
    let mut available = soft;
    if soft < wanted && rlimit::Resource::NOFILE.set(wanted.min(hard), hard).is_ok() {
        available = wanted.min(hard);
    }
    let capacity = capacity(config, usize::try_from(available).unwrap_or(usize::MAX));
    anyhow::ensure!(
        capacity.sessions_max >= SESSIONS_MIN.min(config.limits.sessions_max as usize),
        "{available} file descriptors are too few for any work\n\
         hint: raise the limit, with `LimitNOFILE=` of systemd or `ulimit -n`; {wanted} hold \
         what the configuration allows"
    );
    Ok(capacity)
}

/// What a number of descriptors allows. Logins get a quarter at most: they are worth less.
pub(crate) fn capacity(config: &Config, available: usize) -> Capacity {
    let limits = &config.limits;
    let listeners = config.listen.protocols.len().max(1);
    let room = available.saturating_sub(fixed(config));
    let logins_max = (limits.logins_max as usize).min(room / 4 / listeners).max(1);
    let sessions = room.saturating_sub(logins_max * listeners) / SESSION;
    let sessions_max = (limits.sessions_max as usize).min(sessions);
    Capacity { sessions_max, logins_max, available, needed: needed(config) }
}

fn needed(config: &Config) -> usize {
    let logins = config.limits.logins_max as usize * config.listen.protocols.len().max(1);
    // Logins are only let have a quarter: where they would have more, more is needed.
    let clients = (config.limits.sessions_max as usize * SESSION + logins).max(logins * 4);
    fixed(config) + clients
}

/// What is open whoever comes.
fn fixed(config: &Config) -> usize {
    let addresses: usize = config.listen.all().map(|(_, listener)| listener.addresses.len()).sum();
    OWN + API_CONNECTIONS_MAX + addresses + config.resources.len() * RESOURCE
}

/// Evidence, stores, keys, requests to issuers and witnesses, and room for what comes.
const OWN: usize = 128;
/// A client and its target.
const SESSION: usize = 2;
/// Readers and watchers of one target's catalog.
const RESOURCE: usize = 4;
/// With fewer a gateway is a riddle to its users.
const SESSIONS_MIN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wiring::manifests;
    use portreeve_control::config;
    use std::path::Path;

    #[track_caller]
    fn check(limits: &str, available: usize, (sessions, logins): (usize, usize)) -> Capacity {
        let text = format!(
            "issuers: [{{local: {{}}}}]\nlimits: {limits}\n\
             resources: {{shop: {{postgres: {{host: h, user: u}}}}}}\n"
        );
        let config = config::parse(Path::new("x.yaml"), &text, &manifests()).unwrap();
        let capacity = capacity(&config, available);
        assert_eq!((capacity.sessions_max, capacity.logins_max), (sessions, logins), "{limits}");
        let used = fixed(&config) + sessions * SESSION + logins;
        assert!(used <= available || sessions == 0, "never more than there is");
        capacity
    }

    #[test]
    fn sessions_and_logins_fit_into_what_there_is() {
        let few = check("{}", 1024, (238, 158));
        assert!(few.shortage().unwrap().contains("238 sessions and 158 logins"));
        let enough = check("{}", few.needed, (1000, 1024));
        assert_eq!(enough.shortage(), None);
        check("{}", few.needed - 1, (1000, 1023));
        check("{}", 100, (0, 1));
        let small = check("{sessions_max: 4, logins_max: 8}", 1024, (4, 8));
        assert_eq!(small.shortage(), None);
        let many = check("{sessions_max: 1, logins_max: 1000}", 1024, (1, 158));
        assert!(many.shortage().is_some());
        check("{sessions_max: 1, logins_max: 1000}", many.needed, (1, 1000));
    }
}
