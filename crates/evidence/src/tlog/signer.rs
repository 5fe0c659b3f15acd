//! Private keys: the log's, which signs its checkpoints, and a witness's, which cosigns
//! those of others.

use crate::error::Error;
use crate::tlog::merkle::Hash;
use crate::tlog::note::{Checkpoint, SignatureLine};
use crate::tlog::vkey::{CosignedMessage, KeyKind, PrivateParts, VerifierKey};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, ML_DSA_44_SIGNING, PqdsaKeyPair};
use std::fmt;
use std::path::Path;

fn refused<E>(_: E) -> Error {
    Error::Crypto("a signing key was refused")
}

/// The log's signing key.
pub(crate) struct SignerKey {
    name: String,
    verifier: VerifierKey,
    pair: Ed25519KeyPair,
    seed: [u8; 32],
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.name)
    }
}

impl SignerKey {
    /// The key of this seed under this name.
    pub(crate) fn from_seed(name: &str, seed: [u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(refused)?;
        let public = pair.public_key().as_ref();
        let verifier = VerifierKey::new(name, KeyKind::Ed25519, public).map_err(Error::Crypto)?;
        Ok(Self { name: name.to_owned(), verifier, pair, seed })
    }

    /// The public half.
    pub(crate) fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// Signs a checkpoint of this log.
    #[must_use]
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let mut note = Checkpoint { origin: self.name.clone(), size, root }.body();
        let signature = self.pair.sign(note.as_bytes());
        note.push('\n');
        note.push_str(&SignatureLine::write(&self.name, self.verifier.id(), signature.as_ref()));
        note
    }

    /// The text of the private key file: `PRIVATE+KEY+name+id+base64`.
    pub(crate) fn to_private_text(&self) -> String {
        let (name, id) = (self.name.clone(), self.verifier.id());
        PrivateParts { name, kind: KeyKind::Ed25519, id, seed: self.seed }.to_text()
    }

    /// Reads what [`Self::to_private_text`] wrote.
    pub(crate) fn from_private_text(text: &str, path: &Path) -> Result<Self, Error> {
        let bad = |what| Error::Key { path: path.to_owned(), what };
        let parts = PrivateParts::parse(text, path)?;
        if parts.kind != KeyKind::Ed25519 {
            return Err(bad("it is not of Ed25519"));
        }
        let signer = Self::from_seed(&parts.name, parts.seed)?;
        if signer.verifier.id() != parts.id {
            return Err(bad("its key id does not fit its key"));
        }
        Ok(signer)
    }
}

enum Pair {
    Ed25519(Ed25519KeyPair),
    MlDsa44(PqdsaKeyPair),
}

/// A witness's signing key.
pub(crate) struct CosignerKey {
    verifier: VerifierKey,
    pair: Pair,
    seed: [u8; 32],
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({})", self.verifier.name())
    }
}

