//! Every client message in every phase: the step that it leads to, what it adds to the request,
//! what is owed for it.

use super::assembler::{Assembler, BATCH_BYTES_MAX, FULL, Helps, Step, Upcoming};
use super::batch::FailingName;
use super::table::{
    assembler, bind, execute, message, parse, query, request, session, sync, tags, unfenced,
};
use crate::ProtocolLimits;
use crate::look::Screening;
use crate::reply::{Chunk, Expect, ReplyMachine};
use crate::testing::planner;
use bytes::BytesMut;
use portreeve_session::{Reply, Request, Session};
use portreeve_sql::{Change, NAMES_MAX, Prepared};
use portreeve_testkit::world::masker;
use std::sync::Arc;

/// What a client may send, by the names that the table has for it.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("Q", query("SELECT id FROM people")),
        ("P", parse("SELECT id FROM people")),
        ("B", bind()),
        ("Ds", message(b'D', &[b"S\0"])),
        ("Dp", message(b'D', &[b"P\0"])),
        ("Cs", message(b'C', &[b"S\0"])),
        ("Cp", message(b'C', &[b"P\0"])),
        ("E", execute()),
        ("H", message(b'H', &[])),
        ("S", sync()),
        ("d", message(b'd', &[b"x"])),
        ("c", message(b'c', &[])),
        ("f", message(b'f', &[b"x\0"])),
        ("X", message(b'X', &[])),
        ("F", message(b'F', &[b"x"])),
    ]
}

/// The phases in which a message can meet the assembler, and what becomes of each message there:
/// the step, the messages for the target, the replies that are owed for them. `?` is a request with
/// a command that cannot be judged, `^` one that ends before the message.
const TABLE: &[(&str, &[&str])] = &[
    (
        "empty",
        &[
            "Q: Request Q Q",
            "P: More P 1",
            "B: More B 2",
            "Ds: More D t",
            "Dp: More D T",
            "Cs: More C 3",
            "Cp: More C 3",
            "E: More? DE TC",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: Request? F",
        ],
    ),
    (
        "skipping",
        &[
            "Q: More",
            "P: More",
            "B: More",
            "Ds: More",
            "Dp: More",
            "Cs: More",
            "Cp: More",
            "E: More",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: More",
        ],
    ),
    (
        "skipping alone",
        &[
            "Q: More",
            "P: More",
            "B: More",
            "Ds: More",
            "Dp: More",
            "Cs: More",
            "Cp: More",
            "E: More",
            "H: More",
            "S: Request DS z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: More",
        ],
    ),
    (
        "behind Parse",
        &[
            "Q: ^ PH 1",
            "P: More PP 11",
            "B: More PB 12",
            "Ds: More PD 1t",
            "Dp: More PD 1T",
            "Cs: More PC 13",
            "Cp: More PC 13",
            "E: More? PDE 1TC",
            "H: Request PH 1",
            "S: Request PS 1Z",
            "d: More P 1",
            "c: More P 1",
            "f: More P 1",
            "X: ^ PH 1",
            "F: ^ PH 1",
        ],
    ),
    (
        "behind Bind",
        &[
            "Q: ^ PBH 12",
            "P: More PBP 121",
            "B: More PBB 122",
            "Ds: More PBD 12t",
            "Dp: More PBD 12T",
            "Cs: More PBC 123",
            "Cp: More PBC 123",
            "E: More PBDE 12TC",
            "H: Request PBH 12",
            "S: Request PBS 12Z",
            "d: More PB 12",
            "c: More PB 12",
            "f: More PB 12",
            "X: ^ PBH 12",
            "F: ^ PBH 12",
        ],
    ),
    (
        "behind Execute",
        &[
            "Q: ^ PBDEH 12TC",
            "P: More PBDEP 12TC1",
            "B: More PBDEB 12TC2",
            "Ds: More PBDED 12TCt",
            "Dp: More PBDED 12TCT",
            "Cs: More PBDEC 12TC3",
            "Cp: More PBDEC 12TC3",
            "E: More PBDEE 12TCC",
            "H: Request PBDEH 12TC",
            "S: Request PBDES 12TCZ",
            "d: More PBDE 12TC",
            "c: More PBDE 12TC",
            "f: More PBDE 12TC",
            "X: ^ PBDEH 12TC",
            "F: ^ PBDEH 12TC",
        ],
    ),
    (
        "behind Close",
        &[
            "Q: ^ CH 3",
            "P: More CP 31",
            "B: More CB 32",
            "Ds: More CD 3t",
            "Dp: More CD 3T",
            "Cs: More CC 33",
            "Cp: More CC 33",
            "E: More? CDE 3TC",
            "H: Request CH 3",
            "S: Request CS 3Z",
            "d: More C 3",
            "c: More C 3",
            "f: More C 3",
            "X: ^ CH 3",
            "F: ^ CH 3",
        ],
    ),
    (
        "behind Flush",
        &[
            "Q: Request Q Q",
            "P: More P 1",
            "B: More B 2",
            "Ds: More D t",
            "Dp: More D T",
            "Cs: More C 3",
            "Cp: More C 3",
            "E: More E C",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: Request? F",
        ],
    ),
    (
        "in a transaction",
        &[
            "Q: Request Q Q",
            "P: More P 1",
            "B: More B 2",
            "Ds: More D t",
            "Dp: More D T",
            "Cs: More C 3",
            "Cp: More C 3",
            "E: More? DE TC",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: Request? F",
        ],
    ),
    (
        "in a failed transaction",
        &[
            "Q: Request Q Q",
            "P: More P 1",
            "B: More B 2",
            "Ds: More D t",
            "Dp: More D T",
            "Cs: More C 3",
            "Cp: More C 3",
            "E: More? DE TC",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: Request? F",
        ],
    ),
    (
        "sight lost",
        &[
            "Q: Request? Q Q",
            "P: More P 1",
            "B: More B 2",
            "Ds: More D t",
            "Dp: More D T",
            "Cs: More C 3",
            "Cp: More C 3",
            "E: More? DE TC",
            "H: More",
            "S: Request S Z",
            "d: More",
            "c: More",
            "f: More",
            "X: Terminate",
            "F: Request? F",
        ],
    ),
];

