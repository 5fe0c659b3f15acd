//! Asks and answers as text.

use portreeve_decide::policy::{Ask, Context, Counters, Policies};
use portreeve_model::{
    Action, Category, Chain, Change, Counter, Decision, Facts, Need, Object, Party, PartyKind,
    Scope, Strength, Usage, Verdict,
};

/// An ask that owns what it speaks about.
pub(crate) struct Asked {
    pub(crate) chain: Chain,
    pub(crate) needs: Vec<Need>,
    pub(crate) verb: String,
    pub(crate) facts: Facts,
    pub(crate) counters: Counters,
    /// Of every object alike.
    pub(crate) day: Usage,
    pub(crate) at_us: u64,
}

impl Asked {
    pub(crate) fn with<T>(&self, answer: impl FnOnce(&Ask<'_>) -> T) -> T {
        answer(&Ask {
            chain: &self.chain,
            resource: "shop",
            verb: &self.verb,
            needs: &self.needs,
            facts: self.facts,
            categories: &category,
            counters: self.counters,
            day: &|_| self.day,
            context: Context::at(self.at_us),
        })
    }
}

/// The classification of the shop: `email`, and `health` for every column of that name.
pub(crate) fn category(object: &Object) -> Option<Category> {
    match object.path.last().map(String::as_str) {
        Some("email") => Some("email".into()),
        Some("diagnosis") => Some("health".into()),
        Some(_) | None => None,
    }
}

/// Reads clauses, separated by semicolons.
pub(crate) fn ask(text: &str) -> Asked {
    let mut parties = Vec::new();
    let (mut purpose, mut stated_purpose) = (None, None);
    let mut strength = Strength::default();
    let mut needs = Vec::new();
    let mut verb = "SELECT".to_owned();
    let mut facts = Facts::default();
    let (mut counters, mut day) = (Counters::default(), Usage::default());
    let mut at_us = 0;
    for clause in text.split(';').map(str::trim).filter(|clause| !clause.is_empty()) {
        let words: Vec<&str> = clause.split_whitespace().collect();
        match words.as_slice() {
            [kind @ ("person" | "service" | "actor"), name, rest @ ..] => {
                parties.push(party(kind, name, rest));
            }
            ["purpose", word] => purpose = Some((*word).to_owned()),
            ["states", word] => stated_purpose = Some((*word).to_owned()),
            ["acr", word] => strength.acr = Some((*word).to_owned()),
            ["amr", words @ ..] => strength.amr = words.iter().map(|&w| w.to_owned()).collect(),
            ["at", seconds] => at_us = seconds.parse::<u64>().unwrap() * 1_000_000,
            ["verb", word] => verb = (*word).to_owned(),
            ["bounded"] => facts.bounded = Some(true),
            ["unbounded"] => facts.bounded = Some(false),
            ["aggregated"] => facts.aggregated = true,
            ["untold"] => facts.untold = true,
            ["creates"] => facts.change = Some(Change::Create),
            ["changes"] => facts.change = Some(Change::Change),
            ["drops"] => facts.change = Some(Change::Drop),
            ["announces", count] => facts.probes = count.parse().unwrap(),
            [name, count] if Counter::named(name).is_some() => {
                let Counter { scope, unit } = Counter::named(name).unwrap();
                let usage = match scope {
                    Scope::Exchange => &mut counters.exchange,
                    Scope::Session => &mut counters.session,
                    Scope::Day => &mut day,
                };
                *usage = usage.with(unit, count.parse().unwrap());
            }
            [word, name] => needs.push(Need { action: action(word), object: object(name) }),
            _ => panic!("clause `{clause}`"),
        }
    }
    let principal = parties.remove(0);
    let chain = Chain { purpose, stated_purpose, strength, ..Chain::new(principal, parties) };
    Asked { chain, needs, verb, facts, counters, day, at_us }
}

fn party(kind: &str, name: &str, rest: &[&str]) -> Party {
    let kind = match kind {
        "person" => PartyKind::Person,
        "service" => PartyKind::Service,
        _ => PartyKind::Actor,
    };
    let (subject, issuer) = name.split_once('@').unwrap_or((name, "local"));
    let groups = rest.iter().filter(|word| **word != "in").map(|word| (*word).to_owned());
    Party { groups: groups.collect(), ..Party::new(kind, issuer, subject) }
}

fn action(word: &str) -> Action {
    let quoted = format!("\"{word}\"");
    serde_json::from_str(&quoted).unwrap()
}

pub(crate) fn object(name: &str) -> Object {
    if name == "resource" {
        return Object::resource();
    }
    let function = name.strip_suffix("()");
    let parts: Vec<&str> = function.unwrap_or(name).split('.').collect();
    match parts.as_slice() {
        [schema, name] if function.is_some() => Object::function(schema, name),
        [schema, table] => Object::table(schema, table),
        [schema, table, column] => Object::column(schema, table, column),
        _ => panic!("object `{name}`"),
    }
}

pub(crate) fn load(text: &str) -> Policies {
    Policies::load(&[("test.cedar".to_owned(), text.to_owned())])
        .unwrap_or_else(|error| panic!("{error}"))
}

/// `allow`, `deny rule@party …`, `review[group] rule@party …`; each rule and party once.
pub(crate) fn brief(decision: &Decision) -> String {
    let mut rules: Vec<String> = Vec::new();
    for reason in &decision.reasons {
        let party = reason.party.as_deref().unwrap_or("?");
        let rule = format!("{}@{party}", reason.rule);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    let verdict = match decision.verdict {
        Verdict::Allow => "allow".to_owned(),
        Verdict::Deny => "deny".to_owned(),
        Verdict::Review => format!("review[{}]", decision.review_groups.join(",")),
    };
    format!("{verdict} {}", rules.join(" ")).trim().to_owned()
}

/// Loads, asks and compares.
pub(crate) fn check(policies: &Policies, asked: &str, expect: &str) {
    let decision = ask(asked).with(|ask| policies.decide(ask));
    assert_eq!(brief(&decision), expect, "{asked}\n{decision:#?}");
}
