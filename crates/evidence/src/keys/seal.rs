//! Sealing of recorded bytes: compress, encrypt, digest.
//!
//! The key is made of two shares; a nonce is the record's number in its session, so
//! none is used twice; the session, the number and the direction are authenticated
//! with the bytes, so that no payload can stand in for another.

use crate::error::Error;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use portreeve_model::{Direction, SessionId};
use std::cell::RefCell;

/// Bytes in a share and in a key.
pub(crate) const SHARE_BYTES: usize = 32;
/// Payloads below this are stored as they are: compression would not pay.
const COMPRESS_BYTES_MIN: usize = 256;
/// zstd's fast levels are negative; see the crate's benchmark for the choice.
const COMPRESS_LEVEL: i32 = -7;
/// No payload that this crate wrote opens to more.
const CLEAR_BYTES_MAX: usize = 1 << 30;

/// What a sealed share is bound to, beside its session.
const SHARE_INFO: &[u8] = b"portreeve recording share v1";

const STORED: u8 = 0;
const ZSTD: u8 = 1;

const FAILED: Error = Error::Crypto("a payload could not be sealed");

fn unreadable(what: &'static str) -> Error {
    Error::Unreadable { what }
}

/// The key of one session's recording.
pub(crate) struct PayloadKey {
    session: SessionId,
    cipher: LessSafeKey,
}

thread_local! {
    /// Compression contexts are large (idle sessions must be small), so a thread has one.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> =
        const { RefCell::new(None) };
}

fn direction_byte(direction: Direction) -> u8 {
    match direction {
        Direction::FromClient => 0,
        Direction::ToClient => 1,
        Direction::Subjects => 2,
    }
}

impl PayloadKey {
    /// Derives the key of a session from its two shares: HMAC-SHA-256, keyed with the
    /// one, over a label, the session and the other.
    pub(crate) fn from_shares(
        session: SessionId,
        auditors: &[u8; SHARE_BYTES],
        keyring: &[u8; SHARE_BYTES],
    ) -> Result<Self, Error> {
        Self::derive(session, auditors, b"portreeve recording v1", &[keyring])
    }

    /// Derives the key of a session's part of a month's index of data subjects: it needs
    /// the month's share too.
    pub(crate) fn of_subjects(
        session: SessionId,
        auditors: &[u8; SHARE_BYTES],
        keyring: &[u8; SHARE_BYTES],
        month: &[u8; SHARE_BYTES],
    ) -> Result<Self, Error> {
        Self::derive(session, auditors, b"portreeve subjects v1", &[keyring, month])
    }

    fn derive(
        session: SessionId,
        auditors: &[u8; SHARE_BYTES],
        label: &[u8],
        shares: &[&[u8; SHARE_BYTES]],
    ) -> Result<Self, Error> {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, auditors));
        context.update(label);
        context.update(session.0.as_bytes());
        shares.iter().for_each(|share| context.update(*share));
        let key = UnboundKey::new(&AES_256_GCM, context.sign().as_ref()).map_err(|_| FAILED)?;
        Ok(Self { session, cipher: LessSafeKey::new(key) })
    }

    fn nonce(seq: u64) -> Nonce {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&seq.to_be_bytes());
        Nonce::assume_unique_for_key(nonce)
    }

    fn aad(&self, seq: u64, direction: Direction) -> Aad<[u8; 25]> {
        let mut aad = [0; 25];
        aad[..16].copy_from_slice(self.session.0.as_bytes());
        aad[16..24].copy_from_slice(&seq.to_be_bytes());
        aad[24] = direction_byte(direction);
        Aad::from(aad)
    }

    /// Seals `clear` as the payload of record `seq`.
    ///
    /// The caller never seals twice under one number: that would break the cipher.
    pub(crate) fn seal(
        &self,
        seq: u64,
        direction: Direction,
        clear: &[u8],
    ) -> Result<Vec<u8>, Error> {
        let mut text = compress(clear)?;
        self.cipher
            .seal_in_place_append_tag(Self::nonce(seq), self.aad(seq, direction), &mut text)
            .map_err(|_| FAILED)?;
        Ok(text)
    }

    /// Opens the payload of record `seq`; `bytes` is the length that its leaf states.
    pub(crate) fn open(
        &self,
        seq: u64,
        direction: Direction,
        sealed: &[u8],
        bytes: u64,
    ) -> Result<Vec<u8>, Error> {
        let mut text = sealed.to_vec();
        let clear = self
            .cipher
            .open_in_place(Self::nonce(seq), self.aad(seq, direction), &mut text)
            .map_err(|_| unreadable("the key does not fit, or the bytes are not its own"))?;
        let length = usize::try_from(bytes)
            .ok()
            .filter(|length| *length <= CLEAR_BYTES_MAX)
            .ok_or(unreadable("its length is beyond any payload's"))?;
        let clear = match clear.split_first() {
            Some((&STORED, rest)) => rest.to_vec(),
            Some((&ZSTD, rest)) => zstd::bulk::decompress(rest, length)
                .map_err(|_| unreadable("it does not decompress"))?,
            Some(_) | None => return Err(unreadable("its codec is unknown")),
        };
        if clear.len() != length {
            return Err(unreadable("its length is not the one recorded"));
        }
        Ok(clear)
    }
}

