//! Why there is no answer of a service: a connector says it in an answer of its own, and the
//! gateway takes that for none.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;

/// Where it stands. A connector lets no field of this name through.
const REFUSED: HeaderName = HeaderName::from_static("portreeve-refused");
/// As much of a reason as a gateway writes into its log.
const WHY_CHARS_MAX: usize = 300;

/// Why there is no answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// What opens the service cannot be had.
    Credential,
    /// The service cannot be reached.
    Unreached,
    /// The service was reached, and does not answer.
    Lost,
    /// The connector does not send such a request.
    Request,
    /// The connector does not pass such an answer on.
    Answer,
    /// The connector says something that this gateway does not know.
    Other,
}

impl Refusal {
    const ALL: [Self; 5] =
        [Self::Credential, Self::Unreached, Self::Lost, Self::Request, Self::Answer];

    const fn code(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::Unreached => "unreached",
            Self::Lost => "lost",
            Self::Request => "request",
            Self::Answer => "answer",
            Self::Other => "other",
        }
    }

    /// What the client reads.
    pub(crate) const fn for_client(self) -> &'static str {
        match self {
            Self::Credential => "the connector has no credential for the target now",
            Self::Unreached => "the target cannot be reached",
            Self::Lost => "the target broke off",
            Self::Request => "the connector does not send such a request",
            Self::Answer => "the target's answer is not one that the connector passes on",
            Self::Other => "the connector has no answer",
        }
    }

    /// What a connector says instead of an answer, with the reason for the gateway's operator.
    pub(super) fn answer(self, why: &str) -> Response<Full<Bytes>> {
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = StatusCode::BAD_GATEWAY;
        let text = format!("{}; {why}", self.code());
        let field = HeaderValue::from_str(&text);
        let field = field.unwrap_or(HeaderValue::from_static(self.code()));
        answer.headers_mut().insert(REFUSED, field);
        // What is left of a request that was not sent is not read.
        answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        answer
    }

    /// Why an answer is none, with the reason: a connector is no friend of the gateway's, so what
    /// it says is made fit for a line of a log.
    pub(crate) fn of(fields: &HeaderMap) -> Option<(Self, String)> {
        let said = String::from_utf8_lossy(fields.get(REFUSED)?.as_bytes()).into_owned();
        let (code, why) = said.split_once("; ").unwrap_or((&said, ""));
        let known = Self::ALL.into_iter().find(|known| known.code() == code);
        let shown = |c: char| if c.is_control() { ' ' } else { c };
        let why = why.chars().take(WHY_CHARS_MAX).map(shown).collect();
        Some((known.unwrap_or(Self::Other), why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connector_says_is_heard() {
        for refusal in Refusal::ALL {
            let answer = refusal.answer("`tls`: no; hint: look");
            let heard = Refusal::of(answer.headers());
            assert_eq!(heard, Some((refusal, "`tls`: no; hint: look".to_owned())));
        }
        let mut fields = HeaderMap::new();
        assert_eq!(Refusal::of(&fields), None);
        fields.insert(REFUSED, HeaderValue::from_bytes(b"new; \xff\tx").unwrap());
        assert_eq!(Refusal::of(&fields), Some((Refusal::Other, "\u{fffd} x".to_owned())));
        // What cannot stand in a field is left out, and the refusal stays one.
        let heard = Refusal::of(Refusal::Lost.answer("a\nb").headers());
        assert_eq!(heard, Some((Refusal::Lost, String::new())));
    }
}
