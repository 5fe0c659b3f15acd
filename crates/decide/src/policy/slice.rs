//! The policies that can matter to one action, kind of party and kind of object.
//!
//! Cedar looks at every policy of a set. Which ones cannot match is mostly plain from
//! their heads, so the sets are cut once, when they are loaded.

use super::counters::{Boundary, CounterSet};
use super::load::Loaded;
use super::names::{Names, PARTIES, action_index, party_index};
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
    ResourceConstraint,
};
use portreeve_model::{Action, ObjectKind, PartyKind};
use std::collections::HashMap;

/// Some of the policies.
#[derive(Debug, Default)]
pub(super) struct Slice {
    pub(super) all: PolicySet,
    /// The permits among them.
    pub(super) permits: PolicySet,
    /// Where their answers can change while a reply passes.
    pub(super) boundaries: Vec<Boundary>,
    pub(super) counters: CounterSet,
    /// Those of which an answer may depend on several together: so a policy says, or they
    /// are those of permits, since it is the last permit to end that refuses.
    pub(super) coupled: CounterSet,
}

/// All slices.
#[derive(Debug)]
pub(super) struct Slices {
    /// Each once: most kinds of objects are the same to most policies.
    distinct: Vec<Slice>,
    /// Which of them it is, for each action, kind of party and kind of object.
    places: Vec<usize>,
}

/// What the head of a policy leaves of the questions, by their numbers.
struct Scope {
    actions: [bool; Action::ALL.len()],
    parties: [bool; PARTIES.len()],
    kinds: [bool; ObjectKind::COUNT],
}

impl Slices {
    pub(super) fn new(loaded: &[Loaded], names: &Names) -> Self {
        let scopes: Vec<_> = loaded.iter().map(|found| Scope::of(&found.policy, names)).collect();
        let mut slices = Self { distinct: Vec::new(), places: Vec::new() };
        let mut known = HashMap::new();
        for action in 0..Action::ALL.len() {
            for party in 0..PARTIES.len() {
                for kind in 0..ObjectKind::COUNT {
                    let fits = |scope: &Scope| {
                        scope.actions[action] && scope.parties[party] && scope.kinds[kind]
                    };
                    let found: Vec<usize> =
                        (0..loaded.len()).filter(|place| fits(&scopes[*place])).collect();
                    let place = *known.entry(found).or_insert_with_key(|found| {
                        slices.distinct.push(slice(found.iter().map(|place| &loaded[*place])));
                        slices.distinct.len() - 1
                    });
                    slices.places.push(place);
                }
            }
        }
        slices
    }

    pub(super) fn of(&self, action: Action, party: PartyKind, kind: ObjectKind) -> &Slice {
        let row = action_index(action) * PARTIES.len() + party_index(party);
        &self.distinct[self.places[row * ObjectKind::COUNT + kind.index()]]
    }
}

impl Scope {
    fn of(policy: &Policy, names: &Names) -> Self {
        let mut kinds = [false; ObjectKind::COUNT];
        for kind in ObjectKind::all() {
            kinds[kind.index()] = object_fits(policy, names.object(kind));
        }
        Self {
            actions: Action::ALL.map(|action| action_fits(policy, names.action(action))),
            parties: PARTIES.map(|party| party_fits(policy, names.party(party))),
            kinds,
        }
    }
}

fn slice<'a>(loaded: impl Iterator<Item = &'a Loaded>) -> Slice {
    let mut slice = Slice::default();
    let mut permits = CounterSet::default();
    for found in loaded {
        let policy = &found.policy;
        slice.all.add(policy.clone()).expect("ids are unique: the loader checked them");
        if policy.effect() == Effect::Permit {
            slice.permits.add(policy.clone()).expect("ids are unique: the loader checked them");
        }
        slice.boundaries.extend(&found.mentions.boundaries);
        let counters = found.mentions.counters();
        slice.counters = slice.counters | counters;
        match policy.effect() {
            Effect::Permit => permits = permits | counters,
            Effect::Forbid => slice.coupled = slice.coupled | found.mentions.coupled,
        }
    }
    if permits.units_count() > 1 {
        slice.coupled = slice.coupled | permits;
    }
    slice
}

fn action_fits(policy: &Policy, action: &EntityUid) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => uid == *action,
        // The schema has no groups of actions, so being in one is being it.
        ActionConstraint::In(uids) => uids.contains(action),
    }
}

fn party_fits(policy: &Policy, name: &EntityTypeName) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        PrincipalConstraint::Eq(uid) => uid.type_name() == name,
        PrincipalConstraint::Is(is) | PrincipalConstraint::IsIn(is, _) => is == *name,
    }
}

fn object_fits(policy: &Policy, name: &EntityTypeName) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        ResourceConstraint::Eq(uid) => uid.type_name() == name,
        ResourceConstraint::Is(is) | ResourceConstraint::IsIn(is, _) => is == *name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::{Origin, load};
    use super::*;

    fn slices(text: &str) -> Slices {
        let names = Names::new();
        let sources = [("test.cedar".to_owned(), text.to_owned())];
        Slices::new(&load(&sources, &names, Origin::Configured).unwrap(), &names)
    }

    fn ids(slice: &Slice) -> Vec<String> {
        let mut ids: Vec<_> = slice.all.policies().map(|policy| policy.id().to_string()).collect();
        ids.sort();
        ids
    }

    #[test]
    fn each_question_has_the_policies_that_can_matter_to_it() {
        let slices = slices(
            "@id(\"any\") permit(principal, action, resource);
             @id(\"actors\") forbid(principal is Actor, action == Action::\"read\", resource);
             @id(\"files\") forbid(principal, action in [Action::\"read\", Action::\"write\"], \
               resource is File);
             @id(\"one\") forbid(principal, action, resource == Table::\"shop/public.t\");",
        );
        let check = |action, party, kind, expect: &[&str]| {
            assert_eq!(ids(slices.of(action, party, kind)), expect, "{action} {party:?} {kind:?}");
        };
        let (person, actor) = (PartyKind::Person, PartyKind::Actor);
        check(Action::Read, person, ObjectKind::COLUMN, &["any"]);
        check(Action::Read, actor, ObjectKind::COLUMN, &["actors", "any"]);
        check(Action::Read, actor, ObjectKind::FILE, &["actors", "any", "files"]);
        check(Action::Write, person, ObjectKind::FILE, &["any", "files"]);
        check(Action::Execute, person, ObjectKind::FILE, &["any"]);
        check(Action::Execute, person, ObjectKind::TABLE, &["any", "one"]);
    }

    #[test]
    fn questions_with_the_same_policies_share_them() {
        let all = slices("@id(\"any\") permit(principal, action, resource);");
        assert_eq!(all.places.len(), Action::ALL.len() * PARTIES.len() * ObjectKind::COUNT);
        assert_eq!(all.distinct.len(), 1);
        let two = slices(
            "@id(\"any\") permit(principal, action, resource);
             @id(\"actors\") forbid(principal is Actor, action == Action::\"read\", resource);",
        );
        assert_eq!(two.distinct.len(), 2);
    }
}
