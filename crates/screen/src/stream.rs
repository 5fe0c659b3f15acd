//! A text that comes in chunks: what is found in it, however it is cut, and how it looks
//! afterwards. What is held back is what may be a part of something that is still to come.

use crate::beside::look_beside;
use crate::place::Place;
use crate::rules::Screen;
use crate::text::{Masking, TextScreen};
use portreeve_detect::{Finding, Stream};
use portreeve_model::{Detected, Unclassified};
use std::sync::Arc;
use thiserror::Error;

/// It is no text: some bytes of it are not UTF-8, or stand for no letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("it is not text")]
pub struct NoText;

/// A text that comes in chunks.
///
/// ```
/// use portreeve_decide::mask::{MaskKey, Masker};
/// use portreeve_model::MaskMethod;
/// use portreeve_screen::{Masking, Place, Screen, StreamScreen};
///
/// let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
/// let masking = Masking { masker: &masker, reveals: &|_, _| false };
/// let mut stream = StreamScreen::new(&Screen::default().into(), Place::unnamed("output"));
/// let mut out = Vec::new();
/// stream.push(b"call eva@exam", &masking, &mut out).unwrap();
/// stream.push(b"ple.org\n", &masking, &mut out).unwrap();
/// stream.finish(&masking, &mut out).unwrap();
/// assert_eq!(out, b"call [email]\n");
/// ```
#[derive(Debug)]
pub struct StreamScreen {
    screen: Arc<Screen>,
    texts: TextScreen,
    stream: Stream,
    /// What came and has not passed yet.
    // INVARIANT: UTF-8 but for the last character, of which some bytes may be missing.
    open: Vec<u8>,
    /// How much of it the stream has seen.
    seen: usize,
    /// How much has passed before it.
    passed: usize,
    found: Vec<Finding>,
    /// Whether what passed last ended a line.
    ends_line: bool,
    is_masked_line: bool,
}

impl StreamScreen {
    /// A text that has not begun.
    #[must_use]
    pub fn new(screen: &Arc<Screen>, place: Place) -> Self {
        Self {
            screen: screen.clone(),
            texts: TextScreen::new(screen, place, &[]),
            stream: Stream::new(screen.detector()),
            open: Vec::new(),
            seen: 0,
            passed: 0,
            found: Vec::new(),
            ends_line: true,
            is_masked_line: false,
        }
    }

