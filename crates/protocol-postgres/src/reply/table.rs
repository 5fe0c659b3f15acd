//! Every server message in every phase: what passes, what it does to the state, and what
//! ends the session. No socket is needed: the machine is a value.

use super::running::CopyEnd;
use crate::look::Screening;
use crate::reply::{AskedBy, Chunk, Expect, ExpectedResult, ReplyMachine, Status};
use crate::testing::plan;
use crate::wire::{HEADER_BYTES, Refused, next_of, put, put_ready, put_text};
use bytes::Bytes;
use portreeve_decide::sql::{CursorLifetime, Unknown};
use portreeve_model::{Refusal, RefusalCode, RequestId, SessionId, Unclassified};
use portreeve_screen::Screen;
use portreeve_session::{End, Reply};
use portreeve_sql::{Change, Portal, Prepared};
use portreeve_testkit::world::masker;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

const EMAILS: &str = "SELECT email FROM people";
const INTO: &str = "COPY people FROM STDIN";
const OUT: &str = "COPY people (email) TO STDOUT";
const CLEAN_OUT: &str = "COPY people (id) TO STDOUT";

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
    open("p", EMAILS)
}

fn open(name: &str, text: &str) -> Change {
    Change::Open(name.into(), Arc::new(portal(text, CursorLifetime::Transaction)))
}

