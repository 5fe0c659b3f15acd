//! The canary suite over every server message: a marked value in every field that can
//! hold data, the stream cut at every byte. What is tested is the reply side as sessions
//! run it: cutting, state, masking.

use crate::look::Screening;
use crate::reply::{AskedBy, Chunk, Expect, ExpectedResult, ReplyMachine};
use crate::testing::{TABLE_OID, plan};
use crate::wire::{put, put_parameter, put_ready, put_report, put_text, take_whole_messages};
use bytes::BytesMut;
use portreeve_decide::sql::CursorLifetime;
use portreeve_session::Reply;
use portreeve_sql::{Change, Plan, Portal, Prepared};
use portreeve_testkit::canary::{CANARY, Case, Ends, check, contains};
use portreeve_testkit::world::masker;
use std::sync::Arc;

fn portal(plan: &Arc<Plan>, formats: &[i16]) -> Arc<Portal> {
    let prepared = Arc::new(Prepared {
        plan: Some(plan.clone()),
        text: "".into(),
        types: vec![],
        place: None,
    });
    let (statement, parameters) = (String::new(), Vec::new());
    Arc::new(Portal {
        prepared,
        statement,
        formats: formats.to_vec(),
        text: "".into(),
        parameters,
        listed: None,
        lifetime: CursorLifetime::Transaction,
    })
}

fn expected(plan: &Arc<Plan>, portal: Option<&str>) -> ExpectedResult {
    let portal = portal.map(str::to_owned);
    ExpectedResult {
        plan: Some(plan.clone()),
        counted: portal.clone(),
        portal,
        change: None,
        defined: None,
    }
}

fn query(text: &str) -> Vec<Expect> {
    vec![Expect::Query([expected(&plan(text), None)].into())]
}

fn described(columns: &[(&str, u32, i16, u32)]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, b'T', |out| {
        out.extend_from_slice(&u16::try_from(columns.len()).unwrap().to_be_bytes());
        for (name, table, attribute, type_oid) in columns {
            put_text(out, name);
            out.extend_from_slice(&table.to_be_bytes());
            out.extend_from_slice(&attribute.to_be_bytes());
            out.extend_from_slice(&type_oid.to_be_bytes());
            out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0]);
        }
    });
    out
}

fn row(values: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, b'D', |out| {
        out.extend_from_slice(&u16::try_from(values.len()).unwrap().to_be_bytes());
        for value in values {
            out.extend_from_slice(&u32::try_from(value.len()).unwrap().to_be_bytes());
            out.extend_from_slice(value);
        }
    });
    out
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, tag, |out| out.extend_from_slice(body));
    out
}

fn done() -> Vec<u8> {
    message(b'C', b"SELECT 0\0")
}

fn ready() -> Vec<u8> {
    let mut out = Vec::new();
    put_ready(&mut out, b'I');
    out
}

/// Gives a stream in pieces, and adds what the client sees of it to `seen`.
fn give(expects: Vec<Expect>, pieces: &[&[u8]], seen: &mut Vec<u8>) -> Result<(), String> {
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    machine.expect(expects);
    let mut inbox = BytesMut::new();
    for piece in pieces {
        inbox.extend_from_slice(piece);
        let messages = take_whole_messages(&mut inbox, 1 << 20).map_err(|e| e.to_string())?;
        let chunk = Chunk { messages, machine: &mut machine };
        seen.extend_from_slice(&chunk.mask(&masker()).map_err(|e| e.0)?.bytes);
    }
    Ok(())
}

fn canary(name: &str, expects: impl Fn() -> Vec<Expect>, stream: &[Vec<u8>], ends: Ends) {
    let stream = stream.concat();
    check(Case::plain(name, &stream, ends), |pieces, seen| give(expects(), pieces, seen));
}

fn masked(name: &str, expects: impl Fn() -> Vec<Expect>, stream: &[Vec<u8>]) {
    canary(name, expects, stream, Ends::Masked);
}

fn withheld(name: &str, expects: impl Fn() -> Vec<Expect>, stream: &[Vec<u8>]) {
    canary(name, expects, stream, Ends::Withheld);
}

const EMAIL: (&str, u32, i16, u32) = ("email", TABLE_OID, 2, 25);

#[test]
fn rows_of_a_simple_query() {
    let stream =
        [described(&[EMAIL]), row(&[CANARY.as_bytes()]), message(b'C', b"SELECT 1\0"), ready()];
    masked("plain", || query("SELECT email FROM people"), &stream);
    let text = "SELECT upper(email) AS x FROM people";
    let derived = [described(&[("x", 0, 0, 25)]), stream[1].clone(), stream[2].clone(), ready()];
    masked("derived", || query(text), &derived);
}

