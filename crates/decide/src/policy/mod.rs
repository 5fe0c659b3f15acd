//! Policy: may this chain do these things, now, after so much?
//!
//! Cedar policies decide, each hop of the chain for itself: the principal and every actor
//! must be allowed for every need. A `forbid` with `@review` holds instead of refusing. A
//! policy that fails denies. Nothing here looks at statements or values, and nothing is
//! remembered between two asks.
//!
//! ```
//! use portreeve_decide::policy::{Ask, Context, Counters, Policies};
//! use portreeve_model::{
//!     Action, Chain, Facts, Need, Object, Party, PartyKind, Usage, Verdict,
//! };
//!
//! let text = r#"
//!     @id("staff-read")
//!     permit(principal is Person, action == Action::"read", resource);
//! "#;
//! let policies = Policies::load(&[("staff.cedar".into(), text.into())]).unwrap();
//! let chain = Chain::new(Party::new(PartyKind::Person, "local", "ann"), vec![]);
//! let needs = [Need { action: Action::Read, object: Object::table("public", "orders") }];
//! let decision = policies.decide(&Ask {
//!     chain: &chain,
//!     resource: "shop",
//!     verb: "SELECT",
//!     needs: &needs,
//!     facts: Facts::default(),
//!     categories: &|_| None,
//!     counters: Counters::default(),
//!     day: &|_| Usage::default(),
//!     context: Context { hour: 0 },
//! });
//! assert_eq!(decision.verdict, Verdict::Allow);
//! ```

mod counters;
mod entities;
mod error;
mod explain;
mod facts;
mod judge;
mod load;
mod names;
mod schema;
mod slice;
mod threshold;

pub use counters::CounterSet;
pub use error::{PolicyError, Problem};
pub use explain::{Explained, RuleSummary};
pub use facts::Counters;
pub use names::object_named;
pub use threshold::{Beyond, Limit, Threshold};

use aws_lc_rs::digest;
use entities::Prepared;
use judge::{Judgement, Pairs, policy_error_advice};
use load::{Loaded, Origin, POLICY_ERROR};
use names::Names;
use portreeve_model::{
    Action, Category, Chain, Decision, Digest, Facts, Need, Object, ObjectKind, PolicyVersion,
    Reason, RuleId, Usage, Verdict,
};
use slice::Slices;
use std::collections::{BTreeSet, HashMap};
use std::ops::BitOr;

/// A checked set of policies.
#[derive(Debug)]
pub struct Policies {
    names: Names,
    slices: Slices,
    rules: HashMap<String, Rule>,
    counters: CounterSet,
    /// The objects that they name, with their resources.
    named: Vec<(String, Object)>,
    /// The resources that they name.
    resources: BTreeSet<String>,
    /// The categories that they name.
    categories: BTreeSet<String>,
    version: PolicyVersion,
    source: String,
}

/// What the annotations of a policy say.
#[derive(Debug)]
struct Rule {
    effect: cedar_policy::Effect,
    advice: Option<String>,
    review_groups: Vec<String>,
}

/// One question to the policies.
#[derive(Clone, Copy)]
pub struct Ask<'a> {
    /// Who asks, through whom, why. Every hop must be allowed.
    pub chain: &'a Chain,
    /// The resource that the objects are in.
    pub resource: &'a str,
    /// What the command calls itself; [`Action::word`] where a session is opened.
    pub verb: &'a str,
    /// What is asked for; an empty list is allowed.
    pub needs: &'a [Need],
    /// What the command is as a whole.
    pub facts: Facts,
    /// The category of a column, where it is classified.
    pub categories: &'a dyn Fn(&Object) -> Option<Category>,
    /// What the exchange and its session have used.
    pub counters: Counters,
    /// What the principal has used of an object today, without this exchange. Asked for
    /// [`Policies::counted_by_day`] only.
    pub day: &'a dyn Fn(&Object) -> Usage,
    /// The circumstances.
    pub context: Context,
}

/// The circumstances of an ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Context {
    /// Hours since 1970-01-01 UTC. Policies see no finer time: within an hour, the same
    /// ask has the same answer.
    pub hour: u64,
}

impl Context {
    /// The circumstances at a time, in microseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn at(at_us: u64) -> Self {
        Self { hour: at_us / 3_600_000_000 }
    }
}

impl Policies {
    /// Reads and checks policies, given as file name and Cedar text.
    ///
    /// # Errors
    /// Every problem there is: syntax, schema, `@id` missing or taken, `@review` on a
    /// permit, unknown annotations, ids without their shape, counters that cannot be
    /// followed, policies that can never apply.
    pub fn load(sources: &[(String, String)]) -> Result<Self, PolicyError> {
        let mut sources = sources.to_vec();
        sources.sort();
        let mut source = String::new();
        for (file, text) in &sources {
            let file = file.replace(char::is_control, " ");
            source.push_str(&format!("// file: {file}\n{text}\n"));
        }
        Self::from_parts(&sources, source, Origin::Configured)
    }

    /// Loads what [`Self::source`] gave, as a record holds it; the version is the same. It was
    /// checked against the schema of its time, and is not checked against today's.
    ///
    /// # Errors
    /// As [`Self::load`], but for the schema.
    pub fn from_source(source: &str) -> Result<Self, PolicyError> {
        let sources = [("recorded".to_owned(), source.to_owned())];
        Self::from_parts(&sources, source.to_owned(), Origin::Recorded)
    }

