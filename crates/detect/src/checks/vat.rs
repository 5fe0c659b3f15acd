//! VAT numbers of Europe with their country letters, one check rule a country. The letters, the
//! length and the check digits together let few random words pass.

use super::identifiers as id;
use super::identifiers::{all_digits, shape};
use super::{luhn, mod11_10, mod97, number, uniform, weighted};

/// A VAT number of a state of the Union, of Switzerland, Norway or the United Kingdom.
pub(crate) fn vat(v: &[u8]) -> bool {
    if v.starts_with(b"CHE") {
        return switzerland(&v[3..]);
    }
    let (country, rest) = v.split_at(2);
    match country {
        b"AT" => austria(rest),
        b"BE" => belgium(rest),
        b"BG" => rest.len() == 9 && all_digits(rest) && bulgaria(rest),
        b"CY" => rest.len() == 9 && id::cy_tin(rest),
        b"CZ" => all_digits(rest) && czechia(rest),
        b"DE" => rest.len() == 9 && all_digits(rest) && rest[0] != b'0' && mod11_10(rest),
        b"DK" => sums(rest, &[2, 7, 6, 5, 4, 3, 2, 1], 11),
        b"EE" => sums(rest, &[3, 7, 1, 3, 7, 1, 3, 7, 1], 10),
        b"EL" | b"GR" => rest.len() == 9 && all_digits(rest) && id::gr_afm(rest),
        b"ES" => rest.len() == 9 && (id::es_dni(rest) || id::es_nie(rest) || id::es_cif(rest)),
        b"FI" => sums(rest, &[7, 9, 10, 5, 8, 4, 2, 1], 11),
        b"FR" => france(rest),
        b"GB" | b"XI" => matches!(rest.len(), 9 | 12) && all_digits(rest) && britain(rest),
        b"HR" => rest.len() == 11 && all_digits(rest) && mod11_10(rest),
        b"HU" => sums(rest, &[9, 7, 3, 1, 9, 7, 3, 1], 10),
        b"IE" => ireland(rest),
        b"IT" => rest.len() == 11 && all_digits(rest) && !uniform(rest) && luhn(rest),
        b"LT" => matches!(rest.len(), 9 | 12) && all_digits(rest) && lithuania(rest),
        b"LU" => {
            rest.len() == 8 && all_digits(rest) && number(&rest[..6]) % 89 == number(&rest[6..])
        }
        b"LV" => rest.len() == 11 && all_digits(rest) && latvia(rest),
        b"MT" => sums(rest, &[3, 4, 6, 7, 8, 9, 10, 1], 37),
        b"NL" => netherlands(v),
        b"NO" => shape(rest, "999999999MVA") && id::no_org(&rest[..9]),
        b"PL" => rest.len() == 10 && all_digits(rest) && id::pl_nip(rest),
        b"PT" => rest.len() == 9 && all_digits(rest) && id::pt_nif(rest),
        b"RO" => (6..=10).contains(&rest.len()) && all_digits(rest) && romania(rest),
        b"SE" => rest.len() == 12 && all_digits(rest) && luhn(&rest[..10]) && &rest[10..] != b"00",
        b"SI" => rest.len() == 8 && all_digits(rest) && id::si_tax(rest),
        b"SK" => rest.len() == 10 && all_digits(rest) && number(rest).is_multiple_of(11),
        _ => false,
    }
}

/// Digits whose weighted sum is a multiple.
fn sums(v: &[u8], weights: &[u32], of: u32) -> bool {
    v.len() == weights.len()
        && all_digits(v)
        && !uniform(v)
        && weighted(v, weights).is_multiple_of(of)
}

fn austria(v: &[u8]) -> bool {
    if !shape(v, "U99999999") {
        return false;
    }
    let sum: u32 = v[1..8]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let product = u32::from(b & 15) * (1 + i as u32 % 2);
            product / 10 + product % 10
        })
        .sum();
    (96 - sum) % 10 == u32::from(v[8] & 15)
}

fn belgium(v: &[u8]) -> bool {
    let Some(check) = v.len().checked_sub(2).filter(|at| matches!(at, 7 | 8)) else {
        return false;
    };
    all_digits(v) && !uniform(v) && 97 - number(&v[..check]) % 97 == number(&v[check..])
}

fn bulgaria(v: &[u8]) -> bool {
    let check = match weighted(v, &[1, 2, 3, 4, 5, 6, 7, 8]) % 11 {
        10 => weighted(v, &[3, 4, 5, 6, 7, 8, 9, 10]) % 11 % 10,
        rest => rest,
    };
    check == u32::from(v[8] & 15)
}

