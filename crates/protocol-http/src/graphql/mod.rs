//! GraphQL over HTTP: one operation a request, decided by what it asks for.
//!
//! SPEC: GraphQL over HTTP (draft of 2025), sections 6 and 7. What servers read in more than one
//! way, or keep for later requests, is refused: several operations without a name, batches,
//! queries that are named by a hash.
//!
//! | file | idea |
//! |---|---|
//! | `lexer` | words and signs |
//! | `syntax` | operations and fragments |
//! | `selection` | what is asked for, and what the answer calls it |

mod lexer;
mod selection;
mod syntax;

pub(crate) use selection::{Reading, Said};

use crate::document::{Tree, Writing};
use http::Method;
use portreeve_model::Action;
use portreeve_web::charset;
use selection::Selected;
use std::collections::BTreeSet;
use syntax::{Document, Kind, Operation};

/// The members of a request.
pub(crate) const MEMBERS: [&str; 4] = ["query", "operationName", "variables", "extensions"];

/// The longest document.
const QUERY_BYTES_MAX: usize = 256 << 10;

/// One operation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Graphql {
    /// What policies call the service.
    route: String,
    is_mutation: bool,
    selected: Selected,
    /// As it came, with its comments and names.
    text: String,
}

/// A request as it was sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent<'a> {
    pub(crate) method: &'a Method,
    /// Names and values of its query.
    pub(crate) parameters: &'a [(String, String)],
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: &'a [u8],
}

/// A request, before it is read.
struct Members {
    query: Option<String>,
    operation_name: Option<String>,
    variables: Option<Tree>,
    extensions: Option<Tree>,
}

impl Graphql {
    /// Reads a request; nothing where it asks for no operation (OPTIONS).
    ///
    /// # Errors
    /// It cannot be read, in the client's words.
    pub(crate) fn read(route: &str, sent: Sent<'_>) -> Result<Option<Self>, String> {
        let members = match sent.method.as_str() {
            "OPTIONS" => return Ok(None),
            "GET" | "HEAD" => Members::of_query(sent)?,
            "POST" => Members::of_body(sent)?,
            other => return Err(format!("`{other}` asks for no operation")),
        };
        let query = members.query.as_deref().unwrap_or_default();
        if query.len() > QUERY_BYTES_MAX {
            return Err(format!("the query has more than {QUERY_BYTES_MAX} bytes"));
        }
        let document = Document::read(query).map_err(|why| format!("the query: {why}"))?;
        let operation = chosen(&document, members.operation_name.as_deref())?;
        let is_mutation = match operation.kind {
            Kind::Query => false,
            Kind::Mutation => true,
            Kind::Subscription => return Err("subscriptions are not carried".to_owned()),
        };
        if is_mutation && sent.method != Method::POST {
            return Err("a mutation is sent by POST".to_owned());
        }
        let selected = Selected::of(&document, operation, members.variables.as_ref());
        let mut selected = selected.map_err(|why| format!("the query: {why}"))?;
        if let Some(extensions) = &members.extensions {
            selected.said.tree("", extensions)?;
        }
        let text = [query, members.operation_name.as_deref().unwrap_or_default()].join("\n");
        Ok(Some(Self { route: route.to_owned(), is_mutation, selected, text }))
    }

    /// What it does.
    pub(crate) const fn action(&self) -> Action {
        if self.is_mutation { Action::Write } else { Action::Read }
    }

    /// What policies call the fields of the operation itself.
    pub(crate) fn tops(&self) -> BTreeSet<String> {
        self.selected.shape.tops().into_iter().map(|top| self.top(top)).collect()
    }

    /// What policies call a field of the operation itself.
    pub(crate) fn top(&self, name: &str) -> String {
        let kind = if self.is_mutation { "mutation" } else { "query" };
        format!("{}/{kind}/{}", self.route.trim_end_matches('/'), name.to_ascii_lowercase())
    }

    /// What a path of the answer stands for.
    pub(crate) fn readings(&self, path: &str) -> BTreeSet<Reading> {
        self.selected.shape.readings(path)
    }

    /// In how many ways a path can be read at most.
    pub(crate) fn readings_max(&self) -> usize {
        self.selected.shape.readings_max()
    }

