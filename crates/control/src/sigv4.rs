//! AWS Signature Version 4 of one request without a query, as S3, what speaks like it, and other
//! services of AWS want it.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html>

use portreeve_transport::{AWS_ALGORITHM, AwsKey, AwsSignature};

/// Who signs, and for what.
pub(crate) struct Signer<'s> {
    pub(crate) access_key: &'s str,
    pub(crate) secret_key: &'s str,
    pub(crate) region: &'s str,
    pub(crate) service: &'s str,
}

/// The time of a request, as `x-amz-date` has it.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// What is signed: a request without a query.
pub(crate) struct Signed<'s> {
    pub(crate) method: &'s str,
    /// As it is sent, percent-encoded.
    pub(crate) path: &'s str,
    /// Names in lower case, sorted; `host` and `x-amz-date` among them.
    pub(crate) headers: &'s [(&'s str, &'s str)],
    /// SHA-256 of the body, in hexadecimal.
    pub(crate) body_hash: &'s str,
    /// `YYYYMMDDTHHMMSSZ`, as in `x-amz-date`.
    pub(crate) time: &'s str,
}

impl Signer<'_> {
    /// The header `Authorization`.
    pub(crate) fn authorization(&self, request: &Signed<'_>) -> String {
        let names = request.headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
        let lines: String = request
            .headers
            .iter()
            .map(|(name, value)| format!("{name}:{}\n", value.trim()))
            .collect();
        let Signed { method, path, body_hash, time, .. } = request;
        let canonical = format!("{method}\n{path}\n\n{lines}\n{names}\n{body_hash}");
        let Self { access_key, secret_key, region, service } = self;
        let key = AwsKey { secret: secret_key, region, service };
        let AwsSignature { scope, signature } = key.sign(time, &canonical);
        format!(
            "{AWS_ALGORITHM} Credential={access_key}/{scope},SignedHeaders={names},\
             Signature={signature}"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::digest::{SHA256, digest};
    use portreeve_model::Digest;
    use portreeve_transport::percent_encode;

    #[test]
    fn a_put_is_signed_as_the_manual_of_s3_does() {
        // "Example: PUT Object" of the page above.
        let signer = Signer {
            access_key: "AKIAIOSFODNN7EXAMPLE",
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
            service: "s3",
        };
        let mut hash = Digest([0; 32]);
        hash.0.copy_from_slice(digest(&SHA256, b"Welcome to Amazon S3.").as_ref());
        let body_hash = hash.to_string();
        let path = format!("/{}", percent_encode(b"test$file.text", ""));
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
