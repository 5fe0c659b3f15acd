//! Whatever is replaced by whatever in a document, it stays a document of its kind with the same
//! structure: real parsers say so, over random documents, spans and replacements. And whatever
//! is masked is gone. Take the encoding of one writing away, and one of these fails.
#![allow(clippy::unwrap_used, missing_docs)]

use portreeve_detect::mask::{
    Container, Malformed, MaskKey, Masked, Method, detect_document, mask, mask_document,
};
use portreeve_detect::{Category, Detector, Evidence, Finding, TAXONOMY};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// Values that the detector finds wherever they stand alone in a value.
const PERSONAL: &[&str] = &[
    "eva.muster@example.org",
    "DE89 3704 0044 0532 0130 00",
    "4111 1111 1111 1111",
    "+49 171 1234567",
    "2001:db8:0:1::ff00:42",
    "00:1B:44:11:3A:B7",
    "514-69-0360",
];

/// Texts with every mark that means something somewhere.
fn odd() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Zé1-9 ]{0,12}",
        2 => "[\"'\\\\,;\t|<>&`\\]\\[{}$*/:@\n\r#-]{0,6}",
        1 => "\\PC{0,8}",
        2 => select(PERSONAL).prop_map(str::to_owned),
    ]
}

type Place = (Index, Index, Index, String);

/// Places of a text, by chance, and what to write there.
fn places() -> impl Strategy<Value = Vec<Place>> {
    let index = any::<Index>;
    proptest::collection::vec((index(), index(), index(), odd()), 0..6)
}

/// Masks a document at places that chance says.
fn scramble<'t>(text: &'t str, container: Container, places: &[Place]) -> Masked<'t> {
    try_scramble(text, container, places).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn try_scramble<'t>(
    text: &'t str,
    container: Container,
    places: &[Place],
) -> Result<Masked<'t>, Malformed> {
    let finding = |(start, length, category, _): &Place| {
        let start = start.index(text.len() + 1);
        Finding {
            start,
            end: (start + length.index(24)).min(text.len()),
            category: TAXONOMY[category.index(TAXONOMY.len())].category,
            score: 90,
            evidence: Evidence::Shape,
            rule: "chance",
            disguised: false,
        }
    };
    let findings: Vec<Finding> = places.iter().map(finding).collect();
    let mut next = 0;
    mask_document(text, container, &findings, &mut |_, _, _| {
        next += 1;
        places.get(next % places.len().max(1)).map(|place| place.3.clone())
    })
}

