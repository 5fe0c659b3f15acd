//! From texts to checked policies: syntax, schema, annotations, counters.
//!
//! Whatever might not do what its author meant is refused here, with its place: an
//! unknown annotation, a policy that can never apply, an id of the wrong shape.

use super::counters::{Mentions, mentions};
use super::error::{PolicyError, Problem};
use super::names::{Names, split_id};
use super::schema;
use cedar_policy::ffi::DetailedError;
use cedar_policy::{ActionConstraint, Effect, EntityTypeName, Policy, PolicyId, PolicySet};
use cedar_policy::{ValidationError, ValidationMode, Validator};
use portreeve_model::{Object, ObjectKind};
use std::collections::{BTreeMap, HashMap};

/// The ids that stand for the absence of a rule, and for a rule that failed.
pub(super) const DEFAULT_DENY: &str = "default-deny";
pub(super) const POLICY_ERROR: &str = "policy-error";

const SOURCE_BYTES_MAX: usize = 1 << 20;
const POLICIES_MAX: usize = 2_000;
const ID_BYTES_MAX: usize = 100;
const ADVICE_BYTES_MAX: usize = 1_000;
const KNOWN_ANNOTATIONS: &str = "`@id`, `@advice`, `@review` and `@description`";

/// A checked policy with what its annotations say.
pub(super) struct Loaded {
    /// Its id is its `@id`.
    pub(super) policy: Policy,
    pub(super) advice: Option<String>,
    /// Sorted; empty where the policy asks for no review.
    pub(super) review_groups: Vec<String>,
    pub(super) mentions: Mentions,
}

impl Loaded {
    /// The objects that it names, with their resources.
    pub(super) fn objects(&self, names: &Names) -> Vec<(String, Object)> {
        let object = |uid: &cedar_policy::EntityUid| {
            let kind = names.kind(uid.type_name())?;
            let mut path = split_id(uid.id().unescaped())?;
            let resource = path.remove(0);
            Some((resource, Object { kind, path }))
        };
        self.policy.entity_literals().iter().filter_map(object).collect()
    }

    /// The ids of a type that it names.
    pub(super) fn ids(&self, name: &EntityTypeName) -> Vec<String> {
        let literals = self.policy.entity_literals();
        let own = literals.iter().filter(|uid| uid.type_name() == name);
        own.map(|uid| uid.id().unescaped().to_owned()).collect()
    }
}

/// A policy with the source that it came from.
struct Located<'a> {
    file: &'a str,
    text: &'a str,
    policy: Policy,
}

impl Located<'_> {
    fn problem(&self, message: String) -> Problem {
        let offset = self.policy.as_ref().loc().map(|loc| loc.start());
        Problem::at(self.file, self.text, offset, message)
    }
}

/// Where policies come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// Somebody wrote them and means to use them.
    Configured,
    /// A record holds them. They passed the checks when they were written, by the schema of
    /// that time: one that knew fewer kinds may have let pass what is a mistake today.
    Recorded,
}

/// Reads and checks all sources; every problem there is, not just the first.
pub(super) fn load(
    sources: &[(String, String)],
    names: &Names,
    origin: Origin,
) -> Result<Vec<Loaded>, PolicyError> {
    let mut problems = Vec::new();
    let mut located = Vec::new();
    for (file, text) in sources {
        match parse(file, text) {
            Ok(policies) => located.extend(policies),
            Err(found) => problems.extend(found),
        }
    }
    if located.len() > POLICIES_MAX {
        let message = format!("{} policies are more than {POLICIES_MAX}", located.len());
        return Err(PolicyError { problems: vec![Problem::at("policies", "", None, message)] });
    }
    let named = name_by_id(located, &mut problems);
    if problems.is_empty() && origin == Origin::Configured {
        validate(&named, &mut problems);
    }
    let mut loaded = Vec::with_capacity(named.len());
    for policy in named {
        let before = problems.len();
        let advice = advice(&policy, &mut problems);
        let review_groups = review_groups(&policy, &mut problems);
        let mentions = context(&policy, &mut problems);
        check_annotation_names(&policy, &mut problems);
        check_entity_ids(&policy, names, &mut problems);
        if problems.len() == before {
            loaded.push(Loaded { policy: policy.policy, advice, review_groups, mentions });
        }
    }
    if problems.is_empty() { Ok(loaded) } else { Err(PolicyError { problems }) }
}

