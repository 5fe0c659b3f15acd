//! Certificates that the gateway logs in with at targets: a key and a certificate for each
//! session, for minutes, with the chain in the key id, where the target's log shows it.

use super::{authority, public, seconds};
use crate::keys::KeyError;
use portreeve_model::{Chain, Secret, SessionId};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Algorithm, Certificate, PrivateKey};
use std::time::{Duration, SystemTime};

/// Signs the certificates that the gateway logs in with at targets.
#[derive(Clone)]
pub struct TargetAuthority {
    key: PrivateKey,
}

impl std::fmt::Debug for TargetAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TargetAuthority").field(&self.public()).finish()
    }
}

/// For whom the gateway logs in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) chain: &'a Chain,
    pub(crate) session: SessionId,
}

impl TargetAuthority {
    /// The authority whose private key is this.
    #[must_use]
    pub fn new(seed: &Secret<[u8; 32]>) -> Self {
        Self { key: authority(seed) }
    }

    /// As a target's `TrustedUserCAKeys` has it.
    #[must_use]
    pub fn public(&self) -> String {
        public(&self.key)
    }

    /// A key that nobody has had, and its certificate.
    pub(crate) fn fresh(
        &self,
        subject: Subject<'_>,
        principal: &str,
        at: SystemTime,
    ) -> Result<(PrivateKey, Certificate), KeyError> {
        let from = seconds(at.checked_sub(CLOCK_SKEW).unwrap_or(at));
        let until = seconds(at + LIFETIME);
        let make = || {
            let mut random = russh::keys::key::safe_rng();
            let key = PrivateKey::random(&mut random, Algorithm::Ed25519)?;
            let data = key.public_key().key_data().clone();
            let mut builder = Builder::new_with_random_nonce(&mut random, data, from, until)?;
            // Of a session's id, what is drawn by lot.
            let (_, serial) = subject.session.0.as_u64_pair();
            builder.cert_type(CertType::User)?.serial(serial)?.key_id(key_id(subject))?;
            builder.valid_principal(principal)?;
            // Terminals, and nothing else: no forwarding, no agent, no `~/.ssh/rc`.
            builder.extension("permit-pty", "")?;
            Ok((key, builder.sign(&self.key)?))
        };
        make().map_err(|error: russh::keys::ssh_key::Error| KeyError::new(error.to_string()))
    }
}

/// `alice>planner>worker session=0190…`: who acts for whom, and where the evidence has more.
///
/// SECURITY: names come from issuers. What could end a line of the target's log, or look like
/// another hop, is written as `_`.
fn key_id(subject: Subject<'_>) -> String {
    let hops = subject.chain.hops().map(|hop| {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@:/+-".contains(c);
        let plain = |c: char| if is_plain(c) { c } else { '_' };
        hop.subject.chars().take(HOP_CHARS_MAX).map(plain).collect::<String>()
    });
    format!("{} session={}", hops.collect::<Vec<_>>().join(">"), subject.session)
}

/// The longest part of a key id that a name takes; the session says the rest.
const HOP_CHARS_MAX: usize = 64;
/// Long enough to log in; a session goes on behind its login.
const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// Clocks of targets may be behind by so much.
const CLOCK_SKEW: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::testing::at;
    use super::*;
    use portreeve_model::{Party, PartyKind};

    #[test]
    fn a_certificate_of_a_session_says_who_and_is_short() {
        let authority = TargetAuthority::new(&Secret::new([4; 32]));
        let party = |kind, name: &str| Party::new(kind, "https://id.example", name);
        let session = SessionId("0190a000-0000-7000-8000-000000000001".parse().unwrap());
        let check = |names: &[&str], expect: &str| {
            let (principal, actors) = names.split_first().unwrap();
            let actors = actors.iter().map(|name| party(PartyKind::Actor, name)).collect();
            let chain = Chain::new(party(PartyKind::Person, principal), actors);
            let subject = Subject { chain: &chain, session };
            let (key, certificate) = authority.fresh(subject, "deploy", at(1000)).unwrap();
            let (again, _) = authority.fresh(subject, "deploy", at(1000)).unwrap();
            assert_ne!(key.public_key(), again.public_key());
            assert_eq!(certificate.public_key(), key.public_key().key_data());
            assert_eq!(certificate.key_id(), format!("{expect} session={session}"));
            assert_eq!(certificate.valid_principals(), ["deploy"]);
            assert_eq!((certificate.valid_after(), certificate.valid_before()), (940, 1300));
            assert_eq!(certificate.serial(), 0x8000_0000_0000_0001);
            let extensions: Vec<_> = certificate.extensions().keys().collect();
            assert_eq!(extensions, ["permit-pty"]);
            certificate.verify_signature().unwrap();
        };
        check(&["alice", "planner", "sub"], "alice>planner>sub");
        check(&["ada@example.org"], "ada@example.org");
        check(&["eve>root session=1\nsshd: ok \"", "ü"], "eve_root_session_1_sshd:_ok__>_");
        check(&[&"x".repeat(256)], &"x".repeat(64));
    }
}