#[test]
fn the_servers_word_and_the_column_count_only_add_masks() {
    let one = || message(b'C', b"SELECT 1\0");
    // The analysis says clean; the server says that it comes from a classified column.
    let stream = [described(&[EMAIL]), row(&[CANARY.as_bytes()]), one(), ready()];
    masked("origin", || query("SELECT 'x' AS email"), &stream);
    // More columns than the analysis knows of.
    let wide = [
        described(&[("a", 0, 0, 25), ("b", 0, 0, 25)]),
        row(&[CANARY.as_bytes(), CANARY.as_bytes()]),
        one(),
        ready(),
    ];
    masked("width", || query("SELECT 1"), &wide);
    // A row that is wider than its own description.
    let liar = [described(&[EMAIL]), row(&[b"x", CANARY.as_bytes()]), one(), ready()];
    withheld("row width", || query("SELECT email FROM people"), &liar);
    let odd_type =
        [described(&[("email", 0, 0, 99_999)]), row(&[CANARY.as_bytes()]), one(), ready()];
    masked("unknown type", || query("SELECT email FROM people"), &odd_type);
}

#[test]
fn rows_of_the_extended_protocol_in_every_format() {
    let plan = plan("SELECT id, email FROM people");
    for formats in [&[][..], &[0], &[1], &[0, 1], &[1, 0]] {
        let expects = || {
            vec![
                Expect::Bind(Change::Open(String::new(), portal(&plan, formats))),
                Expect::DescribePortal { portal: String::new(), asked_by: AskedBy::Gateway },
                Expect::Execute(expected(&plan, Some(""))),
                Expect::Ready,
            ]
        };
        let stream = [
            message(b'2', b""),
            described(&[("id", TABLE_OID, 1, 23), EMAIL]),
            row(&[b"1", CANARY.as_bytes()]),
            message(b's', b""),
            ready(),
        ];
        masked("extended", expects, &stream);
        // Rows that were never described cannot be masked, and so cannot pass.
        withheld("undescribed", expects, &[message(b'2', b""), stream[2].clone()]);
    }
}

#[test]
fn copy_data_in_every_format() {
    for (options, data) in [
        ("", format!("{CANARY}\n")),
        ("(FORMAT csv)", format!("\"{CANARY}\"\n")),
        ("(FORMAT csv, HEADER)", format!("email\n{CANARY}\n")),
    ] {
        let text = format!("COPY people (email) TO STDOUT {options}");
        let stream = [
            message(b'H', b"\0\0\x01\0\0"),
            message(b'd', data.as_bytes()),
            message(b'c', b""),
            message(b'C', b"COPY 1\0"),
            ready(),
        ];
        masked(options, || query(&text), &stream);
    }
    let mut tuple = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01".to_vec();
    tuple.extend_from_slice(&u32::try_from(CANARY.len()).unwrap().to_be_bytes());
    tuple.extend_from_slice(CANARY.as_bytes());
    let text = "COPY people (email) TO STDOUT (FORMAT binary)";
    let stream = [
        message(b'H', b"\x01\0\x01\0\x01"),
        message(b'd', &tuple),
        message(b'c', b""),
        message(b'C', b"COPY 1\0"),
        ready(),
    ];
    masked("binary", || query(text), &stream);
    // Split over several CopyData messages.
    let [begin, _, end, tag, over] = stream;
    let split = [begin, message(b'd', &tuple[..22]), message(b'd', &tuple[22..]), end, tag, over];
    masked("split", || query(text), &split);
}

#[test]
fn every_field_of_errors_and_notices() {
    for tag in [b'E', b'N'] {
        for field in b"SVCMDHPpqWstcdnFLR" {
            let mut report = Vec::new();
            put_report(
                &mut report,
                tag,
                &[(b'S', "ERROR"), (b'V', "ERROR"), (b'C', "22P02"), (*field, CANARY)],
            );
            let mut alone = Vec::new();
            put_report(&mut alone, tag, &[(*field, CANARY)]);
            for report in [report, alone] {
                let end = if tag == b'N' { done() } else { Vec::new() };
                let stream = [report, end, ready()];
                let name = format!("{} {}", char::from(tag), char::from(*field));
                masked(&name, || query("SELECT email FROM people"), &stream);
            }
        }
    }
}

