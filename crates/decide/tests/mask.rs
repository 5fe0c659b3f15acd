//! What masked values look like, and what never stays of them.
#![allow(missing_docs, clippy::unwrap_used)]

use portreeve_decide::mask::{Form, MaskKey, Masked, Masker, ValueKind};
use portreeve_model::{Category, MaskMethod};
use proptest::prelude::*;
use std::collections::HashMap;

fn masker(method: MaskMethod) -> Masker {
    Masker::new(HashMap::new(), method, MaskKey::new([7; 32]))
}

/// The masked bytes; `NULL` for NULL.
fn bytes(method: MaskMethod, category: &str, value: &[u8], kind: ValueKind) -> Vec<u8> {
    let mut out = b"before".to_vec();
    match masker(method).mask(&category.into(), value, kind, &mut out) {
        Masked::Replaced => out.strip_prefix(b"before").unwrap().to_vec(),
        Masked::Null => {
            assert_eq!(out, b"before", "NULL leaves nothing behind");
            b"NULL".to_vec()
        }
    }
}

fn text(method: MaskMethod, category: &str, value: &str, kind: ValueKind) -> String {
    String::from_utf8(bytes(method, category, value.as_bytes(), kind)).unwrap()
}

fn partial(category: &str, value: &str, expect: &str) {
    let found = text(MaskMethod::Partial, category, value, ValueKind::Text);
    assert_eq!(found, expect, "{category} {value}");
}

fn every_kind() -> Vec<ValueKind> {
    let mut kinds = vec![ValueKind::Text, ValueKind::Number, ValueKind::Inet];
    kinds.extend([ValueKind::Bool, ValueKind::Bytes, ValueKind::Other]);
    for form in [Form::Text, Form::Binary] {
        kinds.extend([ValueKind::Date(form), ValueKind::Timestamp(form)]);
        kinds.extend([ValueKind::Uuid(form), ValueKind::Json(form)]);
        kinds.extend([2, 4, 8].map(|bytes| ValueKind::Integer { bytes, form }));
    }
    kinds
}

#[test]
fn redaction_names_the_category_where_the_type_can_hold_it() {
    let check = |category: &str, kind, expect: &str| {
        assert_eq!(text(MaskMethod::Redact, category, "secret", kind), expect, "{kind:?}");
    };
    check("email", ValueKind::Text, "[email]");
    check("Bad \"one\"\n", ValueKind::Text, "[bad--one--]");
    check("email", ValueKind::Json(Form::Text), "\"[email]\"");
    check("email", ValueKind::Json(Form::Binary), "\u{1}\"[email]\"");
    for kind in every_kind() {
        if !matches!(kind, ValueKind::Text | ValueKind::Json(_)) {
            check("email", kind, "NULL");
        }
    }
}

#[test]
fn null_is_null_in_every_type() {
    for kind in every_kind() {
        assert_eq!(text(MaskMethod::Null, "email", "secret", kind), "NULL");
    }
}

#[test]
fn emails_keep_a_letter_and_the_domain() {
    let check = |value: &str, expect: &str| partial("email", value, expect);
    check("ann.smith@example.com", "a***@example.com");
    check("élan@example.com", "é***@example.com");
    check("ab@example.com", "***@example.com");
    check(" ann@example.com ", "a***@example.com");
    check("jones@jones.example", "j***@masked.invalid");
    check("info@my-JONES.example", "i***@my-JONES.example");
    check("ann.jones@my-JONES.example", "a***@masked.invalid");
    check("ann@localhost", "[email]");
    check("ann@exa mple.com", "[email]");
    check("ann smith@example.com", "[email]");
    check("a@b@example.com", "[email]");
    check("@example.com", "[email]");
    check("call 0170 1234567", "[email]");
    check("", "[email]");
    check(&format!("ann@{}.com", "x".repeat(300)), "[email]");
}

#[test]
fn numbers_keep_at_most_the_last_four() {
    partial("phone", "+49 170 1234567", "****4567");
    partial("phone", "030/123456", "****456");
    partial("phone", "01701234", "****34");
    partial("phone", "1234567", "[phone]");
    partial("phone", "0170 1234567 (Mum)", "[phone]");
    partial("credit-card", "4111 1111 1111 1234", "****1234");
    partial("card", "4111-1111-1111-1234", "****1234");
    partial("iban", "DE89 3704 0044 0532 0130 00", "****3000");
    partial("national-id", "078-05-1120", "****120");
    partial("ssn", "12345678Z", "****78Z");
    partial("iban", "none of your business", "[iban]");
    partial("iban", &"1".repeat(35), "[iban]");
    partial("national-id", "①②③④⑤⑥⑦⑧⑨", "[national-id]");
}

