//! Format-preserving masking: other characters of the same classes, drawn by key, category and
//! value. What comes out is of the category's form and belongs to nobody, as far as the form can
//! say so: identifiers fail their check digits, e-mail addresses and addresses of machines are
//! reserved ones. Nobody without the key can go back, and neither can who has it: the draws are a
//! keyed hash, not a cipher.

mod dates;
mod digits;
mod forms;
mod issued;
mod letters;

pub(super) use dates::{day, moment, start_of_day};
pub(super) use digits::number;

use super::canonical::canonical;
use super::draws::Draws;
use crate::finding::category::Category;
use portreeve_pseudonym::MaskKey;
use std::net::IpAddr;

/// Most draws before a value is given up. An unlucky identifier (nine digits, where most numbers
/// are somebody's) needs twenty on the average.
const DRAWS_MAX: usize = 512;

/// Replaces a text; nothing when there is nothing in it to replace.
pub(super) fn text(key: &MaskKey, category: Category, value: &str) -> Option<String> {
    let mut draws = Draws::new(key, category, &canonical(category, value));
    let differs = |drawn: &String| letters::skeleton(drawn).ne(letters::skeleton(value));
    (0..DRAWS_MAX)
        .map_while(|_| form(&mut draws, category, value))
        .find(|drawn| differs(drawn) && !issued::may_be_issued(category, drawn))
}

/// One draw for a text.
fn form(draws: &mut Draws<'_>, category: Category, value: &str) -> Option<String> {
    if read_uuid(value).is_some() {
        return Some(letters::uuid(draws, value));
    }
    match category {
        Category::Email => forms::email(draws, value),
        Category::Phone => Some(digits::phone(draws, value)),
        Category::IpAddress => inet_of(draws, value),
        Category::MacAddress => Some(forms::hardware(draws, value)),
        Category::GeoCoordinates => Some(digits::coordinates(draws, value)),
        Category::DateOfBirth | Category::Date => dates::date(draws, value),
        Category::Url | Category::Secret if value.contains("://") || value.starts_with("www.") => {
            Some(forms::url(draws, value))
        }
        Category::CryptoAddress if value.starts_with("0x") => {
            Some(format!("0x{}", letters::hex(draws, value.get(2..)?)))
        }
        _ => letters::plain(draws, value),
    }
}

/// Replaces a network address by one that is reserved for documentation: RFC 5737, RFC 3849.
pub(super) fn inet(key: &MaskKey, category: Category, value: &str) -> Option<String> {
    let mut draws = Draws::new(key, category, &canonical(category, value));
    (0..DRAWS_MAX).map_while(|_| inet_of(&mut draws, value)).find(|drawn| drawn != value)
}

fn inet_of(draws: &mut Draws<'_>, value: &str) -> Option<String> {
    // The length of the prefix says nothing about a person.
    let (address, prefix) = value.split_at(value.find('/').unwrap_or(value.len()));
    if prefix.len() > 4 || !prefix.bytes().skip(1).all(|b| b.is_ascii_digit()) {
        return None;
    }
    let address = match address.parse().ok()? {
        IpAddr::V4(_) => {
            let net = ["192.0.2", "198.51.100", "203.0.113"][usize::from(draws.below(3))];
            format!("{net}.{}", draws.below(256))
        }
        IpAddr::V6(_) => {
            let groups = [(); 4].map(|()| format!("{:x}", 1 + draws.below(u16::MAX)));
            format!("2001:db8::{}", groups.join(":"))
        }
    };
    Some(address + prefix)
}

/// Reads a UUID in its usual writing.
pub(super) fn read_uuid(text: &str) -> Option<u128> {
    let dash = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    let fits = text.len() == 36 && text.bytes().enumerate().all(dash);
    fits.then(|| u128::from_str_radix(&text.replace('-', ""), 16).ok())?
}

