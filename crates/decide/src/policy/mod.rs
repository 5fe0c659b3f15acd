//! Policy: may this chain do these things, now, after so many rows?
//!
//! Cedar policies decide, each hop of the chain for itself: the principal and every actor
//! must be allowed for every need. A `forbid` with `@review` holds instead of refusing. A
//! policy that fails denies. Nothing here looks at statements or values, and nothing is
//! remembered between two asks.
//!
//! ```
//! use portreeve_decide::policy::{Ask, Context, Counters, Policies};
//! use portreeve_model::{Action, Chain, Need, Object, Party, PartyKind, Verdict};
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
//!     needs: &needs,
//!     categories: &|_| None,
//!     counters: Counters::default(),
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
mod slice;
mod threshold;

pub use error::{PolicyError, Problem};
pub use explain::{Explained, RuleSummary};
pub use facts::Counters;
pub use names::object_named;
pub use threshold::Threshold;

use aws_lc_rs::digest;
use entities::Prepared;
use judge::{Judgement, Pairs, policy_error_advice};
use load::{Loaded, POLICY_ERROR};
use names::Names;
use portreeve_model::{
    Action, Category, Chain, Decision, Digest, Need, Object, PolicyVersion, Reason, RuleId, Verdict,
};
use slice::Slices;
use std::collections::{BTreeSet, HashMap};

/// A checked set of policies.
#[derive(Debug)]
pub struct Policies {
    names: Names,
    slices: Slices,
    rules: HashMap<String, Rule>,
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
pub struct Ask<'a> {
    /// Who asks, through whom, why. Every hop must be allowed.
    pub chain: &'a Chain,
    /// The resource that the objects are in.
    pub resource: &'a str,
    /// What is asked for; an empty list is allowed.
    pub needs: &'a [Need],
    /// The category of a column, where it is classified.
    pub categories: &'a dyn Fn(&Object) -> Option<Category>,
    /// Rows so far.
    pub counters: Counters,
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
        Self::from_parts(&sources, source)
    }

    /// Loads what [`Self::source`] gave, as a record holds it; the version is the same.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_source(source: &str) -> Result<Self, PolicyError> {
        Self::from_parts(&[("recorded".to_owned(), source.to_owned())], source.to_owned())
    }

    fn from_parts(sources: &[(String, String)], source: String) -> Result<Self, PolicyError> {
        let names = Names::new();
        let loaded = load::load(sources, &names)?;
        let slices = Slices::new(&loaded, &names);
        let rules = loaded.into_iter().map(rule).collect();
        let version = PolicyVersion(sha256(source.as_bytes()).to_string());
        Ok(Self { names, slices, rules, version, source })
    }

    /// The Cedar schema that policies are checked against.
    #[must_use]
    pub fn schema() -> &'static str {
        load::schema_text()
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
        let facts = facts::context(ask, ask.counters);
        match (prepared, facts) {
            (Some(prepared), Some(facts)) => {
                self.conclude(self.judge(&prepared, &facts, Pairs::All))
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
        let facts = facts::context(ask, ask.counters);
        match (prepared, facts) {
            (Some(prepared), Some(facts)) => {
                self.judge(&prepared, &facts, Pairs::All).rules.is_empty()
            }
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
