//! OCSF 1.8 (<https://schema.ocsf.io/1.8.0>): the class by what happened.
//!
//! | event | class |
//! |---|---|
//! | exchange with a database | Datastore Activity 6005 |
//! | exchange with anything else | API Activity 6003 |
//! | exchange over SSH | SSH Activity 4007 |
//! | login, its refusal, a session's end, a token | Authentication 3002 |
//! | account, revocation | Account Change 3001 |
//! | anomaly | Incident Finding 2005 |
//! | gateway | Application Lifecycle 6002 |
//! | policies, custody of the evidence | Entity Management 3004 |
//!
//! What 1.8 has no word for, and 1.9 drafts (`record_integrity`, `ai_agent`), is under
//! `unmapped`.

use super::super::event::{EventSession, ExchangeEvent, ExportEvent, Severity, What};
use portreeve_model::{AccountChange, Family, Party, PartyKind, Verdict};
use portreeve_reports::anomalies::Finding;
use serde_json::{Map, Value, json};

const VERSION: &str = "1.8.0";

/// One event.
pub(super) fn event(event: &ExportEvent) -> Value {
    let (class, activity, mut own) = body(event);
    let mut all = Map::new();
    let time_ms = event.at_us / 1_000;
    all.insert("class_uid".into(), class.uid.into());
    all.insert("category_uid".into(), (class.uid / 1_000).into());
    all.insert("activity_id".into(), activity.into());
    all.insert("type_uid".into(), (class.uid * 100 + activity).into());
    all.insert("severity_id".into(), severity(event.severity).into());
    all.insert("time".into(), time_ms.into());
    all.insert("message".into(), event.message.clone().into());
    all.insert("metadata".into(), metadata(event));
    if let Some(session) = &event.session {
        class.put_session(session, &mut all);
    }
    all.append(&mut own);
    if class.uid == SHELL_ACTIVITY.uid && all.contains_key("actor") {
        // SPEC: OCSF 1.8 has `actor` there by the profile of the host.
        all["metadata"]["profiles"] = json!(["host"]);
    }
    let unmapped = unmapped(event);
    all.insert("unmapped".into(), unmapped);
    Value::Object(all)
}

#[derive(Clone, Copy)]
struct Class {
    uid: u64,
}

const INCIDENT_FINDING: Class = Class { uid: 2005 };
const ACCOUNT_CHANGE: Class = Class { uid: 3001 };
const AUTHENTICATION: Class = Class { uid: 3002 };
const ENTITY_MANAGEMENT: Class = Class { uid: 3004 };
const SHELL_ACTIVITY: Class = Class { uid: 4007 };
const APPLICATION_LIFECYCLE: Class = Class { uid: 6002 };
const API_ACTIVITY: Class = Class { uid: 6003 };
const DATASTORE_ACTIVITY: Class = Class { uid: 6005 };
const OTHER: u64 = 99;

impl Class {
    /// Who, from where, to what: where the class has words for it.
    fn put_session(self, session: &EventSession, into: &mut Map<String, Value>) {
        into.insert("actor".into(), actor(session));
        into.insert("src_endpoint".into(), endpoint(&session.client));
        into.insert("dst_endpoint".into(), json!({"svc_name": session.resource}));
        if self.uid == AUTHENTICATION.uid {
            into.insert("user".into(), user(&session.chain.principal));
            into.insert("service".into(), json!({"name": session.resource}));
            let session =
                json!({"uid": session.id.to_string(), "issuer": session.chain.principal.issuer});
            into.insert("session".into(), session);
        }
    }
}

fn metadata(event: &ExportEvent) -> Value {
    let mut metadata = json!({
        "version": VERSION,
        "uid": event.id,
        "log_name": event.origin,
        "sequence": event.index,
        "product": {
            "name": "Portreeve",
            "vendor_name": "Portreeve",
            "version": env!("CARGO_PKG_VERSION"),
        },
    });
    if let Some(session) = &event.session {
        metadata["correlation_uid"] = session.id.to_string().into();
    }
    metadata
}

fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 2,
        Severity::Medium => 3,
        Severity::High => 4,
    }
}

