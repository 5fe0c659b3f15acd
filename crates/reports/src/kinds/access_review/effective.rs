//! What the policies in the log permit to whom: they are asked again, about every object that
//! the log has seen, for every chain that it has seen.

use crate::document::{Document, Field, Source, list};
use crate::kinds::shared::Purpose;
use crate::walk::{Exchange, SessionFacts};
use portreeve_decide::policy::{Ask, Context, Counters, Policies};
use portreeve_evidence::PolicyTexts;
use portreeve_model::{
    Action, Category, Chain, Event, Facts, Need, Object, PolicyVersion, Usage, Verdict,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Chains that are asked for. With the other bound: as many questions as take a second.
const CHAINS_MAX: usize = 100;
/// Actions on objects that are asked about.
const ASKED_MAX: usize = 200;

/// What is known while a pass goes on.
#[derive(Default)]
pub(super) struct Seen {
    texts: PolicyTexts,
    in_force: Option<(PolicyVersion, String)>,
    chains: BTreeMap<Who, Chain>,
    asked: BTreeMap<What, Option<Category>>,
    used: BTreeMap<(Who, What), u64>,
    is_cut: bool,
}

/// What makes two chains the same line of the report.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Who {
    principal: String,
    actors: Vec<String>,
    purpose: Purpose,
}

/// One question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct What {
    resource: String,
    action: Action,
    object: Object,
}

/// What is permitted, as the report has it.
#[derive(Serialize, Deserialize)]
pub(super) struct Effective {
    /// The policies that were asked; none where the log has none that can be read.
    policy: Option<PolicyVersion>,
    permitted: Vec<Permission>,
    /// Those among them that nobody has used.
    unused: u64,
    /// Whether there were more chains or objects than are asked about.
    is_cut: bool,
}

#[derive(Serialize, Deserialize)]
struct Permission {
    #[serde(flatten)]
    who: Who,
    resource: String,
    action: String,
    object: String,
    category: Option<String>,
    /// `allow`, or `review`: after a person has approved.
    verdict: String,
    /// Exchanges in which it was used; of `connect`, sessions.
    used: u64,
}

impl Who {
    fn of(chain: &Chain) -> Self {
        Self {
            principal: chain.principal.subject.clone(),
            actors: chain.actors.iter().map(|actor| actor.subject.clone()).collect(),
            purpose: Purpose::of(chain),
        }
    }
}

impl Seen {
    /// Policies that were adopted decide from then on.
    pub(super) fn event(&mut self, event: &Event) {
        let text = self.texts.take(event);
        match (event, text) {
            (Event::PolicyAdopted { policy, .. }, Some(text)) => {
                self.in_force = Some((policy.clone(), text));
            }
            // They were in force where the log begins now, which is long before this record.
            (Event::LogPruned { policy: Some(policy), .. }, Some(text)) => {
                self.in_force.get_or_insert((policy.clone(), text));
            }
            _ => {}
        }
    }

    /// The groups of a chain are those that it had last.
    pub(super) fn session(&mut self, session: &SessionFacts) {
        let who = Who::of(&session.chain);
        if self.chains.len() < CHAINS_MAX || self.chains.contains_key(&who) {
            self.chains.insert(who, session.chain.clone());
        } else {
            self.is_cut = true;
        }
        let (action, object) = (Action::Connect, Object::resource());
        let what = What { resource: session.resource.clone(), action, object };
        if self.ask(what.clone(), None) {
            self.note(&Who::of(&session.chain), what);
        }
    }

    pub(super) fn exchange(&mut self, exchange: &Exchange<'_>) {
        let who = Who::of(&exchange.session.chain);
        let what = |action: Action, object: &Object| What {
            resource: exchange.session.resource.clone(),
            action,
            object: object.clone(),
        };
        let mut categories: BTreeMap<&Object, &Category> = BTreeMap::new();
        for (category, _, object) in exchange.classified() {
            categories.insert(object, category);
            self.ask(what(Action::Reveal, object), Some(category));
        }
        for (action, object) in exchange.needs() {
            self.add(&who, what(action, object), categories.get(object).copied(), exchange);
        }
        for (object, category) in exchange.revealed() {
            self.add(&who, what(Action::Reveal, object), Some(category), exchange);
        }
    }

    fn add(&mut self, who: &Who, what: What, category: Option<&Category>, of: &Exchange<'_>) {
        if self.ask(what.clone(), category) && !of.is_refused() {
            self.note(who, what);
        }
    }

    /// Somebody who is asked for has used something.
    fn note(&mut self, who: &Who, what: What) {
        if self.chains.contains_key(who) {
            *self.used.entry((who.clone(), what)).or_default() += 1;
        }
    }

