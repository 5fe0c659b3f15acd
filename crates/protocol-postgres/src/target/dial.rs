//! Reaching the target: TCP, verified TLS, SCRAM with channel binding.
//!
//! SPEC: PostgreSQL "Start-up", "SASL Authentication"; RFC 5802, RFC 5929
//! (`tls-server-end-point`).

use crate::wire::{
    Frame, FrameError, HEADER_BYTES, close, error_fields, message_length, put, put_text, take,
};
use aws_lc_rs::digest;
use portreeve_model::Secret;
use portreeve_transport::{
    BoxFuture, CancelHandle, DialError, Dialer, LoggedIn, PreAuth, TargetTls, TcpTarget, connect,
};
use portreeve_wire::Cursor;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{
    ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256,
};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use tokio::time::timeout;

/// Where a PostgreSQL server is, and how to log in there. It needs no engine and nothing of
/// the gateway's configuration.
#[derive(Clone, Debug)]
pub struct PostgresDialer(Arc<Account>);

/// A role at a server.
#[derive(Debug)]
pub struct Account {
    /// Where the server is.
    pub target: TcpTarget,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
}

impl PostgresDialer {
    /// Logs in with an account.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self(Arc::new(account))
    }
}

impl Dialer for PostgresDialer {
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(async move {
            timeout(self.0.target.timeout, log_in(&self.0, settings))
                .await
                .map_err(|_| DialError::Timeout)?
        })
    }
}

/// The target's own cancel key, and where it is good.
struct CancelKey {
    account: Arc<Account>,
    process: u32,
    key: Vec<u8>,
}

impl CancelHandle for CancelKey {
    fn cancel(&self) -> BoxFuture<'_, Result<(), DialError>> {
        Box::pin(async move {
            timeout(self.account.target.timeout, self.send())
                .await
                .map_err(|_| DialError::Timeout)?
        })
    }
}

impl CancelKey {
    async fn send(&self) -> Result<(), DialError> {
        let (mut connection, _) = reach(&self.account).await?;
        let mut packet = Vec::new();
        let length = u32::try_from(12 + self.key.len()).unwrap_or(u32::MAX);
        packet.extend_from_slice(&length.to_be_bytes());
        packet.extend_from_slice(&80_877_102_u32.to_be_bytes());
        packet.extend_from_slice(&self.process.to_be_bytes());
        packet.extend_from_slice(&self.key);
        connection.send(&packet).await?;
        // The server closes once it has acted.
        let _ = connection.fill(1).await;
        Ok(())
    }
}

const MESSAGE_BYTES_MAX: usize = 16 << 20;
/// SPEC: PostgreSQL "SSLRequest".
const ENCRYPTION_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Connects, authenticates and waits until the target is ready.
async fn log_in(
    account: &Arc<Account>,
    settings: &BTreeMap<String, String>,
) -> Result<LoggedIn, DialError> {
    // SECURITY: a connector is told these by a gateway that it does not trust. A server takes the
    // last of two `database` or `user`.
    let is_other =
        |(name, value): &(&String, &String)| !may_begin_with(name) || value.contains('\0');
    if let Some((name, _)) = settings.iter().find(is_other) {
        let why = format!("a login does not begin with `{}`", name.escape_debug());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why).into());
    }
    let (mut connection, binding) = reach(account).await?;
    connection.send(&startup(account, settings)).await?;
    authenticate(account, &mut connection, binding).await?;
    let mut logged_in = LoggedIn { connection, parameters: Vec::new(), cancel: None };
    loop {
        let frame = next(&mut logged_in.connection).await?;
        let mut cursor = Cursor::new(frame.body());
        match frame.tag {
            b'S' => {
                let pair = (text(&mut cursor)?.to_owned(), text(&mut cursor)?.to_owned());
                if pair.0 == "client_encoding" && pair.1 != "UTF8" {
                    let what = format!("its client_encoding is `{}`, not UTF8", pair.1);
                    return Err(DialError::Protocol(what));
                }
                logged_in.parameters.push(pair);
            }
            b'K' => {
                let process = cursor.u32().map_err(broken)?;
                let key = cursor.rest().to_vec();
                let account = account.clone();
                logged_in.cancel = Some(Arc::new(CancelKey { account, process, key }));
            }
            b'N' => {}
            b'Z' => return Ok(logged_in),
            b'E' => return Err(refused(&frame)),
            tag => return Err(DialError::Protocol(format!("message `{}`", tag.escape_ascii()))),
        }
    }
}

fn broken(error: portreeve_wire::WireError) -> DialError {
    DialError::Protocol(error.to_string())
}

fn uncut(error: FrameError) -> DialError {
    DialError::Protocol(error.to_string())
}

fn text<'a>(cursor: &mut Cursor<'a>) -> Result<&'a str, DialError> {
    cursor.text().map_err(broken)
}

/// What SCRAM is bound to: the hash of the server's certificate, where there is one.
type Binding = Option<Vec<u8>>;

async fn reach(account: &Account) -> Result<(PreAuth, Binding), DialError> {
    let mut connection = account.target.connect().await?;
    let TargetTls::Verified(tls) = &account.target.tls else {
        return Ok((connection, None));
    };
    if !offers_tls(&mut connection).await? {
        return Err(DialError::NoTls);
    }
    let reached = connect(connection, &account.target.host, tls.clone()).await?;
    Ok((reached.connection, reached.certificate.and_then(|shown| end_point(&shown))))
}

