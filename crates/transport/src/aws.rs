//! Signatures of AWS (Signature Version 4): what is the same whoever signs. Which fields of a
//! request are signed, and how its path is spelled, is the caller's.
//!
//! SPEC: AWS General Reference, "Create a signed AWS API request".

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use std::fmt::Write as _;

/// The name of the algorithm, as fields have it.
pub const AWS_ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What requests are signed with.
#[derive(Clone, Copy)]
pub struct AwsKey<'k> {
    /// The key.
    pub secret: &'k str,
    /// The region that the target is in.
    pub region: &'k str,
    /// What the target is called in signatures: `execute-api`, `s3`.
    pub service: &'k str,
}

/// What says that a request is signed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AwsSignature {
    /// For which day, region and service.
    pub scope: String,
    /// In hexadecimal.
    pub signature: String,
}

impl AwsKey<'_> {
    /// Signs a request in the one spelling that both sides have. `time` is `YYYYMMDDTHHMMSSZ`,
    /// as in `x-amz-date`.
    #[must_use]
    pub fn sign(&self, time: &str, canonical: &str) -> AwsSignature {
        let Self { secret, region, service } = self;
        let date = time.split('T').next().unwrap_or_default();
        let scope = format!("{date}/{region}/{service}/aws4_request");
        let hash = hex(digest(&SHA256, canonical.as_bytes()).as_ref());
        let signed = format!("{AWS_ALGORITHM}\n{time}\n{scope}\n{hash}");
        let first = format!("AWS4{secret}").into_bytes();
        let parts = [date, region, service, "aws4_request"];
        let key = parts.iter().fold(first, |key, part| mac(&key, part));
        AwsSignature { scope, signature: hex(&mac(&key, &signed)) }
    }
}

impl std::fmt::Debug for AwsKey<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AwsKey").field("service", &self.service).finish_non_exhaustive()
    }
}

/// Everything encoded but what RFC 3986 section 2.3 calls unreserved, and these.
#[must_use]
pub fn percent_encode(bytes: &[u8], kept: &str) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(*byte));
            }
            byte if kept.as_bytes().contains(byte) => out.push(char::from(*byte)),
            byte => {
                let _ = write!(out, "%{byte:02X}");
            }
        }
    }
    out
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
