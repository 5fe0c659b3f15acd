//! What makes two values the same, however they are written.

use super::kind::{Form, ValueKind};
use super::moment::{DAY_MICROS, day, moment};

/// A value in the one form in which equal values are equal.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Alike {
    /// A day or a moment, in microseconds from 2000-01-01.
    Moment(i64),
    /// A whole number.
    Integer(i64),
    /// The digits of a UUID.
    Uuid([u8; 16]),
    /// A text.
    Text(Box<[u8]>),
}

impl Alike {
    /// Of a value of this kind; none where equal ones could not be told, or where so few values
    /// are possible that two are equal by chance.
    #[must_use]
    pub fn of(value: &[u8], kind: ValueKind) -> Option<Self> {
        let text = || std::str::from_utf8(value).ok().map(str::trim);
        match kind {
            ValueKind::Text => Some(Self::Text(value.into())),
            ValueKind::Date(form) | ValueKind::Timestamp(form) => {
                // Clients write days as moments, and moments at midnight as days.
                let moment_of = |form| moment(value, form);
                let day_of = |form| day(value, form).map(|day| day * DAY_MICROS);
                let micros = match (kind, form) {
                    (ValueKind::Date(_), Form::Binary) => day_of(form),
                    (_, Form::Binary) => moment_of(form),
                    (_, Form::Text) => day_of(form).or_else(|| moment_of(form)),
                };
                micros.map(Self::Moment)
            }
            ValueKind::Integer { form: Form::Text, .. } => text()?.parse().ok().map(Self::Integer),
            ValueKind::Integer { bytes, form: Form::Binary } => {
                let is_whole = value.len() == usize::from(bytes) && !value.is_empty();
                let first = value.first().filter(|_| is_whole)?;
                let start = if first & 0x80 == 0 { 0 } else { -1 };
                let number = value.iter().fold(start, |sum: i64, byte| sum << 8 | i64::from(*byte));
                Some(Self::Integer(number))
            }
            ValueKind::Uuid(Form::Binary) => value.try_into().ok().map(Self::Uuid),
            ValueKind::Uuid(Form::Text) => {
                let digits: Option<Vec<u8>> = text()?
                    .chars()
                    .filter(|c| !matches!(c, '-' | '{' | '}'))
                    .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
                    .collect();
                let bytes: Vec<u8> = digits?
                    .chunks(2)
                    .map(|pair| pair.iter().fold(0, |sum, d| sum << 4 | d))
                    .collect();
                bytes.try_into().ok().map(Self::Uuid)
            }
            ValueKind::Number
            | ValueKind::Inet
            | ValueKind::Bool
            | ValueKind::Json(_)
            | ValueKind::Bytes
            | ValueKind::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_in_all_its_forms() {
        let check = |values: &[(&[u8], ValueKind)]| {
            let all: Vec<_> = values.iter().map(|(value, kind)| Alike::of(value, *kind)).collect();
            assert!(all.iter().all(|one| one.is_some() && *one == all[0]), "{all:?}");
        };
        let days = -14_610_i32;
        let micros = i64::from(days) * DAY_MICROS;
        check(&[
            (b"1960-01-01", ValueKind::Date(Form::Text)),
            (b"1960-01-01T00:00:00Z", ValueKind::Date(Form::Text)),
            (&days.to_be_bytes(), ValueKind::Date(Form::Binary)),
            (b"1960-01-01 00:00:00+00", ValueKind::Timestamp(Form::Text)),
            (b"1960-01-01 02:00:00.000+02", ValueKind::Timestamp(Form::Text)),
            (b"1960-01-01", ValueKind::Timestamp(Form::Text)),
            (&micros.to_be_bytes(), ValueKind::Timestamp(Form::Binary)),
        ]);
        check(&[
            (b"-77", ValueKind::Integer { bytes: 8, form: Form::Text }),
            (&(-77_i64).to_be_bytes(), ValueKind::Integer { bytes: 8, form: Form::Binary }),
            (&(-77_i16).to_be_bytes(), ValueKind::Integer { bytes: 2, form: Form::Binary }),
        ]);
        check(&[
            (b"00112233-4455-6677-8899-aabbccddeeff", ValueKind::Uuid(Form::Text)),
            (b"{00112233445566778899AABBCCDDEEFF}", ValueKind::Uuid(Form::Text)),
            (
                &[
                    0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc,
                    0xdd, 0xee, 0xff,
                ],
                ValueKind::Uuid(Form::Binary),
            ),
        ]);
    }

    #[test]
    fn what_is_none_of_its_kind_is_like_nothing() {
        let check = |value: &[u8], kind| assert_eq!(Alike::of(value, kind), None);
        check(b"soon", ValueKind::Date(Form::Text));
        check(b"\x00", ValueKind::Date(Form::Binary));
        check(b"1.5", ValueKind::Integer { bytes: 4, form: Form::Text });
        check(b"", ValueKind::Integer { bytes: 4, form: Form::Binary });
        check(b"xyz", ValueKind::Uuid(Form::Text));
        check(b"t", ValueKind::Bool);
    }
}
