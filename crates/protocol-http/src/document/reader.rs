//! Paths, operations and parameters.

use super::references::resolved;
use super::schemas::{CATEGORY, Fields, Schemas, add, place_of};
use super::servers::bases;
use super::tree::Tree;
use super::{Document, DocumentError, Operations, Summary};
use portreeve_model::{Action, Digest};
use portreeve_web::{Constraint, PathTemplate, Templates};
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What says what an operation does.
const EFFECT: &str = "x-portreeve-effect";

/// What only this product reads begins so.
const OWN: &str = "x-portreeve-";

const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];

/// Formats of a text that say what it holds.
const PERSONAL_FORMATS: [(&str, &str); 4] =
    [("email", "email"), ("idn-email", "email"), ("phone", "phone"), ("iban", "iban")];

/// More notes than anybody reads.
const NOTES_MAX: usize = 20;

/// More paths than a service has.
const PATHS_MAX: usize = 20_000;

/// Reads a document.
pub(super) struct Reader<'t> {
    root: &'t Tree,
    digest: Digest,
    /// The base paths of the whole document, once a path was read.
    bases: Option<BTreeSet<String>>,
    schemas: Schemas<'t>,
    /// The places of effects that were followed.
    effects: HashSet<usize>,
    templates: Templates<Operations>,
    fields: BTreeMap<String, Fields>,
    summary: Summary,
}

/// An operation, and what it shares with others of its path.
#[derive(Clone)]
struct Operation<'t> {
    object: &'t Tree,
    method: String,
    place: String,
    parameters: Vec<Parameter<'t>>,
}

#[derive(Clone)]
struct Parameter<'t> {
    object: &'t Tree,
    name: String,
    at: String,
}

impl<'t> Reader<'t> {
    /// One of a document with this digest.
    pub(super) fn new(root: &'t Tree, digest: Digest) -> Self {
        Self {
            root,
            digest,
            bases: None,
            schemas: Schemas::new(root),
            effects: HashSet::new(),
            templates: Templates::default(),
            fields: BTreeMap::new(),
            summary: Summary::default(),
        }
    }

    pub(super) fn read(mut self) -> Result<Document, DocumentError> {
        self.summary.version = version(self.root)?;
        let paths = self.root.get("paths");
        for (path, item) in paths.into_iter().flat_map(Tree::members) {
            if !path.starts_with("x-") {
                self.path(path, item)?;
            }
            if self.summary.path_count > PATHS_MAX {
                let what = format!("more than {PATHS_MAX} paths");
                return Err(DocumentError::new("paths", what, "split the document"));
            }
        }
        self.remarks(self.root, &mut String::new())?;
        self.summary.field_count = self.fields.values().map(BTreeMap::len).sum();
        let names = |fields: &Fields| fields.keys().cloned().collect::<BTreeSet<_>>();
        let fields = self.fields.iter().map(|(route, all)| (route.clone(), names(all))).collect();
        let categories = self.fields.into_iter().map(|(route, all)| (route, in_any_case(all)));
        let categories: BTreeMap<String, Fields> = categories.collect();
        Ok(Document {
            templates: self.templates,
            names: categories.values().flat_map(BTreeMap::keys).cloned().collect(),
            categories,
            fields,
            summary: self.summary,
            digest: self.digest,
        })
    }

    /// The base paths of what names none itself.
    fn bases_of_all(&mut self) -> Result<&BTreeSet<String>, DocumentError> {
        let found = match self.bases.take() {
            Some(known) => known,
            None => bases(self.root, self.root, "the document")?
                .unwrap_or_else(|| BTreeSet::from([String::new()])),
        };
        Ok(self.bases.insert(found))
    }

    fn path(&mut self, path: &str, item: &'t Tree) -> Result<(), DocumentError> {
        let place = format!("paths.{path}");
        let item = resolved(self.root, item, &place)?;
        let shared = self.parameters(item, &place)?;
        let of_all = self.bases_of_all()?.clone();
        let of_path = bases(self.root, item, &place)?.unwrap_or(of_all);
        let mut by_base: BTreeMap<String, Vec<Operation<'t>>> = BTreeMap::new();
        for (method, object) in item.members().filter(|(key, _)| METHODS.contains(key)) {
            let place = format!("{place}.{method}");
            let own = bases(self.root, object, &place)?.unwrap_or_else(|| of_path.clone());
            let mut parameters = self.parameters(object, &place)?;
            let taken: Vec<_> = parameters.iter().map(Parameter::key).collect();
            let others = shared.iter().filter(|it| !taken.contains(&it.key()));
            parameters.extend(others.cloned());
            let method = method.to_ascii_uppercase();
            let operation = Operation { object, method, place, parameters };
            for base in own {
                by_base.entry(base).or_default().push(operation.clone());
            }
        }
        for (base, operations) in by_base {
            match PathTemplate::read(&base, path) {
                Ok(template) => self.operations(template, &operations)?,
                Err(why) => self.note_unused(format!("`paths.{path}` is not used: {why}")),
            }
        }
        Ok(())
    }

