//! `portreeve sessions replay`: what was asked and what came back, at the pace it did.

use super::super::output::{Format, print, print_json, visible};
use super::{micros, resolve, who};
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portreeve_evidence::{AuditorKey, LogReader, Opener, auditor_key_path};
use portreeve_model::{Direction, Event, Outcome, Record, SessionId};
use portreeve_protocol_postgres::replay::Replay;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Play a session back.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The session.
    id: String,
    /// So many times as fast as it was; without this, all at once.
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<f64>,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match speed.is_finite() && speed > 0.0 {
        true => Ok(speed),
        false => Err("it must be above 0".to_owned()),
    }
}

/// One moment of a session.
#[derive(serde::Serialize)]
struct Moment {
    at_us: u64,
    after_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    lines: Vec<String>,
    /// The recorded bytes themselves, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

pub(super) fn run(dir: &Path, args: Args, format: Format) -> anyhow::Result<()> {
    let id = resolve(dir, &args.id)?;
    let path = args.key.unwrap_or_else(|| auditor_key_path(dir));
    let key = AuditorKey::load(&path)
        .context("the auditors' private key opens recordings\nhint: give its file with --key")?;
    let detail = portreeve_evidence::detail(dir, id)?;
    let session = &detail.summary;
    let start = session.opened_at_us;
    if format == Format::Text {
        let who = visible(&who(session));
        print(&format!("session {id}\n{who} on {}, {}\n", session.resource, micros(start)))?;
    }
    let mut player = Player::new(Opener::new(dir, key), &session.protocol);
    let (mut all, mut before) = (Vec::new(), 0);
    play(dir, id, |record, sealed| {
        let after_us = record.at_us.saturating_sub(start);
        let (lines, bytes) = player.play(record, sealed)?;
        let bytes = bytes.filter(|_| format == Format::Json);
        if lines.is_empty() && bytes.is_none() {
            return Ok(());
        }
        if let Some(speed) = args.speed {
            let wait = Duration::from_micros(after_us.saturating_sub(before)).div_f64(speed);
            std::thread::sleep(wait.min(WAIT_MAX));
        }
        before = after_us;
        let moment = Moment {
            at_us: record.at_us,
            after_us,
            exchange: exchange(&record.event),
            direction: record.payload.as_ref().map(|payload| payload.direction),
            lines,
            bytes: bytes.map(|bytes| STANDARD.encode(bytes)),
        };
        match format {
            Format::Text => print_moment(&moment),
            Format::Json => {
                all.push(moment);
                Ok(())
            }
        }
    })?;
    match format {
        Format::Text => Ok(()),
        Format::Json => print_json(&serde_json::json!({ "session": id, "moments": all })),
    }
}

fn print_moment(moment: &Moment) -> anyhow::Result<()> {
    let mut text = String::new();
    for (at, line) in moment.lines.iter().flat_map(|line| line.split('\n')).enumerate() {
        let margin = match at {
            0 => clock(moment.after_us),
            _ => String::new(),
        };
        text.push_str(&format!("{margin:>12}  {}\n", visible(line)));
    }
    print(text.trim_end_matches('\n'))
}

/// Minutes, seconds and thousandths since the session began.
pub(super) fn clock(after_us: u64) -> String {
    let millis = after_us / 1000;
    format!("+{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
}

/// Visits the records of one session, in order, up to its end.
fn play(
    dir: &Path,
    id: SessionId,
    mut visit: impl FnMut(&Record, Option<&[u8]>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut failed = None;
    LogReader::open(dir)?.for_each(|entry| {
        let record = entry.record()?;
        if record.session != Some(id) {
            return Ok(ControlFlow::Continue(()));
        }
        if let Err(error) = visit(&record, entry.sealed) {
            failed = Some(error);
            return Ok(ControlFlow::Break(()));
        }
        Ok(match record.event {
            Event::SessionClosed { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    })?;
    failed.map_or(Ok(()), Err)
}

/// Turns records and their bytes into lines for people.
struct Player {
    opener: Opener,
    decoder: Option<Replay>,
}

impl Player {
    fn new(opener: Opener, protocol: &str) -> Self {
        let decoder = (protocol == "postgres").then(Replay::new);
        Self { opener, decoder }
    }

    /// What people read of a record, and the bytes that it vouches for.
    fn play(
        &mut self,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<(Vec<String>, Option<Vec<u8>>)> {
        let bytes = self.opener.open(record, sealed)?.map(|bytes| bytes.to_vec());
        let mut lines = match (&record.payload, &bytes, &mut self.decoder) {
            (Some(payload), Some(bytes), Some(decoder)) => decoder.feed(payload.direction, bytes),
            (Some(_), Some(bytes), None) => vec![String::from_utf8_lossy(bytes).into_owned()],
            _ => Vec::new(),
        };
        lines.extend(remark(&record.event));
        Ok((lines, bytes))
    }
}

fn exchange(event: &Event) -> Option<u64> {
    match event {
        Event::Request { exchange, .. }
        | Event::RequestData { exchange }
        | Event::Response { exchange, .. }
        | Event::Disagreement { exchange, .. }
        | Event::ExchangeClosed { exchange, .. }
        | Event::ReviewOpened { exchange, .. }
        | Event::ReviewClosed { exchange, .. } => Some(*exchange),
        Event::GatewayStarted { .. }
        | Event::GatewayStopped
        | Event::LogRecovered { .. }
        | Event::RecordingKey { .. }
        | Event::RecordingShredded { .. }
        | Event::Subjects { .. }
        | Event::SubjectsForgotten { .. }
        | Event::PolicyPart { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::LogPruned { .. }
        | Event::LogReplaced { .. }
        | Event::PolicyAdopted { .. }
        | Event::SessionOpened { .. }
        | Event::SessionRefused { .. }
        | Event::SessionClosed { .. } => None,
    }
}

/// What the gateway did that the client's bytes do not show.
fn remark(event: &Event) -> Option<String> {
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
        Event::Disagreement { column, .. } => {
            Some(format!("! the origin of {column} was in doubt; it was masked"))
        }
        Event::SessionClosed { why, .. } => Some(format!("! the session ended: {why}")),
        Event::ExchangeClosed { .. }
        | Event::Request { .. }
        | Event::RequestData { .. }
        | Event::Response { .. }
        | Event::GatewayStarted { .. }
        | Event::GatewayStopped
        | Event::LogRecovered { .. }
        | Event::RecordingKey { .. }
        | Event::RecordingShredded { .. }
        | Event::Subjects { .. }
        | Event::SubjectsForgotten { .. }
        | Event::PolicyPart { .. }
        | Event::HoldPlaced { .. }
        | Event::HoldReleased { .. }
        | Event::LogPruned { .. }
        | Event::LogReplaced { .. }
        | Event::PolicyAdopted { .. }
        | Event::SessionOpened { .. }
        | Event::SessionRefused { .. } => None,
    }
}

/// The longest pause that a replay makes: nobody watches an idle session.
const WAIT_MAX: Duration = Duration::from_secs(3);
