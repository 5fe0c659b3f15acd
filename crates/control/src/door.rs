//! Where clients of every protocol prove who they are: tokens, the rate limit for
//! bad ones, and the record of each refusal, in one place.

use crate::identity::{AuthError, FailureGate, Gate, Identities, Identity};
use crate::metrics::Metrics;
use portreeve_model::{Event, Secret};
use portreeve_session::{BoxFuture, Gatekeeper, NotAdmitted};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// Writes to the evidence. Called for what was refused: nobody waits for it.
pub type Record = Box<dyn Fn(Event) + Send + Sync>;

/// Why a client is not let in, as far as it may know.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The credential is not valid.
    Invalid {
        /// In one line.
        message: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// Too many bad tokens came from its address.
    TooMany,
    /// The check could not be made.
    Unavailable,
}

/// The door.
pub struct Door {
    identities: Arc<Identities>,
    gate: FailureGate,
    /// For clients that never present a token: nothing is refused by it, but a flood
    /// of them is recorded as one.
    noise: FailureGate,
    metrics: Arc<Metrics>,
    record: Record,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door").field("gate", &self.gate).finish_non_exhaustive()
    }
}

impl Door {
    /// Sets it up.
    #[must_use]
    pub fn new(
        identities: Arc<Identities>,
        gate: FailureGate,
        metrics: Arc<Metrics>,
        record: Record,
    ) -> Self {
        let noise = FailureGate::new(NOISE_MAX, NOISE_TIME);
        Self { identities, gate, noise, metrics, record }
    }

    /// The issuers.
    #[must_use]
    pub fn identities(&self) -> &Arc<Identities> {
        &self.identities
    }

    /// Checks a token that a client presents over a protocol.
    ///
    /// # Errors
    /// What the client may know; the rest is recorded and logged.
    pub async fn admit(
        &self,
        protocol: &'static str,
        token: &Secret<String>,
        from: IpAddr,
    ) -> Result<Identity, Refused> {
        if self.gate.ask(from, Instant::now()) == Gate::Shut {
            self.metrics.auth_refused_unheard();
            return Err(Refused::TooMany);
        }
        let error = match self.identities.authenticate(token, SystemTime::now()).await {
            Ok(identity) => return Ok(identity),
            Err(error) => error,
        };
        self.refuse(protocol, from, &error.to_string());
        if error.is_ours() {
            tracing::error!(%error, "a token could not be checked");
            return Err(Refused::Unavailable);
        }
        self.metrics.auth_failed();
        self.gate.failed(from, Instant::now());
        let (message, hint) = AuthError::client_text(&error);
        Err(Refused::Invalid { message, hint })
    }

    fn refuse(&self, protocol: &'static str, from: IpAddr, why: &str) {
        let (protocol, client, why) = (protocol.to_owned(), from.to_string(), why.to_owned());
        (self.record)(Event::SessionRefused { protocol, client, why, count: 1 });
    }

    /// Records the refusals that were only counted: one record for each address. To
    /// be called once more when the gateway stops.
    pub fn report(&self) {
        let now = Instant::now();
        let unheard = self.gate.take_refused(now).into_iter();
        let unheard = unheard.map(|refused| (refused, "too many bad tokens; refused unheard"));
        let noise = self.noise.take_refused(now).into_iter();
        let noise = noise.map(|refused| (refused, "came and went without a token, too often"));
        for (refused, why) in unheard.chain(noise) {
            let client = refused.client.map_or_else(|| "many".to_owned(), |ip| ip.to_string());
            let (protocol, why, count) = ("any".to_owned(), why.to_owned(), refused.count);
            (self.record)(Event::SessionRefused { protocol, client, why, count });
        }
    }

    /// Reports for ever. The caller owns the task that runs this, and ends it.
    pub async fn keep_reporting(&self) {
        loop {
            tokio::time::sleep(REPORT_INTERVAL).await;
            self.report();
        }
    }
}

impl Gatekeeper for Door {
    fn authenticate<'a>(
        &'a self,
        protocol: &'static str,
        token: &'a Secret<String>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<portreeve_session::Identity, NotAdmitted>> {
        Box::pin(async move {
            match self.admit(protocol, token, from).await {
                Ok(Identity { chain, expires_at, .. }) => {
                    Ok(portreeve_session::Identity { chain, expires_at })
                }
                Err(Refused::Invalid { message, hint }) => {
                    Err(NotAdmitted::Invalid(format!("{message}; {hint}")))
                }
                Err(Refused::TooMany) => Err(NotAdmitted::TooMany),
                Err(Refused::Unavailable) => Err(NotAdmitted::Unavailable),
            }
        })
    }

    fn turned_away(&self, protocol: &'static str, from: IpAddr, why: &str) {
        let now = Instant::now();
        if self.noise.ask(from, now) == Gate::Open {
            self.noise.failed(from, now);
            self.refuse(protocol, from, why);
        }
    }
}

const REPORT_INTERVAL: Duration = Duration::from_secs(10);
/// Records of clients without a token, per address and minute.
const NOISE_MAX: u32 = 60;
const NOISE_TIME: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::testing::folder;
    use std::sync::Mutex;

    #[tokio::test]
    async fn a_flood_of_bad_tokens_costs_few_records_and_every_one_is_counted() {
        let folder = folder("door");
        let text = "issuers: [{local: {}}]\nresources: {a: {postgres: {host: h, user: u}}}\n";
        let config = crate::testing::config(text);
        let store = Store::open(&folder.path).unwrap();
        let identities = Arc::new(Identities::new(&config, store).unwrap());
        let records: Arc<Mutex<Vec<Event>>> = Arc::default();
        let sink = Arc::clone(&records);
        let door = Door::new(
            identities,
            FailureGate::new(10, Duration::from_secs(60)),
            Arc::new(Metrics::new(&config)),
            Box::new(move |event| sink.lock().unwrap().push(event)),
        );
        let from = IpAddr::from([10, 0, 0, 1]);
        let bad = Secret::new("not a token".to_owned());
        for attempt in 0..1000 {
            let refused = door.admit("postgres", &bad, from).await.unwrap_err();
            assert_eq!(refused == Refused::TooMany, attempt >= 10, "{attempt}");
        }
        door.report();
        for _ in 0..1000 {
            door.turned_away("postgres", IpAddr::from([10, 0, 0, 2]), "no startup message");
        }
        door.report();
        let records = records.lock().unwrap();
        assert_eq!(records.len(), 11 + 61);
        let counts = records.iter().map(|event| match event {
            Event::SessionRefused { count, why, .. } => {
                assert!(!why.contains("not a token"), "a record never holds the credential");
                *count
            }
            other => panic!("{other:?}"),
        });
        assert_eq!(counts.sum::<u64>(), 2000);
    }
}
