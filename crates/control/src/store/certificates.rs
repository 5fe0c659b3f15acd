//! The port of certificates, and the plain data that it answers with.

use super::{Administration, Recorded, StoreError};
use crate::party::Identity;
use std::time::SystemTime;

/// A certificate that a client is about to get for its token.
#[derive(Clone, Debug)]
pub struct NewCertificate {
    /// Its key id: says nothing, and cannot be guessed.
    pub id: String,
    /// The fingerprint of the key that it certifies.
    pub key: String,
    /// The resources that it opens.
    pub resources: Vec<String>,
    /// What the token has proven.
    pub identity: Identity,
    /// Until when it opens them.
    pub expires_at: SystemTime,
}

/// A certificate that a client got for its token.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// Its serial number.
    pub serial: u64,
    /// The fingerprint of the key that it certifies.
    pub key: String,
    /// The resources that it opens.
    pub resources: Vec<String>,
    /// What the token has proven. Where it was presented from is not kept.
    pub identity: Identity,
    /// Until when it opens them.
    pub expires_at: SystemTime,
    /// Whether its issue is in the evidence.
    pub recorded: Recorded,
}

/// How many certificates one principal may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CertificateBounds {
    /// That are good at once.
    pub good_max: u32,
    /// That have been good within a day: each is a record.
    pub day_max: u32,
}

/// Certificates that clients got for their tokens. One that is not here was given by nobody.
pub trait Certificates: Send + Sync {
    /// Keeps one, before anybody gets it; gives its serial number.
    ///
    /// # Errors
    /// Its principal has as many as it may have, or the store fails.
    fn register(
        &self,
        certificate: &NewCertificate,
        bounds: CertificateBounds,
        how: &Administration,
    ) -> Result<u64, StoreError>;

    /// What is known of one, by its key id.
    ///
    /// # Errors
    /// The store fails.
    fn find(&self, id: &str) -> Result<Option<IssuedCertificate>, StoreError>;

    /// Whether one that is still kept certifies a key.
    ///
    /// # Errors
    /// The store fails.
    fn has_key(&self, key: &str) -> Result<bool, StoreError>;
}
