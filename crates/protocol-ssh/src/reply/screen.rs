//! What a target writes to a terminal, as the client may see it.

use super::{Ended, Heard, put_end};
use crate::inbox::Event;
use crate::streams::{LINE, SCREEN};
use crate::terminal::{Shown, Terminal};
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object, Usage};
use portreeve_screen::Masking;
use portreeve_session::{Masked, Reply, Snapshot, Unmaskable, put_stream};
use std::sync::Arc;

/// What is known of a terminal's reply from its beginning to its end.
pub(crate) struct ScreenLook {
    pub(crate) terminal: Terminal,
    snapshot: Arc<Snapshot>,
    ended: Option<Ended>,
    is_left: bool,
}

impl ScreenLook {
    pub(crate) fn new(terminal: Terminal, snapshot: &Arc<Snapshot>) -> Self {
        Self { terminal, snapshot: snapshot.clone(), ended: None, is_left: false }
    }
}

/// Some of what a target has said over a terminal's channel.
pub(crate) struct ScreenPart<'a> {
    pub(crate) look: &'a mut ScreenLook,
    pub(crate) what: Heard,
}

impl Reply for ScreenPart<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let Self { look, what } = self;
        let snapshot = look.snapshot.clone();
        let reveals = |object: &Object, category: &Category| snapshot.reveals(object, category);
        let masking = Masking { masker, reveals: &reveals };
        let mut out = Vec::new();
        let (mut usage, mut end) = (Usage::default(), None);
        match what {
            Heard::Pause => usage += put_shown(look.terminal.pause(&masking), &mut out),
            // Both streams of a command in a terminal are the terminal's.
            Heard::Event(Event::Data { bytes, .. }) => {
                usage += put_shown(look.terminal.write(&bytes, &masking), &mut out);
            }
            Heard::Event(Event::End) => {
                usage += look.leave(&masking, &mut out);
            }
            Heard::Event(Event::Status(status)) => look.ended = Some(Ended::Status(status)),
            Heard::Event(Event::Signal(name)) => look.ended = Some(Ended::Signal(name)),
            Heard::Event(Event::Closed) => {
                usage += look.leave(&masking, &mut out);
                end = Some(put_end(look.ended.take(), &mut out));
            }
            // Of a terminal no side closes alone.
            Heard::Event(Event::Accepted | Event::Refused | Event::Window(_)) | Heard::Over => {}
        }
        let mut detected = Vec::new();
        look.terminal.drain(&mut detected);
        Ok(Masked { bytes: out.into(), usage, detected, end, ..Masked::default() })
    }
}

impl ScreenLook {
    fn leave(&mut self, masking: &Masking<'_>, out: &mut Vec<u8>) -> Usage {
        if std::mem::replace(&mut self.is_left, true) {
            return Usage::default();
        }
        put_shown(self.terminal.finish(masking), out)
    }
}

fn put_shown(shown: Shown, out: &mut Vec<u8>) -> Usage {
    for line in &shown.lines {
        put_stream(LINE, line.as_bytes(), out);
    }
    if !shown.bytes.is_empty() {
        put_stream(SCREEN, &shown.bytes, out);
    }
    shown.usage
}
