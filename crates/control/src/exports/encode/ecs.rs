//! The Elastic Common Schema (<https://www.elastic.co/guide/en/ecs/8.17>): what has a field of
//! its own there; all else is under `portreeve`.

use super::super::event::{EventSession, ExchangeEvent, ExportEvent, Severity, What};
use super::{ocsf, timestamp};
use portreeve_model::Family;
use serde_json::{Value, json};

const VERSION: &str = "8.17.0";

/// One event.
pub(super) fn event(event: &ExportEvent) -> Value {
    let (category, kind, action, outcome) = classify(&event.what);
    let mut document = json!({
        "@timestamp": timestamp(event.at_us),
        "ecs": {"version": VERSION},
        "message": event.message,
        "event": {
            "id": event.id,
            "kind": "event",
            "category": [category],
            "type": [kind],
            "action": action,
            "outcome": outcome,
            "severity": severity(event.severity),
            "dataset": "portreeve.evidence",
            "module": "portreeve",
            "sequence": event.index,
        },
        "observer": {"vendor": "Portreeve", "product": "Portreeve", "type": "gateway"},
        "portreeve": {"log": event.origin, "index": event.index},
    });
    if let Some(session) = &event.session {
        add_session(&mut document, session);
    }
    match &event.what {
        What::Exchange(exchange) => {
            document["event"]["duration"] = exchange.duration_us.saturating_mul(1_000).into();
            document["portreeve"]["exchange"] = exchange_fields(exchange);
            if let Some(rule) = &exchange.rule {
                document["rule"] = json!({"name": rule});
            }
        }
        What::SessionRefused { client, why, count, .. } => {
            document["source"] = source(client);
            document["event"]["reason"] = why.clone().into();
            document["portreeve"]["count"] = (*count).into();
        }
        What::SessionClosed { why } => document["event"]["reason"] = why.clone().into(),
        What::Account { account, by, .. } => {
            document["user"] = json!({"name": by, "target": {"name": account}});
        }
        What::TokenIssued { subject, by }
        | What::CertificateIssued { subject, by }
        | What::AccessRevoked { subject, by } => {
            document["user"] = json!({"name": by, "target": {"name": subject}});
        }
        What::Custody { object, by, why, .. } => {
            document["user"] = json!({"name": by});
            document["event"]["reason"] = why.clone().into();
            document["portreeve"]["object"] = object.clone().into();
        }
        What::Finding(finding) => {
            document["event"]["kind"] = "alert".into();
            document["user"] = json!({"name": finding.principal});
            document["service"] = json!({"name": finding.resource});
            document["rule"] = json!({"name": finding.rule.word()});
            document["portreeve"]["anomaly"] = json!({
                "actors": finding.actors, "session": finding.session.to_string(),
                "category": finding.category, "found": finding.found, "bound": finding.bound,
                "records": finding.records, "records_count": finding.records_count,
            });
        }
        What::PolicyAdopted { policy } => document["portreeve"]["policy"] = policy.clone().into(),
        What::SessionOpened | What::Gateway { .. } => {}
    }
    document
}

/// For whom, as what, and where.
fn add_session(document: &mut Value, session: &EventSession) {
    let chain = &session.chain;
    document["user"] = json!({
        "name": chain.principal.subject, "domain": chain.principal.issuer,
        "roles": chain.principal.groups,
    });
    document["service"] = json!({"name": session.resource, "type": session.protocol});
    document["source"] = source(&session.client);
    document["trace"] = json!({"id": session.id.to_string()});
    let actors: Vec<&str> = chain.actors.iter().map(|actor| actor.subject.as_str()).collect();
    document["portreeve"]["session"] = json!({
        "id": session.id.to_string(), "actors": actors,
        "purpose": chain.purpose, "stated_purpose": chain.stated_purpose,
    });
}

fn exchange_fields(exchange: &ExchangeEvent) -> Value {
    json!({
        "number": exchange.number,
        "verbs": exchange.verbs,
        "shapes": exchange.fingerprints,
        "verdict": exchange.verdict.map(ocsf::verdict),
        "rows": exchange.rows,
        "bytes": exchange.bytes,
        "people_named": exchange.people,
        "masked": exchange.masked,
        "revealed": ocsf::revealed(exchange),
        "objects": exchange.objects.keys().collect::<Vec<_>>(),
        "error_code": exchange.error_code,
        "reviews": exchange.reviews,
        "reviewers": exchange.reviewers,
    })
}

/// Category, type, action, outcome.
fn classify(what: &What) -> (&'static str, &'static str, &'static str, &'static str) {
    match what {
        What::Exchange(exchange) => {
            let kind = match (exchange.is_refused, exchange.writes) {
                (true, _) => "denied",
                (false, true) => "change",
                (false, false) => "access",
            };
            let failed = exchange.is_refused || exchange.error_code.is_some();
            let category = match exchange.family {
                Family::Sql => "database",
                Family::Shell => "process",
                Family::Any | Family::Http | Family::Tools => "web",
            };
            (category, kind, "exchange", if failed { "failure" } else { "success" })
        }
        What::SessionOpened => ("session", "start", "session-opened", "success"),
        What::SessionClosed { .. } => ("session", "end", "session-closed", "success"),
        What::SessionRefused { .. } => ("authentication", "denied", "session-refused", "failure"),
        What::Account { .. } => ("iam", "change", "account-changed", "success"),
        What::TokenIssued { .. } => ("iam", "creation", "token-issued", "success"),
        What::CertificateIssued { .. } => ("iam", "creation", "certificate-issued", "success"),
        What::AccessRevoked { .. } => ("iam", "deletion", "access-revoked", "success"),
        What::Custody { .. } => ("configuration", "change", "custody", "success"),
        What::PolicyAdopted { .. } => ("configuration", "change", "policy-adopted", "success"),
        What::Finding(_) => ("intrusion_detection", "info", "anomaly", "unknown"),
        What::Gateway { .. } => ("process", "info", "gateway", "success"),
    }
}

fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Informational => 10,
        Severity::Low => 30,
        Severity::Medium => 50,
        Severity::High => 70,
    }
}

fn source(address: &str) -> Value {
    match address.parse::<std::net::SocketAddr>() {
        Ok(socket) => json!({
            "address": address, "ip": socket.ip().to_string(), "port": socket.port(),
        }),
        Err(_) => json!({"address": address}),
    }
}