/// Asks a server for encryption, before anything else is said.
///
/// # Errors
/// The connection broke.
pub async fn offers_tls(connection: &mut PreAuth) -> io::Result<bool> {
    connection.send(&ENCRYPTION_REQUEST).await?;
    connection.fill(1).await?;
    Ok(connection.inbox().split_to(1).as_ref() == b"S")
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

fn startup(account: &Account, settings: &BTreeMap<String, String>) -> Vec<u8> {
    let mut packet = vec![0; 4];
    packet.extend_from_slice(&196_608_u32.to_be_bytes());
    let fixed = [
        ("user", account.user.as_str()),
        ("database", account.database.as_str()),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
    ];
    let chosen = settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in fixed.into_iter().chain(chosen) {
        put_text(&mut packet, name);
        put_text(&mut packet, value);
    }
    packet.push(0);
    close(&mut packet, 0);
    packet
}

pub(crate) async fn next(connection: &mut PreAuth) -> Result<Frame, DialError> {
    connection.fill(HEADER_BYTES).await?;
    let length =
        message_length(connection.inbox(), MESSAGE_BYTES_MAX).map_err(uncut)?.unwrap_or_default();
    connection.fill(length).await?;
    take(connection.inbox(), MESSAGE_BYTES_MAX)
        .map_err(uncut)?
        .ok_or_else(|| DialError::Protocol("short message".into()))
}

pub(crate) fn refused(frame: &Frame) -> DialError {
    let fields = error_fields(frame.body()).unwrap_or_default();
    let field =
        |code: u8| fields.iter().find(|(known, _)| *known == code).map(|(_, text)| text.clone());
    DialError::Refused {
        code: field(b'C').unwrap_or_default(),
        message: field(b'M').unwrap_or_default(),
    }
}

async fn authenticate(
    account: &Account,
    connection: &mut PreAuth,
    binding: Binding,
) -> Result<(), DialError> {
    let is_encrypted = matches!(account.target.tls, TargetTls::Verified(_));
    loop {
        let frame = next(connection).await?;
        match frame.tag {
            b'E' => return Err(refused(&frame)),
            b'R' => {}
            // SPEC: NegotiateProtocolVersion may come first; 3.0 is what was asked.
            b'v' => continue,
            tag => return Err(DialError::Protocol(format!("message `{}`", tag.escape_ascii()))),
        }
        let mut cursor = Cursor::new(frame.body());
        match cursor.u32().map_err(broken)? {
            0 => return Ok(()),
            3 if is_encrypted => password(connection, account.password.reveal().as_bytes()).await?,
            3 => return Err(DialError::Authentication("clear password without TLS")),
            5 => {
                let mut salt = [0; 4];
                salt.copy_from_slice(cursor.take(4).map_err(broken)?);
                let (user, secret) =
                    (account.user.as_bytes(), account.password.reveal().as_bytes());
                password(connection, md5_hash(user, secret, salt).as_bytes()).await?;
            }
            10 => scram(account, connection, cursor, binding.clone()).await?,
            _ => return Err(DialError::Authentication("neither SCRAM nor a password")),
        }
    }
}

async fn password(connection: &mut PreAuth, secret: &[u8]) -> io::Result<()> {
    let mut message = Vec::new();
    put(&mut message, b'p', |out| {
        out.extend_from_slice(secret);
        out.push(0);
    });
    connection.send(&message).await
}

async fn scram(
    account: &Account,
    connection: &mut PreAuth,
    mut offered: Cursor<'_>,
    binding: Binding,
) -> Result<(), DialError> {
    let (mut plus, mut plain) = (false, false);
    loop {
        match text(&mut offered)? {
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
    let mut scram = ScramSha256::new(account.password.reveal().as_bytes(), binding);
    let mut message = Vec::new();
    put(&mut message, b'p', |out| {
        put_text(out, mechanism);
        let first = scram.message();
        out.extend_from_slice(&u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend_from_slice(first);
    });
    connection.send(&message).await?;
    let challenge = sasl_step(connection, 11).await?;
    scram.update(&challenge)?;
    message.clear();
    put(&mut message, b'p', |out| out.extend_from_slice(scram.message()));
    connection.send(&message).await?;
    let proof = sasl_step(connection, 12).await?;
    // SECURITY: this verifies that the server knows the password too.
    scram.finish(&proof)?;
    Ok(())
}

async fn sasl_step(connection: &mut PreAuth, expected: u32) -> Result<Vec<u8>, DialError> {
    let frame = next(connection).await?;
    if frame.tag == b'E' {
        return Err(refused(&frame));
    }
    let mut cursor = Cursor::new(frame.body());
    if frame.tag != b'R' || cursor.u32().map_err(broken)? != expected {
        return Err(DialError::Protocol("unexpected message in SASL".into()));
    }
    Ok(cursor.rest().to_vec())
}

/// Whether a login at a target may begin with a setting: no other name may lead it to another
/// database or role, whoever asks for it.
fn may_begin_with(name: &str) -> bool {
    name == "application_name" || BEGINS_WITH.contains(&name)
}

/// Settings that cannot change what a statement means or what the gateway can see.
pub(crate) const BEGINS_WITH: &[&str] = &[
    "bytea_output",
    "client_min_messages",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "extra_float_digits",
    "geqo",
    "intervalstyle",
    "jit",
    "search_path",
    "timezone",
    "work_mem",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_begins_with_nothing_that_leads_elsewhere() {
        assert!(may_begin_with("application_name") && may_begin_with("search_path"));
        for name in ["user", "database", "options", "replication", "role", "_pq_.x", "USER", ""] {
            assert!(!may_begin_with(name), "{name}");
        }
    }
}
