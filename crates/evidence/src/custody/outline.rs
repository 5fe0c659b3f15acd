//! The parts of a record that custody depends on; read much faster than all of it.

use crate::custody::kept::Kept;
use crate::format::request::RequestParts;
use portreeve_model::{Category, SessionId};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Deserialize)]
pub(super) struct Outline<'a> {
    pub(super) at_us: u64,
    #[serde(default)]
    pub(super) session: Option<SessionId>,
    #[serde(borrow)]
    event: EventOutline<'a>,
    #[serde(default)]
    payload: Option<PayloadOutline>,
}

#[derive(Deserialize)]
struct PayloadOutline {
    bytes: u64,
}

#[derive(Deserialize)]
struct EventOutline<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default)]
    resource: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    chain: Option<ChainOutline<'a>>,
    #[serde(borrow, default)]
    masked: HashMap<Cow<'a, str>, IgnoredAny>,
    #[serde(borrow, default)]
    detected: Vec<RevealedOutline<'a>>,
    #[serde(borrow, default)]
    commands: Vec<CommandOutline<'a>>,
    #[serde(default)]
    exchange: Option<u64>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct ChainOutline<'a> {
    #[serde(borrow)]
    principal: PartyOutline<'a>,
}

#[derive(Deserialize)]
struct PartyOutline<'a> {
    #[serde(borrow)]
    issuer: Cow<'a, str>,
    #[serde(borrow)]
    subject: Cow<'a, str>,
}

#[derive(Deserialize)]
struct CommandOutline<'a> {
    #[serde(borrow, default)]
    revealed: Vec<RevealedOutline<'a>>,
}

#[derive(Deserialize)]
struct CutOutline<'a> {
    #[serde(borrow)]
    command: CommandOutline<'a>,
}

#[derive(Deserialize)]
struct RevealedOutline<'a> {
    #[serde(borrow)]
    category: Cow<'a, str>,
}

impl Outline<'_> {
    /// Whether the whole record has to be read.
    pub(super) fn is_of_custody(&self) -> bool {
        matches!(
            self.event.event.as_ref(),
            "gateway-started"
                | "gateway-stopped"
                | "recording-shredded"
                | "hold-placed"
                | "hold-released"
                | "log-pruned"
                // The texts of policies in force.
                | "policy-part"
                | "policy-adopted"
        )
    }

    /// Adds what the record says of its session; commands may have come in parts before it.
    pub(super) fn add_to(
        self,
        kept: &mut Kept,
        parts: &mut RequestParts,
    ) -> serde_json::Result<()> {
        let event = self.event;
        let mut cut = None;
        if let (Some(session), Some(exchange)) = (self.session, event.exchange) {
            match (event.event.as_ref(), &event.text) {
                ("request-part", Some(text)) => parts.add(session, exchange, text),
                ("request", _) => cut = parts.take(session, exchange),
                _ => {}
            }
        }
        let cut: Option<CutOutline<'_>> = cut.as_deref().map(serde_json::from_str).transpose()?;
        kept.last_us = kept.last_us.max(self.at_us);
        kept.payload_bytes += self.payload.map_or(0, |payload| payload.bytes);
        kept.closed |= event.event == "session-closed";
        if let Some(resource) = event.resource {
            kept.resource = resource.into_owned();
        }
        if let Some(ChainOutline { principal }) = event.chain {
            let PartyOutline { issuer, subject } = principal;
            kept.principal = Some((issuer.into_owned(), subject.into_owned()));
        }
        let commands = cut.into_iter().map(|cut| cut.command).chain(event.commands);
        let revealed = commands.flat_map(|command| command.revealed).chain(event.detected);
        let revealed = revealed.map(|revealed| revealed.category);
        for category in event.masked.into_keys().chain(revealed) {
            if !kept.categories.iter().any(|known| known.0 == category) {
                kept.categories.insert(Category(category.into_owned()));
            }
        }
        if kept.closed
            && let Some(session) = self.session
        {
            parts.forget(session);
        }
        Ok(())
    }
}
