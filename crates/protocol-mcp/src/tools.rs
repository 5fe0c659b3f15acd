//! What a server says of its tools, and whether that is what was seen before.
//!
//! A model does what a description tells it to. So a description is pinned when it is first
//! seen; one that changes is held until an operator has looked at it, and so is a name that
//! looks like one of another server.

use aws_lc_rs::digest::{SHA256, digest};
use portreeve_session::BoxFuture;
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Tools of one server that are looked at. The rest is not shown.
pub(crate) const TOOLS_MAX: usize = 2_000;

/// How long a list is believed: a server may change a tool and say nothing.
const FRESH: Duration = Duration::from_secs(60);

/// What stands in the way of a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Pinned {
    /// It is the one that is pinned, or was pinned now.
    Same,
    /// Another one is pinned.
    Changed,
    /// Its name looks like that of another tool: `resource.tool`.
    LooksLike(String),
}

/// Keeps what was seen of tools: a port, behind which the control store is.
pub trait Descriptions: Send + Sync {
    /// Whether a description is the one that is pinned.
    ///
    /// # Errors
    /// It cannot be found out.
    fn is_pinned<'a>(
        &'a self,
        resource: &'a str,
        tool: &'a str,
        digest: &'a str,
    ) -> BoxFuture<'a, Result<bool, String>>;

    /// Looks at a description, and pins it where none is pinned.
    ///
    /// # Errors
    /// It cannot be found out.
    fn look<'a>(
        &'a self,
        resource: &'a str,
        tool: &'a str,
        digest: &'a str,
        text: &'a str,
    ) -> BoxFuture<'a, Result<Pinned, String>>;
}

/// What a tool does to what it reaches, as its server says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Effect {
    /// It reads only.
    Read,
    /// It changes something, and takes nothing away.
    Add,
    /// It may change or delete.
    Change,
}

/// A tool.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) effect: Effect,
    /// SHA-256 of its definition.
    pub(crate) digest: String,
    /// Arguments that are repeated in fields of a head (`x-mcp-header`), by their paths.
    pub(crate) mirrored: Vec<(Vec<String>, String)>,
    /// Why it may not be called, in the client's words.
    pub(crate) held: Option<String>,
}

/// The tools of one server, as one session has seen them.
#[derive(Debug, Default)]
pub(crate) struct Tools(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// With when each was listed last.
    tools: HashMap<String, (Arc<Tool>, Instant)>,
}

impl Tools {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of a tool; none where the server has to be asked first, or again.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Tool>> {
        let known = self.lock();
        let (tool, listed) = known.tools.get(name)?;
        (listed.elapsed() < FRESH && tool.held.is_none()).then(|| tool.clone())
    }

    /// The server has said that they are others now.
    pub(crate) fn forget(&self) {
        self.lock().tools.clear();
    }

    /// What was listed last of a tool, held or not.
    pub(crate) fn listed(&self, name: &str) -> Option<Arc<Tool>> {
        self.lock().tools.get(name).map(|(tool, _)| tool.clone())
    }

    /// The same, where it was listed no longer ago than then.
    pub(crate) fn listed_since(&self, name: &str, then: Instant) -> Option<Arc<Tool>> {
        let known = self.lock();
        known.tools.get(name).filter(|(_, listed)| *listed >= then).map(|(tool, _)| tool.clone())
    }

    /// Takes over what a list says, one page after the other. Gives what was read of each, in
    /// the order of the list; none where an entry is no tool.
    pub(crate) async fn take(
        &self,
        resource: &str,
        listed: &[Value],
        descriptions: &dyn Descriptions,
    ) -> Vec<Option<(String, Arc<Tool>)>> {
        let mut found = Vec::with_capacity(listed.len());
        for entry in listed.iter().take(TOOLS_MAX) {
            found.push(match read(entry) {
                Some((name, mut tool)) => {
                    let definition = entry.to_string();
                    let looked =
                        descriptions.look(resource, &name, &tool.digest, &definition).await;
                    tool.held = held(resource, &name, looked);
                    Some((name, Arc::new(tool)))
                }
                None => None,
            });
        }
        let (mut known, now) = (self.lock(), Instant::now());
        known.tools.retain(|_, (_, listed)| listed.elapsed() < FRESH);
        for (name, tool) in found.iter().flatten() {
            if known.tools.len() < TOOLS_MAX || known.tools.contains_key(name) {
                known.tools.insert(name.clone(), (tool.clone(), now));
            }
        }
        found
    }
}

fn held(resource: &str, name: &str, looked: Result<Pinned, String>) -> Option<String> {
    match looked {
        Ok(Pinned::Same) => None,
        Ok(Pinned::Changed) => Some(format!(
            "the definition of the tool `{name}` has changed since it was approved: an operator \
             looks at it with `portreeve tools show {resource} {name}`"
        )),
        Ok(Pinned::LooksLike(other)) => Some(format!(
            "the name of the tool `{name}` looks like `{other}`: an operator looks at it with \
             `portreeve tools show {resource} {name}`"
        )),
        Err(why) => Some(format!("the definition of the tool `{name}` cannot be checked: {why}")),
    }
}

