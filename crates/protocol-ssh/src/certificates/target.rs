//! Certificates that the gateway logs in with at targets: a key and a certificate for each
//! session, for minutes, with the chain in the key id, where the target's log shows it.

use super::{authority, public, seconds};
use crate::keys::{KeyError, private};
use portreeve_model::{Chain, Secret, SessionId};
use russh::keys::ssh_key::certificate::{Builder, CertType};
use russh::keys::{Algorithm, Certificate, PrivateKey};
use std::collections::BTreeMap;
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

/// What a certificate says beside its principal, for the target's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Label {
    key_id: String,
    serial: u64,
}

impl Label {
    /// For a session: of its id, what is drawn by lot is the serial number.
    pub(crate) fn of(subject: Subject<'_>) -> Self {
        let (_, serial) = subject.session.0.as_u64_pair();
        Self { key_id: key_id(subject), serial }
    }

    /// As a gateway says it to a connector.
    pub(crate) fn settings(&self) -> BTreeMap<String, String> {
        [(KEY_ID, self.key_id.clone()), (SERIAL, self.serial.to_string())]
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    }

    /// As a connector hears it.
    ///
    /// SECURITY: it stands in the target's log under the connector's name, and says what it says
    /// in one line of plain letters, whoever is at the other end.
    pub(crate) fn heard(settings: &BTreeMap<String, String>) -> Self {
        let said = |name| settings.get(name).map(String::as_str).unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._@:/+->= ".contains(c);
        let plain = |c: char| if is_plain(c) { c } else { '_' };
        Self {
            key_id: said(KEY_ID).chars().take(KEY_ID_CHARS_MAX).map(plain).collect(),
            serial: said(SERIAL).parse().unwrap_or_default(),
        }
    }
}

const KEY_ID: &str = "key_id";
const SERIAL: &str = "serial";
/// The longest that is believed of a gateway.
const KEY_ID_CHARS_MAX: usize = 2048;

impl TargetAuthority {
    /// The authority whose private key a file of OpenSSH holds.
    ///
    /// # Errors
    /// It is none, or has a passphrase.
    pub fn read(text: &Secret<String>) -> Result<Self, KeyError> {
        private(text).map(|key| Self { key })
    }

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
        label: &Label,
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
            builder.cert_type(CertType::User)?.serial(label.serial)?.key_id(&label.key_id)?;
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
            let label = Label::of(subject);
            let (key, certificate) = authority.fresh(&label, "deploy", at(1000)).unwrap();
            let (again, _) = authority.fresh(&label, "deploy", at(1000)).unwrap();
            assert_eq!(Label::heard(&label.settings()), label);
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

    #[test]
    fn what_a_gateway_says_is_one_plain_line() {
        let check = |key_id: &str, serial: &str, expect: (&str, u64)| {
            let settings = [(KEY_ID, key_id), (SERIAL, serial)];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let heard = Label::heard(&settings.into());
            assert_eq!((heard.key_id.as_str(), heard.serial), expect, "{key_id}");
        };
        check("alice>planner session=1", "7", ("alice>planner session=1", 7));
        check("eve\nAccepted \"root\"", "-1", ("eve_Accepted _root_", 0));
        check(&"x".repeat(5000), "", (&"x".repeat(KEY_ID_CHARS_MAX), 0));
        assert_eq!(Label::heard(&BTreeMap::new()).key_id, "");
    }
}
