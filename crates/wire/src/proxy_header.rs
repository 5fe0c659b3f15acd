//! The header that a balancer puts before a connection to say who the client is.
//!
//! Whether anybody is to be believed is the caller's matter. What a version 2 header
//! carries beside addresses is skipped.
//!
//! SPEC: HAProxy "The PROXY protocol", sections 2.1 (version 1) and 2.2 (version 2).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use thiserror::Error;

/// What a header says of the connection behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ProxyHeader {
    /// The balancer speaks for this client.
    Client(SocketAddr),
    /// The balancer speaks for itself, or does not know the client: a health check.
    Local,
}

/// How far the bytes go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderProgress {
    /// At least so many bytes in all are needed before more can be said. Never more than
    /// the header has: what follows it is not read.
    Needs(usize),
    /// The header is whole.
    Whole(ProxyHeader),
}

/// Why bytes are no header.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum HeaderError {
    /// Neither version begins so.
    #[error("the connection does not begin with a PROXY header")]
    Absent,
    /// A version 1 line that is too long, or not as it must be.
    #[error("the PROXY header of version 1 is malformed")]
    Line,
    /// A version 2 header that is not as it must be.
    #[error("the PROXY header of version 2 is malformed")]
    Binary,
}

/// Reads the beginning of a connection: all of its bytes so far, and none behind the header.
///
/// ```
/// use portreeve_wire::proxy_header::{HeaderProgress, ProxyHeader, read};
///
/// let line = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 15432\r\n";
/// let client = "192.0.2.7:56324".parse().unwrap();
/// assert_eq!(read(line), Ok(HeaderProgress::Whole(ProxyHeader::Client(client))));
/// assert_eq!(read(&line[..9]), Ok(HeaderProgress::Needs(12)));
/// ```
///
/// # Errors
/// The bytes can no longer become a header.
pub fn read(bytes: &[u8]) -> Result<HeaderProgress, HeaderError> {
    let seen = bytes.len().min(SIGNATURE.len());
    let begin = bytes.get(..seen).unwrap_or_default();
    if SIGNATURE.starts_with(begin) {
        return if seen < SIGNATURE.len() {
            Ok(HeaderProgress::Needs(SIGNATURE.len()))
        } else {
            binary(bytes)
        };
    }
    let word = LINE_BEGIN.get(..bytes.len().min(LINE_BEGIN.len())).unwrap_or_default();
    if !bytes.starts_with(word) {
        return Err(HeaderError::Absent);
    }
    line(bytes)
}

/// Version 1 has no length: after the shortest line there is, one byte at a time.
fn line(bytes: &[u8]) -> Result<HeaderProgress, HeaderError> {
    let Some(text) = bytes.strip_suffix(b"\r\n") else {
        let is_over = bytes.len() >= LINE_BYTES_MAX || bytes.contains(&b'\n');
        return match is_over {
            true => Err(HeaderError::Line),
            false => Ok(HeaderProgress::Needs((bytes.len() + 1).max(SIGNATURE.len()))),
        };
    };
    let text = std::str::from_utf8(text).map_err(|_| HeaderError::Line)?;
    if text.contains(['\r', '\n']) {
        return Err(HeaderError::Line);
    }
    let fields: Vec<&str> = text.split(' ').collect();
    match fields.as_slice() {
        ["PROXY", "UNKNOWN", ..] => Ok(HeaderProgress::Whole(ProxyHeader::Local)),
        ["PROXY", "TCP4", source, destination, ports @ ..] => {
            let _: Ipv4Addr = parsed(destination)?;
            client(IpAddr::V4(parsed(source)?), ports)
        }
        ["PROXY", "TCP6", source, destination, ports @ ..] => {
            let _: Ipv6Addr = parsed(destination)?;
            client(IpAddr::V6(parsed(source)?), ports)
        }
        _ => Err(HeaderError::Line),
    }
}

fn parsed<T: FromStr>(text: &str) -> Result<T, HeaderError> {
    text.parse().map_err(|_| HeaderError::Line)
}

fn client(address: IpAddr, ports: &[&str]) -> Result<HeaderProgress, HeaderError> {
    let [source, destination] = ports else { return Err(HeaderError::Line) };
    let port = |text: &str| match text.parse::<u16>() {
        // Decimal, and nothing before it: not `+5`, not `05`.
        Ok(port) if port.to_string() == text => Ok(port),
        Ok(_) | Err(_) => Err(HeaderError::Line),
    };
    port(destination)?;
    let client = SocketAddr::new(address, port(source)?);
    Ok(HeaderProgress::Whole(ProxyHeader::Client(client)))
}

fn binary(bytes: &[u8]) -> Result<HeaderProgress, HeaderError> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_BYTES>() else {
        return Ok(HeaderProgress::Needs(FIXED_BYTES));
    };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if length > EXTRA_BYTES_MAX || command >> 4 != 2 {
        return Err(HeaderError::Binary);
    }
    let Some(block) = rest.get(..length) else {
        return Ok(HeaderProgress::Needs(FIXED_BYTES + length));
    };
    let header = match (command & 0xf, family) {
        (0, _) => ProxyHeader::Local,
        (1, TCP4) => ProxyHeader::Client(addresses::<4>(block)?),
        (1, TCP6) => ProxyHeader::Client(addresses::<16>(block)?),
        // Forwarded, but over something that has no address of a client: AF_UNSPEC.
        (1, 0) => ProxyHeader::Local,
        _ => return Err(HeaderError::Binary),
    };
    Ok(HeaderProgress::Whole(header))
}

