//! Connectors: who they are, by the control store, and what they do, in the evidence.

use crate::administration::AdminLog;
use crate::store::{Connectors, Journal, Store, Topic, off_runtime};
use portreeve_evidence::EvidenceLog;
use portreeve_link::PublicKey;
use portreeve_link::gateway::{Enrolment, Known, Registry, RegistryError, Standing};
use portreeve_model::{ConnectorEvent, Event};
use portreeve_session::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The connectors of an installation, for the links of one gateway.
pub struct StoredConnectors {
    connectors: Arc<dyn Connectors>,
    journal: Arc<dyn Journal>,
    admin_log: AdminLog,
    log: EvidenceLog,
    /// The store's number of the last change that was seen.
    epoch: AtomicI64,
}

impl std::fmt::Debug for StoredConnectors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredConnectors").finish_non_exhaustive()
    }
}

/// A revoked connector is gone within a second.
const ASK_INTERVAL: Duration = Duration::from_millis(250);

impl StoredConnectors {
    /// Those of a store.
    #[must_use]
    pub fn new(store: &Store, admin_log: AdminLog, log: EvidenceLog) -> Self {
        let (connectors, journal) = (store.connectors.clone(), store.journal.clone());
        let epoch = AtomicI64::new(journal.epoch(Topic::Connectors).unwrap_or(-1));
        Self { connectors, journal, admin_log, log, epoch }
    }
}

fn failed(error: impl std::fmt::Display) -> RegistryError {
    RegistryError::Failed(error.to_string())
}

impl Registry for StoredConnectors {
    fn enrol<'a>(
        &'a self,
        enrolment: &'a Enrolment,
    ) -> BoxFuture<'a, Result<Known, RegistryError>> {
        Box::pin(async move {
            let (connectors, asked) = (self.connectors.clone(), enrolment.clone());
            let enrolled = off_runtime(move || {
                let Enrolment { invite, secret_digest, key, from } = asked;
                connectors.enrol(&invite, &secret_digest, &key, &from.to_string())
            });
            let enrolled =
                enrolled.await.map_err(|error: crate::store::StoreError| failed(error))?;
            let Some(enrolled) = enrolled else {
                return Err(RegistryError::Refused(
                    "the invitation is not good: it was used, has expired or was withdrawn, or its \
                     name has been taken; hint: ask for another one"
                        .into(),
                ));
            };
            // What is not in the evidence has not happened: no certificate without it.
            self.admin_log.settle().await.map_err(failed)?;
            Ok(Known { name: enrolled.name, resources: enrolled.resources })
        })
    }

    fn standing<'a>(
        &'a self,
        key: &'a PublicKey,
    ) -> BoxFuture<'a, Result<Standing, RegistryError>> {
        Box::pin(async move {
            let (connectors, key) = (self.connectors.clone(), *key);
            let found = off_runtime(move || connectors.find(&key)).await;
            let found = found.map_err(|error: crate::store::StoreError| failed(error))?;
            Ok(match found {
                None => Standing::Unknown,
                Some(found) if found.revoked_at.is_some() => Standing::Revoked { name: found.name },
                Some(found) => {
                    Standing::Good(Known { name: found.name, resources: found.resources })
                }
            })
        })
    }

    fn changed(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                tokio::time::sleep(ASK_INTERVAL).await;
                let journal = self.journal.clone();
                match off_runtime(move || journal.epoch(Topic::Connectors)).await {
                    Ok(epoch) => {
                        if self.epoch.swap(epoch, Ordering::Relaxed) != epoch {
                            return;
                        }
                    }
                    Err(error) => {
                        let error: crate::store::StoreError = error;
                        tracing::error!(%error, "changes of connectors cannot be seen");
                        return;
                    }
                }
            }
        })
    }

    fn record(&self, happened: ConnectorEvent) -> BoxFuture<'_, Result<(), RegistryError>> {
        let receipt = self.log.append(Event::Connector(happened));
        Box::pin(async move { receipt.durable().await.map_err(failed) })
    }

    fn note(&self, happened: ConnectorEvent) {
        drop(self.log.append(Event::Connector(happened)));
    }
}