fn portal(text: &str, lifetime: CursorLifetime) -> Portal {
    Portal {
        prepared: prepared(text),
        statement: String::new(),
        formats: vec![],
        text: "".into(),
        parameters: Vec::new(),
        listed: None,
        lifetime,
    }
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

/// What is owed in a phase, what the server has said of it, and what the client has done since.
fn machine(phase: &str) -> ReplyMachine {
    let mut screening = Screening::default();
    if phase.contains("clean") {
        screening.screen = Arc::new(Screen::new(Unclassified::Clear, &BTreeMap::new(), 0));
    }
    let mut machine = ReplyMachine::new(1 << 20, screening);
    let query = |texts: &[&str]| Expect::Query(texts.iter().map(|text| result(text)).collect());
    let portal = |text: &str| {
        let portal = Some("p".to_owned());
        Expect::Execute(ExpectedResult { portal: portal.clone(), counted: portal, ..result(text) })
    };
    let describe = |asked_by| Expect::DescribePortal { portal: "p".into(), asked_by };
    let parse = || Expect::Parse(Change::Prepare("s".into(), prepared(EMAILS)));
    let (expects, before): (Vec<Expect>, &[u8]) = match phase {
        "idle" => (vec![], b""),
        "skipping" => (vec![parse()], b"E"),
        "query" => (vec![query(&[EMAILS])], b""),
        "query of two" => (vec![query(&[EMAILS, EMAILS])], b""),
        "query rows" => (vec![query(&[EMAILS])], b"T"),
        "query over" => (vec![query(&[EMAILS])], b"C"),
        "query failed" => (vec![query(&[EMAILS])], b"E"),
        "empty query" => (vec![query(&[])], b""),
        "empty query over" => (vec![query(&[])], b"I"),
        "idle and tainted" => (vec![query(&[EMAILS])], b"CZ"),
        "refused query failed" => (vec![Expect::RefusedQuery(refusal())], b"E"),
        "refused query" => (vec![Expect::RefusedQuery(refusal())], b""),
        "parse" => (vec![parse()], b""),
        "parse and sync" => (vec![parse(), Expect::Ready], b""),
        "bind" => (vec![Expect::Bind(opened())], b""),
        "close" => (vec![Expect::Close(Change::Close("p".into()))], b""),
        "describe statement" => (vec![Expect::DescribeStatement("s".into())], b""),
        "describe columns" => (vec![Expect::DescribeStatement("s".into())], b"t"),
        "describe portal" => (vec![describe(AskedBy::Client)], b""),
        "describe portal unseen" => (vec![describe(AskedBy::Gateway)], b""),
        "execute" => {
            let expects = vec![Expect::Bind(opened()), describe(AskedBy::Client), portal(EMAILS)];
            (expects, b"2T")
        }
        "execute rows" => {
            let expects = vec![Expect::Bind(opened()), describe(AskedBy::Client), portal(EMAILS)];
            (expects, b"2TD")
        }
        "execute undescribed" => (vec![Expect::Bind(opened()), portal(EMAILS)], b"2"),
        "execute undescribed and clean" => (vec![portal("SELECT id FROM people")], b""),
        "execute clean rows" => (vec![portal("SELECT id FROM people")], b"D"),
        "execute nothing" => (vec![Expect::Execute(ExpectedResult::default())], b""),
        "refused" => (vec![Expect::Refused(refusal())], b""),
        "tried" => (vec![Expect::Tried(refusal()), Expect::Refused(refusal())], b""),
        "tried and read" => (vec![Expect::Tried(refusal()), Expect::Refused(refusal())], b"1"),
        "sync" => (vec![Expect::Ready], b""),
        "sync failed" => (vec![Expect::Ready], b"E"),
        "sync after refusal" => (vec![Expect::ReadyAfterRefusal], b""),
        "sync after failure" => (vec![Expect::ReadyAfterRefusal], b"E"),
        "copy in" | "copy in done" | "copy in given up" | "copy in refused" => {
            (vec![query(&[INTO])], b"G")
        }
        "copy in hidden" => (vec![query(&[INTO])], b""),
        "copy out" => (vec![query(&[OUT])], b"H"),
        "copy out over" => (vec![query(&[OUT])], b"Hc"),
        "copy out clean" => (vec![query(&[CLEAN_OUT])], b"H"),
        "copy out to begin" => (vec![query(&[OUT])], b""),
        "copy in to begin" => (vec![query(&[INTO])], b""),
        "execute copy in" => (vec![portal(INTO)], b"G"),
        "execute copy out" => (vec![portal(OUT)], b"H"),
        "execute copy out over" => (vec![portal(OUT)], b"Hc"),
        "asked" => (vec![Expect::Asked], b""),
        "asked and failed" => (vec![Expect::Asked], b"E"),
        "ending" => (vec![Expect::Ending], b""),
        "ending over" => (vec![Expect::Ending], b"C"),
        other => panic!("no phase `{other}`"),
    };
    machine.expect(expects);
    let before: Vec<u8> = before.iter().flat_map(|tag| sample(*tag)).collect();
    give(&mut machine, &before).unwrap();
    match phase {
        "copy in done" => machine.end_copy_in(CopyEnd::Done, None),
        "copy in given up" => machine.end_copy_in(CopyEnd::Failed, None),
        "copy in refused" => machine.end_copy_in(CopyEnd::Failed, Some(refused_with("no"))),
        "copy in hidden" => machine.hide_copy_start(),
        _ => {}
    }
    machine
}

fn give(machine: &mut ReplyMachine, bytes: &[u8]) -> Result<(Vec<u8>, Option<End>), String> {
    let chunk = Chunk { messages: Bytes::copy_from_slice(bytes), machine };
    let masked = chunk.mask(&masker()).map_err(|error| error.0)?;
    Ok((masked.bytes.to_vec(), masked.end))
}

/// Every phase, and the messages of a server that may come in it: `T>t query rows` is one of type
/// `T`, of which the client sees one of type `t`, and which leads to the phase `query rows`.
/// Whatever is not here ends the session. Notices, notifications and settings are in all phases.
const TABLE: &[(&str, &[&str])] = &[
    ("idle", &[]),
    ("idle and tainted", &[]),
    ("skipping", &[]),
    ("query", &["C>C query over", "E>E query failed", "T>T query rows"]),
    ("query of two", &["C>C query", "E>E query failed", "T>T query rows"]),
    ("query rows", &["C>C query over", "D>D query rows", "E>E query failed"]),
    ("query over", &["E>E query over", "Z>Z idle and tainted"]),
    ("query failed", &["E>E query failed", "Z>Z idle"]),
    ("empty query", &["E>E empty query over", "I>I empty query over"]),
    ("empty query over", &["E>E empty query over", "Z>Z idle"]),
    ("refused query", &["E>E refused query failed"]),
    ("refused query failed", &["E>E refused query failed", "Z>Z idle"]),
    ("parse", &["1>1 idle", "E>E skipping"]),
    ("parse and sync", &["1>1 sync", "E>E sync failed"]),
    ("bind", &["2>2 idle", "E>E skipping"]),
    ("close", &["3>3 idle", "E>E skipping"]),
    ("describe statement", &["E>E skipping", "t>t describe columns"]),
    ("describe columns", &["E>E skipping", "T>T idle", "n>n idle"]),
    ("describe portal", &["E>E skipping", "T>T idle", "n>n idle"]),
    ("describe portal unseen", &["E>E skipping", "T> idle", "n> idle"]),
    (
        "execute",
        &["C>C idle and tainted", "D>D execute rows", "E>E skipping", "s>s idle and tainted"],
    ),
    (
        "execute rows",
        &["C>C idle and tainted", "D>D execute rows", "E>E skipping", "s>s idle and tainted"],
    ),
    ("execute undescribed", &["C>C idle and tainted", "E>E skipping", "s>s idle and tainted"]),
    (
        "execute undescribed and clean",
        &["C>C idle and tainted", "D>D execute clean rows", "E>E skipping", "s>s idle and tainted"],
    ),
    (
        "execute clean rows",
        &["C>C idle and tainted", "D>D execute clean rows", "E>E skipping", "s>s idle and tainted"],
    ),
    ("execute nothing", &["E>E skipping", "I>I idle"]),
    ("refused", &["E>E skipping"]),
    ("tried", &["1> tried and read", "E>E skipping"]),
    ("tried and read", &["3> refused", "E>E skipping"]),
    ("sync", &["E>E sync failed", "Z>Z idle"]),
    ("sync failed", &["E>E sync failed", "Z>Z idle"]),
    ("sync after refusal", &["E> sync after failure"]),
    ("sync after failure", &["E> sync after failure", "Z>Z idle"]),
    ("copy in to begin", &["C>C query over", "E>E query failed", "G>G copy in"]),
    ("copy in hidden", &["C>C query over", "E>E query failed", "G> copy in"]),
    ("copy in", &["E>E query failed"]),
    ("copy in done", &["C>C query over", "E>E query failed"]),
    ("copy in given up", &["E>E query failed"]),
    ("copy in refused", &["E>E query failed"]),
    ("copy out to begin", &["C>C query over", "E>E query failed", "H>H copy out"]),
    ("copy out", &["E>E query failed", "c>c copy out over", "d>d copy out"]),
    ("copy out clean", &["E>E query failed", "c>c copy out over", "d>d copy out clean"]),
    ("copy out over", &["C>C query over", "E>E query failed"]),
    ("execute copy in", &["E>E skipping"]),
    ("execute copy out", &["E>E skipping", "c>c execute copy out over", "d>d execute copy out"]),
    ("execute copy out over", &["C>C idle and tainted", "E>E skipping"]),
    (
        "asked",
        &[
            "1> asked",
            "2> asked",
            "3> asked",
            "C> asked",
            "D> asked",
            "E> asked and failed",
            "Z> idle",
        ],
    ),
    ("asked and failed", &["E> asked and failed", "Z> idle"]),
    ("ending", &["C> ending over", "E>E ending over"]),
    ("ending over", &["E>E ending over", "Z>Z idle"]),
];

/// What may come at any time, and changes no state.
const ASYNCHRONOUS: &[u8] = b"NSA";

/// A message that the server may not go on after.
fn fatal() -> Vec<u8> {
    message(b'E', b"SFATAL\0VFATAL\0C57P01\0Mbye\0\0")
}

fn tags(bytes: Vec<u8>) -> String {
    let mut run = Bytes::from(bytes);
    std::iter::from_fn(|| next_of(&mut run)).map(|frame| char::from(frame.tag)).collect()
}

/// What shows of a machine's state.
fn state(machine: &ReplyMachine) -> String {
    let known = [
        (machine.is_idle(), "idle"),
        (machine.is_at_end(), "at its end"),
        (machine.is_skipping(), "skips"),
        (machine.owes_failure(), "owes a failure"),
        (machine.is_copying_in(), "copies in"),
        (machine.status() == Status::InTransaction, "in transaction"),
        (machine.status() == Status::Failed, "failed"),
    ];
    known.iter().filter(|(is, _)| *is).map(|(_, what)| *what).collect::<Vec<_>>().join(", ")
}

/// What a machine is like: its state, and what of every message passes.
fn likeness(machine: impl Fn() -> ReplyMachine) -> String {
    let mut likeness = state(&machine());
    for tag in b'1'..=b'z' {
        if let Ok((seen, _)) = give(&mut machine(), &sample(tag)) {
            likeness.push_str(&format!(" {}>{}", char::from(tag), tags(seen)));
        }
    }
    likeness
}

#[test]
fn each_phase_takes_its_own_messages_and_leads_to_the_next() {
    let phases: Vec<(&str, String)> =
        TABLE.iter().map(|(phase, _)| (*phase, likeness(|| machine(phase)))).collect();
    for (phase, expect) in TABLE {
        let mut got = Vec::new();
        for tag in 0..=u8::MAX {
            let mut after = machine(phase);
            let Ok((seen, _)) = give(&mut after, &sample(tag)) else { continue };
            let seen = tags(seen);
            let like = likeness(|| {
                let mut after = machine(phase);
                give(&mut after, &sample(tag)).unwrap();
                after
            });
            let next = |(name, known): &&(&str, String)| {
                *known == like && expect.contains(&&*format!("{}>{seen} {name}", char::from(tag)))
            };
            if ASYNCHRONOUS.contains(&tag) {
                assert_eq!(like, likeness(|| machine(phase)), "`{tag}` in phase `{phase}`");
                continue;
            }
            let named =
                phases.iter().find(next).or(phases.iter().find(|(_, known)| *known == like));
            let named = named.map_or(like.as_str(), |(name, _)| name);
            got.push(format!("{}>{seen} {named}", char::from(tag)));
        }
        assert_eq!(got, *expect, "phase `{phase}`");
    }
}

/// A message with a byte more or less than it has, or all of its bytes others.
fn broken(tag: u8) -> Vec<Vec<u8>> {
    let whole = sample(tag);
    let body = &whole[HEADER_BYTES..];
    let shorter = body.split_last().map(|(_, shorter)| message(tag, shorter));
    std::iter::once(message(tag, &[body, b"x"].concat())).chain(shorter).collect()
}

/// Removed: what stands behind the end of a message reaches the client as it is.
#[test]
fn a_malformed_message_ends_the_session_in_every_phase() {
    for (phase, cells) in TABLE {
        let own = cells.iter().filter_map(|cell| cell.bytes().next());
        for tag in own.chain(ASYNCHRONOUS.iter().copied()) {
            // COPY data have rows of any length, rows that pass whole any values, and a tag that
            // is none is shown as `OK`.
            let is_free = match tag {
                b'd' | b'C' => true,
                // Nobody sees it.
                b'N' => phase.starts_with("tried"),
                b'E' => phase.starts_with("asked"),
                b'D' => phase.contains("clean"),
                _ => false,
            };
            for body in broken(tag).into_iter().filter(|_| !is_free) {
                let got = give(&mut machine(phase), &body);
                assert!(got.is_err(), "{body:?} in phase `{phase}`: {got:?}");
            }
        }
    }
    let odd = give(&mut machine("query"), &message(b'C', b"SELECT 1\0x")).unwrap().0;
    assert_eq!(odd, message(b'C', b"OK\0"));
}

#[test]
fn after_a_fatal_error_nothing_is_owed() {
    for (phase, _) in TABLE.iter().filter(|(phase, _)| !phase.contains("asked")) {
        let mut machine = machine(phase);
        give(&mut machine, &fatal()).unwrap();
        assert!(machine.is_idle() && !machine.is_copying_in(), "phase `{phase}`");
    }
}

/// Removed: a refused reply that goes on in an odd way leaves a state that nobody knows.
#[test]
fn what_nobody_sees_leads_to_the_same_state() {
    for (phase, cells) in TABLE {
        for tag in 0..=u8::MAX {
            let (mut seen, mut unseen) = (machine(phase), machine(phase));
            let (is_seen, is_unseen) =
                (give(&mut seen, &sample(tag)).is_ok(), unseen.discard(sample(tag).into()).is_ok());
            // Rows that cannot be masked can be dropped.
            let is_dropped = tag == b'D' && *phase == "execute undescribed";
            let tag = char::from(tag).escape_default();
            assert_eq!(is_unseen, is_seen || is_dropped, "`{tag}` in phase `{phase}`: {cells:?}");
            if is_seen {
                assert_eq!(state(&unseen), state(&seen), "`{tag}` in phase `{phase}`");
            }
        }
    }
    // Data that end in the middle of a row that nobody sees.
    let mut copy = machine("copy out");
    give(&mut copy, &message(b'd', b"half a ro")).unwrap();
    copy.discard([sample(b'c'), message(b'C', b"COPY 1\0"), sample(b'Z')].concat().into()).unwrap();
    assert!(copy.is_idle());
}

/// A cursor whose name code may have given to something else is not known any more.
///
/// Removed: `FETCH` shows what the cursor was when its client opened it.
#[test]
fn code_that_is_not_done_or_has_failed_may_have_opened_other_portals() {
    let code = "SELECT query_to_xml('SELECT 1', true, true, '')";
    let execute = || {
        let portal = Some("code".to_owned());
        Expect::Execute(ExpectedResult { portal, ..result(code) })
    };
    let prepare = || Change::Prepare("s".into(), prepared(code));
    let bind = || open("code", code);
    let query = || Expect::Query(VecDeque::from([result(code)]));
    for (expects, answer) in [
        (vec![execute()], b"s"),
        (vec![execute()], b"C"),
        (vec![execute()], b"E"),
        (vec![query()], b"E"),
        (vec![Expect::Bind(bind())], b"2"),
        (vec![Expect::Bind(bind())], b"E"),
        (vec![Expect::Parse(prepare())], b"1"),
    ] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        machine.expect([Expect::Bind(opened())]);
        give(&mut machine, &sample(b'2')).unwrap();
        machine.expect(expects.clone());
        give(&mut machine, &sample(answer[0])).unwrap();
        let entry = machine.names().portal("p").expect("it is open");
        assert!(entry.is_doubtful, "{} to {expects:?}", char::from(answer[0]));
    }
    // The portal that it runs in is the one that cannot be closed meanwhile.
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    machine.expect([Expect::Bind(bind()), execute()]);
    give(&mut machine, &[sample(b'2'), sample(b's')].concat()).unwrap();
    assert!(!machine.names().portal("code").expect("it is open").is_doubtful);
}

