//! From verified claims to a chain of names. Pure.

use super::{AuthError, parties};
use portreeve_model::{Chain, Party, PartyKind, Strength};
use serde_json::{Map, Value};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What claims are called at an issuer, and what is known of its clients.
#[derive(Clone, Copy)]
pub(crate) struct Mapping<'a> {
    pub(crate) groups: &'a str,
    pub(crate) purpose: &'a str,
    /// Links the names of one human being at several issuers.
    pub(crate) person: Option<&'a str>,
    /// Clients that a person has in hand: they are no actors.
    pub(crate) interactive_clients: &'a [String],
    /// Of one party.
    pub(crate) groups_max: usize,
}

pub(crate) type Claims = Map<String, Value>;

/// Checks `exp`, `nbf` and `iat`, and gives the end.
pub(crate) fn validity(claims: &Claims, at: SystemTime) -> Result<SystemTime, AuthError> {
    let expires =
        date(claims, "exp")?.ok_or(AuthError::Claim { claim: "exp".into(), why: "is missing" })?;
    if let Ok(late) = at.duration_since(expires)
        && late >= LEEWAY
    {
        return Err(AuthError::Expired(late.as_secs()));
    }
    for claim in ["nbf", "iat"] {
        let Some(begins) = date(claims, claim)? else { continue };
        if begins.duration_since(at).is_ok_and(|early| early > LEEWAY) {
            return Err(AuthError::NotYet(claim));
        }
    }
    Ok(expires)
}

/// Checks that a token does not live for longer than its issuer may make it: one that
/// ends in the year 9000 is a password.
pub(crate) fn lifetime(
    claims: &Claims,
    expires: SystemTime,
    life_max: Duration,
    at: SystemTime,
) -> Result<SystemTime, AuthError> {
    let issued =
        date(claims, "iat")?.ok_or(AuthError::Claim { claim: "iat".into(), why: "is missing" })?;
    let life = expires.duration_since(issued).unwrap_or_default();
    // `iat` may lie in the future by the leeway; the time that is left may not be longer for it.
    let left = expires.duration_since(at).unwrap_or_default();
    if life > life_max || left > life_max + LEEWAY {
        return Err(AuthError::Lifetime { seconds_max: life_max.as_secs() });
    }
    Ok(issued)
}

/// Reads a NumericDate.
pub(crate) fn date(claims: &Claims, claim: &'static str) -> Result<Option<SystemTime>, AuthError> {
    let wrong = || AuthError::Claim { claim: claim.into(), why: "is not a time in seconds" };
    let Some(value) = claims.get(claim) else { return Ok(None) };
    let seconds = match value.as_u64() {
        Some(seconds) => Duration::from_secs(seconds),
        // SPEC: RFC 7519 section 2 allows fractions.
        None => value
            .as_f64()
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .ok_or_else(wrong)?,
    };
    if seconds > DATE_MAX {
        return Err(wrong());
    }
    Ok(Some(UNIX_EPOCH + seconds))
}

/// Whether `aud` names us: the gateway as a whole, or one of the names that its resources
/// have for themselves. Gives those that it names.
pub(crate) fn audiences(
    claims: &Claims,
    expected: &str,
    others: &[String],
) -> Result<Vec<String>, AuthError> {
    let named: Vec<String> = std::iter::once(expected)
        .chain(others.iter().map(String::as_str))
        .filter(|name| names_audience(claims, name))
        .map(str::to_owned)
        .collect();
    if named.is_empty() {
        return Err(AuthError::Audience { expected: expected.to_owned() });
    }
    Ok(named)
}

/// Whether `aud` has a name in it.
pub(crate) fn names_audience(claims: &Claims, name: &str) -> bool {
    match claims.get("aud") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(many)) => many.iter().any(|one| one.as_str() == Some(name)),
        _ => false,
    }
}

/// Reads the principal, the actors and the purpose.
pub(crate) fn chain(
    claims: &Claims,
    issuer: &str,
    mapping: &Mapping<'_>,
) -> Result<Chain, AuthError> {
    let subject = subject(claims, "sub")?;
    let client = parties::client(claims)?;
    let kind = parties::principal_kind(claims, &subject, client.as_deref());
    let groups = groups(claims, mapping)?;
    let person = match kind {
        PartyKind::Person => parties::person(claims, mapping.person)?,
        PartyKind::Service | PartyKind::Actor => None,
    };
    let principal = Party { kind, issuer: issuer.to_owned(), subject, groups, person };
    let mut actors = actors(claims, issuer, mapping)?;
    if let Some(program) = parties::holder(claims, &principal, client, mapping.interactive_clients)
        && !actors.iter().any(|actor| actor.subject == program)
    {
        if actors.len() == super::ACTORS_MAX {
            return Err(AuthError::Delegation("is deeper than 8 actors"));
        }
        actors.push(Party::new(PartyKind::Actor, issuer, program));
    }
    let purpose = purpose(claims, mapping.purpose)?;
    let strength = strength(claims)?;
    let chain = Chain { purpose, strength, ..Chain::new(principal, actors) };
    let mut seen: Vec<&str> = Vec::new();
    for hop in chain.hops() {
        if seen.contains(&hop.subject.as_str()) {
            return Err(AuthError::Delegation("names the same party twice"));
        }
        seen.push(&hop.subject);
    }
    Ok(chain)
}

