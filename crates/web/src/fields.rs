//! What the fields of a head say.

use crate::problem::Problem;
use http::{HeaderMap, StatusCode, header};
use portreeve_model::Secret;
use portreeve_session::ReviewMode;
use std::time::Duration;

/// As much of what a client calls itself as is recorded.
const APPLICATION_CHARS_MAX: usize = 120;

/// The host name that is asked for, in lower case and without its port.
///
/// # Errors
/// It is not one.
pub fn host(parts: &http::request::Parts) -> Result<String, Problem> {
    let mut fields = parts.headers.get_all(header::HOST).iter();
    let field = fields.next().map(|value| value.to_str().unwrap_or_default());
    let named = parts.uri.authority().map(http::uri::Authority::as_str);
    let is_one = match (field, named) {
        (Some(field), Some(named)) => field.eq_ignore_ascii_case(named),
        _ => true,
    };
    if !is_one || fields.next().is_some() {
        let why = "the request names two hosts";
        return Err(Problem::new(StatusCode::BAD_REQUEST, why, "name one"));
    }
    let authority = named.or(field).unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    Ok(host.trim_end_matches('.').to_ascii_lowercase())
}

/// The caller's token (RFC 6750 section 2.1); in a query or a form it is not taken.
///
/// # Errors
/// There is none, or more than one.
pub fn bearer(fields: &HeaderMap) -> Result<Secret<String>, Problem> {
    let mut values = fields.get_all(header::AUTHORIZATION).iter();
    let value = values.next().and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().to_owned())
    });
    match (token, values.next()) {
        (Some(token), None) if !token.is_empty() => Ok(Secret::new(token)),
        _ => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "a token is needed",
            "send `Authorization: Bearer TOKEN`; `portreeve token` tells how to get one",
        )),
    }
}

/// What a client calls itself.
#[must_use]
pub fn application(fields: &HeaderMap) -> Option<String> {
    let agent = fields.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(APPLICATION_CHARS_MAX).collect())
}

/// What a client would like (`Prefer`, RFC 7240), on however many lines.
pub fn wishes(fields: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = fields.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Whoever waits says so (RFC 7240 section 4.3); others hear of a review and ask again.
#[must_use]
pub fn review_mode(fields: &HeaderMap) -> ReviewMode {
    match wait_max(fields) {
        Some(wait) if wait.is_none_or(|wait| !wait.is_zero()) => ReviewMode::Wait,
        Some(_) | None => ReviewMode::Refuse,
    }
}

/// How long a client waits (`Prefer: wait=30`), where it does: as long as it takes where it does
/// not say.
#[must_use]
pub fn wait_max(fields: &HeaderMap) -> Option<Option<Duration>> {
    wishes(fields).find_map(|wish| {
        let (name, seconds) = wish.split_once('=').unwrap_or((wish, ""));
        match (name.trim().eq_ignore_ascii_case("wait"), seconds.trim().trim_matches('"')) {
            (false, _) => None,
            (true, "") => Some(None),
            // What cannot be read is no wish (section 2).
            (true, seconds) => {
                seconds.parse::<u32>().ok().map(|all| Some(Duration::from_secs(all.into())))
            }
        }
    })
}

/// Whether a field belongs to one hop (RFC 9110 section 7.6.1).
#[must_use]
pub fn is_hop_by_hop(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "connection",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    NAMES.contains(&name)
}

/// The charset that a type names, in lower case.
#[must_use]
pub fn charset(kind: &str) -> Option<String> {
    kind.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then(|| value.to_ascii_lowercase())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_say_how_long_they_wait() {
        let check = |wishes: &[&'static str], expect: Option<Option<u64>>, mode: ReviewMode| {
            let mut fields = HeaderMap::new();
            for wish in wishes {
                fields.append("prefer", http::HeaderValue::from_static(wish));
            }
            let found = wait_max(&fields).map(|wait| wait.map(|wait| wait.as_secs()));
            assert_eq!((found, review_mode(&fields)), (expect, mode), "{wishes:?}");
        };
        check(&[], None, ReviewMode::Refuse);
        check(&["wait"], Some(None), ReviewMode::Wait);
        check(&["return=minimal, wait=30"], Some(Some(30)), ReviewMode::Wait);
        check(&["respond-async", "Wait = 10"], Some(Some(10)), ReviewMode::Wait);
        check(&["respond-async"], None, ReviewMode::Refuse);
        check(&["wait=0"], Some(Some(0)), ReviewMode::Refuse);
        check(&["wait=soon"], None, ReviewMode::Refuse);
        check(&["waiting"], None, ReviewMode::Refuse);
    }
}
