//! Numbers, days and addresses of networks, as detectors read them.

use super::Written;
use portreeve_wire::Cursor;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A type whose values are no texts and may be personal all the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Typed {
    Integer {
        /// Packed, that many.
        bytes: usize,
    },
    Numeric,
    Day,
    Moment,
    /// Of a network.
    Address,
}

/// `YYYY-MM-DD`.
const DAY_BYTES: usize = 10;
/// Digits of a number that are read: nobody's number has more.
const GROUPS_MAX: u16 = 8;
const MICROSECONDS_OF_DAY: i64 = 86_400_000_000;

impl Typed {
    /// A value as a text; none where it is not what its type says, or no number of anybody.
    pub(super) fn text(self, written: Written, value: &[u8]) -> Option<String> {
        if written.format == 0 {
            let text = std::str::from_utf8(value).ok()?;
            return match self {
                Self::Integer { .. } | Self::Numeric => Some(text.to_owned()),
                Self::Day | Self::Moment => text.get(..DAY_BYTES).map(str::to_owned),
                Self::Address => Some(text.split('/').next().unwrap_or_default().to_owned()),
            };
        }
        match self {
            Self::Integer { bytes: 4 } => {
                Some(i32::from_be_bytes(value.try_into().ok()?).to_string())
            }
            Self::Integer { .. } => Some(i64::from_be_bytes(value.try_into().ok()?).to_string()),
            Self::Numeric => numeric(value),
            Self::Day => day(i64::from(i32::from_be_bytes(value.try_into().ok()?))),
            Self::Moment => {
                let moment = i64::from_be_bytes(value.try_into().ok()?);
                day(moment.div_euclid(MICROSECONDS_OF_DAY))
            }
            Self::Address => address(value),
        }
    }
}

/// A whole number in groups of four digits. SPEC: `numeric_send`.
fn numeric(value: &[u8]) -> Option<String> {
    let mut cursor = Cursor::new(value);
    let (count, weight) = (cursor.u16().ok()?, cursor.u16().ok()?.cast_signed());
    let (sign, scale) = (cursor.u16().ok()?, cursor.u16().ok()?);
    let groups = u16::try_from(weight).ok()?.checked_add(1)?;
    if sign != 0 || groups > GROUPS_MAX || count > groups {
        return None;
    }
    let mut text = String::new();
    for at in 0..groups {
        let group = if at < count { cursor.u16().ok()? } else { 0 };
        if text.is_empty() {
            write!(text, "{group}").ok()?;
        } else {
            write!(text, "{group:04}").ok()?;
        }
    }
    if scale > 0 {
        write!(text, ".{}", "0".repeat(usize::from(scale))).ok()?;
    }
    Some(text)
}

/// A day, counted from 2000-01-01.
fn day(days: i64) -> Option<String> {
    // SPEC: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": civil_from_days.
    let shifted = days.checked_add(730_425)?;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (1..=9999).contains(&year).then(|| format!("{year:04}-{month:02}-{day:02}"))
}

/// SPEC: `inet_send`: family, bits, whether it is a network, length, bytes.
fn address(value: &[u8]) -> Option<String> {
    let bytes = value.get(4..)?;
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Some(IpAddr::from(Ipv4Addr::from(four)).to_string());
    }
    let sixteen = <[u8; 16]>::try_from(bytes).ok()?;
    Some(IpAddr::from(Ipv6Addr::from(sixteen)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_values_read_as_the_server_writes_them() {
        let check = |typed: Typed, value: &[u8], expect: Option<&str>| {
            let written = Written { code: 1, format: 1 };
            assert_eq!(typed.text(written, value).as_deref(), expect, "{typed:?} {value:?}");
        };
        check(
            Typed::Integer { bytes: 8 },
            &4_111_111_111_111_111_i64.to_be_bytes(),
            Some("4111111111111111"),
        );
        check(Typed::Integer { bytes: 4 }, &7_i32.to_be_bytes(), Some("7"));
        check(Typed::Integer { bytes: 4 }, &[0], None);
        let groups = |head: [u16; 4], digits: &[u16]| {
            head.iter().chain(digits).flat_map(|n| n.to_be_bytes()).collect::<Vec<u8>>()
        };
        check(Typed::Numeric, &groups([3, 2, 0, 0], &[4917, 1123, 4567]), Some("491711234567"));
        check(Typed::Numeric, &groups([1, 2, 0, 0], &[1]), Some("100000000"));
        check(Typed::Numeric, &groups([2, 0, 0, 2], &[1, 5000]), None);
        check(Typed::Day, &(-7_906_i32).to_be_bytes(), Some("1978-05-10"));
        check(Typed::Day, &0_i32.to_be_bytes(), Some("2000-01-01"));
        check(Typed::Day, &i32::MAX.to_be_bytes(), None);
        check(Typed::Moment, &(-1_i64).to_be_bytes(), Some("1999-12-31"));
        check(Typed::Address, &[2, 32, 0, 4, 192, 0, 2, 7], Some("192.0.2.7"));
        check(Typed::Address, &[2, 32, 0, 4, 192], None);
    }
}
