//! Check rules of national identifiers beyond Europe, one function a scheme, named after it.

use super::identifiers::{all_digits, shape, ymd};
use super::{digits, luhn, number, uniform, verhoeff, weighted};

pub(crate) fn us_ssn(v: &[u8]) -> bool {
    let area = number(&v[..3]);
    let known_specimen = matches!(v, b"078051120" | b"219099999" | b"123456789");
    area != 0
        && area != 666
        && area < 900
        && &v[3..5] != b"00"
        && &v[5..] != b"0000"
        && !known_specimen
        && !uniform(v)
}

pub(crate) fn us_itin(v: &[u8]) -> bool {
    let group = number(&v[3..5]);
    v[0] == b'9' && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99)
}

pub(crate) fn us_npi(v: &[u8]) -> bool {
    let mut full = b"80840".to_vec();
    full.extend_from_slice(v);
    matches!(v[0], b'1' | b'2') && luhn(&full)
}

pub(crate) fn us_aba(v: &[u8]) -> bool {
    let district = number(&v[..2]);
    matches!(district, 1..=12 | 21..=32 | 61..=72 | 80)
        && weighted(v, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10)
}

pub(crate) fn us_mbi(v: &[u8]) -> bool {
    let letter = |b: u8| b"ACDEFGHJKMNPQRTUVWXY".contains(&b);
    let mixed = |b: u8| letter(b) || b.is_ascii_digit();
    (b'1'..=b'9').contains(&v[0])
        && letter(v[1])
        && mixed(v[2])
        && v[3].is_ascii_digit()
        && letter(v[4])
        && mixed(v[5])
        && v[6].is_ascii_digit()
        && letter(v[7])
        && letter(v[8])
        && all_digits(&v[9..])
}

pub(crate) fn us_dea(v: &[u8]) -> bool {
    let Some(d) = digits::<7>(&v[2..]) else { return false };
    v[..2].iter().all(u8::is_ascii_uppercase)
        && (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6]
}

pub(crate) fn br_cpf(v: &[u8]) -> bool {
    let check = |n: usize| {
        let sum: u32 = v[..n]
            .iter()
            .enumerate()
            .map(|(i, b)| u32::from(b & 15) * (n as u32 + 1 - i as u32))
            .sum();
        sum * 10 % 11 % 10 == u32::from(v[n] & 15)
    };
    !uniform(v) && check(9) && check(10)
}

