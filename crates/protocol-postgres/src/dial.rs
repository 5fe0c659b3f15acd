//! Reaching the target: TCP, verified TLS, SCRAM with channel binding.
//!
//! SPEC: PostgreSQL "Start-up", "SASL Authentication"; RFC 5802, RFC 5929
//! (`tls-server-end-point`).

use crate::backend::error_fields;
use crate::frame::{self, Frame, put_text};
use crate::upstream::{TargetTls, UpstreamConfig};
use aws_lc_rs::digest;
use portreeve_session::Lobby;
use portreeve_wire::Cursor;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::io;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// Why the target cannot be reached, in an operator's words.
#[derive(Debug, Error)]
pub(crate) enum DialError {
    #[error("target cannot be reached: {0}")]
    Io(#[from] io::Error),
    #[error("target did not answer in time")]
    Timeout,
    #[error(
        "target does not offer TLS; hint: set `ssl = on` there, or `tls: disable` for a target on loopback"
    )]
    NoTls,
    #[error("target's host name `{0}` is not valid for TLS")]
    HostName(String),
    #[error("target refused the gateway (SQLSTATE {sqlstate}): {message}")]
    Refused { sqlstate: String, message: String },
    #[error("target asks for an authentication that is not supported: {0}")]
    Authentication(&'static str),
    #[error("target broke the protocol: {0}")]
    Protocol(String),
    #[error("target's client_encoding is `{0}`, not UTF8")]
    Encoding(String),
}

