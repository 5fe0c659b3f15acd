//! Where clients of every protocol prove who they are: tokens, the count of bad ones, and
//! the record of each refusal, in one place.
//!
//! A valid token is always heard. What looks like guessing is counted by address, for the
//! data path and for the API apart; genuine tokens that are of no use (expired, meant for
//! somebody else) have a count of their own. Beyond a limit, refusals are recorded together.

use crate::identity::{AuthError, FailureGate, Gate, Identities, Identity, ShownCertificate};
use crate::metrics::Metrics;
use portreeve_model::{Event, Secret};
use portreeve_session::{Authenticator, BoxFuture, IdentityEnd, NotAdmitted};
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
    /// The credential is not valid, and neither were too many others from its address.
    TooMany,
    /// The check could not be made.
    Unavailable,
}

/// Checks tokens, and slows down who guesses.
pub struct TokenAuthenticator {
    identities: Arc<Identities>,
    /// Guesses at the data path.
    data_gate: FailureGate,
    /// Guesses at the API.
    api_gate: FailureGate,
    /// Genuine tokens that are of no use.
    stale: FailureGate,
    /// For clients that never present a token: nothing is refused by it, but a flood
    /// of them is recorded as one.
    noise: FailureGate,
    metrics: Arc<Metrics>,
    record: Record,
}

impl std::fmt::Debug for TokenAuthenticator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenAuthenticator")
            .field("data_gate", &self.data_gate)
            .finish_non_exhaustive()
    }
}

impl TokenAuthenticator {
    /// Sets it up.
    #[must_use]
    pub fn new(
        identities: Arc<Identities>,
        gate: FailureGate,
        metrics: Arc<Metrics>,
        record: Record,
    ) -> Self {
        let noise = FailureGate::new(NOISE_MAX, NOISE_TIME);
        let (api_gate, stale) = (gate.twin(), gate.twin());
        Self { identities, data_gate: gate, api_gate, stale, noise, metrics, record }
    }

    /// The issuers.
    #[must_use]
    pub fn identities(&self) -> &Arc<Identities> {
        &self.identities
    }

    /// Checks a token that a client presents to the API.
    ///
    /// # Errors
    /// What the client may know; the rest is recorded and logged.
    pub async fn admit(&self, token: &Secret<String>, from: IpAddr) -> Result<Identity, Refused> {
        self.check("http", &self.api_gate, None, token, from).await
    }

    /// Counts and records an issuer's word, or a login at the local issuer, that fails, like a
    /// token that does.
    ///
    /// # Errors
    /// What the client may know.
    pub async fn admit_login<T>(
        &self,
        from: IpAddr,
        login: impl Future<Output = Result<T, AuthError>>,
    ) -> Result<T, Refused> {
        let error = match login.await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        if error.is_ours() {
            self.refuse("http", from, &error.to_string());
            tracing::error!(%error, "a login could not be checked");
            return Err(Refused::Unavailable);
        }
        Err(self.count("http", &self.api_gate, &error, from))
    }

    async fn check(
        &self,
        protocol: &'static str,
        gate: &FailureGate,
        audience: Option<&str>,
        token: &Secret<String>,
        from: IpAddr,
    ) -> Result<Identity, Refused> {
        let found = self.identities.authenticate(token, SystemTime::now()).await;
        self.judge(protocol, gate, audience, found, from)
    }

    /// Lets in whom a credential names, if it is meant for this place; else counts and records
    /// why not.
    fn judge(
        &self,
        protocol: &'static str,
        gate: &FailureGate,
        audience: Option<&str>,
        found: Result<Identity, AuthError>,
        from: IpAddr,
    ) -> Result<Identity, Refused> {
        let error = match found {
            Ok(identity) if identity.is_meant_for(audience) => {
                return Ok(Identity { address: Some(from), ..identity });
            }
            Ok(_) => AuthError::Audience { expected: audience.unwrap_or("the gateway").to_owned() },
            Err(error) => error,
        };
        if error.is_ours() {
            self.refuse(protocol, from, &error.to_string());
            tracing::error!(%error, "a credential could not be checked");
            return Err(Refused::Unavailable);
        }
        Err(self.count(protocol, gate, &error, from))
    }

    /// Checks a certificate of this installation that a client shows to come to a resource:
    /// what it stands for, as the token that it was given for would be checked.
    ///
    /// # Errors
    /// What the client may know; the rest is recorded and logged.
    pub async fn redeem(
        &self,
        protocol: &'static str,
        shown: ShownCertificate<'_>,
        from: IpAddr,
    ) -> Result<portreeve_session::Identity, NotAdmitted> {
        let audience = self.identities.audience_of(shown.resource);
        let found = self.identities.redeem(shown, SystemTime::now()).await;
        admitted(self.judge(protocol, &self.data_gate, audience.as_deref(), found, from))
    }

