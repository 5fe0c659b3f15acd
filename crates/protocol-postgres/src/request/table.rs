//! Streams of client messages: where requests are cut, what of them the target will get, what is
//! refused. No socket is needed: the assembler is a value.

use crate::ProtocolLimits;
use crate::look::Screening;
use crate::reply::{Chunk, Expect, ReplyMachine};
use crate::request::{Assembler, FailingName, Helps, MessageBatch, Step, Upcoming};
use crate::testing::planner;
use crate::wire::{next_of, put, put_text};
use bytes::{Bytes, BytesMut};
use portreeve_decide::sql::Output;
use portreeve_model::{Refusal, RefusalCode, RequestId};
use portreeve_session::{Answer, BoxFuture, Fence, Fenced, Reply, Request, Session};
use portreeve_testkit::world::{World, masker};
use std::collections::BTreeSet;
use std::sync::Arc;

const POLICY: &str = r#"
@id("connect") permit(principal, action == Action::"connect", resource);
@id("all") permit(principal, action in [Action::"read", Action::"write"], resource);
"#;

const HELD: &str = r#"
@id("bulk") @review("reviewers")
forbid(principal, action == Action::"read", resource) when { context.rows > 2 };
"#;

pub(super) async fn session(policies: &str) -> (World, Session) {
    let world = World::new(&format!("{POLICY}{policies}"), Answer::Expired).await;
    let session = world.session("shop").await.unwrap();
    (world, session)
}

pub(super) fn assembler(session: &Session) -> Assembler {
    let failing = FailingName("nobody-has-it".into());
    Assembler::new(planner(), session.snapshot(), failing, ProtocolLimits::default())
}

pub(super) fn message(tag: u8, texts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, tag, |out| texts.iter().for_each(|text| out.extend_from_slice(text)));
    out
}

pub(super) fn query(text: &str) -> Vec<u8> {
    let mut body = Vec::new();
    put_text(&mut body, text);
    message(b'Q', &[&body])
}

pub(super) fn parse(text: &str) -> Vec<u8> {
    message(b'P', &[b"\0", text.as_bytes(), b"\0\0\0"])
}

pub(super) fn bind() -> Vec<u8> {
    message(b'B', &[b"\0\0\0\0\0\0\0\0"])
}

pub(super) fn execute() -> Vec<u8> {
    message(b'E', &[b"\0\0\0\0\0"])
}

pub(super) fn sync() -> Vec<u8> {
    message(b'S', &[])
}

/// Feeds messages until a request is complete; what was not taken is left in `inbox`.
pub(super) fn request(
    assembler: &mut Assembler,
    machine: &ReplyMachine,
    inbox: &mut BytesMut,
) -> Option<MessageBatch> {
    assembler.begin(machine);
    loop {
        if assembler.ends_before_next(inbox) {
            return Some(assembler.take(machine, unfenced));
        }
        let frame = assembler.next_frame(inbox).unwrap()?;
        let upcoming = assembler.upcoming(inbox);
        match assembler.add(&frame, upcoming, machine).unwrap() {
            Step::More => {}
            Step::Refresh => match assembler.take_help() {
                Helps::LookInside | Helps::Path => assembler.resume(machine),
                Helps::NewDefinitions => assembler.restart(machine),
            },
            Step::Request => return Some(assembler.take(machine, unfenced)),
            Step::Terminate => return None,
        }
    }
}

struct Unfenced;

