//! Who is the same human being as whom. Pure.
//!
//! Within one issuer a name is a person, and two names are one person where the linking
//! claim says so. Across issuers nothing is known without that claim: then nobody can say
//! that they are two people, and what needs two is refused.

use portreeve_model::{Chain, Party, PartyKind};

/// Whether two parties are one human being.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Same {
    /// They are.
    Yes,
    /// They are not.
    No,
    /// Nobody can say.
    Unknown,
}

/// Compares two parties.
pub(crate) fn same_person(one: &Party, other: &Party) -> Same {
    if one.is(other) {
        return Same::Yes;
    }
    match (&one.person, &other.person) {
        (Some(one), Some(other)) if one == other => Same::Yes,
        (Some(_), Some(_)) => Same::No,
        (Some(_) | None, None) | (None, Some(_)) if one.issuer == other.issuer => Same::No,
        (Some(_) | None, None) | (None, Some(_)) => match (one.kind, other.kind) {
            (PartyKind::Person, PartyKind::Person) => Same::Unknown,
            // A program of another issuer's name is no person.
            (PartyKind::Person | PartyKind::Service | PartyKind::Actor, _) => Same::No,
        },
    }
}

/// Whether somebody is a party of a chain.
pub(crate) fn is_in(chain: &Chain, person: &Party) -> Same {
    let mut found = Same::No;
    for hop in chain.hops() {
        match same_person(hop, person) {
            Same::Yes => return Same::Yes,
            Same::Unknown => found = Same::Unknown,
            Same::No => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(kind: PartyKind, name: &str) -> Party {
        let (name, person) = match name.split_once('=') {
            Some((name, person)) => (name, Some(person.to_owned())),
            None => (name, None),
        };
        let (subject, issuer) = name.split_once('@').unwrap_or((name, "i"));
        Party { person, ..Party::new(kind, issuer, subject) }
    }

    #[test]
    fn people_are_told_apart_by_what_is_known() {
        let check = |one: &str, other: &str, expect| {
            let person = |name| party(PartyKind::Person, name);
            assert_eq!(same_person(&person(one), &person(other)), expect, "{one} {other}");
            assert_eq!(same_person(&person(other), &person(one)), expect, "{other} {one}");
        };
        check("ann", "ann", Same::Yes);
        check("ann", "bob", Same::No);
        check("ann@i", "ann@j", Same::Unknown);
        check("ann@i", "bob@j", Same::Unknown);
        check("ann@i=1", "bob@j", Same::Unknown);
        check("ann@i=1", "bob@j=1", Same::Yes);
        check("ann@i=1", "ann@j=2", Same::No);
        check("ann=1", "ann-admin=1", Same::Yes);
        check("ann=1", "ann-admin", Same::No);
        check("ann=1", "ann=2", Same::Yes);
    }

    #[test]
    fn programs_are_nobody() {
        let (person, service) = (PartyKind::Person, PartyKind::Service);
        assert_eq!(same_person(&party(service, "ci@i"), &party(person, "ann@j")), Same::No);
        assert_eq!(same_person(&party(PartyKind::Actor, "p@i"), &party(person, "p@j")), Same::No);
        assert_eq!(same_person(&party(PartyKind::Actor, "p@i"), &party(person, "p@i")), Same::Yes);
    }
}
