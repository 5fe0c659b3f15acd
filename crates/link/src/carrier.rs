//! How a connector gets to a gateway: straight, or through a proxy of its network.
//!
//! The carrier is trusted with nothing: the link's own TLS runs inside of it.
//!
//! SPEC: RFC 9110 section 9.3.6 (CONNECT).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::Secret;
use portreeve_transport::Stream;
use std::io;
use std::str::FromStr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The way from a connector to gateways.
#[derive(Clone, Debug, Default)]
pub struct Carrier {
    /// The proxy in between, if there is one.
    pub proxy: Option<Proxy>,
}

/// An HTTP proxy that opens tunnels.
#[derive(Clone, Debug)]
pub struct Proxy {
    authority: String,
    /// What it is shown: user and password.
    credential: Option<Secret<String>>,
}

/// A text is no proxy's address.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a proxy is written `http://host:port`, or `http://user:password@host:port`")]
pub struct NoProxy;

impl FromStr for Proxy {
    type Err = NoProxy;

    fn from_str(text: &str) -> Result<Self, NoProxy> {
        let rest = text.strip_prefix("http://").ok_or(NoProxy)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credential, authority) = match rest.rsplit_once('@') {
            Some((credential, authority)) => (Some(Secret::new(credential.to_owned())), authority),
            None => (None, rest),
        };
        is_authority(authority).then_some(()).ok_or(NoProxy)?;
        Ok(Self { authority: authority.to_owned(), credential })
    }
}

/// Whether a text is `host:port`.
#[must_use]
pub fn is_authority(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_plain = |letter: char| letter.is_ascii_graphic() && !"/@?#\\".contains(letter);
    !host.is_empty() && host.chars().all(is_plain) && port.parse::<u16>().is_ok_and(|it| it > 0)
}

/// Why a gateway was not reached.
#[derive(Debug, thiserror::Error)]
pub enum CarrierError {
    /// The network.
    #[error("cannot reach `{place}`: {error}")]
    Io {
        /// What.
        place: String,
        /// Why.
        error: io::Error,
    },
    /// Nobody answered.
    #[error("`{0}` does not answer in time")]
    Timeout(String),
    /// The proxy said no.
    #[error("the proxy `{proxy}` opens no tunnel to `{gateway}`: {answer}")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// The gateway.
        gateway: String,
        /// The first line of its answer.
        answer: String,
    },
}

impl Carrier {
    /// A connection to a gateway at `host:port`.
    ///
    /// # Errors
    /// There is none.
    pub async fn connect(&self, gateway: &str) -> Result<Box<dyn Stream>, CarrierError> {
        let first = self.proxy.as_ref().map_or(gateway, |proxy| proxy.authority.as_str());
        let place = first.to_owned();
        let reach = async {
            let failed = |error| CarrierError::Io { place: first.to_owned(), error };
            let mut stream = TcpStream::connect(first).await.map_err(failed)?;
            stream.set_nodelay(true).map_err(failed)?;
            if let Some(proxy) = &self.proxy {
                proxy.open(&mut stream, gateway).await?;
            }
            Ok(Box::new(stream) as Box<dyn Stream>)
        };
        timeout(CONNECT_TIMEOUT, reach).await.map_err(|_| CarrierError::Timeout(place))?
    }
}

impl Proxy {
    async fn open(&self, stream: &mut TcpStream, gateway: &str) -> Result<(), CarrierError> {
        let failed = |error| CarrierError::Io { place: self.authority.clone(), error };
        let credential = match &self.credential {
            Some(credential) => {
                let encoded = BASE64.encode(credential.reveal());
                format!("Proxy-Authorization: Basic {encoded}\r\n")
            }
            None => String::new(),
        };
        let request = format!("CONNECT {gateway} HTTP/1.1\r\nHost: {gateway}\r\n{credential}\r\n");
        stream.write_all(request.as_bytes()).await.map_err(failed)?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() >= HEAD_BYTES_MAX {
                let error = io::Error::new(io::ErrorKind::InvalidData, "its answer is too long");
                return Err(failed(error));
            }
            // Byte by byte: what follows the head is the gateway's.
            head.push(stream.read_u8().await.map_err(failed)?);
        }
        let head = String::from_utf8_lossy(&head);
        let answer = head.lines().next().unwrap_or_default().to_owned();
        let mut words = answer.split(' ');
        let is_http = words.next().is_some_and(|word| word.starts_with("HTTP/1."));
        let is_open = words.next().is_some_and(|code| code.len() == 3 && code.starts_with('2'));
        match is_http && is_open {
            true => Ok(()),
            false => Err(CarrierError::Proxy {
                proxy: self.authority.clone(),
                gateway: gateway.to_owned(),
                answer,
            }),
        }
    }
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
const HEAD_BYTES_MAX: usize = 8 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_read() {
        let check = |text: &str, expect: Option<(&str, bool)>| {
            let read = text.parse::<Proxy>().ok();
            let read = read.as_ref().map(|it| (it.authority.as_str(), it.credential.is_some()));
            assert_eq!(read, expect, "{text}");
        };
        check("http://proxy:3128", Some(("proxy:3128", false)));
        check("http://proxy:3128/", Some(("proxy:3128", false)));
        check("http://u:p@w@proxy:3128", Some(("proxy:3128", true)));
        check("http://[::1]:3128", Some(("[::1]:3128", false)));
        for wrong in ["proxy:3128", "https://proxy:3128", "http://proxy", "http://:1", "http://p:0"]
        {
            check(wrong, None);
        }
    }
}
