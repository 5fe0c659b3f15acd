//! Small JSON documents from issuers, over HTTP(S), bounded in size and time.

use crate::http::{HttpClient, causes};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use std::path::Path;
use std::time::Duration;

/// Gets documents.
#[derive(Clone)]
pub(crate) struct Fetcher {
    client: HttpClient<Empty<Bytes>>,
}

impl Fetcher {
    /// Trusts the authorities of a PEM file, or those of the machine.
    ///
    /// # Errors
    /// The file holds none.
    pub(crate) fn new(ca: Option<&Path>) -> Result<Self, String> {
        Ok(Self { client: crate::http::client(ca)? })
    }

    /// Gets one document. The caller has checked that the address may be asked.
    pub(crate) async fn get(&self, address: &str) -> Result<Bytes, String> {
        match tokio::time::timeout(FETCH_TIMEOUT, self.get_unbounded(address)).await {
            Ok(result) => result.map_err(|why| format!("GET `{address}`: {why}")),
            Err(_) => Err(format!("GET `{address}`: no answer in {} s", FETCH_TIMEOUT.as_secs())),
        }
    }

    async fn get_unbounded(&self, address: &str) -> Result<Bytes, String> {
        let request = Request::get(address)
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, concat!("portreeve/", env!("CARGO_PKG_VERSION")))
            .body(Empty::new())
            .map_err(|error| error.to_string())?;
        let response = self.client.request(request).await.map_err(|error| causes(&error))?;
        if response.status() != StatusCode::OK {
            return Err(format!("status {}", response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), DOCUMENT_BYTES_MAX).collect().await;
        match body {
            Ok(body) => Ok(body.to_bytes()),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(format!("longer than {} KiB", DOCUMENT_BYTES_MAX / 1024))
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
