//! ArcSight's Common Event Format, version 0: one line of a header and key-value pairs.

use super::super::event::{ExportEvent, Severity, What};
use super::ocsf;
use std::net::{IpAddr, SocketAddr};

/// What a gateway tells beside sessions and what happens in them.
fn of_gateway(what: &What) -> Vec<(&'static str, String)> {
    match what {
        What::SessionRefused { protocol, client, why, count } => {
            let mut pairs = from(client);
            pairs.push(("app", protocol.clone()));
            pairs.push(("outcome", "refused".to_owned()));
            pairs.push(("reason", why.clone()));
            pairs.push(("cnt", count.to_string()));
            pairs
        }
        What::Account { account: subject, by, .. }
        | What::TokenIssued { subject, by }
        | What::CertificateIssued { subject, by }
        | What::AccessRevoked { subject, by } => {
            vec![("suser", by.clone()), ("duser", subject.clone())]
        }
        What::Custody { object, by, why, .. } => {
            vec![("suser", by.clone()), ("request", object.clone()), ("reason", why.clone())]
        }
        What::Exchange(_)
        | What::SessionOpened
        | What::SessionClosed { .. }
        | What::PolicyAdopted { .. }
        | What::Finding(_)
        | What::Gateway { .. } => Vec::new(),
    }
}

/// Where a client came from; nothing where that is left out: the fields are addresses.
fn from(client: &str) -> Vec<(&'static str, String)> {
    let (address, port) = match client.parse::<SocketAddr>() {
        Ok(socket) => (Some(socket.ip()), Some(socket.port())),
        Err(_) => (client.parse::<IpAddr>().ok(), None),
    };
    let address = address.map(|address| ("src", address.to_string()));
    address.into_iter().chain(port.map(|port| ("spt", port.to_string()))).collect()
}

/// One line.
pub(super) fn line(event: &ExportEvent) -> String {
    let (class, name) = class(&event.what);
    let mut line = format!(
        "CEF:0|Portreeve|Portreeve|{}|{class}|{name}|{}|",
        header(env!("CARGO_PKG_VERSION")),
        severity(event.severity)
    );
    let mut pairs = vec![
        ("rt", (event.at_us / 1_000).to_string()),
        ("externalId", event.id.clone()),
        ("msg", event.message.clone()),
    ];
    if let Some(session) = &event.session {
        let chain = &session.chain;
        let actors: Vec<&str> = chain.actors.iter().map(|actor| actor.subject.as_str()).collect();
        pairs.push(("suser", chain.principal.subject.clone()));
        pairs.extend(from(&session.client));
        pairs.push(("dhost", session.resource.clone()));
        pairs.push(("app", session.protocol.clone()));
        pairs.push(("cs1Label", "session".to_owned()));
        pairs.push(("cs1", session.id.to_string()));
        pairs.push(("cs2Label", "actors".to_owned()));
        pairs.push(("cs2", actors.join(" > ")));
        pairs.push(("cs3Label", "purpose".to_owned()));
        pairs.push(("cs3", chain.purpose.clone().unwrap_or_default()));
    }
    if let What::Exchange(exchange) = &event.what {
        let join = |words: Vec<&str>| words.join(",");
        let masked: u64 = exchange.masked.values().sum();
        pairs.push(("act", exchange.verdict.map_or("none", ocsf::verdict).to_owned()));
        pairs.push(("outcome", if exchange.is_refused { "refused" } else { "passed" }.to_owned()));
        pairs.push(("reason", exchange.rule.clone().unwrap_or_default()));
        pairs.push(("request", join(exchange.objects.keys().map(String::as_str).collect())));
        pairs.push(("requestMethod", join(exchange.verbs.iter().map(String::as_str).collect())));
        pairs.push(("out", exchange.bytes.to_string()));
        pairs.push(("cn1Label", "rows".to_owned()));
        pairs.push(("cn1", exchange.rows.to_string()));
        pairs.push(("cn2Label", "masked values".to_owned()));
        pairs.push(("cn2", masked.to_string()));
    }
    pairs.extend(of_gateway(&event.what));
    if let What::Finding(finding) = &event.what {
        let records: Vec<String> = finding.records.iter().map(u64::to_string).collect();
        pairs.push(("suser", finding.principal.clone()));
        pairs.push(("dhost", finding.resource.clone()));
        pairs.push(("reason", finding.rule.word().to_owned()));
        pairs.push(("cnt", finding.found.to_string()));
        pairs.push(("cn1Label", "bound".to_owned()));
        pairs.push(("cn1", finding.bound.to_string()));
        pairs.push(("cs1Label", "session".to_owned()));
        pairs.push(("cs1", finding.session.to_string()));
        pairs.push(("cs2Label", "actors".to_owned()));
        pairs.push(("cs2", finding.actors.join(" > ")));
        pairs.push(("cs4Label", "records".to_owned()));
        pairs.push(("cs4", records.join(",")));
    }
    let pairs: Vec<String> =
        pairs.iter().map(|(key, text)| format!("{key}={}", value(text))).collect();
    line.push_str(&pairs.join(" "));
    line
}

fn class(what: &What) -> (&'static str, &'static str) {
    match what {
        What::Exchange(_) => ("exchange", "Exchange"),
        What::SessionOpened => ("session-opened", "Session opened"),
        What::SessionClosed { .. } => ("session-closed", "Session closed"),
        What::SessionRefused { .. } => ("session-refused", "Session refused"),
        What::Account { .. } => ("account-changed", "Account changed"),
        What::TokenIssued { .. } => ("token-issued", "Token issued"),
        What::CertificateIssued { .. } => ("certificate-issued", "Certificate issued"),
        What::AccessRevoked { .. } => ("access-revoked", "Access revoked"),
        What::Custody { .. } => ("custody", "Custody of the evidence"),
        What::PolicyAdopted { .. } => ("policy-adopted", "Policies adopted"),
        What::Finding(_) => ("anomaly", "Anomaly"),
        What::Gateway { .. } => ("gateway", "Gateway"),
    }
}

fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Informational => 1,
        Severity::Low => 3,
        Severity::Medium => 6,
        Severity::High => 8,
    }
}

/// In the header a pipe and a backslash are escaped.
fn header(text: &str) -> String {
    text.replace('\\', "\\\\").replace('|', "\\|").replace(['\r', '\n'], " ")
}

/// In the extension an equals sign and a backslash are, and ends of lines.
fn value(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('=', "\\=");
    let escaped = escaped.replace('\r', "\\r").replace('\n', "\\n");
    escaped.chars().filter(|char| !char.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_is_escaped() {
        assert_eq!(header("a|b\\c\n"), "a\\|b\\\\c ");
        assert_eq!(value("a=b\\c|d\ne\u{7}"), "a\\=b\\\\c|d\\ne");
    }
}