#[test]
fn names_keep_initials_when_they_are_names() {
    let check = |value: &str, expect: &str| partial("name", value, expect);
    check("Ann Jones", "A. J.");
    check("Ann Mary O'Brien-Smith", "A. M. O.");
    check("Émile", "É.");
    check("Li Wu", "[name]");
    check("Dr. Ann Jones", "D. A. J.");
    check("王小明", "[name]");
    check("Ann Jones 42", "[name]");
    check("a note about Ann Jones", "[name]");
    check("   ", "[name]");
}

#[test]
fn dates_keep_the_year_in_every_type_that_has_one() {
    let check = |kind, value: &str, expect: &str| {
        let found = text(MaskMethod::Partial, "birth-date", value, kind);
        assert_eq!(found, expect, "{kind:?} {value}");
    };
    let (date, moment) = (ValueKind::Date(Form::Text), ValueKind::Timestamp(Form::Text));
    check(ValueKind::Text, "1984-05-17", "1984-01-01");
    check(ValueKind::Text, "17.05.1984", "[birth-date]");
    check(ValueKind::Text, "1984-05-17 and more", "[birth-date]");
    check(date, "1984-05-17", "1984-01-01");
    check(date, "0044-03-15 BC", "NULL");
    check(date, "12024-05-17", "NULL");
    check(date, "17/05/1984", "NULL");
    check(date, "infinity", "NULL");
    check(moment, "1984-05-17 08:30:00", "1984-01-01 00:00:00");
    check(moment, "1984-05-17 08:30:00.123456+02", "1984-01-01 00:00:00+00");
    check(moment, "1984-05-17 08:30:00-03:30", "1984-01-01 00:00:00+00");
    check(moment, "1984-05-17T08:30:00Z", "1984-01-01 00:00:00+00");
    check(moment, "1984-05-17 08:30:00 BC", "NULL");
    check(moment, "1984-05-17", "NULL");
    check(moment, "2019-12-31 23:30:00-05", "2020-01-01 00:00:00+00");
    check(moment, "infinity", "NULL");
    check(ValueKind::Date(Form::Binary), "\0\0\0\u{1f}", "\0\0\0\0");
    check(ValueKind::Date(Form::Binary), "\0\0\0", "NULL");
    check(ValueKind::Date(Form::Binary), "\u{7f}\0\0\0", "NULL");
    check(ValueKind::Timestamp(Form::Binary), "\0\0\0\0\0\0\0\u{1}", "\0\0\0\0\0\0\0\0");
    let infinity = |kind, value: &[u8]| {
        assert_eq!(bytes(MaskMethod::Partial, "birth-date", value, kind), b"NULL");
    };
    infinity(ValueKind::Date(Form::Binary), &i32::MAX.to_be_bytes());
    infinity(ValueKind::Timestamp(Form::Binary), &i64::MIN.to_be_bytes());
}

#[test]
fn what_has_no_known_format_keeps_nothing() {
    partial("address", "1 High Street, London", "[address]");
    partial("health", "diabetes", "[health]");
    for kind in every_kind() {
        let found = text(MaskMethod::Partial, "address", "12345678", kind);
        let expect = ["[address]", "\"[address]\"", "\u{1}\"[address]\"", "NULL"];
        assert!(expect.contains(&found.as_str()), "{found}");
    }
}

#[test]
fn pseudonyms_have_a_known_answer() {
    let check = |category: &str, value: &str, kind, expect: &str| {
        assert_eq!(text(MaskMethod::Pseudonym, category, value, kind), expect);
    };
    check("email", "ann@example.com", ValueKind::Text, EMAIL_ANSWER);
    check("name", "Ann Jones", ValueKind::Text, NAME_ANSWER);
    check("id", "42", ValueKind::Integer { bytes: 8, form: Form::Text }, INTEGER_ANSWER);
    let uuid = "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b";
    check("id", uuid, ValueKind::Uuid(Form::Text), UUID_ANSWER);
}

