//! OpenSSH certificates: those that clients log in with here, those that the gateway logs in
//! with at targets, and those that targets prove themselves with.
//!
//! Three authorities, and none vouches for what another one does. A machine that trusts the
//! authority for targets lets the gateway in, and no client: were there one authority for both,
//! a client could take its certificate past the gateway.
//!
//! SPEC: PROTOCOL.certkeys of OpenSSH.

mod client;
mod host;
mod target;

pub use client::{Certificates, ClientAuthority, Shown, ToCertify};
pub use host::HostAuthority;
pub use target::TargetAuthority;

pub(crate) use client::fingerprint;
pub(crate) use host::HOST_ALGORITHMS;
pub(crate) use target::{Label, Subject};

use crate::keys::KeyError;
use portreeve_model::Secret;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Algorithm, Certificate, PrivateKey, PublicKey};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why a certificate is not accepted. Nothing that stands in it is repeated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// Somebody else has signed it.
    OtherAuthority,
    /// Nobody has signed what stands in it.
    Signature,
    /// It is a host's where a user's is asked for, or the other way round.
    Kind,
    /// It is for a key of a kind that is not checked here.
    KeyKind,
    /// It begins later.
    NotYet,
    /// It has ended.
    Ended,
    /// It demands something. What that is need not be looked at: nothing is known here.
    Critical,
    /// It is for another name.
    Principal,
}

impl Flaw {
    /// In an operator's words, behind "the certificate".
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::OtherAuthority => "was signed by another authority",
            Self::Signature => "has a signature that does not verify",
            Self::Kind => "is of the other kind: users' and hosts' are two things",
            Self::KeyKind => "is for a key that is neither Ed25519 nor ECDSA",
            Self::NotYet => "is not valid yet",
            Self::Ended => "has ended",
            Self::Critical => "has a critical option, of which none is known here",
            Self::Principal => "is for another name",
        }
    }

    /// Whether it looks like guessing: no authority of ours has signed it.
    #[must_use]
    pub fn is_forged(self) -> bool {
        match self {
            Self::OtherAuthority | Self::Signature => true,
            Self::Kind
            | Self::KeyKind
            | Self::NotYet
            | Self::Ended
            | Self::Critical
            | Self::Principal => false,
        }
    }
}

/// What a certificate must be.
struct Expected<'a> {
    authority: &'a KeyData,
    kind: CertType,
    /// Whether a name that stands in it is the one that is asked for.
    is_named: &'a dyn Fn(&str) -> bool,
    at: SystemTime,
}

/// Whether a certificate is what it must be. That its holder has the key is the handshake's
/// business.
///
/// SPEC: PROTOCOL.certkeys: valid after <= now < valid before. One without principals would be
/// good for every name there; here it is good for none.
fn check(certificate: &Certificate, expected: &Expected<'_>) -> Result<(), Flaw> {
    if certificate.signature_key() != expected.authority {
        return Err(Flaw::OtherAuthority);
    }
    certificate.verify_signature().map_err(|_| Flaw::Signature)?;
    if certificate.cert_type() != expected.kind {
        return Err(Flaw::Kind);
    }
    if !is_checked(&certificate.algorithm()) {
        return Err(Flaw::KeyKind);
    }
    let now = seconds(expected.at);
    if now < certificate.valid_after() {
        return Err(Flaw::NotYet);
    }
    if certificate.valid_before() <= now {
        return Err(Flaw::Ended);
    }
    if !certificate.critical_options().is_empty() {
        return Err(Flaw::Critical);
    }
    match certificate.valid_principals().iter().any(|name| (expected.is_named)(name)) {
        true => Ok(()),
        false => Err(Flaw::Principal),
    }
}

/// The key of an authority of the installation.
fn authority(seed: &Secret<[u8; 32]>) -> PrivateKey {
    PrivateKey::from(Ed25519Keypair::from_seed(seed.reveal()))
}

/// A public key in one line, without what somebody called it.
fn read_public(text: &str, what: &str) -> Result<PublicKey, KeyError> {
    let line = text.trim();
    let key = PublicKey::from_openssh(line).ok().filter(|_| !line.contains(['\n', '\r']));
    let key = key.filter(|key| is_checked(&key.algorithm()));
    let key = key.ok_or_else(|| {
        KeyError::new(format!(
            "{what} is no Ed25519 or ECDSA public key in one line\nhint: `ssh-keygen -t ed25519` \
             makes one, and its `.pub` file has the line"
        ))
    })?;
    Ok(PublicKey::new(key.key_data().clone(), ""))
}

/// As `TrustedUserCAKeys` and `known_hosts` have it.
fn public(key: &PrivateKey) -> String {
    PublicKey::new(key.public_key().key_data().clone(), "").to_openssh().unwrap_or_default()
}

fn is_checked(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Ed25519 | Algorithm::Ecdsa { .. })
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use russh::keys::ssh_key::certificate::Builder;
    use std::time::Duration;

    pub(crate) fn key(number: u8) -> PrivateKey {
        authority(&Secret::new([number; 32]))
    }

    pub(crate) fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// A certificate of `key(2)`, good from 100 to 200, changed before it is signed.
    pub(crate) fn made(
        signer: &PrivateKey,
        kind: CertType,
        change: impl FnOnce(&mut Builder),
    ) -> Certificate {
        let subject = key(2).public_key().key_data().clone();
        let mut builder = Builder::new([7; 16], subject, 100, 200).unwrap();
        builder.cert_type(kind).unwrap().serial(5).unwrap().key_id("grant").unwrap();
        change(&mut builder);
        builder.sign(signer).unwrap()
    }

    /// Names one principal.
    pub(crate) fn named(name: &str) -> impl FnOnce(&mut Builder) {
        let name = name.to_owned();
        move |builder| {
            builder.valid_principal(name).unwrap();
        }
    }

    /// Names nobody, which elsewhere stands for everybody.
    pub(crate) fn nameless(builder: &mut Builder) {
        builder.all_principals_valid().unwrap();
    }

    /// The same certificate with other bytes in it: what it says was signed by nobody.
    pub(crate) fn tampered(certificate: &Certificate, from: &[u8], to: &[u8]) -> Certificate {
        let mut bytes = certificate.to_bytes().unwrap();
        let places = bytes.windows(from.len()).position(|window| window == from);
        let place = places.expect("it stands there");
        bytes[place..place + from.len()].copy_from_slice(to);
        Certificate::from_bytes(&bytes).unwrap()
    }
}
