//! Fields that tell the bytes or the length of a body: once something in it was masked they say
//! what the masks hide (a digest tells which of a few values stood there), and are not true any
//! more.
//!
//! Everybody calls them something else (`X-Goog-Hash`, `X-Amz-Checksum-Sha256`, `OC-Checksum`), so
//! they are told by the words of their names, and by what a digest looks like.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// What words of such names begin with.
const BEGINNINGS: [&str; 11] =
    ["blake", "checksum", "crc", "digest", "etag", "hash", "md5", "sha1", "sha2", "sha5", "xxh"];
/// The same, of words that others begin with, too.
const WORDS: [&str; 5] = ["length", "sha", "sha3", "signature", "sum"];
/// A size is a length, except of what is asked for.
const SIZES_ASKED_FOR: [&str; 8] =
    ["batch", "chunk", "default", "frame", "limit", "max", "page", "window"];
/// Names of what is no digest and looks like one: identifiers, versions, places in a list.
const NO_DIGESTS: [&str; 27] = [
    "access",
    "amz",
    "build",
    "challenge",
    "commit",
    "continuation",
    "correlation",
    "csrf",
    "cursor",
    "id",
    "instance",
    "key",
    "link",
    "location",
    "next",
    "nonce",
    "page",
    "policy",
    "ray",
    "release",
    "request",
    "revision",
    "server",
    "span",
    "token",
    "trace",
    "version",
];
/// Bytes of MD5, SHA-1, SHA-256, SHA-384 and SHA-512.
const DIGEST_BYTES: [usize; 5] = [16, 20, 32, 48, 64];
/// Bytes of a CRC, which are seen to be some in base64 alone: in hexadecimal it is a number.
const CRC_BYTES: usize = 4;

fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|c: char| !c.is_ascii_alphanumeric())
}

/// Whether a field is called so.
pub(crate) fn is_of_a_body(name: &str) -> bool {
    let is_one = |word: &str| {
        WORDS.contains(&word) || BEGINNINGS.iter().any(|begin| word.starts_with(begin))
    };
    let is_size = words(name).any(|word| word == "size" || word.ends_with("filesize"))
        && !words(name).any(|word| SIZES_ASKED_FOR.contains(&word));
    words(name).any(is_one) || is_size || name.contains("contentlength")
}

/// Whether what a field says looks like a digest, where it is called nothing that looks so, too.
pub(crate) fn looks_like_one(name: &str, value: &str) -> bool {
    let is_none =
        |word: &str| word.ends_with("id") || NO_DIGESTS.iter().any(|it| word.starts_with(it));
    if words(name).any(is_none) {
        return false;
    }
    let value = value.trim().trim_start_matches("W/").trim_matches('"');
    // `md5=…`, `sha-256:…`.
    let value = match value.split_once(['=', ':']) {
        Some((name, digest)) if is_of_a_body(&name.to_ascii_lowercase()) => {
            digest.trim_matches(':')
        }
        _ => value,
    };
    let is_hexadecimal = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    match is_hexadecimal {
        true => value.len() % 2 == 0 && DIGEST_BYTES.contains(&(value.len() / 2)),
        false => BASE64.decode(value).is_ok_and(|bytes| {
            // Without its padding it could be a word.
            value.ends_with('=')
                && (bytes.len() == CRC_BYTES || DIGEST_BYTES.contains(&bytes.len()))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_told_by_their_names() {
        for name in [
            "content-digest",
            "content-md5",
            "content-length",
            "etag",
            "oc-checksum",
            "oc-etag",
            "x-amz-checksum-crc32",
            "x-amz-checksum-crc64nvme",
            "x-amz-checksum-sha256",
            "x-amz-content-sha256",
            "x-artifactory-sha256",
            "x-bz-content-sha1",
            "x-checksum-md5",
            "x-checksum-sha1",
            "x-content-length",
            "x-etag",
            "x-file-size",
            "x-goog-hash",
            "x-goog-stored-content-length",
            "x-linked-etag",
            "x-linked-size",
            "x-ms-blob-content-md5",
            "x-ms-content-crc64",
            "x-object-size",
            "x-signature",
            "x-original-content-length",
            "x-uncompressed-length",
        ] {
            assert!(is_of_a_body(name), "{name}");
        }
        for name in [
            "content-type",
            "content-language",
            "date",
            "link",
            "location",
            "retry-after",
            "x-batch-size-max",
            "x-page-size",
            "x-ratelimit-limit",
            "x-request-id",
            "x-shard",
            "x-shared-by",
            "x-summary",
            "x-total-count",
        ] {
            assert!(!is_of_a_body(name), "{name}");
        }
    }

    #[test]
    fn digests_are_told_by_what_they_look_like() {
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        for (name, value) in [
            ("x-a", md5),
            ("x-a", "\"900150983cd24fb0d6963f7d28e17f72\""),
            ("x-a", "W/\"900150983cd24fb0d6963f7d28e17f72\""),
            ("x-a", "md5=kAFQmDzST7DWlj99KOF/cg=="),
            ("x-a", "MD5:900150983CD24FB0D6963F7D28E17F72"),
            ("x-a", "n4Xh2g=="),
            ("x-a", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
            ("x-a", "sha-256=:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:"),
        ] {
            assert!(looks_like_one(name, value), "{value}");
        }
        for (name, value) in [
            ("x-request-id", md5),
            ("x-amzn-trace-id", md5),
            ("x-github-request-id", md5),
            ("cf-ray", md5),
            ("x-contextid", md5),
            ("x-git-commit", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
            ("x-a", "20261130"),
            ("x-a", "deadbeef"),
            ("x-a", "0191d0a4-0000-7000-8000-000000000001"),
            ("x-a", "hello"),
            ("x-a", ""),
            (
                "content-security-policy",
                "script-src 'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='",
            ),
        ] {
            assert!(!looks_like_one(name, value), "{name}: {value}");
        }
    }
}
