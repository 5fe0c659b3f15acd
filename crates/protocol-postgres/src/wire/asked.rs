//! What the gateway itself asks a server.

use super::{put, put_text};
use bytes::Bytes;

/// A simple query.
pub(crate) fn query(text: &str) -> Bytes {
    let mut wire = Vec::new();
    put(&mut wire, b'Q', |out| put_text(out, text));
    wire.into()
}

/// A name of statements and portals that no client has by accident.
const OWN_NAME: &str = "portreeve\u{1}";

/// Asks something in the client's session, with no other effect: its unnamed statement and
/// portal stay.
pub(crate) fn own_question(text: &str) -> Bytes {
    own_questions([text])
}

/// The same for several statements, the rest of which is not run once one fails.
pub(crate) fn own_questions<'t>(texts: impl IntoIterator<Item = &'t str>) -> Bytes {
    let mut wire = Vec::new();
    // What has failed was not closed.
    put_close(&mut wire);
    for text in texts {
        put_statement(&mut wire, text);
    }
    put(&mut wire, b'S', |_| {});
    wire.into()
}

fn put_statement(wire: &mut Vec<u8>, text: &str) {
    put(wire, b'P', |out| {
        put_text(out, OWN_NAME);
        put_text(out, text);
        out.extend_from_slice(&[0; 2]);
    });
    put(wire, b'B', |out| {
        put_text(out, OWN_NAME);
        put_text(out, OWN_NAME);
        out.extend_from_slice(&[0; 6]);
    });
    put(wire, b'E', |out| {
        put_text(out, OWN_NAME);
        out.extend_from_slice(&[0; 4]);
    });
    put_close(wire);
}

fn put_close(wire: &mut Vec<u8>) {
    for kind in [b'P', b'S'] {
        put(wire, b'C', |out| {
            out.push(kind);
            put_text(out, OWN_NAME);
        });
    }
}

/// A second command, on a line of its own: a comment may end the first.
pub(super) const SECOND: &str = "\n;SELECT 1";

/// How far a server reads a text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reading {
    /// As far as its grammar goes.
    Grammar,
    /// What its names and types are, too.
    Names,
}

/// Has a server read a text of the client's, and nothing else: it answers that it can
/// (ParseComplete, CloseComplete), or says what is wrong with it.
///
/// SECURITY: reading the types of a text makes values of its constants, which runs checks of
/// domains. What nobody could read here is followed by a second command: a message may not have
/// two, which the server says behind its grammar and before all else.
pub(crate) fn put_trial(wire: &mut Vec<u8>, text: &str, types: &[u32], reading: Reading) {
    put(wire, b'P', |out| {
        put_text(out, OWN_NAME);
        match reading {
            Reading::Names => put_text(out, text),
            Reading::Grammar => put_text(out, &format!("{text}{SECOND}")),
        }
        let count = u16::try_from(types.len()).unwrap_or_default();
        out.extend_from_slice(&count.to_be_bytes());
        for code in types.iter().take(usize::from(count)) {
            out.extend_from_slice(&code.to_be_bytes());
        }
    });
    put(wire, b'C', |out| {
        out.push(b'S');
        put_text(out, OWN_NAME);
    });
}

/// A text as SQL writes it where backslashes mean nothing, which every login of the gateway
/// asks for.
#[must_use]
pub fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A name as SQL writes it, whatever is in it.
#[must_use]
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::next_of;

    /// Removed: once a question has failed in a session, all that follow fail as well.
    #[test]
    fn a_question_closes_what_a_failed_one_has_left() {
        let mut wire = own_questions(["SELECT 1", "SELECT 2"]);
        let sent = std::iter::from_fn(|| next_of(&mut wire));
        let tags: String = sent.map(|frame| char::from(frame.tag)).collect();
        assert_eq!(tags, "CCPBECCPBECCS");
    }
}