impl Fence for Unfenced {
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(super) fn unfenced(_: Arc<BTreeSet<String>>) -> Arc<dyn Fence> {
    Arc::new(Unfenced)
}

/// The types of messages in bytes for the target.
pub(super) fn tags(mut wire: Bytes) -> String {
    std::iter::from_fn(|| next_of(&mut wire)).map(|frame| char::from(frame.tag)).collect()
}

/// How a stream of client messages is cut, and what the target gets of each request.
async fn check(policies: &str, stream: &[Vec<u8>], expect: &[&str]) {
    let (_world, session) = session(policies).await;
    let (mut assembler, machine) =
        (assembler(&session), ReplyMachine::new(1 << 20, Screening::default()));
    let mut inbox = BytesMut::from(stream.concat().as_slice());
    let mut got = Vec::new();
    while let Some(batch) = request(&mut assembler, &machine, &mut inbox) {
        got.push(tags(batch.encode(None).0));
    }
    assert_eq!(got, expect, "{stream:?}");
}

#[tokio::test]
async fn requests_end_where_the_protocol_answers() {
    let select = || [parse("SELECT 1"), bind(), execute()].concat();
    check("", &[query("SELECT 1"), query("SELECT 2")], &["Q", "Q"]).await;
    check("", &[select(), sync()], &["PBDES"]).await;
    check("", &[select(), message(b'H', &[]), sync()], &["PBDEH", "S"]).await;
    // A simple query begins a request of its own; what went before is answered first.
    check("", &[parse("SELECT 1"), query("SELECT 1")], &["PH", "Q"]).await;
    check("", &[message(b'H', &[]), message(b'H', &[])], &[]).await;
    check("", &[message(b'X', &[])], &[]).await;
    // The whole of COPY's data is still to come.
    let copy = [parse("COPY people FROM STDIN"), bind(), execute()].concat();
    check("", &[copy, sync()], &["PBEH", "S"]).await;
}

#[tokio::test]
async fn what_follows_rows_that_may_be_held_waits() {
    let read = || [parse("SELECT id FROM people"), bind(), execute()].concat();
    check(HELD, &[read(), read(), sync()], &["PBDEH", "PBDES"]).await;
    // Nothing that changes anything may share its reply's end with it.
    let write = [parse("DELETE FROM people WHERE id = 1"), bind(), execute()].concat();
    check(HELD, &[write, read(), sync()], &["PBEPBDEH", "S"]).await;
    check("", &[read(), read(), sync()], &["PBDEPBDES"]).await;
}

/// Removed: a request that runs code and goes on with a portal from before it shows what the code
/// has put in its place.
#[tokio::test]
async fn a_portal_from_before_code_is_opaque_in_the_same_request() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    let code = "SELECT query_to_xml('SELECT 1', true, true, '')";
    let portal = |name: &str| message(b'B', &[name.as_bytes(), b"\0\0\0\0\0\0\0\0"]);
    let run = |name: &str| message(b'E', &[name.as_bytes(), b"\0\0\0\0\0"]);
    let opens = || [parse("SELECT 1 AS x"), portal("p")].concat();
    for (stream, is_opaque) in [
        ([opens(), run("p"), sync()].concat(), false),
        ([opens(), parse(code), portal("c"), run("c"), run("p"), sync()].concat(), true),
        ([opens(), parse(code), portal("c"), run("p"), sync()].concat(), true),
        ([parse(code), portal("c"), run("c"), opens(), run("p"), sync()].concat(), false),
    ] {
        let mut inbox = BytesMut::from(stream.as_slice());
        let batch = request(&mut assembler(&session), &machine, &mut inbox).unwrap();
        let expects = batch.encode(None).1.expects;
        let plan = expects.iter().find_map(|expect| match expect {
            Expect::Execute(result) if result.portal.as_deref() == Some("p") => result.plan.clone(),
            _ => None,
        });
        let is_unproven = plan.unwrap().statement.output == Output::Unproven;
        assert_eq!(is_unproven, is_opaque, "{}", String::from_utf8_lossy(&stream));
    }
}

