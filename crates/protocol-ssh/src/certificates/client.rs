//! Certificates that clients log in with at the gateway.
//!
//! They say which resources they open and until when; whom they stand for is kept by whoever
//! gave them, under the key id.

use super::{Expected, Flaw, authority, check, public, read_public, seconds};
use crate::keys::KeyError;
use portreeve_model::Secret;
use portreeve_session::{BoxFuture, Identity, NotAdmitted};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Certificate, HashAlg, PrivateKey, PublicKey};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// Whoever knows what certificates stand for.
pub trait Certificates: Send + Sync {
    /// Whether a key (its fingerprint) was certified. Clients offer every key that they have,
    /// and are asked to use none but those.
    fn has_certified<'a>(&'a self, key: &'a str) -> BoxFuture<'a, bool>;

    /// Whom a certificate stands for that a client at an address shows, whose key it has.
    fn redeem<'a>(
        &'a self,
        shown: Shown<'a>,
        from: IpAddr,
    ) -> BoxFuture<'a, Result<Identity, NotAdmitted>>;

    /// Counts and records one that is not accepted.
    fn refuse(&self, flaw: Flaw, from: IpAddr) -> NotAdmitted;
}

/// A certificate of the gateway's authority that a client shows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shown<'a> {
    /// Its key id.
    pub id: &'a str,
    /// Its serial number.
    pub serial: u64,
    /// The fingerprint of its key.
    pub key: String,
    /// The resource that it is shown for, and that it names.
    pub resource: &'a str,
}

/// What is to stand in a certificate.
#[derive(Clone, Copy, Debug)]
pub struct ToCertify<'a> {
    /// The client's public key, in one line.
    pub public_key: &'a str,
    /// The key id.
    pub id: &'a str,
    /// The serial number.
    pub serial: u64,
    /// The resources that it opens.
    pub resources: &'a [String],
    /// When it is made.
    pub from: SystemTime,
    /// Until when it is good.
    pub until: SystemTime,
}

/// Signs certificates of clients, and accepts none but those.
#[derive(Clone)]
pub struct ClientAuthority {
    key: PrivateKey,
}

impl std::fmt::Debug for ClientAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ClientAuthority").field(&public(&self.key)).finish()
    }
}

impl ClientAuthority {
    /// The authority whose private key is this.
    #[must_use]
    pub fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self { key: authority(seed) }
    }

    /// The fingerprint of a client's public key.
    ///
    /// # Errors
    /// It is none that is certified.
    pub fn fingerprint(public_key: &str) -> Result<String, KeyError> {
        Ok(fingerprint(&read_public(public_key, "`public_key`")?))
    }

    /// The certificate of a client's key, in one line.
    ///
    /// # Errors
    /// The key is none, or the certificate cannot be made.
    pub fn certify(&self, asked: &ToCertify<'_>) -> Result<String, KeyError> {
        let key = read_public(asked.public_key, "`public_key`")?;
        let from = seconds(asked.from.checked_sub(CLOCK_SKEW).unwrap_or(asked.from));
        let until = seconds(asked.until);
        let make = || {
            let mut random = russh::keys::key::safe_rng();
            let key = key.key_data().clone();
            let mut builder = Builder::new_with_random_nonce(&mut random, key, from, until)?;
            builder.cert_type(CertType::User)?.serial(asked.serial)?.key_id(asked.id)?;
            for resource in asked.resources {
                builder.valid_principal(resource)?;
            }
            // No extensions: what a session may do is policy's to say.
            builder.sign(&self.key)?.to_openssh()
        };
        make().map_err(|error| KeyError::new(error.to_string()))
    }

    /// What a client shows for a resource, if it is a certificate of this authority that names
    /// it and is good now.
    pub(crate) fn check<'a>(
        &self,
        certificate: &'a Certificate,
        resource: &'a str,
        at: SystemTime,
    ) -> Result<Shown<'a>, Flaw> {
        let expected = Expected {
            authority: self.key.public_key().key_data(),
            kind: CertType::User,
            is_named: &|name| name == resource,
            at,
        };
        check(certificate, &expected)?;
        let key = fingerprint(&PublicKey::new(certificate.public_key().clone(), ""));
        Ok(Shown { id: certificate.key_id(), serial: certificate.serial(), key, resource })
    }
}

/// What a key is known by.
pub(crate) fn fingerprint(key: &PublicKey) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

