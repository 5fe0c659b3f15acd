//! What is kept with a caller's session, and what one message needs.

use super::era::Era;
use crate::message::{Id, Message};
use crate::target::Target;
use crate::tools::{Descriptions, Tools};
use crate::upstream::Upstream;
use aws_lc_rs::rand;
use http::HeaderMap;
use portreeve_detect::Detector;
use portreeve_session::Exchange;
use portreeve_web::Caller;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;

/// A caller, with what is kept of it.
pub(super) type McpCaller = Arc<Caller<Own>>;

/// Questions of a server that may wait for an answer at once.
const QUESTIONS_MAX: usize = 16;

/// What is kept with a session.
#[derive(Debug)]
pub(super) struct Own {
    /// What the client calls it; empty where there is no handshake.
    pub(super) name: String,
    pub(super) upstream: Upstream,
    pub(super) tools: Tools,
    /// What the server has asked, by the id that the client was given.
    questions: Mutex<HashMap<Id, Question>>,
    next_number: AtomicU64,
}

/// Something that a server has asked of the client.
#[derive(Debug)]
pub(super) struct Question {
    /// What the answer passes through.
    pub(super) exchange: Exchange,
    /// What the server calls it.
    pub(super) id: Id,
}

impl Own {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            upstream: Upstream::default(),
            tools: Tools::default(),
            questions: Mutex::default(),
            next_number: AtomicU64::new(1),
        }
    }

    /// A name that nobody can guess; none where there is no randomness.
    pub(super) fn new_name() -> Option<String> {
        let mut bytes = [0; 24];
        rand::fill(&mut bytes).ok()?;
        let mut name = String::with_capacity(48);
        for byte in bytes {
            let _ = write!(name, "{byte:02x}");
        }
        Some(name)
    }

    /// An id of the gateway's own.
    pub(super) fn new_id(&self) -> Id {
        Id::Text(format!("portreeve-{}", self.next_number.fetch_add(1, Ordering::Relaxed)))
    }

    fn questions(&self) -> MutexGuard<'_, HashMap<Id, Question>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what the client was asked, if there is room.
    pub(super) fn keep(&self, id: Id, question: Question) -> bool {
        let mut questions = self.questions();
        let has_room = questions.len() < QUESTIONS_MAX;
        if has_room {
            questions.insert(id, question);
        }
        has_room
    }

    /// What the client answers now.
    pub(super) fn answered(&self, id: &Id) -> Option<Question> {
        self.questions().remove(id)
    }
}

/// Everything that a message needs.
#[derive(Clone)]
pub(super) struct Asking {
    pub(super) caller: McpCaller,
    pub(super) target: Arc<Target>,
    pub(super) descriptions: Arc<dyn Descriptions>,
    pub(super) detector: Detector,
    pub(super) message_bytes_max: usize,
    pub(super) era: Era,
}

/// A message that was read.
pub(super) struct Posted<'a> {
    pub(super) message: Message,
    pub(super) fields: &'a HeaderMap,
    pub(super) places: Vec<OwnedSemaphorePermit>,
}
