//! A first look at a model's bytes, before anything is built from them: how deep messages nest
//! and how much of the file is not weights. The parser behind it trusts both.
//! This is no parser: it follows the few messages that hold others and skips the rest.
//!
//! SPEC: protobuf wire format; `onnx.proto` for the numbers of the fields.

use crate::error::{Error, Result};

/// Bytes of a model that are not weights. Large language models stay below one megabyte.
const STRUCTURE_BYTES_MAX: u64 = 8 << 20;

/// Nodes, attributes, tensors and descriptions of values together.
const MESSAGES_MAX: u32 = 200_000;

/// Messages that hold others.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Tensor,
    Value,
    Type,
}

/// What a field of a message is to this look.
enum Field {
    Plain,
    Weights,
    Message(Message),
    Refused(&'static str),
}

impl Message {
    fn field(self, number: u64) -> Field {
        match (self, number) {
            (Self::Model, 7) => Field::Message(Self::Graph),
            (Self::Graph, 1) => Field::Message(Self::Node),
            (Self::Graph, 5) | (Self::Attribute, 5) => Field::Message(Self::Tensor),
            (Self::Graph, 11..=13) => Field::Message(Self::Value),
            (Self::Node, 5) => Field::Message(Self::Attribute),
            // INVARIANT: no message of this table reaches itself, so the walk is seven deep.
            (Self::Attribute, 6 | 11) => Field::Refused("it holds loops or branches"),
            (Self::Tensor, 4 | 9) => Field::Weights,
            (Self::Tensor, 13) => Field::Refused(
                "its weights lie in another file; hint: export it as one file below 2 GB",
            ),
            (Self::Value, 2) => Field::Message(Self::Type),
            (Self::Type, 4 | 5 | 9) => Field::Refused("it works on sequences or maps"),
            _ => Field::Plain,
        }
    }
}

#[derive(Default)]
struct Scan {
    weight_bytes: u64,
    messages: u32,
}

/// Looks at a model's bytes.
pub(crate) fn check(bytes: &[u8]) -> Result<()> {
    let mut scan = Scan::default();
    scan.message(Message::Model, bytes)?;
    if scan.messages == 1 {
        // Two letters can be a message; without a graph they are no model.
        return Err(broken());
    }
    let structure = bytes.len() as u64 - scan.weight_bytes;
    if structure > STRUCTURE_BYTES_MAX {
        return Err(refused(&format!(
            "{structure} bytes of it are not weights, {STRUCTURE_BYTES_MAX} are allowed"
        )));
    }
    Ok(())
}

impl Scan {
    fn message(&mut self, message: Message, mut rest: &[u8]) -> Result<()> {
        self.messages += 1;
        if self.messages > MESSAGES_MAX {
            return Err(refused(&format!("it has more than {MESSAGES_MAX} nodes and values")));
        }
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            let (number, kind) = (tag >> 3, tag & 7);
            match kind {
                0 => {
                    varint(&mut rest)?;
                }
                1 => {
                    take(&mut rest, 8)?;
                }
                5 => {
                    take(&mut rest, 4)?;
                }
                2 => {
                    let length = varint(&mut rest)?;
                    let body = take(&mut rest, length)?;
                    match message.field(number) {
                        Field::Plain => {}
                        Field::Weights => self.weight_bytes += length,
                        Field::Message(inner) => self.message(inner, body)?,
                        Field::Refused(why) => return Err(refused(why)),
                    }
                }
                _ => return Err(broken()),
            }
        }
        Ok(())
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first().ok_or_else(broken)?;
        *rest = after;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(broken())
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Result<&'a [u8]> {
    let length = usize::try_from(length).map_err(|_| broken())?;
    let (body, after) = rest.split_at_checked(length).ok_or_else(broken)?;
    *rest = after;
    Ok(body)
}

fn broken() -> Error {
    refused("it is no ONNX file, or a part of one")
}

fn refused(why: &str) -> Error {
    Error::Model(why.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One field that holds bytes.
    fn field(number: u64, body: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for mut value in [number << 3 | 2, body.len() as u64] {
            while value >= 0x80 {
                out.push(value as u8 | 0x80);
                value >>= 7;
            }
            out.push(value as u8);
        }
        out.extend_from_slice(body);
        out
    }

    #[track_caller]
    fn check_refused(bytes: &[u8], why: &str) {
        assert!(check(bytes).unwrap_err().to_string().contains(why));
    }

    #[test]
    fn graphs_within_graphs_are_refused_at_the_first() {
        let mut graph = Vec::new();
        // Far deeper than any stack, if it were followed.
        for _ in 0..2_000 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        check_refused(&field(7, &graph), "loops or branches");
    }

    #[test]
    fn what_is_not_weights_has_a_limit() {
        let ballast = vec![0; 9 << 20];
        check(&field(7, &field(5, &field(9, &ballast)))).unwrap();
        check_refused(&field(7, &field(5, &field(8, &ballast))), "are not weights");
        check_refused(&field(7, &field(1, &[]).repeat(200_001)), "more than 200000");
    }

    #[test]
    fn weights_elsewhere_are_refused() {
        check_refused(&field(7, &field(5, &field(13, b"file"))), "another file");
    }

    #[test]
    fn halves_and_noise_are_refused() {
        let whole = field(7, &field(1, &field(4, b"MatMul")));
        check(&whole).unwrap();
        for end in 1..whole.len() {
            check_refused(&whole[..end], "no ONNX file");
        }
        check_refused(b"\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", "no ONNX file");
        check_refused(b"PK\x03\x04 not a model", "no ONNX file");
        check_refused(b"PK", "no ONNX file");
    }
}
