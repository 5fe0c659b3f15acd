//! HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. It seals the auditors' key shares and nothing else.

use crate::error::Error;
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_AES_256 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};

/// Length of an encapsulated key, which stands before the sealed text.
const ENCAPSULATED_BYTES: usize = 32;

const FAILED: Error = Error::Crypto("a share could not be sealed");
const REFUSED: Error = Error::Unreadable { what: "the auditors' key does not fit its share" };

/// A new key pair: the public half, then the private one.
pub(crate) fn generate() -> Result<(Vec<u8>, Vec<u8>), Error> {
    let (public, private) = SUITE.generate_key_pair().map_err(|_| FAILED)?;
    Ok((public.0, private.secret_bytes().to_vec()))
}

/// Seals `clear` to `public`: the encapsulated key, then the sealed text.
pub(crate) fn seal(public: &[u8; 32], info: &[u8], clear: &[u8]) -> Result<Vec<u8>, Error> {
    let public = HpkePublicKey(public.to_vec());
    let (key, text) = SUITE.seal(info, &[], clear, &public).map_err(|_| FAILED)?;
    Ok([key.0, text].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(private: &[u8; 32], info: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let Some((key, text)) = sealed.split_at_checked(ENCAPSULATED_BYTES) else {
        return Err(REFUSED);
    };
    let (key, private) = (EncapsulatedSecret(key.to_vec()), HpkePrivateKey::from(private.to_vec()));
    SUITE.open(&key, info, &[], text, &private).map_err(|_| REFUSED)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sealed by OpenSSL's HPKE to the public key of 32 bytes of 9.
    #[test]
    fn opens_what_another_implementation_sealed() {
        let text = "aebca2c989c871f3429a0dbf3fc56c9af921a2df8c8bb666501ad6e34a7d8962\
                    cf2e6d3340bc8407f52c6b3d03af37c1374b29f1da";
        let sealed: Vec<u8> = (0..text.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
            .collect();
        assert_eq!(open(&[9; 32], b"info", &sealed).unwrap(), b"share");
    }

    #[test]
    fn opens_what_it_sealed_and_nothing_else() {
        let (public, private) = generate().unwrap();
        let (public, private) = (public.try_into().unwrap(), private.try_into().unwrap());
        let sealed = seal(&public, b"info", b"share").unwrap();
        assert_eq!(open(&private, b"info", &sealed).unwrap(), b"share");
        assert!(open(&private, b"other", &sealed).is_err());
        assert!(open(&[8; 32], b"info", &sealed).is_err());
        for at in 0..sealed.len() {
            let mut bad = sealed.clone();
            bad[at] ^= 1;
            assert!(open(&private, b"info", &bad).is_err(), "byte {at}");
            assert!(open(&private, b"info", &sealed[..at]).is_err(), "cut at {at}");
        }
    }
}