/// Writes a UUID in lower case.
pub(super) fn write_uuid(uuid: u128) -> String {
    let hex = format!("{uuid:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;
    use Category as C;

    fn masked(category: C, value: &str) -> String {
        text(&MaskKey::new([7; 32]), category, value).unwrap()
    }

    /// The classes of a text's characters, and the characters that are in no class.
    fn shape(value: &str) -> String {
        let class = |c: char| match c {
            _ if c.is_numeric() => '9',
            _ if c.is_uppercase() => 'A',
            _ if c.is_alphabetic() => 'a',
            _ => c,
        };
        value.chars().map(class).collect()
    }

    #[test]
    fn the_shape_stays() {
        for (category, value) in [
            (C::PersonName, "Ann-Marie O'Neill"),
            (C::PersonName, "Ζωή Παπά"),
            (C::PersonName, "Ёлка Чу"),
            (C::PersonName, "山田 はな"),
            (C::Address, "Gartenstraße 5a"),
            (C::Iban, "DE89 3704 0044 0532 0130 00"),
            (C::Card, "4111-1111-1111-1111"),
            (C::Card, "４１１１ １１１１ １１１１ １１１１"),
            (C::NationalId, "131052-308T"),
            (C::NationalId, "514-69-0360"),
            (C::TaxId, "86 095 742 719"),
            (C::VehiclePlate, "B-MX 1234"),
            (C::Passport, "KR8129301"),
            (C::Phone, "+49 (0)171 123-45 67"),
            (C::Phone, "+1-724-672-0198x6039"),
            (C::Date, "10.05.1978"),
            (C::Date, "1/5/78"),
            (C::GeoCoordinates, "-52.37021, 4.89517"),
            (C::Secret, "Qr7!dke#39"),
        ] {
            let out = masked(category, value);
            assert_eq!(shape(&out), shape(value), "{value} gives {out}");
            assert_ne!(out, value);
            assert_eq!(out, masked(category, value), "stable");
        }
    }

    #[test]
    fn other_writings_of_a_value_get_other_writings_of_its_replacement() {
        let bare = |category, value: &str| {
            masked(category, value).to_lowercase().replace([' ', '-', '.'], "")
        };
        assert_eq!(bare(C::Card, "4111 1111 1111 1111"), bare(C::Card, "4111111111111111"));
        assert_eq!(
            bare(C::Iban, "DE89 3704 0044 0532 0130 00"),
            bare(C::Iban, "de89370400440532013000")
        );
        assert_eq!(bare(C::Email, "Eva@Example.org"), bare(C::Email, "eva@example.org"));
    }

    #[test]
    fn what_is_reserved_is_used_where_there_is_such_a_range() {
        let tail = |value: &str| masked(C::Email, value).rsplit_once('.').unwrap().1.to_owned();
        assert_eq!(tail("eva.muster@example.org"), "invalid");
        assert_eq!(tail("eva@web.de"), "test");
        assert_eq!(tail("eva@b.de"), "test");
        assert_eq!(masked(C::Email, "eva.muster@mail.example.org").len(), 27);
        let net = masked(C::IpAddress, "10.1.2.3");
        let nets = ["192.0.2.", "198.51.100.", "203.0.113."];
        assert!(nets.iter().any(|start| net.starts_with(start)), "{net}");
        assert!(masked(C::IpAddress, "fe80::1").starts_with("2001:db8::"));
        let mac = masked(C::MacAddress, "00:1B:44:11:3A:B7");
        assert!("26AE".contains(&mac[1..2]) && mac.len() == 17, "locally administered: {mac}");
        assert!(masked(C::Phone, "+49 171 1234567").starts_with("+49 "));
        let american = masked(C::Phone, "(202) 555-0123");
        assert!(matches!(&american[6..7], "0" | "1"), "no such exchange: {american}");
        let url = masked(C::Url, "https://www.example.org:8443/a%20b?c=1");
        assert!(
            url.starts_with("https://www.") && url.contains(":8443/") && url.contains(".invalid"),
            "{url}"
        );
    }

    #[test]
    fn identifiers_are_nobodys() {
        let key = MaskKey::new([3; 32]);
        let digits = |text: &str| -> Vec<u8> { text.bytes().filter(u8::is_ascii_digit).collect() };
        for number in 0..300_u64 {
            let card = format!("4{:015}", number * 7_919_191);
            let out = text(&key, C::Card, &card).unwrap();
            assert!(!checks::luhn(&digits(&out)), "{out}");
            let iban = format!("DE{:020}", number * 1_000_003);
            let out = text(&key, C::Iban, &iban).unwrap();
            let turned = out.bytes().skip(4).chain(out.bytes().take(4));
            assert_ne!(checks::mod97(turned), Some(1), "{out}");
            let ssn = format!("{:03}-{:02}-{:04}", 100 + number, 10 + number % 80, 1000 + number);
            let out = text(&key, C::NationalId, &ssn).unwrap();
            assert!(!checks::world::us_ssn(&digits(&out)), "{out}");
            assert!(!checks::identifiers::nl_bsn(&digits(&out)), "{out}");
        }
    }

    #[test]
    fn no_more_than_chance_agrees() {
        let key = MaskKey::new([5; 32]);
        for (category, digits) in [(C::Card, 16), (C::Iban, 22), (C::BankAccount, 12), (C::Age, 2)]
        {
            let (mut same, mut all) = (0_u32, 0_u32);
            for number in 0..2_000_u64 {
                let value =
                    format!("{:0digits$}", number.wrapping_mul(0x9E37_79B9_7F4A) % 10_u64.pow(18));
                let value = &value[value.len() - digits..];
                let out = text(&key, category, value).unwrap();
                assert_ne!(out, value);
                same += value.bytes().zip(out.bytes()).filter(|(a, b)| a == b).count() as u32;
                all += digits as u32;
            }
            assert!(same * 100 < all * 11, "{category:?}: {same} of {all}");
        }
    }

    #[test]
    fn what_has_nothing_to_replace_has_no_replacement() {
        let key = MaskKey::new([5; 32]);
        assert_eq!(text(&key, C::Secret, "***"), None);
        assert_eq!(text(&key, C::IpAddress, "10.1.2"), None);
        assert_eq!(text(&key, C::Username, ""), None);
    }

    #[test]
    fn uuids_stay_uuids() {
        let uuid = "018F3C5E-0000-7000-8000-00000000000A";
        let out = masked(C::DeviceId, uuid);
        assert!(read_uuid(&out).is_some() && out != uuid, "{out}");
        assert_eq!(write_uuid(read_uuid(uuid).unwrap()), uuid.to_lowercase());
    }
}
