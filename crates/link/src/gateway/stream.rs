//! A stream to a target, counted: what its connector says of it can be held against this.

use super::member::Member;
use crate::counting::{Counting, Counts, opened};
use crate::message::{Ask, Wanted, now_us};
use crate::mux::MuxStream;
use portreeve_model::{ConnectorChange, LinkStream};
use std::sync::Arc;

/// A stream over a link. Dropped, it is over, and that is written down.
pub(super) type MemberStream = Counting<MuxStream, Place>;

/// A stream's place among those of its connector.
pub(super) struct Place {
    counts: Arc<Counts>,
    member: Arc<Member>,
    /// What is written down of it; none where its bytes are no target's.
    note: Option<LinkStream>,
}

/// Counts what follows from here on.
pub(super) fn counted(stream: MuxStream, member: Arc<Member>, ask: &Ask) -> MemberStream {
    member.stream_opened();
    let note = matches!(ask.what, Wanted::Login { .. }).then(|| opened(ask));
    Counting::new(stream, |counts| Place { counts, member, note })
}

impl Drop for Place {
    fn drop(&mut self) {
        let (to_target, from_target) = (self.counts.written(), self.counts.read());
        let note = self.note.take().map(|note| {
            let closed_us = now_us();
            ConnectorChange::StreamClosed(LinkStream { closed_us, to_target, from_target, ..note })
        });
        self.member.stream_closed(note);
    }
}
