//! Bytes without a credential: `*` stands in its place, so that no length changes, in however many
//! pieces the bytes come.
//!
//! ```text
//! came   … a b c S E C R E T d e f S E
//! shown  … a b c * * * * * * d e f│S E    what may still become the credential waits
//! ```

use super::escapes::unescaped;
use super::spellings::{broken, spellings};
use super::{SECRET_BYTES_MIN, SHOWN};
use bytes::Bytes;
use memchr::memmem::Finder;
use portreeve_model::Secret;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What stands before a signature: that of an earlier request opens, too, for a while.
const BEFORE_SIGNATURE: [&str; 4] =
    ["Signature=", "Signature%3D", "Signature%3d", "Signature\\u003d"];
/// SHA-256 in hexadecimal.
const SIGNATURE_BYTES: usize = 64;

/// Shorter ones stand in many texts once what is between their characters is left out.
const BROKEN_BYTES_MIN: usize = 12;

/// What is looked for: texts that open something, in every spelling.
pub struct Hidden {
    needles: Vec<Finder<'static>>,
    /// Of texts that are in several pieces, those without what stands between two.
    broken: Vec<Finder<'static>>,
    before_signature: Vec<Finder<'static>>,
    /// The longest beginning of what is looked for that is no whole.
    kept_max: usize,
}

/// Whether requests are signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Signed {
    Yes,
    No,
}

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hidden").field("needles", &self.needles.len()).finish_non_exhaustive()
    }
}

impl Hidden {
    /// Looks for one text; for nothing where it is so short that it stands anywhere.
    #[must_use]
    pub fn of(secret: &Secret<String>) -> Self {
        Self::long_enough(std::slice::from_ref(secret), Signed::No)
    }

    /// Looks for those of these texts that do not stand anywhere.
    pub(crate) fn long_enough(secrets: &[Secret<String>], signed: Signed) -> Self {
        let long = secrets.iter().filter(|secret| secret.reveal().len() >= SECRET_BYTES_MIN);
        Self::new(&long.cloned().collect::<Vec<_>>(), signed)
    }

    /// A text with a word in the place of what is looked for, if it holds any of that, escaped in
    /// whatever way.
    #[must_use]
    pub fn without(&self, text: &str) -> Option<String> {
        if !self.is_something() || text.len() < SECRET_BYTES_MIN {
            return None;
        }
        let found_in = |bytes: &[u8]| [self.found(bytes), self.found_broken(bytes)].concat();
        let mut found = found_in(text.as_bytes());
        for plain in unescaped(text) {
            let places = found_in(plain.bytes()).into_iter();
            found.extend(places.map(|place| plain.source_of(place)));
        }
        found.sort_by_key(|place| place.start);
        let (mut shown, mut done) = (Vec::with_capacity(text.len()), 0);
        for place in &found {
            if place.start >= done {
                shown.extend_from_slice(text.as_bytes().get(done..place.start).unwrap_or_default());
                shown.extend_from_slice(SHOWN.as_bytes());
            }
            done = done.max(place.end);
        }
        shown.extend_from_slice(text.as_bytes().get(done..).unwrap_or_default());
        (!found.is_empty()).then(|| String::from_utf8_lossy(&shown).into_owned())
    }

    /// Looks for these texts, in every spelling, and for signatures where requests have them.
    pub(crate) fn new(secrets: &[Secret<String>], signed: Signed) -> Self {
        let needles: BTreeSet<Vec<u8>> = secrets.iter().flat_map(spellings).collect();
        let broken: BTreeSet<Vec<u8>> =
            secrets.iter().flat_map(broken).map(|spelling| joined(&spelling).0).collect();
        let broken = broken.iter().filter(|needle| needle.len() >= BROKEN_BYTES_MIN);
        let before: &[&str] = match signed {
            Signed::Yes => &BEFORE_SIGNATURE,
            Signed::No => &[],
        };
        let lengths = needles.iter().map(Vec::len);
        let lengths = lengths.chain(before.iter().map(|text| text.len() + SIGNATURE_BYTES));
        let kept_max = lengths.map(|length| length - 1).max().unwrap_or(0);
        let finder = |text: &[u8]| Finder::new(text).into_owned();
        Self {
            needles: needles.iter().map(|needle| finder(needle)).collect(),
            broken: broken.map(|needle| finder(needle)).collect(),
            before_signature: before.iter().map(|text| finder(text.as_bytes())).collect(),
            kept_max,
        }
    }

