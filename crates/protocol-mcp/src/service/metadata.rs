//! How a client learns where to get a token (RFC 9728).

use super::Mcp;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use portreeve_web::{AnswerBody, Connection, Problem, plain};
use serde_json::json;

/// Where the metadata of a protected resource stands (RFC 9728 section 3.1).
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

impl Mcp {
    /// The answer to whoever asks for the metadata; they need no token for it.
    pub(super) fn metadata<W>(
        &self,
        parts: &Parts,
        connection: &Connection<W>,
    ) -> Result<Option<Response<AnswerBody>>, Problem> {
        let Some(path) = parts.uri.path().strip_prefix(WELL_KNOWN) else { return Ok(None) };
        if parts.method != Method::GET {
            let why = "the metadata can be read only";
            return Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, why, ""));
        }
        let base = base(parts, connection).ok_or_else(|| {
            Problem::new(StatusCode::BAD_REQUEST, "the request names no host", "")
        })?;
        let metadata = json!({
            "resource": format!("{base}{path}"),
            "authorization_servers": self.issuers,
            "bearer_methods_supported": ["header"],
            "resource_name": "Portreeve",
        });
        Ok(Some(plain(StatusCode::OK, "application/json", metadata.to_string())))
    }

    /// Where the metadata of what was asked for stands.
    pub(super) fn metadata_url<W>(
        &self,
        parts: &Parts,
        connection: &Connection<W>,
    ) -> Option<String> {
        let base = base(parts, connection)?;
        let path = parts.uri.path();
        let is_plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.');
        path.bytes().all(is_plain).then(|| format!("{base}{WELL_KNOWN}{path}"))
    }
}

/// The scheme and authority that the client has asked for.
fn base<W>(parts: &Parts, connection: &Connection<W>) -> Option<String> {
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.or(parts.uri.authority().map(http::uri::Authority::as_str))?;
    let is_plain = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']' | b'_')
    };
    let scheme = if connection.tls == "none" { "http" } else { "https" };
    host.bytes().all(is_plain).then(|| format!("{scheme}://{host}"))
}