    /// All that is asked, as it is written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// What is said beside the fields.
    pub(crate) const fn said(&self) -> &Said {
        &self.selected.said
    }
}

/// The operation that is asked for.
fn chosen<'d>(document: &'d Document, name: Option<&str>) -> Result<&'d Operation, String> {
    let operations = &document.operations;
    match (name.filter(|name| !name.is_empty()), operations.as_slice()) {
        (None, [one]) => Ok(one),
        (None, []) => Err("the query holds no operation".to_owned()),
        (None, _) => Err("the query holds several operations, and none is named".to_owned()),
        (Some(name), _) => {
            let is_it = |operation: &&Operation| operation.name.as_deref() == Some(name);
            let mut named = operations.iter().filter(is_it);
            match (named.next(), named.next()) {
                (Some(one), None) => Ok(one),
                (None, _) => Err(format!("there is no operation `{name}`")),
                (Some(_), Some(_)) => Err(format!("there are two operations `{name}`")),
            }
        }
    }
}

impl Members {
    fn of_query(sent: Sent<'_>) -> Result<Self, String> {
        let mut found =
            Self { query: None, operation_name: None, variables: None, extensions: None };
        for (name, value) in sent.parameters {
            let tree = || {
                let read = Tree::read(value, Writing::Json);
                read.map_err(|why| format!("`{name}` is no JSON: {why}"))
            };
            let is_taken = match name.as_str() {
                "query" => found.query.replace(value.clone()).is_some(),
                "operationName" => found.operation_name.replace(value.clone()).is_some(),
                "variables" => found.variables.replace(tree()?).is_some(),
                "extensions" => found.extensions.replace(tree()?).is_some(),
                other => return Err(format!("`{other}` is not read")),
            };
            if is_taken {
                return Err(format!("`{name}` stands there twice"));
            }
        }
        found.checked()
    }

    fn of_body(sent: Sent<'_>) -> Result<Self, String> {
        let whole = sent.content_type.unwrap_or_default();
        let kind = whole.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        // What is one text in UTF-8 can be another one in its charset.
        if charset(whole).is_some_and(|name| !matches!(name.as_str(), "utf-8" | "utf8")) {
            return Err("an operation is written in UTF-8".to_owned());
        }
        if !matches!(kind.as_str(), "application/json" | "application/graphql+json") {
            return Err("an operation is sent as `application/json`".to_owned());
        }
        let of_members =
            |(name, _): &&(String, String)| MEMBERS.iter().any(|it| it.eq_ignore_ascii_case(name));
        if let Some((name, _)) = sent.parameters.iter().find(of_members) {
            return Err(format!("`{name}` stands in the address and in the body"));
        }
        let text = std::str::from_utf8(sent.body).map_err(|why| why.to_string())?;
        let tree = Tree::read(text, Writing::Json)?;
        let Tree::Map(mut members) = tree else {
            return Err("one operation is sent at a time, as an object".to_owned());
        };
        let mut text = |name: &str| match members.remove(name) {
            None | Some(Tree::Null) => Ok(None),
            Some(Tree::Text(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` is no text")),
        };
        let (query, operation_name) = (text("query")?, text("operationName")?);
        let (variables, extensions) = (members.remove("variables"), members.remove("extensions"));
        match members.into_iter().next() {
            Some((name, _)) => Err(format!("`{name}` is not read")),
            None => Self { query, operation_name, variables, extensions }.checked(),
        }
    }

    /// What a server keeps under a hash nobody has seen.
    fn checked(self) -> Result<Self, String> {
        for (name, tree) in [("variables", &self.variables), ("extensions", &self.extensions)] {
            if !matches!(tree, None | Some(Tree::Null | Tree::Map(_))) {
                return Err(format!("`{name}` is no object"));
            }
        }
        let persisted = self.extensions.as_ref().and_then(|it| it.get("persistedQuery"));
        match (persisted, &self.query) {
            (Some(_), _) => Err("queries that a hash stands for are not read".to_owned()),
            (None, None) => Err("there is no `query`".to_owned()),
            (None, Some(_)) => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests;
