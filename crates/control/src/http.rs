//! The way out over HTTP(S), for keys of issuers and for the operator's commands: no
//! redirects, no cookies, no proxies; the machine's authorities, or those of a file.

use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::RootCertStore;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A client that sends bodies of type `B`.
pub(crate) type HttpClient<B> = Client<HttpsConnector<HttpConnector>, B>;

/// Makes a client.
///
/// # Errors
/// The file of authorities cannot be read, or holds none.
pub(crate) fn client<B>(ca: Option<&Path>) -> Result<HttpClient<B>, String>
where
    B: hyper::body::Body + Send,
    B::Data: Send,
{
    let mut roots = RootCertStore::empty();
    match ca {
        Some(file) => {
            for certificate in crate::config::certificates(file)? {
                roots.add(certificate).map_err(|error| error.to_string())?;
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_TIMEOUT));
    let connector = hyper_rustls::HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// An error with everything under it: "client error" alone helps nobody.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
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
