//! Certificates that clients log in with, in exchange for their token.

use super::caller::{Body, Caller, Shared, bad_body, bad_request};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::identity::{CertificateAsk, CertificateGiven};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use portreeve_model::Chain;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Writes certificates, and knows what clients have to know beside them.
pub trait CertificateSigner: Send + Sync {
    /// The fingerprint of a client's public key.
    ///
    /// # Errors
    /// It is none that can be certified, with what to do.
    fn fingerprint(&self, public_key: &str) -> Result<String, String>;

    /// The certificate of a client's public key.
    ///
    /// # Errors
    /// It cannot be made.
    fn sign(&self, public_key: &str, given: &CertificateGiven) -> Result<String, String>;

    /// The public key that the gateway proves itself with.
    fn host_key(&self) -> String;

    /// Where clients are served.
    fn port(&self) -> u16;
}

pub(super) fn routes(routes: Routes) -> Routes {
    let summary = "Certifies a key for what the caller's token says";
    let certified = Operation::post("/v1/certificates", "identity", summary, Access::Token)
        .takes::<CertificateRequest>()
        .answers::<CertificateAnswer>(StatusCode::OK, "A certificate for the key.")
        .errors(&[ErrorCode::Refused, ErrorCode::NotFound]);
    routes.route(certified, certify)
}

/// A key, and where its holder wants to go.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CertificateRequest {
    /// The public key in one line, as `ssh-keygen` writes it.
    public_key: String,
    /// The resources that the certificate is to open: 1 to 16.
    resources: Vec<String>,
    /// For how many seconds; as long as the operator lets it unless it says otherwise. It never
    /// outlives the token.
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A certificate, and what a client has to know beside it.
#[derive(Serialize, JsonSchema)]
struct CertificateAnswer {
    /// The certificate in one line, as OpenSSH reads it from `…-cert.pub`.
    certificate: String,
    /// Its key id: what the evidence calls it.
    certificate_id: String,
    /// Its serial number.
    serial: u64,
    /// The resources that it opens.
    resources: Vec<String>,
    /// In seconds.
    expires_in: u64,
    /// In microseconds since 1970.
    expires_at_us: u64,
    /// Whom it stands for.
    chain: Chain,
    /// The key that the gateway proves itself with.
    host_key: String,
    /// The port where it opens them.
    port: u16,
}

async fn certify(
    State(state): Shared,
    Caller(identity): Caller,
    body: Body<CertificateRequest>,
) -> Result<Json<CertificateAnswer>, ApiError> {
    let Json(CertificateRequest { public_key, resources, expires_in }) = body.map_err(bad_body)?;
    let Some(signer) = &state.certificates else {
        let message = "nobody logs in by certificate at this gateway";
        return Err(ApiError::new(ErrorCode::NotFound, message));
    };
    let key = signer.fingerprint(&public_key).map_err(|why| match why.split_once("\nhint: ") {
        Some((message, hint)) => bad_request(message).hint(hint),
        None => bad_request(why),
    })?;
    let at = SystemTime::now();
    let lifetime = expires_in.map(Duration::from_secs);
    let ask = CertificateAsk { key, resources, lifetime };
    let given = state.authenticator.identities().certify(&identity, ask, at).await?;
    let certificate =
        signer.sign(&public_key, &given).map_err(|why| ApiError::unavailable(&why))?;
    tracing::info!(chain = %identity.chain, serial = given.serial, "a certificate was given");
    let until = given.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(Json(CertificateAnswer {
        certificate,
        certificate_id: given.id,
        serial: given.serial,
        resources: given.resources,
        expires_in: given.expires_at.duration_since(at).unwrap_or_default().as_secs(),
        expires_at_us: u64::try_from(until.as_micros()).unwrap_or(u64::MAX),
        chain: identity.chain,
        host_key: signer.host_key(),
        port: signer.port(),
    }))
}
