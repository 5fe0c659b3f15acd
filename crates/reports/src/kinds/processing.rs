//! Records of processing activities (Article 30 GDPR): resource × purpose × who acts.

use super::shared::{CategoryUse, Purpose, acting_group, touches};
use super::{Teller, Told};
use crate::categories::{CategoryClass, VOCABULARY};
use crate::configured::RetentionRule;
use crate::declared::{Contact, ModelProvider, Recipient};
use crate::document::{Document, Field, Source, list};
use crate::error::Error;
use crate::report::Inputs;
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, Observer, Walked};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The report while it is made.
pub(super) struct Processing {
    scope: Scope,
    inputs: Inputs,
    activities: BTreeMap<Key, Tally>,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    resource: String,
    purpose: Purpose,
    acting: String,
}

#[derive(Default)]
struct Tally {
    protocol: String,
    first_us: Option<u64>,
    last_us: u64,
    first_index: u64,
    last_index: u64,
    sessions: BTreeSet<portreeve_model::SessionId>,
    exchanges: u64,
    refused: u64,
    rows: u64,
    principals: BTreeSet<(String, String)>,
    actors: BTreeSet<String>,
    categories: BTreeMap<String, CategoryUse>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    /// Who is responsible, as declared.
    responsible: Responsible,
    activities: Vec<Activity>,
    measures: Measures,
    /// What has changed since the report before this one.
    drift: Option<Drift>,
}

#[derive(Serialize, Deserialize)]
struct Responsible {
    declared: BTreeMap<String, Vec<Contact>>,
}

#[derive(Serialize, Deserialize)]
struct Activity {
    resource: String,
    purpose: Purpose,
    acting: String,
    observed: Observed,
    configured: ActivityConfigured,
    declared: ActivityDeclared,
}

#[derive(Serialize, Deserialize)]
struct Observed {
    protocol: String,
    first_seen: String,
    last_seen: String,
    sessions: u64,
    exchanges: u64,
    exchanges_refused: u64,
    rows: u64,
    principals: u64,
    actors: Vec<String>,
    categories: Vec<CategoryRow>,
}

#[derive(Serialize, Deserialize)]
struct CategoryRow {
    #[serde(flatten)]
    class: CategoryClass,
    #[serde(flatten)]
    used: CategoryUse,
}

#[derive(Serialize, Deserialize)]
struct ActivityConfigured {
    recordings_kept: Vec<RetentionRule>,
    records_kept: Option<String>,
    masking: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
struct ActivityDeclared {
    purpose: Option<String>,
    legal_basis: Option<String>,
    on_behalf_of: Option<String>,
    subject_categories: Vec<String>,
    recipients: Vec<Recipient>,
    model_providers: BTreeMap<String, Option<ModelProvider>>,
}

#[derive(Serialize, Deserialize)]
struct Measures {
    configured: Vec<String>,
    declared: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Drift {
    activities_new: Vec<String>,
    activities_gone: Vec<String>,
    categories_new: Vec<String>,
}

impl Processing {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        Self { scope, inputs, activities: BTreeMap::new() }
    }
}

impl Observer for Processing {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if !self.scope.holds(exchange) {
            return;
        }
        let chain = &exchange.session.chain;
        let key = Key {
            resource: exchange.session.resource.clone(),
            purpose: Purpose::of(chain),
            acting: acting_group(chain),
        };
        let tally = self.activities.entry(key).or_default();
        tally.protocol.clone_from(&exchange.session.protocol);
        if tally.first_us.is_none_or(|first| exchange.at_us < first) {
            (tally.first_us, tally.first_index) = (Some(exchange.at_us), exchange.index);
        }
        if exchange.at_us >= tally.last_us {
            (tally.last_us, tally.last_index) = (exchange.at_us, exchange.index);
        }
        tally.sessions.insert(exchange.session.id);
        tally.exchanges += u64::from(exchange.number != 0);
        tally.refused += u64::from(exchange.number != 0 && exchange.is_refused());
        tally.rows += exchange.rows;
        tally.principals.insert((chain.principal.issuer.clone(), chain.principal.subject.clone()));
        tally.actors.extend(chain.actors.iter().map(|actor| actor.subject.clone()));
        for (category, touch) in touches(exchange) {
            tally.categories.entry(category).or_default().add(exchange, touch);
        }
    }
}

