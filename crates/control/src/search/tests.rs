//! What is found, compared with what is known of made-up traffic; and an index that was stopped
//! anywhere, compared with one that was not.

use super::index::{Index, Progress};
use super::question::{Ended, Found, Question, Verdicts};
use portreeve_evidence::{EvidenceLog, Mode, Options, Recording, Retention, shares};
use portreeve_model::{Custodian, SessionId};
use portreeve_testkit::traffic::{self, Dice, Truth, World};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;
use tempfile::TempDir;

struct Log {
    dir: TempDir,
    world: World,
}

/// One log for the tests that do not change it.
fn log() -> &'static Log {
    static LOG: OnceLock<Log> = OnceLock::new();
    LOG.get_or_init(|| made(60))
}

fn made(sessions: u64) -> Log {
    let dir = tempfile::tempdir().unwrap();
    let world = traffic::write(dir.path(), 11, sessions);
    Log { dir, world }
}

fn whole(dir: &Path) -> Index {
    let mut index = Index::temporary(dir, None).unwrap();
    assert_eq!(index.catch_up_whole().unwrap().behind(), 0);
    index
}

fn ask(dir: &Path, question: &Question) -> Found {
    let question = Question { limit: Some(1_000), ..question.clone() };
    question.ask(whole(dir).connection(), None, &shares(dir).unwrap()).unwrap()
}

/// Sessions with how many of their exchanges were meant.
fn counted(found: &Found) -> BTreeMap<SessionId, u64> {
    let count = |matches: &Option<super::Matches>| matches.as_ref().map_or(0, |found| found.count);
    found.sessions.iter().map(|found| (found.session.id, count(&found.matches))).collect()
}

/// The same from the books.
fn known(world: &World, is_meant: impl Fn(&Truth) -> bool) -> BTreeMap<SessionId, u64> {
    let mut counts = BTreeMap::new();
    for truth in world.truths.iter().filter(|truth| is_meant(truth)) {
        *counts.entry(truth.session).or_default() += 1;
    }
    counts
}

#[test]
fn what_is_found_is_what_was_done() {
    let log = log();
    let check = |question: Question, is_meant: &dyn Fn(&Truth) -> bool| {
        let expect = known(&log.world, is_meant);
        assert!(!expect.is_empty(), "{question:?} must be about something");
        assert!(expect.len() < 60 || question.text.is_some(), "{question:?} must leave something");
        assert_eq!(counted(&ask(log.dir.path(), &question)), expect, "{question:?}");
    };
    let asked = Question::default;
    let text = |text: &str| Some(text.to_owned());
    check(Question { object: text("public.patients"), ..asked() }, &|it| {
        it.table == "public.patients"
    });
    check(Question { object: text("public.customers.iban"), ..asked() }, &|it| {
        it.table == "public.customers" && it.column == "iban" && it.is_compared
    });
    check(Question { category: text("phone"), ..asked() }, &|it| {
        it.refused_by.is_none() && it.found_masked > 0
    });
    check(Question { verdict: Some(Verdicts::Deny), ..asked() }, &|it| it.refused_by.is_some());
    check(Question { outcome: Some(Ended::Refused), ..asked() }, &|it| it.refused_by.is_some());
    check(Question { rule: text("no-iban"), ..asked() }, &|it| {
        it.refused_by.as_deref() == Some("no-iban")
    });
    check(Question { rule: text("fence"), ..asked() }, &|it| it.is_withheld);
    let middle = log.world.truths[log.world.truths.len() / 2].at_us;
    check(Question { object: text("public.patients"), since_us: Some(middle), ..asked() }, &|it| {
        it.table == "public.patients" && it.at_us >= middle
    });
    check(
        Question {
            verdict: Some(Verdicts::Deny),
            until_us: Some(middle),
            principal: text("ada"),
            actor: text("worker"),
            purpose: text("billing"),
            ..asked()
        },
        &|it| {
            it.refused_by.is_some()
                && it.at_us < middle
                && it.principal == "ada"
                && it.actor.as_deref() == Some("worker")
                && it.purpose.as_deref() == Some("billing")
        },
    );
}

#[test]
fn words_are_found_in_statements_whose_recording_is_there() {
    let log = log();
    let gone: BTreeSet<SessionId> = log.world.shredded.iter().copied().collect();
    let check = |text: &str, is_meant: &dyn Fn(&Truth) -> bool| {
        let question = Question { text: Some(text.to_owned()), ..Question::default() };
        let found = counted(&ask(log.dir.path(), &question));
        let expect = known(&log.world, |it| !gone.contains(&it.session) && is_meant(it));
        assert_eq!(found, expect, "{text}");
    };
    check("patients", &|it| it.table == "public.patients");
    check("SELECT custom*", &|it| it.table == "public.customers");
    check("\"GET people\"", &|it| it.resource == "crm-api");
    check("select people", &|_| false);
    check("cust", &|_| false);
    // The objects of a session whose recording was destroyed are what the log goes on to prove.
    let question = Question { outcome: Some(Ended::Completed), ..Question::default() };
    let found = ask(log.dir.path(), &question);
    let shredded = |found: &&super::FoundSession| found.session.recording == Recording::Shredded;
    assert!(found.sessions.iter().filter(shredded).count() > 3);
}

