//! Who saw one person's data (Article 15 GDPR): an answer that can be handed out.

use super::shared::{Purpose, role, touches};
use super::{Teller, Told};
use crate::document::{Document, Field, Source, list};
use crate::error::Error;
use crate::inputs::{Inputs, Staff};
use crate::scope::Scope;
use crate::time;
use crate::walk::{Exchange, Observer, Walked};
use portreeve_evidence::Token;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The report while it is made.
pub(super) struct SubjectAccess {
    scope: Scope,
    inputs: Inputs,
    kind: String,
    token: Token,
    accesses: Vec<Access>,
    unresolved: u64,
    unread: u64,
    cited: Vec<u64>,
}

/// The content.
#[derive(Serialize, Deserialize)]
struct Content {
    observed: Observed,
    accesses: Vec<Access>,
    /// What words the controller has for the purposes and recipients.
    declared: Declared,
}

#[derive(Serialize, Deserialize)]
struct Observed {
    accesses_named: u64,
    accesses_derived: u64,
    /// Rows that may have been about this person as well: nobody can say whom they are about.
    rows_unresolved: u64,
    /// People on lists that cannot be opened any more.
    people_unread: u64,
}

#[derive(Serialize, Deserialize)]
struct Declared {
    purposes: BTreeMap<String, Option<String>>,
    recipients: BTreeMap<String, Vec<String>>,
    model_providers: BTreeMap<String, Option<String>>,
}

/// One exchange that was about the person.
#[derive(Serialize, Deserialize)]
struct Access {
    at: String,
    /// `named`, or `derived`: rows may have been about the person.
    certainty: String,
    purpose: Purpose,
    resource: String,
    objects: Vec<String>,
    operations: Vec<String>,
    categories_masked: Vec<String>,
    categories_revealed: Vec<String>,
    /// Who received the data, the principal first: roles, or names where that was asked for.
    recipients: Vec<String>,
    index: u64,
    #[serde(skip)]
    actors: Vec<String>,
}

impl SubjectAccess {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Result<Self, Error> {
        let missing = |what: &str| Error::Missing { what: what.to_owned() };
        let subject = scope.subject.clone().ok_or_else(|| {
            missing("the report is about a person: name one with --subject KIND=IDENTIFIER")
        })?;
        let token = subject.token().ok_or_else(|| missing("the subject's token cannot be read"))?;
        Ok(Self {
            kind: subject.kind,
            token,
            scope: Scope { subject: None, ..scope },
            inputs,
            accesses: Vec::new(),
            unresolved: 0,
            unread: 0,
            cited: Vec::new(),
        })
    }
}

impl Observer for SubjectAccess {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if !self.scope.holds(exchange) {
            return;
        }
        let (mut named, mut derived) = (BTreeSet::new(), BTreeSet::new());
        for (object, people) in exchange.people {
            self.unresolved += people.unresolved;
            self.unread += people.unread;
            if people.kind != self.kind {
                continue;
            }
            if people.named.contains(&self.token) {
                named.insert(object.clone());
            } else if people.derived.contains(&self.token) {
                derived.insert(object.clone());
            }
        }
        let certainty = match (named.is_empty(), derived.is_empty()) {
            (false, _) => "named",
            (true, false) => "derived",
            (true, true) => return,
        };
        named.extend(derived);
        let chain = &exchange.session.chain;
        let name = |party: &portreeve_model::Party| match self.inputs.staff {
            Staff::ByRole => role(party),
            Staff::ByName => party.subject.clone(),
        };
        let touches = touches(exchange);
        let categories = |wanted: fn(&super::shared::Touch) -> bool| {
            let found = touches.iter().filter(|(_, touch)| wanted(touch));
            found.map(|(category, _)| category.clone()).collect()
        };
        self.cited.push(exchange.index);
        self.accesses.push(Access {
            at: time::text(exchange.at_us),
            certainty: certainty.to_owned(),
            purpose: Purpose::of(chain),
            resource: exchange.session.resource.clone(),
            objects: named.into_iter().collect(),
            operations: exchange
                .ran()
                .map(|command| command.verb.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            categories_masked: categories(|touch| touch.values_masked > 0),
            categories_revealed: categories(|touch| touch.is_revealed || touch.found_revealed > 0),
            recipients: chain.hops().map(name).collect(),
            index: exchange.index,
            actors: chain.actors.iter().map(|actor| actor.subject.clone()).collect(),
        });
    }
}

