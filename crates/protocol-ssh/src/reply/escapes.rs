//! Takes out of a text what a terminal does not show as letters: colours, titles, movements of the
//! cursor, characters that erase others. A value that they stand in is found all the same.

/// Where a text stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// In a control sequence (ECMA-48 section 5.4), up to its final byte.
    Control,
    /// In a string of the terminal's (a title, a link), up to its end.
    Words,
    /// Behind an ESC in one: `\` ends it.
    WordsEscape,
    /// Behind the first byte of a control of two bytes (`C2 9B` is a control sequence's beginning).
    Latin,
}

/// The filter of one text.
#[derive(Debug, Default)]
pub(super) struct Escapes {
    state: State,
    /// The last letter: what comes next may go back over it.
    last: Vec<u8>,
}

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;
const BACK: u8 = 0x08;

impl Escapes {
    /// Appends the letters of some bytes.
    pub(super) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        for byte in bytes {
            let mut letters = Vec::new();
            self.state = step(self.state, *byte, &mut letters);
            let is_letter = self.last.first().is_some_and(|last| *last > b' ');
            if *byte == BACK && self.state == State::Text && is_letter {
                self.last.clear();
            }
            for letter in letters {
                // The first byte of a letter.
                if !(0x80..0xc0).contains(&letter) {
                    out.append(&mut self.last);
                }
                self.last.push(letter);
            }
        }
        // What ends a line stays.
        if self.last.first().is_some_and(|last| *last <= b' ') {
            out.append(&mut self.last);
        }
    }

    /// Nothing goes back any more.
    pub(super) fn settle(&mut self, out: &mut Vec<u8>) {
        out.append(&mut self.last);
    }
}

fn step(state: State, byte: u8, out: &mut Vec<u8>) -> State {
    match (state, byte) {
        (State::Text, ESC) => State::Escape,
        (State::Text, 0xc2) => State::Latin,
        (State::Text, b'\n' | b'\r' | b'\t' | 0x0c | 0) => {
            out.push(byte);
            State::Text
        }
        (State::Text, 0x01..=0x1f | 0x7f) => State::Text,
        (State::Text, _) => {
            out.push(byte);
            State::Text
        }
        (State::Latin, 0x9b) => State::Control,
        (State::Latin, 0x90 | 0x98 | 0x9d..=0x9f) => State::Words,
        (State::Latin, 0x80..=0x9f) => State::Text,
        (State::Latin, _) => {
            out.push(0xc2);
            step(State::Text, byte, out)
        }
        (State::Escape, b'[') => State::Control,
        (State::Escape, b']' | b'P' | b'X' | b'^' | b'_') => State::Words,
        // SPEC: ECMA-48 section 5.3, ECMA-35: intermediate bytes, then a final one.
        (State::Escape, 0x20..=0x2f) => State::Escape,
        (State::Escape, ESC) => State::Escape,
        (State::Escape, 0x30..=0x7e) => State::Text,
        (State::Escape, _) => step(State::Text, byte, out),
        (State::Control, 0x20..=0x3f) => State::Control,
        (State::Control, 0x40..=0x7e) => State::Text,
        (State::Control, ESC) => State::Escape,
        // What is no control sequence after all is text again.
        (State::Control, _) => step(State::Text, byte, out),
        (State::Words, BEL) => State::Text,
        (State::Words, ESC) => State::WordsEscape,
        // A string that does not end on its line would swallow what follows.
        (State::Words, b'\n') => step(State::Text, byte, out),
        (State::Words, _) => State::Words,
        (State::WordsEscape, b'\\') => State::Text,
        (State::WordsEscape, _) => step(State::Escape, byte, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_stay_and_everything_else_goes() {
        let check = |text: &str, expect: &str| {
            let (mut whole, mut cut) = (Vec::new(), Vec::new());
            let mut escapes = Escapes::default();
            escapes.push(text.as_bytes(), &mut whole);
            escapes.settle(&mut whole);
            let mut escapes = Escapes::default();
            text.as_bytes().chunks(1).for_each(|byte| escapes.push(byte, &mut cut));
            escapes.settle(&mut cut);
            assert_eq!(String::from_utf8(whole).unwrap(), expect, "{text:?}");
            assert_eq!(String::from_utf8(cut).unwrap(), expect, "{text:?}");
        };
        check("plain\ttext\r\n", "plain\ttext\r\n");
        check("eva@\x1b[01;31mexample\x1b[m\x1b[K.org", "eva@example.org");
        check("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b\x1b]8;;\x1b\\c", "abc");
        check("a\x08b\x07c\x7fd", "bcd");
        check("y\x08yr\x08rs\x08sa\x08a", "yrsa");
        check("\u{e9}\x08\u{e8}\n\x08x", "\u{e8}\nx");
        check("\x1b(Ba\x1b=b\x1b7c", "abc");
        check("a\u{9b}31mb", "ab");
        check("\u{e9}\u{a9}\u{20ac}", "\u{e9}\u{a9}\u{20ac}");
        check("\x1b]0;open\nnext", "\nnext");
        check("\x1b[\u{e9}", "\u{e9}");
    }
}
