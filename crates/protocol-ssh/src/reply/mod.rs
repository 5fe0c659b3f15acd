//! What a command writes and how it ends, masked.

mod escapes;
mod screen;

pub(crate) use screen::{ScreenLook, ScreenPart};

use crate::inbox::Event;
use crate::request::{Plan, Shows};
use crate::streams::{END, ERRORS, OUTPUT, SIGNAL, STATUS};
use escapes::Escapes;
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object, Unit, Usage};
use portreeve_screen::{Masking, NoText, Place, Screen, StreamScreen};
use portreeve_session::{End, Masked, Reply, Snapshot, Unmaskable, put_stream};
use std::sync::Arc;

/// What is known of a reply from its beginning to its end.
#[derive(Debug)]
pub(crate) struct Look {
    shows: Shows,
    may_be_cut: bool,
    snapshot: Arc<Snapshot>,
    output: Stream,
    errors: Stream,
    /// How it ended: said once all that it wrote has passed.
    ended: Option<Ended>,
}

/// How a command ended.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Ended {
    Status(u32),
    Signal(String),
}

/// One of the streams of a reply.
#[derive(Debug)]
struct Stream {
    is_raw: bool,
    escapes: Escapes,
    screen: StreamScreen,
}

impl Stream {
    fn new(screen: &Arc<Screen>, place: Place, shows: Shows) -> Self {
        Self {
            is_raw: shows == Shows::Raw,
            escapes: Escapes::default(),
            screen: StreamScreen::new(screen, place),
        }
    }
}

impl Stream {
    /// The last letter stands: nothing goes back over it.
    fn settle(&mut self, masking: &Masking<'_>, shown: &mut Vec<u8>) -> Result<(), Unmaskable> {
        let mut visible = Vec::new();
        self.escapes.settle(&mut visible);
        self.screen.push(&visible, masking, shown).map_err(|NoText| no_text())
    }
}

impl Look {
    pub(crate) fn new(screen: &Arc<Screen>, plan: &Plan) -> Self {
        let place = |name| Place::of(Arc::new(plan.place.clone()), name);
        let shows = plan.shows;
        Self {
            shows,
            may_be_cut: plan.may_be_cut,
            snapshot: plan.snapshot.clone(),
            output: Stream::new(screen, place("output"), shows),
            errors: Stream::new(screen, place("errors"), shows),
            ended: None,
        }
    }

    fn stream(&mut self, stream: u8) -> &mut Stream {
        if stream == ERRORS { &mut self.errors } else { &mut self.output }
    }
}

/// Some of what a target has said over a channel.
pub(crate) struct Part<'a> {
    pub(crate) look: &'a mut Look,
    pub(crate) what: Heard,
}

/// What that is.
pub(crate) enum Heard {
    Event(Event),
    /// Nothing for a while.
    Pause,
    /// It has closed what it writes, and goes on.
    Over,
}

impl Reply for Part<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let Part { look, what } = self;
        let snapshot = look.snapshot.clone();
        let reveals = |object: &Object, category: &Category| snapshot.reveals(object, category);
        let masking = Masking { masker, reveals: &reveals };
        let mut out = Vec::new();
        let (mut usage, mut end) = (Usage::default(), None);
        match what {
            Heard::Pause => {
                for stream in [OUTPUT, ERRORS] {
                    usage += look.pause(stream, &masking, &mut out)?;
                }
            }
            Heard::Event(Event::Data { is_error, bytes }) => {
                let stream = if is_error { ERRORS } else { OUTPUT };
                usage += look.data(stream, &bytes, &masking, &mut out)?;
            }
            // How it ends tells whether what does not end its line was cut.
            Heard::Event(Event::End) => {
                for stream in [OUTPUT, ERRORS] {
                    usage += look.pause(stream, &masking, &mut out)?;
                }
            }
            Heard::Over => {
                for stream in [OUTPUT, ERRORS] {
                    usage += look.finish(stream, &masking, &mut out)?;
                }
                put_stream(END, b"", &mut out);
            }
            Heard::Event(Event::Status(status)) => look.ended = Some(Ended::Status(status)),
            Heard::Event(Event::Signal(name)) => look.ended = Some(Ended::Signal(name)),
            Heard::Event(Event::Closed) => {
                for stream in [OUTPUT, ERRORS] {
                    usage += look.finish(stream, &masking, &mut out)?;
                }
                end = Some(put_end(look.ended.take(), &mut out));
            }
            Heard::Event(Event::Accepted | Event::Refused | Event::Window(_)) => {}
        }
        let mut detected = Vec::new();
        look.output.screen.drain(&mut detected);
        look.errors.screen.drain(&mut detected);
        Ok(Masked { bytes: out.into(), usage, detected, end, ..Masked::default() })
    }
}