// Computed by another implementation of HMAC and base32.
const EMAIL_ANSWER: &str = "u-djlzyare33uhgdrn@masked.invalid";
const NAME_ANSWER: &str = "name_4vzdytin5avjj4ya";
const INTEGER_ANSWER: &str = "3030863921879350462";
const UUID_ANSWER: &str = "e4c7f0f2-01d1-8c83-b0b6-47a5793f71b6";

#[test]
fn pseudonyms_are_equal_for_equal_values_and_only_then() {
    let of =
        |category: &str, value: &str| text(MaskMethod::Pseudonym, category, value, ValueKind::Text);
    assert_eq!(of("email", "Ann@Example.com "), of("email", "ann@example.com"));
    assert_eq!(of("phone", "+49 170-123"), of("phone", "+49170123"));
    assert_eq!(of("iban", "de89 3704"), of("iban", "DE893704"));
    assert_eq!(of("name", " Ann"), of("name", "Ann"));
    assert_ne!(of("name", "ann"), of("name", "Ann"));
    assert_ne!(of("phone", "49170123"), of("phone", "+49170123"));
    assert_ne!(of("name", "Ann"), of("person", "Ann"));
    assert_ne!(of("ab", "c"), of("a", "bc"));
    let other = Masker::new(HashMap::new(), MaskMethod::Pseudonym, MaskKey::new([8; 32]));
    let mut out = Vec::new();
    let _ = other.mask(&"name".into(), b"Ann", ValueKind::Text, &mut out);
    assert_ne!(of("name", "Ann").as_bytes(), out, "the key decides");
}

#[test]
fn pseudonyms_fit_their_type() {
    let of = |value: &[u8], kind| bytes(MaskMethod::Pseudonym, "customer id", value, kind);
    let uuid = *b"\x01\x90\xa1\xb2\xc3\xd4\x7e\x5f\x8a\x9b\x0c\x1d\x2e\x3f\x4a\x5b";
    let binary = of(&uuid, ValueKind::Uuid(Form::Binary));
    assert_eq!(binary.len(), 16);
    assert_eq!((binary[6] >> 4, binary[8] >> 6), (8, 2), "version 8, variant 10");
    let shown = of(b"0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b", ValueKind::Uuid(Form::Text));
    let digits: String = binary.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(String::from_utf8(shown).unwrap().replace('-', ""), digits);

    let eight = |form| ValueKind::Integer { bytes: 8, form };
    let packed: [u8; 8] = of(&42i64.to_be_bytes(), eight(Form::Binary)).try_into().unwrap();
    let number = i64::from_be_bytes(packed);
    assert!(number >= 0);
    assert_eq!(of(b"42", eight(Form::Text)), number.to_string().into_bytes());
    for bytes in [2, 4] {
        assert_eq!(of(b"42", ValueKind::Integer { bytes, form: Form::Text }), b"NULL");
    }
    for bad in [&b"4x"[..], b"", b"99999999999999999999", b"\xff"] {
        assert_eq!(of(bad, eight(Form::Text)), b"NULL");
        assert_eq!(of(bad, ValueKind::Uuid(Form::Text)), b"NULL");
        assert_eq!(of(bad, ValueKind::Uuid(Form::Binary)), b"NULL");
    }
    let json = of(b"{\"a\": 1}", ValueKind::Json(Form::Text));
    assert!(serde_json::from_slice::<String>(&json).unwrap().starts_with("customer-id_"));
}

#[test]
fn derived_values_keep_nothing() {
    for method in [MaskMethod::Redact, MaskMethod::Partial, MaskMethod::Pseudonym] {
        let mut out = Vec::new();
        let masked = masker(method).mask_derived(&"email".into(), ValueKind::Text, &mut out);
        assert_eq!((masked, out.as_slice()), (Masked::Replaced, &b"[email]"[..]));
        let kind = ValueKind::Integer { bytes: 8, form: Form::Text };
        assert_eq!(masker(method).mask_derived(&"email".into(), kind, &mut out), Masked::Null);
    }
    let mut out = Vec::new();
    let masked = masker(MaskMethod::Null).mask_derived(&"email".into(), ValueKind::Text, &mut out);
    assert_eq!((masked, out.len()), (Masked::Null, 0));
}

