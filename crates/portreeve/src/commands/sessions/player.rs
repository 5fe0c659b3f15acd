//! Opens recorded bytes, and has them read in the words of their protocol.

use crate::wiring::{Passed, Reader, Seen, reader};
use anyhow::Context;
use portreeve_evidence::{AuditorKey, LogReader, Opener, auditor_key_path};
use portreeve_model::{CommandRecord, Event, Family, Outcome, Record};
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
#[derive(Default)]
pub(super) struct Player {
    /// None before the session is open, and where its protocol is not known here.
    reader: Option<Reader>,
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
            self.reader = reader(protocol);
        }
        let bytes = opener.open(record, sealed)?;
        let seen = match (&record.payload, &bytes) {
            (Some(payload), Some(bytes)) => {
                let exchange = record.event.exchange().unwrap_or_default();
                self.read(Passed { direction: payload.direction, exchange, bytes })
            }
            _ => Vec::new(),
        };
        Ok((seen, bytes))
    }

    fn read(&mut self, passed: Passed<'_>) -> Vec<Seen> {
        match &mut self.reader {
            Some(reader) => reader(passed),
            None => {
                let (direction, why) = (passed.direction, "its protocol is not known here".into());
                vec![Seen::Unreadable { direction, why }]
            }
        }
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
