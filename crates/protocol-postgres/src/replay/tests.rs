//! Recordings of both query protocols, cut anywhere.

use super::*;
use crate::wire::{put, put_text};
use proptest::prelude::*;

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, tag, |out| out.extend_from_slice(body));
    out
}

fn columns_of(columns: &[(&str, u32, i16)]) -> Vec<u8> {
    let mut body = u16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
    for (name, type_oid, format) in columns {
        put_text(&mut body, name);
        body.extend([0; 6]);
        body.extend(type_oid.to_be_bytes());
        body.extend([0; 6]);
        body.extend(format.to_be_bytes());
    }
    message(b'T', &body)
}

fn row_of(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |bytes| i32::try_from(bytes.len()).unwrap());
        body.extend(length.to_be_bytes());
        body.extend(value.unwrap_or_default());
    }
    message(b'D', &body)
}

fn bind_of(statement: &str, formats: &[u8]) -> Vec<u8> {
    let mut body = b"\0".to_vec();
    put_text(&mut body, statement);
    body.extend(b"\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x07");
    body.extend(formats);
    message(b'B', &body)
}

/// What a recording shows, as lines.
fn check(steps: &[(Direction, Vec<u8>)], expect: &[&str]) {
    let (mut replay, mut lines) = (Replay::new(), Lines::new());
    let mut found = Vec::new();
    for (direction, bytes) in steps {
        found.extend(lines.of(&replay.feed(*direction, bytes)));
    }
    assert_eq!(found, expect);
    // The same, one byte at a time.
    let (mut replay, mut cut) = (Replay::new(), Vec::new());
    for (direction, bytes) in steps {
        for byte in bytes {
            cut.extend(replay.feed(*direction, &[*byte]));
        }
    }
    assert_eq!(Lines::new().of(&cut).join(""), expect.join(""));
}

use Direction::{FromClient, ToClient};

#[test]
fn a_simple_query_with_its_result() {
    let reply = [
        columns_of(&[("id", 23, 0), ("email", 25, 0)]),
        row_of(&[Some(b"1"), Some(b"a...@example.com")]),
        row_of(&[Some(b"10"), None]),
        message(b'C', b"SELECT 2\0"),
        message(b'Z', b"I"),
    ];
    check(
        &[
            (FromClient, message(b'Q', b"select id, email from customers\0")),
            (ToClient, reply.concat()),
        ],
        &[
            "> select id, email from customers",
            "  id | email",
            "  1  | a...@example.com",
            "  10 | ∅",
            "= SELECT 2",
        ],
    );
}

#[test]
fn a_prepared_statement_is_described_once_and_its_binary_rows_are_read() {
    let first = [message(b'P', b"s\0select $1::int4\0\0\0"), message(b'D', b"Ss\0")].concat();
    let described =
        [message(b'1', b""), message(b't', b"\0\x01\0\0\0\x17"), columns_of(&[("n", 23, 0)])];
    let run = [bind_of("s", b"\0\x01\0\x01"), message(b'E', b"\0\0\0\0\0"), message(b'S', b"")];
    let rows = [
        message(b'2', b""),
        row_of(&[Some(&7i32.to_be_bytes())]),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ];
    let again = [(FromClient, run.concat()), (ToClient, rows.concat())];
    let sync = (FromClient, message(b'S', b""));
    let ready = (ToClient, message(b'Z', b"I"));
    let steps = [
        vec![(FromClient, first), sync, (ToClient, described.concat()), ready],
        again.to_vec(),
        again.to_vec(),
    ];
    let once = ["> select $1::int4  [7]", "  n", "  7", "= SELECT 1"];
    check(&steps.concat(), &[once, once].concat());
}

#[test]
fn after_an_error_the_next_request_has_its_own_columns() {
    let failing = [
        message(b'P', b"\0select 1/0\0\0\0"),
        bind_of("", b"\0\0"),
        message(b'D', b"P\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
        message(b'Q', b"select 2\0"),
    ];
    let replies = [
        message(b'E', b"SERROR\0C22012\0Mdivision by zero\0\0"),
        message(b'Z', b"I"),
        columns_of(&[("two", 23, 0)]),
        row_of(&[Some(b"2")]),
        message(b'C', b"SELECT 1\0"),
        message(b'Z', b"I"),
    ];
    check(
        &[(FromClient, failing.concat()), (ToClient, replies.concat())],
        &[
            "> select 1/0  [\\x00000007]",
            "> select 2",
            "! ERROR 22012: division by zero",
            "  two",
            "  2",
            "= SELECT 1",
        ],
    );
}

#[test]
fn everything_that_passes_has_a_stable_shape_for_programs() {
    let check = |seen: Seen, expect: &str| {
        assert_eq!(serde_json::to_string(&seen).unwrap(), expect);
    };
    let text = |text: &str| Value::Text(text.into());
    check(
        Seen::Statement { text: "select $1".into(), parameters: vec![Value::Null] },
        r#"{"event":"statement","text":"select $1","parameters":[null]}"#,
    );
    let column = Column { name: "id".into(), type_oid: 23 };
    check(
        Seen::Columns { columns: vec![column] },
        r#"{"event":"columns","columns":[{"name":"id","type_oid":23}]}"#,
    );
    check(
        Seen::Row { values: vec![text("1"), Value::Bytes(vec![7])] },
        r#"{"event":"row","values":["1",{"hex":"07"}]}"#,
    );
    check(
        Seen::Copy { direction: ToClient, data: text("1\n") },
        r#"{"event":"copy","direction":"to-client","data":"1\n"}"#,
    );
    let said = Report { severity: "ERROR".into(), code: "42501".into(), ..Report::default() };
    check(Seen::Error(said), r#"{"event":"error","severity":"ERROR","code":"42501","message":""}"#);
    check(Seen::MoreRows, r#"{"event":"more-rows"}"#);
}

proptest! {
    #[test]
    fn any_bytes_are_shown_or_said_to_be_unreadable(
        steps: Vec<(bool, Vec<u8>)>,
    ) {
        let (mut replay, mut lines) = (Replay::new(), Lines::new());
        for (is_client, bytes) in steps {
            let direction = if is_client { FromClient } else { ToClient };
            for line in lines.of(&replay.feed(direction, &bytes)) {
                prop_assert!(is_client || !line.chars().any(char::is_control));
            }
        }
    }
}
