//! Documents in pieces, deep, damaged, and in each other.

use super::*;
use crate::masking::tests::{Emails, masker, screen};
use portreeve_model::Usage;

/// Masks a text in pieces of so many bytes.
fn masked(text: &str, step: usize, documents: Documents) -> Result<(String, Usage), Unmaskable> {
    let masker = masker();
    let look = Look { names: &Emails, masker: &masker };
    let mut screen = screen();
    let (mut out, mut tally) = (Vec::new(), Tally::new(&mut screen));
    let mut json = JsonMasker::new(documents, 100, Rooms::default());
    for piece in text.as_bytes().chunks(step) {
        json.push(piece, &look, &mut out, &mut tally)?;
    }
    json.finish(&look, &mut out, &mut tally)?;
    Ok((String::from_utf8(out).unwrap(), tally.usage))
}

#[track_caller]
fn check(text: &str, expect: &str) {
    for step in 1..=text.len() {
        let (found, _) = masked(text, step, Documents::One).unwrap();
        assert_eq!(found, expect, "in pieces of {step}");
    }
}

#[test]
fn classified_values_are_masked_wherever_they_stand() {
    check(r#"{"email":"a@b.org"}"#, r#"{"email":"[email]"}"#);
    check(
        r#"[{"x":{"email": ["a@b.org", 7, null]}}]"#,
        r#"[{"x":{"email": ["[email]", "[email]", null]}}]"#,
    );
    check(
        r#"{"email":{"any":{"thing":"x"}}, "y":1}"#,
        r#"{"email":{"[email]":{"[email]":"[email]"}}, "y":1}"#,
    );
    check(r#"{"email.work":{"id":7},"y":1}"#, r#"{"email.work":{"id":"[email]"},"y":1}"#);
    check(r#"{"\u0065mail":"a@b.org"}"#, r#"{"\u0065mail":"[email]"}"#);
}

#[test]
fn a_key_can_be_a_value() {
    check(r#"{"email":{"a@b":true}}"#, r#"{"email":{"[email]":"[email]"}}"#);
    check(r#"{"email":[{"x":[{"y":1}]}]}"#, r#"{"email":[{"[email]":[{"[email]":"[email]"}]}]}"#);
    check(r#"{"email":{"type":1,"email":2}}"#, r#"{"email":{"type":"[email]","email":"[email]"}}"#);
    check(r#"{"a":{"x":1},"email":{},"b":{"y":1}}"#, r#"{"a":{"x":1},"email":{},"b":{"y":1}}"#);
}

#[test]
fn half_a_letter_is_shown_as_one_that_nobody_knows() {
    check(r#"{"a":"x\ud83d","\uDE00":1}"#, r#"{"a":"x\ufffd","\ufffd":1}"#);
    check(r#"{"email":"\ud83d"}"#, r#"{"email":"[email]"}"#);
}

#[test]
fn documents_in_texts_are_masked_as_documents() {
    check(r#"{"x": "{ \"email\": \"a@b.org\" }"}"#, r#"{"x": "{ \"email\": \"[email]\" }"}"#);
    check(r#"["[\"{\\\"email\\\":7}\"]"]"#, r#"["[\"{\\\"email\\\":\\\"[email]\\\"}\"]"]"#);
    let plain = r#"{"x": "[ \"\u0061\" ]"}"#;
    check(plain, plain);
    let mut deep = "[]".to_owned();
    for _ in 0..=NESTED_MAX {
        deep = serde_json::json!([deep]).to_string();
    }
    let refused = masked(&deep, deep.len(), Documents::One);
    assert!(refused.is_err());
}

#[test]
fn what_is_not_masked_stays_as_it_is_written() {
    let text = "\t{ \"a\\u0041\" : [ 1.0e+2 , -0, true,\"\\/\\ud83d\\ude00\" ] , \"\":{}}\n";
    check(text, text);
    check("", "");
    check("  \"x\" ", "  \"x\" ");
}

#[test]
fn a_list_says_no_credential_item_by_item() {
    struct Opened;
    impl crate::masking::Names for Opened {
        fn known(&self, _: &str) -> Known {
            Known::Nothing
        }
        fn named_in(&self, _: &str) -> Option<Category> {
            None
        }
        fn reveals(&self, _: &portreeve_model::Object, _: &Category) -> bool {
            false
        }
        fn passes_opaque(&self) -> bool {
            false
        }
        fn without_credential(&self, text: &str) -> Option<String> {
            text.contains("s3cret").then(|| text.replace("s3cret", "[credential]"))
        }
    }
    let masker = masker();
    let look = Look { names: &Opened, masker: &masker };
    let shows = |value: serde_json::Value| {
        let text = value.to_string();
        let (mut screen, mut out) = (screen(), Vec::new());
        let mut tally = Tally::new(&mut screen);
        let mut json = JsonMasker::new(Documents::One, 100_000, Rooms::default());
        json.push(text.as_bytes(), &look, &mut out, &mut tally).is_ok()
    };
    let bytes = b"Bearer s3cret".to_vec();
    assert!(!shows(serde_json::json!({"type": "Buffer", "data": bytes})));
    assert!(!shows(serde_json::json!([["Bearer s3", "cret"]])));
    assert!(!shows(serde_json::json!(["s", "3", "c", "r", "e", "t"])));
    assert!(shows(serde_json::json!(["a s3cret", "b"])), "a text is masked by itself");
    assert!(shows(serde_json::json!([["s3"], ["cret"], [115, 51, 99], [114, 101, 116]])));
    let behind = [vec![b'x'; LISTED_BYTES_MAX - 3], b"s3cret".to_vec()].concat();
    assert!(!shows(serde_json::json!(behind)));
    let before = [b"s3cret".to_vec(), vec![b'x'; 3 * LISTED_BYTES_MAX]].concat();
    assert!(!shows(serde_json::json!(before)));
    assert!(shows(serde_json::json!({"a": vec![1; 20_000], "b": ["s3", {"x": "cret"}]})));
}

#[test]
fn a_list_that_says_a_text_is_masked_as_one() {
    let withheld = |before: &str, behind: &str| format!("{before}\"{WITHHELD}\"{behind}");
    let letters = |text: &str| {
        let all: Vec<String> = text.chars().map(|c| format!("\"{c}\"")).collect();
        all.join(",")
    };
    let bytes = |text: &str| {
        let all: Vec<String> = text.bytes().map(|byte| byte.to_string()).collect();
        all.join(", ")
    };
    let says = "email: x7";
    for list in [letters(says), bytes(says)] {
        check(&format!("{{\"a\":[{list}],\"b\":[1]}}"), &withheld("{\"a\":[", "],\"b\":[1]}"));
        check(&format!("[7,[ {list} ]]"), &withheld("[7,[", "]]"));
        let longer = format!("[{list},{{}}]");
        check(&longer, &longer);
    }
    for plain in [
        format!("[{}]", letters("nothing to see")),
        "[[1,2,3,4,5,6,7,8,9],[\"a\"],[],[null,1]]".to_owned(),
        "[[[1,2],3],4]".to_owned(),
    ] {
        check(&plain, &plain);
    }
    let long = format!("[{}]", vec!["7"; 80].join(","));
    assert!(masked(&long, 3, Documents::One).unwrap_err().0.contains("a list of bytes"));
}

#[test]
fn items_and_values_are_counted() {
    let (_, usage) = masked(r#"[{"a":1},{"a":[2,3]}]"#, 4, Documents::One).unwrap();
    assert_eq!((usage.rows, usage.values), (4, 3));
    let members = |value: &str, count: usize| {
        let members: Vec<String> = (0..count).map(|at| format!("\"k{at}\":{value}")).collect();
        masked(&format!("{{{}}}", members.join(",")), 1000, Documents::One).unwrap().1.rows
    };
    assert_eq!((members("{}", RECORDS_MAX), members("1", MEMBERS_MAX)), (0, 0));
    assert_eq!((members("{}", 500), members("1", 500)), (468, 244));
    let (_, usage) = masked("{}\n{}\n", 4, Documents::Many).unwrap();
    assert_eq!((usage.rows, usage.values), (2, 0));
}

#[test]
fn what_is_no_json_does_not_pass() {
    let refused = [
        "{",
        "]",
        "[1,]",
        "{\"a\"}",
        "{\"a\":}",
        "{,}",
        "[1 2]",
        "01",
        "tru",
        "\"a",
        "'a'",
        "{\"a\":1,}",
        "[}",
        "1 2",
        "{\"a\":1}}",
        "\"\\x\"",
        "\"\u{1}\"",
        "nan",
        "+1",
        "\u{feff}{}",
    ];
    for text in refused {
        assert!(masked(text, 1, Documents::One).is_err(), "{text}");
    }
    assert!(masked("1\n{}\n[]", 1, Documents::Many).is_ok());
    let deep = "[".repeat(DEPTH_MAX + 1);
    assert!(masked(&deep, 1, Documents::One).is_err());
    let long = format!("\"{}\"", "x".repeat(200));
    assert!(masked(&long, 7, Documents::One).unwrap_err().0.contains("value_bytes_max"));
}
