//! The canary suite: whatever a target says, and however the network cuts it, a marked
//! value does not reach the client.

/// What stands for a personal value in a canary stream.
pub const CANARY: &str = "canary-7f3a@leak.example";

/// Gives `stream` to `client_sees` in two pieces, cut at every byte, and once byte by byte,
/// and requires that the canary is never in what the client sees.
///
/// `client_sees` returns what reached the client, or an error where the session ended
/// (which is a way of not leaking).
pub fn check(
    name: &str,
    stream: &[u8],
    mut client_sees: impl FnMut(&[&[u8]]) -> Result<Vec<u8>, String>,
) {
    assert!(contains(stream, CANARY.as_bytes()), "{name}: the stream holds no canary");
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        verify(name, cut, &client_sees(&[head, tail]));
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    verify(name, usize::MAX, &client_sees(&bytes));
}

fn verify(name: &str, cut: usize, seen: &Result<Vec<u8>, String>) {
    if let Ok(seen) = seen {
        assert!(
            !contains(seen, CANARY.as_bytes()),
            "{name}, cut at {cut}: the client sees {}",
            String::from_utf8_lossy(seen).escape_debug()
        );
    }
}

/// Whether `needle` is somewhere in `bytes`.
#[must_use]
pub fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
