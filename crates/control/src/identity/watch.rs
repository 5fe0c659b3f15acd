//! Notices that an identity has ended while a session of it is open.
//!
//! One task asks the store twice a second whether anything about identities has changed.
//! Only then, those that are watched look for themselves. A store that cannot be asked for
//! [`SILENCE_MAX`] ends them all: nobody reads on under a name that nobody can check.

use crate::store::{Accounts, Credential, Store, StoreError, Topic, off_runtime};
use portreeve_model::Chain;
use portreeve_session::{BoxFuture, Identity, IdentityEnd};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;

/// What is known of changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The store's number of the last one.
    Epoch(i64),
    /// The store could not be asked for too long.
    Silent,
}

/// Tells those who watch that something has changed.
pub(super) struct Changes {
    store: Store,
    state: watch::Sender<State>,
}

impl Changes {
    pub(super) fn new(store: Store) -> Self {
        let epoch = store.journal.epoch(Topic::Identity).map_or(State::Silent, State::Epoch);
        Self { store, state: watch::Sender::new(epoch) }
    }

    /// Asks for ever.
    pub(super) async fn keep_watching(&self) {
        let mut heard_at = Instant::now();
        loop {
            let journal = self.store.journal.clone();
            let state = match off_runtime(move || journal.epoch(Topic::Identity)).await {
                Ok(epoch) => {
                    heard_at = Instant::now();
                    Some(State::Epoch(epoch))
                }
                Err(error) => {
                    tracing::error!(%error, "changes of identities cannot be seen");
                    (heard_at.elapsed() > SILENCE_MAX).then_some(State::Silent)
                }
            };
            if let Some(state) = state {
                self.state.send_if_modified(|known| std::mem::replace(known, state) != state);
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    }

    /// Resolves when an identity ends. `local` is the issuer whose accounts are here.
    pub(super) fn watch(
        &self,
        identity: &Identity,
        local: Option<String>,
    ) -> BoxFuture<'static, IdentityEnd> {
        let (store, mut state) = (self.store.clone(), self.state.subscribe());
        let identity = identity.clone();
        Box::pin(async move {
            let left = identity.expires_at.duration_since(SystemTime::now()).unwrap_or_default();
            let expired = tokio::time::sleep(left);
            tokio::pin!(expired);
            // What changed between the login and now counts too.
            state.mark_changed();
            loop {
                tokio::select! {
                    () = &mut expired => return IdentityEnd::Expired,
                    changed = state.changed() => {
                        if changed.is_err() || *state.borrow_and_update() == State::Silent {
                            return IdentityEnd::Unknown;
                        }
                    }
                }
                match look(&store, &identity, local.clone()).await {
                    Ok(None) => {}
                    Ok(Some(end)) => return end,
                    Err(error) => {
                        tracing::error!(%error, "an identity cannot be checked any more");
                        return IdentityEnd::Unknown;
                    }
                }
            }
        })
    }
}

/// Whether an identity has ended.
async fn look(
    store: &Store,
    identity: &Identity,
    local: Option<String>,
) -> Result<Option<IdentityEnd>, StoreError> {
    let (store, identity) = (store.clone(), identity.clone());
    off_runtime(move || {
        let credential = Credential {
            chain: &identity.chain,
            token_id: identity.token_id.as_deref(),
            login: identity.login.as_deref(),
            issued_at: identity.issued_at,
        };
        if store.revocations.is_revoked(credential)? {
            return Ok(Some(IdentityEnd::Revoked));
        }
        match local {
            Some(local) if identity.chain.principal.issuer == local => {
                changed_hop(store.accounts.as_ref(), &identity.chain, identity.issued_at)
            }
            Some(_) | None => Ok(None),
        }
    })
    .await
}

fn changed_hop(
    accounts: &dyn Accounts,
    chain: &Chain,
    issued_at: SystemTime,
) -> Result<Option<IdentityEnd>, StoreError> {
    for hop in chain.hops() {
        let subject = hop.subject.clone();
        let account = accounts.find(&hop.subject)?.filter(|account| {
            !account.disabled
                && account.kind == hop.kind
                && !super::local::is_younger(account, issued_at)
        });
        let Some(account) = account else { return Ok(Some(IdentityEnd::Disabled { subject })) };
        if account.groups != hop.groups {
            return Ok(Some(IdentityEnd::Regrouped { subject }));
        }
    }
    Ok(None)
}

/// Half of the second within which a session has to end.
const ASK_INTERVAL: Duration = Duration::from_millis(400);
const SILENCE_MAX: Duration = Duration::from_secs(5);
