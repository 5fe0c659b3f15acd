//! What the gateway itself offers as a server: an agent without a driver asks databases through
//! the same decisions, masks and records as everybody else.

mod answers;
mod offers;

pub use offers::{Offered, Offers, Query, Rows, Run, Trouble};

use crate::message::Call;
use answers::{Answered, tools};
use portreeve_model::Secret;
use portreeve_session::Identity;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// Who calls.
pub(crate) struct Calling<'a> {
    pub(crate) token: &'a Secret<String>,
    pub(crate) identity: &'a Identity,
    pub(crate) client: SocketAddr,
}

/// The version that a client gets that asks for none that is carried.
const VERSION: &str = "2025-11-25";
/// As a model reads it.
const INSTRUCTIONS: &str = "Databases behind Portreeve. Personal data is masked unless policy \
    reveals it; what is refused says why and what to do. Begin with `list_resources`, then \
    `describe`. A statement that waits for a person gives the id of a review: ask \
    `check_review`, and send the same statement again once it is approved.";

/// Answers a call of a client; none where the method is not known.
pub(crate) async fn answer(
    offers: &dyn Offers,
    calling: &Calling<'_>,
    call: &Call,
    versions: &[&str],
) -> Option<Value> {
    let described = || {
        json!({
            "capabilities": {"tools": {}},
            "instructions": INSTRUCTIONS,
        })
    };
    let mut result = match call.method.as_str() {
        "initialize" => {
            let asked = call.params.get("protocolVersion").and_then(Value::as_str);
            let version = asked.filter(|asked| versions.contains(asked)).unwrap_or(VERSION);
            let mut result = described();
            result["protocolVersion"] = version.into();
            result["serverInfo"] =
                json!({"name": "portreeve", "version": env!("CARGO_PKG_VERSION")});
            result
        }
        "server/discover" => {
            let mut result = described();
            result["supportedVersions"] = json!(["2026-07-28"]);
            result["ttlMs"] = 0.into();
            result["cacheScope"] = "private".into();
            result
        }
        "ping" => json!({}),
        "tools/list" => json!({"tools": tools(), "ttlMs": 0, "cacheScope": "private"}),
        "tools/call" => Answered::to(offers, calling, call).await.into_result(),
        _ => return None,
    };
    result["resultType"] = "complete".into();
    Some(result)
}
