//! What the verifier may rely on.

use crate::tlog::trust_policy::TrustPolicy;
use crate::tlog::vkey::VerifierKey;

/// What the verifier may rely on.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The log's public key, known from elsewhere. Without one the key that lies in the
    /// directory is taken, and the report says so.
    pub key: Option<VerifierKey>,
    /// Signed checkpoints of this log, kept elsewhere.
    pub checkpoints: Vec<String>,
    /// Which logs and witnesses are believed.
    pub policy: Option<TrustPolicy>,
}

impl Trust {
    /// The log's key to check with, and whether it comes from elsewhere than the log:
    /// `beside` is the one that lies with it.
    pub(super) fn log_key(
        &self,
        beside: Result<&VerifierKey, String>,
    ) -> Result<(VerifierKey, bool), String> {
        let logs = self.policy.as_ref().map(|policy| policy.logs()).unwrap_or_default();
        let origin = self.key.as_ref().or(beside.as_ref().ok().copied()).map(VerifierKey::name);
        let of_policy = logs.iter().find(|log| Some(log.name()) == origin);
        match (&self.key, of_policy) {
            (Some(key), Some(log)) if key != log => {
                Err(format!("the policy has another key for `{}` than `--key`", key.name()))
            }
            (Some(_), None) | (None, None) if !logs.is_empty() => {
                Err(format!("the policy names no log `{}`", origin.unwrap_or("(unknown)")))
            }
            (Some(key), _) | (None, Some(key)) => Ok((key.clone(), true)),
            (None, None) => match beside {
                Ok(key) => Ok((key.clone(), false)),
                Err(why) => Err(format!("no public key: {why}")),
            },
        }
    }
}
