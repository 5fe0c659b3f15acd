//! What a session records with: stages its records, seals its bytes, hands them over.

use crate::error::{Error, Sealed};
use crate::format::frame::PAYLOAD_BYTES_MAX;
use crate::keys::keyring::Share;
use crate::keys::seal::{PayloadKey, SHARE_BYTES, share_info};
use crate::keys::{hpke, months};
use crate::log::receipt::Receipt;
use crate::log::shared::Shared;
use crate::log::unit::{Unit, salt};
use crate::tlog::merkle::sha256;
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, Direction, Event, PayloadRef, Record, SessionId};
use std::sync::Arc;

/// Room that a payload's codec byte and tag take.
const SEAL_ROOM: usize = 64;

/// What a session's keys are derived from.
struct Shares {
    auditors: [u8; SHARE_BYTES],
    keyring: [u8; SHARE_BYTES],
    /// The month that subjects were last recorded in, and its key.
    subjects: Option<(String, PayloadKey)>,
}

/// Records one session.
///
/// Records are numbered as they are staged and become durable in that order. What is
/// staged and not handed over when the recorder is dropped is handed over then.
pub struct SessionRecorder {
    shared: Arc<Shared>,
    session: SessionId,
    seq: u64,
    key: PayloadKey,
    shares: Box<Shares>,
    unit: Unit,
    fault: Option<Sealed>,
}

impl std::fmt::Debug for SessionRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SessionRecorder({}, {} records)", self.session, self.seq)
    }
}

impl SessionRecorder {
    /// Mints the session's key and stages the record that holds the auditors' share.
    pub(crate) fn new(shared: Arc<Shared>, session: SessionId) -> Result<Self, Error> {
        let (mut auditors, mut keyring) = ([0; SHARE_BYTES], [0; SHARE_BYTES]);
        rand::fill(&mut auditors)
            .and_then(|()| rand::fill(&mut keyring))
            .map_err(|_| Error::Crypto("no random bytes"))?;
        let share = hpke::seal(shared.auditor(), &share_info(session), &auditors)?;
        let key = PayloadKey::from_shares(session, &auditors, &keyring)?;
        let mut unit = Unit::default();
        unit.shares.push(Share { session, share: keyring });
        let shares = Box::new(Shares { auditors, keyring, subjects: None });
        let mut recorder = Self { shared, session, seq: 0, key, shares, unit, fault: None };
        recorder.stage(Event::RecordingKey { share: BASE64.encode(share) });
        Ok(recorder)
    }

    /// The session.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Queues a record.
    pub fn stage(&mut self, event: Event) {
        self.stage_with(event, None);
    }

    /// Queues a record with bytes that passed; seals them now.
    pub fn stage_payload(&mut self, event: Event, direction: Direction, bytes: &[u8]) {
        self.stage_with(event, Some((direction, bytes)));
    }

    fn stage_with(&mut self, event: Event, clear: Option<(Direction, &[u8])>) {
        if self.fault.is_some() {
            return;
        }
        if let Err(fault) = self.try_stage(event, clear) {
            self.fault = Some(fault);
        }
    }

    fn try_stage(&mut self, event: Event, clear: Option<(Direction, &[u8])>) -> Result<(), Sealed> {
        let at_us = self.shared.now_us();
        let sealed = match clear {
            Some((direction, bytes)) => {
                Some((direction, bytes.len(), self.seal(at_us, direction, bytes)?))
            }
            None => None,
        };
        let payload = sealed.as_ref().map(|(direction, bytes, sealed)| PayloadRef {
            direction: *direction,
            digest: Digest(sha256(sealed)),
            bytes: *bytes as u64,
        });
        let record = Record {
            at_us,
            session: Some(self.session),
            seq: self.seq,
            salt: salt()?,
            event,
            payload,
        };
        self.unit.push(&record, sealed.as_ref().map(|(_, _, sealed)| sealed.as_slice()))?;
        self.seq += 1;
        Ok(())
    }

    fn seal(&mut self, at_us: u64, direction: Direction, bytes: &[u8]) -> Result<Vec<u8>, Sealed> {
        if bytes.len() > PAYLOAD_BYTES_MAX - SEAL_ROOM {
            return Err(Sealed::new("a payload is beyond the limit"));
        }
        let seq = self.seq;
        let key = match direction {
            Direction::FromClient | Direction::ToClient => &self.key,
            Direction::Subjects => self.subjects_key(at_us)?,
        };
        key.seal(seq, direction, bytes).map_err(|error| Sealed::new(error.to_string()))
    }

    /// The key of this session's part of the month's index of data subjects.
    fn subjects_key(&mut self, at_us: u64) -> Result<&PayloadKey, Sealed> {
        let month = months::month_of(at_us);
        let Shares { auditors, keyring, subjects } = &mut *self.shares;
        if subjects.as_ref().is_none_or(|(known, _)| *known != month) {
            let share = self.shared.month_share(&month)?;
            let key = PayloadKey::of_subjects(self.session, auditors, keyring, &share)
                .map_err(|error| Sealed::new(error.to_string()))?;
            *subjects = Some((month, key));
        }
        subjects.as_ref().map(|(_, key)| key).ok_or_else(|| Sealed::new("no key of the month"))
    }

    /// Whether what is staged can still become durable, as far as is known without a commit.
    ///
    /// # Errors
    /// [`Sealed`]: it cannot.
    pub fn check(&self) -> Result<(), Sealed> {
        match self.fault.clone().or_else(|| self.shared.health.sealed()) {
            Some(sealed) => Err(sealed),
            None => Ok(()),
        }
    }

    /// How many bytes of the log are staged.
    #[must_use]
    pub fn staged_bytes(&self) -> u64 {
        self.unit.frames.len() as u64
    }

    /// Hands everything staged to the writer as one unit.
    ///
    /// The receipt holds for this unit and all before it. After a record that could
    /// not be made (it was too large), nothing of this session is recorded any more
    /// and every receipt says so.
    pub fn submit(&mut self) -> Receipt {
        if let Some(fault) = &self.fault {
            return Receipt::failed(fault.clone());
        }
        match self.shared.submit(std::mem::take(&mut self.unit)) {
            Ok(receipt) => receipt,
            Err(sealed) => {
                self.fault = Some(sealed.clone());
                Receipt::failed(sealed)
            }
        }
    }
}

impl Drop for SessionRecorder {
    fn drop(&mut self) {
        if self.fault.is_none() && !self.unit.leaves.is_empty() {
            // Nobody waits; a failure seals the log, which everyone else sees.
            drop(self.shared.submit(std::mem::take(&mut self.unit)));
        }
    }
}
