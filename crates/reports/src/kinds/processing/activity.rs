//! One activity: a resource, for a purpose, by who acts.

use crate::categories::CategoryClass;
use crate::configured::RetentionRule;
use crate::declared::{ModelProvider, Recipient};
use crate::document::{Document, Field, Source, list};
use crate::inputs::Inputs;
use crate::kinds::shared::{CategoryUse, MaskedShare, Purpose, acting_group, touches};
use crate::time;
use crate::walk::Exchange;
use portreeve_model::Chain;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    resource: String,
    purpose: Purpose,
    acting: String,
}

#[derive(Default)]
pub(super) struct Tally {
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

#[derive(Serialize, Deserialize)]
pub(super) struct Activity {
    pub(super) resource: String,
    pub(super) purpose: Purpose,
    acting: String,
    pub(super) observed: Observed,
    configured: ActivityConfigured,
    pub(super) declared: ActivityDeclared,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Observed {
    protocol: String,
    pub(super) first_seen: String,
    pub(super) last_seen: String,
    sessions: u64,
    pub(super) exchanges: u64,
    exchanges_refused: u64,
    pub(super) rows: u64,
    /// How much of what was released in it is masked; none in reports older than the field.
    #[serde(default)]
    masked_share: Option<MaskedShare>,
    principals: u64,
    actors: Vec<String>,
    pub(super) categories: Vec<CategoryRow>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CategoryRow {
    #[serde(flatten)]
    pub(super) class: CategoryClass,
    #[serde(flatten)]
    pub(super) used: CategoryUse,
}

#[derive(Serialize, Deserialize)]
struct ActivityConfigured {
    recordings_kept: Vec<RetentionRule>,
    records_kept: Option<String>,
    masking: BTreeMap<String, String>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActivityDeclared {
    purpose: Option<String>,
    legal_basis: Option<String>,
    pub(super) on_behalf_of: Option<String>,
    subject_categories: Vec<String>,
    pub(super) recipients: Vec<Recipient>,
    pub(super) model_providers: BTreeMap<String, Option<ModelProvider>>,
}

impl Key {
    pub(super) fn of(chain: &Chain, resource: &str) -> Self {
        Self {
            resource: resource.to_owned(),
            purpose: Purpose::of(chain),
            acting: acting_group(chain),
        }
    }
}

impl Tally {
    pub(super) fn add(&mut self, exchange: &Exchange<'_>) {
        let chain = &exchange.session.chain;
        self.protocol.clone_from(&exchange.session.protocol);
        if self.first_us.is_none_or(|first| exchange.at_us < first) {
            (self.first_us, self.first_index) = (Some(exchange.at_us), exchange.index);
        }
        if exchange.at_us >= self.last_us {
            (self.last_us, self.last_index) = (exchange.at_us, exchange.index);
        }
        self.sessions.insert(exchange.session.id);
        self.exchanges += u64::from(exchange.number != 0);
        self.refused += u64::from(exchange.number != 0 && exchange.is_refused());
        self.rows += exchange.rows;
        self.principals.insert((chain.principal.issuer.clone(), chain.principal.subject.clone()));
        self.actors.extend(chain.actors.iter().map(|actor| actor.subject.clone()));
        for (category, touch) in touches(exchange) {
            self.categories.entry(category).or_default().add(exchange, touch);
        }
    }

    /// The records that show that it was.
    pub(super) fn cited(&self) -> [u64; 2] {
        [self.first_index, self.last_index]
    }
}

impl Activity {
    pub(super) fn of(key: Key, tally: Tally, inputs: &Inputs) -> Self {
        let names: Vec<String> = tally.categories.keys().cloned().collect();
        Self {
            configured: configured(&key.resource, &names, inputs),
            declared: declared(&key, &tally, inputs),
            resource: key.resource,
            purpose: key.purpose,
            acting: key.acting,
            observed: observed(tally, inputs),
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} for {} by {}", self.resource, self.purpose.text(), self.acting)
    }

    pub(super) fn gaps(&self) -> Vec<String> {
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

    /// Who else receives data of it.
    pub(super) fn recipients(&self) -> Vec<String> {
        self.declared.recipients.iter().map(recipient).collect()
    }

    /// Whose models its actors run on, and where.
    pub(super) fn models(&self) -> Vec<String> {
        let model = |(actor, provider): (&String, &Option<ModelProvider>)| match provider {
            Some(known) => {
                let safeguard = known.safeguard.iter().map(|safe| format!(" ({safe})"));
                let safeguard: String = safeguard.collect();
                format!("{actor} → {} → {}{safeguard}", known.provider, known.country)
            }
            None => format!("{actor} → missing"),
        };
        self.declared.model_providers.iter().map(model).collect()
    }

    pub(super) fn put(&self, document: &mut Document) {
        let (observed, declared) = (&self.observed, &self.declared);
        document.heading(self.name());
        let text = |words: &[String]| (!words.is_empty()).then(|| words.join(", "));
        let models = self.models();
        let kept = |rule: &RetentionRule| format!("{}: {}", rule.of, rule.kept);
        let kept: Vec<String> = self.configured.recordings_kept.iter().map(kept).collect();
        document.fields(vec![
            Field::declared("purpose", declared.purpose.clone()),
            Field::declared("legal basis", declared.legal_basis.clone()),
            Field::declared("data subjects", text(&declared.subject_categories)),
            Field::declared("recipients", text(&self.recipients())),
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
            Field::observed(
                "personal values masked, of those released",
                observed.masked_share.as_ref().map_or_else(|| "–".to_owned(), MaskedShare::text),
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
                row.used.masked_percent_text(),
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
                ("masked, at least", Source::Observed),
                ("mask", Source::Configured),
            ],
            observed.categories.iter().map(row).collect(),
        );
    }
}

fn configured(resource: &str, categories: &[String], inputs: &Inputs) -> ActivityConfigured {
    let configured = inputs.configured.as_ref();
    let kept = configured.map(|configured| {
        let names = categories.iter().map(String::as_str);
        configured.retention_of(resource, names).into_iter().cloned().collect()
    });
    let masking = categories.iter().filter_map(|category| {
        let method = configured?.method(category)?;
        Some((category.clone(), method.to_owned()))
    });
    ActivityConfigured {
        recordings_kept: kept.unwrap_or_default(),
        records_kept: configured.and_then(|configured| configured.records_kept.clone()),
        masking: masking.collect(),
    }
}

fn declared(key: &Key, tally: &Tally, inputs: &Inputs) -> ActivityDeclared {
    let declared = &inputs.declared;
    let word = key.purpose.purpose.as_deref();
    let purpose = word.and_then(|word| declared.purposes.get(word));
    let providers = tally.actors.iter().map(|actor| {
        let provider = declared.model_provider(actor).cloned();
        (actor.clone(), provider)
    });
    let subject_categories = declared.subject_categories.get(&key.resource).cloned();
    ActivityDeclared {
        purpose: purpose.and_then(|known| known.text.clone()),
        legal_basis: purpose.and_then(|known| known.legal_basis.clone()),
        on_behalf_of: declared.on_behalf_of(word, &key.resource).map(str::to_owned),
        subject_categories: subject_categories.unwrap_or_default(),
        recipients: declared.recipients.get(&key.resource).cloned().unwrap_or_default(),
        model_providers: providers.collect(),
    }
}

fn observed(tally: Tally, inputs: &Inputs) -> Observed {
    let row = |(category, used): (String, CategoryUse)| CategoryRow {
        class: CategoryClass::of(&category, &inputs.declared),
        used,
    };
    let categories: Vec<CategoryRow> = tally.categories.into_iter().map(row).collect();
    let masked_share = MaskedShare::of(categories.iter().map(|row| (&row.class, &row.used)));
    Observed {
        masked_share: Some(masked_share),
        protocol: tally.protocol,
        first_seen: time::text(tally.first_us.unwrap_or(0)),
        last_seen: time::text(tally.last_us),
        sessions: tally.sessions.len() as u64,
        exchanges: tally.exchanges,
        exchanges_refused: tally.refused,
        rows: tally.rows,
        principals: tally.principals.len() as u64,
        actors: tally.actors.into_iter().collect(),
        categories,
    }
}

fn recipient(recipient: &Recipient) -> String {
    let more = [&recipient.country, &recipient.safeguard].into_iter().flatten();
    list(std::iter::once(&recipient.name).chain(more))
}