    /// Takes the next bytes, and appends what may be shown so far.
    ///
    /// # Errors
    /// It is no text. Nothing of it may be shown.
    pub fn push(
        &mut self,
        chunk: &[u8],
        masking: &Masking<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), NoText> {
        self.open.extend_from_slice(chunk);
        let fresh = self.open.get(self.seen..).unwrap_or_default();
        let whole = match std::str::from_utf8(fresh) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => return Err(NoText),
        };
        if fresh.contains(&0) {
            return Err(NoText);
        }
        match self.screen.mode() {
            Unclassified::Clear => {
                out.extend(self.open.drain(..whole));
                return Ok(());
            }
            Unclassified::Mask => {
                let fresh: Vec<u8> = self.open.drain(..whole).collect();
                self.mask_lines(&fresh, masking, out);
                return Ok(());
            }
            Unclassified::Detect => {}
        }
        self.stream.push(fresh.get(..whole).unwrap_or_default(), &mut self.found);
        self.seen += whole;
        let settled = self.stream.settled().saturating_sub(self.passed);
        self.pass(self.whole_lines(settled), masking, out);
        Ok(())
    }

    /// Nothing has come for a while: what ends a line may go on, since whoever writes lines waits
    /// behind their ends.
    ///
    /// # Errors
    /// It is no text.
    pub fn pause(&mut self, masking: &Masking<'_>, out: &mut Vec<u8>) -> Result<(), NoText> {
        let ends_line = self.seen == self.open.len() && self.open.ends_with(b"\n");
        let holds_key = self.open.windows(KEY_BEGINS.len()).any(|part| part == KEY_BEGINS);
        match ends_line && !holds_key {
            true => self.finish(masking, out),
            false => Ok(()),
        }
    }

    /// It ends here; another may begin.
    ///
    /// # Errors
    /// It is no text.
    pub fn finish(&mut self, masking: &Masking<'_>, out: &mut Vec<u8>) -> Result<(), NoText> {
        if self.seen < self.open.len() {
            return Err(NoText);
        }
        let stream = std::mem::replace(&mut self.stream, Stream::new(self.screen.detector()));
        stream.finish(&mut self.found);
        self.pass(self.open.len(), masking, out);
        self.passed = 0;
        Ok(())
    }

    /// It ends here, and not where whoever wrote it would have ended: a line that does not end may
    /// hold a part of a value, and is masked whole.
    ///
    /// # Errors
    /// It is no text.
    pub fn finish_cut(&mut self, masking: &Masking<'_>, out: &mut Vec<u8>) -> Result<(), NoText> {
        if self.screen.mode() != Unclassified::Detect || self.open.ends_with(b"\n") {
            return self.finish(masking, out);
        }
        let stream = std::mem::replace(&mut self.stream, Stream::new(self.screen.detector()));
        stream.finish(&mut self.found);
        let lines = self.open.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.pass(lines, masking, out);
        if !self.take_open().is_empty() {
            self.texts.mask_whole(masking, out);
        }
        Ok(())
    }

    /// What came and has not passed: whoever may show what is no text goes on with it.
    pub fn take_open(&mut self) -> Vec<u8> {
        (self.seen, self.passed) = (0, 0);
        self.stream = Stream::new(self.screen.detector());
        self.found.clear();
        std::mem::take(&mut self.open)
    }

    /// So much of what is settled as ends a line, and no value: what stands beside others is
    /// looked for in whole lines. Long lines are cut at a blank.
    fn whole_lines(&self, settled: usize) -> usize {
        let text = self.open.get(..settled).unwrap_or_default();
        let after = |at: usize| at + 1;
        let lines = text.iter().rposition(|byte| *byte == b'\n').map_or(0, after);
        let is_long = settled - lines > LINE_BYTES_MAX;
        let blank = || text.iter().rposition(u8::is_ascii_whitespace).map_or(settled, after);
        let end = if is_long { blank() } else { lines };
        let crosses =
            |found: &&Finding| found.start < self.passed + end && found.end > self.passed + end;
        let crossing = self.found.iter().find(crosses);
        crossing.map_or(end, |found| found.start.saturating_sub(self.passed))
    }

    /// Takes what was counted so far.
    pub fn drain(&mut self, into: &mut Vec<Detected>) {
        self.texts.drain(into);
    }

    /// Lets so many bytes of what is open pass.
    fn pass(&mut self, bytes: usize, masking: &Masking<'_>, out: &mut Vec<u8>) {
        if bytes == 0 {
            return;
        }
        let rest = self.open.split_off(bytes.min(self.open.len()));
        let settled = std::mem::replace(&mut self.open, rest);
        let (end, before) = (self.passed + settled.len(), self.passed);
        let count = self.found.iter().take_while(|finding| finding.start < end).count();
        let here = |finding: Finding| Finding {
            start: finding.start.saturating_sub(before),
            end: finding.end.min(end).saturating_sub(before),
            ..finding
        };
        let mut found: Vec<Finding> = self.found.drain(..count).map(here).collect();
        let text = String::from_utf8_lossy(&settled);
        look_beside(self.screen.detector(), &text, self.ends_line, &mut found);
        self.ends_line = settled.ends_with(b"\n");
        self.texts.replace(&text, found, masking, out);
        self.seen -= settled.len().min(self.seen);
        self.passed = end;
    }

    /// Where all is masked, a line is one value.
    fn mask_lines(&mut self, bytes: &[u8], masking: &Masking<'_>, out: &mut Vec<u8>) {
        for byte in bytes {
            if *byte == b'\n' {
                out.push(b'\n');
                self.is_masked_line = false;
            } else if !self.is_masked_line {
                self.is_masked_line = true;
                self.texts.mask_whole(masking, out);
            }
        }
    }
}

/// What does not end its line by then goes on.
const LINE_BYTES_MAX: usize = 4096;

