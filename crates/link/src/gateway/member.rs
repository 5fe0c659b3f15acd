//! One connector that is there.

use super::hub::ConnectorState;
use super::registry::{Known, Registry};
use super::stream::{MemberStream, counted};
use crate::authority::PublicKey;
use crate::invite::Fingerprint;
use crate::message::{self, Ask, Told};
use crate::mux::Mux;
use portreeve_model::{ConnectorChange, ConnectorEvent};
use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::SystemTime;
use tokio::sync::watch;

/// A connector, its link, and what it serves.
pub(super) struct Member {
    arrived: Arrived,
    since: SystemTime,
    streams: AtomicUsize,
    /// It did not answer when it was asked last.
    is_silent: AtomicBool,
    /// Why it has to end.
    ending: watch::Sender<Option<String>>,
}

/// What is known of a connector before it serves.
pub(super) struct Arrived {
    pub(super) known: Known,
    pub(super) key: PublicKey,
    pub(super) address: IpAddr,
    pub(super) software: String,
    pub(super) serves: BTreeSet<String>,
    pub(super) mux: Mux,
    pub(super) registry: Arc<dyn Registry>,
}

impl Member {
    pub(super) fn new(arrived: Arrived) -> Arc<Self> {
        Arc::new(Self {
            arrived,
            since: SystemTime::now(),
            streams: AtomicUsize::new(0),
            is_silent: AtomicBool::new(false),
            ending: watch::Sender::new(None),
        })
    }

    pub(super) fn known(&self) -> &Known {
        &self.arrived.known
    }

    pub(super) fn name(&self) -> &str {
        &self.arrived.known.name
    }

    pub(super) fn key(&self) -> &PublicKey {
        &self.arrived.key
    }

    pub(super) fn serves(&self) -> &BTreeSet<String> {
        &self.arrived.serves
    }

    pub(super) fn streams(&self) -> usize {
        self.streams.load(Ordering::Relaxed)
    }

    /// Who is asked first has the lowest.
    pub(super) fn load(&self) -> (bool, usize) {
        (self.is_silent.load(Ordering::Relaxed), self.streams())
    }

    pub(super) fn note_silence(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }

    pub(super) fn state(&self) -> ConnectorState {
        ConnectorState {
            name: self.arrived.known.name.clone(),
            address: self.arrived.address,
            since: self.since,
            software: self.arrived.software.clone(),
            resources: self.arrived.serves.iter().cloned().collect(),
            streams: self.streams(),
        }
    }

    /// Ends the link; the first reason counts.
    pub(super) fn end(&self, why: &str) {
        self.ending.send_if_modified(|ending| {
            let is_first = ending.is_none();
            if is_first {
                *ending = Some(why.to_owned());
            }
            is_first
        });
    }

    /// Resolves when the link has to end.
    pub(super) async fn ending(&self) -> String {
        let mut ending = self.ending.subscribe();
        let why = ending.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.unwrap_or_default()
    }

    /// Why it has ended, if it has.
    pub(super) fn ended(&self) -> Option<String> {
        self.ending.borrow().clone()
    }

    /// Whether its streams can still be used.
    pub(super) fn is_over(&self) -> bool {
        self.arrived.mux.is_over() || self.ending.borrow().is_some()
    }

    /// Opens a stream, and asks for something.
    pub(super) async fn ask(self: &Arc<Self>, ask: &Ask) -> io::Result<(MemberStream, Told)> {
        if self.is_over() {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let mut stream = self.arrived.mux.open().await?;
        message::write(&mut stream, ask).await?;
        let told = message::read(&mut stream).await?;
        Ok((counted(stream, self.clone(), ask), told))
    }

    pub(super) fn stream_opened(&self) {
        self.streams.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn stream_closed(&self, change: Option<ConnectorChange>) {
        self.streams.fetch_sub(1, Ordering::Relaxed);
        if let Some(change) = change {
            self.arrived.registry.note(self.event(change, None));
        }
    }

    pub(super) fn event(&self, change: ConnectorChange, why: Option<String>) -> ConnectorEvent {
        ConnectorEvent {
            key: Some(Fingerprint(self.arrived.key).to_string()),
            address: Some(self.arrived.address.to_string()),
            why,
            ..ConnectorEvent::new(self.name(), change)
        }
    }
}