/// Gateways of one installation may have clocks that differ by so much.
const CLOCK_SKEW: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::super::testing::{at, key, made, named, nameless, tampered};
    use super::*;
    use russh::keys::ssh_key::LineEnding;

    fn ours() -> ClientAuthority {
        ClientAuthority::new(&Secret::new([1; 32]))
    }

    #[test]
    fn what_is_certified_is_accepted_where_and_while_it_says() {
        let holder = key(2);
        let line = holder.public_key().to_openssh().unwrap();
        let resources = ["web".to_owned(), "db".to_owned()];
        let text = ours()
            .certify(&ToCertify {
                public_key: &line,
                id: "grant",
                serial: 7,
                resources: &resources,
                from: at(1000),
                until: at(1900),
            })
            .unwrap();
        let certificate = Certificate::from_openssh(&text).unwrap();
        assert!(certificate.extensions().is_empty() && certificate.critical_options().is_empty());
        let check = |resource: &str, seconds: u64| {
            let shown = ours().check(&certificate, resource, at(seconds));
            shown.map(|shown| (shown.id.to_owned(), shown.serial, shown.key))
        };
        let shown = ("grant".to_owned(), 7, ClientAuthority::fingerprint(&line).unwrap());
        assert_eq!(check("web", 1000), Ok(shown.clone()));
        assert_eq!(check("db", 1899), Ok(shown.clone()));
        assert_eq!(check("web", 1000 - 30), Ok(shown));
        assert_eq!(check("web", 1000 - 31), Err(Flaw::NotYet));
        assert_eq!(check("web", 1900), Err(Flaw::Ended));
        for other in ["we", "web2", "WEB", "*", ""] {
            assert_eq!(check(other, 1000), Err(Flaw::Principal), "{other}");
        }
    }

    #[test]
    fn every_flaw_is_refused() {
        let check = |certificate: &Certificate, expect: Result<(), Flaw>| {
            let shown = ours().check(certificate, "web", at(150));
            assert_eq!(shown.map(|_| ()), expect, "{certificate:?}");
        };
        let good = made(&key(1), CertType::User, named("web"));
        check(&good, Ok(()));
        check(&made(&key(9), CertType::User, named("web")), Err(Flaw::OtherAuthority));
        check(&made(&key(2), CertType::User, named("web")), Err(Flaw::OtherAuthority));
        check(&made(&key(1), CertType::Host, named("web")), Err(Flaw::Kind));
        // What stands in it is signed: the name, the key id, the serial number, the key.
        check(&tampered(&good, b"grant", b"other"), Err(Flaw::Signature));
        check(
            &tampered(&good, b"\x00\x00\x00\x03web", b"\x00\x00\x00\x03wet"),
            Err(Flaw::Signature),
        );
        check(&tampered(&good, &5_u64.to_be_bytes(), &6_u64.to_be_bytes()), Err(Flaw::Signature));
        check(
            &tampered(&good, &200_u64.to_be_bytes(), &u64::MAX.to_be_bytes()),
            Err(Flaw::Signature),
        );
        let (holder, thief) = (key(2), key(3));
        let bytes = |key: &PrivateKey| key.public_key().key_data().ed25519().unwrap().0;
        check(&tampered(&good, &bytes(&holder), &bytes(&thief)), Err(Flaw::Signature));
        for (name, value) in
            [("force-command", "id"), ("source-address", "10.0.0.0/8"), ("new", "")]
        {
            let demanding = made(&key(1), CertType::User, |builder| {
                builder.valid_principal("web").unwrap().critical_option(name, value).unwrap();
            });
            check(&demanding, Err(Flaw::Critical));
        }
        // Extensions may be ignored, and are.
        let extended = made(&key(1), CertType::User, |builder| {
            builder.valid_principal("web").unwrap().extension("permit-pty", "").unwrap();
        });
        check(&extended, Ok(()));
        let any = made(&key(1), CertType::User, nameless);
        check(&any, Err(Flaw::Principal));
        let other = made(&key(1), CertType::User, |builder| {
            builder.valid_principal("db").unwrap().valid_principal("web,db").unwrap();
        });
        check(&other, Err(Flaw::Principal));
    }

    #[test]
    fn keys_that_are_not_checked_are_not_certified() {
        let good = key(2).public_key().to_openssh().unwrap();
        let check = |text: &str, expect: bool| {
            assert_eq!(ClientAuthority::fingerprint(text).is_ok(), expect, "{text}");
        };
        check(&good, true);
        check(&format!("{good} ada@laptop\n"), true);
        let certificate = made(&key(1), CertType::User, named("web")).to_openssh().unwrap();
        let private = key(2).to_openssh(LineEnding::LF).unwrap();
        let two = format!("{good}\n{good}");
        let rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7";
        for bad in ["", "ssh-ed25519", "ssh-ed25519 AAAA", &certificate, &private, &two, rsa] {
            check(bad, false);
        }
    }
}
