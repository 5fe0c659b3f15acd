//! Every server message in every phase: what passes, what it does to the state, and what
//! ends the session. No socket is needed: the machine is a value.

use crate::look::Screening;
use crate::reply::{AskedBy, Chunk, Expect, ExpectedResult, ReplyMachine, Status};
use crate::testing::plan;
use crate::wire::{Refused, put, put_ready, put_text};
use bytes::Bytes;
use portreeve_decide::sql::{CursorLifetime, Unknown};
use portreeve_model::{Refusal, RefusalCode, RequestId, SessionId};
use portreeve_session::{End, Reply};
use portreeve_sql::{Change, Portal, Prepared};
use portreeve_testkit::world::masker;
use std::collections::VecDeque;
use std::sync::Arc;

/// The phases that a reply can be in.
const PHASES: [&str; 17] = [
    "idle",
    "query",
    "query rows",
    "refused query",
    "parse",
    "bind",
    "close",
    "describe statement",
    "describe portal",
    "execute",
    "execute rows",
    "refused",
    "tried",
    "sync",
    "copy in",
    "asked",
    "ending",
];

fn refusal() -> Box<Refused> {
    Refused::boxed(&refused_with("no"), None)
}

fn refused_with(message: &str) -> Refusal {
    let request = RequestId { session: SessionId(uuid()), exchange: 1 };
    Refusal {
        code: RefusalCode::Denied,
        message: message.into(),
        rule: None,
        request,
        hint: None,
        review: None,
    }
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(7)
}

fn prepared(text: &str) -> Arc<Prepared> {
    Arc::new(Prepared { plan: Some(plan(text)), text: text.into(), types: vec![], place: None })
}

fn result(text: &str) -> ExpectedResult {
    ExpectedResult { plan: Some(plan(text)), ..ExpectedResult::default() }
}

fn opened() -> Change {
    let (statement, parameters) = (String::new(), Vec::new());
    let prepared = prepared("SELECT email FROM people");
    Change::Open(
        "p".into(),
        Arc::new(Portal {
            prepared,
            statement,
            formats: vec![],
            text: "".into(),
            parameters,
            listed: None,
            lifetime: CursorLifetime::Transaction,
        }),
    )
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, tag, |out| out.extend_from_slice(body));
    out
}

/// A well-formed message of each type that a server may send in a session.
fn sample(tag: u8) -> Vec<u8> {
    match tag {
        b'T' => message(tag, b"\0\x01id\0\0\0\0\0\0\0\0\0\0\x17\0\0\0\0\0\0\0\0"),
        b'D' => message(tag, b"\0\x01\0\0\0\x011"),
        b'C' => message(tag, b"SELECT 1\0"),
        b'E' | b'N' => message(tag, b"SERROR\0VERROR\0C22012\0Mno\0\0"),
        b'Z' => message(tag, b"I"),
        b'S' => message(tag, b"TimeZone\0UTC\0"),
        b'A' => message(tag, b"\0\0\0\x01c\0\0"),
        b'G' | b'H' => message(tag, b"\0\0\x01\0\0"),
        b'd' => message(tag, b"1\n"),
        b't' => message(tag, b"\0\0"),
        tag => message(tag, b""),
    }
}

