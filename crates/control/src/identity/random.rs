//! Names that nobody can guess.

use crate::store::StoreError;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// So many random bytes in hexadecimal.
pub(super) fn random_text(bytes: usize) -> Result<String, StoreError> {
    let mut random = vec![0u8; bytes];
    SystemRandom::new().fill(&mut random).map_err(|_| StoreError::Broken("random source"))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
