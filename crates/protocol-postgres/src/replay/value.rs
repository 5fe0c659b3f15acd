//! A value as people and programs read it back.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt::Write;

/// A value of a row, a parameter, or COPY data.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Value {
    /// SQL's null.
    Null,
    /// As text.
    Text(String),
    /// A binary form that this reader does not know, or bytes that are no text.
    Bytes(Vec<u8>),
}

impl Value {
    /// The value of a row or a parameter.
    pub(super) fn of(bytes: Option<&[u8]>, format: i16, type_oid: u32) -> Self {
        let Some(bytes) = bytes else { return Self::Null };
        let text = match format {
            0 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            _ => unpacked(bytes, type_oid),
        };
        text.map_or_else(|| Self::Bytes(bytes.to_vec()), Self::Text)
    }

    /// A piece of COPY data: its format is the statement's business.
    pub(super) fn of_copy(bytes: &[u8]) -> Self {
        Self::of(Some(bytes), 0, 0)
    }
}

/// The text of a binary value, as the server would write it, for the types that nearly
/// every driver asks for in binary.
// SPEC: the server's `typreceive` and `typsend` functions; the numbers are pg_type's.
fn unpacked(bytes: &[u8], type_oid: u32) -> Option<String> {
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    match type_oid {
        // bool
        16 => match bytes {
            [0] => Some("f".to_owned()),
            [1] => Some("t".to_owned()),
            _ => None,
        },
        // int8, int2, int4, oid
        20 => Some(i64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        21 => Some(i16::from_be_bytes(bytes.try_into().ok()?).to_string()),
        23 => Some(i32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        26 => Some(u32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        // float4, float8
        700 => Some(f32::from_be_bytes(bytes.try_into().ok()?).to_string()),
        701 => Some(f64::from_be_bytes(bytes.try_into().ok()?).to_string()),
        // name, text, json, xml, unknown, bpchar, varchar
        19 | 25 | 114 | 142 | 705 | 1042 | 1043 => text(bytes),
        // uuid
        2950 => uuid(bytes),
        // jsonb, whose version comes first
        3802 => bytes.strip_prefix(&[1]).and_then(text),
        _ => None,
    }
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let mut text = String::with_capacity(36);
    for (at, byte) in <&[u8; 16]>::try_from(bytes).ok()?.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}").ok()?;
    }
    Some(text)
}

/// `null`, a string, or `{"hex": "…"}`.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Bytes(bytes) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("hex", &hex(bytes))?;
                map.end()
            }
        }
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_read_as_the_server_writes_them() {
        let check = |bytes: &[u8], type_oid: u32, expect: Option<&str>| {
            let expect =
                expect.map_or(Value::Bytes(bytes.to_vec()), |text| Value::Text(text.into()));
            assert_eq!(Value::of(Some(bytes), 1, type_oid), expect);
        };
        check(&[1], 16, Some("t"));
        check(&[0, 0, 0, 42], 23, Some("42"));
        check(&[0xff; 8], 20, Some("-1"));
        check(&1.5f64.to_be_bytes(), 701, Some("1.5"));
        check("é".as_bytes(), 25, Some("é"));
        check(b"\x01{\"a\":1}", 3802, Some("{\"a\":1}"));
        check(&[0x11; 16], 2950, Some("11111111-1111-1111-1111-111111111111"));
        // Not its length, not its version, not its alphabet, not known: bytes.
        check(&[0, 0, 42], 23, None);
        check(b"\x02{}", 3802, None);
        check(&[0xff], 25, None);
        check(b"0123", 1082, None);
    }

    #[test]
    fn text_that_is_no_text_stays_bytes_and_null_stays_null() {
        assert_eq!(Value::of(Some(b"\xff"), 0, 25), Value::Bytes(vec![0xff]));
        assert_eq!(Value::of(None, 1, 25), Value::Null);
        let json = |value: &Value| serde_json::to_string(value).unwrap();
        assert_eq!(json(&Value::Null), "null");
        assert_eq!(json(&Value::Text("a\"".into())), r#""a\"""#);
        assert_eq!(json(&Value::Bytes(vec![0, 255])), r#"{"hex":"00ff"}"#);
    }
}
