//! The canary suite: whatever a target says, and however the network cuts it, a marked value
//! does not reach the client, and what is nobody's does.

/// What stands for a personal value in a canary stream.
pub const CANARY: &str = "canary-7f3a@leak.example";

/// What stands for the rest: where it is in a stream that passes, the client gets it.
pub const HONEST: &str = "harmless";

/// What becomes of a stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ends {
    /// It passes, masked.
    Masked,
    /// It cannot be masked: the reply is refused, or the session ends.
    Withheld,
}

/// What a target says, and what must become of it: a suite whose streams are all withheld would
/// show nothing.
#[derive(Clone, Copy, Debug)]
pub struct Case<'c> {
    /// What it shows.
    pub name: &'c str,
    /// All that the target says.
    pub stream: &'c [u8],
    /// The canary, as the stream writes it.
    pub spelled: &'c str,
    /// What must become of it.
    pub ends: Ends,
}

impl<'c> Case<'c> {
    /// A stream that has the canary as it is.
    #[must_use]
    pub const fn plain(name: &'c str, stream: &'c [u8], ends: Ends) -> Self {
        Self { name, stream, spelled: CANARY, ends }
    }

    fn verify(&self, cut: usize, seen: &[u8], ended: &Result<(), String>) {
        let name = format!("{}, cut at {cut}", self.name);
        let shown = || String::from_utf8_lossy(seen).escape_debug().to_string();
        for spelled in [CANARY, self.spelled] {
            assert!(!contains(seen, spelled.as_bytes()), "{name}: the client sees {}", shown());
        }
        match (self.ends, ended) {
            (Ends::Withheld, Err(_)) => {}
            (Ends::Withheld, Ok(())) => panic!("{name}: it passes as {}", shown()),
            (Ends::Masked, Err(why)) => panic!("{name}: it is withheld: {why}"),
            (Ends::Masked, Ok(())) => {
                let is_kept = contains(seen, HONEST.as_bytes());
                let has_honest = contains(self.stream, HONEST.as_bytes());
                assert!(is_kept || !has_honest, "{name}: the rest is gone: {}", shown());
            }
        }
    }
}

/// Gives a stream to `client_sees` in two pieces, cut at every byte, and once byte by byte, and
/// requires that the client never sees the canary, and that the stream ends as it must.
///
/// `client_sees` appends what reaches the client, up to the error where there is one.
pub fn check(
    case: Case<'_>,
    mut client_sees: impl FnMut(&[&[u8]], &mut Vec<u8>) -> Result<(), String>,
) {
    let Case { name, stream, spelled, .. } = case;
    assert!(contains(stream, spelled.as_bytes()), "{name}: the stream holds no canary");
    let mut give = |cut: usize, pieces: &[&[u8]]| {
        let mut seen = Vec::new();
        let ended = client_sees(pieces, &mut seen);
        case.verify(cut, &seen, &ended);
    };
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        give(cut, &[head, tail]);
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    give(usize::MAX, &bytes);
}

/// Whether `needle` is somewhere in `bytes`.
#[must_use]
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(seen: &'static str) -> impl FnMut(&[&[u8]], &mut Vec<u8>) -> Result<(), String> {
        move |_, out| {
            out.extend_from_slice(seen.as_bytes());
            Ok(())
        }
    }

    fn case(ends: Ends) -> Case<'static> {
        Case::plain("a case", b"harmless canary-7f3a@leak.example", ends)
    }

    #[test]
    fn what_ends_as_it_must_is_accepted() {
        check(case(Ends::Masked), passes("harmless [email]"));
        check(case(Ends::Withheld), |_, _| Err("no".to_owned()));
    }

    #[test]
    #[should_panic(expected = "it is withheld")]
    fn a_stream_that_is_always_withheld_shows_nothing() {
        check(case(Ends::Masked), |_, _| Err("no".to_owned()));
    }

    #[test]
    #[should_panic(expected = "it passes")]
    fn what_must_be_withheld_does_not_pass() {
        check(case(Ends::Withheld), passes("[email]"));
    }

    #[test]
    #[should_panic(expected = "the rest is gone")]
    fn what_is_nobodys_is_not_masked_away() {
        check(case(Ends::Masked), passes("[email]"));
    }

    #[test]
    #[should_panic(expected = "the client sees")]
    fn what_was_seen_before_the_end_is_a_leak() {
        check(case(Ends::Withheld), |_, out| {
            out.extend_from_slice(CANARY.as_bytes());
            Err("too late".to_owned())
        });
    }
}
