//! What an operation asks for, with its fragments in their places, and what the answer calls it.

use super::syntax::{Directive, Document, Field, Fragment, Operation, Selection, Value};
use crate::document::Tree;
use crate::probes;
use std::collections::{BTreeMap, BTreeSet};

/// More selections than anybody asks for, each fragment counted wherever it stands.
const SELECTIONS_MAX: usize = 10_000;
/// The same of what is said beside them.
const SAID_MAX: usize = 10_000;
/// The most levels, those of fragments together.
const LEVELS_MAX: usize = 48;
/// The longest name of a field or an alias.
const NAME_BYTES_MAX: usize = 120;
/// More fields of one key, in different fragments, are made up.
const NAMES_MAX: usize = 4;
/// The same of the ways to read a path of the answer.
const READINGS_MAX: usize = 16;

/// Parts of an answer that the client can have come later, under other paths.
const LATER: [&str; 2] = ["defer", "stream"];

/// The keys of an answer, and the fields that they stand for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Shape {
    keys: BTreeMap<String, Key>,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Key {
    names: BTreeSet<String>,
    inner: Shape,
}

/// What is said beside the fields.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Said {
    /// Names of arguments and of members of their values, and how many values stand under each:
    /// wherever it stands, and of lists and variables all.
    pub(crate) names: BTreeMap<String, u64>,
    /// Texts and words, each with the name that it stands under.
    pub(crate) texts: BTreeSet<(String, String)>,
    /// How many values each variable holds.
    variables: BTreeMap<String, u64>,
    /// How many names and values were said.
    count: usize,
}

/// What an operation asks for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Selected {
    pub(crate) shape: Shape,
    pub(crate) said: Said,
}

impl Selected {
    /// What an operation of a document asks for.
    ///
    /// # Errors
    /// A fragment is not there or holds itself, or more is asked for than anybody would.
    pub(super) fn of(
        document: &Document,
        operation: &Operation,
        variables: Option<&Tree>,
    ) -> Result<Self, String> {
        let mut walk =
            Walk { document, count: 0, fragments: Vec::new(), selected: Self::default() };
        for (name, value) in &operation.defaults {
            let said = &mut walk.selected.said;
            let values = said.value(name, value)?;
            said.variables.insert(name.clone(), values);
        }
        for (name, value) in variables.into_iter().flat_map(Tree::members) {
            let said = &mut walk.selected.said;
            let values = said.tree(name, value)?;
            said.variables.insert(name.to_owned(), values);
        }
        walk.directives(&operation.directives)?;
        let mut shape = Shape::default();
        walk.all(&operation.selections, &mut shape, LEVELS_MAX)?;
        if shape.readings_max() > READINGS_MAX {
            return Err("one key stands for too many fields".to_owned());
        }
        for (name, _) in variables.into_iter().flat_map(Tree::members) {
            walk.selected.said.name_variable(name);
        }
        Ok(Self { shape, ..walk.selected })
    }
}

impl Said {
    /// What a document says: variables, and what extends a request. How many values it holds.
    ///
    /// # Errors
    /// It says more than anybody would.
    pub(super) fn tree(&mut self, name: &str, tree: &Tree) -> Result<u64, String> {
        let mut values = 0;
        for (key, value) in tree.members() {
            let inside = self.tree(key, value)?;
            self.name(key, inside)?;
            values += inside;
        }
        for item in tree.items() {
            values += self.tree(name, item)?;
        }
        if let Tree::Text(text) | Tree::Number(text) = tree {
            values = self.text(name, text)?;
        }
        Ok(values.max(1))
    }

    /// A variable is named. That is no argument: what it stands for is counted where it stands.
    fn name_variable(&mut self, name: &str) {
        let values = self.variables.get(name).copied().unwrap_or(1);
        let said = self.names.entry(name.to_owned()).or_default();
        *said = (*said).max(values);
    }

    fn more(&mut self) -> Result<(), String> {
        self.count += 1;
        match self.count > SAID_MAX {
            true => Err(format!("it has more than {SAID_MAX} arguments and values")),
            false => Ok(()),
        }
    }

    fn name(&mut self, name: &str, values: u64) -> Result<(), String> {
        self.more()?;
        *self.names.entry(name.to_owned()).or_default() += values;
        Ok(())
    }

    fn text(&mut self, name: &str, text: &str) -> Result<u64, String> {
        self.more()?;
        self.texts.insert((name.to_owned(), text.to_owned()));
        Ok(probes::values(text))
    }

