//! The one way out over HTTP(S): keys of issuers, witnesses, the operator's commands. No
//! redirects, no cookies, no proxies; the machine's authorities, or those of a file.

use axum::http::{HeaderValue, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A client with bounds on what it takes and how long it waits.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    bounds: AnswerBounds,
}

/// What an answer may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnswerBounds {
    /// From the first byte that is sent to the last one that comes.
    pub(crate) time_max: Duration,
    /// The body.
    pub(crate) bytes_max: usize,
}

/// An answer, whatever its status. A redirect is an answer like any other.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}

impl HttpClient {
    /// Makes a client; without a file of authorities it trusts those of the machine.
    ///
    /// # Errors
    /// The file of authorities cannot be read, or holds none.
    pub(crate) fn new(ca: Option<&Path>, bounds: AnswerBounds) -> Result<Self, String> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls(ca)?)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self { client: Client::builder(TokioExecutor::new()).build(connector), bounds })
    }

    /// Sends a request and takes the whole answer. The caller has checked that the address
    /// may be asked.
    ///
    /// # Errors
    /// No answer, one that takes too long, or one that is too long; for the operator.
    pub(crate) async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<HttpAnswer, String> {
        let agent = HeaderValue::from_static(concat!("portreeve/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        match tokio::time::timeout(self.bounds.time_max, self.send_untimed(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer in {} s", self.bounds.time_max.as_secs_f32())),
        }
    }

    async fn send_untimed(&self, request: Request<Full<Bytes>>) -> Result<HttpAnswer, String> {
        let response = self.client.request(request).await.map_err(|error| causes(&error))?;
        let status = response.status();
        match Limited::new(response.into_body(), self.bounds.bytes_max).collect().await {
            Ok(body) => Ok(HttpAnswer { status, body: body.to_bytes() }),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(format!("longer than {} KiB", self.bounds.bytes_max / 1024))
            }
            Err(error) => Err(causes(error.as_ref())),
        }
    }
}

/// What a client trusts: the authorities of a file, or those of the machine.
///
/// # Errors
/// The file cannot be read, or holds none.
pub(crate) fn tls(ca: Option<&Path>) -> Result<rustls::ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            for certificate in crate::files::certificates(file)? {
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// An error with everything under it: "client error" alone helps nobody.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
