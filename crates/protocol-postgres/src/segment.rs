//! Client messages → a request: one simple query, or a run of extended-protocol messages
//! up to Sync, Flush, or a command whose reply may be held.

use crate::backend::put_ready;
use crate::frame::{put, put_text};
use crate::pipeline::Expect;
use bytes::{Bytes, BytesMut};
use portreeve_model::Refusal;
use portreeve_session::{Asked, Request};

/// Which of the two query protocols a request is in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Simple,
    Extended,
}

/// One message, with what the server will answer to it.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) wire: Bytes,
    pub(crate) expects: Vec<Expect>,
    /// The first of the request's commands that is in it, and how many.
    pub(crate) commands: std::ops::Range<usize>,
}

/// A request under construction.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) kind: Kind,
    received: BytesMut,
    parts: Vec<Part>,
    asked: Vec<Asked>,
    content: Vec<String>,
    /// The transaction status that the request meets.
    status: u8,
    /// A statement name that no client can have: describing it fails without any effect.
    failing_name: String,
    /// Filled by `encode`: what the server will answer.
    pub(crate) expects: Vec<Expect>,
}

impl Segment {
    pub(crate) fn new(kind: Kind, status: u8, failing_name: &str) -> Self {
        Self {
            kind,
            received: BytesMut::new(),
            parts: Vec::new(),
            asked: Vec::new(),
            content: Vec::new(),
            status,
            failing_name: failing_name.into(),
            expects: Vec::new(),
        }
    }

    /// Notes bytes that came from the client, whatever becomes of them.
    pub(crate) fn note(&mut self, bytes: &[u8]) {
        self.received.extend_from_slice(bytes);
    }

    /// Adds a message.
    pub(crate) fn push(
        &mut self,
        wire: Bytes,
        expects: Vec<Expect>,
        asked: Vec<Asked>,
        content: Option<String>,
    ) {
        let first = self.asked.len();
        self.asked.extend(asked);
        self.parts.push(Part { wire, expects, commands: first..self.asked.len() });
        self.content.extend(content);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    pub(crate) fn received_bytes(&self) -> usize {
        self.received.len()
    }
}

/// Writes a message that fails at the server, with no other effect: it describes a
/// statement that no client can have.
fn put_failing(failing_name: &str, out: &mut Vec<u8>) {
    put(out, b'D', |out| {
        out.push(b'S');
        put_text(out, failing_name);
    });
}

/// Writes Sync, after a failing message where the server has not seen the client's error.
pub(crate) fn put_failing_sync(failing_name: &str, out: &mut Vec<u8>) {
    put_failing(failing_name, out);
    put(out, b'S', |_| {});
}

/// Writes a Flush.
pub(crate) fn flush() -> Bytes {
    Bytes::from_static(b"H\0\0\0\x04")
}

/// A query that fails at the server, with no other effect. It is what stands in the
/// target's log where a command was refused inside a transaction.
pub(crate) fn failing_query() -> Bytes {
    let mut wire = Vec::new();
    put(&mut wire, b'Q', |out| put_text(out, "refused by portreeve"));
    wire.into()
}

impl Request for &mut Segment {
    fn commands(&self) -> &[Asked] {
        &self.asked
    }

    fn received(&self) -> Bytes {
        Bytes::copy_from_slice(&self.received)
    }

    fn content(&self) -> String {
        self.content.join("\n")
    }

    fn encode(&mut self, refused: Option<(usize, &Refusal)>) -> Bytes {
        let parts = std::mem::take(&mut self.parts);
        let mut wire = Vec::with_capacity(self.received.len());
        let refused_at = |part: &Part| {
            refused.filter(|(index, _)| part.commands.contains(index)).map(|(_, refusal)| refusal)
        };
        let mut after_refusal = false;
        for part in parts {
            let ends =
                matches!(part.expects.as_slice(), [Expect::Ready | Expect::ReadyAfterRefusal]);
            if after_refusal && !ends {
                continue;
            }
            let Some(refusal) = refused_at(&part) else {
                wire.extend_from_slice(&part.wire);
                self.expects.extend(part.expects);
                continue;
            };
            after_refusal = true;
            match self.kind {
                Kind::Extended => {
                    put_failing(&self.failing_name, &mut wire);
                    wire.extend_from_slice(&flush());
                    self.expects.push(Expect::Refused(Box::new(refusal.clone())));
                }
                // Inside a transaction the server must fail too, as it would have.
                Kind::Simple if self.status == b'T' => {
                    wire.extend_from_slice(&failing_query());
                    self.expects.push(Expect::RefusedQuery(Box::new(refusal.clone())));
                }
                Kind::Simple => {}
            }
        }
        wire.into()
    }
}

/// What a simple query's refusal says outside a transaction, where the server need not
/// be asked.
pub(crate) fn local_refusal(refusal: &Refusal, status: u8) -> Bytes {
    let mut words = Vec::new();
    crate::backend::put_refusal(&mut words, refusal);
    put_ready(&mut words, status);
    words.into()
}