    fn arguments(&mut self, arguments: &[(String, Value)]) -> Result<u64, String> {
        let mut values = 0;
        for (name, value) in arguments {
            let inside = self.value(name, value)?;
            self.name(name, inside)?;
            values += inside;
        }
        Ok(values.max(1))
    }

    fn value(&mut self, name: &str, value: &Value) -> Result<u64, String> {
        match value {
            Value::Variable(name) => Ok(self.variables.get(name).copied().unwrap_or(1)),
            Value::Text(text) => self.text(name, text),
            Value::List(items) => {
                let mut values = 0;
                for item in items {
                    values += self.value(name, item)?;
                }
                Ok(values.max(1))
            }
            Value::Object(members) => self.arguments(members),
        }
    }
}

struct Walk<'d> {
    document: &'d Document,
    count: usize,
    /// Those that the walk is in.
    fragments: Vec<&'d str>,
    selected: Selected,
}

impl<'d> Walk<'d> {
    fn directives(&mut self, directives: &[Directive]) -> Result<(), String> {
        for directive in directives {
            if LATER.contains(&directive.name.as_str()) {
                return Err(format!(
                    "`@{}` cuts the answer, which is not followed",
                    directive.name
                ));
            }
            self.selected.said.arguments(&directive.arguments)?;
        }
        Ok(())
    }

    fn all(
        &mut self,
        selections: &'d [Selection],
        shape: &mut Shape,
        levels: usize,
    ) -> Result<(), String> {
        let levels =
            levels.checked_sub(1).ok_or_else(|| format!("it has more than {LEVELS_MAX} levels"))?;
        for selection in selections {
            self.count += 1;
            if self.count > SELECTIONS_MAX {
                return Err(format!("it asks for more than {SELECTIONS_MAX} fields"));
            }
            match selection {
                Selection::Field(field) => self.field(field, shape, levels)?,
                Selection::Inline(fragment) => self.fragment(fragment, shape, levels)?,
                Selection::Spread { name, directives } => {
                    self.directives(directives)?;
                    let fragment = self.document.fragments.get(name);
                    let fragment =
                        fragment.ok_or_else(|| format!("there is no fragment `{name}`"))?;
                    if self.fragments.contains(&name.as_str()) {
                        return Err(format!("the fragment `{name}` holds itself"));
                    }
                    self.fragments.push(name);
                    self.fragment(fragment, shape, levels)?;
                    self.fragments.pop();
                }
            }
        }
        Ok(())
    }

    fn fragment(
        &mut self,
        fragment: &'d Fragment,
        shape: &mut Shape,
        levels: usize,
    ) -> Result<(), String> {
        self.directives(&fragment.directives)?;
        self.all(&fragment.selections, shape, levels)
    }

    fn field(&mut self, field: &'d Field, shape: &mut Shape, levels: usize) -> Result<(), String> {
        let Field { key, name, arguments, directives, selections } = field;
        if key.len() > NAME_BYTES_MAX || name.len() > NAME_BYTES_MAX {
            return Err(format!("a name has more than {NAME_BYTES_MAX} letters"));
        }
        self.selected.said.arguments(arguments)?;
        self.directives(directives)?;
        let known = shape.keys.entry(key.clone()).or_default();
        known.names.insert(name.clone());
        if known.names.len() > NAMES_MAX {
            return Err(format!("`{key}` stands for more than {NAMES_MAX} fields"));
        }
        match selections.is_empty() {
            true => Ok(()),
            false => self.all(selections, &mut known.inner, levels),
        }
    }
}

/// A path of an answer, as the fields that it stands for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Reading {
    /// The field of the operation that it is in.
    pub(crate) top: String,
    pub(crate) path: String,
}

impl Shape {
    /// The fields of the operation itself.
    pub(crate) fn tops(&self) -> BTreeSet<&str> {
        self.keys.values().flat_map(|key| &key.names).map(String::as_str).collect()
    }

    /// In how many ways a path can be read.
    pub(super) fn readings_max(&self) -> usize {
        let of = |key: &Key| key.names.len().saturating_mul(key.inner.readings_max());
        self.keys.values().map(of).max().unwrap_or(1)
    }

