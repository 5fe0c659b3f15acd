//! How a machine proves what it is.

use crate::certificates::{HOST_ALGORITHMS, HostAuthority};
use crate::keys::PinnedKeys;
use russh::keys::{Algorithm, HashAlg, PublicKeyOrCertificate};
use std::borrow::Cow;
use std::time::SystemTime;

/// How a target proves that it is the one that is meant. Nothing is trusted on first use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HostProof {
    /// It has one of these keys.
    Keys(PinnedKeys),
    /// This authority certifies its key.
    Certificate(HostAuthority),
}

impl HostProof {
    /// Which keys it has to show, where that is known; none where any will do that is proven.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        match self {
            Self::Keys(keys) => keys.algorithms(),
            Self::Certificate(_) => Vec::new(),
        }
    }

    /// Which certificates it may show.
    pub(super) fn certificates(&self) -> Cow<'static, [Algorithm]> {
        match self {
            Self::Keys(_) => Cow::Borrowed(&[]),
            Self::Certificate(_) => Cow::Borrowed(HOST_ALGORITHMS),
        }
    }

    /// Why what a target shows does not prove that it is the one that is meant.
    pub(super) fn objection(
        &self,
        shown: &PublicKeyOrCertificate,
        at: SystemTime,
    ) -> Option<String> {
        match (self, shown) {
            (Self::Keys(keys), PublicKeyOrCertificate::PublicKey { key, .. }) => {
                let fingerprint = key.fingerprint(HashAlg::Sha256);
                (!keys.holds(key)).then(|| {
                    format!(
                        "it proves itself with another key, {fingerprint}: it is not the machine \
                         of `host_key`"
                    )
                })
            }
            // None was asked for.
            (Self::Keys(_), PublicKeyOrCertificate::Certificate(_)) => {
                Some("it shows a certificate, and `host_key` is a key".to_owned())
            }
            (Self::Certificate(authority), PublicKeyOrCertificate::Certificate(certificate)) => {
                let flaw = authority.check(certificate, at).err()?;
                let ours = authority.fingerprint();
                Some(format!(
                    "its certificate {}: it is not the machine of `host_ca`, {ours}",
                    flaw.text()
                ))
            }
            (Self::Certificate(_), PublicKeyOrCertificate::PublicKey { .. }) => Some(
                "it shows a key without a certificate, and `host_ca` asks for one; hint: \
                 `HostCertificate` in its `sshd_config`"
                    .to_owned(),
            ),
        }
    }
}