impl Teller for Processing {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let cited = self.activities.values().flat_map(|one| [one.first_index, one.last_index]);
        let cited = cited.collect();
        let inputs = &self.inputs;
        let activities: Vec<Activity> =
            self.activities.into_iter().map(|(key, tally)| activity(key, tally, inputs)).collect();
        let drift = inputs.previous.as_ref().map(|previous| drift(previous, &activities));
        let content = Content {
            responsible: responsible(inputs),
            measures: measures(inputs),
            activities,
            drift,
        };
        let document = content.document(inputs);
        Told::new(&content, document, cited)
    }
}

fn activity(key: Key, tally: Tally, inputs: &Inputs) -> Activity {
    let declared = &inputs.declared;
    let purpose = key.purpose.purpose.as_ref().and_then(|word| declared.purposes.get(word));
    let configured = inputs.configured.as_ref();
    let names: Vec<String> = tally.categories.keys().cloned().collect();
    let kept = configured.map(|configured| {
        let names = names.iter().map(String::as_str);
        configured.retention_of(&key.resource, names).into_iter().cloned().collect()
    });
    let masking = names.iter().filter_map(|category| {
        let method = configured?.method(category)?;
        Some((category.clone(), method.to_owned()))
    });
    let providers = tally.actors.iter().map(|actor| {
        let provider = declared.model_provider(actor).cloned();
        (actor.clone(), provider)
    });
    let declared_part = ActivityDeclared {
        purpose: purpose.and_then(|known| known.text.clone()),
        legal_basis: purpose.and_then(|known| known.legal_basis.clone()),
        on_behalf_of: purpose.and_then(|known| known.on_behalf_of.clone()),
        subject_categories: declared
            .subject_categories
            .get(&key.resource)
            .cloned()
            .unwrap_or_default(),
        recipients: declared.recipients.get(&key.resource).cloned().unwrap_or_default(),
        model_providers: providers.collect(),
    };
    let configured_part = ActivityConfigured {
        recordings_kept: kept.unwrap_or_default(),
        records_kept: configured.and_then(|configured| configured.records_kept.clone()),
        masking: masking.collect(),
    };
    Activity {
        resource: key.resource,
        purpose: key.purpose,
        acting: key.acting,
        observed: observed(tally, inputs),
        configured: configured_part,
        declared: declared_part,
    }
}

fn observed(tally: Tally, inputs: &Inputs) -> Observed {
    let row = |(category, used): (String, CategoryUse)| CategoryRow {
        class: CategoryClass::of(&category, &inputs.declared),
        used,
    };
    Observed {
        protocol: tally.protocol,
        first_seen: time::text(tally.first_us.unwrap_or(0)),
        last_seen: time::text(tally.last_us),
        sessions: tally.sessions.len() as u64,
        exchanges: tally.exchanges,
        exchanges_refused: tally.refused,
        rows: tally.rows,
        principals: tally.principals.len() as u64,
        actors: tally.actors.into_iter().collect(),
        categories: tally.categories.into_iter().map(row).collect(),
    }
}

fn responsible(inputs: &Inputs) -> Responsible {
    let declared = &inputs.declared;
    let one = |contact: &Option<Contact>| contact.iter().cloned().collect::<Vec<_>>();
    let contacts = [
        ("controller", one(&declared.controller)),
        ("joint controllers", declared.joint_controllers.clone()),
        ("processor", one(&declared.processor)),
        ("representative", one(&declared.representative)),
        ("data protection officer", one(&declared.dpo)),
    ];
    let named = contacts.into_iter().map(|(name, contacts)| (name.to_owned(), contacts));
    Responsible { declared: named.collect() }
}

fn measures(inputs: &Inputs) -> Measures {
    let mut configured = vec![
        "every command is decided by policy for every party of its chain, and recorded before the \
         target sees it"
            .to_owned(),
        "values of classified columns are masked unless a policy reveals them".to_owned(),
        "the record is append-only, signed, and can be verified offline".to_owned(),
    ];
    if let Some(known) = &inputs.configured {
        if known.witnesses > 0 {
            configured.push(format!("{} witnesses cosign the record", known.witnesses));
        }
        if !known.custodians.is_empty() {
            let groups = list(&known.custodians);
            configured.push(format!("only members of {groups} may erase in the record"));
        }
    }
    Measures { configured, declared: inputs.declared.measures.clone() }
}