impl Teller for SubjectAccess {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let mut this = *self;
        this.accesses.sort_by(|one, two| (&one.at, one.index).cmp(&(&two.at, two.index)));
        let count = |certainty: &str| {
            this.accesses.iter().filter(|access| access.certainty == certainty).count() as u64
        };
        let declared = declared(&this.accesses, &this.inputs);
        let content = Content {
            observed: Observed {
                accesses_named: count("named"),
                accesses_derived: count("derived"),
                rows_unresolved: this.unresolved,
                people_unread: this.unread,
            },
            declared,
            accesses: this.accesses,
        };
        let document = content.document();
        Told::new(&content, document, this.cited)
    }
}

fn declared(accesses: &[Access], inputs: &Inputs) -> Declared {
    let declared = &inputs.declared;
    let words = accesses.iter().filter_map(|access| access.purpose.purpose.clone());
    let purposes = words.map(|word| {
        let text = declared.purposes.get(&word).and_then(|known| known.text.clone());
        (word, text)
    });
    let resources = accesses.iter().map(|access| access.resource.clone());
    let recipients = resources.map(|resource| {
        let known = declared.recipients.get(&resource).into_iter().flatten();
        let names = known.map(|recipient| recipient.name.clone()).collect();
        (resource, names)
    });
    let actors = accesses.iter().flat_map(|access| &access.actors);
    let providers = actors.map(|actor| {
        let provider = declared.model_provider(actor);
        (actor.clone(), provider.map(|known| format!("{}, {}", known.provider, known.country)))
    });
    // Agents are no people: which provider got the data is what the person may know.
    Declared {
        purposes: purposes.collect(),
        recipients: recipients.collect(),
        model_providers: providers.collect(),
    }
}

impl Content {
    fn document(&self) -> Document {
        let mut document = Document::default();
        let observed = &self.observed;
        document.heading("Summary");
        document.fields(vec![
            Field::observed("accesses that named the person", observed.accesses_named),
            Field::observed(
                "further ones that may have been about the person",
                observed.accesses_derived,
            ),
            Field::observed("rows of nobody knows whom", observed.rows_unresolved),
            Field::observed("people on lists that cannot be read", observed.people_unread),
        ]);
        if self.accesses.is_empty() {
            document.text("No access to this person's data is recorded.");
        }
        let row = |access: &Access| {
            vec![
                access.at.clone(),
                access.certainty.clone(),
                access.purpose.text(),
                format!("{}: {}", access.resource, list(&access.objects)),
                list(&access.operations),
                list(&access.categories_masked),
                list(&access.categories_revealed),
                access.recipients.join(" → "),
            ]
        };
        document.table(
            "Accesses",
            &[
                ("time", Source::Observed),
                ("how", Source::Observed),
                ("purpose", Source::Observed),
                ("where", Source::Observed),
                ("operation", Source::Observed),
                ("categories masked", Source::Observed),
                ("categories revealed", Source::Observed),
                ("recipients", Source::Observed),
            ],
            self.accesses.iter().map(row).collect(),
        );
        self.put_declared(&mut document);
        document
    }

    fn put_declared(&self, document: &mut Document) {
        let observed = &self.observed;
        document.heading("What is declared");
        for (word, text) in &self.declared.purposes {
            document.fields(vec![Field::declared(&format!("purpose {word}"), text.clone())]);
            if text.is_none() {
                document.gaps.push(format!("nobody has declared what purpose `{word}` means"));
            }
        }
        for (resource, names) in &self.declared.recipients {
            let names = (!names.is_empty()).then(|| names.join(", "));
            document.fields(vec![Field::declared(&format!("recipients of {resource}"), names)]);
        }
        for (actor, provider) in &self.declared.model_providers {
            document.fields(vec![Field::declared(&format!("model of {actor}"), provider.clone())]);
            if provider.is_none() {
                document.gaps.push(format!("whose model `{actor}` runs on is not declared"));
            }
        }
        if observed.people_unread > 0 {
            document
                .gaps
                .push("some lists cannot be opened any more: the person may be in them".into());
        }
        if observed.rows_unresolved > 0 {
            document
                .gaps
                .push("some rows named nobody: they may have been about the person".into());
        }
    }
}
