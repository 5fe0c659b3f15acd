//! The gateway's own words, and how a protocol writes them.

use crate::SessionError;
use bytes::Bytes;
use portreeve_model::{Refusal, Unit};

/// Everything that the gateway itself may say to a client.
#[derive(Clone, Copy, Debug)]
pub enum Notice<'a> {
    /// The request is held until a person has answered.
    Held {
        /// What waits, and why.
        text: &'a str,
        /// For how long, and who can answer.
        hint: &'a str,
    },
    /// A command of the request, or the rest of its reply, is refused.
    Refused(&'a Refusal),
    /// The data that come with the request are wanted now, before it is decided.
    SendData {
        /// How they are to be written.
        form: DataForm,
        /// How many parts each of them has; 0 where that is not known.
        parts: u16,
    },
    /// The session ends.
    Ended(&'a SessionError),
}

/// How data are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DataForm {
    /// For people, too.
    Text,
    /// For programs.
    Binary,
}

/// What a client may do about a refusal, where each protocol has words of its own for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advice {
    /// Ask for less, in this unit where it is known.
    AskForLess(Option<Unit>),
    /// Ask in a way that the gateway understands.
    AskPlainly,
}

/// Everything that the gateway itself may say to a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetWord {
    /// What makes it fail where the client is told of a failure that it did not have, so that
    /// both agree on the state of a transaction.
    Fail,
    /// What follows takes effect only when it is told to keep it.
    Defer,
    /// What was deferred takes effect.
    Keep,
    /// What was deferred is taken back.
    TakeBack,
}

/// What the gateway asks a target for its own sake, between a client's requests: one of the
/// questions that a protocol has for that.
///
/// What writes it holds no bytes. A name that a client has made up may be asked about, as a value
/// of a type that can be written in one way only.
pub trait OwnQuestion: Send + Sync {
    /// Its messages.
    fn encode(&self) -> Bytes;
}

/// Writes the gateway's words as a protocol's messages.
///
/// The engine calls it, with words of its own: no bytes of a client or target are in
/// reach, so nothing that it writes needs a mask.
pub trait NoticeEncoder: Send + Sync {
    /// The messages for a notice; empty where this protocol has none.
    fn encode(&self, notice: Notice<'_>) -> Bytes;

    /// What a client may do, in the words of this protocol.
    fn advise(&self, advice: Advice) -> &'static str;

    /// What the gateway has to say to the target; empty where this protocol has no such word.
    fn to_target(&self, _word: TargetWord) -> Bytes {
        Bytes::new()
    }
}
