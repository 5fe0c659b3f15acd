//! What is not accepted any more before its time.

use super::{Administration, StoreError};
use portreeve_model::Chain;
use std::time::SystemTime;

/// What is not accepted any more, of any issuer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Revocation {
    /// Everything of a name that was issued before now, wherever in a chain it stands.
    Subject {
        /// Who vouches for it.
        issuer: String,
        /// The name.
        subject: String,
    },
    /// One token.
    Token {
        /// Whose it is.
        issuer: String,
        /// Its `jti`.
        id: String,
    },
    /// What the issuer says has ended.
    Logout(Logout),
}

/// The end of a login, in the issuer's own words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logout {
    /// Who says so.
    pub issuer: String,
    /// Whose login.
    pub subject: Option<String>,
    /// Which (`sid`); none: all of the subject's.
    pub login: Option<String>,
    /// When it ended: what was issued later comes from another login.
    pub at: SystemTime,
}

/// What is asked of a credential.
#[derive(Clone, Copy, Debug)]
pub struct Credential<'a> {
    /// Whom it names.
    pub chain: &'a Chain,
    /// Its `jti`.
    pub token_id: Option<&'a str>,
    /// The issuer's login that it comes from (`sid`).
    pub login: Option<&'a str>,
    /// When it was issued.
    pub issued_at: SystemTime,
}

/// What was revoked, before its time.
pub trait Revocations: Send + Sync {
    /// Revokes. Sessions that it concerns end within a second.
    ///
    /// # Errors
    /// The store fails.
    fn revoke(&self, what: &Revocation, how: &Administration) -> Result<(), StoreError>;

    /// Whether a credential is revoked.
    ///
    /// # Errors
    /// The store fails.
    fn is_revoked(&self, credential: Credential<'_>) -> Result<bool, StoreError>;
}
