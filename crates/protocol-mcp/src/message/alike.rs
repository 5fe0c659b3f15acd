//! Members that are called like those of the protocol, but for letters that some readers take for
//! the same: Go's `encoding/json` reads `Name` where `name` is meant (and of both the last one),
//! models of Python `progress_token`. What was decided by one name must not be read by another.

use serde_json::{Map, Value};
use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

/// What the protocol calls the members of its messages, in whatever object they stand.
///
/// SPEC: MCP 2025-03-26 to 2026-07-28, `schema.ts`: requests, notifications and results of clients.
const WORDS: [&str; 62] = [
    "_meta",
    "action",
    "annotations",
    "argument",
    "arguments",
    "capabilities",
    "clientInfo",
    "completions",
    "content",
    "context",
    "cursor",
    "data",
    "description",
    "elicitation",
    "experimental",
    "extensions",
    "icons",
    "inputResponses",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
    "io.modelcontextprotocol/protocolVersion",
    "isError",
    "level",
    "listChanged",
    "logger",
    "message",
    "mimeType",
    "model",
    "name",
    "notifications",
    "progress",
    "progressToken",
    "promptsListChanged",
    "protocolVersion",
    "reason",
    "ref",
    "requestId",
    "requestState",
    "resourceSubscriptions",
    "resourcesListChanged",
    "role",
    "roots",
    "sampling",
    "sizes",
    "src",
    "stopReason",
    "structuredContent",
    "subscribe",
    "task",
    "taskId",
    "tasks",
    "text",
    "title",
    "toolsListChanged",
    "total",
    "ttl",
    "type",
    "uri",
    "value",
    "version",
    "websiteUrl",
];

/// What of a message is whoever's has sent it: the protocol has no words in there.
const FREE: [&str; 6] =
    ["arguments", "content", "experimental", "extensions", "inputResponses", "structuredContent"];

/// The words of the protocol, by what readers take for each.
static BY_FOLDED: LazyLock<HashMap<String, &str>> =
    LazyLock::new(|| WORDS.iter().map(|word| (folded(word), *word)).collect());

/// Whether a member of an object of the protocol's could be read as another one.
pub(super) fn has_look_alikes(fields: &Map<String, Value>) -> bool {
    let mut seen = HashSet::with_capacity(fields.len());
    let is_one = |name: &String| {
        let folded = folded(name);
        BY_FOLDED.get(&folded).is_some_and(|word| word != name) || !seen.insert(folded)
    };
    let is_word = |name: &str| WORDS.contains(&name) && !FREE.contains(&name);
    let mut inner = fields.iter().filter(|(name, _)| is_word(name)).map(|(_, value)| value);
    fields.keys().any(is_one) || inner.any(is_one_within)
}

fn is_one_within(value: &Value) -> bool {
    match value {
        Value::Object(fields) => has_look_alikes(fields),
        Value::Array(items) => items.iter().any(is_one_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// A name without what readers see no difference in: the case of its letters, of whatever script
/// (`\u{17f}` is an `s` in lower case), and what stands between words.
fn folded(name: &str) -> String {
    const COMBINING_DOT: char = '\u{307}';
    let letters = name.chars().filter(|c| c.is_alphanumeric());
    let folded = letters.flat_map(char::to_uppercase).flat_map(char::to_lowercase);
    folded.filter(|c| *c != COMBINING_DOT).collect()
}