/// Source and destination of `N` bytes each, then their ports.
fn addresses<const N: usize>(block: &[u8]) -> Result<SocketAddr, HeaderError>
where
    IpAddr: From<[u8; N]>,
{
    let (source, rest) = block.split_first_chunk::<N>().ok_or(HeaderError::Binary)?;
    let (_, rest) = rest.split_first_chunk::<N>().ok_or(HeaderError::Binary)?;
    let [high, low, _, _, ..] = *rest else { return Err(HeaderError::Binary) };
    Ok(SocketAddr::new(IpAddr::from(*source), u16::from_be_bytes([high, low])))
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const LINE_BEGIN: &[u8; 6] = b"PROXY ";
/// With its end, as the specification counts.
const LINE_BYTES_MAX: usize = 107;
const FIXED_BYTES: usize = 16;
/// Addresses and what balancers really add. The format would allow 64 KiB.
const EXTRA_BYTES_MAX: usize = 4096;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE.as_slice(), &[command, family], &length, block].concat()
    }

    fn whole(address: &str) -> Result<HeaderProgress, HeaderError> {
        Ok(HeaderProgress::Whole(ProxyHeader::Client(address.parse().unwrap())))
    }

    const LOCAL: Result<HeaderProgress, HeaderError> =
        Ok(HeaderProgress::Whole(ProxyHeader::Local));

    #[test]
    fn version_1() {
        let check = |text: &str, expect| assert_eq!(read(text.as_bytes()), expect, "{text:?}");
        check("PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n", whole("192.0.2.7:56324"));
        check("PROXY TCP6 2001:db8::7 ::1 65535 0\r\n", whole("[2001:db8::7]:65535"));
        check("PROXY UNKNOWN\r\n", LOCAL);
        check("PROXY UNKNOWN ffff::1 ::1 1 2\r\n", LOCAL);
        check("", Ok(HeaderProgress::Needs(12)));
        check("PROXY TCP4 192", Ok(HeaderProgress::Needs(15)));
        for bad in [
            "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 56324\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 56324 443 1\r\n",
            "PROXY TCP4  192.0.2.7 192.0.2.1 56324 443\r\n",
            "PROXY TCP4 ::1 ::1 56324 443\r\n",
            "PROXY TCP6 192.0.2.7 192.0.2.1 56324 443\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 65536 443\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 +5 443\r\n",
            "PROXY TCP4 192.0.2.7 192.0.2.1 05 443\r\n",
            "PROXY TCP4 192.0.2.07 192.0.2.1 5 443\r\n",
            "PROXY UDP4 192.0.2.7 192.0.2.1 5 443\r\n",
            "PROXY TCP4 192.0.2.7\r 192.0.2.1 5 443\r\n",
            "PROXY \r\n",
        ] {
            check(bad, Err(HeaderError::Line));
        }
        check(&format!("PROXY UNKNOWN {}", "x".repeat(100)), Err(HeaderError::Line));
        for bad in ["proxy TCP4", "GET / HTTP/1.1", "\0\0\0\x08\x04\x52\x16\x2f", "PROXYTCP4 1"] {
            check(bad, Err(HeaderError::Absent));
        }
    }

    #[test]
    fn version_2() {
        let check = |bytes: &[u8], expect| assert_eq!(read(bytes), expect, "{bytes:x?}");
        let four = [192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 0x04, 1, 0xbb];
        check(&v2(0x21, TCP4, &four), whole("192.0.2.7:56324"));
        // With a field that balancers add.
        check(&v2(0x21, TCP4, &[&four[..], &[4, 0, 1, 0]].concat()), whole("192.0.2.7:56324"));
        let mut six = vec![0; 36];
        (six[15], six[32], six[33]) = (1, 0x12, 0x34);
        check(&v2(0x21, TCP6, &six), whole("[::1]:4660"));
        check(&v2(0x20, 0, &[]), LOCAL);
        check(&v2(0x20, TCP4, &four), LOCAL);
        check(&v2(0x21, 0, &[]), LOCAL);
        check(&v2(0x21, TCP4, &four)[..15], Ok(HeaderProgress::Needs(16)));
        check(&v2(0x21, TCP4, &four)[..20], Ok(HeaderProgress::Needs(28)));
        check(&v2(0x21, TCP4, &four[..11]), Err(HeaderError::Binary));
        check(&v2(0x21, TCP6, &four), Err(HeaderError::Binary));
        check(&v2(0x11, TCP4, &four), Err(HeaderError::Binary));
        check(&v2(0x22, TCP4, &four), Err(HeaderError::Binary));
        check(&v2(0x21, 0x12, &four), Err(HeaderError::Binary));
        check(&v2(0x21, TCP4, &[0; 5000])[..16], Err(HeaderError::Binary));
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whatever comes, a reader that asks for as many bytes as it is told to ends, and
        /// never takes a byte behind the header.
        #[test]
        fn a_reader_ends_and_takes_no_byte_too_many(
            header in prop_oneof![
                Just(b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n".to_vec()),
                Just(b"PROXY UNKNOWN\r\n".to_vec()),
                Just(v2(0x21, TCP6, &[1; 52])),
                Just(v2(0x20, 0, &[])),
            ],
            at in 0_usize..64, byte: u8, changed: bool, behind in any::<[u8; 40]>(),
        ) {
            let mut stream = [header.as_slice(), &behind].concat();
            if changed {
                stream[at % header.len()] = byte;
            }
            let mut taken = 0;
            let end = loop {
                match read(&stream[..taken]) {
                    Ok(HeaderProgress::Needs(bytes)) => {
                        prop_assert!(bytes > taken);
                        if bytes > stream.len() {
                            break None;
                        }
                        taken = bytes;
                    }
                    Ok(HeaderProgress::Whole(header)) => break Some(header),
                    Err(_) => break None,
                }
            };
            if !changed {
                prop_assert!(end.is_some());
                prop_assert_eq!(taken, header.len());
            }
        }
    }
}
