//! What is kept with a caller's session, and what one message needs.

use super::era::Era;
use crate::message::{Id, Message};
use crate::target::Target;
use crate::tools::{Descriptions, Tools};
use crate::upstream::Upstream;
use aws_lc_rs::rand;
use http::HeaderMap;
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
const QUESTIONS_MAX: usize = 64;

/// What is kept with a session.
#[derive(Debug)]
pub(super) struct Own {
    /// What the client calls it; empty where there is no handshake.
    pub(super) name: String,
    pub(super) upstream: Upstream,
    pub(super) tools: Tools,
    /// What the server has asked, by the id that the client was given.
    questions: Mutex<HashMap<Id, Question>>,
    /// What the server calls the client's open calls.
    calls: Mutex<HashMap<Id, Id>>,
    next_number: AtomicU64,
}

/// Something that a server has asked of the client.
#[derive(Debug)]
pub(super) struct Question {
    /// What the answer passes through.
    pub(super) exchange: Exchange,
    /// What the server calls it.
    pub(super) id: Id,
    /// What it asks for.
    pub(super) method: String,
}

/// A call that is open, and what the server knows it by; known no more when this is dropped.
#[derive(Debug)]
pub(super) struct Numbered {
    caller: McpCaller,
    client: Id,
    pub(super) server: Id,
}

impl Numbered {
    /// Gives a call an id of the gateway's own: clients may count alike.
    pub(super) fn new(caller: &McpCaller, client: &Id) -> Self {
        let server = caller.own.new_id();
        caller.own.open().insert(client.clone(), server.clone());
        Self { caller: caller.clone(), client: client.clone(), server }
    }
}

impl Drop for Numbered {
    fn drop(&mut self) {
        let mut open = self.caller.own.open();
        if open.get(&self.client) == Some(&self.server) {
            open.remove(&self.client);
        }
    }
}

impl Own {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            upstream: Upstream::default(),
            tools: Tools::default(),
            questions: Mutex::default(),
            calls: Mutex::default(),
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

    fn open(&self) -> MutexGuard<'_, HashMap<Id, Id>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server calls one of the client's open calls.
    pub(super) fn server_id(&self, client: &Id) -> Option<Id> {
        self.open().get(client).cloned()
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
    pub(super) message_bytes_max: usize,
    pub(super) era: Era,
}

/// A message that was read.
pub(super) struct Posted<'a> {
    pub(super) message: Message,
    pub(super) fields: &'a HeaderMap,
    pub(super) places: Vec<OwnedSemaphorePermit>,
}