/// Removed: what a deferred trigger puts in the place of a cursor, which was opened behind the
/// write that the trigger is of, is shown as what its client has opened.
#[test]
fn what_was_deferred_may_have_opened_other_portals() {
    let code = "SELECT query_to_xml('SELECT 1', true, true, '')";
    for (ends_with, ready, is_doubtful) in [
        ("SELECT 1", b"T", false),
        ("SET CONSTRAINTS ALL IMMEDIATE", b"T", true),
        ("COMMIT", b"I", true),
    ] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        let cursor = portal("SELECT 1", CursorLifetime::Session);
        let declared = ExpectedResult {
            change: Some(Change::Open("held".into(), Arc::new(cursor))),
            ..ExpectedResult::default()
        };
        let declared = ExpectedResult { plan: Some(plan("SELECT 1")), ..declared };
        machine.expect([
            Expect::Query([result(code), declared].into()),
            Expect::Query([result(ends_with)].into()),
        ]);
        let tag = sample(b'C');
        let open = message(b'Z', b"T");
        let reply = [&tag[..], &tag, &open, &tag, &message(b'Z', ready)].concat();
        give(&mut machine, &reply).unwrap();
        let held = machine.names().portal("held").expect("it is open");
        assert_eq!(held.is_doubtful, is_doubtful, "{ends_with}");
    }
}

