//! Lists of what a server has, without what the caller may not use.

use crate::request::{call_of, read_of};
use crate::target::Target;
use crate::tools::{Descriptions, Tools};
use portreeve_model::{Command, Object};
use portreeve_session::Snapshot;
use serde_json::Value;

/// Filters the result of a list; nothing where the method is none. The answer is for this
/// caller alone, so no cache may share it.
pub(crate) async fn filter(
    (method, result): (&str, &mut Value),
    (target, tools): (&Target, &Tools),
    descriptions: &dyn Descriptions,
    snapshot: &Snapshot,
) -> bool {
    match method {
        "tools/list" => filter_tools(result, (target, tools), descriptions, snapshot).await,
        "prompts/list" => keep(result, "prompts", snapshot, |entry| {
            Some(read_of("prompts/get", target.prompt(entry.get("name")?.as_str()?)))
        }),
        "resources/list" => keep(result, "resources", snapshot, |entry| {
            Some(resource(target.resource(entry.get("uri")?.as_str()?)))
        }),
        "resources/templates/list" => keep(result, "resourceTemplates", snapshot, |entry| {
            Some(resource(target.resource(entry.get("uriTemplate")?.as_str()?)))
        }),
        _ => return false,
    }
    if let Some(fields) = result.as_object_mut()
        && let Some(scope) = fields.get_mut("cacheScope")
    {
        *scope = "private".into();
    }
    true
}

fn resource(object: Object) -> Command {
    read_of("resources/read", object)
}

fn keep(
    result: &mut Value,
    name: &str,
    snapshot: &Snapshot,
    command: impl Fn(&Value) -> Option<Command>,
) {
    if let Some(entries) = result.get_mut(name).and_then(Value::as_array_mut) {
        entries.retain(|entry| command(entry).is_some_and(|one| snapshot.permits(&one)));
    }
}

async fn filter_tools(
    result: &mut Value,
    (target, tools): (&Target, &Tools),
    descriptions: &dyn Descriptions,
    snapshot: &Snapshot,
) {
    let Some(entries) = result.get_mut("tools").and_then(Value::as_array_mut) else { return };
    let found = tools.take(target.name(), entries, descriptions).await;
    let mut found = found.into_iter();
    entries.retain(|_| {
        let Some(Some((name, tool))) = found.next() else { return false };
        tool.held.is_none() && snapshot.permits(&call_of(target, &name, &tool))
    });
}
