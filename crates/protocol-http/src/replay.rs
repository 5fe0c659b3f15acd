//! A recording read back. It reads only what was recorded, so what it cannot read it shows as
//! it is; it never fails.

/// Some recorded bytes: a head with what follows it, or more of a body.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recorded<'a> {
    /// `GET /people` or `200 OK`; none where it is more of a body.
    pub start: Option<String>,
    /// The fields of the head, one a line.
    pub fields: Vec<&'a str>,
    /// What follows.
    pub body: &'a [u8],
}

/// Reads what passed with one record.
#[must_use]
pub fn recorded(bytes: &[u8]) -> Recorded<'_> {
    let more = Recorded { body: bytes, ..Recorded::default() };
    let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { return more };
    let (head, body) = (bytes.get(..end), bytes.get(end + 4..));
    let Some((head, body)) = head.and_then(|head| std::str::from_utf8(head).ok()).zip(body) else {
        return more;
    };
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let start = match first.strip_prefix("HTTP/1.1 ") {
        Some(status) => status,
        None => match first.strip_suffix(" HTTP/1.1") {
            Some(request) => request,
            None => return more,
        },
    };
    Recorded { start: Some(start.to_owned()), fields: lines.collect(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_and_bodies_are_told_apart() {
        let request = recorded(b"POST /a?b HTTP/1.1\r\nhost: h\r\nx: y\r\n\r\n{}");
        assert_eq!(request.start.as_deref(), Some("POST /a?b"));
        assert_eq!((request.fields, request.body), (vec!["host: h", "x: y"], &b"{}"[..]));
        assert_eq!(recorded(b"HTTP/1.1 200 OK\r\n\r\n").start.as_deref(), Some("200 OK"));
        for body in [&b"[1, 2]"[..], b"a\r\n\r\nb", b"\xff\r\n\r\n", b""] {
            assert_eq!(recorded(body), Recorded { body, ..Recorded::default() });
        }
    }
}
