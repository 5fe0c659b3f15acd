//! Certificates that targets prove themselves with.

use super::{Expected, Flaw, check, read_public};
use crate::keys::KeyError;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Algorithm, Certificate, EcdsaCurve, HashAlg, PublicKey};
use std::time::SystemTime;

/// Kinds of keys that a host's certificate may be for.
pub(crate) const HOST_ALGORITHMS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
];

/// Who certifies the key of a target.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostAuthority {
    key: PublicKey,
    /// The target's name, as the configuration has it.
    host: String,
}

impl HostAuthority {
    /// Reads the authority's public key; the certificate has to name the host.
    ///
    /// # Errors
    /// It is none.
    pub fn read(text: &str, host: &str) -> Result<Self, KeyError> {
        Ok(Self { key: read_public(text, "`host_ca`")?, host: host.to_owned() })
    }

    /// Whether a certificate proves that its holder is the target. Names are compared as names
    /// of hosts are, and patterns are none.
    pub(crate) fn check(&self, certificate: &Certificate, at: SystemTime) -> Result<(), Flaw> {
        let expected = Expected {
            authority: self.key.key_data(),
            kind: CertType::Host,
            is_named: &|name| name.eq_ignore_ascii_case(&self.host),
            at,
        };
        check(certificate, &expected)
    }

    pub(crate) fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{at, key, made, named, nameless, tampered};
    use super::*;

    #[test]
    fn a_target_is_who_its_authority_says() {
        let line = key(1).public_key().to_openssh().unwrap();
        let authority = HostAuthority::read(&line, "Web1.example").unwrap();
        let check = |certificate: &Certificate, seconds: u64, expect: Result<(), Flaw>| {
            assert_eq!(authority.check(certificate, at(seconds)), expect, "{certificate:?}");
        };
        let good = made(&key(1), CertType::Host, named("web1.example"));
        check(&good, 100, Ok(()));
        check(&good, 199, Ok(()));
        check(&good, 99, Err(Flaw::NotYet));
        check(&good, 200, Err(Flaw::Ended));
        check(
            &made(&key(9), CertType::Host, named("web1.example")),
            150,
            Err(Flaw::OtherAuthority),
        );
        // Whom the authority certifies as a user is no host.
        check(&made(&key(1), CertType::User, named("web1.example")), 150, Err(Flaw::Kind));
        for other in ["web2.example", "*.example", "*", "web1.example.evil", ""] {
            check(&made(&key(1), CertType::Host, named(other)), 150, Err(Flaw::Principal));
        }
        let any = made(&key(1), CertType::Host, nameless);
        check(&any, 150, Err(Flaw::Principal));
        let demanding = made(&key(1), CertType::Host, |builder| {
            builder.valid_principal("web1.example").unwrap();
            builder.critical_option("verify-required", "").unwrap();
        });
        check(&demanding, 150, Err(Flaw::Critical));
        check(&tampered(&good, b"web1.example", b"web2.example"), 150, Err(Flaw::Signature));
    }
}
