//! Check rules of national identifiers, one function a scheme, named after it.
//! They judge a compact value only; whether a value is one is for the rules table to say.

use super::{day_month, luhn, mod11_10, mod97, number, uniform, verhoeff, weighted};

/// A date of six digits, year first.
pub(crate) fn ymd(v: &[u8]) -> bool {
    day_month(number(&v[4..6]), number(&v[2..4]))
}

/// A date of six digits, day first.
pub(crate) fn dmy(v: &[u8]) -> bool {
    day_month(number(&v[0..2]), number(&v[2..4]))
}

pub(crate) fn all_digits(v: &[u8]) -> bool {
    v.iter().all(u8::is_ascii_digit)
}

pub(crate) fn shape(v: &[u8], pattern: &str) -> bool {
    v.len() == pattern.len()
        && v.iter().zip(pattern.bytes()).all(|(byte, kind)| match kind {
            b'9' => byte.is_ascii_digit(),
            b'A' => byte.is_ascii_uppercase(),
            b'X' => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            _ => *byte == kind,
        })
}

pub(crate) fn at_svnr(v: &[u8]) -> bool {
    let sum = weighted(v, &[3, 7, 9, 0, 5, 8, 4, 2, 1, 6]);
    v[0] != b'0'
        && sum % 11 == u32::from(v[3] & 15)
        && day_month(number(&v[4..6]), number(&v[6..8]).min(12))
}

pub(crate) fn be_nn(v: &[u8]) -> bool {
    let (body, check) = (number(&v[..9]), number(&v[9..]));
    let month = number(&v[2..4]);
    let dated = month == 0 || day_month(number(&v[4..6]).max(1), (month % 20).max(1));
    dated && (97 - body % 97 == check || 97 - (body + 2_000_000_000) % 97 == check)
}

pub(crate) fn bg_egn(v: &[u8]) -> bool {
    let month = number(&v[2..4]);
    let month = match month {
        21..=32 => month - 20,
        41..=52 => month - 40,
        other => other,
    };
    let sum = weighted(v, &[2, 4, 8, 5, 10, 9, 7, 3, 6]);
    day_month(number(&v[4..6]), month) && sum % 11 % 10 == u32::from(v[9] & 15)
}

pub(crate) fn ch_ahv(v: &[u8]) -> bool {
    v.starts_with(b"756")
        && (weighted(v, &[1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1])).is_multiple_of(10)
}

pub(crate) fn cy_tin(v: &[u8]) -> bool {
    const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
    if !shape(v, "99999999A") || v.starts_with(b"12") {
        return false;
    }
    let sum: u32 = v[..8]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let digit = u32::from(b & 15);
            if i % 2 == 0 { ODD[digit as usize] } else { digit }
        })
        .sum();
    u32::from(v[8] - b'A') == sum % 26
}

pub(crate) fn cz_rc(v: &[u8]) -> bool {
    let month = number(&v[2..4]) % 50;
    let month = if month > 20 { month - 20 } else { month };
    if !day_month(number(&v[4..6]), month) {
        return false;
    }
    let value = number(v);
    value.is_multiple_of(11) || number(&v[..9]) % 11 == 10 && v[9] == b'0'
}

/// Numbers before 1954 have nine digits and no check digit.
pub(crate) fn cz_rc_short(v: &[u8]) -> bool {
    number(&v[..2]) < 54 && day_month(number(&v[4..6]), number(&v[2..4]) % 50) && &v[6..] != b"000"
}

pub(crate) fn de_tax_id(v: &[u8]) -> bool {
    let mut counts = [0_u8; 10];
    for byte in &v[..10] {
        counts[usize::from(byte & 15)] += 1;
    }
    let repeats = counts.iter().filter(|count| **count > 1).count();
    // The number printed in the authority's own examples has no repeat; real ones have one.
    let fits = repeats == 0 || repeats == 1 && counts.iter().all(|count| *count <= 3);
    v[0] != b'0' && fits && mod11_10(v)
}