    fn parameters(
        &self,
        object: &'t Tree,
        place: &str,
    ) -> Result<Vec<Parameter<'t>>, DocumentError> {
        let list = object.get("parameters").map(Tree::items).unwrap_or_default();
        let read = list.iter().enumerate().map(|(at, parameter)| {
            let place = format!("{place}.parameters[{at}]");
            let object = resolved(self.root, parameter, &place)?;
            let word = |key: &str| object.get(key).and_then(Tree::text).map(str::to_owned);
            match (word("name"), word("in")) {
                (Some(name), Some(at)) => Ok(Parameter { object, name, at }),
                _ => {
                    let hint = "a parameter has a `name`, and says `in` what it stands";
                    Err(DocumentError::new(place, "it is no parameter", hint))
                }
            }
        });
        read.collect()
    }

    fn operations(
        &mut self,
        mut template: PathTemplate,
        operations: &[Operation<'t>],
    ) -> Result<(), DocumentError> {
        let mut known = Operations::default();
        let mut fields = self.fields.remove(template.route()).unwrap_or_default();
        for operation in operations {
            let declared = self.declared(operation)?;
            known.declared.insert(operation.method.clone(), declared);
            self.body_fields(operation, &mut fields)?;
            for parameter in &operation.parameters {
                let found = self.parameter_fields(parameter, &operation.place)?;
                if parameter.at == "path" && !found.is_empty() {
                    known.probed.insert(parameter.name.clone());
                }
                for (name, category) in found {
                    add(&mut fields, &name, category, &operation.place)?;
                }
            }
        }
        self.constrain(&mut template, operations)?;
        self.summary.path_count += 1;
        self.summary.operation_count += operations.len();
        if !fields.is_empty() {
            self.fields.insert(template.route().to_owned(), fields);
        }
        self.templates.insert(template, known);
        Ok(())
    }

    fn declared(&mut self, operation: &Operation<'t>) -> Result<Option<Action>, DocumentError> {
        let Some(said) = operation.object.get(EFFECT) else { return Ok(None) };
        self.effects.insert(place_of(said));
        match said.text() {
            Some("read") => Ok(Some(Action::Read)),
            Some("write") => Ok(Some(Action::Write)),
            _ => {
                let what = format!("`{EFFECT}` says neither");
                Err(DocumentError::new(&operation.place, what, "`read` or `write`"))
            }
        }
    }

    /// The fields of what goes in and of what comes back.
    fn body_fields(
        &mut self,
        operation: &Operation<'t>,
        fields: &mut Fields,
    ) -> Result<(), DocumentError> {
        let Operation { object, place, .. } = operation;
        if let Some(body) = object.get("requestBody") {
            let place = format!("{place}.requestBody");
            self.content(resolved(self.root, body, &place)?, "", &place, fields)?;
        }
        for (status, answer) in object.get("responses").into_iter().flat_map(Tree::members) {
            let place = format!("{place}.responses.{status}");
            let answer = resolved(self.root, answer, &place)?;
            self.content(answer, "", &place, fields)?;
            for (name, header) in answer.get("headers").into_iter().flat_map(Tree::members) {
                let place = format!("{place}.headers.{name}");
                let header = resolved(self.root, header, &place)?;
                self.value(header, &name.to_ascii_lowercase(), &place, fields)?;
            }
        }
        Ok(())
    }

    /// The fields of a value in each of its types.
    fn content(
        &mut self,
        object: &'t Tree,
        name: &str,
        place: &str,
        fields: &mut Fields,
    ) -> Result<(), DocumentError> {
        for (_, kind) in object.get("content").into_iter().flat_map(Tree::members) {
            self.schema_of(kind, name, place, fields)?;
        }
        Ok(())
    }

    /// The fields of the schema that an object has, if it has one.
    fn schema_of(
        &mut self,
        object: &'t Tree,
        name: &str,
        place: &str,
        fields: &mut Fields,
    ) -> Result<(), DocumentError> {
        if let Some(schema) = object.get("schema") {
            for (name, category) in self.schemas.fields(schema, name, place)? {
                add(fields, &name, category, place)?;
            }
        }
        Ok(())
    }

    /// The fields of a parameter, or of a field of a head.
    fn value(
        &mut self,
        object: &'t Tree,
        name: &str,
        place: &str,
        fields: &mut Fields,
    ) -> Result<(), DocumentError> {
        if let Some(category) = self.schemas.own(object, place)? {
            add(fields, name, category, place)?;
        }
        self.schema_of(object, name, place, fields)?;
        self.content(object, name, place, fields)
    }

    fn parameter_fields(
        &mut self,
        parameter: &Parameter<'t>,
        place: &str,
    ) -> Result<Fields, DocumentError> {
        let place = format!("{place}.parameters.{}", parameter.name);
        let name = match parameter.at.as_str() {
            "header" => parameter.name.to_ascii_lowercase(),
            _ => parameter.name.clone(),
        };
        let mut fields = Fields::new();
        self.value(parameter.object, &name, &place, &mut fields)?;
        Ok(fields)
    }

    /// What may stand in the placeholders, where all operations say the same.
    fn constrain(
        &self,
        template: &mut PathTemplate,
        operations: &[Operation<'t>],
    ) -> Result<(), DocumentError> {
        let names: Vec<String> = template.placeholders().map(str::to_owned).collect();
        for name in names {
            let mut said = Vec::new();
            for operation in operations {
                let is_it = |it: &&Parameter<'_>| it.at == "path" && it.name == name;
                let parameter = operation.parameters.iter().find(is_it);
                said.push(match parameter.and_then(|it| it.object.get("schema")) {
                    Some(schema) => constraint(resolved(self.root, schema, &operation.place)?),
                    None => Constraint::Anything,
                });
            }
            if let Some((first, others)) = said.split_first()
                && others.iter().all(|other| other == first)
            {
                template.constrain(&name, first);
            }
        }
        Ok(())
    }

    /// What of the whole document nothing follows, and what could be said in it.
    fn remarks(&mut self, tree: &Tree, place: &mut String) -> Result<(), DocumentError> {
        let length = place.len();
        for (at, item) in tree.items().iter().enumerate() {
            place.push_str(&format!("[{at}]"));
            self.remarks(item, place)?;
            place.truncate(length);
        }
        let format = tree.get("format").and_then(Tree::text);
        let personal = PERSONAL_FORMATS.iter().find(|(word, _)| Some(*word) == format);
        if let Some((word, category)) = personal
            && tree.get(CATEGORY).is_none()
        {
            self.note_proposal(format!(
                "`{place}` says `format: {word}` and no category: add `{CATEGORY}: {category}`, \
                 where a person is meant"
            ));
        }
        for (key, value) in tree.members() {
            if key.starts_with(OWN) {
                self.remark_own(key, value, place)?;
            }
            place.push_str(if length == 0 { "" } else { "." });
            place.push_str(key);
            self.remarks(value, place)?;
            place.truncate(length);
        }
        Ok(())
    }

    fn remark_own(&mut self, key: &str, value: &Tree, place: &str) -> Result<(), DocumentError> {
        let is_followed = match key {
            CATEGORY => self.schemas.has_used(value),
            EFFECT => self.effects.contains(&place_of(value)),
            _ => {
                let what = format!("`{key}` is not known");
                let hint = "`x-portreeve-category` at a property or parameter, \
                            `x-portreeve-effect` at an operation";
                return Err(DocumentError::new(place, what, hint));
            }
        };
        if !is_followed {
            self.note_unused(format!("`{key}` of `{place}` is not used: no operation has it"));
        }
        Ok(())
    }

    fn note_unused(&mut self, note: String) {
        bounded(&mut self.summary.unused, note);
    }

    fn note_proposal(&mut self, note: String) {
        bounded(&mut self.summary.proposals, note);
    }
}

fn bounded(notes: &mut Vec<String>, note: String) {
    match notes.len() {
        0..NOTES_MAX => notes.push(note),
        NOTES_MAX => notes.push("and more of the same kind".to_owned()),
        _ => {}
    }
}

impl Parameter<'_> {
    fn key(&self) -> (String, String) {
        (self.name.clone(), self.at.clone())
    }
}