/// SPEC: PostgreSQL, "Multiple Statements in a Simple Query": they are one transaction, at whose
/// end, before the last one's tag, deferred triggers speak of what the first ones have touched.
#[test]
fn the_end_of_a_text_speaks_of_all_that_it_has_touched() {
    let said = message(b'E', b"SERROR\0VERROR\0CP0001\0Mann\0\0");
    for (texts, before) in [
        (&["DELETE FROM people WHERE email = ''", "SELECT 1"][..], &b"C"[..]),
        (&["DELETE FROM people WHERE email = ''", "SELECT 1"], b"CC"),
        (&["DELETE FROM people WHERE email = ''", "SET CONSTRAINTS ALL IMMEDIATE"], b"C"),
    ] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        machine.expect([Expect::Query(texts.iter().map(|text| result(text)).collect())]);
        let before: Vec<u8> = before.iter().flat_map(|tag| sample(*tag)).collect();
        give(&mut machine, &before).unwrap();
        let seen = give(&mut machine, &said).unwrap().0;
        assert!(!String::from_utf8_lossy(&seen).contains("ann"), "{texts:?}");
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
    client.end_copy_in(CopyEnd::Done, None);
    assert!(!client.is_copying_in());
    let mut server = machine("copy in");
    give(&mut server, &sample(b'E')).unwrap();
    assert!(!server.is_copying_in());
    let mut text = Vec::new();
    put_text(&mut text, "x");
    assert!(give(&mut machine("copy in"), &message(b'd', &text)).is_err());
}