/// Nothing classified is in reach, and still what is quoted is looked through.
#[test]
fn values_in_clean_reports_and_rows_are_looked_through() {
    let text = "SELECT id FROM people";
    for tag in [b'E', b'N'] {
        for field in b"MDHWqstcdn" {
            let mut report = Vec::new();
            put_report(
                &mut report,
                tag,
                &[(b'S', "ERROR"), (b'V', "ERROR"), (b'C', "22P02"), (*field, CANARY)],
            );
            let name = format!("clean {} {}", char::from(tag), char::from(*field));
            let end = if tag == b'N' { done() } else { Vec::new() };
            let stream = [report, end, ready()];
            masked(&name, || query(text), &stream);
        }
    }
    let note = ("note", 0, 0, 25);
    let rows =
        [described(&[note]), row(&[CANARY.as_bytes()]), message(b'C', b"SELECT 1\0"), ready()];
    masked("clean row", || query("SELECT 'x' AS note"), &rows);
}

#[test]
fn settings_notifications_and_tags() {
    let text = "SELECT email FROM people";
    for name in ["application_name", "TimeZone", "DateStyle", "search_path", CANARY] {
        let mut setting = Vec::new();
        put_parameter(&mut setting, name, CANARY);
        masked(name, || query(text), &[setting, done(), ready()]);
    }
    let mut notification = vec![0, 0, 0, 1];
    put_text(&mut notification, "channel");
    put_text(&mut notification, CANARY);
    let stream = [message(b'A', &notification), done(), ready()];
    masked("notification", || query(text), &stream);
    let tag =
        [described(&[EMAIL]), message(b'C', format!("SELECT {CANARY}\0").as_bytes()), ready()];
    masked("tag", || query(text), &tag);
}

#[test]
fn messages_that_nobody_asked_for_end_the_session() {
    let text = "SELECT email FROM people";
    for tag in 0..=u8::MAX {
        let mut body = CANARY.as_bytes().to_vec();
        body.push(0);
        // What completes a statement may have any tag: nothing of an odd one is shown.
        let ends = if tag == b'C' { Ends::Masked } else { Ends::Withheld };
        canary(&format!("tag {tag}"), || query(text), &[message(tag, &body)], ends);
        withheld(&format!("idle tag {tag}"), Vec::new, &[message(tag, &body)]);
    }
}

#[test]
fn clean_columns_are_still_there() {
    let stream = [
        described(&[("id", TABLE_OID, 1, 23), EMAIL]),
        row(&[b"4711", CANARY.as_bytes()]),
        message(b'C', b"SELECT 1\0"),
        ready(),
    ];
    let mut seen = Vec::new();
    give(query("SELECT id, email FROM people"), &[&stream.concat()], &mut seen).unwrap();
    assert!(contains(&seen, b"4711") && contains(&seen, b"[email]"));
}

mod any_bytes {
    //! Whatever a server sends is passed masked, or ends the session; it never panics.

    use super::*;
    use crate::look::{Trust, pass};
    use crate::wire::{error_fields, row_description};
    use proptest::prelude::*;

    fn server_message() -> impl Strategy<Value = Vec<u8>> {
        let tag = prop::sample::select(b"TDCIZENSAGHcdst123nKRv".to_vec());
        (tag, prop::collection::vec(any::<u8>(), 0..40)).prop_map(|(tag, body)| message(tag, &body))
    }

    proptest! {
        #[test]
        fn replies(stream in prop::collection::vec(server_message(), 0..8), copy: bool) {
            let text = if copy { "COPY people TO STDOUT" } else { "SELECT email FROM people" };
            let _ = give(query(text), &[&stream.concat()], &mut Vec::new());
        }

        #[test]
        fn copied_rows(data: Vec<u8>, cut: prop::sample::Index, format in 0..3_usize) {
            let format = ["", "(FORMAT csv)", "(FORMAT binary)"][format];
            let text = format!("COPY people TO STDOUT {format}");
            let head = message(b'H', b"\0\0\x02\0\0\0\0");
            let (one, two) = data.split_at(cut.index(data.len() + 1));
            let pieces = [head, message(b'd', one), message(b'd', two), message(b'c', b"")];
            let _ = give(query(&text), &[&pieces.concat()], &mut Vec::new());
        }

        #[test]
        fn reports_and_descriptions(body: Vec<u8>) {
            for trust in [Trust::Clean, Trust::Tainted] {
                let _ = pass(b'E', &body, trust, None, &mut Vec::new());
            }
            let _ = (row_description(&body), error_fields(&body));
        }
    }
}