    fn from_parts(
        sources: &[(String, String)],
        source: String,
        origin: Origin,
    ) -> Result<Self, PolicyError> {
        let names = Names::new();
        let loaded = load::load(sources, &names, origin)?;
        let slices = Slices::new(&loaded, &names);
        let counted = loaded.iter().map(|policy| policy.mentions.counters());
        let counters = counted.fold(CounterSet::default(), CounterSet::bitor);
        let mut named: Vec<_> = loaded.iter().flat_map(|found| found.objects(&names)).collect();
        named.sort();
        named.dedup();
        let whole = names.object(ObjectKind::RESOURCE);
        let mut resources: BTreeSet<String> =
            loaded.iter().flat_map(|found| found.ids(whole)).collect();
        resources.extend(named.iter().map(|(resource, _)| resource.clone()));
        let categories = loaded.iter().flat_map(|found| found.ids(names.category_type())).collect();
        let rules = loaded.into_iter().map(rule).collect();
        let version = PolicyVersion(sha256(source.as_bytes()).to_string());
        Ok(Self { names, slices, rules, counters, named, resources, categories, version, source })
    }

    /// The objects of a resource that policies name: where something is done to all that lies in
    /// an object, these have to be asked about, too.
    pub fn objects_named(&self, resource: &str) -> impl Iterator<Item = &Object> {
        self.named.iter().filter(move |(of, _)| of == resource).map(|(_, object)| object)
    }

    /// The resources that policies name, themselves or by what is in them.
    pub fn resources_named(&self) -> impl Iterator<Item = &str> {
        self.resources.iter().map(String::as_str)
    }

    /// The categories that policies name.
    pub fn categories_named(&self) -> impl Iterator<Item = &str> {
        self.categories.iter().map(String::as_str)
    }

    /// The Cedar schema that policies are checked against.
    #[must_use]
    pub fn schema() -> &'static str {
        schema::text()
    }

    /// SHA-256 of [`Self::source`], in hexadecimal.
    #[must_use]
    pub fn version(&self) -> &PolicyVersion {
        &self.version
    }

    /// The text of all policies, sorted by file name.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Decides: every hop of the chain must be allowed for every need.
    #[must_use]
    pub fn decide(&self, ask: &Ask<'_>) -> Decision {
        if ask.needs.is_empty() {
            return self.decision(Verdict::Allow, Vec::new());
        }
        let prepared = Prepared::new(&self.names, ask);
        let contexts = self.contexts(ask, ask.exchange());
        match (prepared, contexts) {
            (Some(prepared), Some(contexts)) => {
                self.conclude(self.judge(&prepared, &contexts, Pairs::All))
            }
            (None, _) | (_, None) => self.failed(ask),
        }
    }

    /// Whether every hop may see a column of this category unmasked. The needs of the
    /// ask do not matter; a reveal that would need a review is none.
    #[must_use]
    pub fn reveals(&self, ask: &Ask<'_>, column: &Object, category: &Category) -> bool {
        let need = Need { action: Action::Reveal, object: column.clone() };
        let prepared = Prepared::about_column(&self.names, ask, &need, category);
        let contexts = self.contexts(ask, ask.exchange());
        match (prepared, contexts) {
            (Some(prepared), Some(contexts)) => {
                self.judge(&prepared, &contexts, Pairs::All).rules.is_empty()
            }
            (None, _) | (_, None) => false,
        }
    }

    /// Whether the needs of an ask are refused because nobody has said anything of them: no rule
    /// stands against one, and some hop is permitted none.
    #[must_use]
    pub fn says_nothing(&self, ask: &Ask<'_>) -> bool {
        let prepared = Prepared::new(&self.names, ask);
        let contexts = self.contexts(ask, ask.exchange());
        match (prepared, contexts) {
            (Some(prepared), Some(contexts)) => self.is_silent(&prepared, &contexts),
            (None, _) | (_, None) => false,
        }
    }

    fn conclude(&self, judgement: Judgement) -> Decision {
        if !judgement.denials.is_empty() {
            return self.decision(Verdict::Deny, judgement.denials);
        }
        if judgement.reviews.is_empty() {
            return self.decision(Verdict::Allow, Vec::new());
        }
        let groups = self.review_groups(&judgement.rules);
        let mut decision = self.decision(Verdict::Review, judgement.reviews);
        decision.review_groups = groups;
        decision
    }

    fn decision(&self, verdict: Verdict, reasons: Vec<Reason>) -> Decision {
        Decision { verdict, policy: self.version.clone(), reasons, review_groups: Vec::new() }
    }

    /// The refusal of an ask that could not even be put to the policies.
    fn failed(&self, ask: &Ask<'_>) -> Decision {
        let reason = |need: &Need| Reason {
            rule: RuleId::from(POLICY_ERROR),
            need: need.clone(),
            party: None,
            advice: Some(policy_error_advice(need)),
        };
        self.decision(Verdict::Deny, ask.needs.iter().take(1).map(reason).collect())
    }

    /// The groups that may approve what these rules hold.
    fn review_groups(&self, rules: &BTreeSet<String>) -> Vec<String> {
        let rules = rules.iter().filter_map(|rule| self.rules.get(rule));
        let groups: BTreeSet<_> = rules.flat_map(|rule| rule.review_groups.iter()).collect();
        groups.into_iter().cloned().collect()
    }
}

fn rule(loaded: Loaded) -> (String, Rule) {
    let id = loaded.policy.id().to_string();
    let effect = loaded.policy.effect();
    (id, Rule { effect, advice: loaded.advice, review_groups: loaded.review_groups })
}

fn sha256(bytes: &[u8]) -> Digest {
    let hash = digest::digest(&digest::SHA256, bytes);
    Digest(hash.as_ref().try_into().expect("SHA-256 has 32 bytes"))
}