/// Reads an entry of a list. A name in other letters than the protocol recommends could look
/// like any other.
fn read(entry: &Value) -> Option<(String, Tool)> {
    let name = entry.get("name")?.as_str()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if name.is_empty() || name.len() > 128 || !name.chars().all(is_plain) {
        return None;
    }
    let hint = |hint: &str| entry.get("annotations").and_then(|all| all.get(hint)?.as_bool());
    // SPEC: MCP `ToolAnnotations`: without hints a tool may destroy.
    let effect = match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(true), _) => Effect::Read,
        (_, Some(false)) => Effect::Add,
        _ => Effect::Change,
    };
    let mut mirrored = Vec::new();
    if let Some(schema) = entry.get("inputSchema") {
        find_mirrored(schema, &mut Vec::new(), &mut mirrored)?;
    }
    let tool = Tool { effect, digest: digest_of(entry), mirrored, held: None };
    Some((name.to_owned(), tool))
}

/// Arguments of one tool that may be repeated in heads, levels down to them, and bytes of a name.
const MIRRORED_MAX: usize = 32;
const MIRRORED_DEPTH_MAX: usize = 8;
const MIRRORED_NAME_BYTES_MAX: usize = 128;

/// Arguments that are reached by `properties` only; nothing where there are too many.
///
/// SPEC: MCP 2026-07-28, streamable HTTP, "Schema Extension".
fn find_mirrored(
    schema: &Value,
    path: &mut Vec<String>,
    out: &mut Vec<(Vec<String>, String)>,
) -> Option<()> {
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
        return Some(());
    };
    for (name, inner) in properties {
        let field = inner.get("x-mcp-header").and_then(Value::as_str);
        if field.is_none() && inner.get("properties").is_none() {
            continue;
        }
        if path.len() >= MIRRORED_DEPTH_MAX || name.len() > MIRRORED_NAME_BYTES_MAX {
            return None;
        }
        path.push(name.clone());
        if let Some(field) = field {
            if out.len() >= MIRRORED_MAX || field.len() > MIRRORED_NAME_BYTES_MAX {
                return None;
            }
            out.push((path.clone(), field.to_ascii_lowercase()));
        }
        find_mirrored(inner, path, out)?;
        path.pop();
    }
    Some(())
}

/// The digest of a definition, whatever the order of its members.
fn digest_of(entry: &Value) -> String {
    let text = sorted(entry).to_string();
    let mut hex = String::with_capacity(64);
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// The same, whatever the order of its members.
pub(crate) fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            let of =
                |name: &String| (name.clone(), sorted(fields.get(name).unwrap_or(&Value::Null)));
            Value::Object(names.into_iter().map(of).collect::<Map<_, _>>())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn effects_come_from_hints_and_the_worst_is_assumed() {
        let effect = |annotations: Value| {
            read(&json!({"name": "t", "annotations": annotations})).unwrap().1.effect
        };
        assert_eq!(effect(json!({"readOnlyHint": true})), Effect::Read);
        assert_eq!(effect(json!({"destructiveHint": false})), Effect::Add);
        assert_eq!(effect(json!({})), Effect::Change);
        assert_eq!(effect(json!({"readOnlyHint": "true"})), Effect::Change);
        assert!(read(&json!({"name": "t\u{200b}"})).is_none());
        assert!(read(&json!({"name": "раypal"})).is_none(), "Cyrillic letters");
    }

    #[test]
    fn a_digest_is_of_what_is_said_not_of_how() {
        let one = digest_of(&json!({"name": "t", "inputSchema": {"a": 1, "b": [1, 2]}}));
        assert_eq!(one, digest_of(&json!({"inputSchema": {"b": [1, 2], "a": 1}, "name": "t"})));
        assert_ne!(one, digest_of(&json!({"name": "t", "inputSchema": {"a": 1, "b": [2, 1]}})));
    }

    #[test]
    fn mirrored_arguments_are_found_by_properties_only() {
        let schema = json!({"properties": {
            "region": {"x-mcp-header": "Region"},
            "a": {"properties": {"b": {"x-mcp-header": "B"}}, "items": {"properties": {"c": {"x-mcp-header": "C"}}}},
        }});
        let mut found = Vec::new();
        find_mirrored(&schema, &mut Vec::new(), &mut found).unwrap();
        assert_eq!(
            found,
            [
                (vec!["region".to_owned()], "region".to_owned()),
                (vec!["a".to_owned(), "b".to_owned()], "b".to_owned())
            ]
        );
    }
}
