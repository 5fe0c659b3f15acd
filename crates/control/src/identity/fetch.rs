//! Small JSON documents from issuers, over HTTP(S), bounded in size and time.

use crate::http::{AnswerBounds, HttpClient};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use std::path::Path;
use std::time::Duration;

/// Gets documents.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: HttpClient,
}

impl Fetcher {
    /// Trusts the authorities of a PEM file, or those of the machine.
    ///
    /// # Errors
    /// The file holds none.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, String> {
        Ok(Self { client: HttpClient::new(ca, DOCUMENT_BOUNDS)? })
    }

    /// Gets one document. The caller has checked that the address may be asked.
    pub(crate) async fn get(&self, address: &str) -> Result<Bytes, String> {
        self.document(address).await.map_err(|why| format!("GET `{address}`: {why}"))
    }

    async fn document(&self, address: &str) -> Result<Bytes, String> {
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .body(Full::default())
            .map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            other => Err(format!("status {}", other.as_u16())),
        }
    }
}

const DOCUMENT_BOUNDS: AnswerBounds =
    AnswerBounds { time_max: Duration::from_secs(5), bytes_max: 64 * 1024 };
