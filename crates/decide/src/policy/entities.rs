//! An ask as Cedar sees it: the parties and objects as entities, with their ancestors.
//!
//! Only what the ask needs is built. Every entity names all of its ancestors itself, so
//! that groups, schemas and categories need no entity of their own.

use super::Ask;
use super::names::{Names, uid};
use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression as Value};
use portreeve_model::{Category, Need, Object, Party};
use std::collections::{BTreeMap, HashMap, HashSet};

/// A party of the chain as a Cedar principal.
pub(super) struct Hop<'a> {
    pub(super) party: &'a Party,
    pub(super) uid: EntityUid,
    /// Which of the stores knows it.
    store: usize,
}

/// A need with its object as a Cedar resource.
pub(super) struct Question<'a> {
    pub(super) need: &'a Need,
    pub(super) uid: EntityUid,
}

/// Everything of an ask that does not depend on counters.
pub(super) struct Prepared<'a> {
    pub(super) hops: Vec<Hop<'a>>,
    pub(super) questions: Vec<Question<'a>>,
    stores: Vec<Entities>,
}

impl<'a> Prepared<'a> {
    /// Builds the entities; none if an object has not the shape of its kind.
    pub(super) fn new(names: &Names, ask: &Ask<'a>) -> Option<Self> {
        let mut questions = Vec::with_capacity(ask.needs.len());
        let mut objects = HashMap::with_capacity(ask.needs.len());
        for need in ask.needs {
            let id = names.named(ask.resource, need.object.kind, &need.object.path);
            if !objects.contains_key(&id) {
                let is_classifiable = need.object.kind.is_classifiable();
                let category = is_classifiable.then(|| (ask.categories)(&need.object)).flatten();
                let entity = object(names, ask.resource, &need.object, &id, category.as_ref())?;
                objects.insert(id.clone(), entity);
            }
            questions.push(Question { need, uid: id });
        }
        Self::with_objects(names, ask, questions, objects.into_values().collect())
    }

    /// Builds an ask about one column, whose category the caller knows.
    pub(super) fn about_column(
        names: &Names,
        ask: &Ask<'a>,
        need: &'a Need,
        category: &Category,
    ) -> Option<Self> {
        let id = names.named(ask.resource, need.object.kind, &need.object.path);
        let entity = object(names, ask.resource, &need.object, &id, Some(category))?;
        Self::with_objects(names, ask, vec![Question { need, uid: id }], vec![entity])
    }

    fn with_objects(
        names: &Names,
        ask: &Ask<'a>,
        questions: Vec<Question<'a>>,
        objects: Vec<Entity>,
    ) -> Option<Self> {
        let mut hops: Vec<Hop<'a>> = Vec::new();
        for party in ask.chain.hops() {
            if hops.iter().any(|hop| hop.party == party) {
                continue;
            }
            let uid = uid(names.party(party.kind), &party.subject);
            // SECURITY: two issuers may use one name. Entities are found by name, so such
            // parties never share a store: neither may borrow the other's groups.
            let store = hops.iter().filter(|hop| hop.uid == uid).count();
            hops.push(Hop { party, uid, store });
        }
        let stores_count = hops.iter().map(|hop| hop.store + 1).max().unwrap_or(0);
        let stores = (0..stores_count).map(|store| {
            let here = hops.iter().filter(|hop| hop.store == store);
            let parties = here.map(|hop| party(names, hop)).collect::<Option<Vec<_>>>()?;
            let all = parties.into_iter().chain(objects.iter().cloned());
            Entities::from_entities(all, None).ok()
        });
        let stores = stores.collect::<Option<Vec<_>>>()?;
        Some(Self { hops, questions, stores })
    }

    /// The entities among which a hop is judged.
    pub(super) fn store(&self, hop: &Hop<'_>) -> &Entities {
        &self.stores[hop.store]
    }
}

fn party(names: &Names, hop: &Hop<'_>) -> Option<Entity> {
    let groups = hop.party.groups.iter().map(|group| names.group(group)).collect();
    let issuer = Value::new_string(hop.party.issuer.clone());
    Entity::new(hop.uid.clone(), HashMap::from([("issuer".to_owned(), issuer)]), groups).ok()
}