/// Blocks of keys go over many lines.
const KEY_BEGINS: &[u8] = b"-----BEGIN";

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_decide::mask::{MaskKey, Masker};
    use portreeve_model::MaskMethod;

    const TEXT: &str =
        "id,name,email\n7,Yrsa,eva@example.org\nM\u{fc}ller 4111 1111 1111 1111\nx\n";

    fn shown(mode: Unclassified, chunks: &[&[u8]]) -> Result<String, NoText> {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let screen = Screen::new(mode, &[].into(), 0).into();
        let (mut stream, mut out) = (StreamScreen::new(&screen, Place::unnamed("o")), Vec::new());
        for chunk in chunks {
            stream.push(chunk, &masking, &mut out)?;
        }
        stream.finish(&masking, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn wherever_it_is_cut_it_looks_the_same() {
        let whole = shown(Unclassified::Detect, &[TEXT.as_bytes()]).unwrap();
        assert!(!whole.contains("eva@") && !whole.contains("4111"), "{whole}");
        assert!(whole.contains("id,name,email\n7,") && whole.ends_with("\nx\n"), "{whole}");
        for at in 0..TEXT.len() {
            let (one, two) = TEXT.as_bytes().split_at(at);
            assert_eq!(shown(Unclassified::Detect, &[one, two]).unwrap(), whole, "{at}");
        }
        let bytes: Vec<&[u8]> = TEXT.as_bytes().chunks(1).collect();
        assert_eq!(shown(Unclassified::Detect, &bytes).unwrap(), whole);
    }

    #[test]
    fn what_stands_beside_a_value_does_not_hide_it_however_it_is_cut() {
        let text = "1:4111111111111111\n2-DE89370400440532013000\n94111111111111111 x\n";
        for size in [1, 2, 7, text.len()] {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let shown = shown(Unclassified::Detect, &chunks).unwrap();
            assert_eq!(shown, "1:[card]\n2-[iban]\n[card] x\n", "{size}");
        }
    }

    #[test]
    fn long_texts_pass_as_they_come_and_whole() {
        let line = "the quick brown fox jumps over the lazy dog, and again over it\n";
        let text = line.repeat(2000);
        assert_eq!(shown(Unclassified::Detect, &[text.as_bytes()]).unwrap(), text);
        let parts: Vec<&[u8]> = text.as_bytes().chunks(777).collect();
        assert_eq!(shown(Unclassified::Detect, &parts).unwrap(), text);
    }

    #[test]
    fn what_is_no_text_is_said_to_be_none() {
        for bytes in [&b"\xff\xfe"[..], b"a\0b", b"a\xc3"] {
            assert_eq!(shown(Unclassified::Detect, &[bytes]), Err(NoText));
        }
        assert_eq!(shown(Unclassified::Detect, &[b"\xc3", b"\xbc\n"]).unwrap(), "\u{fc}\n");
    }

    #[test]
    fn modes_hold() {
        assert_eq!(shown(Unclassified::Clear, &[TEXT.as_bytes()]).unwrap(), TEXT);
        let masked = shown(Unclassified::Mask, &[b"a", b"b\n\nc"]).unwrap();
        assert_eq!(masked, "[unclassified]\n\n[unclassified]");
    }

    /// What was ended in the middle of a value shows none of it, however little had come.
    #[test]
    fn a_line_that_is_cut_is_masked_whole() {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let text = "a line\nid 4111 1111 1111 1111 J\u{fc}rgen\n";
        for at in 0..=text.len() {
            let (mut stream, mut out) =
                (StreamScreen::new(&Screen::default().into(), Place::unnamed("o")), Vec::new());
            stream.push(text.as_bytes().get(..at).unwrap(), &masking, &mut out).unwrap();
            stream.finish_cut(&masking, &mut out).unwrap();
            let out = String::from_utf8(out).unwrap();
            let expect = match at {
                0 => String::new(),
                1..=6 => "[unclassified]".to_owned(),
                7 => "a line\n".to_owned(),
                at if at < text.len() => "a line\n[unclassified]".to_owned(),
                _ => "a line\nid [card] [person-name]\n".to_owned(),
            };
            assert_eq!(out, expect, "{at}");
        }
    }

    #[test]
    fn a_line_passes_when_nothing_follows() {
        let masker = Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32]));
        let masking = Masking { masker: &masker, reveals: &|_, _| false };
        let screen = Arc::new(Screen::default());
        let (mut stream, mut out) = (StreamScreen::new(&screen, Place::unnamed("o")), Vec::new());
        stream.push(b"half a ", &masking, &mut out).unwrap();
        stream.pause(&masking, &mut out).unwrap();
        assert_eq!(out, b"");
        stream.push(b"line\n", &masking, &mut out).unwrap();
        stream.pause(&masking, &mut out).unwrap();
        assert_eq!(out, b"half a line\n");
        stream.push(b"eva@example.org\n", &masking, &mut out).unwrap();
        stream.finish(&masking, &mut out).unwrap();
        assert_eq!(out, b"half a line\n[email]\n");
    }
}
