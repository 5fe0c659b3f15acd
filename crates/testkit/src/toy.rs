//! A toy protocol: `get NAME` asks for a table, the target answers `row VALUE` lines and
//! `end`; `set NAME` changes it. It proves the engine's shape without PostgreSQL's detail.

use bytes::{Bytes, BytesMut};
use portreeve_decide::mask::{Masked as ValueMasked, Masker, ValueKind};
use portreeve_model::{
    Action, ApprovedStatement, Category, ClientCommand, Command, Effect, Encryption, Facts, Family,
    Manifest, Need, Object, Refusal, RequestContent, Setting, SettingKind, Usage,
};
use portreeve_session::{
    Admitted, Advice, ClientSide, CommandUse, Driven, End, Fault, Masked, Notice, NoticeEncoder,
    Piece, Reply, Request, Session, SessionError, Stage, Stop, TargetRequest, TargetSide,
    Unmaskable, Upload,
};
use std::sync::Arc;

/// What the rest of the gateway knows of the toy.
pub const MANIFEST: Manifest = Manifest {
    name: "toy",
    title: "Toy",
    family: Family::Sql,
    listen_port: 10007,
    encryption: Encryption::Tls,
    target: &[
        Setting { name: "host", about: "Host name or address.", kind: SettingKind::Host },
        Setting { name: "port", about: "Port.", kind: SettingKind::Port { default: 7 } },
        Setting { name: "word", about: "What opens it.", kind: SettingKind::Secret },
    ],
    gateway_settings: &[],
    connector_settings: &[],
    limits: &[Setting {
        name: "line_bytes_max",
        about: "The longest line.",
        kind: SettingKind::Size {
            default_bytes: 4 << 10,
            smallest_bytes: 1 << 10,
            largest_bytes: 1 << 20,
        },
    }],
    client: ClientCommand {
        program: "toy",
        arguments: &["{resource}@{host}:{port}"],
        token_variable: "TOY_TOKEN",
    },
};

/// One `get` or `set`.
#[derive(Debug)]
pub struct Get {
    line: Bytes,
    uses: Vec<CommandUse>,
}

impl Get {
    /// Reads a line without its end.
    #[must_use]
    pub fn new(line: Bytes) -> Self {
        let text = String::from_utf8_lossy(&line);
        let known = match text.split_once(' ') {
            Some(("get", table)) => Some((Action::Read, Effect::ReadsOnly, table)),
            Some(("set", table)) => Some((Action::Write, Effect::MayChange, table)),
            _ => None,
        };
        let need = |(action, _, table)| Need { action, object: Object::table("toy", table) };
        let command = Command {
            verb: "GET".into(),
            fingerprint: text.to_string(),
            shape: String::new(),
            needs: known.map(need).into_iter().collect(),
            facts: Facts::default(),
            unknown: known.is_none().then(|| "only `get` and `set` are known".into()),
            effect: known.map_or(Effect::MayChange, |(_, effect, _)| effect),
        };
        let uses = vec![CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: Arc::default(),
            before: Usage::default(),
        }];
        Self { line, uses }
    }
}

impl Request for Get {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        &self.uses
    }

    fn received(&self) -> Bytes {
        self.line.clone()
    }

    fn content(&self) -> RequestContent {
        let text = String::from_utf8_lossy(&self.line).into_owned();
        let (names, parameters) = (Vec::new(), Vec::new());
        let statements = vec![ApprovedStatement { text, names, parameters }];
        RequestContent { statements, ..RequestContent::default() }
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        let wire = match refused {
            Some(_) => Bytes::new(),
            None => [&self.line[..], b"\n"].concat().into(),
        };
        (wire, ())
    }
}

/// The target asks the client, in a line of its own; the client's answer is one line too.
/// What it names after `ask` is classified as `email`.
impl TargetRequest for Get {
    fn mask(&mut self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let asked = self.line.strip_prefix(b"get ").map(Bytes::copy_from_slice);
        let asked = asked.ok_or_else(|| Unmaskable("only `get` is known".into()))?;
        let category = Category::from("email");
        let mut line = b"get ".to_vec();
        match masker.mask(&category, &asked, ValueKind::Text, &mut line) {
            ValueMasked::Replaced => {}
            ValueMasked::Null => line.extend_from_slice(b"-"),
        }
        line.push(b'\n');
        let usage = Usage { messages: 1, ..Usage::default() };
        Ok(Masked {
            bytes: line.into(),
            usage,
            masked: [(category, 1)].into(),
            ..Masked::default()
        })
    }
}

