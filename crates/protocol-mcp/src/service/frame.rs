//! What stands around a message on its way to a server: nothing of it comes from the message.

use bytes::Bytes;
use http::Method;

/// How a server takes messages.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Frame {
    /// A program: one on a line.
    Line,
    /// One in a request.
    Http {
        /// Host and port, as configured.
        authority: String,
        /// As configured.
        path: String,
        /// The session that the server has begun.
        session: Option<String>,
        /// The version that was agreed on.
        version: Option<String>,
    },
}

impl Frame {
    /// A message in it; `mirrors` are fields that repeat parts of the message.
    pub(super) fn put(&self, method: &Method, mirrors: &[(String, String)], text: &str) -> Bytes {
        let Self::Http { authority, path, session, version } = self else {
            return format!("{text}\n").into();
        };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {authority}\r\naccept: application/json, \
             text/event-stream\r\naccept-encoding: identity\r\n",
        );
        let mut push = |name: &str, value: &str| {
            head.push_str(&format!("{name}: {value}\r\n"));
        };
        session.iter().for_each(|session| push("mcp-session-id", session));
        version.iter().for_each(|version| push("mcp-protocol-version", version));
        mirrors.iter().for_each(|(name, value)| push(name, value));
        if *method == Method::POST {
            push("content-type", "application/json");
            push("content-length", &text.len().to_string());
        }
        format!("{head}\r\n{text}").into()
    }
}