fn drift(previous: &serde_json::Value, activities: &[Activity]) -> Drift {
    let Ok(before) = serde_json::from_value::<Content>(previous.clone()) else {
        let unreadable = "the report before this one cannot be read".to_owned();
        return Drift {
            activities_new: vec![unreadable],
            activities_gone: Vec::new(),
            categories_new: Vec::new(),
        };
    };
    let names = |all: &[Activity]| all.iter().map(Activity::name).collect::<BTreeSet<_>>();
    let categories = |all: &[Activity]| {
        let of = |one: &Activity| {
            let name = one.name();
            let category = move |row: &CategoryRow| format!("{}: {name}", row.class.category);
            one.observed.categories.iter().map(category).collect::<Vec<_>>()
        };
        all.iter().flat_map(of).collect::<BTreeSet<_>>()
    };
    let (old, new) = (names(&before.activities), names(activities));
    let (old_categories, new_categories) = (categories(&before.activities), categories(activities));
    let minus = |one: &BTreeSet<String>, two: &BTreeSet<String>| {
        one.difference(two).cloned().collect::<Vec<_>>()
    };
    Drift {
        activities_new: minus(&new, &old),
        activities_gone: minus(&old, &new),
        categories_new: minus(&new_categories, &old_categories),
    }
}

impl Activity {
    fn name(&self) -> String {
        format!("{} for {} by {}", self.resource, self.purpose.text(), self.acting)
    }

    fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let mut missing = |what: &str| gaps.push(format!("{}: {what}", self.name()));
        match (&self.purpose.purpose, &self.declared.purpose) {
            (None, _) => missing("no purpose was given by token or client"),
            (Some(_), None) => missing("nobody has declared what the purpose means"),
            (Some(_), Some(_)) => {}
        }
        if self.declared.legal_basis.is_none() {
            missing("no legal basis is declared");
        }
        if self.declared.subject_categories.is_empty() {
            missing("nobody has declared whose data the resource holds");
        }
        for (actor, provider) in &self.declared.model_providers {
            if provider.is_none() {
                missing(&format!(
                    "whose model `{actor}` runs on, and in which country, is not declared"
                ));
            }
        }
        for row in self.observed.categories.iter().filter(|row| row.class.dpv.is_none()) {
            missing(&format!("category `{}` has no class in the vocabulary", row.class.category));
        }
        gaps
    }
}

impl Content {
    fn document(&self, inputs: &Inputs) -> Document {
        let mut document = Document::default();
        document.heading("Responsible");
        let contact = |contacts: &Vec<Contact>| {
            let text = |contact: &Contact| {
                list(
                    [Some(&contact.name), contact.contact.as_ref(), contact.country.as_ref()]
                        .into_iter()
                        .flatten(),
                )
            };
            let lines: Vec<String> = contacts.iter().map(text).collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        };
        for (name, contacts) in &self.responsible.declared {
            let is_needed = matches!(name.as_str(), "controller" | "data protection officer");
            if is_needed && contacts.is_empty() {
                document.gaps.push(format!("no {name} is declared"));
            }
        }
        let named = self.responsible.declared.iter().filter(|(name, contacts)| {
            !contacts.is_empty()
                || matches!(name.as_str(), "controller" | "data protection officer")
        });
        document.fields(named.map(|(name, all)| Field::declared(name, contact(all))).collect());
        if inputs.configured.is_none() {
            document
                .gaps
                .push("no configuration was given: retention and masking are missing".into());
        }
        let rows = |one: &Activity| (one.name(), one.observed.rows);
        document.chart("Rows released by activity", self.activities.iter().map(rows).collect());
        for activity in &self.activities {
            activity.put(&mut document);
            document.gaps.extend(activity.gaps());
        }
        self.put_processor(&mut document);
        document.heading("Security measures");
        document.fields(vec![
            Field::configured("of the gateway", Some(self.measures.configured.join("\n"))),
            Field::declared(
                "others",
                (!self.measures.declared.is_empty()).then(|| self.measures.declared.join("\n")),
            ),
        ]);
        if let Some(drift) = &self.drift {
            document.heading("Changed since the report before");
            document.fields(vec![
                Field::observed("activities that are new", list(&drift.activities_new)),
                Field::observed(
                    "activities that were not seen again",
                    list(&drift.activities_gone),
                ),
                Field::observed("categories that are new", list(&drift.categories_new)),
            ]);
        }
        document.text(format!("Classes of categories are those of {VOCABULARY}."));
        document
    }

