//! The client's half of a COPY: what its messages are from the server's CopyInResponse on.

use crate::reply::CopyEnd;
use crate::wire::{Frame, Frontend, put, put_text, read};
use crate::written::WrittenData;
use bytes::Bytes;
use portreeve_sql::Plan;

/// Takes the messages of a client that has been asked for data.
#[derive(Debug, Default)]
pub(crate) struct CopyIn {
    /// Looks for masks, where what is stored is classified.
    written: Option<WrittenData>,
}

/// What a message is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CopyStep {
    /// Data to pass on.
    Data,
    /// Data with a mask that would be stored.
    Mask,
    /// The client's last message.
    Ended(CopyEnd),
    /// Nothing. SPEC: Flush and Sync are ignored while data are expected.
    Ignored,
}

/// Why there will be no more data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum CopyFault {
    /// The client says goodbye.
    Gone,
    /// It says something else.
    Unexpected,
}

impl CopyIn {
    /// Data of this statement may not hold masks. What only passes through on its way to somebody
    /// who is asked first has none: it is looked through when the statement runs.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self { written: WrittenData::of(plan) }
    }

    /// Takes one message.
    pub(crate) fn read(&mut self, frame: &Frame) -> Result<CopyStep, CopyFault> {
        match read(frame.tag, frame.body()) {
            Ok(Frontend::CopyData) => {
                let written = self.written.as_mut();
                let is_mask = written.is_some_and(|written| written.holds_mask(frame.body()));
                Ok(if is_mask { CopyStep::Mask } else { CopyStep::Data })
            }
            Ok(Frontend::CopyDone) => Ok(CopyStep::Ended(CopyEnd::Done)),
            Ok(Frontend::CopyFail) => Ok(CopyStep::Ended(CopyEnd::Failed)),
            Ok(Frontend::Flush | Frontend::Sync) => Ok(CopyStep::Ignored),
            Ok(Frontend::Terminate) => Err(CopyFault::Gone),
            Ok(
                Frontend::Query(_)
                | Frontend::Parse { .. }
                | Frontend::Bind { .. }
                | Frontend::DescribeStatement(_)
                | Frontend::DescribePortal(_)
                | Frontend::Execute { .. }
                | Frontend::CloseStatement(_)
                | Frontend::ClosePortal(_)
                | Frontend::FunctionCall,
            )
            | Err(_) => Err(CopyFault::Unexpected),
        }
    }
}

/// CopyFail, in place of data that are refused.
pub(crate) fn give_up() -> Bytes {
    let mut wire = Vec::new();
    put(&mut wire, b'f', |out| put_text(out, "refused by portreeve"));
    wire.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::plan;

    fn frame(tag: u8, body: &[u8]) -> Frame {
        let mut whole = Vec::new();
        put(&mut whole, tag, |out| out.extend_from_slice(body));
        Frame { tag, whole: whole.into() }
    }

    #[test]
    fn every_message_is_data_the_end_or_a_fault() {
        use CopyFault::{Gone, Unexpected};
        use CopyStep::{Data, Ended, Ignored, Mask};
        let check = |tag, body: &[u8], expect| {
            let mut copy = CopyIn::of(&plan("COPY people FROM STDIN"));
            let name = format!("`{}` {body:?}", char::from(tag).escape_default());
            assert_eq!(copy.read(&frame(tag, body)), expect, "{name}");
            // What is not wanted of its data is none of this one's business.
            let expect = if expect == Ok(Mask) { Ok(Data) } else { expect };
            assert_eq!(CopyIn::default().read(&frame(tag, body)), expect, "unread {name}");
        };
        check(b'd', b"", Ok(Data));
        check(b'd', b"1\tann@x.org\n", Ok(Data));
        check(b'd', b"1\t[email]\n", Ok(Mask));
        check(b'c', b"", Ok(Ended(CopyEnd::Done)));
        check(b'f', b"why\0", Ok(Ended(CopyEnd::Failed)));
        check(b'H', b"", Ok(Ignored));
        check(b'S', b"", Ok(Ignored));
        check(b'X', b"", Err(Gone));
        // What the server would take for something else, or not at all.
        for (tag, body) in [
            (b'c', &b"x"[..]),
            (b'f', b"why"),
            (b'f', b"why\0x"),
            (b'H', b"x"),
            (b'S', b"x"),
            (b'X', b"x"),
            (b'Q', b"SELECT 1\0"),
            (b'P', b"\0SELECT 1\0\0\0"),
            (b'B', b"\0\0\0\0\0\0\0\0"),
            (b'E', b"\0\0\0\0\0"),
            (b'D', b"S\0"),
            (b'C', b"P\0"),
            (b'F', b"x"),
        ] {
            check(tag, body, Err(Unexpected));
        }
        let known = b"QPBDCEHSdcfXF";
        for tag in (0..=u8::MAX).filter(|tag| !known.contains(tag)) {
            check(tag, b"", Err(Unexpected));
        }
    }

    #[test]
    fn a_mask_is_found_across_messages() {
        let mut copy = CopyIn::of(&plan("COPY people FROM STDIN"));
        assert_eq!(copy.read(&frame(b'd', b"1\t[em")), Ok(CopyStep::Data));
        assert_eq!(copy.read(&frame(b'H', b"")), Ok(CopyStep::Ignored));
        assert_eq!(copy.read(&frame(b'd', b"ail]\n")), Ok(CopyStep::Mask));
    }
}
