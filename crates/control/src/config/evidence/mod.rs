//! The `evidence` section: who may erase, how long what is kept, who is shown checkpoints.

mod witnesses;

pub use witnesses::WitnessAddress;

use crate::config::masking::not_a_category;
use crate::config::problem::closest;
use crate::config::scalar;
use crate::config::section::{Reader, Section, as_duration, as_list, as_text};
use crate::config::types::{Evidence, Masking, Resource, Retention};

use portreeve_model::Category;
use portreeve_screen::categories as detected_categories;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

/// A century: what is meant to stay longer has no rule.
const LONGEST: &str = "100y";

pub(crate) fn read(
    reader: &mut Reader<'_>,
    mut section: Section,
    resources: &BTreeMap<String, Resource>,
    masking: &Masking,
) -> Evidence {
    let custodians = match section.take("custodians") {
        None => Vec::new(),
        Some((_, node)) => {
            let name = section.path("custodians");
            let items = as_list(reader, &name, node);
            items.into_iter().filter_map(|item| Some(as_text(reader, &name, item)?.0)).collect()
        }
    };
    let retention = section.section(reader, "retention");
    let retention = read_retention(reader, retention, resources, masking);
    let (witnesses, all) = witnesses::read(reader, &mut section);
    let quorum = section.number(reader, "quorum", all, 1..=i128::from(all.max(1)));
    let interval = section.duration(reader, "interval", WITNESS_INTERVAL, "1h");
    let max_age = section.duration(reader, "max_age", WITNESSED_AGE_MAX, "7d");
    section.close(reader);
    Evidence { custodians, retention, witnesses, quorum, interval, max_age }
}

fn read_retention(
    reader: &mut Reader<'_>,
    mut section: Section,
    resources: &BTreeMap<String, Resource>,
    masking: &Masking,
) -> Retention {
    let default = section.duration_maybe(reader, "default", LONGEST);
    let log = section.duration_maybe(reader, "log", LONGEST);
    let mut retention = Retention { default, log, ..Retention::default() };
    let by_resource = section.section(reader, "resources");
    let names: BTreeSet<&str> = resources.keys().map(String::as_str).collect();
    for (name, span, after) in read_rules(reader, by_resource) {
        if known(reader, "resource", &name, span, &names) {
            retention.resources.insert(name, after);
        }
    }
    let by_category = section.section(reader, "categories");
    let classified = resources.values().flat_map(|resource| resource.classify.categories());
    let known_categories =
        classified.chain(masking.methods.keys()).chain(detected_categories().iter());
    let names: BTreeSet<&str> = known_categories.map(|category| category.0.as_str()).collect();
    for (name, span, after) in read_rules(reader, by_category) {
        if !scalar::is_category(&name) {
            not_a_category(reader, span, &name);
        } else if known(reader, "category", &name, span, &names) {
            retention.categories.insert(Category(name), after);
        }
    }
    section.close(reader);
    retention
}

/// The entries of a mapping from names to durations.
fn read_rules(
    reader: &mut Reader<'_>,
    mut section: Section,
) -> Vec<(String, Range<usize>, std::time::Duration)> {
    let mut rules = Vec::new();
    for (key, node) in section.take_all() {
        let path = section.path(&key.text);
        if let Some(after) = as_duration(reader, &path, node, LONGEST) {
            rules.push((key.text, key.span, after));
        }
    }
    rules
}

/// A rule for a name that nothing has would keep for ever what was meant to go.
fn known(
    reader: &mut Reader<'_>,
    kind: &str,
    name: &str,
    span: Range<usize>,
    names: &BTreeSet<&str>,
) -> bool {
    if names.contains(name) {
        return true;
    }
    let names: Vec<&str> = names.iter().copied().collect();
    let help = match closest(name, &names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "what no other rule names falls under `retention.default`".to_owned(),
    };
    reader.problems.add_with_help(span, format!("there is no {kind} `{name}`"), help);
    false
}

/// How often witnesses are asked, unless the configuration says otherwise.
pub(crate) const WITNESS_INTERVAL: Duration = Duration::from_secs(10);
/// How old the last witnessed checkpoint may be, likewise.
pub(crate) const WITNESSED_AGE_MAX: Duration = Duration::from_secs(10 * 60);
