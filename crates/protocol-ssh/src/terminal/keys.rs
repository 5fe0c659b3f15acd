//! What a client types. It goes to the target as it is; what is kept of it is which keys were
//! pressed, but no letters: those that the target shows are in what it shows, and those that it
//! does not show may be a password.

/// What stands for letters, however many.
const LETTERS: &str = "\u{2022}";
/// A sequence of a key is not longer.
const SEQUENCE_BYTES_MAX: usize = 32;

/// Some of what a client has typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Keys {
    letters: String,
    enters: usize,
    /// Whether the line is given up: interrupted, ended, suspended.
    is_given_up: bool,
    kept: String,
}

impl Keys {
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let mut keys =
            Self { letters: String::new(), enters: 0, is_given_up: false, kept: String::new() };
        let mut rest: &str = &text;
        while let Some(letter) = rest.chars().next() {
            let length = sequence(rest).unwrap_or(letter.len_utf8());
            let (key, behind) = rest.split_at(length);
            rest = behind;
            if letter.is_control() {
                keys.enters += usize::from(matches!(letter, '\r' | '\n'));
                keys.is_given_up |= matches!(letter, '\x03' | '\x04' | '\x1a' | '\x1c');
                keys.kept.push_str(key);
            } else {
                keys.letters.push(letter);
                if !keys.kept.ends_with(LETTERS) {
                    keys.kept.push_str(LETTERS);
                }
            }
        }
        keys
    }

    /// The letters, for as long as it takes to see whether they are shown.
    pub(super) fn letters(&self) -> impl Iterator<Item = char> {
        self.letters.chars()
    }

    /// How often Enter was pressed.
    pub(super) fn enters(&self) -> usize {
        self.enters
    }

    pub(super) fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// What is kept.
    pub(crate) fn kept(&self) -> &str {
        &self.kept
    }
}

/// The length of what a key sends that is no letter, where a text begins with that: arrows,
/// functions, a mouse's movements.
fn sequence(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    match bytes {
        [0x1b, b'O', key, ..] if key.is_ascii_alphabetic() => Some(3),
        [0x1b, b'[', rest @ ..] => {
            let rest = rest.get(..rest.len().min(SEQUENCE_BYTES_MAX)).unwrap_or_default();
            let end = rest.iter().position(|byte| !(0x20..=0x3f).contains(byte))?;
            let is_end = rest.get(end).is_some_and(|byte| (0x40..=0x7e).contains(byte));
            is_end.then_some(end + 3)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_kept_and_letters_are_not() {
        let check = |typed: &str, kept: &str, enters: usize| {
            let keys = Keys::read(typed.as_bytes());
            assert_eq!((keys.kept(), keys.enters()), (kept, enters), "{typed:?}");
        };
        check("ls -l\r", "\u{2022}\r", 1);
        check("hunter2\r\x03", "\u{2022}\r\x03", 1);
        check("\x1b[A\x1bOB\x1b[1;5C\x1b[<0;10;20M", "\x1b[A\x1bOB\x1b[1;5C\x1b[<0;10;20M", 0);
        check("a\x1b[200~secret\x1b[201~", "\u{2022}\x1b[200~\u{2022}\x1b[201~", 0);
        check("\x1bsecret", "\x1b\u{2022}", 0);
        check("\x1b[secret", "\x1b[s\u{2022}", 0);
        check("p\u{e4}ss\u{fffd}", "\u{2022}", 0);
    }
}
