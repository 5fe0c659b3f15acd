//! The schema of policies as Cedar reads it: what does not depend on kinds, then the kinds of
//! objects and what can be done to each, made from their table.
//!
//! `portreeve.cedarschema` beside this file is what comes of it, for people and their editors.

use super::names::PARTY_TYPES;
use cedar_policy::Schema;
use portreeve_model::{Action, Family, ObjectKind};
use std::fmt::Write;
use std::sync::LazyLock;

const FIXED: &str = include_str!("fixed.cedarschema");

static TEXT: LazyLock<String> = LazyLock::new(write);

static PARSED: LazyLock<Schema> = LazyLock::new(|| {
    let (schema, _warnings) =
        Schema::from_cedarschema_str(text()).expect("the tests read what the table gives");
    schema
});

/// The text of the schema, for people and their editors.
pub(super) fn text() -> &'static str {
    &TEXT
}

/// The schema that policies are checked against.
pub(super) fn parsed() -> &'static Schema {
    &PARSED
}

fn write() -> String {
    let mut text = FIXED.to_owned();
    text.push_str("\n// What they act on, from the outside in.\n");
    for family in Family::ALL {
        let kinds: Vec<_> = of(family).collect();
        if family != Family::Any {
            line(&mut text, format_args!("\n// {}.", family.word()));
        }
        for kind in kinds {
            line(&mut text, format_args!("{}", entity(kind)));
        }
    }
    let mut actions = Action::ALL.as_slice();
    while let Some(first) = actions.first() {
        let kinds = kinds(*first);
        let alike = actions.iter().take_while(|action| self::kinds(**action) == kinds).count();
        let (group, rest) = actions.split_at(alike);
        action(&mut text, group, &kinds);
        actions = rest;
    }
    text
}

fn of(family: Family) -> impl Iterator<Item = ObjectKind> {
    ObjectKind::all().filter(move |kind| kind.row().family == family)
}

/// The kinds that policy may be asked this about.
fn kinds(action: Action) -> Vec<ObjectKind> {
    ObjectKind::all().filter(|kind| kind.row().actions.contains(&action)).collect()
}

fn entity(kind: ObjectKind) -> String {
    let row = kind.row();
    let mut parents: Vec<&str> = row.parent.iter().map(|kind| kind.row().type_name).collect();
    if row.nested_by.is_some() {
        parents.push(row.type_name);
    }
    if kind.has_categories() {
        parents.push("Category");
    }
    let parents = match parents.as_slice() {
        [] => String::new(),
        parents => format!(" in [{}]", parents.join(", ")),
    };
    let outer = row.parts.iter().rev().skip(1).rev();
    let attributes: Vec<_> = outer.chain([&"name"]).map(|name| format!("{name}: String")).collect();
    format!("entity {}{parents} {{ {} }};", row.type_name, attributes.join(", "))
}

fn action(text: &mut String, group: &[Action], kinds: &[ObjectKind]) {
    let words: Vec<_> = group.iter().map(|action| action.word()).collect();
    line(text, format_args!("\naction {} appliesTo {{", words.join(", ")));
    line(text, format_args!("  principal: [{}],", PARTY_TYPES.join(", ")));
    let by_family = Family::ALL.into_iter().map(|family| {
        let here = kinds.iter().map(|kind| kind.row()).filter(|row| row.family == family);
        here.map(|row| row.type_name).collect::<Vec<_>>().join(", ")
    });
    let lines: Vec<_> = by_family.filter(|line| !line.is_empty()).collect();
    match lines.as_slice() {
        [only] => line(text, format_args!("  resource: [{only}],")),
        lines => {
            line(text, format_args!("  resource: [\n    {}\n  ],", lines.join(",\n    ")));
        }
    }
    line(text, format_args!("  context: Facts,\n}};"));
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cedar_reads_it_without_a_warning() {
        let (_, warnings) = Schema::from_cedarschema_str(text()).unwrap();
        assert_eq!(warnings.map(|warning| warning.to_string()).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn each_action_stands_once_with_its_kinds() {
        for action in Action::ALL {
            let uid = format!("Action::\"{action}\"").parse().unwrap();
            let found = parsed().resources_for_action(&uid).unwrap();
            let mut found: Vec<_> = found.map(ToString::to_string).collect();
            let mut expect: Vec<_> = kinds(action).iter().map(|kind| format!("{kind:?}")).collect();
            found.sort();
            expect.sort();
            assert_eq!(found, expect, "{action}");
        }
    }
}