/// How strongly the principal was authenticated.
fn strength(claims: &Claims) -> Result<Strength, AuthError> {
    let wrong = |claim: &str, why| AuthError::Claim { claim: claim.to_owned(), why };
    let acr = match claims.get("acr") {
        None => None,
        Some(Value::String(acr)) if is_name(acr, SUBJECT_BYTES_MAX) => Some(acr.clone()),
        Some(_) => return Err(wrong("acr", "is not a short text")),
    };
    let short = || wrong("amr", "is not a list of at most 32 short texts");
    let amr = match claims.get("amr") {
        None => Vec::new(),
        Some(Value::Array(methods)) if methods.len() <= METHODS_MAX => methods
            .iter()
            .map(|method| match method {
                Value::String(method) if is_name(method, SUBJECT_BYTES_MAX) => Ok(method.clone()),
                _ => Err(short()),
            })
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(short()),
    };
    Ok(Strength { acr, amr })
}

/// The actor that the principal has named in advance (RFC 8693 section 4.4).
pub(crate) fn may_act(claims: &Claims) -> Result<Option<String>, AuthError> {
    match claims.get("may_act") {
        None => Ok(None),
        Some(Value::Object(named)) => subject(named, "may_act.sub").map(Some),
        Some(_) => Err(AuthError::Delegation("has a `may_act` that is not an object")),
    }
}

/// Follows `act` from the current actor to the earliest, and turns it round.
///
/// SPEC: RFC 8693 section 4.1: the outermost `act` is the current actor.
fn actors(claims: &Claims, issuer: &str, mapping: &Mapping<'_>) -> Result<Vec<Party>, AuthError> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let Value::Object(act) = act else {
            return Err(AuthError::Delegation("has an `act` that is not an object"));
        };
        if actors.len() == super::ACTORS_MAX {
            return Err(AuthError::Delegation("is deeper than 8 actors"));
        }
        let subject = subject(act, "act.sub")?;
        // SECURITY: the token's issuer vouches for every name in it. It cannot vouch
        // for the names of another.
        match act.get("iss") {
            None => {}
            Some(Value::String(own)) if own == issuer => {}
            Some(_) => return Err(AuthError::Delegation("names an actor of another issuer")),
        }
        let groups = groups(act, mapping)?;
        actors.push(Party { groups, ..Party::new(PartyKind::Actor, issuer, subject) });
        next = act.get("act");
    }
    actors.reverse();
    Ok(actors)
}

fn subject(claims: &Claims, name: &'static str) -> Result<String, AuthError> {
    match short_text(claims, "sub") {
        Ok(Some(subject)) => Ok(subject),
        Ok(None) => Err(AuthError::Claim { claim: name.into(), why: "is missing" }),
        Err(AuthError::Claim { why, .. }) => Err(AuthError::Claim { claim: name.into(), why }),
        Err(other) => Err(other),
    }
}

/// A claim that is a name, where it is there.
pub(crate) fn short_text(
    claims: &Claims,
    claim: &'static str,
) -> Result<Option<String>, AuthError> {
    let why = "is not a text of 1 to 256 bytes without control characters";
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::String(text)) if is_name(text, SUBJECT_BYTES_MAX) => Ok(Some(text.clone())),
        Some(_) => Err(AuthError::Claim { claim: claim.into(), why }),
    }
}

fn groups(claims: &Claims, mapping: &Mapping<'_>) -> Result<Vec<String>, AuthError> {
    let wrong = || AuthError::Claim {
        claim: mapping.groups.to_owned(),
        why: "is not a list of texts of 1 to 256 bytes without control characters",
    };
    match claims.get(mapping.groups) {
        None => Ok(Vec::new()),
        Some(Value::Array(groups)) if groups.len() > mapping.groups_max => {
            Err(AuthError::Groups { named: groups.len(), most: mapping.groups_max })
        }
        Some(Value::Array(groups)) => groups
            .iter()
            .map(|group| match group {
                Value::String(group) if is_name(group, SUBJECT_BYTES_MAX) => Ok(group.clone()),
                _ => Err(wrong()),
            })
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn purpose(claims: &Claims, claim: &str) -> Result<Option<String>, AuthError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::String(purpose)) if is_name(purpose, PURPOSE_BYTES_MAX) => {
            Ok(Some(purpose.clone()))
        }
        Some(_) => Err(AuthError::Claim {
            claim: claim.to_owned(),
            why: "is not a text of 1 to 512 bytes without control characters",
        }),
    }
}

