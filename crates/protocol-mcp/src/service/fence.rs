//! Whether a tool is still what a person has approved a call of.

use super::session::Asking;
use portreeve_session::{BoxFuture, Fence, Fenced};
use serde_json::Value;
use std::time::{Duration, Instant};

/// How long ago a server may have said what the tool is: a person takes longer to answer, and a
/// server may change a tool meanwhile and say nothing.
const RECENT: Duration = Duration::from_secs(2);

/// Asks the server for its tools again, and compares.
pub(super) struct ToolFence {
    pub(super) asking: Asking,
    /// `_meta` of the call, as a protocol without a handshake needs it to be asked at all.
    pub(super) meta: Option<Value>,
    pub(super) tool: String,
    /// Of the definition that the person has seen.
    pub(super) digest: String,
}

impl Fence for ToolFence {
    fn check(&self) -> BoxFuture<'_, Result<(), Fenced>> {
        Box::pin(async move {
            let Asking { caller, target, descriptions, .. } = &self.asking;
            let tools = &caller.own.tools;
            let now = Instant::now();
            let recent = now.checked_sub(RECENT).unwrap_or(now);
            if tools.listed_since(&self.tool, recent).is_none() {
                let asked = self.asking.ask_for_tools(&self.tool, self.meta.as_ref()).await;
                asked.map_err(|_| Fenced::Unknown)?;
            }
            let tool = tools.listed_since(&self.tool, recent).ok_or(Fenced::Unknown)?;
            if tool.digest != self.digest || tool.held.is_some() {
                return Err(Fenced::Changed);
            }
            match descriptions.is_pinned(target.name(), &self.tool, &self.digest).await {
                Ok(true) => Ok(()),
                Ok(false) => Err(Fenced::Changed),
                Err(_) => Err(Fenced::Unknown),
            }
        })
    }
}