fn version(root: &Tree) -> Result<String, DocumentError> {
    let said = root.get("openapi").and_then(Tree::word).unwrap_or_default();
    let is_known =
        ["3.0", "3.1"].iter().any(|known| said == *known || said.starts_with(&format!("{known}.")));
    if is_known {
        return Ok(said);
    }
    let what = match root.get("swagger") {
        Some(_) => "it is Swagger 2.0".to_owned(),
        None if said.is_empty() => "it has no `openapi`".to_owned(),
        None => format!("`openapi: {said}` is not read"),
    };
    Err(DocumentError::new("the document", what, "write it as OpenAPI 3.0 or 3.1"))
}

/// What a placeholder may hold by its schema.
fn constraint(schema: &Tree) -> Constraint {
    let word = |key: &str| schema.get(key).and_then(Tree::text);
    let words: Option<Vec<String>> =
        schema.get("enum").map(|list| list.items().iter().filter_map(Tree::word).collect());
    match (words, word("type"), word("format")) {
        (Some(words), _, _) if !words.is_empty() => Constraint::OneOf(words),
        (_, Some("integer"), _) => Constraint::Integer,
        (_, Some("string"), Some("uuid")) => Constraint::Uuid,
        _ => Constraint::Anything,
    }
}

/// Fields by how they are spelled, and by how that is in lower case.
fn in_any_case(fields: Fields) -> Fields {
    let lower = fields.iter().map(|(name, category)| (name.to_lowercase(), category.clone()));
    let mut all: Fields = lower.collect();
    all.extend(fields);
    all
}