/// A machine in a phase.
fn machine(phase: &str) -> ReplyMachine {
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    let query = |text: &str| Expect::Query(VecDeque::from([result(text)]));
    let rows = "SELECT email FROM people";
    let execute = || {
        let portal = Some("p".to_owned());
        Expect::Execute(ExpectedResult { portal: portal.clone(), counted: portal, ..result(rows) })
    };
    let (expects, before): (Vec<Expect>, Vec<Vec<u8>>) = match phase {
        "idle" => (vec![], vec![]),
        "query" => (vec![query(rows)], vec![]),
        "query rows" => (vec![query(rows)], vec![sample(b'T')]),
        "refused query" => (vec![Expect::RefusedQuery(refusal())], vec![]),
        "parse" => (vec![Expect::Parse(Change::Prepare("s".into(), prepared(rows)))], vec![]),
        "bind" => (vec![Expect::Bind(opened())], vec![]),
        "close" => (vec![Expect::Close(Change::Close("p".into()))], vec![]),
        "describe statement" => (vec![Expect::DescribeStatement("s".into())], vec![]),
        "describe portal" => {
            let asked_by = AskedBy::Client;
            (vec![Expect::DescribePortal { portal: "p".into(), asked_by }], vec![])
        }
        "execute" => (vec![Expect::Bind(opened()), execute()], vec![sample(b'2')]),
        "execute rows" => {
            let asked_by = AskedBy::Gateway;
            let describe = Expect::DescribePortal { portal: "p".into(), asked_by };
            let expects = vec![Expect::Bind(opened()), describe, execute()];
            (expects, vec![sample(b'2'), sample(b'T'), sample(b'D')])
        }
        "refused" => (vec![Expect::Refused(refusal())], vec![]),
        "tried" => (vec![Expect::Tried(refusal()), Expect::Refused(refusal())], vec![]),
        "sync" => (vec![Expect::Ready], vec![]),
        "asked" => (vec![Expect::Asked], vec![]),
        "ending" => (vec![Expect::Ending], vec![]),
        "copy in" => (vec![query("COPY people FROM STDIN")], vec![sample(b'G')]),
        other => panic!("no phase `{other}`"),
    };
    machine.expect(expects);
    give(&mut machine, &before.concat()).unwrap();
    machine
}

fn give(machine: &mut ReplyMachine, bytes: &[u8]) -> Result<(Vec<u8>, Option<End>), String> {
    let chunk = Chunk { messages: Bytes::copy_from_slice(bytes), machine };
    let masked = chunk.mask(&masker()).map_err(|error| error.0)?;
    Ok((masked.bytes.to_vec(), masked.end))
}

/// The types of messages that may come in a phase; everything else ends the session.
fn accepted(phase: &str) -> &'static [u8] {
    match phase {
        "idle" => b"NSAE",
        "query" => b"NSAETCZ",
        "query rows" => b"NSAETDCZ",
        "refused query" => b"NSAEZ",
        "parse" => b"NSAE1",
        "bind" => b"NSAE2",
        "close" => b"NSAE3",
        "describe statement" => b"NSAEtTn",
        "describe portal" => b"NSAETn",
        "execute" | "execute rows" => b"NSAECIs",
        "refused" => b"NSAE",
        "tried" => b"NSAE13",
        "sync" => b"NSAEZ",
        "copy in" => b"NSAETCZG",
        "asked" => b"NSAE123CDZ",
        "ending" => b"NSAECZ",
        other => panic!("no phase `{other}`"),
    }
}

#[test]
fn each_phase_takes_its_own_messages_and_no_others() {
    for phase in PHASES {
        for tag in 0..=u8::MAX {
            let got = give(&mut machine(phase), &sample(tag));
            // Rows of a portal that was not described pass where nothing is classified, which
            // is not so here; a simple query's rows come after their description.
            let rows = tag == b'D' && phase == "execute rows";
            let expect = accepted(phase).contains(&tag) || rows;
            let tag = char::from(tag).escape_default();
            assert_eq!(got.is_ok(), expect, "`{tag}` in phase `{phase}`: {got:?}");
        }
    }
}

#[test]
fn an_error_ends_what_was_asked_for_up_to_sync() {
    let check = |expects: Vec<Expect>, skipping: bool, idle: bool| {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        machine.expect(expects);
        give(&mut machine, &sample(b'E')).unwrap();
        assert_eq!((machine.is_skipping(), machine.is_idle()), (skipping, idle));
    };
    let parse = || Expect::Parse(Change::Prepare("s".into(), prepared("SELECT 1")));
    check(vec![parse()], true, true);
    check(vec![parse(), parse(), Expect::Ready], false, false);
    check(vec![Expect::Refused(refusal())], true, true);
    check(vec![Expect::Ready], false, false);
}

