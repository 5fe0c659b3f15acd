//! Records of processing activities (Article 30 GDPR): resource × purpose × who acts, for a
//! controller, or for a processor by whom it works for.

mod activity;
mod controller;
mod measures;
mod processor;

use super::{Teller, Told};
use crate::error::Error;
use crate::inputs::{Inputs, RecordForm};
use crate::scope::Scope;
use crate::walk::{Exchange, Observer, Walked};
use activity::{Activity, Key, Tally};
use std::collections::BTreeMap;

/// The report while it is made.
pub(super) struct Processing {
    scope: Scope,
    inputs: Inputs,
    activities: BTreeMap<Key, Tally>,
}

impl Processing {
    pub(super) fn new(scope: Scope, inputs: Inputs) -> Self {
        Self { scope, inputs, activities: BTreeMap::new() }
    }
}

impl Observer for Processing {
    fn exchange(&mut self, exchange: &Exchange<'_>) {
        if self.scope.holds(exchange) {
            let key = Key::of(&exchange.session.chain, &exchange.session.resource);
            self.activities.entry(key).or_default().add(exchange);
        }
    }
}

impl Teller for Processing {
    fn observer(&mut self) -> &mut dyn Observer {
        self
    }

    fn tell(self: Box<Self>, _walked: &Walked) -> Result<Told, Error> {
        let cited = self.activities.values().flat_map(Tally::cited).collect();
        let inputs = &self.inputs;
        let activities: Vec<Activity> = self
            .activities
            .into_iter()
            .map(|(key, tally)| Activity::of(key, tally, inputs))
            .collect();
        match inputs.form {
            RecordForm::Controller => {
                let content = controller::Content::of(activities, inputs);
                let document = content.document(inputs);
                Told::new(&content, document, cited)
            }
            RecordForm::Processor => {
                let content = processor::Content::of(&activities, inputs);
                let document = content.document();
                Told::new(&content, document, cited)
            }
        }
    }
}
