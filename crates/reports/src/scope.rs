//! Which part of the log a report is about.

use portreeve_evidence::Token;
use portreeve_model::SessionId;
use serde::{Deserialize, Serialize};

/// A stretch of time. An exchange belongs to the time at which its request was recorded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Period {
    /// Not before, in microseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_us: Option<u64>,
    /// Before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until_us: Option<u64>,
}

impl Period {
    /// Whether a time is in it.
    #[must_use]
    pub fn holds(&self, at_us: u64) -> bool {
        self.since_us.is_none_or(|since| at_us >= since)
            && self.until_us.is_none_or(|until| at_us < until)
    }
}

/// Which exchanges a report is about: those that every field allows.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// When.
    #[serde(default)]
    pub period: Period,
    /// One session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// Those that an actor took part in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Those on a principal's behalf.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// Those at a resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Those that touched an object, as its path is written: `public.customers`, `/orders`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object: Option<String>,
    /// Those that were about a person: the kind of identifier and the person's token, in
    /// hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<Subject>,
}

/// A person, as the index of data subjects knows them. Never the identifier itself.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// The kind of identifier.
    pub kind: String,
    /// The person's token, in hexadecimal.
    pub token: String,
}

impl Subject {
    /// From the token itself.
    #[must_use]
    pub fn new(kind: &str, token: &Token) -> Self {
        let token = token.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { kind: kind.to_owned(), token }
    }

    /// The token; none where the text is not one.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        let mut token = Token::default();
        let digits = self.token.as_bytes();
        if digits.len() != 2 * token.len() {
            return None;
        }
        for (byte, pair) in token.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_begins_with_its_first_moment_and_ends_before_its_last() {
        let period = Period { since_us: Some(5), until_us: Some(7) };
        let inside: Vec<u64> = (0..10).filter(|at| period.holds(*at)).collect();
        assert_eq!(inside, [5, 6]);
        assert!(Period::default().holds(0));
    }

    #[test]
    fn a_token_survives_being_written() {
        let token: Token = std::array::from_fn(|at| at as u8 * 17);
        let subject = Subject::new("email", &token);
        assert_eq!(subject.token(), Some(token));
        let check = |text: &str| {
            assert_eq!(
                Subject { kind: "email".into(), token: text.into() }.token(),
                None,
                "{text}"
            );
        };
        check("");
        check("0011");
        check(&"g".repeat(32));
        check(&"é".repeat(16));
    }
}
