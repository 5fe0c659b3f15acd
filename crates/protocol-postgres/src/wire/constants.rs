//! Constants of types: what a column that refuses NULL shows where no mask of a value fits.
//!
//! SPEC: the types' own input and `recv` functions; one value in both forms.

use portreeve_sql::{ColumnType, MadeType, MadeTypes, Nulls};

/// One value, as a text and packed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Constant {
    pub(super) text: String,
    pub(super) binary: Vec<u8>,
}

impl Constant {
    fn new(text: &str, binary: impl Into<Vec<u8>>) -> Self {
        Self { text: text.into(), binary: binary.into() }
    }

    /// Packed as so many bytes of nothing.
    fn zero(text: &str, bytes: usize) -> Self {
        Self::new(text, vec![0; bytes])
    }
}

/// The constant of a type; none for types that nobody has listed.
pub(super) fn constant(column: ColumnType, made: &MadeTypes) -> Option<Constant> {
    let column = plain(column, made);
    match made.get(&column.code) {
        None => builtin(column),
        // A circle.
        Some(MadeType::Like(_)) => None,
        Some(MadeType::Label(first)) => Some(Constant::new(first, first.as_bytes())),
        Some(MadeType::Array(element)) => {
            // No dimensions, no NULL, elements of this type.
            let binary = [[0; 4], [0; 4], element.to_be_bytes()].concat();
            Some(Constant::new("{}", binary))
        }
        Some(MadeType::Range) => Some(Constant::new("empty", [1])),
        Some(MadeType::Pairs) => Some(Constant::zero("", 4)),
        Some(MadeType::Multirange) => Some(Constant::zero("{}", 4)),
        Some(MadeType::Row(fields)) => {
            let mut binary = u32::try_from(fields.len()).ok()?.to_be_bytes().to_vec();
            for field in fields.iter() {
                binary.extend_from_slice(&field.to_be_bytes());
                binary.extend_from_slice(&(-1_i32).to_be_bytes());
            }
            let text = format!("({})", ",".repeat(fields.len().saturating_sub(1)));
            Some(Constant::new(&text, binary))
        }
    }
}

/// The type that a type is written like. What is narrowed twice is as narrow as its inner type:
/// the outer one cannot have a length of its own.
pub(crate) fn plain(column: ColumnType, made: &MadeTypes) -> ColumnType {
    let mut known = column;
    for _ in 0..DEPTH_MAX {
        let Some(MadeType::Like(base)) = made.get(&known.code) else { return known };
        let nulls = if base.nulls == Nulls::Refused { base.nulls } else { known.nulls };
        let modifier = if base.modifier == -1 { known.modifier } else { base.modifier };
        known = ColumnType { code: base.code, modifier, nulls };
    }
    known
}