fn parse<'a>(file: &'a str, text: &'a str) -> Result<Vec<Located<'a>>, Vec<Problem>> {
    if text.len() > SOURCE_BYTES_MAX {
        let message = format!("{} bytes are more than {SOURCE_BYTES_MAX}", text.len());
        return Err(vec![Problem::at(file, text, None, message)]);
    }
    let set: PolicySet = text.parse().map_err(|errors: cedar_policy::ParseErrors| {
        let mut problems = Vec::new();
        for error in errors.iter() {
            problems.push(problem(file, text, &DetailedError::from(error)));
        }
        problems
    })?;
    if let Some(template) = set.templates().next() {
        let offset = template.as_ref().loc().map(|loc| loc.start());
        let message = "a policy template decides nothing".to_owned();
        let problem = Problem::at(file, text, offset, message);
        return Err(vec![problem.hint("write a policy without `?principal` and `?resource`")]);
    }
    let located = |policy: &Policy| Located { file, text, policy: policy.clone() };
    let mut policies: Vec<_> = set.policies().map(located).collect();
    policies.sort_by_key(|found| found.policy.as_ref().loc().map(|loc| loc.start()));
    Ok(policies)
}

/// A problem as Cedar describes it.
fn problem(file: &str, text: &str, error: &DetailedError) -> Problem {
    let place = error.source_locations.first();
    let label = place.and_then(|place| place.label.as_deref());
    let message = match label {
        Some(label) if !error.message.contains(label) => format!("{} ({label})", error.message),
        Some(_) | None => error.message.clone(),
    };
    let problem = Problem::at(file, text, place.map(|place| place.loc.start), message);
    match &error.help {
        Some(help) => problem.hint(help),
        None => problem,
    }
}

/// Gives each policy its `@id` as its name.
fn name_by_id<'a>(found: Vec<Located<'a>>, problems: &mut Vec<Problem>) -> Vec<Located<'a>> {
    let mut places: HashMap<String, String> = HashMap::new();
    let mut named = Vec::with_capacity(found.len());
    for mut policy in found {
        let id = policy.policy.annotation("id").unwrap_or_default().to_owned();
        if let Err(problem) = check_id(&policy, &id) {
            problems.push(problem);
            continue;
        }
        let here = policy.problem(String::new());
        let place = format!("{}:{}", here.file, here.line.unwrap_or(1));
        if let Some(first) = places.get(&id) {
            let problem =
                policy.problem(format!("`@id(\"{id}\")` is taken by the policy at {first}"));
            problems.push(problem.hint("give every policy an id of its own"));
            continue;
        }
        places.insert(id.clone(), place);
        policy.policy = policy.policy.new_id(PolicyId::new(&id));
        named.push(policy);
    }
    named
}

fn check_id(policy: &Located<'_>, id: &str) -> Result<(), Problem> {
    let shaped = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    if id.is_empty() {
        let problem = policy.problem("the policy has no `@id`".to_owned());
        return Err(problem.hint("write `@id(\"a-name\")` above it: refusals and records name it"));
    }
    if id.len() > ID_BYTES_MAX || !id.bytes().all(shaped) {
        let problem = policy.problem(format!("`@id(\"{}\")` is not a name", id.escape_debug()));
        let hint = format!("use up to {ID_BYTES_MAX} letters, digits and `- _ . : /`");
        return Err(problem.hint(hint));
    }
    if [DEFAULT_DENY, POLICY_ERROR].contains(&id) {
        let problem = policy.problem(format!("`@id(\"{id}\")` is the gateway's own"));
        return Err(problem.hint("choose another id"));
    }
    Ok(())
}

fn validate(policies: &[Located<'_>], problems: &mut Vec<Problem>) {
    let mut set = PolicySet::new();
    for policy in policies {
        if let Err(error) = set.add(policy.policy.clone()) {
            problems.push(policy.problem(error.to_string()));
        }
    }
    let result = Validator::new(schema::parsed().clone()).validate(&set, ValidationMode::Strict);
    let mut causes = HashMap::new();
    let mut consequences = HashMap::new();
    for error in result.validation_errors() {
        // "No action fits" says little where the wrong name is told as well.
        let is_cause = !matches!(error, ValidationError::InvalidActionApplication(_));
        let found = if is_cause { &mut causes } else { &mut consequences };
        let mut detailed = DetailedError::from(error);
        if let ValidationError::UnsafeAttributeAccess(_) = error {
            let policy = policies.iter().find(|policy| policy.policy.id() == error.policy_id());
            let hint = policy.and_then(|policy| kinds_hint(policy.text, &detailed));
            detailed.help = hint.or(detailed.help);
        }
        add_by_place(found, error.policy_id(), detailed);
    }
    // A warning is about a policy that never applies, or whose text misleads its reader.
    for warning in result.validation_warnings() {
        add_by_place(&mut consequences, warning.policy_id(), DetailedError::from(warning));
    }
    for policy in policies {
        let id = policy.policy.id();
        let found = causes.get(id).or_else(|| consequences.get(id));
        for error in found.into_iter().flat_map(BTreeMap::values) {
            problems.push(problem(policy.file, policy.text, error));
        }
    }
}

/// Which kinds have the attribute that is asked of one that has not.
fn kinds_hint(text: &str, error: &DetailedError) -> Option<String> {
    let place = &error.source_locations.first()?.loc;
    let access = text.get(place.start..place.end)?;
    let name = access.rsplit(|c: char| !c.is_alphanumeric() && c != '_').find(|w| !w.is_empty())?;
    let has = |kind: &ObjectKind| {
        kind.row().parts.split_last().is_some_and(|(_, outer)| outer.contains(&name))
    };
    let kinds: Vec<_> = ObjectKind::all().filter(has).map(|kind| kind.row().type_name).collect();
    let first = kinds.first()?;
    Some(format!("only {} has `{name}`: write `resource is {first} && …`", kinds.join(", "),))
}

/// One mistake is found anew for each action that the policy is about: once is enough.
fn add_by_place<'a>(
    found: &mut HashMap<&'a PolicyId, BTreeMap<usize, DetailedError>>,
    id: &'a PolicyId,
    error: DetailedError,
) {
    let place = error.source_locations.first().map_or(0, |place| place.loc.start);
    let here = found.entry(id).or_default().entry(place).or_insert_with(|| error.clone());
    *here = here.clone().min(error);
}

