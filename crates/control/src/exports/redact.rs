//! What of an event a receiver may know: the level of an export.

use super::event::{ExportEvent, What};
use crate::config::Redaction;
use portreeve_model::{Party, PartyKind};

impl Redaction {
    /// Takes out of an event what the receiver may not know.
    pub(super) fn apply(self, event: &mut ExportEvent) {
        match self {
            Self::None => {}
            Self::People => hide_people(event),
            Self::Objects => {
                hide_people(event);
                hide_objects(event);
            }
        }
    }
}

/// In place of a name.
const HIDDEN: &str = "redacted";

fn hide_people(event: &mut ExportEvent) {
    let mut kinds = "an event";
    if let Some(session) = &mut event.session {
        HIDDEN.clone_into(&mut session.client);
        hide(&mut session.chain.principal);
    }
    let hidden = || HIDDEN.to_owned();
    match &mut event.what {
        What::Exchange(exchange) => {
            kinds = "an exchange";
            exchange.reviewers = exchange.reviewers.iter().map(|_| hidden()).collect();
        }
        What::Finding(finding) => {
            kinds = "an anomaly";
            finding.message =
                format!("{}: {} > {}", finding.rule.word(), finding.found, finding.bound);
            finding.principal = hidden();
        }
        What::SessionRefused { client, why, .. } => (*client, *why) = (hidden(), hidden()),
        What::Account { account, by, .. } => (*account, *by) = (hidden(), hidden()),
        What::TokenIssued { subject, by }
        | What::CertificateIssued { subject, by }
        | What::AccessRevoked { subject, by } => {
            (*subject, *by) = (hidden(), hidden());
        }
        What::Custody { by, why, object, .. } => {
            (*by, *why, *object) = (hidden(), hidden(), hidden());
        }
        What::SessionClosed { why } => *why = hidden(),
        What::SessionOpened | What::PolicyAdopted { .. } | What::Gateway { .. } => {}
    }
    // A line for people names them.
    event.message = format!("{kinds} of {}", event.origin);
}

fn hide(party: &mut Party) {
    match party.kind {
        PartyKind::Person => {
            HIDDEN.clone_into(&mut party.subject);
            party.person = None;
        }
        PartyKind::Service | PartyKind::Actor => {}
    }
}

fn hide_objects(event: &mut ExportEvent) {
    let hidden = || HIDDEN.to_owned();
    if let Some(session) = &mut event.session {
        session.chain.purpose = session.chain.purpose.take().map(|_| hidden());
        session.chain.stated_purpose = session.chain.stated_purpose.take().map(|_| hidden());
    }
    if let What::Exchange(exchange) = &mut event.what {
        exchange.objects.clear();
        exchange.fingerprints.clear();
        exchange.revealed.clear();
        exchange.target = exchange.target.take().map(|_| hidden());
        exchange.rule = exchange.rule.take().map(|_| hidden());
    }
}
