//! Invisible characters are left out, and characters that look like ASCII become ASCII.

use super::mapped::Mapped;
use crate::text::bytes::find_high;

/// A character that shows nothing.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{20e3}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
}

/// What a character of another block stands for, whatever stands next to it.
fn plain(c: char) -> Option<char> {
    let code = c as u32;
    let shifted = |base: u32, first: char| char::from_u32(first as u32 + (code - base));
    match code {
        0xFF01..=0xFF5E => shifted(0xFF01, '!'),
        0x3000 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F => Some(' '),
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 | 0x30FC | 0x2E3A => Some('-'),
        0x3002 | 0xFF61 | 0x2024 | 0xB7 | 0x2E31 | 0xFE52 => Some('.'),
        0x2044 | 0x2215 | 0x29F8 => Some('/'),
        0xFE6B => Some('@'),
        0x02D0 | 0xA789 | 0x2236 | 0xFE55 => Some(':'),
        0x2460..=0x2468 => shifted(0x2460, '1'),
        0x2474..=0x247C => shifted(0x2474, '1'),
        0x2488..=0x2490 => shifted(0x2488, '1'),
        0x2776..=0x277E => shifted(0x2776, '1'),
        0x2780..=0x2788 => shifted(0x2780, '1'),
        0x278A..=0x2792 => shifted(0x278A, '1'),
        0x24EA | 0x24FF | 0x2070 | 0x2080 => Some('0'),
        0x24B6..=0x24CF => shifted(0x24B6, 'A'),
        0x24D0..=0x24E9 => shifted(0x24D0, 'a'),
        0x1F130..=0x1F149 => shifted(0x1F130, 'A'),
        0x1F150..=0x1F169 => shifted(0x1F150, 'A'),
        0x1F170..=0x1F189 => shifted(0x1F170, 'A'),
        0x1F1E6..=0x1F1FF => shifted(0x1F1E6, 'A'),
        0xB9 => Some('1'),
        0xB2 | 0xB3 => shifted(0xB2, '2'),
        0x2074..=0x2079 => shifted(0x2074, '4'),
        0x2081..=0x2089 => shifted(0x2081, '1'),
        0x1D7CE..=0x1D7FF => char::from_digit((code - 0x1D7CE) % 10, 10),
        0x1D400..=0x1D6A3 => {
            let index = (code - 0x1D400) % 52;
            char::from_u32(if index < 26 { 65 + index } else { 71 + index })
        }
        0x212A => Some('K'),
        0x210E => Some('h'),
        _ => {
            let zero = ZEROS[..ZEROS.partition_point(|zero| *zero <= code)].last()?;
            char::from_digit(code - zero, 10)
        }
    }
}

/// The zeros of the scripts of Unicode that have digits of their own, nine more behind each.
const ZEROS: &[u32] = &[
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66,
    0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040, 0x1090, 0x17E0, 0x1810, 0x1946, 0x19D0, 0x1A80, 0x1A90,
    0x1B50, 0x1BB0, 0x1C40, 0x1C50, 0xA620, 0xA8D0, 0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0,
    0x104A0, 0x10D30, 0x11066, 0x110F0, 0x11136, 0x111D0, 0x112F0, 0x11450, 0x114D0, 0x11650,
    0x116C0, 0x11730, 0x118E0, 0x11950, 0x11C50, 0x11D50, 0x11DA0, 0x11F50, 0x16A60, 0x16AC0,
    0x16B50, 0x1E140, 0x1E2F0, 0x1E4F0, 0x1E950, 0x1FBF0,
];

/// The letter or sign that a tag character repeats.
fn tag(c: char) -> Option<char> {
    char::from_u32((c as u32).checked_sub(0xE0000)?).filter(|c| (' '..='~').contains(c))
}

/// What a letter of another script looks like.
fn look_alike(c: char) -> Option<char> {
    const PAIRS: &[(&str, &str)] = &[
        ("аеорсухіјѕһԁԛԝвкмнтгпЬӏ", "aeopcyxijshdqwvkmhtrnbl"),
        ("АВЕЗКМНОРСТУХІЈЅҺԌԚԜЀӀҮ", "ABE3KMHOPCTYXIJSHGQWEIY"),
        ("αβγενικορτυχωϲϳѵ", "abyevikoptuxwcjv"),
        ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧϹϺ", "ABEZHIKMNOPTYXCM"),
        ("օսոհցքհյ", "ounhgpht"),
        ("ıȷɑɡɩʟʀɴᴀᴄᴇᴏᴠᴢꜱᴛᴜᴡ", "ijagilrnaceovzstuw"),
    ];
    PAIRS.iter().find_map(|(from, to)| {
        let at = from.chars().position(|x| x == c)?;
        to.chars().nth(at)
    })
}