#[tokio::test]
async fn from_the_first_refused_command_on_nothing_is_sent_but_its_end() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    let mut assembler = assembler(&session);
    let run = |text: &str| [parse(text), bind(), execute()].concat();
    let mut inbox = BytesMut::from([run("SELECT 1"), run("SELECT 2"), sync()].concat().as_slice());
    let batch = request(&mut assembler, &machine, &mut inbox).unwrap();
    assert_eq!(batch.commands().len(), 4);
    let refusal = portreeve_model::Refusal {
        code: portreeve_model::RefusalCode::Denied,
        message: "no".into(),
        rule: None,
        request: portreeve_model::RequestId { session: session.id(), exchange: 1 },
        hint: None,
        review: None,
    };
    // Commands: prepare, run, prepare, run. The last one is refused.
    let (wire, accepted) = batch.encode(Some((3, &refusal)));
    assert_eq!(tags(wire), "PBDEPBDDHS");
    assert!(matches!(accepted.expects.last(), Some(Expect::Ready)));
}

#[tokio::test]
async fn a_request_that_is_put_together_anew_is_the_same() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    let stream = [parse("SELECT id FROM people"), bind(), execute(), sync()].concat();
    let once = |restart: bool| {
        let mut assembler = assembler(&session);
        let mut inbox = BytesMut::from(stream.as_slice());
        assembler.begin(&machine);
        for _ in 0..2 {
            let frame = assembler.next_frame(&mut inbox).unwrap().unwrap();
            assert_eq!(assembler.add(&frame, Upcoming::Other, &machine).unwrap(), Step::More);
        }
        if restart {
            assembler.restart(&machine);
        }
        loop {
            let frame = assembler.next_frame(&mut inbox).unwrap().unwrap();
            let upcoming = assembler.upcoming(&inbox);
            if assembler.add(&frame, upcoming, &machine).unwrap() == Step::Request {
                let batch = assembler.take(&machine, unfenced);
                return (batch.received(), batch.content().text(), tags(batch.encode(None).0));
            }
        }
    };
    assert_eq!(once(false), once(true));
}

#[tokio::test]
async fn names_stand_for_what_this_request_makes_of_them() {
    let (_world, session) = session("").await;
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    let mut assembler = assembler(&session);
    let mut inbox = BytesMut::from(
        [query("PREPARE p AS SELECT email FROM people"), query("EXECUTE p")].concat().as_slice(),
    );
    let prepare = request(&mut assembler, &machine, &mut inbox).unwrap();
    machine.expect(prepare.encode(None).1.expects);
    let reply = [message(b'C', &[b"PREPARE\0"]), message(b'Z', &[b"I"])].concat();
    Chunk { messages: reply.into(), machine: &mut machine }.mask(&masker()).unwrap();
    let execute = request(&mut assembler, &machine, &mut inbox).unwrap();
    // The statement behind the name is decided, and a reviewer reads it.
    let reads = |one: &portreeve_session::CommandUse| !one.command.needs.is_empty();
    assert!(execute.commands().iter().any(reads));
    assert!(execute.content().text().contains("PREPARE p AS SELECT email FROM people"));
}

#[tokio::test]
async fn a_fence_stands_around_what_rows_rest_on_and_what_is_written_to() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    for (text, is_fenced) in [
        ("SELECT id FROM people", true),
        ("DELETE FROM people WHERE id = 1 RETURNING id", true),
        ("COPY people TO STDOUT", true),
        ("DELETE FROM people WHERE id = 1", true),
        ("ALTER TABLE people ADD c int; DELETE FROM people WHERE id = 1", false),
        ("BEGIN", false),
        ("SELECT 1", false),
        ("CREATE TABLE other (id int)", false),
    ] {
        let mut inbox = BytesMut::from(query(text).as_slice());
        let batch = request(&mut assembler(&session), &machine, &mut inbox).unwrap();
        assert_eq!(batch.fence().is_some(), is_fenced, "{text}");
    }
}