impl CosignerKey {
    /// The key of this seed under this name; its kind must be one for witnesses.
    pub(crate) fn from_seed(name: &str, kind: KeyKind, seed: [u8; 32]) -> Result<Self, Error> {
        let (pair, public) = match kind {
            KeyKind::Ed25519 => return Err(Error::Crypto("such a key cannot cosign")),
            KeyKind::CosignatureV1 => {
                let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(refused)?;
                let public = pair.public_key().as_ref().to_vec();
                (Pair::Ed25519(pair), public)
            }
            KeyKind::MlDsa44 => {
                let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &seed).map_err(refused)?;
                let public = pair.public_key().as_ref().to_vec();
                (Pair::MlDsa44(pair), public)
            }
        };
        let verifier = VerifierKey::new(name, kind, &public).map_err(Error::Crypto)?;
        Ok(Self { verifier, pair, seed })
    }

    /// The public half.
    pub(crate) fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Cosigns a checkpoint's body; gives the signature line with its line end.
    pub(crate) fn cosign(&self, body: &str, seconds: u64) -> Result<String, Error> {
        let name = self.verifier.name();
        let message = CosignedMessage { kind: self.verifier.kind(), cosigner: name, body }
            .at(seconds)
            .ok_or(Error::Crypto("a name is too long to be cosigned"))?;
        let mut signature = seconds.to_be_bytes().to_vec();
        match &self.pair {
            Pair::Ed25519(pair) => signature.extend_from_slice(pair.sign(&message).as_ref()),
            Pair::MlDsa44(pair) => {
                let mut bytes = vec![0; ML_DSA_44_SIGNING.signature_len()];
                let length = pair.sign(&message, &mut bytes).map_err(refused)?;
                signature.extend_from_slice(bytes.get(..length).unwrap_or_default());
            }
        }
        Ok(SignatureLine::write(name, self.verifier.id(), &signature))
    }

    /// The text of the private key file: `PRIVATE+KEY+name+id+base64`.
    pub(crate) fn to_private_text(&self) -> String {
        let (name, kind) = (self.verifier.name().to_owned(), self.verifier.kind());
        PrivateParts { name, kind, id: self.verifier.id(), seed: self.seed }.to_text()
    }

    /// Reads what [`Self::to_private_text`] wrote.
    pub(crate) fn from_private_text(text: &str, path: &Path) -> Result<Self, Error> {
        let parts = PrivateParts::parse(text, path)?;
        let key = Self::from_seed(&parts.name, parts.kind, parts.seed)?;
        match key.verifier.id() == parts.id {
            true => Ok(key),
            false => {
                let what = "its key id does not fit its key";
                Err(Error::Key { path: path.to_owned(), what })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tlog::vkey::Signed;

    fn signer() -> SignerKey {
        SignerKey::from_seed("portreeve/test", [7; 32]).unwrap()
    }

    fn cosigners() -> [CosignerKey; 2] {
        [KeyKind::CosignatureV1, KeyKind::MlDsa44]
            .map(|kind| CosignerKey::from_seed("witness.example/1", kind, [5; 32]).unwrap())
    }

    #[test]
    fn a_note_opens_with_its_key_alone_and_unchanged() {
        let note = signer().sign(12, [3; 32]);
        let key = signer().verifier();
        let checkpoint = key.open(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (12, [3; 32]));
        let other = SignerKey::from_seed("portreeve/test", [8; 32]).unwrap().verifier();
        assert!(other.open(&note).is_none());
        let bytes = note.as_bytes();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.to_vec();
                bad[at] ^= 1 << bit;
                let found = std::str::from_utf8(&bad).ok().and_then(|text| key.open(text));
                assert!(found.is_none(), "byte {at} bit {bit}");
            }
        }
    }

    #[test]
    fn keys_round_trip_as_text() {
        let key = signer().verifier();
        assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
        let text = signer().to_private_text();
        let again = SignerKey::from_private_text(&text, Path::new("log.key")).unwrap();
        assert_eq!(again.verifier(), key);
        for cosigner in cosigners() {
            let text = cosigner.to_private_text();
            let again = CosignerKey::from_private_text(&text, Path::new("k")).unwrap();
            assert_eq!(again.verifier(), cosigner.verifier());
            let public = cosigner.verifier().to_string();
            assert_eq!(public.parse::<VerifierKey>().unwrap(), *cosigner.verifier());
            assert!(SignerKey::from_private_text(&text, Path::new("k")).is_err());
        }
        assert!("portreeve/test+00000000+AQ==".parse::<VerifierKey>().is_err());
        assert!("portreeve/test+00000000+".parse::<VerifierKey>().is_err());
        assert!(SignerKey::from_private_text("nonsense", Path::new("log.key")).is_err());
    }

    /// The example of the signed-note specification.
    #[test]
    fn the_note_of_the_specification_opens() {
        let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let key: VerifierKey = key.parse().unwrap();
        let note = "This is an example message.\n\n— example.com/foo \
            Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu7\
            2IneyaQM=\n";
        assert_eq!(key.signed_note(note), Signed::At(None));
        assert_eq!(key.signed_note(&note.replace("example m", "example n")), Signed::Falsely);
        assert!(key.open(note).is_none(), "it is no checkpoint");
    }

    /// The texts of the cosignature specification: what is signed, and the time in a line.
    #[test]
    fn cosigned_messages_are_those_of_the_specification() {
        let body = "example.com/behind-the-sofa\n20852163\n\
            CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let message = |kind, at| {
            CosignedMessage { kind, cosigner: "witness.example.com/w1", body }.at(at).unwrap()
        };
        let expect = format!("cosignature/v1\ntime 1679315147\n{body}");
        assert_eq!(message(KeyKind::CosignatureV1, 1_679_315_147), expect.as_bytes());
        let line = "— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWX\
            EhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==";
        let line = SignatureLine::parse(line).unwrap();
        assert_eq!(line.signature.len(), 8 + 64);
        assert_eq!(line.signature[..8], 1_679_315_147u64.to_be_bytes());

        let message = message(KeyKind::MlDsa44, 1);
        let (label, rest) = message.split_at(12);
        assert_eq!(label, b"subtree/v1\n\0");
        let (cosigner, rest) = rest.split_at(1 + 22);
        assert_eq!(cosigner, b"\x16witness.example.com/w1");
        let (numbers, origin) = (&rest[..8], &rest[8..36]);
        assert_eq!(
            (numbers, origin),
            (&1u64.to_be_bytes()[..], &b"\x1bexample.com/behind-the-sofa"[..])
        );
        assert_eq!(rest[36..44], [0; 8]);
        assert_eq!(rest[44..52], 20_852_163u64.to_be_bytes());
        assert_eq!(rest[52..].len(), 32);
    }

    #[test]
    fn cosignatures_hold_beside_the_logs_and_unchanged() {
        let note = signer().sign(1, [1; 32]);
        let body = Checkpoint::unverified(&note).unwrap().body();
        for cosigner in cosigners() {
            let key = cosigner.verifier();
            assert_eq!(key.signed_note(&note), Signed::Not);
            let line = cosigner.cosign(&body, 1_700_000_000).unwrap();
            let both = format!("{note}{line}");
            assert!(signer().verifier().open(&both).is_some());
            assert_eq!(key.signed_note(&both), Signed::At(Some(1_700_000_000)));
            // The time is signed, and so is the tree.
            let mut parsed = SignatureLine::parse(line.trim_end()).unwrap();
            parsed.signature[7] ^= 1;
            let line = SignatureLine::write(parsed.name, parsed.id, &parsed.signature);
            assert_eq!(key.signed_note(&format!("{note}{line}")), Signed::Falsely);
            let other = both.replace("portreeve/test\n1\n", "portreeve/test\n2\n");
            assert_eq!(key.signed_note(&other), Signed::Falsely);
        }
        let long = format!("{}\n1\n{}\n", "x".repeat(256), "A".repeat(43) + "=");
        assert!(cosigners()[0].cosign(&long, 1).is_ok());
        assert!(cosigners()[1].cosign(&long, 1).is_err());
    }

    #[test]
    fn a_note_that_one_key_signed_is_no_cosignature() {
        let note = signer().sign(1, [1; 32]);
        let key = CosignerKey::from_seed("portreeve/test", KeyKind::CosignatureV1, [7; 32]);
        assert_eq!(key.unwrap().verifier().signed_note(&note), Signed::Not);
        assert!(CosignerKey::from_seed("x", KeyKind::Ed25519, [7; 32]).is_err());
    }
}
