//! Checkpoints as C2SP signed notes: <https://c2sp.org/signed-note>,
//! <https://c2sp.org/tlog-checkpoint>.
//!
//! ```text
//! portreeve/3c5b…            the log's name (origin)
//! 1732                       how many leaves the tree has
//! 9X0p…=                     the root, base64
//!
//! — portreeve/3c5b… kq4n…=   key id and Ed25519 signature over the lines above
//! — witness.example X0fk…=   a witness's cosignature, see `cosign.rs`
//! ```

use crate::tlog::merkle::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// The longest signed note that is read: sixteen of the longest signatures, and room.
pub const NOTE_BYTES_MAX: usize = 128 * 1024;
/// The most signature lines of a note that is read.
const SIGNATURES_MAX: usize = 64;
/// How a signature line begins.
pub(crate) const DASH: &str = "— ";

/// What a signed checkpoint says of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// What a note says, its signatures unread. Good for a note whose root was just
    /// computed, and to see whose note it is; for any other use [`crate::VerifierKey::open`].
    #[must_use]
    pub fn unverified(note: &str) -> Option<Self> {
        let (body, _) = note.rsplit_once("\n\n")?;
        Self::parse(&note[..body.len() + 1])
    }

    /// Reads the text that is signed; extension lines are skipped.
    pub(crate) fn parse(body: &str) -> Option<Self> {
        let mut lines = body.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty())?.to_owned();
        let size = decimal(lines.next()?)?;
        let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
        lines.all(|line| !line.is_empty()).then_some(Self { origin, size, root })
    }
}

/// A number as these formats write it: ASCII digits, no zero in front.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// A note, taken apart; nothing in it is believed yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Note<'a> {
    /// The text that is signed, its last line end included.
    pub(crate) body: &'a str,
    /// The signature lines, the last line end excluded.
    lines: &'a str,
}

/// One signature line.
#[derive(Debug)]
pub(crate) struct SignatureLine<'a> {
    /// All of it, without the line end.
    pub(crate) text: &'a str,
    pub(crate) name: &'a str,
    pub(crate) id: [u8; 4],
    pub(crate) signature: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Takes a note apart; `None` unless all of it is well formed.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > NOTE_BYTES_MAX || text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return None;
        }
        let (body, lines) = text.rsplit_once("\n\n")?;
        let note = Self { body: &text[..body.len() + 1], lines: lines.strip_suffix('\n')? };
        let mut count = 0;
        let whole = note.signatures().all(|line| {
            count += 1;
            line.is_some()
        });
        (whole && count <= SIGNATURES_MAX).then_some(note)
    }

    /// The signature lines in order; `None` for one that is not well formed.
    fn signatures(self) -> impl Iterator<Item = Option<SignatureLine<'a>>> {
        self.lines.split('\n').map(SignatureLine::parse)
    }

    /// The signature lines in order.
    pub(crate) fn lines(self) -> impl Iterator<Item = SignatureLine<'a>> {
        self.signatures().flatten()
    }
}

impl<'a> SignatureLine<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (name, signature) = text.strip_prefix(DASH)?.split_once(' ')?;
        if !name_is_valid(name) {
            return None;
        }
        let mut id = BASE64.decode(signature).ok()?;
        if id.len() < 4 {
            return None;
        }
        let signature = id.split_off(4);
        Some(Self { text, name, id: id.try_into().ok()?, signature })
    }

    /// Writes a line, its line end included.
    pub(crate) fn write(name: &str, id: [u8; 4], signature: &[u8]) -> String {
        format!("{DASH}{name} {}\n", BASE64.encode([&id[..], signature].concat()))
    }
}

/// Whether a key may have this name.
pub(crate) fn name_is_valid(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_well_formed_or_none() {
        let check = |text: &str, expect: bool| {
            assert_eq!(Note::parse(text).is_some(), expect, "{text:?}");
        };
        check("a\n\n— k AAAAAA==\n", true);
        check("a\n\nb\n\n— k AAAAAA==\n— k/2 AAAAAAAA\n", true);
        check("a\n\n— k AAAAAA==", false);
        check("a\n\n- k AAAAAA==\n", false);
        check("a\n\n— k AAAA\n", false);
        check("a\n\n— k  AAAAAA==\n", false);
        check("a\n\n— k+ AAAAAA==\n", false);
        check("a\n\n—  AAAAAA==\n", false);
        check("a\n\n", false);
        check("a\t\n\n— k AAAAAA==\n", false);
        check("a\r\n\r\n— k AAAAAA==\r\n", false);
        let line = "— k AAAAAA==\n";
        check(&format!("a\n\n{}", line.repeat(SIGNATURES_MAX)), true);
        check(&format!("a\n\n{}", line.repeat(SIGNATURES_MAX + 1)), false);
    }

    #[test]
    fn checkpoints_are_three_lines_or_more() {
        let root = BASE64.encode([3; 32]);
        let check = |body: String, expect: Option<u64>| {
            assert_eq!(Checkpoint::parse(&body).map(|c| c.size), expect, "{body:?}");
        };
        check(format!("o\n12\n{root}\n"), Some(12));
        check(format!("o\n0\n{root}\nextension\n"), Some(0));
        check(format!("o\n012\n{root}\n"), None);
        check(format!("o\n+1\n{root}\n"), None);
        check(format!("o\n18446744073709551616\n{root}\n"), None);
        check(format!("\n12\n{root}\n"), None);
        check(format!("o\n12\n{root}\n\nx\n"), None);
        check("o\n12\nAAAA\n".to_owned(), None);
        check(format!("o\n12\n{root}"), None);
    }
}