fn is_foreign(c: char) -> bool {
    matches!(
        c as u32,
        0x370..=0x58F | 0x1D00..=0x1D7F | 0x131 | 0x237 | 0x251..=0x2AF | 0xA730..=0xA731
    )
}

/// The text without disguise; nothing when there is none.
pub(super) fn normalize(text: &str) -> Option<Mapped> {
    if !is_suspect(text) {
        return None;
    }
    let bytes = text.as_bytes();
    let mut out: Option<Mapped> = None;
    let mut word = Word::default();
    let (mut done, mut last) = (0, b' ');
    while let Some(start) = find_high(bytes, done) {
        let Some(c) = text[start..].chars().next() else { break };
        if start > done {
            last = bytes[start - 1];
        }
        done = start + c.len_utf8();
        let mark = ('\u{300}'..='\u{36f}').contains(&c)
            && (last.is_ascii_digit() || last.is_ascii_punctuation());
        // One tag character hides in a value; several are a value that nobody sees.
        let next = || text[done..].chars().next().is_some_and(|next| tag(next).is_some());
        let before = || text[..start].chars().next_back().is_some_and(|c| tag(c).is_some());
        if let Some(told) = tag(c).filter(|_| before() || next()) {
            out.get_or_insert_default().put(text, told, start, done);
            last = told as u8;
            continue;
        }
        if is_invisible(c) || mark {
            out.get_or_insert_default().skip(text, start, done);
            continue;
        }
        let foreign = is_foreign(c);
        let new =
            plain(c).or_else(|| if foreign && word.at(text, start) { look_alike(c) } else { None });
        last = new.map_or(0x80, |c| c as u8);
        if let Some(new) = new {
            out.get_or_insert_default().put(text, new, start, done);
        }
    }
    Some(out?.finish(text))
}

/// The text without the zeros between its characters, as UTF-16 has them that is read as bytes.
pub(super) fn without_nul(text: &str) -> Option<Mapped> {
    let mut out: Option<Mapped> = None;
    for at in memchr::memchr_iter(0, text.as_bytes()) {
        out.get_or_insert_default().skip(text, at, at + 1);
    }
    Some(out?.finish(text))
}

/// The word at hand, and whether it mixes letters.
#[derive(Default)]
struct Word {
    end: usize,
    mixed: bool,
}

impl Word {
    /// Whether the word around `at` mixes letters. The places come in order.
    fn at(&mut self, text: &str, at: usize) -> bool {
        if at >= self.end {
            let start = text[self.end..at].rfind(char::is_whitespace).map_or(self.end, |i| {
                let space = self.end + i;
                space + text[space..].chars().next().map_or(1, char::len_utf8)
            });
            let length = text[at..].find(char::is_whitespace).unwrap_or(text.len() - at);
            self.end = at + length;
            self.mixed = is_mixed(&text[start..self.end]);
        }
        self.mixed
    }
}

/// Whether a word mixes letters of two scripts, or foreign letters with digits or `@`.
fn is_mixed(word: &str) -> bool {
    let foreign = word.chars().filter(|c| is_foreign(*c)).count();
    foreign > 0 && word.bytes().any(|b| b.is_ascii_alphanumeric() || b == b'@')
}

/// Whether a character is there that ordinary text of any language does not have at its place.
fn is_suspect(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut end = 0;
    while let Some(at) = find_high(bytes, end) {
        // Most are letters of U+00C0 to U+024F, and only two of those look like others.
        if let [lead @ 0xC3..=0xC9, trail, ..] = bytes[at..] {
            end = at + 2;
            if matches!((lead, trail), (0xC4, 0xB1) | (0xC8, 0xB7)) {
                return true;
            }
            continue;
        }
        let Some(c) = text[at..].chars().next() else { break };
        end = at + c.len_utf8();
        let before = at.checked_sub(1).map_or(b' ', |i| bytes[i]);
        let after = bytes.get(end).copied().unwrap_or(b' ');
        let suspect = match c {
            // Quotes, no-break spaces and the dots of ellipses are ordinary.
            '\u{a0}' | '\u{2018}'..='\u{201f}' | '\u{2026}' | '\u{202f}' => false,
            '\u{2000}'..='\u{200a}' | '\u{2010}'..='\u{2015}' | '\u{2212}' => {
                before.is_ascii_digit() && after.is_ascii_digit()
            }
            '·' | '²' | '³' | '¹' => {
                before.is_ascii_alphanumeric() && after.is_ascii_alphanumeric()
            }
            '\u{300}'..='\u{36f}' => before.is_ascii_digit() || before.is_ascii_punctuation(),
            c if is_foreign(c) => {
                let touches = |b: u8| b.is_ascii_alphanumeric() || b == b'@';
                touches(before) || touches(after)
            }
            c => is_invisible(c) || plain(c).is_some(),
        };
        if suspect {
            return true;
        }
    }
    false
}
