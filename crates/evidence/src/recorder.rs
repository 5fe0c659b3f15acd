//! What a session records with: stages its records, seals its bytes, hands them over.

use crate::frame::{self, HEADER_BYTES, Kind, LEAF_BYTES_MAX, PAYLOAD_BYTES_MAX};
use crate::keyring::Share;
use crate::log::Shared;
use crate::merkle::{Hash, leaf_hash};
use crate::seal::{PayloadKey, SHARE_BYTES, share_info};
use crate::{Error, Sealed, hpke, months};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, Direction, Event, PayloadRef, Record, SessionId};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::sync::oneshot;

/// Room that a payload's codec byte and tag take.
const SEAL_ROOM: usize = 64;

/// Records that become durable together.
#[derive(Default)]
pub(crate) struct Unit {
    /// Whole frames, as they will lie in the segment.
    pub(crate) frames: Vec<u8>,
    /// The hashes of the leaves among them, in order.
    pub(crate) leaves: Vec<Hash>,
    /// Shares that must be durable before the frames are.
    pub(crate) shares: Vec<Share>,
    /// Who waits.
    pub(crate) waiter: Option<oneshot::Sender<Result<(), Sealed>>>,
}

impl Unit {
    /// Adds a leaf, and the payload that it vouches for.
    pub(crate) fn push(&mut self, record: &Record, sealed: Option<&[u8]>) -> Result<(), Sealed> {
        let start = self.frames.len();
        self.frames.resize(start + HEADER_BYTES, 0);
        let written = serde_json::to_writer(&mut self.frames, record);
        let body = self.frames.get(start + HEADER_BYTES..).unwrap_or_default();
        if written.is_err() || body.len() > LEAF_BYTES_MAX {
            let size = body.len();
            self.frames.truncate(start);
            return Err(Sealed::new(format!("a record of {size} bytes is beyond the limit")));
        }
        let hash = leaf_hash(body);
        frame::fill_header(&mut self.frames, start, Kind::Leaf, &hash);
        self.leaves.push(hash);
        if let (Some(sealed), Some(payload)) = (sealed, &record.payload) {
            frame::push_hashed(&mut self.frames, Kind::Payload, sealed, &payload.digest.0);
        }
        Ok(())
    }
}

/// Sixteen random bytes in hexadecimal.
pub(crate) fn salt() -> Result<String, Sealed> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| Sealed::new("no random bytes"))?;
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect())
}

/// Tells when what was handed over is durable.
#[must_use = "what was handed over is not durable before the receipt says so"]
#[derive(Debug)]
pub struct Receipt(State);

#[derive(Debug)]
enum State {
    Waiting(oneshot::Receiver<Result<(), Sealed>>),
    Failed(Sealed),
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn gone() -> Sealed {
    Sealed::new("the log's writer is gone")
}

impl Receipt {
    pub(crate) fn waiting(receiver: oneshot::Receiver<Result<(), Sealed>>) -> Self {
        Self(State::Waiting(receiver))
    }

    pub(crate) fn failed(sealed: Sealed) -> Self {
        Self(State::Failed(sealed))
    }

    /// Waits until the records, and all that were handed over before them, are on the
    /// disk.
    ///
    /// # Errors
    /// [`Sealed`]: they may be or not, and never will be known to be. What they were
    /// to make possible must not happen.
    pub async fn durable(self) -> Result<(), Sealed> {
        match self.0 {
            State::Waiting(receiver) => receiver.await.unwrap_or_else(|_| Err(gone())),
            State::Failed(sealed) => Err(sealed),
        }
    }

    /// [`Self::durable`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Self::durable`].
    pub fn wait(self) -> Result<(), Sealed> {
        // Not the runtime's own way of blocking: a gateway that opens its log inside a
        // runtime may wait for it there, without that runtime counting its polls.
        let mut future = pin!(tokio::task::unconstrained(self.durable()));
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}

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
            digest: Digest(crate::merkle::sha256(sealed)),
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
