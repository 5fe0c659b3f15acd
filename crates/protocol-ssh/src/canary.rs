//! The canary suite over everything that a target can show: output, a terminal, files and names;
//! streams are cut at every byte, with a pause behind each piece. What is tested is the reply side
//! as channels run it.

use crate::inbox::Event;
use crate::replay::{Recorded, recorded};
use crate::reply::{Heard, Look, Part, ScreenLook, ScreenPart};
use crate::request::{Plan, Shows};
use crate::sftp::{Attributes, Content, Entry, ReplyPacket, Shown};
use crate::terminal::{Played, Size, Terminal};
use portreeve_model::{Command, Object, ObjectKind, Usage};
use portreeve_screen::Place;
use portreeve_session::{Answer, CommandUse, Reply, Snapshot, Stage};
use portreeve_testkit::canary::{CANARY, Case, Ends, check};
use portreeve_testkit::world::{World, masker};
use std::sync::Arc;

const CONNECT: &str = r#"@id("connect") permit(principal, action == Action::"connect", resource);"#;

const SIZE: Size = Size { columns: 60, rows: 6 };

/// Of somebody to whom nothing is revealed.
async fn snapshot() -> Arc<Snapshot> {
    let world = World::new(CONNECT, Answer::Expired).await;
    world.session("web").await.unwrap().snapshot()
}

fn plan(shows: Shows, snapshot: &Arc<Snapshot>) -> Plan {
    let command = CommandUse {
        command: Arc::new(Command::default()),
        stage: Stage::Run,
        revealed: Arc::default(),
        before: Usage::default(),
    };
    Plan {
        command,
        wire: String::new(),
        place: Object::resource(),
        shows,
        may_be_cut: false,
        unread: None,
        snapshot: snapshot.clone(),
    }
}

/// What a channel hears of a target that writes these pieces, and ends well.
fn heard(pieces: &[&[u8]], is_error: bool) -> Vec<Heard> {
    let mut all = Vec::new();
    for piece in pieces {
        all.push(Heard::Event(Event::Data { is_error, bytes: piece.to_vec() }));
        all.push(Heard::Pause);
    }
    all.extend([Event::Status(0), Event::End, Event::Closed].map(Heard::Event));
    all
}

/// Adds what a client gets of a masked part: what stands in its streams.
fn see(part: impl Reply, seen: &mut Vec<u8>) -> Result<(), String> {
    for piece in recorded(&part.mask(&masker()).map_err(|why| why.0)?.bytes) {
        match piece {
            Recorded::Command(shown)
            | Recorded::Input(shown)
            | Recorded::Output(shown)
            | Recorded::Errors(shown)
            | Recorded::File(shown)
            | Recorded::Screen(shown)
            | Recorded::Keys(shown)
            | Recorded::Line(shown)
            | Recorded::Window(shown)
            | Recorded::Signal(shown)
            | Recorded::Other(shown) => seen.extend_from_slice(shown),
            // On a terminal, no letters.
            Recorded::Status(_) | Recorded::Terminal | Recorded::End => {}
        }
    }
    Ok(())
}

#[tokio::test]
async fn output_of_commands() {
    let snapshot = snapshot().await;
    let coloured = "canary-7f3a@\u{1b}[31mleak\u{1b}[0m.example";
    let titled = "canary-7f3a\u{1b}]0;a title\u{7}@leak.example";
    let no_text = [CANARY.as_bytes(), b" \xff\n"].concat();
    for (shows, is_error) in [(Shows::Texts, false), (Shows::Texts, true), (Shows::Anything, false)]
    {
        let give = |pieces: &[&[u8]], seen: &mut Vec<u8>| {
            let mut look = Look::new(&Arc::default(), &plan(shows, &snapshot));
            let mut all = heard(pieces, is_error).into_iter();
            all.try_for_each(|what| see(Part { look: &mut look, what }, seen))
        };
        for spelled in [CANARY, coloured, titled] {
            for text in [
                format!("harmless\nask {spelled}\n"),
                format!("{spelled}\nharmless\n"),
                format!("harmless\n{spelled}"),
            ] {
                let stream = text.as_bytes();
                check(Case { name: &text, stream, spelled, ends: Ends::Masked }, give);
            }
        }
        if shows == Shows::Texts {
            check(Case::plain("no text", &no_text, Ends::Withheld), give);
        }
    }
}

