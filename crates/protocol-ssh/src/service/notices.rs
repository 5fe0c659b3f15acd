//! What the gateway itself says, on the error output of a channel.

use crate::sftp::{Status, kind, packet, put_number, put_status};
use crate::streams::{ERRORS, OUTPUT, RETURN};
use bytes::Bytes;
use portreeve_model::{Refusal, RefusalCode, Unit};
use portreeve_session::{Advice, Notice, NoticeEncoder, put_stream};
use std::fmt::Write;

/// What a refused command ends with: it was found, and may not run.
pub(super) const REFUSED_STATUS: u32 = 126;
/// What a command ends with of which a person has yet to be asked (`EX_NOPERM` of `sysexits.h`).
pub(super) const PENDING_STATUS: u32 = 77;
/// What a command ends with that could not be asked of the target, as OpenSSH has it.
pub(super) const FAILED_STATUS: u32 = 255;

/// The status that says what was refused.
pub(super) fn status_of(refusal: &Refusal) -> u32 {
    match refusal.code {
        RefusalCode::ReviewPending => PENDING_STATUS,
        RefusalCode::Denied
        | RefusalCode::NotApproved
        | RefusalCode::LimitExceeded
        | RefusalCode::Unknown
        | RefusalCode::Unsupported
        | RefusalCode::Unmaskable
        | RefusalCode::Unrecordable
        | RefusalCode::Revoked
        | RefusalCode::DefinitionsChanged
        | RefusalCode::WithheldAfterChange => REFUSED_STATUS,
    }
}

/// Leaves a terminal whatever is on it: the other screen, a mouse that is told of, colours.
const LEAVE: &[u8] =
    b"\x1b[?1049l\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1006l\x1b[?2004l\
    \x1b[?1l\x1b>\x1b[?25h\x1b[0m\r\n";

/// Writes the gateway's words inside the engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct Notices;

impl NoticeEncoder for Notices {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        let mut text = String::new();
        match notice {
            Notice::Held { text: what, hint } => {
                line(&mut text, what);
                line(&mut text, hint);
            }
            Notice::Refused(refusal) => refused(&mut text, refusal),
            // A command's input comes by itself.
            Notice::SendData { .. } => return Bytes::new(),
            Notice::Ended(why) => line(&mut text, &format!("the session ends: {why}")),
        }
        let mut bytes = Vec::new();
        let leaves = matches!(notice, Notice::Refused(_) | Notice::Ended(_));
        put_stream(RETURN, if leaves { LEAVE } else { b"\r\n" }, &mut bytes);
        for line in text.split_inclusive('\n') {
            put_stream(ERRORS, line.as_bytes(), &mut bytes);
            put_stream(RETURN, b"\r", &mut bytes);
        }
        bytes.into()
    }

    fn advise(&self, advice: Advice) -> &'static str {
        match advice {
            Advice::AskForLess(None | Some(Unit::Rows | Unit::Messages | Unit::Subjects)) => {
                "ask for fewer lines: `head`, `tail`, a narrower pattern"
            }
            Advice::AskForLess(Some(Unit::Values | Unit::Bytes)) => {
                "ask for less: fewer or smaller files"
            }
            Advice::AskForLess(Some(Unit::Probes)) => "ask about fewer values",
            Advice::AskForLess(Some(Unit::Changes)) => "change less at a time",
            Advice::AskPlainly => {
                "use plain commands whose output is what they read, line by line (`cat`, `grep`, \
                 `head -n`, `find … -exec PROGRAM {} +`), or let a policy permit `execute` on the \
                 program or the machine, and reveal it as `opaque`"
            }
        }
    }
}

fn refused(text: &mut String, refusal: &Refusal) {
    line(text, &format!("refused: {}", refusal.message));
    if let Some(rule) = &refusal.rule {
        line(text, &format!("rule: {}", rule.0));
    }
    line(text, &format!("request: {}", refusal.request));
    if let Some(review) = &refusal.review {
        line(text, &format!("review: {}", review.0));
    }
    if let Some(hint) = &refusal.hint {
        line(text, &format!("hint: {hint}"));
    }
}

/// The gateway's words as an answer to one request for files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answers(pub(super) u32);

impl NoticeEncoder for Answers {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        let refusal = match notice {
            Notice::Held { .. } | Notice::SendData { .. } | Notice::Ended(_) => {
                return Notices.encode(notice);
            }
            Notice::Refused(refusal) => refusal,
        };
        let rule = refusal.rule.as_ref().map(|rule| format!("; rule: {}", rule.0));
        let hint = refusal.hint.as_ref().map(|hint| format!("; hint: {hint}"));
        let words = format!(
            "refused: {}{}; request: {}{}",
            refusal.message,
            rule.unwrap_or_default(),
            refusal.request,
            hint.unwrap_or_default()
        );
        let mut body = Vec::new();
        put_number(self.0, &mut body);
        put_status(Status::PermissionDenied, &words.replace(char::is_control, " "), &mut body);
        let mut bytes = Vec::new();
        put_stream(OUTPUT, &packet(kind::STATUS, &body), &mut bytes);
        // Most clients have words of their own for a status, and show these as they come.
        bytes.extend_from_slice(&Notices.encode(notice));
        bytes.into()
    }

    fn advise(&self, advice: Advice) -> &'static str {
        Notices.advise(advice)
    }
}

/// One line: what stands in it is the client's own words at most, and no terminal's commands.
fn line(text: &mut String, words: &str) {
    let _ = writeln!(text, "portreeve: {}", words.replace(char::is_control, " "));
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_model::{RequestId, SessionId};
    use uuid::Uuid;

    #[test]
    fn a_refusal_says_why_and_what_next_and_no_terminal_obeys_it() {
        let request = RequestId { session: SessionId(Uuid::nil()), exchange: 3 };
        let refusal = Refusal {
            code: RefusalCode::Denied,
            message: "`a\x1b[2Jb` is not allowed".into(),
            rule: Some("no-b".into()),
            request,
            hint: Some("ask".into()),
            review: None,
        };
        let bytes = Notices.encode(Notice::Refused(&refusal));
        let pieces = crate::replay::recorded(&bytes);
        let said = pieces.filter_map(|piece| match piece {
            crate::replay::Recorded::Errors(line) => Some(line.to_vec()),
            _ => None,
        });
        let text = String::from_utf8(said.collect::<Vec<_>>().concat()).unwrap();
        assert!(text.starts_with("portreeve: refused: `a [2Jb` is not allowed\n"), "{text}");
        for part in ["rule: no-b\n", "/3\n", "hint: ask\n"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert_eq!(status_of(&refusal), 126);
        let pending = Refusal { code: RefusalCode::ReviewPending, ..refusal };
        assert_eq!(status_of(&pending), 77);
    }
}