    /// Counts and records a certificate that the protocol does not accept.
    pub fn refuse_certificate(
        &self,
        protocol: &'static str,
        why: &AuthError,
        from: IpAddr,
    ) -> NotAdmitted {
        not_admitted(self.count(protocol, &self.data_gate, why, from))
    }

    /// Counts and records a refusal, and says what the client may know of it.
    fn count(
        &self,
        protocol: &'static str,
        gate: &FailureGate,
        error: &AuthError,
        from: IpAddr,
    ) -> Refused {
        let now = Instant::now();
        let gate = if error.is_guess() { gate } else { &self.stale };
        let shut = gate.ask(from, now) == Gate::Shut;
        if shut && error.is_guess() {
            self.metrics.auth_refused_unheard();
            return Refused::TooMany;
        }
        self.metrics.auth_failed();
        if !error.is_guess() {
            self.metrics.auth_was_stale();
        }
        if !shut {
            if !error.is_guess() {
                // Whoever asks why their genuine token is of no use finds it where they look.
                tracing::info!(protocol, %from, %error, "a token was refused");
            }
            self.refuse(protocol, from, &error.to_string());
            gate.failed(from, now);
        }
        // A token that has expired is a mistake: whoever made it hears what to do.
        let (message, hint) = AuthError::client_text(error);
        Refused::Invalid { message, hint }
    }

    fn refuse(&self, protocol: &'static str, from: IpAddr, why: &str) {
        let (protocol, client, why) = (protocol.to_owned(), from.to_string(), why.to_owned());
        (self.record)(Event::SessionRefused { protocol, client, why, count: 1 });
    }

    /// Records the refusals that were only counted: one record for each address. To
    /// be called once more when the gateway stops.
    pub fn report(&self) {
        let now = Instant::now();
        let gates = [&self.data_gate, &self.api_gate].into_iter();
        let unheard = gates.flat_map(|gate| gate.take_refused(now));
        let unheard = unheard.map(|refused| (refused, "too many bad tokens; recorded together"));
        let stale = self.stale.take_refused(now).into_iter();
        let stale = stale.map(|refused| (refused, "genuine tokens that were of no use, too often"));
        let noise = self.noise.take_refused(now).into_iter();
        let noise = noise.map(|refused| (refused, "came and went without a token, too often"));
        for (refused, why) in unheard.chain(stale).chain(noise) {
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

impl Authenticator for TokenAuthenticator {
    fn authenticate<'a>(
        &'a self,
        protocol: &'static str,
        resource: &'a str,
        token: &'a Secret<String>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<portreeve_session::Identity, NotAdmitted>> {
        Box::pin(async move {
            let audience = self.identities.audience_of(resource);
            admitted(self.check(protocol, &self.data_gate, audience.as_deref(), token, from).await)
        })
    }

    fn watch(&self, identity: &portreeve_session::Identity) -> BoxFuture<'static, IdentityEnd> {
        self.identities.watch(identity)
    }

    fn turned_away(&self, protocol: &'static str, from: IpAddr, why: &str) {
        let now = Instant::now();
        if self.noise.ask(from, now) == Gate::Open {
            self.noise.failed(from, now);
            self.refuse(protocol, from, why);
        }
    }
}

/// As the data path takes it.
fn admitted(found: Result<Identity, Refused>) -> Result<portreeve_session::Identity, NotAdmitted> {
    let Identity { chain, expires_at, issued_at, token_id, login, .. } =
        found.map_err(not_admitted)?;
    Ok(portreeve_session::Identity { chain, expires_at, issued_at, token_id, login })
}

fn not_admitted(refused: Refused) -> NotAdmitted {
    match refused {
        Refused::Invalid { message, hint } => NotAdmitted::Invalid(format!("{message}; {hint}")),
        Refused::TooMany => NotAdmitted::TooMany,
        Refused::Unavailable => NotAdmitted::Unavailable,
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
        let folder = folder("authenticator");
        let text = "issuers: [{local: {}}]\nresources: {a: {postgres: {host: h, user: u}}}\n";
        let config = crate::testing::config(text);
        let store = Store::open(&folder.path).unwrap();
        let identities = Arc::new(Identities::new(&config, store).unwrap());
        let records: Arc<Mutex<Vec<Event>>> = Arc::default();
        let sink = Arc::clone(&records);
        let authenticator = TokenAuthenticator::new(
            identities,
            FailureGate::new(10, Duration::from_secs(60)),
            Arc::new(Metrics::new(&config)),
            Box::new(move |event| sink.lock().unwrap().push(event)),
        );
        let from = IpAddr::from([10, 0, 0, 1]);
        let bad = Secret::new("not a token".to_owned());
        for attempt in 0..1000 {
            let refused = authenticator.admit(&bad, from).await.unwrap_err();
            assert_eq!(refused == Refused::TooMany, attempt >= 10, "{attempt}");
        }
        authenticator.report();
        for _ in 0..1000 {
            authenticator.turned_away(
                "postgres",
                IpAddr::from([10, 0, 0, 2]),
                "no startup message",
            );
        }
        authenticator.report();
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