    /// Whether there is something to look for.
    pub(crate) const fn is_something(&self) -> bool {
        !self.needles.is_empty() || !self.before_signature.is_empty()
    }

    /// Where what is looked for stands.
    fn found(&self, came: &[u8]) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for needle in self.needles.iter().filter(|it| it.needle().len() <= came.len()) {
            let length = needle.needle().len();
            // One may begin within another.
            found.extend(all(needle, came).map(|at| at..at + length));
        }
        for before in &self.before_signature {
            for at in all(before, came) {
                let start = at + before.needle().len();
                let end = start + SIGNATURE_BYTES;
                if came.get(start..end).is_some_and(|text| text.iter().all(u8::is_ascii_hexdigit)) {
                    found.push(start..end);
                }
            }
        }
        found
    }

    /// Where it stands with something between its characters: base64 on several lines, bytes in
    /// hexadecimal beside each other.
    fn found_broken(&self, came: &[u8]) -> Vec<Range<usize>> {
        let (joined, places) = joined(came);
        if joined.len() == came.len() {
            return Vec::new();
        }
        let mut found = Vec::new();
        for needle in &self.broken {
            for at in all(needle, &joined) {
                let last = at + needle.needle().len() - 1;
                let place = places.get(at).zip(places.get(last));
                found.extend(place.map(|(first, last)| *first..last + 1));
            }
        }
        found
    }

    /// Puts `*` into `shown` wherever what is looked for stands in `came`.
    fn strike(&self, came: &[u8], shown: &mut [u8]) {
        for place in self.found(came) {
            if let Some(place) = shown.get_mut(place) {
                place.fill(b'*');
            }
        }
    }

    /// A text without them; none where there was none in it.
    pub(crate) fn hide(&self, text: &[u8]) -> Option<Vec<u8>> {
        let found = self.found(text);
        if found.is_empty() {
            return None;
        }
        let mut shown = text.to_vec();
        for place in found {
            shown.get_mut(place).into_iter().for_each(|place| place.fill(b'*'));
        }
        Some(shown)
    }

    /// How many bytes at the end may be the beginning of one.
    fn open_bytes(&self, came: &[u8]) -> usize {
        let first = came.len().saturating_sub(self.kept_max);
        let begins = |at: &usize| {
            let end = came.get(*at..).unwrap_or_default();
            self.needles.iter().chain(&self.before_signature).any(|it| begins_with(it, end))
                || self.before_signature.iter().any(|before| begins_signature(before, end))
        };
        (first..came.len()).find(begins).map_or(0, |at| came.len() - at)
    }
}

/// Bytes without what services put between pieces of a text: blanks, ends of lines, also as
/// programs write them, colons, quotes. With where each of the others stood.
fn joined(bytes: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let (mut joined, mut places) = (Vec::with_capacity(bytes.len()), Vec::new());
    let mut is_escape = false;
    for (at, byte) in bytes.iter().enumerate() {
        let ends_line = is_escape && matches!(byte, b'n' | b'r' | b't');
        is_escape = *byte == b'\\' && !is_escape;
        let is_between = byte.is_ascii_whitespace() || b":,;'\"`\\".contains(byte);
        if !is_between && !ends_line {
            joined.push(*byte);
            places.push(at);
        }
    }
    (joined, places)
}

/// Whether a needle begins so, and goes on.
fn begins_with(needle: &Finder<'_>, end: &[u8]) -> bool {
    needle.needle().len() > end.len() && needle.needle().starts_with(end)
}

