//! Requests, and the data that they carry.

use crate::protocol::{Fence, Masked, Unmaskable};
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{Command, Refusal, RequestContent, Revealed, Usage};
use std::sync::Arc;

/// What a request does with a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    /// Prepares it: it must not be denied, but nothing runs yet.
    Prepare,
    /// Runs it.
    Run,
}

/// One command of a request, ready to be decided.
#[derive(Clone, Debug)]
pub struct CommandUse {
    /// What it does.
    pub command: Arc<Command>,
    /// Whether it runs now.
    pub stage: Stage,
    /// What the client will see clear, sorted: what the snapshot that is handed to
    /// [`crate::Session::admit`] reveals.
    pub revealed: Arc<[Revealed]>,
    /// What the same command has already given, in other exchanges.
    pub before: Usage,
}

/// What a client, or a target, asks: one message, or a run of messages that belong
/// together.
pub trait Request: Send {
    /// What the protocol has to know of what was accepted (the replies to expect).
    type Accepted: Send;

    /// The commands in it, in order. A request without any is the protocol's own
    /// housekeeping (`Sync`), and permitted.
    fn commands(&self) -> &[CommandUse];

    /// The bytes as they came, for the recording.
    fn received(&self) -> Bytes;

    /// What a reviewer reads, and what an approval is bound to, independent of how the
    /// client cut it into messages.
    fn content(&self) -> RequestContent;

    /// What guards its reply against definitions that change while it runs; none where it
    /// rests on none.
    fn fence(&self) -> Option<Arc<dyn Fence>> {
        None
    }

    /// Whether data come with it that are not here yet: nobody approves what nobody has seen.
    fn has_unseen_data(&self) -> bool {
        false
    }

    /// What tells, once a person has approved it, whether all that it rests on is still what
    /// the person has seen.
    fn definitions(&self) -> Option<Arc<dyn Fence>> {
        self.fence()
    }

    /// The bytes for the other side, and what was accepted.
    ///
    /// `refused` is the index of the first command that may not run, if any: from there
    /// on nothing of the request may be in the bytes. The protocol may put something of
    /// its own in its place, which makes the target fail exactly where the command would
    /// have run, so that transaction state stays true.
    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, Self::Accepted);
}

/// What a target asks of the client: its bytes go to the client, so they are masked.
pub trait TargetRequest: Request {
    /// Masks every data-bearing field. What it gives is what the client gets, where it may be
    /// asked; where it may not, the client gets what [`Request::encode`] writes of the refusal.
    fn mask(&mut self, masker: &Masker) -> Result<Masked, Unmaskable>;
}

/// A piece of data that one side sends inside a running exchange: rows of a bulk load, a
/// file's content, keys of a terminal, the answer to what a target asked.
pub trait Upload: Send {
    /// Reads it.
    ///
    /// # Errors
    /// Why it is not what the exchange was permitted for, in the client's terms.
    fn read(self) -> Result<Piece, crate::Fault>;
}

/// A piece of an upload, understood.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// The bytes as they came, for the recording.
    pub received: Bytes,
    /// The bytes for the target.
    pub wire: Bytes,
    /// What is in it.
    pub usage: Usage,
}