#[test]
fn each_category_has_its_method_and_the_others_the_default() {
    let rules = [("email".into(), MaskMethod::Partial), ("name".into(), MaskMethod::Null)];
    let masker = Masker::new(rules.into(), MaskMethod::Redact, MaskKey::new([1; 32]));
    let method = |category: &str| masker.method(&category.into());
    assert_eq!(method("email"), MaskMethod::Partial);
    assert_eq!(method("name"), MaskMethod::Null);
    assert_eq!(method("phone"), MaskMethod::Redact);
    assert!(!format!("{masker:?}").contains("01, "), "the key is not shown");
}

const CATEGORIES: [&str; 8] =
    ["email", "phone", "iban", "national-id", "name", "address", "birth-date", "x"];
const METHODS: [MaskMethod; 4] =
    [MaskMethod::Redact, MaskMethod::Pseudonym, MaskMethod::Partial, MaskMethod::Null];

/// What may stay: an e-mail's domain, a date's year, and nothing else of five characters.
fn without_kept<'a>(category: &str, value: &'a str) -> &'a str {
    match category {
        "email" => value.split('@').next().unwrap_or(value),
        _ => value,
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[ -~]{0,40}",
        "[a-zé]{1,12}(\\.[a-z]{1,12})?@[a-z]{1,12}\\.(com|org)",
        "\\+?[0-9 /-]{6,24}",
        "[A-Z]{2}[0-9]{2}( [0-9]{4}){2,6}",
        "[A-ZÉ][a-zé]{1,12}( [A-Z][a-z'-]{1,12}){0,4}",
        "(19|20)[0-9]{2}-(0[2-9]|1[0-2])-(0[2-9]|[12][0-9])",
        "(19|20)[0-9]{2}-0[2-9]-0[2-9] [01][0-9]:[0-5][0-9]:30(\\.[0-9]{1,6})?(\\+0[0-9])?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn no_five_characters_in_a_row_stay(
        value in value(),
        category in 0..CATEGORIES.len(),
        method in 0..METHODS.len(),
        kind in 0..20usize,
    ) {
        let (category, method) = (CATEGORIES[category], METHODS[method]);
        let kinds = every_kind();
        let kind = kinds[kind % kinds.len()];
        let out = bytes(method, category, value.as_bytes(), kind);
        let out = String::from_utf8_lossy(&out).into_owned();
        // The words of the mask itself are no part of the value.
        let words = [&format!("[{category}]"), &format!("{category}_"), "masked.invalid"];
        let words = words.into_iter().chain(["-01-01", "00:00:00"]);
        let out = words.fold(out, |out, word| out.replace(word, ""));
        let hidden: Vec<char> = without_kept(category, &value).chars().collect();
        for run in hidden.windows(5) {
            let run: String = run.iter().collect();
            prop_assert!(!out.contains(&run), "`{}` of `{}` is in `{}`", run, value, out);
        }
    }

    #[test]
    fn any_bytes_of_any_kind_have_an_answer(
        value in proptest::collection::vec(any::<u8>(), 0..64),
        category in ".{0,12}",
    ) {
        for method in METHODS {
            for kind in every_kind() {
                let first = bytes(method, &category, &value, kind);
                prop_assert_eq!(bytes(method, &category, &value, kind), first);
            }
        }
    }

    /// Removed: one reader of a value sees another mask than the next one.
    #[test]
    fn text_and_binary_of_one_value_have_one_mask(
        number in any::<i64>(),
        method in 0..METHODS.len(),
        day in -800_000..3_000_000i32,
        micros in -70_000_000_000_000_000..260_000_000_000_000_000i64,
        offset in -12..=14i64,
    ) {
        let of = |value: &[u8], kind| bytes(METHODS[method], "birth-date", value, kind);
        let read = |out: Vec<u8>, read: fn(&[u8]) -> String| match &out[..] {
            b"NULL" => "NULL".to_owned(),
            _ => read(&out),
        };
        let as_is = |out: &[u8]| String::from_utf8_lossy(out).into_owned();
        let eight = |form| ValueKind::Integer { bytes: 8, form };
        let text = of(number.to_string().as_bytes(), eight(Form::Text));
        let packed = of(&number.to_be_bytes(), eight(Form::Binary));
        prop_assert_eq!(
            read(text, as_is),
            read(packed, |out| i64::from_be_bytes(out.try_into().unwrap()).to_string())
        );

        let text = of(written_day(day.into()).as_bytes(), ValueKind::Date(Form::Text));
        let packed = of(&day.to_be_bytes(), ValueKind::Date(Form::Binary));
        prop_assert_eq!(
            read(text, as_is),
            read(packed, |out| written_day(i32::from_be_bytes(out.try_into().unwrap()).into()))
        );

        let packed = of(&micros.to_be_bytes(), ValueKind::Timestamp(Form::Binary));
        let packed =
            read(packed, |out| written_moment(i64::from_be_bytes(out.try_into().unwrap())));
        let text = of(written_moment(micros).as_bytes(), ValueKind::Timestamp(Form::Text));
        prop_assert_eq!(&read(text, as_is), &packed);
        let local = written_moment(micros + offset * 3_600_000_000);
        if !local.ends_with("BC") && local.find('-') == Some(4) {
            let zoned = format!("{local}{}{:02}", if offset < 0 { '-' } else { '+' }, offset.abs());
            let text = read(of(zoned.as_bytes(), ValueKind::Timestamp(Form::Text)), as_is);
            prop_assert_eq!(text.trim_end_matches("+00"), &packed);
        }

        let json = format!("{{\"n\": {number}}}");
        let text = of(json.as_bytes(), ValueKind::Json(Form::Text));
        let packed = of(format!("\u{1}{json}").as_bytes(), ValueKind::Json(Form::Binary));
        prop_assert_eq!(read(text, as_is), read(packed, |out| {
            String::from_utf8_lossy(out.strip_prefix(b"\x01").unwrap()).into_owned()
        }));
    }

    #[test]
    fn shapes_stay_valid(value in value(), number in any::<i64>()) {
        let email = text(MaskMethod::Pseudonym, "email", &value, ValueKind::Text);
        prop_assert_eq!(email.matches('@').count(), 1);
        let email = text(MaskMethod::Partial, "email", &value, ValueKind::Text);
        prop_assert!(email == "[email]" || email.matches('@').count() == 1);
        let date = text(MaskMethod::Partial, "x", &value, ValueKind::Date(Form::Text));
        let is_date = date.len() == 10 && date.ends_with("-01-01");
        prop_assert!(date == "NULL" || is_date && date[..4].parse::<u16>().is_ok());
        for category in CATEGORIES {
            for method in METHODS {
                let json = text(method, category, &value, ValueKind::Json(Form::Text));
                prop_assert!(json == "NULL" || serde_json::from_str::<String>(&json).is_ok());
            }
        }
        let kind = ValueKind::Integer { bytes: 8, form: Form::Text };
        let number = text(MaskMethod::Pseudonym, "x", &number.to_string(), kind);
        prop_assert!(number.parse::<i64>().unwrap() >= 0);
    }
}

