//! Languages that people and programs write: SQL, policies, configuration, free text.

use crate::campaign::Campaign;
use portreeve_control::config;
use portreeve_decide::policy::Policies;
use portreeve_decide::sql::{
    Catalog, CatalogBuilder, ColumnInput, RelationInput, RelationKind, analyze,
};
use portreeve_detect::mask::{Container, MaskKey, Method, detect_document, mask};
use portreeve_detect::{Detector, Options};
use portreeve_protocol_postgres::MANIFEST;
use std::path::{Path, PathBuf};

fn corpus(folder: &str, extension: &str) -> Vec<String> {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).join(folder);
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|known| known == extension));
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

fn bytes(texts: impl IntoIterator<Item = String>) -> Vec<Vec<u8>> {
    texts.into_iter().map(String::into_bytes).collect()
}

/// One classified table and one that is not.
fn catalog() -> Catalog {
    let column = |attnum: i16, name: &str, category: Option<&str>| ColumnInput {
        name: name.into(),
        attnum,
        type_oid: 25,
        type_name: "text".into(),
        category: category.map(Into::into),
        generated: None,
    };
    let relation = |oid, name: &str, category| RelationInput {
        oid,
        schema: "public".into(),
        name: name.into(),
        kind: RelationKind::from_relkind('r'),
        columns: vec![column(1, "id", None), column(2, "email", category)],
        definition: None,
        parents: Vec::new(),
        has_triggers: false,
        has_rules: false,
    };
    let mut builder = CatalogBuilder::new();
    builder.relation(relation(1001, "customers", Some("email")));
    builder.relation(relation(1002, "orders", None));
    builder.build()
}

#[test]
fn sql() {
    let catalog = catalog();
    let cases = corpus("corpus/sql", "test");
    let statements = cases
        .iter()
        .flat_map(|text| text.split("\n\n"))
        .filter_map(|case| Some(case.split_once("\n----")?.0.to_owned()));
    let words = [
        "SELECT ",
        " FROM customers ",
        " customers.email ",
        "(",
        ")",
        " UNION ALL ",
        ";",
        "'",
        "--",
        "/*",
        "$$",
        " WITH a AS (",
        " RETURNING *",
        "::text",
        "E'\\'",
        "U&'",
        "\0",
        "CASE WHEN ",
    ];
    Campaign { target: "sql", inputs: 1500, seeds: bytes(statements), words: &words }.run(
        |input| {
            let Ok(text) = std::str::from_utf8(input) else { return };
            let Ok(statements) = analyze(&catalog, text) else { return };
            // The same text means the same, whenever it is asked about.
            let again = analyze(&catalog, text).unwrap();
            assert_eq!(format!("{again:?}"), format!("{statements:?}"));
        },
    );
}

#[test]
fn policies() {
    let words = [
        "permit (",
        "forbid (",
        "principal",
        "action",
        "resource",
        " in ",
        "when { ",
        "context.rows",
        "@id(\"a\")",
        "@review(\"b\")",
        " > 1000",
        ";",
        "Group::\"a\"",
        "&&",
        "(((",
    ];
    let seeds = bytes(corpus("policies", "cedar"));
    Campaign { target: "policies", inputs: 60, seeds, words: &words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        let Ok(policies) = Policies::load(&[("a.cedar".into(), text.into())]) else { return };
        // What was adopted can be loaded again from its record, as the same version.
        let again = Policies::from_source(policies.source()).unwrap();
        assert_eq!(again.version(), policies.version());
    });
}

#[test]
fn configuration() {
    // The binary reads it on its main thread, which has 8 MiB; a test's thread has 2, and the
    // parser's limit on depth does not fit into that without optimization.
    let thread = std::thread::Builder::new().stack_size(8 << 20).spawn(configurations);
    thread.unwrap().join().unwrap();
}

fn configurations() {
    let words = [
        "data_dir",
        "listen",
        "resources:",
        "  classify:",
        "\n  ",
        "{",
        "[",
        "&a ",
        "*a",
        "!!str ",
        "- ",
        "\"",
        "10m",
        "64MiB",
        "\t",
        "---\n",
        "<<: ",
    ];
    let seeds = bytes(corpus("corpus/config", "yaml"));
    Campaign { target: "configuration", inputs: 800, seeds, words: &words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        if let Err(error) = config::parse(Path::new("portreeve.yaml"), text, &[&MANIFEST]) {
            assert!(!error.to_string().is_empty());
        }
    });
}

#[test]
fn free_text() {
    let detector = Detector::new(Options::default());
    let seeds = [
        "IBAN DE89 3704 0044 0532 0130 00, call +49 30 901820 or write to anna@example.com",
        "card 4111 1111 1111 1111, born 1985-03-12 in Köln; password: hunter2",
        "{\"ip\": \"192.168.0.1\", \"note\": \"Frau Müller-Lüdenscheidt\"}",
    ];
    let words = ["@", "+49", "DE89", "\u{200b}", "\u{ff10}", "%40", "&#64;", "é", "4111 1111"];
    let seeds = bytes(seeds.map(str::to_owned));
    Campaign { target: "free-text", inputs: 400, seeds, words: &words }.run(|input| {
        let mut findings = Vec::new();
        detector.detect_bytes(input, &mut findings);
        for finding in &findings {
            assert!(finding.range().end <= input.len(), "beyond the end");
        }
        if let Ok(text) = std::str::from_utf8(input) {
            findings.clear();
            detector.detect(text, &mut findings);
            let cut = |range| text.get(range).is_some();
            assert!(findings.iter().all(|finding| cut(finding.range())), "inside a character");
        }
    });
}

#[test]
fn documents() {
    let seeds = [
        r#"{"mail": "eva\u0040example.org", "a": [1.5, {"card": 4111111111111111}], "b": "{}"}"#,
        "name;note\n\"Eva \"\"M\"\"\";eva@example.org\nx;\"a\nb\"\n",
        "INSERT INTO t (a) VALUES ('it''s', E'\\'', $q$x$q$, 4111111111111111); -- eva@example.org",
        "COPY t (a, b) FROM stdin;\neva@example.org\t\\N\n\\.\n",
        "<a b='eva@example.org'><!-- c -->x &amp; y<![CDATA[4111 1111 1111 1111]]></a>",
    ];
    let words =
        ["'", "\"", "\\", "$$", "]]>", "-->", "*/", "{", "eva@example.org", "4111111111111111"];
    let seeds = bytes(seeds.map(str::to_owned));
    let detector = Detector::new(Options { names: false, ..Options::default() });
    let methods = [Method::Redact, Method::Null, Method::FormatPreserving(MaskKey::new([7; 32]))];
    Campaign { target: "documents", inputs: 200, seeds, words: &words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        for container in [Container::Json, Container::Csv, Container::Sql, Container::Xml] {
            let mut findings = Vec::new();
            if detect_document(&detector, text, container, &mut findings).is_err() {
                continue;
            }
            for method in &methods {
                let masked = mask(text, container, &findings, method).expect("it was read before");
                let whole = masked.offsets.target_range(0..text.len());
                assert_eq!(whole, 0..masked.text.len(), "offsets cover the text");
                let read = detect_document(&detector, &masked.text, container, &mut Vec::new());
                // Which mark divides a text can change with the text.
                assert!(read.is_ok() || container == Container::Csv, "{}", masked.text);
            }
        }
    });
}