#[test]
fn what_ends_an_exchange_is_told_with_its_last_message() {
    let mut failing = machine("query");
    assert_eq!(give(&mut failing, &sample(b'E')).unwrap().1, None);
    let ended = give(&mut failing, &sample(b'Z')).unwrap().1;
    assert_eq!(ended, Some(End::Failed { code: "22012".into() }));
    let mut fine = machine("sync");
    assert_eq!(give(&mut fine, &sample(b'Z')).unwrap().1, Some(End::Completed));
}

#[test]
fn the_client_sees_nothing_of_what_the_gateway_asks() {
    let mut asked = machine("asked");
    let answer = [b'1', b'2', b'D', b'C', b'3', b'3', b'Z'].map(sample).concat();
    assert_eq!(give(&mut asked, &answer).unwrap(), (vec![], Some(End::Completed)));
    assert_eq!(asked.take_told(), Some(vec![vec![vec![Some("1".into())]]]));
    let mut failing = machine("asked");
    assert_eq!(give(&mut failing, &sample(b'E')).unwrap().0, b"");
    assert_eq!(failing.take_told(), None);
}

#[test]
fn a_reply_that_is_not_kept_yet_has_no_end() {
    let write = |text: &str| [Expect::Query(VecDeque::from([result(text)])), Expect::Ending];
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    machine.expect(write("DELETE FROM people WHERE id = 3"));
    let tag = message(b'C', b"DELETE 7\0");
    let in_transaction = message(b'Z', b"T");
    let chunk = Bytes::from([&tag[..], &in_transaction].concat());
    let masked = Chunk { messages: chunk, machine: &mut machine }.mask(&masker()).unwrap();
    assert_eq!((masked.usage.changes, &masked.bytes[..]), (7, &tag[..]));
    assert!(masked.end.is_none() && machine.is_at_end() && !machine.is_idle());
    let kept = [message(b'C', b"COMMIT\0"), sample(b'Z')].concat();
    assert_eq!(give(&mut machine, &kept).unwrap(), (sample(b'Z'), Some(End::Completed)));
    machine.expect(write("DELETE FROM people WHERE id = 3"));
    give(&mut machine, &[tag, in_transaction].concat()).unwrap();
    let failed = [sample(b'E'), sample(b'Z')].concat();
    let (seen, end) = give(&mut machine, &failed).unwrap();
    assert_eq!(end, Some(End::Failed { code: "22012".into() }));
    assert!(seen.starts_with(b"E") && seen.ends_with(&sample(b'Z')));
}

#[test]
fn the_status_follows_ready_for_query() {
    for (byte, status) in
        [(b'I', Status::Idle), (b'T', Status::InTransaction), (b'E', Status::Failed)]
    {
        let mut machine = machine("sync");
        let mut ready = Vec::new();
        put_ready(&mut ready, byte);
        give(&mut machine, &ready).unwrap();
        assert_eq!(machine.status(), status);
    }
    assert!(give(&mut machine("sync"), &message(b'Z', b"X")).is_err());
}

#[test]
fn names_change_when_the_server_has_said_so() {
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    let change = Change::Prepare("s".into(), prepared("SELECT 1"));
    machine.expect([Expect::Parse(change), Expect::Ready]);
    assert!(machine.names().prepared("s").is_none());
    give(&mut machine, &sample(b'E')).unwrap();
    assert!(machine.names().prepared("s").is_none());
    give(&mut machine, &sample(b'Z')).unwrap();
    let change = Change::Prepare("s".into(), prepared("SELECT 1"));
    machine.expect([Expect::Parse(change)]);
    give(&mut machine, &sample(b'1')).unwrap();
    assert!(machine.names().prepared("s").is_some());
}

#[test]
fn rows_of_a_portal_are_counted_over_its_executions() {
    let mut machine = machine("execute rows");
    give(&mut machine, &[sample(b'D'), sample(b's')].concat()).unwrap();
    assert_eq!(machine.names().portal("p").unwrap().rows, 2);
}