impl From<portreeve_wire::WireError> for DialError {
    fn from(error: portreeve_wire::WireError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<frame::FrameError> for DialError {
    fn from(error: frame::FrameError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// A target that is ready for queries.
#[derive(Debug)]
pub(crate) struct Dialled {
    pub(crate) lobby: Lobby,
    /// The settings that it reports.
    pub(crate) parameters: Vec<(String, String)>,
    /// The target's own cancel key.
    pub(crate) cancel: Option<(u32, Vec<u8>)>,
}

const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// Connects, authenticates and waits until the target is ready.
pub(crate) async fn dial(
    config: &UpstreamConfig,
    settings: &BTreeMap<String, String>,
) -> Result<Dialled, DialError> {
    timeout(config.dial_timeout, dial_now(config, settings))
        .await
        .map_err(|_| DialError::Timeout)?
}

async fn dial_now(
    config: &UpstreamConfig,
    settings: &BTreeMap<String, String>,
) -> Result<Dialled, DialError> {
    let (mut lobby, binding) = connect(config).await?;
    lobby.say(&startup(config, settings)).await?;
    authenticate(config, &mut lobby, binding).await?;
    let mut dialled = Dialled { lobby, parameters: Vec::new(), cancel: None };
    loop {
        let frame = next(&mut dialled.lobby).await?;
        let mut cursor = Cursor::new(frame.body());
        match frame.tag {
            b'S' => {
                let pair = (cursor.text()?.to_owned(), cursor.text()?.to_owned());
                if pair.0 == "client_encoding" && pair.1 != "UTF8" {
                    return Err(DialError::Encoding(pair.1));
                }
                dialled.parameters.push(pair);
            }
            b'K' => dialled.cancel = Some((cursor.u32()?, cursor.rest().to_vec())),
            b'N' => {}
            b'Z' => return Ok(dialled),
            b'E' => return Err(refused(&frame)),
            tag => return Err(DialError::Protocol(format!("message `{}`", tag.escape_ascii()))),
        }
    }
}

/// Asks the target to cancel what runs for a key.
pub(crate) async fn cancel(config: &UpstreamConfig, key: &(u32, Vec<u8>)) -> Result<(), DialError> {
    let send = async {
        let (mut lobby, _) = connect(config).await?;
        let mut packet = Vec::new();
        let length = u32::try_from(12 + key.1.len()).unwrap_or(u32::MAX);
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&80_877_102_u32.to_be_bytes());
        packet.extend_from_slice(&key.0.to_be_bytes());
        packet.extend_from_slice(&key.1);
        lobby.say(&packet).await?;
        // The server closes once it has acted.
        let _ = lobby.fill(1).await;
        Ok(())
    };
    timeout(config.dial_timeout, send).await.map_err(|_| DialError::Timeout)?
}

/// What SCRAM is bound to: the hash of the server's certificate, where there is one.
type Binding = Option<Vec<u8>>;

async fn connect(config: &UpstreamConfig) -> Result<(Lobby, Binding), DialError> {
    let stream = TcpStream::connect((config.host.as_str(), config.port)).await?;
    stream.set_nodelay(true)?;
    let TargetTls::Verified(tls) = &config.tls else {
        return Ok((Lobby::new(Box::new(stream)), None));
    };
    let mut lobby = Lobby::new(Box::new(stream));
    lobby.say(&[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]).await?;
    lobby.fill(1).await?;
    if lobby.inbox().split_to(1).as_ref() != b"S" {
        return Err(DialError::NoTls);
    }
    let stream = lobby.into_stream().map_err(|error| DialError::Protocol(error.to_string()))?;
    let name = ServerName::try_from(config.host.clone())
        .map_err(|_| DialError::HostName(config.host.clone()))?;
    let stream = TlsConnector::from(tls.clone()).connect(name, stream).await?;
    let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
    let binding = certificate.and_then(|certificate| end_point(certificate));
    Ok((Lobby::new(Box::new(stream)), binding))
}

/// RFC 5929 section 4.1: the certificate's hash by its own signature's hash function,
/// with SHA-256 in place of MD5 and SHA-1.
fn end_point(certificate: &[u8]) -> Binding {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    let algorithm = match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        // md5, sha1 and sha256 with RSA; sha1 and sha256 with ECDSA
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => &digest::SHA256,
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => &digest::SHA384,
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => &digest::SHA512,
        // The hash is undefined for others (Ed25519): SCRAM goes on without binding.
        _ => return None,
    };
    Some(digest::digest(algorithm, certificate).as_ref().to_vec())
}

fn startup(config: &UpstreamConfig, settings: &BTreeMap<String, String>) -> Vec<u8> {
    let mut packet = vec![0; 4];
    packet.extend_from_slice(&196_608_u32.to_be_bytes());
    let fixed = [
        ("user", config.user.as_str()),
        ("database", config.database.as_str()),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
    ];
    let chosen = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in fixed.into_iter().chain(chosen) {
        put_text(&mut packet, name);
        put_text(&mut packet, value);
    }
    packet.push(0);
    frame::close(&mut packet, 0);
    packet
}

pub(crate) async fn next(lobby: &mut Lobby) -> Result<Frame, DialError> {
    lobby.fill(frame::HEADER_BYTES).await?;
    let length = frame::message_length(lobby.inbox(), MESSAGE_BYTES_MAX)?.unwrap_or_default();
    lobby.fill(length).await?;
    frame::take(lobby.inbox(), MESSAGE_BYTES_MAX)?
        .ok_or_else(|| DialError::Protocol("short message".into()))
}

pub(crate) fn refused(frame: &Frame) -> DialError {
    let fields = error_fields(frame.body()).unwrap_or_default();
    let field =
        |code: u8| fields.iter().find(|(known, _)| *known == code).map(|(_, text)| text.clone());
    DialError::Refused {
        sqlstate: field(b'C').unwrap_or_default(),
        message: field(b'M').unwrap_or_default(),
    }
}

async fn authenticate(
    config: &UpstreamConfig,
    lobby: &mut Lobby,
    binding: Binding,
) -> Result<(), DialError> {
    let is_encrypted = matches!(config.tls, TargetTls::Verified(_));
    loop {
        let frame = next(lobby).await?;
        match frame.tag {
            b'E' => return Err(refused(&frame)),
            b'R' => {}
            // SPEC: NegotiateProtocolVersion may come first; 3.0 is what was asked.
            b'v' => continue,
            tag => return Err(DialError::Protocol(format!("message `{}`", tag.escape_ascii()))),
        }
        let mut cursor = Cursor::new(frame.body());
        match cursor.u32()? {
            0 => return Ok(()),
            3 if is_encrypted => password(lobby, config.password.reveal().as_bytes()).await?,
            3 => return Err(DialError::Authentication("clear password without TLS")),
            5 => {
                let mut salt = [0; 4];
                salt.copy_from_slice(cursor.take(4)?);
                let (user, secret) = (config.user.as_bytes(), config.password.reveal().as_bytes());
                password(lobby, md5_hash(user, secret, salt).as_bytes()).await?;
            }
            10 => scram(config, lobby, cursor, binding.clone()).await?,
            _ => return Err(DialError::Authentication("neither SCRAM nor a password")),
        }
    }
}

async fn password(lobby: &mut Lobby, secret: &[u8]) -> io::Result<()> {
    let mut message = Vec::new();
    frame::put(&mut message, b'p', |out| {
        out.extend_from_slice(secret);
        out.push(0);
    });
    lobby.say(&message).await
}

async fn scram(
    config: &UpstreamConfig,
    lobby: &mut Lobby,
    mut offered: Cursor<'_>,
    binding: Binding,
) -> Result<(), DialError> {
    let (mut plus, mut plain) = (false, false);
    loop {
        match offered.text()? {
            "" => break,
            SCRAM_SHA_256_PLUS => plus = true,
            SCRAM_SHA_256 => plain = true,
            _ => {}
        }
    }
    let (mechanism, binding) = match (plus, binding) {
        (true, Some(hash)) => (SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash)),
        // We could bind, the server says it cannot: it checks that nobody lied in between.
        (false, Some(_)) if plain => (SCRAM_SHA_256, ChannelBinding::unrequested()),
        (_, None) if plain => (SCRAM_SHA_256, ChannelBinding::unsupported()),
        _ => return Err(DialError::Authentication("an unknown SASL mechanism")),
    };
    let mut scram = ScramSha256::new(config.password.reveal().as_bytes(), binding);
    let mut message = Vec::new();
    frame::put(&mut message, b'p', |out| {
        put_text(out, mechanism);
        let first = scram.message();
        out.extend_from_slice(&u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(first);
    });
    lobby.say(&message).await?;
    let challenge = sasl_step(lobby, 11).await?;
    scram.update(&challenge)?;
    message.clear();
    frame::put(&mut message, b'p', |out| out.extend_from_slice(scram.message()));
    lobby.say(&message).await?;
    let proof = sasl_step(lobby, 12).await?;
    // SECURITY: this verifies that the server knows the password too.
    scram.finish(&proof)?;
    Ok(())
}

async fn sasl_step(lobby: &mut Lobby, expected: u32) -> Result<Vec<u8>, DialError> {
    let frame = next(lobby).await?;
    if frame.tag == b'E' {
        return Err(refused(&frame));
    }
    let mut cursor = Cursor::new(frame.body());
    if frame.tag != b'R' || cursor.u32()? != expected {
        return Err(DialError::Protocol("unexpected message in SASL".into()));
    }
    Ok(cursor.rest().to_vec())
}
