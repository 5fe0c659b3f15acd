//! Values that are written backwards: e-mail addresses, IBANs and cards.

use crate::checks::identifiers;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use crate::text::traits::Traits;

/// Fewest digits of a text in which a number is looked for, and the lengths of a word that may be
/// one.
const DIGITS_MIN: usize = 13;
const WORD_BYTES: std::ops::RangeInclusive<usize> = 13..=34;

/// Longest address that is turned round.
const EMAIL_BYTES_MAX: usize = 96;

/// Endings of domains that words are not mistaken for when they are read backwards.
const TOPS: &[&str] = &[
    "com", "org", "net", "example", "info", "eu", "de", "fr", "nl", "be", "at", "ch", "it", "es",
    "pt", "pl", "cz", "sk", "hu", "ro", "bg", "gr", "dk", "se", "no", "fi", "ee", "lv", "lt", "ie",
    "uk", "io", "invalid", "test", "edu", "gov",
];

/// Reports what is written backwards in a text.
pub(super) fn detect(text: &str, traits: &Traits, report: &mut dyn FnMut(Finding)) {
    let bytes = text.as_bytes();
    if traits.at {
        memchr::memchr_iter(b'@', bytes).filter_map(|at| email(text, at)).for_each(&mut *report);
    }
    if traits.digits < DIGITS_MIN {
        return;
    }
    let mut at = 0;
    while let Some(found) = crate::text::bytes::find_digit(bytes, at) {
        let length = bytes[found..].iter().take_while(|b| b.is_ascii_alphanumeric()).count();
        at = found + length;
        let begins =
            found == 0 || !(bytes[found - 1].is_ascii_alphanumeric() || bytes[found - 1] >= 0x80);
        if begins && WORD_BYTES.contains(&length) {
            number(&bytes[found..at]).into_iter().for_each(|(category, rule)| {
                let finding = Finding::new(found..at, category, 80, Evidence::Checksum, rule);
                report(Finding { disguised: true, ..finding });
            });
        }
    }
}

/// What a word is when it is read backwards, and is not when it is read as it stands.
fn number(word: &[u8]) -> Option<(Category, &'static str)> {
    let turned: Vec<u8> = word.iter().rev().map(u8::to_ascii_uppercase).collect();
    if turned.iter().all(u8::is_ascii_digit) {
        let card = word.len() == 16
            && matches!(turned[0], b'4' | b'5')
            && identifiers::card(&turned)
            && !identifiers::card(word);
        return card.then_some((Category::Card, "card"));
    }
    let iban = matches!(turned[..], [a, b, c, d, ..]
        if a.is_ascii_alphabetic() && b.is_ascii_alphabetic()
            && c.is_ascii_digit() && d.is_ascii_digit());
    (iban && word.len() >= 15 && identifiers::iban(&turned)).then_some((Category::Iban, "iban"))
}

/// An address that ends with its user: `gro.elpmaxe@ave`.
fn email(text: &str, at: usize) -> Option<Finding> {
    let bytes = text.as_bytes();
    let part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'+');
    let before = bytes[..at].iter().rev().take(EMAIL_BYTES_MAX).take_while(|b| part(b)).count();
    let behind = bytes[at + 1..].iter().take(EMAIL_BYTES_MAX).take_while(|b| part(b)).count();
    let host = text[at - before..at].trim_start_matches('.');
    let user = text[at + 1..at + 1 + behind].trim_end_matches(['.', '-']);
    // An address that can be read as it stands is none that is turned round.
    let forward = user.rsplit_once('.').is_some_and(|(name, top)| {
        !name.is_empty() && top.len() >= 2 && top.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let (top, domain) = host.split_once('.')?;
    let top: String = top.chars().rev().collect::<String>().to_ascii_lowercase();
    let fits = !forward && user.len() > 1 && domain.len() > 1 && TOPS.contains(&top.as_str());
    fits.then(|| {
        let range = at - host.len()..at + 1 + user.len();
        let finding = Finding::new(range, Category::Email, 80, Evidence::Shape, "email");
        Finding { disguised: true, ..finding }
    })
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn values_that_are_written_backwards() {
        check("see gro.elpmaxe@retsum.ave, ok", &["email:gro.elpmaxe@retsum.ave"]);
        check("pay 00031023504400407398ED now", &["iban:00031023504400407398ED"]);
        check("eva@example.org", &["email:eva@example.org"]);
        check("moc.puorg@ten", &["email:moc.puorg@ten"]);
        check("a.b@c", &[]);
    }
}