/// A day from 2000-01-01 as PostgreSQL writes it, by counting years.
fn written_day(day: i64) -> String {
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    let cycle = day.div_euclid(146_097);
    let (mut year, mut left) = (2000 + cycle * 400, day.rem_euclid(146_097));
    while left >= length(year) {
        left -= length(year);
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for days in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < days {
            break;
        }
        left -= days;
        month += 1;
    }
    match year {
        1.. => format!("{year:04}-{month:02}-{:02}", left + 1),
        _ => format!("{:04}-{month:02}-{:02} BC", 1 - year, left + 1),
    }
}

fn written_moment(micros: i64) -> String {
    let (day, clock) = (micros.div_euclid(86_400_000_000), micros.rem_euclid(86_400_000_000));
    let (seconds, fraction) = (clock / 1_000_000, clock % 1_000_000);
    let day = written_day(day);
    let (day, era) = day.split_once(' ').map_or((day.as_str(), ""), |(day, _)| (day, " BC"));
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:06}") };
    format!("{day} {clock}{fraction}{era}")
}

#[test]
fn a_key_is_never_shown() {
    assert_eq!(format!("{:?}", MaskKey::new([9; 32])), "MaskKey(***)");
}

#[test]
fn categories_are_equal_by_their_name_only() {
    let rules = [(Category::from("E-Mail"), MaskMethod::Partial)].into();
    let masker = Masker::new(rules, MaskMethod::Redact, MaskKey::new([1; 32]));
    assert_eq!(masker.method(&"email".into()), MaskMethod::Redact);
}