pub(crate) fn de_svnr(v: &[u8]) -> bool {
    if !shape(v, "99999999A999") || !day_month(number(&v[2..4]) % 50, number(&v[4..6])) {
        return false;
    }
    let letter = u32::from(v[8] - b'A') + 1;
    let row = [
        v[0] & 15,
        v[1] & 15,
        v[2] & 15,
        v[3] & 15,
        v[4] & 15,
        v[5] & 15,
        v[6] & 15,
        v[7] & 15,
        (letter / 10) as u8,
        (letter % 10) as u8,
        v[9] & 15,
        v[10] & 15,
    ];
    let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
    let sum: u32 = row
        .iter()
        .zip(weights)
        .map(|(digit, weight)| {
            let product = u32::from(*digit) * weight;
            product / 10 + product % 10
        })
        .sum();
    sum % 10 == u32::from(v[11] & 15)
}

/// The check digit of ICAO 9303 travel documents (weights 7, 3, 1).
fn icao(body: &[u8]) -> u32 {
    let value = |byte: u8| match byte {
        b'0'..=b'9' => u32::from(byte - b'0'),
        _ => u32::from(byte - b'A') + 10,
    };
    body.iter().zip([7, 3, 1].iter().cycle()).map(|(b, w)| value(*b) * w).sum::<u32>() % 10
}

/// German identity card and passport: nine characters of a reduced alphabet and a check digit
/// that is sometimes written behind them.
pub(crate) fn de_document(v: &[u8]) -> bool {
    let alphabet = |b: &u8| b.is_ascii_digit() || b"CFGHJKLMNPRTVWXYZ".contains(b);
    let digits = v[1..].iter().filter(|b| b.is_ascii_digit()).count();
    match v.len() {
        10 => {
            b"CFGHJKLMNPRTVWXYZ".contains(&v[0])
                && digits >= 4
                && v[1..9].iter().all(alphabet)
                && v[9].is_ascii_digit()
                && icao(&v[..9]) == u32::from(v[9] & 15)
        }
        9 => {
            b"CFGHJKLMNPRTVWXYZ".contains(&v[0])
                && digits >= 4
                && v[1..].iter().all(alphabet)
                && v[8].is_ascii_digit()
                && icao(&v[..8]) == u32::from(v[8] & 15)
        }
        _ => false,
    }
}

pub(crate) fn de_health(v: &[u8]) -> bool {
    if !shape(v, "A999999999") {
        return false;
    }
    let letter = u32::from(v[0] - b'A') + 1;
    let row = [(letter / 10) as u8, (letter % 10) as u8];
    let sum: u32 = row
        .iter()
        .copied()
        .chain(v[1..9].iter().map(|b| b & 15))
        .enumerate()
        .map(|(i, digit)| {
            let product = u32::from(digit) * (1 + i as u32 % 2);
            product / 10 + product % 10
        })
        .sum();
    sum % 10 == u32::from(v[9] & 15)
}

pub(crate) fn dk_cpr(v: &[u8]) -> bool {
    dmy(v) && !uniform(v)
}