#[test]
fn sessions_are_those_of_the_log_and_pages_join() {
    let log = log();
    let mut expect = portreeve_evidence::list(log.dir.path()).unwrap();
    expect.reverse();
    let found = ask(log.dir.path(), &Question::default());
    let text = |value: &dyn erased::Text| value.text();
    let listed: Vec<String> = found.sessions.iter().map(|it| text(&it.session)).collect();
    assert_eq!(listed, expect.iter().map(|it| text(it)).collect::<Vec<_>>());
    let mut index = whole(log.dir.path());
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let question = Question { limit: Some(7), before, ..Question::default() };
        let page =
            question.ask(index.connection(), None, &shares(log.dir.path()).unwrap()).unwrap();
        assert!(page.sessions.len() <= 7);
        pages.extend(page.sessions.iter().map(|it| text(&it.session)));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(pages, listed);
    let own = Question::default();
    let own =
        own.ask(index.connection(), Some(("portreeve", "ada")), &shares(log.dir.path()).unwrap());
    let principal = |it: &super::FoundSession| it.session.chain.clone().unwrap().principal.subject;
    let own: Vec<String> = own.unwrap().sessions.iter().map(principal).collect();
    assert!(own.len() > 5 && own.iter().all(|name| name == "ada"));
    for limit in [0, 100_001] {
        let question = Question { limit: Some(limit), ..Question::default() };
        let refused =
            question.ask(index.connection(), None, &BTreeSet::new().into_iter().collect());
        assert!(refused.unwrap_err().to_string().contains("from 1 to 100000"));
    }
}

mod erased {
    /// A summary in one text, to compare all of it.
    pub(super) trait Text {
        fn text(&self) -> String;
    }

    impl<T: serde::Serialize> Text for T {
        fn text(&self) -> String {
            serde_json::to_string(self).unwrap()
        }
    }
}

/// Every row of an index, ids of texts resolved: two indexes are equal if these are.
fn rows(connection: &Connection) -> Vec<String> {
    let tables = [
        "SELECT 'session', number, id, opened_at_us, last_at_us, issuer, principal, purpose,
                stated_purpose, resource, state, shredded, summary FROM session",
        "SELECT 'actor', name, session FROM actor",
        "SELECT 'exchange', session, exchange, at_us, verdict, ended, rule
         FROM exchange JOIN shape ON id = shape",
        "SELECT 'touched', name, session, exchange
         FROM exchange JOIN touched USING (shape) JOIN object ON id = object",
        "SELECT 'category', name, session, exchange FROM exchange JOIN category USING (shape)",
        "SELECT 'stated', text, session, exchange
         FROM exchange JOIN stated USING (shape) JOIN statement ON id = statement",
        "SELECT 'shape', hex(digest) FROM shape",
        "SELECT 'object', name FROM object",
        "SELECT 'statement', text FROM statement",
        "SELECT 'cursor', log, next, begin, hex(last) FROM cursor",
    ];
    let mut all = Vec::new();
    for sql in tables {
        let mut statement = connection.prepare(sql).unwrap();
        let columns = statement.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values: Result<Vec<rusqlite::types::Value>, _> =
                (0..columns).map(|at| row.get(at)).collect();
            Ok(format!("{:?}", values?))
        };
        all.extend(statement.query_map([], row).unwrap().map(Result::unwrap));
    }
    all.sort();
    connection
        .execute_batch("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")
        .expect("the full-text index is that of the statements");
    all
}

#[test]
fn an_index_that_was_stopped_anywhere_is_the_one_that_was_not() {
    let log = log();
    let expect = rows(whole(log.dir.path()).connection());
    let mut dice = Dice::new(3);
    for _ in 0..4 {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("search.sqlite");
        let mut index = Index::open(log.dir.path(), &file, None).unwrap();
        loop {
            index.batch_max = 1 + dice.roll(400);
            let progress = index.catch_up().unwrap();
            if progress.behind() == 0 {
                break;
            }
            if dice.roll(3) == 0 {
                // Ended and begun anew: what goes on is read once more.
                index = Index::open(log.dir.path(), &file, None).unwrap();
            }
        }
        assert_eq!(rows(index.connection()), expect);
    }
}