    /// Remembers a question; says whether there was room for it.
    fn ask(&mut self, what: What, category: Option<&Category>) -> bool {
        let has_room = self.asked.len() < ASKED_MAX || self.asked.contains_key(&what);
        match has_room {
            true => {
                let known = self.asked.entry(what).or_default();
                *known = known.take().or_else(|| category.cloned());
            }
            false => self.is_cut = true,
        }
        has_room
    }

    /// Asks the policies that were adopted last, as if it were the time of `now_us`.
    pub(super) fn answers(self, now_us: u64) -> Effective {
        let policies = self.in_force.as_ref().and_then(|(version, text)| {
            let read = Policies::from_source(text).ok()?;
            (read.version() == version).then_some(read)
        });
        let mut permitted = Vec::new();
        for (who, chain) in &self.chains {
            for (what, category) in &self.asked {
                let verdict = policies
                    .as_ref()
                    .and_then(|policies| permits(policies, chain, what, category.as_ref(), now_us));
                if let Some(verdict) = verdict {
                    let used = self.used.get(&(who.clone(), what.clone()));
                    permitted.push(Permission::new(who, what, category.as_ref(), verdict, used));
                }
            }
        }
        Effective {
            policy: policies.and(self.in_force).map(|(version, _)| version),
            unused: permitted.iter().filter(|one| one.used == 0).count() as u64,
            permitted,
            is_cut: self.is_cut,
        }
    }
}

/// The word for what policies say; none where they deny.
fn permits(
    policies: &Policies,
    chain: &Chain,
    what: &What,
    category: Option<&Category>,
    now_us: u64,
) -> Option<&'static str> {
    let needs = [Need { action: what.action, object: what.object.clone() }];
    // Writes without a predicate are another question.
    let bounded = (what.action == Action::Write).then_some(true);
    let ask = Ask {
        chain,
        resource: &what.resource,
        verb: what.action.word(),
        needs: &needs,
        facts: Facts { bounded, ..Facts::default() },
        categories: &|_| category.cloned(),
        counters: Counters::default(),
        day: &|_| Usage::default(),
        context: Context::at(now_us),
    };
    if what.action == Action::Reveal {
        let is_revealed = policies.reveals(&ask, &what.object, category?);
        return is_revealed.then_some("allow");
    }
    match policies.decide(&ask).verdict {
        Verdict::Allow => Some("allow"),
        Verdict::Review => Some("review"),
        Verdict::Deny => None,
    }
}

impl Permission {
    fn new(
        who: &Who,
        what: &What,
        category: Option<&Category>,
        verdict: &str,
        used: Option<&u64>,
    ) -> Self {
        Self {
            who: who.clone(),
            resource: what.resource.clone(),
            action: what.action.word().to_owned(),
            object: what.object.to_string(),
            category: category.map(|category| category.0.clone()),
            verdict: verdict.to_owned(),
            used: used.copied().unwrap_or(0),
        }
    }

    fn cells(&self) -> Vec<String> {
        vec![
            self.who.principal.clone(),
            list(&self.who.actors),
            self.who.purpose.text(),
            self.resource.clone(),
            format!("{} {}", self.action, self.object),
            self.category.clone().unwrap_or_else(|| "–".to_owned()),
            self.verdict.clone(),
            self.used.to_string(),
        ]
    }
}

impl Effective {
    pub(super) fn put(&self, document: &mut Document) {
        document.heading("What policies permit");
        let policy = self.policy.as_ref().map(|version| version.0.clone());
        document.fields(vec![
            Field::observed("policies", policy.unwrap_or_else(|| "none".to_owned())),
            Field::observed("permitted", self.permitted.len()),
            Field::observed("of these never used", self.unused),
        ]);
        document.table(
            "To whom, on what the log has seen",
            &[
                ("principal", Source::Observed),
                ("actors", Source::Observed),
                ("purpose", Source::Observed),
                ("resource", Source::Observed),
                ("what", Source::Observed),
                ("category", Source::Observed),
                ("verdict", Source::Observed),
                ("used", Source::Observed),
            ],
            self.permitted.iter().map(Permission::cells).collect(),
        );
        document.gaps.push(match self.policy {
            Some(_) => {
                "policies were asked about chains and objects that the log has seen, at its \
                        last hour, with nothing used before; of other circumstances, ask with \
                        `portreeve policy explain`"
                    .to_owned()
            }
            None => "the log has no policies that can be read: what they would permit is missing"
                .to_owned(),
        });
        if self.is_cut {
            document.gaps.push(format!(
                "policies were asked about the first {CHAINS_MAX} chains and {ASKED_MAX} actions on \
                 objects: there were more"
            ));
        }
    }
}
