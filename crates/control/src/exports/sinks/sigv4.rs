//! AWS Signature Version 4 of one request, as S3 and what speaks like it want it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

/// Who signs, and for what.
pub(super) struct Signer<'s> {
    pub(super) access_key: &'s str,
    pub(super) secret_key: &'s str,
    pub(super) region: &'s str,
}

/// What is signed: a request without a query.
pub(super) struct Signed<'s> {
    pub(super) method: &'s str,
    /// As it is sent, percent-encoded.
    pub(super) path: &'s str,
    /// Names in lower case, sorted; `host` and `x-amz-date` among them.
    pub(super) headers: &'s [(&'s str, &'s str)],
    /// SHA-256 of the body, in hexadecimal.
    pub(super) body_hash: &'s str,
    /// `YYYYMMDDTHHMMSSZ`, as in `x-amz-date`.
    pub(super) time: &'s str,
}

impl Signer<'_> {
    /// The header `Authorization`.
    pub(super) fn authorization(&self, request: &Signed<'_>) -> String {
        let date = request.time.split('T').next().unwrap_or_default();
        let scope = format!("{date}/{}/s3/aws4_request", self.region);
        let names = request.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}:{}\n", value.trim()))
            .collect();
        let Signed { method, path, body_hash, time, .. } = request;
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{body_hash}");
        let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", hash(canonical.as_bytes()));
        let key = ["s3", "aws4_request"].iter().fold(
            mac(&mac(format!("AWS4{}", self.secret_key).as_bytes(), date), self.region),
            |key, part| mac(&key, part),
        );
        let signature = hex(&mac(&key, &to_sign));
        let access_key = self.access_key;
        format!(
            "AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={names},\
             Signature={signature}"
        )
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

/// SHA-256 in hexadecimal.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex(digest(&SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path's part as it is sent: everything but letters, digits and `-._~` is encoded.
pub(super) fn encode(part: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    part.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_put_is_signed_as_the_manual_of_s3_does() {
        // "Example: PUT Object" of the page above.
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let body_hash = hash(b"Welcome to Amazon S3.");
        let path = format!("/{}", encode("test$file.text"));
        let request = Signed {
            method: "PUT",
            path: &path,
            headers: &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("host", "examplebucket.s3.amazonaws.com"),
                ("x-amz-content-sha256", &body_hash),
                ("x-amz-date", "20130524T000000Z"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
            body_hash: &body_hash,
            time: "20130524T000000Z",
        };
        assert_eq!(
            signer.authorization(&request),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,\
             Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
    }
}
