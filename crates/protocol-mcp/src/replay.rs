//! A recording read back. It reads only what was recorded, so what it cannot read it shows as
//! it is; it never fails.

use crate::message::Message;
use serde_json::Value;

/// What a recorded message of a client asks for: `tools/call find_person`; none where it
/// answers, or is no message.
#[must_use]
pub fn asked(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (method, params) = match Message::read(text).ok()? {
        Message::Call(call) => (call.method, call.params),
        Message::Note(note) => (note.method, note.params),
        Message::Answer(_) => return None,
    };
    let named = ["name", "uri"].iter().find_map(|key| params.get(*key).and_then(Value::as_str));
    Some(match named {
        Some(name) => format!("{method} {name}"),
        None => method,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_named() {
        let call = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"find"}}"#;
        assert_eq!(asked(call).as_deref(), Some("tools/call find"));
        let ping = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        assert_eq!(asked(ping).as_deref(), Some("ping"));
        for other in [&b"listen"[..], b"", b"\xff", br#"{"jsonrpc":"2.0","id":1,"result":{}}"#] {
            assert_eq!(asked(other), None);
        }
    }
}
