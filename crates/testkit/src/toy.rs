//! A toy protocol: `get NAME` asks for a table, the target answers `row VALUE` lines and
//! `end`. It is here to prove the engine's shape without PostgreSQL's detail.

use bytes::{Bytes, BytesMut};
use portreeve_decide::mask::{Masked as ValueMasked, Masker, ValueKind};
use portreeve_model::{Action, Category, Command, Facts, Need, Object, Outcome, Refusal};
use portreeve_session::{
    Asked, Broken, ClientSide, Driven, Masked, Reply, Request, Revealed, Ruling, Session, Stage,
    Stop, TargetSide, Unmaskable, Voice,
};
use std::sync::Arc;

/// One `get`.
#[derive(Debug)]
pub struct Get {
    line: Bytes,
    asked: Vec<Asked>,
}

impl Get {
    /// Reads a line without its end.
    #[must_use]
    pub fn new(line: Bytes) -> Self {
        let text = String::from_utf8_lossy(&line);
        let table = text.strip_prefix("get ");
        let command = Command {
            verb: "GET".into(),
            fingerprint: text.to_string(),
            needs: table
                .map(|table| Need { action: Action::Read, object: Object::table("toy", table) })
                .into_iter()
                .collect(),
            facts: Facts::default(),
            unknown: table.is_none().then(|| "only `get` is known".into()),
        };
        let asked = vec![Asked {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: Arc::new(Revealed {
                ruling: Arc::new(Ruling { policy: "none".into(), hour: 0 }),
                columns: Vec::new(),
            }),
            rows_before: 0,
        }];
        Self { line, asked }
    }
}

impl Request for Get {
    fn commands(&self) -> &[Asked] {
        &self.asked
    }

    fn received(&self) -> Bytes {
        self.line.clone()
    }

    fn content(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }

    fn encode(&mut self, refused: Option<(usize, &Refusal)>) -> Bytes {
        if refused.is_some() { Bytes::new() } else { [&self.line[..], b"\n"].concat().into() }
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
                    masked.rows += 1;
                    *masked.masked.entry(category.clone()).or_default() += 1;
                }
                None if line == b"end\n" => {
                    out.extend_from_slice(line);
                    masked.outcome = Some(Outcome::Completed);
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
pub struct ToyVoice;

impl Voice for ToyVoice {
    fn notice(&self, text: &str, _hint: &str) -> Bytes {
        format!("note {text}\n").into()
    }
}

/// The loop: one client, one target, until the client leaves.
pub async fn serve(
    session: &mut Session,
    client: &mut ClientSide,
    target: &mut TargetSide,
) -> Result<(), Broken> {
    loop {
        let line = loop {
            if let Some(line) = take_line(client.inbox()) {
                break line;
            }
            client.read().await?;
        };
        let (mut exchange, request) = session.admit(Get::new(line), client).await?;
        if let Some(refusal) = exchange.refusal().cloned() {
            let words = format!("no {}\n", refusal.message);
            client.send(exchange.refuse(&refusal, words.into()).await?).await?;
            exchange.close();
            continue;
        }
        target.send(request);
        let mut is_over = false;
        while !is_over {
            if target.drive().await? != Driven::Read {
                continue;
            }
            let lines = take_lines(target.inbox());
            is_over = lines.ends_with(b"end\n");
            match exchange.release(Lines(lines), client).await {
                Ok(released) => client.send(released).await?,
                Err(Stop::Broken(broken)) => return Err(broken),
                Err(Stop::Refused(refusal)) => {
                    let words = format!("no {}\n", refusal.message);
                    client.send(exchange.refuse(&refusal, words.into()).await?).await?;
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