/// Both sides in a phase.
fn phase(session: &Session, phase: &str) -> (Assembler, ReplyMachine) {
    let mut assembler = assembler(session);
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    let read = || [parse("SELECT id FROM people"), bind(), execute()].concat();
    let (sent, status): (Vec<u8>, &[u8]) = match phase {
        "in a transaction" => (vec![], b"T"),
        "in a failed transaction" => (vec![], b"E"),
        "behind Parse" => (parse("SELECT id FROM people"), b"I"),
        "behind Bind" => ([parse("SELECT id FROM people"), bind()].concat(), b"I"),
        "behind Execute" => (read(), b"I"),
        "behind Close" => (message(b'C', &[b"S\0"]), b"I"),
        _ => (vec![], b"I"),
    };
    let give = |machine: &mut ReplyMachine, expects: Vec<Expect>, reply: Vec<u8>| {
        machine.expect(expects);
        Chunk { messages: reply.into(), machine }.mask(&masker()).unwrap();
    };
    give(&mut machine, vec![Expect::Ready], message(b'Z', &[status]));
    match phase {
        "skipping" => {
            let error = message(b'E', &[b"C22012\0\0"]);
            give(&mut machine, vec![Expect::Close(Change::CloseAll)], error);
        }
        "skipping alone" => machine.skip_alone(),
        "behind Flush" => {
            let mut inbox = BytesMut::from([read(), message(b'H', &[])].concat().as_slice());
            let batch = request(&mut assembler, &machine, &mut inbox).unwrap();
            let described = message(b'T', &[b"\0\x01id\0", &[0; 8], b"\0\x17", &[0; 8]]);
            let tag = message(b'C', &[b"SELECT 0\0"]);
            let reply = [message(b'1', &[]), message(b'2', &[]), described, tag].concat();
            give(&mut machine, batch.encode(None).1.expects, reply);
            assert!(machine.is_idle());
        }
        _ => {}
    }
    assembler.begin(&machine);
    if phase == "sight lost" {
        assembler.lose_sight();
    }
    let mut inbox = BytesMut::from(sent.as_slice());
    while let Some(frame) = assembler.next_frame(&mut inbox).unwrap() {
        assert_eq!(assembler.add(&frame, Upcoming::Other, &machine).unwrap(), Step::More);
    }
    (assembler, machine)
}