/// The codec's byte and the bytes, with room for the tag.
fn compress(clear: &[u8]) -> Result<Vec<u8>, Error> {
    const TAG_ROOM: usize = 16;
    if clear.len() >= COMPRESS_BYTES_MIN {
        let mut text = Vec::with_capacity(clear.len() + 1);
        text.push(ZSTD);
        let failed = |_| Error::Crypto("a payload could not be compressed");
        let fits = COMPRESSOR.with_borrow_mut(|slot| {
            let compressor = match slot {
                Some(compressor) => compressor,
                None => slot.insert(zstd::bulk::Compressor::new(COMPRESS_LEVEL).map_err(failed)?),
            };
            // The buffer has no room for more than the clear bytes: what does not
            // shrink fails here and is stored as it is.
            let mut cursor = std::io::Cursor::new(std::mem::take(&mut text));
            cursor.set_position(1);
            let fits = compressor.compress_to_buffer(clear, &mut cursor).is_ok();
            text = cursor.into_inner();
            Ok::<_, Error>(fits)
        })?;
        if fits {
            return Ok(text);
        }
    }
    let mut text = Vec::with_capacity(clear.len() + 1 + TAG_ROOM);
    text.push(STORED);
    text.extend_from_slice(clear);
    Ok(text)
}

/// What a share is bound to: it opens for this session and no other.
pub(crate) fn share_info(session: SessionId) -> Vec<u8> {
    [SHARE_INFO, session.0.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(share: u8) -> PayloadKey {
        let session = SessionId(uuid::Uuid::from_u128(5));
        PayloadKey::from_shares(session, &[1; 32], &[share; 32]).unwrap()
    }

    #[test]
    fn round_trips_at_every_size_and_shrinks_what_repeats() {
        let noise: Vec<u8> = {
            let mut bytes = vec![0; 4096];
            aws_lc_rs::rand::fill(&mut bytes).unwrap();
            bytes
        };
        let text = b"select id, name from customers where id = 1;\n".repeat(90);
        for (size, clear) in [0, 1, 255, 256, 257, 4000]
            .into_iter()
            .flat_map(|size| [(size, &noise[..size]), (size, &text[..size])])
        {
            let sealed = key(2).seal(9, Direction::ToClient, clear).unwrap();
            let opened = key(2).open(9, Direction::ToClient, &sealed, size as u64).unwrap();
            assert_eq!(opened, clear);
            assert!(sealed.len() <= clear.len() + 17);
        }
        let sealed = key(2).seal(9, Direction::ToClient, &text[..4000]).unwrap();
        assert!(sealed.len() < 1000, "{} bytes", sealed.len());
    }

    #[test]
    fn opens_only_in_its_own_place_with_both_shares() {
        let sealed = key(2).seal(9, Direction::ToClient, b"row").unwrap();
        assert!(key(3).open(9, Direction::ToClient, &sealed, 3).is_err());
        assert!(key(2).open(8, Direction::ToClient, &sealed, 3).is_err());
        assert!(key(2).open(9, Direction::FromClient, &sealed, 3).is_err());
        assert!(key(2).open(9, Direction::ToClient, &sealed, 4).is_err());
        assert!(key(2).open(9, Direction::ToClient, &sealed[1..], 3).is_err());
        let other = SessionId(uuid::Uuid::from_u128(6));
        let other = PayloadKey::from_shares(other, &[1; 32], &[2; 32]).unwrap();
        assert!(other.open(9, Direction::ToClient, &sealed, 3).is_err());
    }
}