    /// What a path of the answer stands for; nothing where it stands for no field.
    pub(crate) fn readings(&self, path: &str) -> BTreeSet<Reading> {
        let mut keys = path.split('.');
        let is_data = keys.next() == Some("data");
        let first = keys.next().filter(|_| is_data).and_then(|first| self.keys.get(first));
        let Some(key) = first else { return BTreeSet::new() };
        let mut found = BTreeSet::new();
        for top in &key.names {
            let mut paths = vec![format!("data.{top}")];
            let mut shape = Some(&key.inner);
            for word in keys.clone() {
                let inner = shape.and_then(|shape| shape.keys.get(word));
                let own = BTreeSet::from([word.to_owned()]);
                let names = inner.map_or(&own, |key| &key.names);
                paths = paths
                    .iter()
                    .flat_map(|path| names.iter().map(move |name| format!("{path}.{name}")))
                    .collect();
                shape = inner.map(|key| &key.inner);
            }
            found.extend(paths.into_iter().map(|path| Reading { top: top.clone(), path }));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(text: &str) -> Result<Selected, String> {
        let document = Document::read(text)?;
        Selected::of(&document, &document.operations[0], None)
    }

    fn readings(text: &str, path: &str) -> Vec<String> {
        let found = selected(text).unwrap().shape.readings(path);
        found.into_iter().map(|it| format!("{} {}", it.top, it.path)).collect()
    }

    #[test]
    fn a_path_of_the_answer_stands_for_fields() {
        let check = |text: &str, path: &str, expect: &[&str]| {
            assert_eq!(readings(text, path), expect, "{text} {path}");
        };
        check("{ p: people { x: mail } }", "data.p.x", &["people data.people.mail"]);
        check(
            "{ people { ...F } } fragment F on P { x: mail }",
            "data.people.x",
            &["people data.people.mail"],
        );
        check(
            "{ a { ... on B { x: mail } ... on C { x: id } } }",
            "data.a.x",
            &["a data.a.id", "a data.a.mail"],
        );
        check("{ a { j } }", "data.a.j.mail", &["a data.a.j.mail"]);
        check("{ a { b } }", "errors.message", &[]);
        check("{ a { b } }", "data.c", &[]);
        check("{ a { b } }", "x.data.a.b", &[]);
    }

    #[test]
    fn what_is_said_beside_the_fields_is_kept() {
        let said = selected("query($v: I = {deep: \"w\"}) { a(mail: \"x\", where: {age: {gt: 3}, by: [MAIL_ASC, $v]}) @d(e: \"f\") }").unwrap().said;
        assert_eq!(
            said.names.keys().map(String::as_str).collect::<Vec<_>>(),
            ["age", "by", "deep", "e", "gt", "mail", "where"]
        );
        let texts: Vec<String> =
            said.texts.iter().map(|(name, text)| format!("{name}={text}")).collect();
        assert_eq!(texts, ["by=MAIL_ASC", "deep=w", "e=f", "gt=3", "mail=x"]);
    }

    #[test]
    fn what_nobody_would_ask_is_refused() {
        let check = |text: &str, expect: &str| {
            let why = selected(text).unwrap_err();
            assert!(why.contains(expect), "{why}");
        };
        check("{ ...F } fragment F on A { ...G } fragment G on A { ...F }", "holds itself");
        check("{ ...F }", "there is no fragment `F`");
        check("{ a @defer { b } }", "`@defer`");
        check("{ ... @stream { b } }", "`@stream`");
        check(&format!("{{ {} }}", "x".repeat(200)), "120 letters");
        let doubled: String = (0..30)
            .map(|at| format!("fragment F{at} on A {{ ...F{0} ...F{0} }} ", at + 1))
            .collect();
        check(&format!("{{ ...F0 }} {doubled} fragment F30 on A {{ a }}"), "10000 fields");
        let chain: String = (0..60)
            .map(|at| format!("fragment F{at} on A {{ a {{ ...F{} }} }} ", at + 1))
            .collect();
        check(&format!("{{ ...F0 }} {chain} fragment F60 on A {{ a }}"), "48 levels");
        let many: String = (0..5).map(|at| format!("... on A{at} {{ x: f{at} }} ")).collect();
        check(&format!("{{ a {{ {many} }} }}"), "more than 4 fields");
        let level =
            |inner: &str| format!("... on A {{ x: f {{ {inner} }} }} ... on B {{ x: g {{ y }} }}");
        let mut text = "y".to_owned();
        for _ in 0..5 {
            text = level(&text);
        }
        check(&format!("{{ a {{ {text} }} }}"), "too many fields");
    }
}