/// What is owed, by the messages that settle it.
fn owed(expects: &[Expect]) -> String {
    let settled_by = |expect: &Expect| match expect {
        Expect::Query(_) => 'Q',
        Expect::RefusedQuery(_) | Expect::Refused(_) | Expect::Tried(_) => 'E',
        Expect::Parse(_) => '1',
        Expect::Bind(_) => '2',
        Expect::Close(_) => '3',
        Expect::DescribeStatement(_) => 't',
        Expect::DescribePortal { .. } => 'T',
        Expect::Execute(_) => 'C',
        Expect::Ready => 'Z',
        Expect::ReadyAfterRefusal => 'z',
        Expect::Asked | Expect::Ending => '!',
    };
    expects.iter().map(settled_by).collect()
}

fn outcome(session: &Session, name: &str, sample: &[u8]) -> String {
    let (mut assembler, machine) = phase(session, name);
    let mut inbox = BytesMut::from(sample);
    let step = if assembler.ends_before_next(&inbox) {
        "^".to_owned()
    } else {
        let frame = assembler.next_frame(&mut inbox).unwrap().unwrap();
        match assembler.add(&frame, Upcoming::Other, &machine).unwrap() {
            Step::Refresh => format!("{:?}", assembler.take_help()),
            step => format!("{step:?}"),
        }
    };
    let batch = assembler.take(&machine, unfenced);
    let is_unknown = batch.commands().iter().any(|one| one.command.unknown.is_some());
    let (wire, accepted) = batch.encode(None);
    let unknown = if is_unknown { "?" } else { "" };
    let told = format!("{step}{unknown} {} {}", tags(wire), owed(&accepted.expects));
    told.trim_end().to_owned()
}

#[tokio::test]
async fn every_message_is_taken_or_refused_in_every_phase() {
    let (_world, session) = session("").await;
    for (phase, expect) in TABLE {
        let cell = |(name, sample): &(&str, Vec<u8>)| {
            format!("{name}: {}", outcome(&session, phase, sample))
        };
        let got: Vec<String> = samples().iter().map(cell).collect();
        assert_eq!(got, *expect, "phase `{phase}`");
    }
    let known: Vec<u8> = samples().iter().map(|(_, sample)| sample[0]).collect();
    for tag in (0..=u8::MAX).filter(|tag| !known.contains(tag)) {
        let mut inbox = BytesMut::from(message(tag, &[]).as_slice());
        assert!(assembler(&session).next_frame(&mut inbox).is_err(), "{tag}");
    }
}

/// The first step that is not `More` for a stream, and what helps if it is to look again.
fn step(assembler: &mut Assembler, machine: &ReplyMachine, stream: &[u8]) -> (Step, Option<Helps>) {
    assembler.begin(machine);
    let mut inbox = BytesMut::from(stream);
    while let Some(frame) = assembler.next_frame(&mut inbox).unwrap() {
        match assembler.add(&frame, Upcoming::Other, machine).unwrap() {
            Step::More => {}
            Step::Refresh => return (Step::Refresh, Some(assembler.take_help())),
            step => return (step, None),
        }
    }
    (Step::More, None)
}

