//! What a type's values are to a look.

use super::Written;
use super::typed::Typed;
use portreeve_sql::{MadeType, MadeTypes};
use std::sync::Arc;

/// How values of a type are looked through.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Not at all: there are no texts in them.
    Settled,
    Text,
    Json,
    /// JSON behind a byte that says its version.
    PackedJson,
    Xml,
    Bytes,
    /// A number, a day, an address of a network.
    Typed(Typed),
    /// Elements of this type.
    Array(u32),
    /// Fields of these types, where they are known.
    Row(Option<Arc<[u32]>>),
    Pairs,
    /// Nobody knows the type.
    Unknown,
    /// Texts may be in it, in a form that nobody knows.
    Opaque,
}

/// SPEC: types that the target's users have made begin here.
const MADE_OID_MIN: u32 = 16_384;

impl Kind {
    /// SPEC: oids of `pg_type.dat`.
    pub(super) fn of(written: Written, made: &MadeTypes) -> Self {
        let mut code = written.code;
        for _ in 0..super::DEPTH_MAX {
            match made.get(&code) {
                Some(MadeType::Like(base)) => code = base.code,
                Some(MadeType::Label(_)) => return Self::Settled,
                Some(MadeType::Array(element)) => return Self::Array(*element),
                Some(MadeType::Row(fields)) => return Self::Row(Some(fields.clone())),
                Some(MadeType::Pairs) => return Self::Pairs,
                Some(MadeType::Range | MadeType::Multirange) if code >= MADE_OID_MIN => {
                    return Self::Opaque;
                }
                Some(MadeType::Range | MadeType::Multirange) => return Self::Settled,
                None => break,
            }
        }
        Self::builtin(code, written.format)
    }

    fn builtin(code: u32, format: i16) -> Self {
        match code {
            0 => Self::Unknown,
            // char, name, text, unknown, bpchar, varchar, refcursor, cstring
            18 | 19 | 25 | 705 | 1042 | 1043 | 1790 | 2275 => Self::Text,
            114 => Self::Json,
            3802 if format == 0 => Self::Json,
            3802 => Self::PackedJson,
            142 => Self::Xml,
            17 => Self::Bytes,
            23 => Self::Typed(Typed::Integer { bytes: 4 }),
            20 => Self::Typed(Typed::Integer { bytes: 8 }),
            1700 => Self::Typed(Typed::Numeric),
            1082 => Self::Typed(Typed::Day),
            1114 | 1184 => Self::Typed(Typed::Moment),
            650 | 869 => Self::Typed(Typed::Address),
            // record, and arrays of it
            2249 => Self::Row(None),
            2287 => Self::Array(2249),
            // Arrays of texts, where the target has not told.
            1002 | 1003 | 1009 | 1014 | 1015 | 1263 | 2201 => Self::Array(25),
            199 => Self::Array(114),
            3807 => Self::Array(3802),
            143 => Self::Array(142),
            1001 => Self::Array(17),
            // tsvector, tsquery, jsonpath, anyarray
            3614 | 3615 | 4072 | 2277 => Self::Opaque,
            MADE_OID_MIN.. => Self::Opaque,
            _ => Self::Settled,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_sql::{ColumnType, Nulls};

    #[test]
    fn made_types_are_followed_to_what_they_are_made_of() {
        let like = |code| MadeType::Like(ColumnType { code, modifier: -1, nulls: Nulls::Accepted });
        let made: MadeTypes = [
            (20_000, like(25)),
            (20_001, like(20_000)),
            (20_002, MadeType::Label("a".into())),
            (20_003, MadeType::Array(20_001)),
            (20_004, like(20_004)),
            (20_005, MadeType::Range),
            (3904, MadeType::Range),
        ]
        .into();
        let check = |code, expect| {
            assert_eq!(Kind::of(Written { code, format: 0 }, &made), expect, "{code}");
        };
        check(20_001, Kind::Text);
        check(20_002, Kind::Settled);
        check(20_003, Kind::Array(20_001));
        check(20_005, Kind::Opaque);
        check(3904, Kind::Settled);
        // One that is made of itself ends, and one that nobody knows is looked through.
        check(20_004, Kind::Opaque);
        check(30_000, Kind::Opaque);
        check(16, Kind::Settled);
    }
}