    /// Article 30(2): what is processed for whom.
    fn put_processor(&self, document: &mut Document) {
        let behalf = |one: &Activity| {
            let controller = one.declared.on_behalf_of.clone()?;
            let categories = one.observed.categories.iter().map(|row| &row.class.category);
            Some(vec![controller, one.name(), list(categories)])
        };
        document.table(
            "Processing on behalf of others (Article 30(2))",
            &[
                ("controller", Source::Declared),
                ("processing", Source::Observed),
                ("categories of data", Source::Observed),
            ],
            self.activities.iter().filter_map(behalf).collect(),
        );
    }
}

impl Activity {
    fn put(&self, document: &mut Document) {
        let (observed, declared) = (&self.observed, &self.declared);
        document.heading(self.name());
        let text = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
        let recipients: Vec<String> = declared.recipients.iter().map(recipient).collect();
        let models = declared.model_providers.iter().map(|(actor, provider)| match provider {
            Some(known) => format!(
                "{actor} → {} → {}{}",
                known.provider,
                known.country,
                known.safeguard.as_ref().map(|safe| format!(" ({safe})")).unwrap_or_default()
            ),
            None => format!("{actor} → missing"),
        });
        let models: Vec<String> = models.collect();
        let kept = |rule: &RetentionRule| format!("{}: {}", rule.of, rule.kept);
        let kept: Vec<String> = self.configured.recordings_kept.iter().map(kept).collect();
        document.fields(vec![
            Field::declared("purpose", declared.purpose.clone()),
            Field::declared("legal basis", declared.legal_basis.clone()),
            Field::declared("data subjects", text(&declared.subject_categories)),
            Field::declared("recipients", text(&recipients)),
            Field::declared(
                "models and countries",
                (!models.is_empty()).then(|| models.join("\n")),
            ),
            Field::configured("recordings are kept", text(&kept)),
            Field::configured("records are kept", self.configured.records_kept.clone()),
            Field::observed(
                "first and last seen",
                format!("{} to {}", observed.first_seen, observed.last_seen),
            ),
            Field::observed(
                "principals, actors",
                format!("{}; {}", observed.principals, list(&observed.actors)),
            ),
            Field::observed(
                "sessions, exchanges, refused, rows",
                format!(
                    "{}, {}, {}, {}",
                    observed.sessions,
                    observed.exchanges,
                    observed.exchanges_refused,
                    observed.rows
                ),
            ),
        ]);
        self.put_categories(document);
    }

    fn put_categories(&self, document: &mut Document) {
        let observed = &self.observed;
        let row = |row: &CategoryRow| {
            let flag = if row.class.is_special() { " ⚑" } else { "" };
            let method = self.configured.masking.get(&row.class.category);
            vec![
                format!("{}{flag}", row.class.category),
                row.class.dpv.clone().unwrap_or_else(|| "–".to_owned()),
                row.class.provision.clone(),
                row.used.first_seen.clone(),
                row.used.last_seen.clone(),
                row.used.values_masked.to_string(),
                row.used.rows_revealed.to_string(),
                row.used.values_found_revealed.to_string(),
                method.cloned().unwrap_or_else(|| "–".to_owned()),
            ]
        };
        document.table(
            "Categories of data",
            &[
                ("category", Source::Observed),
                ("class", Source::Configured),
                ("provision", Source::Configured),
                ("first seen", Source::Observed),
                ("last seen", Source::Observed),
                ("values masked", Source::Observed),
                ("rows revealed", Source::Observed),
                ("found, revealed", Source::Observed),
                ("mask", Source::Configured),
            ],
            observed.categories.iter().map(row).collect(),
        );
    }
}

fn recipient(recipient: &Recipient) -> String {
    let more = [&recipient.country, &recipient.safeguard].into_iter().flatten();
    list(std::iter::once(&recipient.name).chain(more))
}