/// Removed: a client that saves a row which it has read masked stores the masks.
#[tokio::test]
async fn a_mask_that_would_be_stored_is_refused_in_every_way_of_sending_it() {
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    let bound = |value: &[u8]| {
        let length = u32::try_from(value.len()).unwrap().to_be_bytes();
        message(b'B', &[b"\0\0\0\0\0\x01", &length, value, b"\0\0"])
    };
    let save = "UPDATE people SET email = $1 WHERE id = 1";
    let prepare = "PREPARE p AS UPDATE people SET email = '[email]'";
    for (stream, is_refused) in [
        (query("UPDATE people SET email = '[email]'"), true),
        (query("UPDATE people SET email = 'ann@x.org'"), false),
        (query("SELECT id FROM people WHERE email = '[email]'"), false),
        (query(prepare), true),
        ([parse(save), bound(b"a***@x.org"), execute(), sync()].concat(), true),
        ([parse(save), bound(b"ann@x.org"), execute(), sync()].concat(), false),
        ([parse("INSERT INTO people VALUES (1, '[email]')"), sync()].concat(), true),
    ] {
        let mut inbox = BytesMut::from(stream.as_slice());
        let batch = request(&mut assembler(&session), &machine, &mut inbox).unwrap();
        let refused = batch.commands().iter().any(|one| one.command.unknown.is_some());
        assert_eq!(refused, is_refused, "{}", batch.content().text());
    }
}

/// Puts one simple query together, and has it answered with this tag and status: whether it
/// would be refused as something that cannot be judged.
fn refused(
    assembler: &mut Assembler,
    machine: &mut ReplyMachine,
    text: &str,
    [tag, status]: [&str; 2],
) -> bool {
    let mut inbox = BytesMut::from(query(text).as_slice());
    let batch = request(assembler, machine, &mut inbox).unwrap();
    let is_refused = batch.commands().iter().any(|one| one.command.unknown.is_some());
    machine.expect(batch.encode(None).1.expects);
    let tag = [tag.as_bytes(), b"\0"].concat();
    let reply = [message(b'C', &[&tag]), message(b'Z', &[status.as_bytes()])].concat();
    Chunk { messages: reply.into(), machine }.mask(&masker()).unwrap();
    is_refused
}

/// Removed: a migration cannot use what it has made, or uses what was taken back.
#[tokio::test]
async fn a_transaction_knows_what_it_has_made_and_no_more() {
    let (_world, session) = session("").await;
    let mut machine = ReplyMachine::new(1 << 20, Screening::default());
    let mut assembler = assembler(&session);
    let mut check = |text: &str, tag: &str, status: &str, expect: bool| {
        let found = refused(&mut assembler, &mut machine, text, [tag, status]);
        assert_eq!(found, expect, "{text}");
    };
    check("SELECT id FROM made", "SELECT 0", "I", true);
    check("BEGIN", "BEGIN", "T", false);
    check("CREATE TABLE made (id int)", "CREATE TABLE", "T", false);
    check("SELECT id FROM made", "SELECT 0", "T", false);
    check("SAVEPOINT s", "SAVEPOINT", "T", false);
    check("ALTER TABLE made RENAME TO other", "ALTER TABLE", "T", false);
    check("SELECT id FROM made", "SELECT 0", "T", true);
    check("SELECT id FROM other", "SELECT 0", "T", false);
    check("ROLLBACK TO s", "ROLLBACK", "T", false);
    check("SELECT id FROM made", "SELECT 0", "T", false);
    check("SELECT id FROM other", "SELECT 0", "T", true);
    // What is not followed ends what the transaction may use.
    check("CREATE POLICY p ON people USING (true)", "CREATE POLICY", "T", false);
    check("SELECT id FROM made", "SELECT 0", "T", true);
    check("SELECT 1", "SELECT 1", "T", false);
    check("ROLLBACK", "ROLLBACK", "I", false);
    check("SELECT id FROM made", "SELECT 0", "I", true);
    check("SELECT id FROM people", "SELECT 0", "I", false);
}