/// Whether a signature may go on.
fn begins_signature(before: &Finder<'_>, end: &[u8]) -> bool {
    end.strip_prefix(before.needle()).is_some_and(|digits| {
        digits.len() < SIGNATURE_BYTES && digits.iter().all(u8::is_ascii_hexdigit)
    })
}

/// Every place where something begins.
fn all(needle: &Finder<'_>, text: &[u8]) -> impl Iterator<Item = usize> {
    let mut start = 0;
    std::iter::from_fn(move || {
        let at = start + needle.find(text.get(start..)?)?;
        start = at + 1;
        Some(at)
    })
}

/// A body that streams by, without what is looked for.
#[derive(Debug)]
pub struct Strike {
    hidden: Arc<Hidden>,
    passing: Passing,
}

impl Strike {
    pub(crate) fn new(hidden: Arc<Hidden>) -> Self {
        Self { hidden, passing: Passing::default() }
    }

    /// What may go on once these have come.
    #[must_use]
    pub fn push(&mut self, data: Bytes) -> Bytes {
        self.passing.push(&self.hidden, data)
    }

    /// What is left at the end.
    #[must_use]
    pub fn finish(&mut self) -> Bytes {
        self.passing.finish()
    }
}

/// A body that streams by.
#[derive(Debug, Default)]
pub(crate) struct Passing {
    /// INVARIANT: as long as `shown`; the one as it came, the other without what is hidden.
    came: Vec<u8>,
    shown: Vec<u8>,
}

impl Passing {
    /// What may go on once these have come.
    pub(crate) fn push(&mut self, hidden: &Hidden, data: Bytes) -> Bytes {
        if !hidden.is_something() {
            return data;
        }
        if self.came.is_empty() && hidden.open_bytes(&data) == 0 {
            return hidden.hide(&data).map_or(data, Bytes::from);
        }
        self.came.extend_from_slice(&data);
        self.shown.extend_from_slice(&data);
        hidden.strike(&self.came, &mut self.shown);
        let ready = self.came.len() - hidden.open_bytes(&self.came);
        self.came.drain(..ready);
        self.shown.drain(..ready).collect::<Vec<u8>>().into()
    }

    /// What is left at the end.
    pub(crate) fn finish(&mut self) -> Bytes {
        self.came.clear();
        std::mem::take(&mut self.shown).into()
    }