fn czechia(v: &[u8]) -> bool {
    match v.len() {
        8 => {
            let check = match (11 - weighted(v, &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11 {
                0 => 1,
                rest => rest % 10,
            };
            v[0] != b'9' && check == u32::from(v[7] & 15)
        }
        9 => v[0] == b'6' || id::cz_rc_short(v),
        10 => id::cz_rc(v),
        _ => false,
    }
}

fn france(v: &[u8]) -> bool {
    if v.len() != 11 || !all_digits(&v[2..]) || !luhn(&v[2..]) || uniform(&v[2..]) {
        return false;
    }
    let (key, siren) = (&v[..2], number(&v[2..]));
    !all_digits(key) || number(key) == (12 + 3 * (siren % 97)) % 97
}

fn britain(v: &[u8]) -> bool {
    let sum = weighted(v, &[8, 7, 6, 5, 4, 3, 2]) + number(&v[7..9]) as u32;
    matches!(sum % 97, 0 | 42)
}

/// The letter is that of the personal number; older numbers have another sign in second place.
fn ireland(v: &[u8]) -> bool {
    if !matches!(v.len(), 8 | 9) {
        return false;
    }
    let older =
        v.len() == 8 && all_digits(&v[2..7]) && v[0].is_ascii_digit() && !v[1].is_ascii_digit();
    if older {
        let mut moved = [b'0'; 8];
        moved[1..6].copy_from_slice(&v[2..7]);
        moved[6] = v[0];
        moved[7] = v[7];
        return id::ie_pps(&moved);
    }
    id::ie_pps(v)
}

fn lithuania(v: &[u8]) -> bool {
    let (check, body) = (v[v.len() - 1], &v[..v.len() - 1]);
    let sum = |shift: usize| -> u32 {
        body.iter().enumerate().map(|(i, b)| u32::from(b & 15) * (1 + (i + shift) as u32 % 9)).sum()
    };
    let rest = match sum(0) % 11 {
        10 => sum(2) % 11 % 10,
        rest => rest,
    };
    body[body.len() - 1] == b'1' && rest == u32::from(check & 15)
}

fn latvia(v: &[u8]) -> bool {
    if v[0] > b'3' {
        return weighted(v, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3;
    }
    id::lv_pk(v)
}

fn netherlands(v: &[u8]) -> bool {
    shape(v, "NL999999999B99") && (id::nl_bsn(&v[2..11]) || mod97(v.iter().copied()) == Some(1))
}

fn romania(v: &[u8]) -> bool {
    let (check, body) = (v[v.len() - 1], &v[..v.len() - 1]);
    let sum: u32 = body
        .iter()
        .rev()
        .zip([2, 3, 5, 7, 1, 2, 3, 5, 7])
        .map(|(b, w)| u32::from(b & 15) * w)
        .sum();
    v[0] != b'0' && sum * 10 % 11 % 10 == u32::from(check & 15)
}

fn switzerland(v: &[u8]) -> bool {
    let Some((number, tail)) = v.split_at_checked(9) else { return false };
    let suffix = matches!(tail, b"" | b"MWST" | b"TVA" | b"IVA" | b"TPV" | b"HR");
    let rest = 11 - weighted(number, &[5, 4, 3, 2, 7, 6, 5, 4]) % 11;
    suffix && all_digits(number) && rest % 11 == u32::from(number[8] & 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_companies_pass_and_with_a_changed_digit_fail() {
        let numbers = [
            "ATU13585627",
            "BE0403019261",
            "BG175074752",
            "CZ25123891",
            "DE136695976",
            "DK13585628",
            "EE100594102",
            "EL094259216",
            "ESJ99216582",
            "FI20774740",
            "FR40303265045",
            "GB980780684",
            "HR33392005961",
            "HU12892312",
            "IE6433435F",
            "IT00743110157",
            "LT119511515",
            "LU15027442",
            "LV40003521600",
            "MT11679112",
            "NL004495445B01",
            "NO995525828MVA",
            "PL8567346215",
            "PT501964843",
            "RO18547290",
            "SE123456789701",
            "SI50223054",
            "SK2022749619",
            "CHE107787577IVA",
        ];
        for number in numbers {
            assert!(vat(number.as_bytes()), "{number}");
            // The third digit is never a check digit that two values share.
            let mut changed = number.as_bytes().to_vec();
            let at = number.bytes().rposition(|b| b.is_ascii_digit()).unwrap() - 3;
            changed[at] = if changed[at] == b'9' { b'0' } else { changed[at] + 1 };
            if changed[at].is_ascii_digit() {
                assert!(!vat(&changed), "{}", String::from_utf8_lossy(&changed));
            }
        }
    }
}
