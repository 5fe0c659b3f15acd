//! Opens recorded bytes and reads them in the words of their protocol.

use anyhow::Context;
use portreeve_evidence::{AuditorKey, LogReader, Opener, auditor_key_path};
use portreeve_model::{CommandRecord, Direction, Event, Family, Outcome, Record};
use portreeve_protocol_http as http;
use portreeve_protocol_mcp as mcp;
use portreeve_protocol_postgres as postgres;
use portreeve_protocol_postgres::replay::{Replay, Seen, Value};
use portreeve_protocol_ssh as ssh;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// An opener with the auditors' key of a file, or of where the gateway has put it.
pub(super) fn opener(dir: &Path, key: Option<&PathBuf>) -> anyhow::Result<Opener> {
    let beside = auditor_key_path(dir);
    let key = AuditorKey::load(key.unwrap_or(&beside))
        .context("the auditors' private key opens recordings\nhint: give its file with --key")?;
    Ok(Opener::new(dir, key))
}

/// Reads one session's bytes.
#[derive(Debug, Default)]
pub(super) struct Player {
    decoder: Decoder,
}

/// Who reads the bytes of a protocol.
#[derive(Debug, Default)]
enum Decoder {
    #[default]
    Unknown,
    Postgres(Box<Replay>),
    Http,
    Ssh(Box<ssh::replay::Terminals>),
    Mcp,
}

impl Decoder {
    fn of(protocol: &str) -> Self {
        match protocol {
            postgres::NAME => Self::Postgres(Box::default()),
            http::NAME => Self::Http,
            ssh::NAME => Self::Ssh(Box::default()),
            mcp::NAME => Self::Mcp,
            _ => Self::Unknown,
        }
    }
}

impl Player {
    /// What passed with a record, and the bytes themselves.
    pub(super) fn play(
        &mut self,
        opener: &mut Opener,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<(Vec<Seen>, Option<Vec<u8>>)> {
        if let Event::SessionOpened { protocol, .. } = &record.event {
            self.decoder = Decoder::of(protocol);
        }
        let bytes = opener.open(record, sealed)?;
        let seen = match (&record.payload, &bytes) {
            (Some(payload), Some(bytes)) => {
                let exchange = record.event.exchange().unwrap_or_default();
                self.read(payload.direction, exchange, bytes)
            }
            _ => Vec::new(),
        };
        Ok((seen, bytes))
    }

    fn read(&mut self, direction: Direction, exchange: u64, bytes: &[u8]) -> Vec<Seen> {
        match &mut self.decoder {
            Decoder::Postgres(decoder) => decoder.feed(direction, bytes),
            Decoder::Http => messages(direction, bytes),
            Decoder::Ssh(terminals) => pieces(direction, bytes, exchange, terminals),
            Decoder::Mcp => calls(direction, bytes),
            Decoder::Unknown => {
                let why = "its protocol is not known here".to_owned();
                vec![Seen::Unreadable { direction, why }]
            }
        }
    }
}

/// A message of HTTP: a request is a statement, an answer what completes it.
fn messages(direction: Direction, bytes: &[u8]) -> Vec<Seen> {
    let recorded = http::replay::recorded(bytes);
    let body = (!recorded.body.is_empty()).then(|| match std::str::from_utf8(recorded.body) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(recorded.body.to_vec()),
    });
    let mut seen = Vec::new();
    match (recorded.start, direction) {
        (Some(text), Direction::FromClient) => {
            seen.push(Seen::Statement { text, parameters: body.into_iter().collect() });
            return seen;
        }
        (Some(tag), Direction::ToClient | Direction::Subjects) => {
            seen.push(Seen::Completed { tag });
        }
        (None, _) => {}
    }
    seen.extend(body.map(|data| Seen::Copy { direction, data }));
    seen
}

/// Pieces of a channel of SSH: a command line is a statement, its status what completes it.
fn pieces(
    direction: Direction,
    bytes: &[u8],
    exchange: u64,
    terminals: &mut ssh::replay::Terminals,
) -> Vec<Seen> {
    use ssh::replay::Recorded;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let data = |bytes: &[u8]| Seen::Copy {
        direction,
        data: match std::str::from_utf8(bytes) {
            Ok(text) => Value::Text(text.to_owned()),
            Err(_) => Value::Bytes(bytes.to_vec()),
        },
    };
    let seen = ssh::replay::recorded(bytes).filter_map(|piece| match piece {
        Recorded::Command(line) => {
            Some(Seen::Statement { text: text(line), parameters: Vec::new() })
        }
        Recorded::Input(bytes)
        | Recorded::Output(bytes)
        | Recorded::Errors(bytes)
        | Recorded::File(bytes) => Some(data(bytes)),
        Recorded::Status(status) => Some(Seen::Completed { tag: format!("exit {}", text(status)) }),
        Recorded::Signal(name) => Some(Seen::Completed { tag: format!("signal {}", text(name)) }),
        Recorded::Window(size) => {
            let (columns, rows) = terminals.resize(exchange, size);
            Some(Seen::Resized { columns, rows })
        }
        Recorded::Screen(bytes) => {
            let paint = terminals.paint(exchange, bytes);
            let text = ssh::replay::letters(&paint);
            Some(Seen::Painted { paint, text })
        }
        Recorded::Line(line) => Some(Seen::Typed { text: text(line) }),
        Recorded::Keys(_) | Recorded::Terminal | Recorded::End => None,
        Recorded::Other(_) => {
            let why = "it is no piece of a channel".to_owned();
            Some(Seen::Unreadable { direction, why })
        }
    });
    seen.collect()
}