/// A line that one side sends inside an exchange.
#[derive(Debug)]
pub struct Line(pub Bytes);

impl Upload for Line {
    fn read(self) -> Result<Piece, Fault> {
        if !self.0.starts_with(b"put ") {
            return Err("only `put` is known".into());
        }
        let usage = Usage { messages: 1, ..Usage::default() };
        Ok(Piece { wire: self.0.clone(), received: self.0, usage })
    }
}

/// Whole lines of a reply. Every row is classified as `email`.
#[derive(Debug)]
pub struct Lines(pub Bytes);

impl Reply for Lines {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let category = Category::from("email");
        let mut masked = Masked::default();
        let mut out = Vec::new();
        for line in self.0.split_inclusive(|byte| *byte == b'\n') {
            match line.strip_suffix(b"\n").and_then(|line| line.strip_prefix(b"row ")) {
                Some(value) => {
                    out.extend_from_slice(b"row ");
                    match masker.mask(&category, value, ValueKind::Text, &mut out) {
                        ValueMasked::Replaced => {}
                        ValueMasked::Null => out.extend_from_slice(b"-"),
                    }
                    out.push(b'\n');
                    masked.usage.rows += 1;
                    *masked.masked.entry(category.clone()).or_default() += 1;
                }
                None if line == b"end\n" => {
                    out.extend_from_slice(line);
                    masked.end = Some(End::Completed);
                }
                None => return Err(Unmaskable("a line that is neither row nor end".into())),
            }
        }
        masked.bytes = out.into();
        Ok(masked)
    }
}

/// Notices of the toy.
#[derive(Debug)]
pub struct ToyNotices;

impl NoticeEncoder for ToyNotices {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        match notice {
            Notice::Held { text, .. } => format!("note {text}\n"),
            Notice::Refused(refusal) => format!("no {}\n", refusal.message),
            Notice::SendData { .. } => "send\n".into(),
            Notice::Ended(why) => format!("bye {why}\n"),
        }
        .into()
    }

    fn advise(&self, _: Advice) -> &'static str {
        "ask for less"
    }
}

/// The loop: one client, one target, until the client leaves.
pub async fn serve(
    session: &Session,
    client: &mut ClientSide,
    target: &mut TargetSide,
) -> Result<(), SessionError> {
    loop {
        let line = loop {
            if let Some(line) = take_line(client.inbox()) {
                break line;
            }
            client.read().await?;
        };
        let snapshot = session.snapshot();
        let Admitted { mut exchange, permit, .. } =
            session.admit(Get::new(line), &snapshot, client).await?;
        if let Some(refusal) = exchange.refusal().cloned() {
            client.send(exchange.refuse(refusal, &ToyNotices).await?).await?;
            exchange.close();
            continue;
        }
        target.send(permit);
        let mut is_over = false;
        while !is_over {
            if target.drive().await? != Driven::Read {
                continue;
            }
            let lines = take_lines(target.inbox());
            is_over = lines.ends_with(b"end\n");
            match exchange.release(Lines(lines), client).await {
                Ok(released) => client.send(released).await?,
                Err(Stop::Session(error)) => return Err(error),
                Err(Stop::Refused(refusal)) => {
                    client.send(exchange.refuse(*refusal, &ToyNotices).await?).await?;
                    while !is_over {
                        target.drive().await?;
                        is_over = take_lines(target.inbox()).ends_with(b"end\n");
                    }
                }
            }
        }
        exchange.close();
    }
}

fn take_line(inbox: &mut BytesMut) -> Option<Bytes> {
    let end = inbox.iter().position(|byte| *byte == b'\n')?;
    let mut line = inbox.split_to(end + 1);
    line.truncate(end);
    Some(line.freeze())
}

fn take_lines(inbox: &mut BytesMut) -> Bytes {
    let end = inbox.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    inbox.split_to(end).freeze()
}