fn check_annotation_names(policy: &Located<'_>, problems: &mut Vec<Problem>) {
    for (name, _) in policy.policy.annotations() {
        if !["id", "advice", "review", "description"].contains(&name) {
            let problem = policy.problem(format!("annotation `@{name}` is not known"));
            problems.push(problem.hint(format!("known are {KNOWN_ANNOTATIONS}")));
        }
    }
}

fn advice(policy: &Located<'_>, problems: &mut Vec<Problem>) -> Option<String> {
    let advice = policy.policy.annotation("advice")?.trim();
    if advice.is_empty() || advice.len() > ADVICE_BYTES_MAX || advice.contains(char::is_control) {
        let problem = policy.problem("`@advice` is not one line of text".to_owned());
        let hint = format!("say in 1 to {ADVICE_BYTES_MAX} bytes what the client can do instead");
        problems.push(problem.hint(hint));
    }
    Some(advice.to_owned())
}

fn review_groups(policy: &Located<'_>, problems: &mut Vec<Problem>) -> Vec<String> {
    let Some(text) = policy.policy.annotation("review") else {
        return Vec::new();
    };
    if policy.policy.effect() == Effect::Permit {
        let problem = policy.problem("`@review` on a `permit` holds nothing".to_owned());
        let hint = "keep the `permit`, and add a `forbid` with `@review` for what must be held";
        problems.push(problem.hint(hint));
        return Vec::new();
    }
    let mut groups: Vec<_> = text.split(',').map(|group| group.trim().to_owned()).collect();
    groups.sort();
    groups.dedup();
    if groups.iter().any(String::is_empty) {
        let problem = policy.problem("`@review` names no group".to_owned());
        problems.push(problem.hint("write `@review(\"reviewers\")`, several groups with commas"));
    }
    groups
}

/// What the policy asks of counters and of the command.
fn context(policy: &Located<'_>, problems: &mut Vec<Problem>) -> Mentions {
    let json = policy.policy.to_json().map_err(|error| error.to_string());
    let found = match json.and_then(|json| mentions(&json)) {
        Ok(found) => found,
        Err(why) => {
            let problem = policy.problem(format!("the policy {why}"));
            problems.push(problem.hint("compare with a whole number: `context.rows > 1000`"));
            return Mentions::default();
        }
    };
    if !names_reveal(&policy.policy) {
        return found;
    }
    // SECURITY: masking is settled by column before the first row, whatever the command; a
    // condition on either would never bite.
    let hint = "name the actions that the policy is about, such as `action == Action::\"read\"`";
    if let Some(boundary) = found.boundaries.first() {
        let message = format!(
            "`reveal` cannot depend on counters (`context.{}`): masking is settled before them",
            boundary.counter
        );
        problems.push(policy.problem(message).hint(hint));
    }
    if let Some(fact) = &found.fact {
        let message = format!(
            "`reveal` cannot depend on the command (`context.{fact}`): columns are masked or not \
             for all of them"
        );
        problems.push(policy.problem(message).hint(hint));
    }
    found
}

fn names_reveal(policy: &Policy) -> bool {
    let is_reveal = |uid: &cedar_policy::EntityUid| uid.id().unescaped() == "reveal";
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(uid) => is_reveal(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is_reveal),
    }
}

/// An id without its shape names nothing, and a `forbid` of nothing is a hole.
fn check_entity_ids(policy: &Located<'_>, names: &Names, problems: &mut Vec<Problem>) {
    for uid in policy.policy.entity_literals() {
        let parts = names.kind(uid.type_name()).map(|kind| kind.row().parts);
        let Some(parts) = parts.filter(|parts| !parts.is_empty()) else {
            continue;
        };
        if split_id(uid.id().unescaped()).is_none_or(|found| found.len() != parts.len() + 1) {
            let problem = policy.problem(format!("`{uid}` is not the name of anything"));
            let shape = parts.join(".");
            problems
                .push(problem.hint(format!("write `{}::\"resource/{shape}\"`", uid.type_name())));
        }
    }
}