/// Each kind of help is asked for where it helps, and once.
#[tokio::test]
async fn what_is_not_known_is_asked_for_where_it_can_be_told() {
    let (_world, session) = session("").await;
    let (unknown, known) = (query("SELECT id FROM nowhere"), query("SELECT id FROM people"));
    for (name, text, expect) in [
        ("empty", &unknown, Some(Helps::NewDefinitions)),
        ("empty", &known, None),
        ("in a transaction", &unknown, Some(Helps::NewDefinitions)),
        ("in a transaction that has lost sight", &known, Some(Helps::LookInside)),
        // Nobody is asked in the middle of a run, or in a transaction that has failed.
        ("behind Flush", &known, None),
        ("in a failed transaction", &known, None),
    ] {
        let is_lost = name.ends_with("lost sight");
        let (mut assembler, mut machine) =
            phase(&session, if is_lost { "in a transaction" } else { name });
        if is_lost {
            machine.lose_definitions();
        }
        let got = step(&mut assembler, &machine, text);
        assert_eq!(got.1, expect, "{name}");
        match expect {
            Some(Helps::NewDefinitions) => assembler.restart(&machine),
            Some(Helps::LookInside | Helps::Path) => assembler.resume(&machine),
            None => continue,
        }
        let frame = assembler.next_frame(&mut BytesMut::new()).unwrap().unwrap();
        let again = assembler.add(&frame, Upcoming::Other, &machine).unwrap();
        assert_eq!(again, Step::Request, "{name}: it is not asked for twice");
    }
}

#[tokio::test]
async fn what_is_too_much_is_refused_or_cut() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    // A run of messages is cut.
    let long = parse(&format!("SELECT 1 /* {} */", "x".repeat(BATCH_BYTES_MAX)));
    let mut inbox = BytesMut::from([long.clone(), bind()].concat().as_slice());
    let batch = request(&mut assembler(&session), &machine, &mut inbox).unwrap();
    assert_eq!((tags(batch.encode(None).0).as_str(), inbox.len()), ("PH", bind().len()));
    // What is dropped anyway is not kept without a bound.
    let (mut skips, skipping) = phase(&session, "skipping");
    assert_eq!(step(&mut skips, &skipping, &long).0, Step::Request);
    assert_eq!(tags(skips.take(&skipping, unfenced).encode(None).0), "");
    // A text that is too long is not read.
    let limits = ProtocolLimits { statement_bytes_max: 8, ..ProtocolLimits::default() };
    let failing = FailingName("nobody-has-it".into());
    let mut short = Assembler::new(planner(), session.snapshot(), failing, limits);
    for stream in [query("SELECT 1;"), [parse("SELECT 1;"), sync()].concat()] {
        let mut inbox = BytesMut::from(stream.as_slice());
        let batch = request(&mut short, &machine, &mut inbox).unwrap();
        let unknown = batch.commands()[0].command.unknown.as_deref();
        assert!(unknown.is_some_and(|why| why.contains("longer than 8 bytes")), "{unknown:?}");
    }
    // A session keeps no more names than it may.
    let mut full = ReplyMachine::new(1 << 20, Screening::default());
    for number in 0..NAMES_MAX {
        let (plan, text, types) = (None, "".into(), Vec::new());
        let prepared = Arc::new(Prepared { plan, text, types, place: None });
        full.expect([Expect::Parse(Change::Prepare(number.to_string(), prepared))]);
    }
    let reply = message(b'1', &[]).repeat(NAMES_MAX);
    Chunk { messages: reply.into(), machine: &mut full }.mask(&masker()).unwrap();
    for stream in [
        [parse("SELECT 1"), sync()].concat(),
        [bind(), sync()].concat(),
        query("PREPARE p AS SELECT 1"),
        query("DECLARE c CURSOR FOR SELECT 1"),
    ] {
        let mut inbox = BytesMut::from(stream.as_slice());
        let batch = request(&mut assembler(&session), &full, &mut inbox).unwrap();
        let refused = batch.commands().iter().filter_map(|one| one.command.unknown.as_deref());
        assert!(refused.into_iter().any(|why| why == FULL), "{stream:?}");
    }
}
