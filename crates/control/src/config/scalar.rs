//! Texts with a meaning: durations, sizes, names, addresses of issuers. Pure.

use portreeve_model::Category;
use std::net::IpAddr;
use std::time::Duration;

/// Reads `500ms`, `10s`, `10m`, `8h`, `2d`, `7y`; a year has 365 days.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = number_and_unit(text)?;
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "y" => 365 * 86_400_000,
        _ => return None,
    };
    number.checked_mul(milliseconds).map(Duration::from_millis)
}

/// Reads `4096`, `4096B`, `64KiB`, `64MiB`, `1GiB`.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = number_and_unit(text)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Writes a size the way [`size`] reads it.
pub(crate) fn size_text(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    for (factor, unit) in units {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

fn number_and_unit(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    Some((number.parse().ok()?, unit))
}

/// Writes a duration the way [`duration`] reads it.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    let milliseconds = duration.as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
    for (factor, unit) in units {
        if milliseconds >= factor && milliseconds.is_multiple_of(factor) {
            return format!("{}{unit}", milliseconds / factor);
        }
    }
    format!("{milliseconds}ms")
}

/// Whether a word can be a category: `national-id`.
pub(crate) fn is_category(text: &str) -> bool {
    Category::is_word(text)
}

/// Whether a word can name a resource: what a client puts where the database name goes.
pub(crate) fn is_resource(text: &str) -> bool {
    let bytes = text.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    bytes.len() <= NAME_BYTES_MAX
        && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
        && bytes.iter().all(plain)
}

/// Whether a host can only be this machine.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Says why a text cannot be the address of a party that is believed: an issuer, its
/// keys, a witness.
///
/// # Errors
/// The reason, for the operator.
pub(crate) fn secure_url(text: &str) -> Result<(), String> {
    let Ok(uri) = text.parse::<axum::http::Uri>() else {
        return Err("is not an address (`https://host/path`)".into());
    };
    let Some(authority) = uri.authority() else {
        return Err("is not an address (`https://host/path`)".into());
    };
    if authority.as_str().contains('@') {
        return Err("must not hold a user name".into());
    }
    if text.contains(['?', '#']) {
        return Err("must not hold a query or a fragment".into());
    }
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_loopback(authority.host()) => Ok(()),
        Some("http") => Err("is plain http to another machine: anyone between could \
             answer in its place"
            .into()),
        _ => Err("must begin with `https://`".into()),
    }
}

/// As long as PostgreSQL lets a name be.
const NAME_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(duration(text), expect.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("10s", Some(10_000));
        check("10m", Some(600_000));
        check("8h", Some(28_800_000));
        check("2d", Some(172_800_000));
        check("7y", Some(220_752_000_000));
        check("10", None);
        check("m", None);
        check("-1s", None);
        check("1.5s", None);
        check("10 s", None);
        check("18446744073709551615d", None);
        for text in ["500ms", "10s", "10m", "8h", "2d", "90s", "7y"] {
            assert_eq!(duration(&duration_text(duration(text).unwrap())), duration(text));
        }
    }

    #[test]
    fn sizes() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(size(text), expect, "{text}");
        check("4096", Some(4096));
        check("64KiB", Some(65_536));
        check("64MiB", Some(67_108_864));
        check("1GiB", Some(1_073_741_824));
        check("64MB", None);
        check("", None);
        check("18446744073709551615GiB", None);
        for text in ["0", "4097", "64KiB", "1000KiB", "64MiB", "3GiB"] {
            assert_eq!(size_text(size(text).unwrap()), text);
        }
    }

    #[test]
    fn issuers() {
        let good = [
            "https://a.example",
            "https://a.example/realm/x",
            "http://127.0.0.1:4455",
            "http://[::1]:80/x",
            "http://localhost",
        ];
        for text in good {
            assert_eq!(secure_url(text), Ok(()), "{text}");
        }
        let bad = [
            "http://a.example",
            "http://127.0.0.1.evil.example",
            "ftp://a",
            "a.example",
            "https://u:p@a.example",
            "https://a.example?x",
            "",
            "http://localhost.evil.example",
            "http://localhost@evil.example",
        ];
        for text in bad {
            assert!(secure_url(text).is_err(), "{text}");
        }
    }
}