    /// How many bytes wait.
    pub(crate) const fn waiting(&self) -> usize {
        self.shown.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    fn hidden(secrets: &[&str]) -> Hidden {
        let secrets: Vec<_> = secrets.iter().map(|it| Secret::new((*it).to_owned())).collect();
        Hidden::new(&secrets, Signed::No)
    }

    fn in_pieces(hidden: &Hidden, text: &str, step: usize) -> String {
        let mut passing = Passing::default();
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(step) {
            out.extend(passing.push(hidden, Bytes::copy_from_slice(piece)));
        }
        out.extend(passing.finish());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_credential_is_hidden_in_however_many_pieces() {
        let check = |secrets: &[&str], text: &str, expect: &str| {
            let hidden = hidden(secrets);
            for step in 1..=text.len() {
                assert_eq!(in_pieces(&hidden, text, step), expect, "{step}");
            }
        };
        check(&["s3cret"], "as s3cret, s3crets3cret s3cre", "as ******, ************ s3cre");
        check(&["abab"], "xababab abaab", "x****** abaab");
        check(&["aaab"], "aaaaab", "aa****");
        // One within another, and one over the end of another.
        check(&["xyz", "1xyz2"], "1xyz 1xyz2", "1*** *****");
        check(&["abcd", "cdef"], "abcdef", "******");
        check(&["a/b+c"], r#"{"x":"a\/b+c","y":"a%2Fb%2Bc"}"#, r#"{"x":"******","y":"*********"}"#);
        check(&["pass"], "cGFzcw== 70617373", "******** ********");
        check(&[], "anything", "anything");
    }

    #[test]
    fn a_text_shows_none_of_it_however_it_is_escaped() {
        let hidden = hidden(&["the-servers-token"]);
        for text in [
            "the-servers-token",
            "the%2Dservers%2dtoken",
            "%74he-servers%2Dtoken",
            "the&#45;servers&#x2D;token",
            "the\\u002dservers\\x2dtoken",
            "the%252Dservers%252Dtoken",
            "dGhlLXNlcnZlcnMtdG9rZW4=",
            "7468652d736572766572732d746f6b656e",
            "the&#0045servers&#45token",
            "the=2Dservers=2Dtoken",
            "the&hyphen;servers\u{2010}token",
            "the\u{200b}-ser\u{a0}vers-token",
            "the-<b>servers</b>-token",
            "116 104 101 45 115 101 114 118 101 114 115 45 116 111 107 101 110",
            "0x74, 0x68, 0x65, 0x2d, 0x73, 0x65, 0x72, 0x76, 0x65, 0x72, 0x73, 0x2d, 0x74, 0x6f, \
             0x6b, 0x65, 0x6e",
        ] {
            let shown = hidden.without(&format!("a {text}, ü")).unwrap_or_default();
            let is_struck =
                shown.starts_with("a ") && shown.ends_with("ü") && shown.contains(SHOWN);
            assert!(is_struck && shown.len() < 30, "{text}: {shown}");
        }
        assert_eq!(hidden.without("the servers token, 100%, a&b \\u00"), None);
        assert_eq!(Hidden::of(&Secret::new("abc".to_owned())).without("abc"), None);
    }

    #[test]
    fn a_text_shows_none_of_it_in_several_pieces() {
        let hidden = hidden(&["the-servers-token"]);
        let long = "GET / HTTP/1.1 Authorization: Bearer the-servers-token and so on";
        let lines = |text: &str, width: usize| {
            let lines: Vec<&str> =
                text.as_bytes().chunks(width).map(|it| std::str::from_utf8(it).unwrap()).collect();
            lines.join("\r\n")
        };
        let base64 = STANDARD.encode(long);
        for width in 1..76 {
            let shown = hidden.without(&lines(&base64, width)).unwrap_or_default();
            assert!(shown.contains(SHOWN), "{width}: {shown}");
        }
        let hex: Vec<String> = long.bytes().map(|byte| format!("{byte:02x}")).collect();
        for text in [
            hex.join(" "),
            hex.join(":"),
            hex.join(":").to_uppercase(),
            lines(long, 46),
            base64.replace("Z", "Z\\n"),
            lines(long, 45).replace("\r\n", "\\r\\n"),
        ] {
            assert!(hidden.without(&text).unwrap_or_default().contains(SHOWN), "{text}");
        }
        assert_eq!(hidden.without("the: servers, token"), None);
    }

    #[test]
    fn signatures_are_hidden_whichever_they_are() {
        let hidden = Hidden::new(&[], Signed::Yes);
        let digits = "0123456789abcdef".repeat(4);
        let text = format!(
            "a Signature={digits}, Signature%3D{digits}0 Signature=12 Signature={}",
            &digits[1..]
        );
        let stars = "*".repeat(64);
        let expect = format!(
            "a Signature={stars}, Signature%3D{stars}0 Signature=12 Signature={}",
            &digits[1..]
        );
        for step in [1, 2, 7, 63, 64, 65, 300] {
            assert_eq!(in_pieces(&hidden, &text, step), expect, "{step}");
        }
    }

    #[test]
    fn what_cannot_become_a_credential_does_not_wait() {
        let hidden = hidden(&["the-token"]);
        let mut passing = Passing::default();
        for event in ["data: 1\n\n", "data: of the\n\n", ": keep-alive\n\n"] {
            assert_eq!(passing.push(&hidden, event.into()), event);
        }
        assert_eq!(passing.push(&hidden, "data: the".into()), "data: ");
        assert_eq!(passing.waiting(), 3);
        assert_eq!(passing.push(&hidden, "re".into()), "there");
        assert_eq!(passing.waiting(), 0);
    }
}
