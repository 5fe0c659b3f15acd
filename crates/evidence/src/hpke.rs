//! HPKE (RFC 9180), base mode, one message: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. It seals the auditors' key shares and nothing else.

use crate::Error;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::{hmac, rand};

/// Length of a public key, of a private key and of an encapsulated key.
pub(crate) const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
/// "KEM", DHKEM(X25519, HKDF-SHA256).
const KEM: &[u8] = b"KEM\x00\x20";
/// "HPKE", the KEM, HKDF-SHA256, AES-256-GCM.
const SUITE: &[u8] = b"HPKE\x00\x20\x00\x01\x00\x02";

const FAILED: Error = Error::Crypto("a share could not be sealed");
const REFUSED: Error = Error::Unreadable { what: "the auditors' key does not fit its share" };

fn extract(suite: &[u8], salt: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, salt);
    let mut context = hmac::Context::with_key(&key);
    [b"HPKE-v1", suite, label, ikm].iter().for_each(|part| context.update(part));
    to_array(context.sign().as_ref())
}

/// HKDF-Expand for at most one block, which is all that this suite asks for.
fn expand(suite: &[u8], key: &[u8; 32], label: &[u8], info: &[u8], length: u8) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut context = hmac::Context::with_key(&key);
    let parts: [&[u8]; 6] = [&[0, length], b"HPKE-v1", suite, label, info, &[1]];
    parts.iter().for_each(|part| context.update(part));
    to_array(context.sign().as_ref())
}

fn to_array(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(bytes);
    out
}

/// The key and the nonce that both sides derive from the shared point.
fn schedule(dh: &[u8], enc: &[u8], public: &[u8], info: &[u8]) -> ([u8; 32], [u8; 12]) {
    let kem_context = [enc, public].concat();
    let eae = extract(KEM, &[], b"eae_prk", dh);
    let shared = expand(KEM, &eae, b"shared_secret", &kem_context, 32);
    let mut context = vec![0u8]; // base mode
    context.extend(extract(SUITE, &[], b"psk_id_hash", &[]));
    context.extend(extract(SUITE, &[], b"info_hash", info));
    let secret = extract(SUITE, &shared, b"secret", &[]);
    let key = expand(SUITE, &secret, b"key", &context, 32);
    let nonce = expand(SUITE, &secret, b"base_nonce", &context, 12);
    let mut short = [0; 12];
    short.copy_from_slice(&nonce[..12]);
    (key, short)
}

fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, Error> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| FAILED)
}

/// The public half of a private key.
pub(crate) fn public_key(private: &[u8; KEY_BYTES]) -> Result<[u8; KEY_BYTES], Error> {
    let key = PrivateKey::from_private_key(&X25519, private).map_err(|_| FAILED)?;
    Ok(to_array(key.compute_public_key().map_err(|_| FAILED)?.as_ref()))
}

/// Seals `clear` to `public`: the encapsulated key, then the sealed text.
pub(crate) fn seal(public: &[u8; 32], info: &[u8], clear: &[u8]) -> Result<Vec<u8>, Error> {
    let mut ephemeral = [0; KEY_BYTES];
    rand::fill(&mut ephemeral).map_err(|_| FAILED)?;
    seal_with(&ephemeral, public, info, clear)
}

pub(crate) fn seal_with(
    ephemeral: &[u8; 32],
    public: &[u8; 32],
    info: &[u8],
    clear: &[u8],
) -> Result<Vec<u8>, Error> {
    let private = PrivateKey::from_private_key(&X25519, ephemeral).map_err(|_| FAILED)?;
    let enc = public_key(ephemeral)?;
    let peer = UnparsedPublicKey::new(&X25519, public);
    let (key, nonce) = agree(&private, peer, FAILED, |dh| Ok(schedule(dh, &enc, public, info)))?;
    let mut text = clear.to_vec();
    cipher(&key)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| FAILED)?;
    Ok([&enc[..], &text].concat())
}

/// Opens what [`seal`] made.
pub(crate) fn open(private: &[u8; 32], info: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Error> {
    let Some((enc, text)) = sealed.split_at_checked(KEY_BYTES) else { return Err(REFUSED) };
    if text.len() < TAG_BYTES {
        return Err(REFUSED);
    }
    let key = PrivateKey::from_private_key(&X25519, private).map_err(|_| REFUSED)?;
    let public = public_key(private)?;
    let peer = UnparsedPublicKey::new(&X25519, enc);
    let (key, nonce) = agree(&key, peer, REFUSED, |dh| Ok(schedule(dh, enc, &public, info)))?;
    let mut text = text.to_vec();
    let clear = cipher(&key)?
        .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut text)
        .map_err(|_| REFUSED)?;
    Ok(clear.to_vec())
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
        let private = [9; 32];
        let public = public_key(&private).unwrap();
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