/// Removed: code that changes a view is followed by a read of what the view was before.
#[tokio::test]
async fn a_read_behind_code_is_a_request_of_its_own() {
    let run = |text: &str| [parse(text), bind(), execute()].concat();
    let code = || run("DO 'begin end'");
    let read = || run("SELECT id FROM people");
    check("", &[code(), read(), sync()], &["PBEPBH", "DES"]).await;
    check("", &[code(), run("SELECT 1"), sync()], &["PBEPBDES"]).await;
    let (_world, session) = session("").await;
    let machine = ReplyMachine::new(1 << 20, Screening::default());
    let mut inbox = BytesMut::from(query("DO 'begin end'; SELECT id FROM people").as_slice());
    let batch = request(&mut assembler(&session), &machine, &mut inbox).unwrap();
    assert!(batch.commands().iter().any(|one| one.command.unknown.is_some()));
}

/// Removed: an approval for a read of one view is good for another of its name.
#[tokio::test]
async fn what_the_transaction_has_defined_is_part_of_the_content() {
    let (_world, session) = session("").await;
    let mut contents = Vec::new();
    for view in ["SELECT 1 AS x", "SELECT 2 AS x"] {
        let mut machine = ReplyMachine::new(1 << 20, Screening::default());
        let mut assembler = assembler(&session);
        refused(&mut assembler, &mut machine, "BEGIN", ["BEGIN", "T"]);
        let made = format!("CREATE VIEW v AS {view}");
        assert!(!refused(&mut assembler, &mut machine, &made, ["CREATE VIEW", "T"]));
        let mut inbox = BytesMut::from(query("SELECT x FROM v").as_slice());
        contents.push(request(&mut assembler, &machine, &mut inbox).unwrap().content());
    }
    assert_ne!(contents[0], contents[1]);
}

/// Removed: slips are told in the gateway's words; or names and types are told of what nobody
/// may read.
#[tokio::test]
async fn the_server_is_asked_what_is_wrong_with_a_slip() {
    let (_world, session) = session("").await;
    let refusal = Refusal {
        code: RefusalCode::Unknown,
        message: String::new(),
        rule: None,
        request: RequestId { session: session.id(), exchange: 1 },
        hint: None,
        review: None,
    };
    let told = |session: &Session, stream: Vec<u8>, place: usize| {
        let machine = ReplyMachine::new(1 << 20, Screening::default());
        let mut inbox = BytesMut::from(stream.as_slice());
        let batch = request(&mut assembler(session), &machine, &mut inbox).unwrap();
        tags(batch.encode(Some((place, &refusal))).0)
    };
    let check = |text: &str, place, expect| {
        assert_eq!(told(&session, query(text), place), expect, "{text}");
    };
    check("SELECT nme FROM people", 0, "PCDS");
    check("selct 1", 0, "PCDS");
    check("SELECT 1; SELECT nme FROM people", 1, "");
    check("COPY people TO '/x'", 0, "");
    let slip = [parse("SELECT nme FROM people"), bind(), execute(), sync()].concat();
    assert_eq!(told(&session, slip, 0), "PCDHS");
    let forbids = r#"@id("not-people") forbid(principal, action == Action::"read", resource);"#;
    let (_world, session) = self::session(forbids).await;
    assert_eq!(told(&session, query("SELECT nme FROM people"), 0), "");
    assert_eq!(told(&session, query("selct 1"), 0), "PCDS");
}

/// Removed: what is new at the target is a mistake of the client's, as far as it can tell.
#[tokio::test]
async fn a_statement_that_is_too_new_is_refused_as_such() {
    let (_world, session) = session("").await;
    for (version, is_told) in [("18.4 (Debian 18.4-1)", false), ("19.1", true), ("20devel", true)] {
        let mut assembler = assembler(&session);
        assembler.note_version(version);
        let plans = assembler.plans_of("SELECT id FROM people GROUP BY ALL WITH NEWS").unwrap();
        let told = assembler.prepares(&plans[0]).unknown.unwrap().message;
        assert!(told.starts_with("syntax error"), "{told}");
        assert_eq!(told.contains("the gateway reads statements"), is_told, "{told}");
    }
}