/// SPEC: oids of `pg_type.dat`.
fn builtin(column: ColumnType) -> Option<Constant> {
    let one = 1.0_f64.to_be_bytes();
    Some(match column.code {
        16 => Constant::zero("f", 1),
        17 => Constant::new("\\x", []),
        18 => Constant::zero("", 1),
        19 | 25 | 142 | 705 | 1042 | 1043 => Constant::new("", []),
        20 => Constant::zero("0", 8),
        21 => Constant::zero("0", 2),
        23 | 26 | 28 | 29 => Constant::zero("0", 4),
        27 => Constant::zero("(0,0)", 6),
        114 => Constant::new("null", *b"null"),
        600 => Constant::zero("(0,0)", 16),
        601 => Constant::zero("[(0,0),(0,0)]", 32),
        602 => Constant::new("((0,0))", [&[1, 0, 0, 0, 1][..], &[0; 16]].concat()),
        603 => Constant::zero("(0,0),(0,0)", 32),
        604 => Constant::new("((0,0))", [&[0, 0, 0, 1][..], &[0; 16]].concat()),
        628 => Constant::new("{0,1,0}", [[0; 8], one, [0; 8]].concat()),
        650 => Constant::new("0.0.0.0/32", [2, 32, 1, 4, 0, 0, 0, 0]),
        700 => Constant::zero("0", 4),
        701 => Constant::zero("0", 8),
        718 => Constant::zero("<(0,0),0>", 24),
        774 => Constant::zero("00:00:00:00:00:00:00:00", 8),
        829 => Constant::zero("00:00:00:00:00:00", 6),
        869 => Constant::new("0.0.0.0", [2, 32, 0, 4, 0, 0, 0, 0]),
        790 => Constant::zero("0", 8),
        1082 => Constant::zero("2000-01-01", 4),
        1083 => Constant::zero("00:00:00", 8),
        1114 => Constant::zero("2000-01-01 00:00:00", 8),
        1184 => Constant::zero("2000-01-01 00:00:00+00", 8),
        1186 => Constant::zero("00:00:00", 16),
        1266 => Constant::zero("00:00:00+00", 12),
        1560 => bits(usize::try_from(column.modifier).unwrap_or(1))?,
        1562 => Constant::zero("", 4),
        1700 => Constant::zero("0", 8),
        // regproc, regclass and their kind: of nothing
        24 | 2202..=2206 | 3734 | 3769 | 4089 | 4096 | 4191 => Constant::zero("-", 4),
        // SPEC: a snapshot of nothing ends where it begins.
        2970 | 5038 => {
            let one = 1_i64.to_be_bytes();
            Constant::new("1:1:", [&[0; 4][..], &one, &one].concat())
        }
        2950 => Constant::zero("00000000-0000-0000-0000-000000000000", 16),
        3220 => Constant::zero("0/0", 8),
        3614 => Constant::zero("", 4),
        // SPEC: `tsqueryrecv` refuses one without a lexeme.
        3615 => Constant::new("'x'", [0, 0, 0, 1, 1, 0, 0, b'x', 0]),
        4072 => Constant::new("$", *b"\x01$"),
        3802 => Constant::new("null", *b"\x01null"),
        _ => return None,
    })
}

/// `bit(n)` takes n digits, no more and no fewer.
fn bits(count: usize) -> Option<Constant> {
    if count > BITS_MAX {
        return None;
    }
    let mut binary = u32::try_from(count).ok()?.to_be_bytes().to_vec();
    binary.resize(4 + count.div_ceil(8), 0);
    Some(Constant::new(&"0".repeat(count), binary))
}

/// Domains over domains.
const DEPTH_MAX: usize = 32;
const BITS_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn column(code: u32, modifier: i32) -> ColumnType {
        ColumnType { code, modifier, nulls: Nulls::Refused }
    }

    #[test]
    fn made_types_have_constants_of_what_they_are_made_of() {
        let made: MadeTypes = [
            (1, MadeType::Like(column(2, -1))),
            (2, MadeType::Like(column(1560, 9))),
            (3, MadeType::Label("glad".into())),
            (4, MadeType::Array(23)),
            (5, MadeType::Row([23, 25].into())),
            (6, MadeType::Like(column(3, -1))),
        ]
        .into();
        let check = |code: u32, text: &str, binary: &[u8]| {
            let got = constant(column(code, -1), &made);
            assert_eq!(got, Some(Constant::new(text, binary)), "{code}");
        };
        check(1, "000000000", b"\0\0\0\x09\0\0");
        check(3, "glad", b"glad");
        check(6, "glad", b"glad");
        check(4, "{}", b"\0\0\0\0\0\0\0\0\0\0\0\x17");
        let row = b"\0\0\0\x02\0\0\0\x17\xff\xff\xff\xff\0\0\0\x19\xff\xff\xff\xff";
        check(5, "(,)", row);
        check(1700, "0", &[0; 8]);
        assert_eq!(constant(column(99_999, -1), &made), None);
    }

    #[test]
    fn a_circle_of_types_ends() {
        let made: MadeTypes = [(1, MadeType::Like(column(1, -1)))].into();
        assert_eq!(constant(column(1, -1), &made), None);
    }
}