fn body(event: &ExportEvent) -> (Class, u64, Map<String, Value>) {
    let session = event.session.as_ref();
    let (class, activity, own) = match &event.what {
        What::Exchange(exchange) => return exchange_body(exchange, session),
        What::SessionOpened => (AUTHENTICATION, 1, success()),
        What::SessionClosed { why } => {
            (AUTHENTICATION, 2, json!({"status_id": 1, "status_detail": why}))
        }
        What::SessionRefused { protocol, client, why, count } => (
            AUTHENTICATION,
            1,
            json!({
                "status_id": 2, "status": "Failure", "status_detail": why, "count": count,
                "user": {"name": "unknown"}, "service": {"name": protocol},
                "src_endpoint": endpoint(client),
            }),
        ),
        What::TokenIssued { subject, by } => issued(subject, "local issuer", by),
        What::CertificateIssued { subject, by } => issued(subject, "certificate authority", by),
        What::Account { account, change, by } => (
            ACCOUNT_CHANGE,
            account_activity(change),
            json!({"status_id": 1, "user": {"name": account}, "actor": {"user": {"name": by}}}),
        ),
        What::AccessRevoked { subject, by } => (
            ACCOUNT_CHANGE,
            5,
            json!({"status_id": 1, "user": {"name": subject}, "actor": {"user": {"name": by}}}),
        ),
        What::Custody { act, object, by, why } => (
            ENTITY_MANAGEMENT,
            if act.contains("destroyed") || act.contains("pruned") { 4 } else { 3 },
            json!({
                "status_id": 1, "comment": why, "actor": {"user": {"name": by}},
                "entity": {"name": object, "type": "evidence"},
            }),
        ),
        What::PolicyAdopted { policy } => (
            ENTITY_MANAGEMENT,
            10,
            json!({"status_id": 1, "entity": {"uid": policy, "type": "policies"}}),
        ),
        What::Finding(finding) => (INCIDENT_FINDING, 1, finding_body(event, finding)),
        What::Gateway { state } => (
            APPLICATION_LIFECYCLE,
            match *state {
                "started" => 3,
                "stopped" => 4,
                _ => OTHER,
            },
            json!({"status_id": 1, "app": {"name": "gateway", "vendor_name": "Portreeve"}}),
        ),
    };
    let mut own = match own {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    if activity == OTHER {
        own.insert("activity_name".into(), event.message.clone().into());
    }
    (class, activity, own)
}

/// Somebody got what logs them in.
fn issued(subject: &str, issuer: &str, by: &str) -> (Class, u64, Value) {
    let own = json!({
        "status_id": 1, "user": {"name": subject}, "service": {"name": issuer},
        "actor": {"user": {"name": by}},
    });
    (AUTHENTICATION, 3, own)
}

/// Created and new; whoever gets it takes it from there.
fn finding_body(event: &ExportEvent, finding: &Finding) -> Value {
    let related: Vec<Value> = finding
        .records
        .iter()
        .map(|index| json!({"uid": format!("{}/{index}", event.origin), "type": "record"}))
        .collect();
    json!({
        "status_id": 1, "status": "New", "desc": finding.message,
        "assignee_group": {"name": "operators"},
        "finding_info_list": [{
            "uid": event.id,
            "title": format!("Anomaly: {}", finding.rule.word()),
            "desc": finding.message,
            "types": [finding.rule.word()],
            "created_time": event.at_us / 1_000,
            "analytic": {"name": finding.rule.word(), "type_id": 1, "type": "Rule"},
            "related_events": related,
            "related_events_count": finding.records_count,
        }],
    })
}

fn success() -> Value {
    json!({"status_id": 1, "status": "Success"})
}

fn account_activity(change: &AccountChange) -> u64 {
    match change {
        AccountChange::Added { .. } => 1,
        AccountChange::Removed => 6,
        AccountChange::Disabled => 5,
        AccountChange::Enabled => 2,
        AccountChange::Regrouped { .. } => 7,
        AccountChange::KeyEnrolled { .. } => 10,
    }
}

fn exchange_body(
    exchange: &ExchangeEvent,
    session: Option<&EventSession>,
) -> (Class, u64, Map<String, Value>) {
    let resource = session.map_or("", |session| session.resource.as_str());
    let verb = exchange.verbs.iter().cloned().collect::<Vec<_>>().join(", ");
    let failed = exchange.is_refused || exchange.error_code.is_some();
    let mut own = json!({
        "status_id": if failed { 2 } else { 1 },
        "status": if failed { "Failure" } else { "Success" },
        "duration": exchange.duration_us / 1_000,
    });
    let detail = exchange.rule.as_ref().map(|rule| format!("refused by `{rule}`"));
    if let Some(detail) = detail {
        own["status_detail"] = detail.into();
    }
    if let Some(code) = &exchange.error_code {
        own["status_code"] = code.clone().into();
    }
    let (class, activity) = match exchange.family {
        Family::Shell => (SHELL_ACTIVITY, if exchange.is_refused { 5 } else { 6 }),
        Family::Sql => {
            own["database"] = json!({"name": resource, "type_id": 1, "type": "Relational"});
            if let Some(target) = &exchange.target {
                own["table"] = json!({"name": target});
            }
            // The shape of the statement, never its text: constants are people's data.
            if let Some(shape) = exchange.fingerprints.first() {
                own["query_info"] = json!({"uid": shape, "query_string": verb});
            }
            (DATASTORE_ACTIVITY, datastore_activity(exchange))
        }
        Family::Any | Family::Http | Family::Tools => {
            own["api"] = json!({"operation": verb, "service": {"name": resource}});
            own["resources"] = exchange
                .objects
                .keys()
                .map(|name| json!({"name": name}))
                .collect::<Vec<_>>()
                .into();
            (API_ACTIVITY, api_activity(exchange))
        }
    };
    let members = match own {
        Value::Object(members) => members,
        _ => Map::new(),
    };
    (class, activity, members)
}

fn datastore_activity(exchange: &ExchangeEvent) -> u64 {
    let is = |verb: &str| exchange.verbs.iter().any(|found| found.eq_ignore_ascii_case(verb));
    match () {
        () if is("DELETE") || is("TRUNCATE") => 7,
        () if is("UPDATE") || is("MERGE") => 2,
        () if exchange.writes => 5,
        () => 4,
    }
}

fn api_activity(exchange: &ExchangeEvent) -> u64 {
    let is = |verb: &str| exchange.verbs.iter().any(|found| found.eq_ignore_ascii_case(verb));
    match () {
        () if is("DELETE") => 4,
        () if is("POST") => 1,
        () if is("PUT") || is("PATCH") => 3,
        () if exchange.writes => 3,
        () => 2,
    }
}

fn actor(session: &EventSession) -> Value {
    let chain = &session.chain;
    let mut actor = json!({
        "user": user(&chain.principal),
        "session": {"uid": session.id.to_string(), "issuer": chain.principal.issuer},
    });
    if let Some(last) = chain.actors.last() {
        actor["app_name"] = last.subject.clone().into();
        actor["app_uid"] = format!("{}#{}", last.issuer, last.subject).into();
    }
    actor
}

fn user(party: &Party) -> Value {
    let type_id = match party.kind {
        PartyKind::Person => 1,
        PartyKind::Service => 4,
        PartyKind::Actor => 99,
    };
    let groups: Vec<Value> = party.groups.iter().map(|group| json!({"name": group})).collect();
    let mut user = json!({"name": party.subject, "domain": party.issuer, "type_id": type_id});
    if type_id == 99 {
        user["type"] = "Agent".into();
    }
    if !groups.is_empty() {
        user["groups"] = groups.into();
    }
    user
}

fn endpoint(address: &str) -> Value {
    if let Ok(socket) = address.parse::<std::net::SocketAddr>() {
        return json!({"ip": socket.ip().to_string(), "port": socket.port()});
    }
    match address.parse::<std::net::IpAddr>() {
        Ok(ip) => json!({"ip": ip.to_string()}),
        Err(_) => json!({"name": if address.is_empty() { "unknown" } else { address }}),
    }
}

/// What the schema has no word for.
fn unmapped(event: &ExportEvent) -> Value {
    let mut unmapped = json!({
        "record_integrity": {
            "log": event.origin, "index": event.index, "format": "C2SP tlog-tiles, RFC 6962",
        },
    });
    if let Some(session) = &event.session {
        let chain = &session.chain;
        let agents: Vec<Value> = chain
            .actors
            .iter()
            .map(|actor| {
                json!({"name": actor.subject, "issuer": actor.issuer, "groups": actor.groups})
            })
            .collect();
        if !agents.is_empty() {
            unmapped["ai_agent"] = json!({"delegation": agents});
        }
        unmapped["purpose"] = json!({"signed": chain.purpose, "stated": chain.stated_purpose});
        unmapped["protocol"] = session.protocol.clone().into();
    }
    if let What::Finding(finding) = &event.what {
        unmapped["anomaly"] = json!({
            "principal": finding.principal,
            "agents": finding.actors,
            "resource": finding.resource,
            "session": finding.session.to_string(),
            "category": finding.category,
            "found": finding.found,
            "bound": finding.bound,
        });
    }
    if let What::Exchange(exchange) = &event.what {
        // Names of objects are values here and not keys: to who indexes documents by their keys,
        // `public.customers` would be one that has `public.customers.email` in it.
        let objects = exchange.objects.iter();
        let objects = objects.map(|(name, actions)| json!({"name": name, "actions": actions}));
        unmapped["exchange"] = json!({
            "number": exchange.number,
            "verdict": exchange.verdict.map(verdict),
            "rule": exchange.rule,
            "rows": exchange.rows,
            "bytes": exchange.bytes,
            "people_named": exchange.people,
            "masked": exchange.masked,
            "revealed": revealed(exchange),
            "objects": objects.collect::<Vec<Value>>(),
            "reviews": exchange.reviews,
            "reviewers": exchange.reviewers,
        });
    }
    unmapped
}

/// What an exchange revealed, a name in a value as above.
pub(super) fn revealed(exchange: &ExchangeEvent) -> Vec<Value> {
    let revealed = exchange.revealed.iter();
    revealed.map(|(object, category)| json!({"object": object, "category": category})).collect()
}

pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allow => "allow",
        Verdict::Deny => "deny",
        Verdict::Review => "review",
    }
}
