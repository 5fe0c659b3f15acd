//! What an operator hands to whoever sets up a connector: good once, and for a few minutes.
//!
//! It says where the gateway is and by which key its authority is known, so that the first
//! connection is as safe as the last one.

use crate::authority::PublicKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use portreeve_model::{Digest, Secret};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// An invitation.
#[derive(Clone, Debug)]
pub struct Invite {
    /// Its name in the store.
    pub id: String,
    /// What is shown once. The store has its SHA-256 only.
    pub secret: Secret<[u8; 32]>,
    /// The authority to believe.
    pub authority: PublicKey,
    /// Where gateways take connectors: `host:port`.
    pub gateways: Vec<String>,
}

/// How it is written: this, and base64 of JSON.
const PREFIX: &str = "portreeve-invite.";
const TEXT_BYTES_MAX: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Written {
    id: String,
    secret: String,
    authority: String,
    gateways: Vec<String>,
}

impl Invite {
    /// The text for whoever sets up the connector. Every call is a place to audit.
    #[must_use]
    pub fn reveal(&self) -> String {
        let written = Written {
            id: self.id.clone(),
            secret: BASE64.encode(self.secret.reveal()),
            authority: BASE64.encode(self.authority),
            gateways: self.gateways.clone(),
        };
        let json = serde_json::to_vec(&written).unwrap_or_default();
        format!("{PREFIX}{}", BASE64.encode(json))
    }
}

/// A text is no invitation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "this is no invitation; hint: give the whole line that `portreeve connectors invite` printed"
)]
pub struct NoInvite;

impl FromStr for Invite {
    type Err = NoInvite;

    fn from_str(text: &str) -> Result<Self, NoInvite> {
        let text = text.trim().strip_prefix(PREFIX).ok_or(NoInvite)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(NoInvite);
        }
        let json = BASE64.decode(text).map_err(|_| NoInvite)?;
        let written: Written = serde_json::from_slice(&json).map_err(|_| NoInvite)?;
        let key = |text: &str| {
            let bytes = BASE64.decode(text).map_err(|_| NoInvite)?;
            <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| NoInvite)
        };
        if written.gateways.is_empty() {
            return Err(NoInvite);
        }
        Ok(Self {
            id: written.id,
            secret: Secret::new(key(&written.secret)?),
            authority: key(&written.authority)?,
            gateways: written.gateways,
        })
    }
}

/// A public key as people read it: hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fingerprint(pub PublicKey);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Digest(self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invitation_is_read_as_it_was_written() {
        let invite = Invite {
            id: "7".into(),
            secret: Secret::new([1; 32]),
            authority: [2; 32],
            gateways: vec!["gateway.example.org:8445".into()],
        };
        let text = invite.reveal();
        let read: Invite = format!(" {text}\n").parse().unwrap();
        assert_eq!(
            (read.id, read.authority, read.gateways),
            ("7".into(), [2; 32], invite.gateways.clone())
        );
        assert_eq!(read.secret.reveal(), invite.secret.reveal());
        for wrong in ["", "portreeve-invite.", "portreeve-invite.e30", &text[1..], &text[..60]] {
            assert_eq!(wrong.parse::<Invite>().unwrap_err(), NoInvite, "{wrong}");
        }
        assert!(!format!("{invite:?}").contains("1, 1"));
    }
}
