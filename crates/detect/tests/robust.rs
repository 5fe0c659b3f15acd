//! Whatever comes in, the detector ends, and its findings are spans of the text in order. The
//! inputs are seeds of all matchers, cut, joined and damaged at random places; if a bound check
//! goes missing anywhere, one of them panics here.
#![allow(clippy::unwrap_used)]

use portreeve_detect::mask::{Container, Method, mask};
use portreeve_detect::{Column, Detector, classify};

const SEEDS: &[&str] = &[
    "Maria Müller, Gartenstraße 5a, 28028 Madrid, tel. +49 (0)171 123-45 67",
    "IBAN DE89 3704 0044 0532 0130 00, card 4111_1111_1111_1111, SSN 514-69-0360",
    "eva (at) example (dot) org; e v a @ e x a m p l e . o r g; &#101;va&#64;example.org",
    "ZXZhQGV4YW1wbGUub3Jn %65%76%61%40 \\u0065\\x76 =65=76 0x6576614065786d706c652e6f7267",
    "{\"password\": \"Qr7!dke#39\", \"ip\": \"2001:db8::ff00:42:8329\", \"mac\": \"00:1B:44:11:3A:B7\"}",
    "born 12. Mai 1978, geboren am 10.05.1978, mujer de 40 años, diagnosis: F20.0",
    "ｅｖａ＠ｅｘａｍｐｌｅ．ｏｒｇ D\u{415}89\u{200b} 52.37021, 4.89517 postgres://a:b@c.d/e",
    "-----BEGIN PRIVATE KEY-----\nMIIB\n<b>x</b>-----END PRIVATE KEY----- AKIAIOSFODNN7EXAMPLE",
    "L'avvocato O'Neill's d'Angers McDonald ΑΜΚΑ: 11077063607 ЕГН 7523169263 ул. Шипка 5",
];

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn damaged(random: &mut Random) -> String {
    const SPARE: &[char] = &[
        '0',
        '9',
        ' ',
        '\n',
        '.',
        '-',
        '@',
        ':',
        '/',
        '\\',
        '%',
        '&',
        '=',
        '<',
        '(',
        '"',
        'A',
        'z',
        'é',
        'ß',
        '\u{200b}',
        '\u{301}',
        'Ж',
        '１',
        '\u{1d7d0}',
        '€',
        '\0',
        ',',
    ];
    let mut chars: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
    if random.below(2) == 0 {
        let other: Vec<char> = SEEDS[random.below(SEEDS.len())].chars().collect();
        let (at, from) = (random.below(chars.len()), random.below(other.len()));
        chars.truncate(at);
        chars.extend(&other[from..]);
    }
    for _ in 0..random.below(6) {
        if chars.is_empty() {
            break;
        }
        let at = random.below(chars.len());
        let c = SPARE[random.below(SPARE.len())];
        match random.below(4) {
            0 => chars.insert(at, c),
            1 => drop(chars.remove(at)),
            2 => chars[at] = c,
            _ => chars.truncate(at),
        }
    }
    chars.into_iter().collect()
}

#[test]
fn findings_are_spans_of_any_text_in_order() {
    let rounds = std::env::var("ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(3_000);
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let detector = Detector::default();
    for _ in 0..rounds {
        let text = damaged(&mut random);
        let mut found = Vec::new();
        detector.detect_labelled(
            ["", "phone", "ssn", "address"][random.below(4)],
            &text,
            &mut found,
        );
        let mut at = 0;
        for finding in &found {
            assert!(at <= finding.start && finding.start < finding.end, "{text:?} {found:?}");
            assert!(text.get(finding.range()).is_some(), "{text:?} {finding:?}");
            at = finding.end;
        }
        let masked = mask(&text, Container::Text, &found, &Method::Partial).unwrap();
        assert!(found.is_empty() == (masked.text == text), "{text:?} {masked:?}");
        let mut bytes = text.clone().into_bytes();
        if !bytes.is_empty() {
            let at = random.below(bytes.len());
            bytes[at] = 0xFF;
        }
        detector.detect_bytes(&bytes, &mut found);
        let _ = classify(&Column { name: &text, values: &[&text, "1"], ..Column::default() });
    }
}
