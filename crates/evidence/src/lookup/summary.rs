//! One session in a list.

use portreeve_model::{Chain, Direction, Event, Outcome, PayloadRef, Record, SessionId};
use serde::{Deserialize, Serialize};

/// Whether a session goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// No end is recorded, and its gateway has not ended.
    Open,
    /// It ended.
    Closed,
    /// Its gateway ended without recording the session's end.
    CutOff,
}

/// Whether the bytes that passed can still be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Recording {
    /// With the auditors' key.
    Readable,
    /// The gateway's share of the key was destroyed.
    Shredded,
    /// The gateway's share is not here: the keyring was not copied, or lost.
    KeyMissing,
}

/// One session.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SessionSummary {
    /// Its id.
    pub id: SessionId,
    /// When it began, in microseconds since 1970.
    pub opened_at_us: u64,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at_us: Option<u64>,
    /// When its last record was made.
    pub last_at_us: u64,
    /// On whose behalf, through whom, why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// The resource.
    pub resource: String,
    /// The protocol.
    pub protocol: String,
    /// The client's address.
    pub client: String,
    /// What the client calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// How many commands or groups of them it sent.
    pub exchanges: u64,
    /// How many rows it received.
    pub rows: u64,
    /// How many values in them were masked.
    pub masked: u64,
    /// How many exchanges were refused.
    pub refusals: u64,
    /// How many records it has.
    pub records: u64,
    /// How many bytes passed, both ways.
    pub payload_bytes: u64,
    /// Whether it goes on.
    pub state: SessionState,
    /// Whether its recording can be read.
    pub recording: Recording,
    #[serde(skip)]
    pub(super) run: u64,
}

impl SessionSummary {
    /// A session as its first record tells it, for who reads the records one by one.
    #[must_use]
    pub fn begin(id: SessionId, at_us: u64) -> Self {
        Self::new(id, at_us, 0)
    }

    pub(super) fn new(id: SessionId, at_us: u64, run: u64) -> Self {
        Self {
            id,
            opened_at_us: at_us,
            closed_at_us: None,
            last_at_us: at_us,
            chain: None,
            resource: String::new(),
            protocol: String::new(),
            client: String::new(),
            application: None,
            exchanges: 0,
            rows: 0,
            masked: 0,
            refusals: 0,
            records: 0,
            payload_bytes: 0,
            state: SessionState::Open,
            recording: Recording::Readable,
            run,
        }
    }

    /// Adds a later record of it, or its first. What only the end of a log tells (whether it was
    /// cut off, whether its recording can be read) is not in there.
    pub fn add(&mut self, record: &Record) {
        self.records += 1;
        self.last_at_us = self.last_at_us.max(record.at_us);
        let passed = |payload: &&PayloadRef| payload.direction != Direction::Subjects;
        self.payload_bytes +=
            record.payload.as_ref().filter(passed).map_or(0, |payload| payload.bytes);
        match &record.event {
            Event::SessionOpened { chain, resource, protocol, client, application, .. } => {
                self.chain = Some(chain.clone());
                self.resource.clone_from(resource);
                self.protocol.clone_from(protocol);
                self.client.clone_from(client);
                self.application.clone_from(application);
            }
            // They are numbered without a gap, and a long request has several records.
            Event::Request { exchange, .. } => self.exchanges = self.exchanges.max(*exchange),
            Event::Response { rows, masked, .. } => {
                self.rows += rows;
                self.masked += masked.values().sum::<u64>();
            }
            Event::ExchangeClosed { outcome: Outcome::Refused { .. }, .. } => self.refusals += 1,
            Event::SessionClosed { .. } => {
                self.closed_at_us = Some(record.at_us);
                self.state = SessionState::Closed;
            }
            Event::ExchangeClosed { .. }
            | Event::GatewayStarted { .. }
            | Event::GatewayStopped
            | Event::LogRecovered { .. }
            | Event::RecordingKey { .. }
            | Event::RecordingShredded { .. }
            | Event::PolicyPart { .. }
            | Event::HoldPlaced { .. }
            | Event::HoldReleased { .. }
            | Event::LogPruned { .. }
            | Event::LogReplaced { .. }
            | Event::PolicyAdopted { .. }
            | Event::Subjects { .. }
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
            | Event::Connector(_)
            | Event::RequestPart { .. }
            | Event::RequestData { .. }
            | Event::ReplyWithheld { .. }
            | Event::Disagreement { .. }
            | Event::ReviewOpened { .. }
            | Event::ReviewClosed { .. } => {}
        }
    }
}