/// The `jti`, where there is a usable one.
pub(crate) fn token_id(claims: &Claims) -> Option<String> {
    let id = claims.get("jti").and_then(Value::as_str)?;
    is_name(id, SUBJECT_BYTES_MAX).then(|| id.to_owned())
}

pub(crate) fn is_name(text: &str, bytes_max: usize) -> bool {
    !text.is_empty() && text.len() <= bytes_max && !text.chars().any(char::is_control)
}

/// For clocks that differ.
const LEEWAY: Duration = Duration::from_secs(30);
/// The year 9999; a later one is a mistake, and would overflow somewhere.
const DATE_MAX: Duration = Duration::from_secs(253_402_300_799);
pub(crate) const SUBJECT_BYTES_MAX: usize = 256;
const PURPOSE_BYTES_MAX: usize = 512;
const METHODS_MAX: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const MAPPING: Mapping<'_> = Mapping {
        groups: "groups",
        purpose: "purpose",
        person: None,
        interactive_clients: &[],
        groups_max: 1024,
    };

    fn check(claims: Value, expect: Result<&str, &str>) {
        let Value::Object(object) = claims.clone() else { panic!("an object") };
        let found = chain(&object, "https://i", &MAPPING)
            .map(|chain| chain.to_string())
            .map_err(|error| error.to_string());
        match expect {
            Ok(shown) => assert_eq!(found, Ok(shown.to_owned()), "{claims}"),
            Err(part) => {
                assert!(found.clone().unwrap_err().contains(part), "{claims}: {found:?}");
            }
        }
    }

    #[test]
    fn the_outermost_act_comes_last() {
        check(json!({"sub": "ada"}), Ok("ada"));
        check(
            json!({"sub": "ada", "act": {"sub": "worker", "act": {"sub": "planner"}}}),
            Ok("ada → planner → worker"),
        );
    }

    #[test]
    fn shapes_that_are_refused() {
        check(json!({}), Err("`sub` is missing"));
        check(json!({"sub": 5}), Err("`sub` is not a text"));
        check(json!({"sub": ""}), Err("`sub` is not a text"));
        check(json!({"sub": "a\u{0}b"}), Err("`sub` is not a text"));
        check(json!({"sub": "x".repeat(257)}), Err("`sub` is not a text"));
        check(json!({"sub": "a", "groups": "admins"}), Err("`groups` is not a list"));
        check(json!({"sub": "a", "groups": [1]}), Err("`groups` is not a list"));
        check(json!({"sub": "a", "groups": vec!["g"; 1025]}), Err("1025 groups; 1024 are"));
        check(json!({"sub": "a", "act": {"sub": "b", "groups": vec!["g"; 1025]}}), Err("1025"));
        check(json!({"sub": "a", "groups": vec!["g"; 1024]}), Ok("a"));
        check(json!({"sub": "a", "act": "b"}), Err("not an object"));
        check(json!({"sub": "a", "act": null}), Err("not an object"));
        check(json!({"sub": "a", "act": {}}), Err("`act.sub` is missing"));
        check(json!({"sub": "a", "act": {"sub": "b", "act": {}}}), Err("`act.sub` is missing"));
        check(json!({"sub": "a", "act": {"sub": "b", "groups": "x"}}), Err("is not a list"));
        check(json!({"sub": "a", "act": {"sub": "b", "iss": "https://j"}}), Err("another issuer"));
        check(json!({"sub": "a", "act": {"sub": "b", "iss": 5}}), Err("another issuer"));
        check(json!({"sub": "a", "act": {"sub": "a"}}), Err("twice"));
        check(
            json!({"sub": "a", "act": {"sub": "b", "act": {"sub": "c", "act": {"sub": "b"}}}}),
            Err("twice"),
        );
        check(json!({"sub": "a", "purpose": 5}), Err("`purpose` is not a text"));
        check(json!({"sub": "a", "purpose": ["x"]}), Err("`purpose` is not a text"));
    }

    #[test]
    fn eight_actors_and_not_nine() {
        let nested = |depth: usize| {
            (0..depth).fold(None, |inner: Option<Value>, at| {
                let mut act = json!({"sub": format!("actor-{at}")});
                if let Some(inner) = inner {
                    act["act"] = inner;
                }
                Some(act)
            })
        };
        check(
            json!({"sub": "a", "act": nested(8)}),
            Ok("a → actor-0 → actor-1 → actor-2 → actor-3 → actor-4 → actor-5 → actor-6 → actor-7"),
        );
        check(json!({"sub": "a", "act": nested(9)}), Err("deeper than 8"));
    }

    #[test]
    fn groups_of_an_actor_are_its_own() {
        let Value::Object(claims) = json!({"sub": "a", "groups": ["g"],
            "act": {"sub": "b", "groups": ["h"], "iss": "https://i"}})
        else {
            panic!("object")
        };
        let chain = chain(&claims, "https://i", &MAPPING).unwrap();
        assert_eq!(chain.principal.groups, ["g"]);
        assert_eq!(chain.actors[0].groups, ["h"]);
        assert_eq!(chain.actors[0].kind, PartyKind::Actor);
    }

    #[test]
    fn times() {
        let at = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let check = |claims: Value, expect: bool| {
            let Value::Object(object) = claims.clone() else { panic!("an object") };
            assert_eq!(validity(&object, at).is_ok(), expect, "{claims}");
        };
        check(json!({"exp": 1_000_001}), true);
        check(json!({"exp": 1_000_000.5}), true);
        check(json!({"exp": 999_971}), true);
        check(json!({"exp": 999_970}), false);
        check(json!({}), false);
        check(json!({"exp": "1000001"}), false);
        check(json!({"exp": -1}), false);
        check(json!({"exp": 1e300}), false);
        check(json!({"exp": u64::MAX}), false);
        check(json!({"exp": 2_000_000, "nbf": 1_000_030}), true);
        check(json!({"exp": 2_000_000, "nbf": 1_000_031}), false);
        check(json!({"exp": 2_000_000, "iat": 1_000_031}), false);
        check(json!({"exp": 2_000_000, "nbf": null}), false);
    }

    #[test]
    fn lives_that_are_too_long() {
        let at = UNIX_EPOCH + Duration::from_secs(1_000_000);
        let hour = Duration::from_secs(3600);
        let check = |claims: Value, expect: Option<&str>| {
            let Value::Object(object) = claims.clone() else { panic!("an object") };
            let expires = date(&object, "exp").unwrap().unwrap();
            let found = lifetime(&object, expires, hour, at).map_err(|error| error.to_string());
            match expect {
                None => assert!(found.is_ok(), "{claims}: {found:?}"),
                Some(part) => {
                    assert!(found.clone().unwrap_err().contains(part), "{claims}: {found:?}");
                }
            }
        };
        check(json!({"iat": 1_000_000, "exp": 1_003_600}), None);
        check(json!({"iat": 1_000_000, "exp": 1_003_601}), Some("lives longer"));
        // Old enough that little is left of it: still a password once.
        check(json!({"iat": 0, "exp": 1_000_100}), Some("lives longer"));
        check(json!({"iat": 1_000_020, "exp": 1_003_620}), None);
        check(json!({"iat": 2_000_000, "exp": 2_003_600}), Some("lives longer"));
        check(json!({"iat": 1_000_000, "exp": 221_845_392_000_u64}), Some("lives longer"));
        check(json!({"exp": 1_000_001}), Some("`iat` is missing"));
        check(json!({"iat": null, "exp": 1_000_001}), Some("not a time"));
    }

    #[test]
    fn strengths() {
        let check = |claims: Value, expect: Result<(Option<&str>, &[&str]), &str>| {
            let Value::Object(object) = claims.clone() else { panic!("an object") };
            match (strength(&object), expect) {
                (Ok(found), Ok((acr, amr))) => {
                    assert_eq!(
                        (found.acr.as_deref(), found.amr),
                        (acr, amr.iter().map(|&m| m.to_owned()).collect())
                    );
                }
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{claims}"),
                (found, _) => panic!("{claims}: {found:?}"),
            }
        };
        check(json!({}), Ok((None, &[])));
        check(json!({"acr": "gold", "amr": ["pwd", "mfa"]}), Ok((Some("gold"), &["pwd", "mfa"])));
        check(json!({"acr": 1}), Err("`acr`"));
        check(json!({"acr": ""}), Err("`acr`"));
        check(json!({"amr": "mfa"}), Err("`amr`"));
        check(json!({"amr": [1]}), Err("`amr`"));
        check(json!({"amr": vec!["x"; 33]}), Err("`amr`"));
    }
}