/// A message of MCP: what a client asks is a statement; what it gets came over HTTP.
fn calls(direction: Direction, bytes: &[u8]) -> Vec<Seen> {
    match (direction, mcp::replay::asked(bytes)) {
        (Direction::FromClient, Some(text)) => {
            let message = Value::Text(String::from_utf8_lossy(bytes).into_owned());
            vec![Seen::Statement { text, parameters: vec![message] }]
        }
        _ => messages(direction, bytes),
    }
}

/// What the gateway did that the client's bytes do not show.
pub(super) fn remark(event: &Event) -> Option<String> {
    match event {
        Event::ExchangeClosed { exchange, outcome: Outcome::Refused { rule, .. }, .. } => {
            let by = rule.as_ref().map(|rule| format!(" by {rule}")).unwrap_or_default();
            Some(format!("! exchange {exchange} refused{by}"))
        }
        Event::ExchangeClosed { exchange, outcome: Outcome::Aborted { why }, .. } => {
            Some(format!("! exchange {exchange} aborted: {why}"))
        }
        Event::ReviewOpened { review, rule, .. } => {
            Some(format!("! held for review {review} by {rule}"))
        }
        Event::ReviewClosed { review, decision, by, .. } => {
            let by = by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
            Some(format!("! review {review}: {decision:?}{by}").to_lowercase())
        }
        Event::Disagreement { object, .. } => {
            Some(format!("! the origin of {object} was in doubt; it was masked"))
        }
        Event::ReplyWithheld { exchange, rule } => {
            Some(format!("! what stands before was not sent (exchange {exchange}, rule {rule})"))
        }
        Event::SessionClosed { why, .. } => Some(format!("! the session ended: {why}")),
        Event::Request { commands, .. } => uses(commands),
        Event::ExchangeClosed { .. }
        | Event::RequestPart { .. }
        | Event::RequestData { .. }
        | Event::Response { .. }
        | Event::GatewayStarted { .. }
        | Event::GatewayStopped
        | Event::LogRecovered { .. }
        | Event::RecordingKey { .. }
        | Event::RecordingShredded { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::LogPruned { .. }
        | Event::LogReplaced { .. }
        | Event::PolicyPart { .. }
        | Event::Subjects { .. }
        | Event::PolicyAdopted { .. }
        | Event::SessionOpened { .. }
        | Event::SessionRefused { .. }
        | Event::ReviewAnswered { .. }
        | Event::AccountChanged { .. }
        | Event::TokenIssued { .. }
        | Event::CertificateIssued { .. }
        | Event::AccessRevoked { .. }
        | Event::DescriptionApproved { .. }
        | Event::KeyMade { .. }
        | Event::ReloadAsked { .. }
        | Event::ColumnsAdopted { .. }
        | Event::SelftestRun { .. }
        | Event::Connector(_) => None,
    }
}

/// What commands of a machine do with its programs and files, which their lines do not say.
fn uses(commands: &[CommandRecord]) -> Option<String> {
    let needs = commands.iter().flat_map(|command| &command.needs);
    let own = needs.filter(|need| need.object.kind.row().family == Family::Shell);
    let said: Vec<String> = own.map(|need| format!("{} {}", need.action, need.object)).collect();
    (!said.is_empty()).then(|| format!("- {}", said.join(", ")))
}

/// Visits every committed leaf of a log, until told to stop; errors may be of any kind.
pub(super) fn visit(
    dir: &Path,
    mut visit: impl FnMut(&portreeve_evidence::Entry<'_>) -> anyhow::Result<ControlFlow<()>>,
    progress: impl FnMut(u64, u64),
) -> anyhow::Result<()> {
    let mut failed = None;
    LogReader::open(dir)?.for_each_with_progress(
        |entry| {
            Ok(visit(&entry).unwrap_or_else(|error| {
                failed = Some(error);
                ControlFlow::Break(())
            }))
        },
        progress,
    )?;
    failed.map_or(Ok(()), Err)
}