/// The older Danish numbers pass a mod 11 check.
pub(crate) fn dk_cpr_checked(v: &[u8]) -> bool {
    dmy(v) && weighted(v, &[4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// Estonia and Lithuania share century digit, date and two-stage check.
pub(crate) fn ee_lt(v: &[u8]) -> bool {
    if !(b'1'..=b'8').contains(&v[0]) || !ymd(&v[1..]) {
        return false;
    }
    let mut check = weighted(v, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
    if check == 10 {
        check = weighted(v, &[3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11 % 10;
    }
    check == u32::from(v[10] & 15)
}

const DNI: &[u8; 23] = b"TRWAGMYFPDXBNJZSQVHLCKE";

pub(crate) fn es_dni(v: &[u8]) -> bool {
    shape(v, "99999999A") && DNI[(number(&v[..8]) % 23) as usize] == v[8]
}

pub(crate) fn es_nie(v: &[u8]) -> bool {
    let prefix = match v[0] {
        b'X' => 0,
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => return false,
    };
    all_digits(&v[1..8]) && DNI[((prefix + number(&v[1..8])) % 23) as usize] == v[8]
}

pub(crate) fn es_cif(v: &[u8]) -> bool {
    if !b"ABCDEFGHJNPQRSUVW".contains(&v[0]) || !all_digits(&v[1..8]) {
        return false;
    }
    let sum: u32 = v[1..8]
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let product = u32::from(b & 15) * (2 - i as u32 % 2);
            product / 10 + product % 10
        })
        .sum();
    let check = (10 - sum % 10) % 10;
    u32::from(v[8]) == u32::from(b'0') + check || v[8] == b"JABCDEFGHI"[check as usize]
}

pub(crate) fn es_nss(v: &[u8]) -> bool {
    let (body, check) = (number(&v[..10]), number(&v[10..]));
    let short = number(&v[..2]) * 10_000_000 + number(&v[2..10]);
    (1..=66).contains(&number(&v[..2])) && (body % 97 == check || short % 97 == check)
}

pub(crate) fn fi_hetu(v: &[u8]) -> bool {
    const CHECKS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
    let century = b"+-ABCDEFUVWXY".contains(&v[6]);
    if !century || !all_digits(&v[..6]) || !all_digits(&v[7..10]) || !dmy(v) {
        return false;
    }
    let body = number(&v[..6]) * 1000 + number(&v[7..10]);
    number(&v[7..10]) >= 2 && CHECKS[(body % 31) as usize] == v[10]
}

pub(crate) fn fr_nir(v: &[u8]) -> bool {
    if !matches!(v[0], b'1'..=b'4' | b'7' | b'8') || !all_digits(&v[1..5]) {
        return false;
    }
    let month = number(&v[3..5]);
    let corsica = match (v[5], v[6]) {
        (b'2', b'A') => 1_000_000,
        (b'2', b'B') => 2_000_000,
        _ => 0,
    };
    let known_month = matches!(month, 1..=12 | 20 | 30..=42 | 50..=99);
    if !known_month || corsica == 0 && !v[6].is_ascii_digit() || !all_digits(&v[7..]) {
        return false;
    }
    let mut body = v[..13].to_vec();
    if corsica != 0 {
        body[6] = b'0';
    }
    97 - (number(&body) - corsica) % 97 == number(&v[13..])
}

pub(crate) fn fr_nif(v: &[u8]) -> bool {
    (b'0'..=b'3').contains(&v[0]) && number(&v[..10]) % 511 == number(&v[10..])
}

pub(crate) fn gr_afm(v: &[u8]) -> bool {
    let sum = weighted(v, &[256, 128, 64, 32, 16, 8, 4, 2]);
    sum != 0 && sum % 11 % 10 == u32::from(v[8] & 15)
}

pub(crate) fn gr_amka(v: &[u8]) -> bool {
    dmy(v) && luhn(v)
}

pub(crate) fn hr_oib(v: &[u8]) -> bool {
    !uniform(v) && mod11_10(v)
}

pub(crate) fn hu_taj(v: &[u8]) -> bool {
    !uniform(v) && weighted(v, &[3, 7, 3, 7, 3, 7, 3, 7]) % 10 == u32::from(v[8] & 15)
}

pub(crate) fn hu_tax(v: &[u8]) -> bool {
    v[0] == b'8' && weighted(v, &[1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 == u32::from(v[9] & 15)
}

pub(crate) fn hu_personal(v: &[u8]) -> bool {
    let up = weighted(v, &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) % 11;
    let down = weighted(v, &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]) % 11;
    let check = u32::from(v[10] & 15);
    (b'1'..=b'8').contains(&v[0]) && ymd(&v[1..]) && (up == check || down == check)
}

pub(crate) fn ie_pps(v: &[u8]) -> bool {
    if !all_digits(&v[..7]) || !v[7].is_ascii_uppercase() {
        return false;
    }
    let second = match v.get(8) {
        None | Some(b'W') => 0,
        Some(letter @ b'A'..=b'I') => u32::from(letter - b'A' + 1),
        _ => return false,
    };
    let sum = weighted(v, &[8, 7, 6, 5, 4, 3, 2]) + 9 * second;
    b"WABCDEFGHIJKLMNOPQRSTUV"[(sum % 23) as usize] == v[7]
}

pub(crate) fn is_kennitala(v: &[u8]) -> bool {
    let sum = weighted(v, &[3, 2, 7, 6, 5, 4, 3, 2, 1]);
    let day = number(&v[..2]);
    let day = if day > 40 { day - 40 } else { day };
    day_month(day, number(&v[2..4])) && matches!(v[9], b'8' | b'9' | b'0') && sum.is_multiple_of(11)
}

pub(crate) fn it_cf(v: &[u8]) -> bool {
    const ODD: [u32; 26] = [
        1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24,
        23,
    ];
    let place = |byte: u8| match byte {
        b'0'..=b'9' => (byte - b'0') as usize,
        _ => (byte - b'A') as usize,
    };
    let letters = [0, 1, 2, 3, 4, 5, 8, 11, 15];
    // Digits may be replaced by letters when two people would share a code.
    let fits = v.iter().enumerate().all(|(i, b)| {
        if letters.contains(&i) {
            b.is_ascii_uppercase()
        } else {
            b.is_ascii_digit() || b"LMNPQRSTUV".contains(b)
        }
    });
    if !fits || !b"ABCDEHLMPRST".contains(&v[8]) {
        return false;
    }
    let sum: u32 = v[..15]
        .iter()
        .enumerate()
        .map(|(i, b)| if i % 2 == 0 { ODD[place(*b)] } else { place(*b) as u32 })
        .sum();
    sum % 26 == u32::from(v[15] - b'A')
}

pub(crate) fn it_piva(v: &[u8]) -> bool {
    !uniform(v) && luhn(v)
}

pub(crate) fn lu_nin(v: &[u8]) -> bool {
    let mut second = v[..11].to_vec();
    second.push(v[12]);
    let year = number(&v[..4]);
    (1880..2060).contains(&year) && ymd(&v[2..]) && luhn(&v[..12]) && verhoeff(&second)
}

pub(crate) fn lv_pk(v: &[u8]) -> bool {
    if v.starts_with(b"32") {
        return true;
    }
    let sum = weighted(v, &[1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    dmy(v) && (b'0'..=b'2').contains(&v[6]) && (1101 - sum) % 11 % 10 == u32::from(v[10] & 15)
}

pub(crate) fn mt_id(v: &[u8]) -> bool {
    let (last, body) = (v[v.len() - 1], &v[..v.len() - 1]);
    all_digits(body) && b"MGAPLHBZ".contains(&last) && number(body) > 0
}

pub(crate) fn nl_bsn(v: &[u8]) -> bool {
    let sum = weighted(v, &[9, 8, 7, 6, 5, 4, 3, 2]);
    !uniform(v) && sum % 11 == u32::from(v[8] & 15)
}

pub(crate) fn no_fnr(v: &[u8]) -> bool {
    let day = number(&v[..2]);
    let month = number(&v[2..4]);
    let day = if day > 40 { day - 40 } else { day };
    let month = if month > 40 { month - 40 } else { month };
    day_month(day, month)
        && weighted(v, &[3, 7, 6, 1, 8, 9, 4, 5, 2, 1]).is_multiple_of(11)
        && weighted(v, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

pub(crate) fn pl_pesel(v: &[u8]) -> bool {
    let sum = weighted(v, &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    day_month(number(&v[4..6]), number(&v[2..4]) % 20)
        && (10 - sum % 10) % 10 == u32::from(v[10] & 15)
}

pub(crate) fn pl_nip(v: &[u8]) -> bool {
    !uniform(v) && weighted(v, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(v[9] & 15)
}

pub(crate) fn pl_id_card(v: &[u8]) -> bool {
    if !shape(v, "AAA999999") {
        return false;
    }
    let value =
        |b: u8| if b.is_ascii_digit() { u32::from(b & 15) } else { u32::from(b - b'A') + 10 };
    v.iter()
        .zip([7, 3, 1, 9, 7, 3, 1, 7, 3])
        .map(|(b, w)| value(*b) * w)
        .sum::<u32>()
        .is_multiple_of(10)
}

pub(crate) fn pt_nif(v: &[u8]) -> bool {
    let check = 11 - weighted(v, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    b"1235689".contains(&v[0]) && (if check > 9 { 0 } else { check }) == u32::from(v[8] & 15)
}

/// Portuguese citizen card: eight digits, a check digit, two letters and a Luhn check.
pub(crate) fn pt_cc(v: &[u8]) -> bool {
    if !shape(v, "999999999XX9") || v[9].is_ascii_digit() && v[10].is_ascii_digit() {
        return false;
    }
    let value =
        |b: u8| if b.is_ascii_digit() { u32::from(b & 15) } else { u32::from(b - b'A') + 10 };
    let sum: u32 = v
        .iter()
        .enumerate()
        .map(|(i, b)| {
            let digit = value(*b) * (2 - i as u32 % 2);
            if i % 2 == 0 && digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

pub(crate) fn ro_cnp(v: &[u8]) -> bool {
    let check = weighted(v, &[2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
    (b'1'..=b'9').contains(&v[0])
        && ymd(&v[1..])
        && (if check == 10 { 1 } else { check }) == u32::from(v[12] & 15)
}

pub(crate) fn se_pnr(v: &[u8]) -> bool {
    let day = number(&v[4..6]);
    day_month(if day > 60 { day - 60 } else { day }, number(&v[2..4])) && luhn(v)
}

pub(crate) fn se_pnr_long(v: &[u8]) -> bool {
    matches!(&v[..2], b"18" | b"19" | b"20") && se_pnr(&v[2..])
}

pub(crate) fn se_org(v: &[u8]) -> bool {
    v[2] >= b'2' && b"1235678 9".contains(&v[0]) && luhn(v)
}

pub(crate) fn si_emso(v: &[u8]) -> bool {
    let check = 11 - weighted(v, &[7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11;
    dmy(v) && (if check == 11 { 0 } else { check }) == u32::from(v[12] & 15)
}

pub(crate) fn si_tax(v: &[u8]) -> bool {
    let check = 11 - weighted(v, &[8, 7, 6, 5, 4, 3, 2]) % 11;
    v[0] != b'0' && (if check == 10 { 0 } else { check }) == u32::from(v[7] & 15)
}

pub(crate) fn uk_nhs(v: &[u8]) -> bool {
    let check = 11 - weighted(v, &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    !uniform(v) && (if check == 11 { 0 } else { check }) == u32::from(v[9] & 15)
}

pub(crate) fn uk_nino(v: &[u8]) -> bool {
    shape(v, "AA999999A")
        && b"ABCD".contains(&v[8])
        && !b"DFIQUV".contains(&v[0])
        && !b"DFIOQUV".contains(&v[1])
        && ![b"BG", b"GB", b"KN", b"NK", b"NT", b"TN", b"ZZ"].contains(&&[v[0], v[1]])
}

pub(crate) fn uk_utr(v: &[u8]) -> bool {
    let rest = weighted(&v[1..], &[6, 7, 8, 9, 10, 5, 4, 3, 2]) % 11;
    u32::from(v[0] & 15) == [2, 1, 9, 8, 7, 6, 5, 4, 3, 2, 1][rest as usize]
}

pub(crate) fn uk_driver(v: &[u8]) -> bool {
    shape(v, "XXXXX999999XXXAA")
        && v[0].is_ascii_uppercase()
        && v[1].is_ascii_uppercase()
        && day_month(number(&v[8..10]), number(&v[6..8]) % 50)
}

/// An IBAN: country, length by country, MOD 97-10.
pub(crate) fn iban(v: &[u8]) -> bool {
    const LENGTHS: &[u8] = b"AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24\
        DE22DJ27DK18DO28EE20EG29ES24FI18FK18FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23\
        IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15\
        OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29\
        VA22VG24XK20YE30";
    let known =
        LENGTHS.chunks_exact(4).any(|c| c[..2] == v[..2] && number(&c[2..]) as usize == v.len());
    known && mod97(v[4..].iter().chain(&v[..4]).copied()) == Some(1)
}

/// A card number: issuer range, length and Luhn.
pub(crate) fn card(v: &[u8]) -> bool {
    if !all_digits(v) || uniform(v) || !luhn(v) {
        return false;
    }
    let (two, three, four) = (number(&v[..2]), number(&v[..3]), number(&v[..4]));
    match v.len() {
        12 | 17 | 18 => matches!(two, 50 | 56..=69),
        13 => v[0] == b'4',
        14 => matches!(two, 36 | 38 | 39) || (300..=305).contains(&three) || three == 309,
        15 => matches!(two, 34 | 37) || matches!(four, 1800 | 2131 | 2014 | 2149) || three == 122,
        16 | 19 => {
            v[0] == b'4'
                || matches!(two, 50..=69 | 35 | 36 | 38 | 39 | 81)
                || four == 9792
                || (2200..=2720).contains(&four)
                || (3088..=3158).contains(&four)
        }
        _ => false,
    }
}

/// IMEI: fifteen digits with a Luhn check.
pub(crate) fn imei(v: &[u8]) -> bool {
    luhn(v) && !uniform(v) && matches!(v[0], b'0' | b'3' | b'8' | b'9' | b'4')
}

pub(crate) fn passport(v: &[u8]) -> bool {
    let letters = v.iter().take_while(|b| b.is_ascii_uppercase()).count();
    letters <= 3
        && v.len() - letters >= 6
        && v[letters..].iter().filter(|b| b.is_ascii_digit()).count() >= 5
}

/// Austrian tax number: office and number with a check digit.
pub(crate) fn at_tin(v: &[u8]) -> bool {
    const DOUBLED: &[u8; 10] = b"0246813579";
    let sum: u32 = v[..8]
        .iter()
        .enumerate()
        .map(|(i, b)| u32::from(if i % 2 == 1 { DOUBLED[usize::from(b & 15)] } else { *b } & 15))
        .sum();
    (10 - sum % 10) % 10 == u32::from(v[8] & 15)
}

/// Bulgarian number of a foreigner.
pub(crate) fn bg_pnf(v: &[u8]) -> bool {
    !uniform(v) && weighted(v, &[21, 19, 17, 13, 11, 9, 7, 3, 1]) % 10 == u32::from(v[9] & 15)
}

/// Norwegian register of entities.
pub(crate) fn no_org(v: &[u8]) -> bool {
    !uniform(v) && weighted(v, &[3, 2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
}

/// French establishment: fourteen digits with a Luhn check, and so its first nine.
pub(crate) fn fr_siret(v: &[u8]) -> bool {
    !uniform(v) && luhn(v) && (luhn(&v[..9]) || v.starts_with(b"356000000"))
}

/// Maltese identity card in seven digits and a letter.
pub(crate) fn mt_id_card(v: &[u8]) -> bool {
    v.len() == 8 && mt_id(v)
}
