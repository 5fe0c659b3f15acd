//! JSON in which no key comes twice: a reader who takes the first of two and one who takes the
//! last would see two messages.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// Deeper messages are nobody's.
const DEPTH_MAX: u16 = 96;

/// Reads a text.
///
/// # Errors
/// It is not JSON, too deep, or a key comes twice.
pub(crate) fn read(text: &str) -> Result<Value, serde_json::Error> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict(DEPTH_MAX).deserialize(&mut reader)?;
    reader.end()?;
    Ok(value)
}

/// Whether every number of a text is written again as the number that it is: what has more digits
/// than a machine's number holds would become another one.
pub(crate) fn is_exact(text: &str) -> bool {
    let (mut rest, mut is_exact) = (text, true);
    while let Some(at) = rest.find(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        let (_, from) = rest.split_at(at);
        let length = match from.starts_with('"') {
            true => string_bytes(from),
            false => from.find(|c: char| !is_of_number(c)).unwrap_or(from.len()),
        };
        let (token, behind) = from.split_at(length);
        is_exact &= token.starts_with('"') || is_written_again(token);
        rest = behind;
    }
    is_exact
}

const fn is_of_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')
}

/// How long the string is that a text begins with.
fn string_bytes(text: &str) -> usize {
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    });
    end.map_or(text.len(), |end| end + 2)
}

fn is_written_again(number: &str) -> bool {
    let Ok(read) = serde_json::from_str::<Number>(number) else { return false };
    // A whole number that is written with an exponent is none for many readers.
    if !number.contains(['.', 'e', 'E']) && read.is_f64() && number != "-0" {
        return false;
    }
    Decimal::of(number).is_some_and(|own| Some(own) == Decimal::of(&read.to_string()))
}

/// A number, whatever way it is written.
#[derive(PartialEq, Eq)]
struct Decimal {
    is_negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    /// Of the last digit.
    exponent: i64,
}

impl Decimal {
    fn of(number: &str) -> Option<Self> {
        let (is_negative, number) = match number.strip_prefix('-') {
            Some(number) => (true, number),
            None => (false, number),
        };
        let (number, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let all = format!("{whole}{fraction}");
        let digits = all.trim_start_matches('0').trim_end_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { is_negative, digits, exponent: 0 });
        }
        let zeros = all.len() - all.trim_end_matches('0').len();
        let last = i64::try_from(zeros).ok()? - i64::try_from(fraction.len()).ok()?;
        let exponent = exponent.parse::<i64>().ok()?.checked_add(last)?;
        Some(Self { is_negative, digits, exponent })
    }
}

/// So many levels may still be inside.
struct Strict(u16);

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Strict {
    fn inner<E: Error>(&self) -> Result<u16, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("it is too deep"))
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(number.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let (inner, mut found) = (self.inner()?, Vec::new());
        while let Some(item) = items.next_element_seed(Self(inner))? {
            found.push(item);
        }
        Ok(Value::Array(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let (inner, mut found) = (self.inner()?, Map::new());
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(Self(inner))?;
            if found.insert(name, value).is_some() {
                return Err(A::Error::custom("a key comes twice"));
            }
        }
        Ok(Value::Object(found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_two_readings_is_not_read() {
        for text in
            [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#, "{} {}", "{", "{\"a\":1,}"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read(&format!("{}{}", "[".repeat(97), "]".repeat(97))).is_err());
        for text in ["0", "-0", "-0.0", "1e3", "1.50", "0.1", "18446744073709551615", "1E+2"] {
            assert!(is_exact(text), "{text}");
        }
        for text in [
            "18446744073709551616",
            "12345678901234567890123",
            "-9223372036854775809",
            "[\"a\\\"1\", {\"b\": 0.10000000000000000001}]",
            "1e-400",
            // The same, as a number that is no whole one any more.
            "100000000000000000000",
            "[-100000000000000000000]",
        ] {
            assert!(!is_exact(text), "{text}");
        }
        assert!(is_exact(r#"{"x":"12345678901234567890123","y\"9":[1.5,-2]}"#));
        let plain = r#"{"b":[1,-2,1.5,"x",null,true],"a":{}}"#;
        assert_eq!(read(plain).unwrap().to_string(), plain);
    }
}