pub(crate) fn br_cnpj(v: &[u8]) -> bool {
    let first = weighted(v, &[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    let second = weighted(v, &[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) * 10 % 11 % 10;
    !uniform(v) && first == u32::from(v[12] & 15) && second == u32::from(v[13] & 15)
}

pub(crate) fn in_aadhaar(v: &[u8]) -> bool {
    v[0] >= b'2' && !uniform(v) && verhoeff(v)
}

pub(crate) fn in_pan(v: &[u8]) -> bool {
    shape(v, "AAAAA9999A") && b"ABCFGHJLPT".contains(&v[3])
}

pub(crate) fn in_gstin(v: &[u8]) -> bool {
    shape(v, "99AAAAA9999AXZX") && (1..=37).contains(&number(&v[..2]))
}

pub(crate) fn ca_sin(v: &[u8]) -> bool {
    !matches!(v[0], b'0' | b'8') && luhn(v)
}

pub(crate) fn au_tfn(v: &[u8]) -> bool {
    !uniform(v) && weighted(v, &[1, 4, 3, 7, 5, 8, 6, 9, 10]).is_multiple_of(11)
}

pub(crate) fn au_abn(v: &[u8]) -> bool {
    let sum = weighted(v, &[10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    v[0] != b'0' && (sum - 10).is_multiple_of(89)
}

pub(crate) fn au_acn(v: &[u8]) -> bool {
    (10 - weighted(v, &[8, 7, 6, 5, 4, 3, 2, 1]) % 10) % 10 == u32::from(v[8] & 15)
}

pub(crate) fn au_medicare(v: &[u8]) -> bool {
    (b'2'..=b'6').contains(&v[0])
        && weighted(v, &[1, 3, 7, 9, 1, 3, 7, 9]) % 10 == u32::from(v[8] & 15)
}

pub(crate) fn za_id(v: &[u8]) -> bool {
    ymd(v) && matches!(v[10], b'0' | b'1') && luhn(v)
}

pub(crate) fn tr_tckn(v: &[u8]) -> bool {
    let Some(d) = digits::<11>(v) else { return false };
    let odd = d[0] + d[2] + d[4] + d[6] + d[8];
    let even = d[1] + d[3] + d[5] + d[7];
    d[0] != 0 && (odd * 7 + 100 - even) % 10 == d[9] && d[..10].iter().sum::<u32>() % 10 == d[10]
}

/// Thai identity number: the second and third digit are those of a province.
pub(crate) fn th_tnin(v: &[u8]) -> bool {
    let sum = weighted(v, &[13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
    let province = matches!(
        number(&v[1..3]),
        10..=27 | 30..=58 | 60..=67 | 70..=77 | 80..=86 | 90..=96
    );
    (b'1'..=b'8').contains(&v[0]) && province && (11 - sum % 11) % 10 == u32::from(v[12] & 15)
}

/// Korean numbers that are given out since 2020 have a date and no check digit.
pub(crate) fn kr_rrn_dated(v: &[u8]) -> bool {
    ymd(v) && (b'1'..=b'8').contains(&v[6])
}

pub(crate) fn kr_rrn(v: &[u8]) -> bool {
    let sum = weighted(v, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]);
    ymd(v) && (11 - sum % 11) % 10 == u32::from(v[12] & 15)
}

pub(crate) fn kr_brn(v: &[u8]) -> bool {
    let sum = weighted(v, &[1, 3, 7, 1, 3, 7, 1, 3])
        + u32::from(v[8] & 15) * 5 / 10
        + u32::from(v[8] & 15) * 5;
    (10 - sum % 10) % 10 == u32::from(v[9] & 15)
}

pub(crate) fn cn_ric(v: &[u8]) -> bool {
    let sum = weighted(v, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    all_digits(&v[..17]) && ymd(&v[8..]) && b"10X98765432"[(sum % 11) as usize] == v[17]
}

pub(crate) fn sg_nric(v: &[u8]) -> bool {
    if !shape(v, "A9999999A") || !b"STFGM".contains(&v[0]) {
        return false;
    }
    let sum = weighted(&v[1..], &[2, 7, 6, 5, 4, 3, 2]);
    let sum = sum + if b"TG".contains(&v[0]) { 4 } else { u32::from(v[0] == b'M') * 3 };
    let letters: &[u8; 11] = match v[0] {
        b'S' | b'T' => b"JZIHGFEDCBA",
        b'F' | b'G' => b"XWUTRQPNMLK",
        _ => b"KLJNPQRTUWX",
    };
    let index = if v[0] == b'M' { 10 - sum % 11 } else { sum % 11 };
    letters[index as usize] == v[8]
}

pub(crate) fn mx_curp(v: &[u8]) -> bool {
    shape(v, "AAAA999999AAAAAAX9") && ymd(&v[4..]) && b"HMX".contains(&v[10])
}

/// Singapore entity number: of a business, a local company or another entity.
pub(crate) fn sg_uen(v: &[u8]) -> bool {
    let last = v[v.len() - 1];
    if shape(v, "99999999A") {
        let sum = weighted(v, &[10, 4, 9, 3, 8, 2, 7, 1]);
        return b"XMKECAWLJDB"[(sum % 11) as usize] == last;
    }
    if shape(v, "999999999A") {
        let sum = weighted(v, &[10, 8, 6, 4, 9, 7, 5, 3, 1]);
        return (1800..=2100).contains(&number(&v[..4]))
            && b"ZKCMDNERGWH"[(sum % 11) as usize] == last;
    }
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWX0123456789";
    if !shape(v, "A99AA9999A") || !b"RST".contains(&v[0]) {
        return false;
    }
    let sum: Option<usize> = v[..9]
        .iter()
        .zip([4, 3, 5, 3, 10, 2, 2, 5, 7])
        .map(|(b, w)| ALPHABET.iter().position(|a| a == b).map(|place| place * w))
        .sum();
    sum.is_some_and(|sum| ALPHABET[(sum + 6) % 11] == last)
}

/// Israeli identity number.
pub(crate) fn il_id(v: &[u8]) -> bool {
    !uniform(v) && luhn(v)
}

/// Chilean number with a check character that may be `K`.
pub(crate) fn cl_rut(v: &[u8]) -> bool {
    let (last, body) = (v[v.len() - 1], &v[..v.len() - 1]);
    if !all_digits(body) {
        return false;
    }
    let sum: u32 =
        body.iter().rev().zip([2, 3, 4, 5, 6, 7, 2, 3]).map(|(b, w)| u32::from(b & 15) * w).sum();
    b"0K987654321"[(sum % 11) as usize] == last
}

/// Malaysian identity card: a date and the place of birth.
pub(crate) fn my_nric(v: &[u8]) -> bool {
    ymd(v) && !matches!(number(&v[6..8]), 0 | 17..=20 | 69 | 70 | 73 | 80 | 81 | 94..=97)
}

/// Mexican tax number of a person or a company.
pub(crate) fn mx_rfc(v: &[u8]) -> bool {
    (shape(v, "AAAA999999XXX") && ymd(&v[4..])) || (shape(v, "AAA999999XXX") && ymd(&v[3..]))
}

/// Indian voter card: three letters and seven digits with a Luhn check.
pub(crate) fn in_epic(v: &[u8]) -> bool {
    shape(v, "AAA9999999") && luhn(&v[3..])
}

/// Pakistani identity card: province first, the sex last.
pub(crate) fn pk_cnic(v: &[u8]) -> bool {
    (b'1'..=b'7').contains(&v[0]) && !uniform(v)
}

/// Dominican identity card.
pub(crate) fn do_cedula(v: &[u8]) -> bool {
    !uniform(v) && luhn(v)
}

/// Brazilian number of the social programmes (PIS/PASEP).
pub(crate) fn br_pis(v: &[u8]) -> bool {
    let rest = 11 - weighted(v, &[3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    !uniform(v) && (if rest > 9 { 0 } else { rest }) == u32::from(v[10] & 15)
}

/// Brazilian health card.
pub(crate) fn br_cns(v: &[u8]) -> bool {
    let weights = [15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1];
    b"12789".contains(&v[0]) && weighted(v, &weights).is_multiple_of(11)
}

/// Brazilian company with letters in its root.
pub(crate) fn br_cnpj_mixed(v: &[u8]) -> bool {
    let sum = |weights: &[u32]| {
        let total: u32 = v.iter().zip(weights).map(|(b, w)| u32::from(b - b'0') * w).sum();
        let rest = total % 11;
        if rest < 2 { 0 } else { 11 - rest }
    };
    v[..12].iter().any(u8::is_ascii_uppercase)
        && all_digits(&v[12..])
        && sum(&[5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(v[12] & 15)
        && sum(&[6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]) == u32::from(v[13] & 15)
}

/// Korean driving licence: a region, a year, a number and a check.
pub(crate) fn kr_driver(v: &[u8]) -> bool {
    (11..=28).contains(&number(&v[..2]))
}

/// Macedonian tax number.
pub(crate) fn mk_edb(v: &[u8]) -> bool {
    let sum = weighted(v, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]);
    (11 - sum % 11) % 11 % 10 == u32::from(v[12] & 15) && !uniform(v)
}

/// Japanese personal number.
pub(crate) fn jp_my_number(v: &[u8]) -> bool {
    let rest = weighted(v, &[6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    !uniform(v) && (if rest < 2 { 0 } else { 11 - rest }) == u32::from(v[11] & 15)
}

/// Philippine unified identity card.
pub(crate) fn ph_umid(v: &[u8]) -> bool {
    !uniform(v)
}

/// Ukrainian tax number of a person.
pub(crate) fn ua_rntrc(v: &[u8]) -> bool {
    let weights = [10, 5, 7, 9, 4, 6, 10, 5, 7];
    !uniform(v) && weighted(v, &weights) % 11 % 10 == u32::from(v[9] & 15)
}

/// Argentine tax number of a person or a company.
pub(crate) fn ar_cuit(v: &[u8]) -> bool {
    let rest = 11 - weighted(v, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    matches!(number(&v[..2]), 20 | 23 | 24 | 27 | 30 | 33 | 34 | 50 | 51 | 55)
        && rest % 11 == u32::from(v[10] & 15)
}