#[test]
fn a_refusal_stands_where_the_servers_failure_was() {
    for phase in ["refused", "refused query"] {
        let (seen, _) = give(&mut machine(phase), &sample(b'E')).unwrap();
        let text = String::from_utf8_lossy(&seen);
        assert!(text.contains("portreeve: no") && !text.contains("22012"), "{text}");
    }
    let mut after = ReplyMachine::new(1 << 20, Screening::default());
    after.skip_alone();
    assert!(after.owes_failure());
    after.expect([Expect::ReadyAfterRefusal]);
    assert!(!after.owes_failure());
    assert_eq!(give(&mut after, &sample(b'E')).unwrap().0, b"");
}

/// Removed: whoever mistypes a name hears it from the gateway, which knows no types.
#[test]
fn the_server_says_what_is_wrong_with_a_text_where_it_refuses_it_too() {
    let text = |seen: Vec<u8>| String::from_utf8_lossy(&seen).into_owned();
    let told = text(give(&mut machine("tried"), &sample(b'E')).unwrap().0);
    assert!(told.contains("22012") && !told.contains("portreeve"), "{told}");
    let mut read = machine("tried");
    let accepted = [sample(b'1'), sample(b'3'), sample(b'E')].concat();
    let told = text(give(&mut read, &accepted).unwrap().0);
    assert!(told.contains("portreeve: no") && !told.contains("22012"), "{told}");
}

/// The refusal of a text that cannot be read.
fn unreadable() -> Box<Refused> {
    let unknown = Unknown {
        sqlstate: "42601",
        message: "syntax error".into(),
        position: None,
        candidates: Vec::new(),
    };
    let refusal = Refusal { code: RefusalCode::Unknown, ..refused_with("no") };
    Refused::boxed(&refusal, Some(&unknown))
}

/// Removed: a text that only a newer server can read tells of names that nobody decided on.
#[test]
fn of_what_cannot_be_read_the_server_tells_no_names() {
    let refused = unreadable();
    for (file, is_told) in [("gram.y", true), ("parse_relation.c", false)] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        machine.expect([Expect::Tried(refused.clone()), Expect::Refused(refused.clone())]);
        let said = format!("SERROR\0VERROR\0C42601\0Msalary\0F{file}\0\0");
        let said = message(b'E', said.as_bytes());
        let seen = give(&mut machine, &said).unwrap().0;
        let seen = String::from_utf8_lossy(&seen);
        assert_eq!(seen.contains("salary"), is_told, "{seen}");
    }
}

/// Removed: a text that ends too early is told of the command that the gateway has put behind it.
#[test]
fn what_ends_too_early_has_ended() {
    let refused = unreadable();
    let text = "sélect 1 +";
    let near = |what: &str| format!("at or near \"{what}\"");
    for (place, found, expect) in [
        (12, ";", ("at end of input".to_owned(), "P11")),
        (3, ";", (near(";"), "P3")),
        (8, "'abc\n;SELECT 1", (near("'abc"), "P8")),
    ] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        machine.expect([Expect::Tried(refused.of_text(text)), Expect::Refused(refused.clone())]);
        let said =
            format!("SERROR\0VERROR\0C42601\0Msyntax error {}\0P{place}\0Fscan.l\0\0", near(found));
        let seen = give(&mut machine, &message(b'E', said.as_bytes())).unwrap().0;
        let seen = String::from_utf8_lossy(&seen);
        assert!(seen.contains(&expect.0) && seen.contains(&format!("{}\0", expect.1)), "{seen}");
    }
}

#[test]
fn copy_in_ends_with_the_clients_word_or_the_servers() {
    let mut client = machine("copy in");
    assert!(client.is_copying_in());
    client.end_copy_in();
    assert!(!client.is_copying_in());
    let mut server = machine("copy in");
    give(&mut server, &sample(b'E')).unwrap();
    assert!(!server.is_copying_in());
    let mut text = Vec::new();
    put_text(&mut text, "x");
    assert!(give(&mut machine("copy in"), &message(b'd', &text)).is_err());
}