/// What must stay of a document: nesting, numbers of members, types.
fn structure(value: &Value) -> Value {
    match value {
        Value::String(_) => json!("text"),
        Value::Number(number) => {
            json!(if number.is_f64() { "fraction" } else { "whole" })
        }
        Value::Array(members) => members.iter().map(structure).collect(),
        Value::Object(members) => members.values().map(structure).collect(),
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => odd().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => (-1e9..1e9_f64).prop_map(Value::from),
        1 => Just(json!(4_111_111_111_111_111_u64)),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((odd(), inner.clone()), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            // A document within a string.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

/// The same document with some characters written as escapes.
fn escaped(text: &str, every: usize) -> String {
    let mut out = String::new();
    for (at, c) in text.chars().enumerate() {
        if c.is_alphabetic() && u32::from(c) >= 0x80 && at % every == 0 {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// Records as lists of cells.
fn cells(text: &str, mark: u8) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(mark);
    let mut reader = reader.from_reader(text.as_bytes());
    reader.records().map(|r| r.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// The kinds of a statement's tokens.
fn tokens(sql: &str) -> Vec<String> {
    let scanned = pg_query::scan(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    let kind = |token: &pg_query::protobuf::ScanToken| match token.token().as_str_name() {
        "FCONST" if !sql[token.start as usize..token.end as usize].contains('.') => {
            "ICONST".to_owned()
        }
        name => name.to_owned(),
    };
    scanned.tokens.iter().map(kind).collect()
}

/// The events of a document: kinds, names of elements and attributes.
fn events(text: &str) -> Vec<String> {
    use quick_xml::events::Event;
    let mut reader = quick_xml::Reader::from_str(text);
    reader.config_mut().check_comments = true;
    let mut out = Vec::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|error| panic!("{error}: {text}"));
        match event {
            Event::Eof => return out,
            Event::Start(tag) | Event::Empty(tag) => {
                out.push(String::from_utf8(tag.name().as_ref().to_vec()).unwrap());
                for attribute in tag.attributes() {
                    let attribute = attribute.unwrap();
                    attribute.unescape_value().unwrap();
                    out.push(String::from_utf8(attribute.key.as_ref().to_vec()).unwrap());
                }
            }
            Event::Text(text) => drop(text.decode().unwrap()),
            Event::GeneralRef(entity) => {
                let known = entity.resolve_char_ref().unwrap().is_some()
                    || ["amp", "lt", "gt", "quot", "apos"].contains(&&*entity.decode().unwrap());
                assert!(known, "{text}");
            }
            Event::End(_) => out.push("end".into()),
            Event::CData(_) => out.push("section".into()),
            Event::Comment(_) => out.push("comment".into()),
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) => out.push("other".into()),
        }
    }
}

/// Letters, digits and spaces only.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect()
}

fn xml_escaped(text: &str) -> String {
    let plain: String = text.chars().filter(|c| !c.is_control()).collect();
    plain.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_stays_json(
        documents in proptest::collection::vec(document(), 1..3),
        places in places(),
        every in 1..4_usize,
    ) {
        let text: Vec<String> = documents.iter().map(|d| escaped(&d.to_string(), every)).collect();
        let text = text.join("\n");
        let masked = scramble(&text, Container::Json, &places);
        let parsed = serde_json::Deserializer::from_str(&masked.text).into_iter::<Value>();
        let parsed: Result<Vec<Value>, _> = parsed.collect();
        let parsed = parsed.unwrap_or_else(|e| panic!("{e}: {text} became {}", masked.text));
        prop_assert_eq!(
            parsed.iter().map(structure).collect::<Vec<_>>(),
            documents.iter().map(structure).collect::<Vec<_>>(),
            "{} became {}", text, masked.text
        );
    }

    #[test]
    fn csv_stays_csv(
        rows in proptest::collection::vec(proptest::collection::vec(odd(), 3), 1..6),
        mark in select(&b",;\t|"[..]),
        quote in any::<bool>(),
        places in places(),
    ) {
        let mut writer = csv::WriterBuilder::new();
        let style = if quote { csv::QuoteStyle::Always } else { csv::QuoteStyle::Necessary };
        let mut writer = writer.delimiter(mark).quote_style(style).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        // Without quotes around all cells another mark can seem to divide it too.
        let Ok(masked) = try_scramble(&text, Container::Csv, &places) else {
            prop_assert!(!quote);
            return Ok(());
        };
        let lengths = |text: &str| cells(text, mark).iter().map(Vec::len).collect::<Vec<_>>();
        let found = &masked.text;
        prop_assert_eq!(lengths(found), lengths(&text), "{:?} became {:?}", text, found);
    }

    #[test]
    fn sql_stays_sql(
        values in proptest::collection::vec(odd(), 6),
        number in any::<i64>(),
        places in places(),
    ) {
        let values: Vec<String> = values.iter().map(|v| v.replace('\0', "")).collect();
        let quoted = |v: &str| v.replace('\'', "''");
        let escaped = |v: &str| quoted(v).replace('\\', "\\\\");
        let text = format!(
            "INSERT INTO t (a, \"{}x\", c) VALUES ('{}', E'{}', {}) -- {}\n\
             , ($q$ {} $q$, x'1f', 2.50 /* {} */)",
            values[0].replace('"', "\"\""),
            quoted(&values[1]),
            escaped(&values[2]),
            number.unsigned_abs(),
            plain(&values[3]),
            values[4].replace('$', ""),
            plain(&values[5]),
        );
        let masked = scramble(&text, Container::Sql, &places);
        prop_assert_eq!(tokens(&masked.text), tokens(&text), "{} became {}", text, masked.text);
        prop_assert!(pg_query::parse(&masked.text, pg_query::ParserOptions::default()).is_ok(), "{} became {}", text, masked.text);
    }

    #[test]
    fn rows_of_a_dump_stay_rows(cells in proptest::collection::vec(odd(), 6), places in places()) {
        let written = |v: &String| {
            let v = v.replace('\\', "\\\\").replace('\n', "\\n");
            v.replace('\r', "\\r").replace('\t', "\\t")
        };
        let cells: Vec<String> = cells.iter().map(written).collect();
        let head = "COPY t (a, b, c) FROM stdin;\n";
        let rows = [cells[..3].join("\t"), cells[3..5].join("\t")];
        let text = format!("{head}{}\n\\N\t{}\n\\.\nSELECT 1;\n", rows[0], rows[1]);
        let masked = scramble(&text, Container::Sql, &places);
        prop_assert!(masked.text.starts_with(head) && masked.text.contains("\n\\.\nSELECT "));
        let counts = |text: &str| text.lines().map(|l| l.split('\t').count()).collect::<Vec<_>>();
        prop_assert_eq!(counts(&masked.text), counts(&text), "{} became {}", text, masked.text);
        prop_assert!(masked.text.contains("\n\\N\t"), "NULL stays NULL");
    }

    #[test]
    fn xml_stays_xml(values in proptest::collection::vec(odd(), 4), places in places()) {
        let text = format!(
            "<?xml version=\"1.0\"?><a b=\"{}\" c='d'><e>{}]</e>]<!-- {} --><![CDATA[{}]]]>\
             <f/>\u{e9}</a>",
            xml_escaped(&values[0]),
            xml_escaped(&values[1]),
            plain(&values[2]),
            plain(&values[3]),
        );
        let masked = scramble(&text, Container::Xml, &places);
        prop_assert_eq!(events(&masked.text), events(&text), "{} became {}", text, masked.text);
        prop_assert_eq!(masked.text.matches("]]>").count(), 1, "{}", masked.text);
    }

    #[test]
    fn a_text_gets_no_marks(text in "[a-z0-9 ]{1,40}", places in places()) {
        let masked = scramble(&text, Container::Text, &places);
        let marks = ['"', '\'', '\\', ',', ';', '<', '>', '&', '\n'];
        prop_assert!(!masked.text.contains(marks), "{}", masked.text);
    }

    #[test]
    fn offsets_lead_there_and_back(document in document(), places in places()) {
        let text = document.to_string();
        let Masked { text: masked, offsets } = scramble(&text, Container::Json, &places);
        let mut at = (0, 0);
        let end = (text.len()..text.len(), masked.len()..masked.len());
        for (source, target) in offsets.places().chain([end]) {
            let between = (&text[at.0..source.start], &masked[at.1..target.start]);
            prop_assert_eq!(between.0, between.1, "the same between places");
            for offset in at.0..source.start {
                let there = offsets.to_target(offset);
                prop_assert_eq!((there, offsets.to_source(there)), (offset - at.0 + at.1, offset));
            }
            at = (source.end, target.end);
        }
    }

    #[test]
    fn what_is_masked_is_gone(
        value in select(PERSONAL),
        // Words before a number can deny it (`kg`).
        rest in select(&["", "note", "see also é"][..]),
        method in 0..5_usize,
    ) {
        let key = || MaskKey::new([7; 32]);
        let method = [
            Method::Redact,
            Method::Partial,
            Method::Pseudonym(key()),
            Method::FormatPreserving(key()),
            Method::Null,
        ][method].clone();
        let quoted = value.replace('\'', "''");
        let inner = json!({ "v": value }).to_string();
        for (container, text) in [
            (Container::Text, format!("{rest} {value}")),
            (Container::Json, json!({"a": value, "b": [rest, inner], "c": 1}).to_string()),
            (Container::Csv, format!("a_b,c\n{rest},\"{value}\"\n{value},{rest}\n")),
            (Container::Sql, format!("SELECT '{quoted}', $${value}$$ /* {value} */")),
            (Container::Xml, format!("<a b=\"{value}\">{value}</a>")),
        ] {
            let mut findings = Vec::new();
            detect_document(&Detector::default(), &text, container, &mut findings).unwrap();
            prop_assert!(findings.windows(2).all(|pair| pair[0].end <= pair[1].start), "disjoint");
            let masked = mask(&text, container, &findings, &method).unwrap();
            prop_assert!(!findings.is_empty() && !masked.text.contains(value), "{} became {}", text, masked.text);
            let mut again = Vec::new();
            detect_document(&Detector::default(), &masked.text, container, &mut again).unwrap();
            let back = |f: &Finding| f.range().len() > 5 && value.contains(&masked.text[f.range()]);
            prop_assert!(!again.iter().any(back), "{}", masked.text);
        }
    }
}

#[test]
fn keys_change_only_where_an_identifier_is_found_in_them() {
    let text = r#"{"eva@example.org": 1, "ann@example.org": {"eva@example.org": "x"}, "Street Name": 2, "[email]": 3}"#;
    let mut findings = Vec::new();
    detect_document(&Detector::default(), text, Container::Json, &mut findings).unwrap();
    let masked = mask(text, Container::Json, &findings, &Method::Redact).unwrap();
    assert_eq!(
        masked.text,
        r#"{"[email] 2": 1, "[email] 3": {"[email] 2": "x"}, "Street Name": 2, "[email]": 3}"#
    );
}

#[test]
fn values_are_found_under_their_names_and_in_their_writing() {
    let check = |container, text: &str, expect: &str| {
        let mut findings = Vec::new();
        detect_document(&Detector::default(), text, container, &mut findings).unwrap();
        assert_eq!(mask(text, container, &findings, &Method::Redact).unwrap().text, expect);
    };
    check(Container::Json, r#"{"mail": "eva\u0040example\u002eorg"}"#, r#"{"mail": "[email]"}"#);
    check(Container::Json, r#"{"x": "{\"card\": 4111111111111111}"}"#, r#"{"x": "{\"card\": 0}"}"#);
    check(Container::Json, r#"{"bsn": 111222333}"#, r#"{"bsn": 0}"#);
    check(Container::Json, r#"{"count": 111222333}"#, r#"{"count": 111222333}"#);
    check(
        Container::Json,
        r#"{"first_name": "bruno", "count": 3, "age": 34}"#,
        r#"{"first_name": "[person-name]", "count": 3, "age": 0}"#,
    );
    check(Container::Csv, "name;bsn\nx;111222333\n", "name;bsn\nx;[national-id]\n");
    check(Container::Csv, "a_b\neva@example.org\n", "a_b\n[email]\n");
    check(Container::Xml, "<bsn>111222333</bsn>", "<bsn>[national-id]</bsn>");
    check(Container::Xml, "<a>eva&#64;example.org</a>", "<a>[email]</a>");
    check(
        Container::Sql,
        "INSERT INTO t (v, bsn) VALUES ('x', '111222333');",
        "INSERT INTO t (v, bsn) VALUES ('x', '[national-id]');",
    );
}

#[test]
fn long_texts_give_what_their_parts_give() {
    let line =
        |number| format!("{number} café, mail eva{number}@example.org, born on 1978-05-10\n");
    let text: String = (0..6_000).map(line).collect();
    let mut findings = Vec::new();
    detect_document(&Detector::default(), &text, Container::Text, &mut findings).unwrap();
    let count = |category| findings.iter().filter(|f| f.category == category).count();
    assert_eq!(count(Category::Email), 6_000);
    assert_eq!(count(Category::DateOfBirth), 6_000);
    assert!(findings.windows(2).all(|pair| pair[0].end <= pair[1].start), "disjoint");
    assert!(findings.iter().all(|f| text.get(f.range()).is_some()));
}

#[test]
fn an_empty_cell_is_still_a_record() {
    let text = "mail\neva@example.org\nann@example.org\n";
    let mut findings = Vec::new();
    detect_document(&Detector::default(), text, Container::Csv, &mut findings).unwrap();
    let masked = mask(text, Container::Csv, &findings, &Method::Null).unwrap();
    assert_eq!(cells(&masked.text, b',').len(), 3, "{}", masked.text);
}

/// Masks every occurrence of a value by a method.
fn without(container: Container, text: &str, value: &str, method: &Method) -> String {
    let finding = |(start, _)| Finding {
        start,
        end: start + value.len(),
        category: Category::Email,
        score: 90,
        evidence: Evidence::Shape,
        rule: "test",
        disguised: false,
    };
    let findings: Vec<Finding> = text.match_indices(value).map(finding).collect();
    assert!(!findings.is_empty());
    mask(text, container, &findings, method).unwrap().text.into_owned()
}

#[test]
fn marks_around_what_is_gone_do_not_become_one() {
    for (container, text, expect) in [
        (Container::Sql, "/* *VALUE/ DROP TABLE x; */", "/* * / DROP TABLE x; */"),
        (Container::Sql, "/* a /VALUE*/ SELECT 1", "/* a / */ SELECT 1"),
        (Container::Sql, "SELECT $q$ $VALUEq$ ; x $q$", "SELECT $q$ $ q$ ; x $q$"),
        (Container::Sql, "SELECT $$ a $VALUE$$", "SELECT $$ a $ $$"),
        (
            Container::Sql,
            "COPY t FROM stdin;\nVALUE\\.\nDROP TABLE x;\n\\.\n",
            "COPY t FROM stdin;\n \\.\nDROP TABLE x;\n\\.\n",
        ),
        (Container::Xml, "<!-- -VALUE-><b>c</b> -->", "<!-- - -><b>c</b> -->"),
        (Container::Xml, "<!--VALUE><b>c</b> -->", "<!-- ><b>c</b> -->"),
        (Container::Xml, "<a><![CDATA[]VALUE]><b>]]></a>", "<a><![CDATA[] ]><b>]]></a>"),
        (Container::Xml, "<a>]VALUE]></a>", "<a>] ]></a>"),
        (Container::Xml, "<a>1 <4VALUE/b>", "<a>1 <4 /b>"),
        (Container::Xml, "<a b=VALUE\"c d=e>", "<a b=_\"c d=e>"),
        (Container::Csv, "VALUE\"x,2\n1,2\n", " \"x,2\n1,2\n"),
        // Nothing is added where nothing could become one.
        (Container::Xml, "<a>VALUE</a>", "<a></a>"),
        (Container::Text, "see VALUE.", "see ."),
    ] {
        assert_eq!(without(container, text, "VALUE", &Method::Null), expect);
    }
}

#[test]
fn a_value_behind_an_angle_bracket_becomes_no_tag() {
    let method = Method::Pseudonym(MaskKey::new([7; 32]));
    let masked = without(Container::Xml, "<a>1 <4111 b</a>", "4111", &method);
    assert!(masked.starts_with("<a>1 < u-"), "{masked}");
}

#[test]
fn a_key_in_a_nested_document_adds_no_other_key() {
    let text = r#"SELECT '{"eva@example.org\":1,\"admin\":true,\"y": 1}'"#;
    let masked = without(Container::Sql, text, "eva@example.org", &Method::Redact);
    let inner = masked.trim_start_matches("SELECT '").trim_end_matches('\'');
    let parsed: Value = serde_json::from_str(inner).unwrap();
    assert_eq!(parsed.as_object().unwrap().len(), 1, "{masked}");
}

#[test]
fn an_attribute_that_only_sounds_like_a_vocabulary_is_masked() {
    let masked = without(Container::Xml, "<a xmlnsx=\"VALUE\"/>", "VALUE", &Method::Redact);
    assert_eq!(masked, "<a xmlnsx=\"[email]\"/>");
}

/// Each takes less than a second, and took minutes when the time grew with the square.
#[test]
fn time_grows_with_the_length_only() {
    let names = |count: usize| {
        let keys: Vec<String> = (0..count).map(|at| format!("\"VALUE{at:07}\":1")).collect();
        let text = format!("{{{}}}", keys.join(","));
        let finding = |(start, _)| Finding {
            start,
            end: start + 12,
            category: Category::Email,
            score: 90,
            evidence: Evidence::Shape,
            rule: "test",
            disguised: false,
        };
        let findings: Vec<Finding> = text.match_indices("VALUE").map(finding).collect();
        let start = std::time::Instant::now();
        drop(mask(&text, Container::Json, &findings, &Method::Redact).unwrap());
        start.elapsed()
    };
    let marks = |count: usize| {
        let text = format!("https://example.org/?{}", "a&".repeat(count));
        let start = std::time::Instant::now();
        let method = Method::FormatPreserving(MaskKey::new([7; 32]));
        drop(without(Container::Text, &text, &text, &method));
        start.elapsed()
    };
    let label = |count: usize| {
        let text = format!("<{}>{}</a>", "ab".repeat(count), "<![CDATA[d]]>".repeat(count));
        let start = std::time::Instant::now();
        detect_document(&Detector::default(), &text, Container::Xml, &mut Vec::new()).unwrap();
        start.elapsed()
    };
    let check = |what, took: std::time::Duration| {
        assert!(took < std::time::Duration::from_secs(10), "{what}: {took:?}");
    };
    check("names", names(20_000));
    check("marks", marks(100_000));
    check("label", label(8_000));
}

#[test]
fn what_is_no_document_is_not_masked() {
    let finding = Finding {
        start: 2,
        end: 5,
        category: Category::Email,
        score: 90,
        evidence: Evidence::Shape,
        rule: "test",
        disguised: false,
    };
    for (container, text) in [
        (Container::Json, "{\"abcd\": }"),
        (Container::Csv, "abcdef,\"x"),
        (Container::Sql, "SELECT 'a"),
        (Container::Xml, "abcdef<b"),
    ] {
        let error = mask(text, container, &[finding], &Method::Redact).unwrap_err();
        assert!(error.at > 0 && !error.to_string().contains("abcd"), "{error}");
    }
}