#[test]
fn an_index_that_is_broken_or_of_another_log_is_made_anew() {
    let (log, other) = (log(), made(5));
    let expect = rows(whole(log.dir.path()).connection());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("search.sqlite");
    let renewed = |what: &str| {
        let mut index = Index::open(log.dir.path(), &file, None).unwrap();
        index.catch_up_whole().unwrap();
        assert_eq!(rows(index.connection()), expect, "{what}");
    };
    renewed("missing");
    std::fs::write(&file, "this is no database, and long enough to look like one".repeat(99))
        .unwrap();
    renewed("of something else");
    Index::open(other.dir.path(), &file, None).unwrap().catch_up_whole().unwrap();
    renewed("of another log");
    let change = |sql: &str| Connection::open(&file).unwrap().execute_batch(sql).unwrap();
    change("PRAGMA user_version = 99");
    renewed("of another version");
    change("DROP TABLE touched; UPDATE cursor SET next = 5, begin = 5");
    renewed("without a table");
    change("UPDATE cursor SET last = x'00', next = next - 100");
    renewed("of a log that went another way");
    change("UPDATE cursor SET next = next + 1");
    renewed("of a longer log");
    // A page in the middle.
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 8192 * 4096;
    bytes[4096..middle].fill(0x5a);
    std::fs::write(&file, bytes).unwrap();
    change_cursor_back(&file);
    renewed("with broken pages");
}

/// So that there is something to write, which finds what is broken.
fn change_cursor_back(file: &Path) {
    drop(Connection::open(file).unwrap().execute_batch("UPDATE cursor SET next = 0, begin = 0"));
}

#[test]
fn shapes_are_kept_once_and_destroyed_statements_leave_the_file() {
    let made = made(40);
    let dir = made.dir.path();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("search.sqlite");
    let mut index = Index::open(dir, &file, None).unwrap();
    index.catch_up_whole().unwrap();
    let count = |index: &mut Index, table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        index.connection().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    let exchanges = count(&mut index, "exchange");
    assert_eq!(usize::try_from(exchanges).unwrap(), made.world.truths.len());
    assert!(count(&mut index, "shape") * 2 < exchanges);
    // Of the words of a statement, the one that no object has.
    let is_in_file = |word: &str| {
        let bytes = ["", "-wal"]
            .map(|ending| std::fs::read(format!("{}{ending}", file.display())).unwrap_or_default());
        bytes.concat().windows(word.len()).any(|found| found == word.as_bytes())
    };
    assert!(is_in_file("f00d") && is_in_file("public.customers"));
    shred_all(&made);
    index.catch_up_whole().unwrap();
    assert!(!is_in_file("f00d"), "`secure_delete`, and the journal is written back");
    assert!(is_in_file("public.customers"), "the log goes on to prove it");
    assert_eq!((count(&mut index, "exchange"), count(&mut index, "stated")), (exchanges, 0));
    assert_eq!(rows(index.connection()), rows(whole(dir).connection()));
}

fn shred_all(made: &Log) {
    let log = EvidenceLog::open(Options::new(made.dir.path())).unwrap();
    let by = Custodian::Offline { user: "root".into(), uid: 0 };
    for hold in portreeve_evidence::holds(made.dir.path()).unwrap() {
        log.release(&hold.hold, "over", by.clone()).unwrap();
    }
    let gone: BTreeSet<_> = made.world.shredded.iter().collect();
    let sessions: BTreeSet<_> = made.world.truths.iter().map(|truth| truth.session).collect();
    for of in sessions.iter().filter(|of| !gone.contains(of)) {
        log.shred(*of, "all of it", by.clone()).unwrap();
    }
    log.close();
}

#[test]
fn what_is_pruned_leaves_the_index() {
    let made = made(400);
    let dir = made.dir.path();
    let folder = tempfile::tempdir().unwrap();
    let mut index = Index::open(dir, &folder.path().join("search.sqlite"), None).unwrap();
    index.catch_up_whole().unwrap();
    let before = rows(index.connection()).len();
    {
        let mut options = Options::new(dir);
        options.segment_bytes = 1 << 20;
        let log = EvidenceLog::open(options).unwrap();
        let by = Custodian::Offline { user: "root".into(), uid: 0 };
        let holds = portreeve_evidence::holds(dir).unwrap();
        for hold in holds {
            log.release(&hold.hold, "over", by.clone()).unwrap();
        }
        let short =
            Retention { default: Some(std::time::Duration::from_secs(1)), ..Retention::default() };
        log.sweep(&short, Mode::Act, &by).unwrap();
        let done = log.prune(u64::MAX, &short, "old", Mode::Act, &by).unwrap();
        assert!(done.segments_removed > 0, "{done:?}");
        log.close();
    }
    let progress = index.catch_up_whole().unwrap();
    assert_ne!(progress, Progress::default());
    let after = rows(index.connection());
    assert!(after.len() < before);
    assert_eq!(after, rows(whole(dir).connection()), "incremental is as made anew");
    assert!(!after.iter().any(|row| row.contains("'stated'")), "all recordings were destroyed");
}