impl Look {
    fn data(
        &mut self,
        name: u8,
        bytes: &[u8],
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Usage, Unmaskable> {
        let shows = self.shows;
        let stream = self.stream(name);
        let mut shown = Vec::new();
        if !stream.is_raw {
            let mut visible = Vec::with_capacity(bytes.len());
            stream.escapes.push(bytes, &mut visible);
            match stream.screen.push(&visible, masking, &mut shown) {
                Ok(()) => {}
                Err(NoText) if shows == Shows::Texts => return Err(no_text()),
                Err(NoText) => {
                    // What came before was text, and the rest of it is what follows it.
                    stream.is_raw = true;
                    shown.extend(stream.screen.take_open());
                    stream.escapes.settle(&mut shown);
                }
            }
        } else {
            shown.extend_from_slice(bytes);
        }
        Ok(put_shown(name, &shown, out))
    }

    fn pause(
        &mut self,
        name: u8,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Usage, Unmaskable> {
        let stream = self.stream(name);
        let mut shown = Vec::new();
        if !stream.is_raw {
            stream.settle(masking, &mut shown)?;
            stream.screen.pause(masking, &mut shown).map_err(|NoText| no_text())?;
        }
        Ok(put_shown(name, &shown, out))
    }

    fn finish(
        &mut self,
        name: u8,
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Usage, Unmaskable> {
        let shows = self.shows;
        let is_whole = self.ended == Some(Ended::Status(0)) && !self.may_be_cut;
        let stream = self.stream(name);
        let mut shown = Vec::new();
        if !stream.is_raw {
            let settled = stream.settle(masking, &mut shown);
            let mut finish = || match is_whole || shows != Shows::Texts {
                true => stream.screen.finish(masking, &mut shown),
                false => stream.screen.finish_cut(masking, &mut shown),
            };
            match settled.map_err(|_| NoText).and_then(|()| finish()) {
                Err(NoText) if shows == Shows::Texts => return Err(no_text()),
                Err(NoText) => shown.extend(stream.screen.take_open()),
                Ok(()) => {}
            }
        }
        Ok(put_shown(name, &shown, out))
    }
}

/// How a command ended, for the client and for the record.
fn put_end(ended: Option<Ended>, out: &mut Vec<u8>) -> End {
    match ended {
        Some(Ended::Status(status)) => {
            put_stream(STATUS, status.to_string().as_bytes(), out);
            match status {
                0 => End::Completed,
                status => End::Failed { code: status.to_string() },
            }
        }
        Some(Ended::Signal(name)) => {
            put_stream(SIGNAL, name.as_bytes(), out);
            End::Failed { code: name }
        }
        // It went away without a word.
        None => End::Failed { code: "closed".to_owned() },
    }
}

fn put_shown(stream: u8, shown: &[u8], out: &mut Vec<u8>) -> Usage {
    if shown.is_empty() {
        return Usage::default();
    }
    put_stream(stream, shown, out);
    let lines = shown.iter().filter(|byte| **byte == b'\n').count() as u64;
    Usage::of(Unit::Rows, lines).with(Unit::Messages, 1)
}

/// The letters of a text, where it holds anything else.
pub(crate) fn letters(text: &str) -> Option<String> {
    if !text.bytes().any(|byte| byte == 0x7f || byte < b' ' && !b"\n\r\t\x0c".contains(&byte))
        && !text.contains(|letter: char| ('\u{80}'..'\u{a0}').contains(&letter))
    {
        return None;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut escapes = Escapes::default();
    escapes.push(text.as_bytes(), &mut out);
    escapes.settle(&mut out);
    Some(String::from_utf8_lossy(&out).into_owned())
}

fn no_text() -> Unmaskable {
    Unmaskable("it is not text, so nobody can look through it".to_owned())
}
