//! What values of a type are to the masker.

use portreeve_decide::mask::{Form, ValueKind};

/// What a value of a type, in a wire format, is to the masker. Types that are not listed
/// can only be masked as NULL.
pub(crate) fn value_kind(type_oid: u32, format: i16) -> ValueKind {
    let form = if format == 0 { Form::Text } else { Form::Binary };
    match type_oid {
        // char, name, text, unknown, bpchar, varchar
        18 | 19 | 25 | 705 | 1042 | 1043 => ValueKind::Text,
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
