//! The two eras of the protocol, and what the fields of a head say of a message.

use crate::message::{Call, NAME_BYTES_MAX};
use crate::tools::Tool;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use serde_json::Value;

/// The version without a handshake.
const STATELESS: &str = "2026-07-28";
/// Versions with one, that are carried.
const WITH_SESSIONS: [&str; 3] = ["2025-03-26", "2025-06-18", "2025-11-25"];
/// The member of `_meta` that says the version.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";

/// How a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Era {
    /// With a handshake and a session (to 2025-11-25).
    Sessions,
    /// Every message says all that there is to know (2026-07-28).
    Stateless,
}

impl Era {
    /// What the head of a request says; none where it is a version that nobody carries.
    pub(super) fn of(fields: &HeaderMap) -> Option<Self> {
        match one(fields, "mcp-protocol-version") {
            Ok(None) => Some(Self::Sessions),
            Ok(Some(STATELESS)) => Some(Self::Stateless),
            Ok(Some(version)) if WITH_SESSIONS.contains(&version) => Some(Self::Sessions),
            Ok(Some(_)) | Err(()) => None,
        }
    }

    /// Every version that is carried.
    pub(super) fn versions() -> impl Iterator<Item = &'static str> {
        WITH_SESSIONS.into_iter().chain([STATELESS])
    }
}

/// Whether a version that a server answers `initialize` with is one that is carried.
pub(super) fn is_with_sessions(version: &str) -> bool {
    WITH_SESSIONS.contains(&version)
}

fn one<'f>(fields: &'f HeaderMap, name: &str) -> Result<Option<&'f str>, ()> {
    let mut values = fields.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|text| Some(text.trim())).map_err(|_| ()),
        (Some(_), Some(_)) => Err(()),
    }
}

/// The field of a head, decoded.
fn decoded(fields: &HeaderMap, name: &str) -> Result<Option<String>, ()> {
    let Some(text) = one(fields, name)? else { return Ok(None) };
    let inner = text.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    match inner {
        None => Ok(Some(text.to_owned())),
        Some(inner) => {
            let bytes = BASE64.decode(inner).map_err(|_| ())?;
            String::from_utf8(bytes).map(Some).map_err(|_| ())
        }
    }
}

/// A value as a field of a head has it.
fn encoded(value: &str) -> String {
    let is_plain = value.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        && value.trim() == value
        && !(value.starts_with("=?base64?") && value.ends_with("?="));
    match is_plain {
        true => value.to_owned(),
        false => format!("=?base64?{}?=", BASE64.encode(value)),
    }
}

/// What a message without a handshake is about, as its head must repeat it.
fn named(call: &Call) -> Option<&str> {
    let key = match call.method.as_str() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return None,
    };
    call.params.get(key).and_then(Value::as_str)
}

/// Where the head of a message without a handshake says something else than the message.
///
/// SPEC: MCP 2026-07-28, streamable HTTP, "Server Validation".
pub(super) fn mismatch(fields: &HeaderMap, call: &Call, tool: Option<&Tool>) -> Option<String> {
    let meta = call.params.get("_meta").and_then(|meta| meta.get(VERSION_KEY));
    if meta.and_then(Value::as_str) != Some(STATELESS) {
        return Some(format!("`MCP-Protocol-Version` does not match `_meta.{VERSION_KEY}`"));
    }
    if decoded(fields, "mcp-method") != Ok(Some(call.method.clone())) {
        return Some("`Mcp-Method` does not match `method`".to_owned());
    }
    if decoded(fields, "mcp-name") != Ok(named(call).map(str::to_owned)) {
        return Some("`Mcp-Name` does not match the message".to_owned());
    }
    let mirrored = tool.map(|tool| mirrored(call, tool)).unwrap_or_default();
    mirrored.into_iter().find_map(|(name, value)| {
        let said = decoded(fields, &format!("mcp-param-{name}"));
        (said != Ok(value)).then(|| format!("`Mcp-Param-{name}` does not match its argument"))
    })
}

/// The arguments that the head repeats: a field and a value each; none where there is none.
fn mirrored(call: &Call, tool: &Tool) -> Vec<(String, Option<String>)> {
    let of = |(path, name): &(Vec<String>, String)| {
        let mut value = call.params.get("arguments");
        for part in path {
            value = value.and_then(|inner| inner.get(part));
        }
        let text = match value {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Bool(flag)) => Some(flag.to_string()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(Value::Null | Value::Array(_) | Value::Object(_)) | None => None,
        };
        (name.clone(), text)
    };
    tool.mirrored.iter().map(of).collect()
}

/// The fields that go on with a message without a handshake: made of what was decided.
pub(super) fn mirrors(call: &Call, tool: Option<&Tool>) -> Vec<(String, String)> {
    let mut fields = vec![
        ("mcp-protocol-version".to_owned(), STATELESS.to_owned()),
        ("mcp-method".to_owned(), encoded(&call.method)),
    ];
    fields.extend(named(call).map(|name| ("mcp-name".to_owned(), encoded(name))));
    let is_name = |name: &str| {
        name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let mirrored = tool.map(|tool| mirrored(call, tool)).unwrap_or_default();
    fields.extend(mirrored.into_iter().filter_map(|(name, value)| {
        is_name(&name).then(|| Some((format!("mcp-param-{name}"), encoded(&value?))))?
    }));
    fields
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;

    fn call(text: &str) -> Call {
        match Message::read(text).unwrap() {
            Message::Call(call) => call,
            Message::Note(_) | Message::Answer(_) => panic!("{text}"),
        }
    }

    fn fields(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<Vec<(http::HeaderName, http::HeaderValue)>>()
            .into_iter()
            .collect()
    }

    #[test]
    fn what_the_head_says_is_what_the_message_says() {
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"söke","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let good = [("mcp-method", "tools/call"), ("mcp-name", "=?base64?c8O2a2U=?=")];
        assert_eq!(mismatch(&fields(&good), &call(text), None), None);
        for bad in [
            vec![good[0]],
            vec![good[1]],
            vec![good[0], ("mcp-name", "other")],
            vec![good[0], good[1], good[1]],
            vec![("mcp-method", "Tools/call"), good[1]],
        ] {
            assert!(mismatch(&fields(&bad), &call(text), None).is_some(), "{bad:?}");
        }
        let sent = mirrors(&call(text), None);
        assert!(sent.contains(&("mcp-name".to_owned(), "=?base64?c8O2a2U=?=".to_owned())));
        let old = text.replace("2026-07-28", "2025-11-25");
        assert!(mismatch(&fields(&good), &call(&old), None).is_some());
    }

    #[test]
    fn arguments_that_a_head_repeats_are_compared() {
        let tool = Tool {
            effect: crate::tools::Effect::Read,
            digest: String::new(),
            mirrored: vec![(vec!["region".to_owned()], "region".to_owned())],
            held: None,
        };
        let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"eu"},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#;
        let head = [("mcp-method", "tools/call"), ("mcp-name", "t"), ("mcp-param-region", "eu")];
        assert_eq!(mismatch(&fields(&head), &call(text), Some(&tool)), None);
        assert!(mismatch(&fields(&head[..2]), &call(text), Some(&tool)).is_some());
        let us = [head[0], head[1], ("mcp-param-region", "us")];
        assert!(mismatch(&fields(&us), &call(text), Some(&tool)).is_some());
    }
}
