//! RFC 5424: the header around an event, and octet counting of RFC 6587 for streams.

use super::super::event::{ExportEvent, Severity, What};
use super::timestamp;

/// `log audit`.
const FACILITY: u64 = 13;
const APP_NAME: &str = "portreeve";
const HOST_BYTES_MAX: usize = 255;

/// A whole message: header, structured data, and the event as text.
pub(crate) fn message(event: &ExportEvent, host: &str, text: &str) -> String {
    let priority = FACILITY * 8 + severity(event.severity);
    let id = kind(&event.what);
    format!(
        "<{priority}>1 {} {} {APP_NAME} - {id} [portreeve@32473 id=\"{}\"] \u{feff}{text}",
        timestamp(event.at_us),
        host_name(host),
        parameter(&event.id)
    )
}

/// A message in a stream: its length in bytes before it.
pub(crate) fn counted(message: &str) -> Vec<u8> {
    format!("{} {message}", message.len()).into_bytes()
}

fn severity(severity: Severity) -> u64 {
    match severity {
        Severity::Informational => 6,
        Severity::Low => 5,
        Severity::Medium => 4,
        Severity::High => 2,
    }
}

fn kind(what: &What) -> &'static str {
    match what {
        What::Exchange(_) => "exchange",
        What::SessionOpened => "session-opened",
        What::SessionClosed { .. } => "session-closed",
        What::SessionRefused { .. } => "session-refused",
        What::Account { .. } => "account-changed",
        What::TokenIssued { .. } => "token-issued",
        What::CertificateIssued { .. } => "certificate-issued",
        What::AccessRevoked { .. } => "access-revoked",
        What::Custody { .. } => "custody",
        What::PolicyAdopted { .. } => "policy-adopted",
        What::Finding(_) => "anomaly",
        What::Gateway { .. } => "gateway",
    }
}

fn host_name(host: &str) -> String {
    let name: String =
        host.chars().filter(|char| char.is_ascii_graphic()).take(HOST_BYTES_MAX).collect();
    if name.is_empty() { "-".to_owned() } else { name }
}

fn parameter(text: &str) -> String {
    let mut escaped = String::new();
    for char in text.chars().filter(|char| !char.is_control()) {
        if matches!(char, '"' | '\\' | ']') {
            escaped.push('\\');
        }
        escaped.push(char);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_tells_lengths_in_bytes() {
        assert_eq!(counted("ä"), "2 ä".as_bytes());
    }

    #[test]
    fn what_ends_a_parameter_is_escaped() {
        assert_eq!(parameter("a\"b]c\\d\n"), "a\\\"b\\]c\\\\d");
        assert_eq!(host_name("a b\n"), "ab");
        assert_eq!(host_name(" "), "-");
    }
}
