//! What values of a type are to the masker.

use super::constants::{constant, plain};
use portreeve_decide::mask::{Form, ValueKind};
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_sql::{ColumnType, Fit, Nulls, TypeUse};
use portreeve_wire::{Cursor, WireError};

/// What a value of a type, in a wire format, is to the masker. Types that are not listed
/// can only be masked as NULL.
pub(crate) fn value_kind(type_oid: u32, format: i16) -> ValueKind {
    let form = if format == 0 { Form::Text } else { Form::Binary };
    match type_oid {
        // name, text, unknown, bpchar, varchar
        19 | 25 | 705 | 1042 | 1043 => ValueKind::Text,
        114 => ValueKind::Json(Form::Text),
        3802 => ValueKind::Json(form),
        1082 => ValueKind::Date(form),
        1114 | 1184 => ValueKind::Timestamp(form),
        21 => ValueKind::Integer { bytes: 2, form },
        23 => ValueKind::Integer { bytes: 4, form },
        20 => ValueKind::Integer { bytes: 8, form },
        700 | 701 | 1700 => ValueKind::Number,
        16 => ValueKind::Bool,
        2950 => ValueKind::Uuid(form),
        650 | 869 => ValueKind::Inet,
        17 => ValueKind::Bytes,
        _ => ValueKind::Other,
    }
}

/// What the masks of a column must be like.
pub(crate) fn fit(of: TypeUse<'_>) -> Fit {
    let own = narrowed(of);
    let column = plain(own, of.made_types);
    let kind = value_kind(column.code, of.format);
    let constant = match column.nulls {
        Nulls::Accepted => None,
        Nulls::Refused => constant(own, of.made_types),
    };
    let is_text = of.format == 0;
    Fit {
        kind,
        constant: constant
            .map(|one| if is_text { one.text.into_bytes().into() } else { one.binary.into() }),
        chars_max: chars_max(column.code, column.modifier),
    }
}

/// The column's type. Where the server describes another one than the column has, the value was
/// converted, and is as narrow as that.
fn narrowed(of: TypeUse<'_>) -> ColumnType {
    let unknown = ColumnType { code: 0, modifier: -1, nulls: Nulls::Accepted };
    let source = of.source.unwrap_or(unknown);
    match of.described {
        Some(code) if code != source.code && code != plain(source, of.made_types).code => {
            let nulls = plain(source, of.made_types).nulls;
            ColumnType { code, modifier: -1, nulls }
        }
        Some(_) | None => source,
    }
}

/// SPEC: the modifier of a text with a length is the length and four.
fn chars_max(type_oid: u32, modifier: i32) -> Option<usize> {
    match type_oid {
        1042 | 1043 => usize::try_from(modifier).ok()?.checked_sub(4),
        _ => None,
    }
}

/// The values of a DataRow, as texts.
pub(crate) fn row(body: &[u8]) -> Result<Row, WireError> {
    let mut cursor = Cursor::new(body);
    let count = cursor.u16()?;
    let mut value = || {
        let value = cursor.optional_value()?;
        Ok(value.map(|value| String::from_utf8_lossy(value).into_owned()))
    };
    let values = (0..count).map(|_| value()).collect::<Result<_, _>>()?;
    cursor.finish()?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_sql::{MadeType, MadeTypes};

    fn fit_of(code: u32, nulls: Nulls, described: Option<u32>, format: i16) -> Fit {
        let base = ColumnType { code: 1043, modifier: 12, nulls: Nulls::Refused };
        let made_types: MadeTypes =
            [(20_000, MadeType::Like(base)), (20_001, MadeType::Label("glad".into()))].into();
        let source = Some(ColumnType { code, modifier: -1, nulls });
        fit(TypeUse { source, described, format, made_types: &made_types })
    }

    #[test]
    fn a_domain_is_masked_like_what_it_is_made_of() {
        let text = |bytes: &[u8]| Some(bytes.to_vec().into());
        for described in [None, Some(1043)] {
            let got = fit_of(20_000, Nulls::Accepted, described, 1);
            assert_eq!((got.kind, got.chars_max), (ValueKind::Text, Some(8)));
            assert_eq!(got.constant, text(b""), "the domain refuses NULL");
        }
        // `column::date` is a date, and cannot be NULL where the column cannot.
        let got = fit_of(20_000, Nulls::Accepted, Some(1082), 0);
        assert_eq!((got.kind, got.chars_max), (ValueKind::Date(Form::Text), None));
        assert_eq!(got.constant, text(b"2000-01-01"));
    }

    #[test]
    fn only_what_refuses_null_has_a_constant() {
        let text = |bytes: &[u8]| Some(bytes.to_vec().into());
        assert_eq!(fit_of(20_001, Nulls::Accepted, Some(20_001), 0).constant, None);
        assert_eq!(fit_of(20_001, Nulls::Refused, None, 0).constant, text(b"glad"));
        assert_eq!(fit_of(1082, Nulls::Refused, None, 0).constant, text(b"2000-01-01"));
        assert_eq!(fit_of(1082, Nulls::Refused, Some(1082), 1).constant, text(&[0; 4]));
    }
}
