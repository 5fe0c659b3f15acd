//! The policies that can matter to one action, kind of party and kind of object.
//!
//! Cedar looks at every policy of a set. Which ones cannot match is mostly plain from
//! their heads, so the sets are cut once, when they are loaded.

use super::counters::{Boundary, CounterSet};
use super::load::Loaded;
use super::names::{ACTIONS, Names, OBJECTS, PARTIES, action_index};
use cedar_policy::{
    ActionConstraint, Effect, EntityTypeName, EntityUid, Policy, PolicySet, PrincipalConstraint,
    ResourceConstraint,
};
use portreeve_model::{Action, ObjectKind, PartyKind};

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
pub(super) struct Slices(Vec<Slice>);

impl Slices {
    pub(super) fn new(loaded: &[Loaded], names: &Names) -> Self {
        let mut slices = Vec::with_capacity(ACTIONS.len() * PARTIES.len() * OBJECTS.len());
        for action in ACTIONS {
            for party in PARTIES {
                for object in OBJECTS {
                    let fits = |found: &&Loaded| {
                        action_fits(&found.policy, names.action(action))
                            && party_fits(&found.policy, names.party(party))
                            && object_fits(&found.policy, names.object(object))
                    };
                    slices.push(slice(loaded.iter().filter(fits)));
                }
            }
        }
        Self(slices)
    }

    pub(super) fn of(&self, action: Action, party: PartyKind, object: ObjectKind) -> &Slice {
        let party = match party {
            PartyKind::Person => 0,
            PartyKind::Service => 1,
            PartyKind::Actor => 2,
        };
        let object = match object {
            ObjectKind::Resource => 0,
            ObjectKind::Table => 1,
            ObjectKind::Column => 2,
            ObjectKind::Function => 3,
        };
        let index = (action_index(action) * PARTIES.len() + party) * OBJECTS.len() + object;
        &self.0[index]
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