#[tokio::test]
async fn pictures_of_terminals() {
    let snapshot = snapshot().await;
    for (before, spelled, behind) in [
        ("harmless\r\nask ", CANARY, "\r\n"),
        ("harmless\r\n", CANARY, ""),
        ("harmless\r\n", "canary-7f3a@\u{1b}[1;31mleak\u{1b}[0m.example", "\r\n"),
        ("harmless\r\n\u{1b}[5G", CANARY, "\u{1b}[H"),
    ] {
        let text = format!("{before}{spelled}{behind}");
        let case = Case { name: &text, stream: text.as_bytes(), spelled, ends: Ends::Masked };
        check(case, |pieces, seen| {
            let terminal = Terminal::new(SIZE, &Arc::default(), Place::unnamed("terminal"));
            let mut look = ScreenLook::new(terminal, &snapshot);
            for what in heard(pieces, false) {
                see(ScreenPart { look: &mut look, what }, seen)?;
            }
            // What then stands on the client's screen, in one piece.
            let painted = Played::new(SIZE).play(seen);
            seen.extend(painted);
            Ok(())
        });
    }
}

fn content(snapshot: &Arc<Snapshot>, path: &str) -> Content {
    let path = vec!["web".to_owned(), path.to_owned()];
    let object = Object { kind: ObjectKind::FILE, path };
    Content { screen: Arc::default(), snapshot: snapshot.clone(), object }
}

/// A file is looked through as a whole, however it comes.
#[tokio::test]
async fn files_and_names_in_folders() {
    let snapshot = snapshot().await;
    let check_file = |path: &str, file: &[u8], ends: Ends| {
        let content = content(&snapshot, path);
        check(Case::plain(path, file, ends), |pieces, seen| {
            let (raw, mut into) = (pieces.concat(), Vec::new());
            let shown = Shown::File { handle: 1, raw: &raw, into: &mut into };
            see(ReplyPacket { id: 1, content: &content, shown }, seen)?;
            seen.extend(into);
            Ok(())
        });
    };
    for (path, file) in [
        ("/people.txt", format!("harmless\nask {CANARY}\n")),
        ("/people.json", format!(r#"{{"note":"{CANARY}","rest":"harmless"}}"#)),
        ("/people.csv", format!("id,note\nharmless,{CANARY}\n")),
        ("/people.xml", format!("<a><b>{CANARY}</b><c>harmless</c></a>")),
        ("/people.sql", format!("INSERT INTO t VALUES ('harmless', '{CANARY}');\n")),
    ] {
        check_file(path, file.as_bytes(), Ends::Masked);
    }
    check_file("/people.bin", &[CANARY.as_bytes(), b"\xff"].concat(), Ends::Withheld);
    let folder = content(&snapshot, "/people");
    check(Case::plain("names", CANARY.as_bytes(), Ends::Masked), |pieces, seen| {
        let (name, attributes) = (pieces.concat(), Attributes::default());
        let line = [&b"-rw-r--r-- 1 web web 7 Jan 1 2026 "[..], &name].concat();
        let raw = [Entry { name, line, attributes }];
        let mut into = Vec::new();
        let shown = Shown::Folder { handle: 1, raw: &raw, into: &mut into };
        see(ReplyPacket { id: 1, content: &folder, shown }, seen)?;
        see(ReplyPacket { id: 2, content: &folder, shown: Shown::Names(&into) }, seen)
    });
}