fn object(
    names: &Names,
    resource: &str,
    object: &Object,
    uid: &EntityUid,
    category: Option<&Category>,
) -> Option<Entity> {
    let row = object.kind.row();
    if object.path.len() != row.parts.len() {
        return None;
    }
    // The resource's own name is not in its path.
    let own = object.path.last().map_or(resource, String::as_str);
    let mut attributes = BTreeMap::from([("name", own)]);
    let outer = row.parts.iter().zip(&object.path).rev().skip(1);
    attributes.extend(outer.map(|(part, name)| (*part, name.as_str())));
    let mut parents = HashSet::with_capacity(4);
    for kind in object.kind.ancestors() {
        parents.insert(names.named(resource, kind, object.path.get(..kind.row().parts.len())?));
    }
    if let Some((own, outer)) = object.path.split_last() {
        for name in object.kind.around(own) {
            let mut path = outer.to_vec();
            path.push(name.to_owned());
            parents.insert(names.named(resource, object.kind, &path));
        }
    }
    if object.kind.has_categories() {
        parents.extend(category.map(|category| names.category(&category.0)));
    }
    let value = |(key, text): (&str, &str)| (key.to_owned(), Value::new_string(text.to_owned()));
    Entity::new(uid.clone(), attributes.into_iter().map(value).collect(), parents).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Context, Counters, Policies, schema};
    use super::*;
    use cedar_policy::Request;
    use portreeve_model::{Action, Chain, Facts, ObjectKind, PartyKind, Strength, Unit, Usage};

    /// What is built is what policies were checked against: were an attribute or a context
    /// key missing here, a policy that passed the check would fail when it decides.
    #[test]
    fn everything_conforms_to_the_schema() {
        let (names, schema) = (Names::new(), schema::parsed());
        let party = |kind, subject: &str| Party {
            groups: vec!["g".into(), "h".into()],
            ..Party::new(kind, "local", subject)
        };
        let chain = |purpose: Option<&str>| Chain {
            purpose: purpose.map(str::to_owned),
            stated_purpose: purpose.map(str::to_owned),
            strength: Strength { acr: purpose.map(str::to_owned), amr: vec!["mfa".into()] },
            ..Chain::new(
                party(PartyKind::Person, "ann"),
                vec![party(PartyKind::Actor, "p"), party(PartyKind::Service, "s")],
            )
        };
        let object = |kind: ObjectKind| {
            let name = |part: &&str| format!("a {part}");
            Object { kind, path: kind.row().parts.iter().map(name).collect() }
        };
        let every = |kind: ObjectKind| {
            let need = move |action: &Action| Need { action: *action, object: object(kind) };
            kind.row().actions.iter().map(need)
        };
        let needs: Vec<Need> = ObjectKind::all().flat_map(every).collect();
        let policies = Policies::load(&[]).unwrap();
        let full = Unit::ALL.into_iter().fold(Usage::default(), |of, unit| of.with(unit, u64::MAX));
        for chain in [chain(None), chain(Some("support"))] {
            let ask = Ask {
                chain: &chain,
                resource: "shop",
                verb: "SELECT",
                needs: &needs,
                facts: Facts::default(),
                categories: &|_| Some("email".into()),
                counters: Counters { exchange: full, session: Usage { rows: 1, ..full } },
                day: &|_| full,
                context: Context { hour: u64::MAX },
            };
            let prepared = Prepared::new(&names, &ask).unwrap();
            let contexts = policies.contexts(&ask, full).unwrap();
            for store in &prepared.stores {
                Entities::from_entities(store.iter().cloned(), Some(schema)).unwrap();
            }
            for hop in &prepared.hops {
                for (place, question) in prepared.questions.iter().enumerate() {
                    let context = contexts.of(place).clone();
                    let action = names.action(question.need.action).clone();
                    let (party, object) = (hop.uid.clone(), question.uid.clone());
                    Request::new(party, action, object, context, Some(schema)).unwrap();
                }
            }
        }
    }
}
