//! Checkpoints as C2SP signed notes: <https://c2sp.org/signed-note>,
//! <https://c2sp.org/tlog-checkpoint>.
//!
//! ```text
//! portreeve/3c5b…            the log's name (origin)
//! 1732                       how many leaves the tree has
//! 9X0p…=                     the root, base64
//!
//! — portreeve/3c5b… kq4n…=   key id and Ed25519 signature over the lines above
//! ```

use crate::Error;
use crate::merkle::{Hash, sha256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// The signature algorithm's number in a key (Ed25519).
const ED25519_KIND: u8 = 1;

/// What a signed checkpoint says of a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    #[must_use]
    pub fn body(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root))
    }

    /// What a note says, its signatures unread. Good for a note whose root was just
    /// computed; for any other use [`VerifierKey::open`].
    pub(crate) fn of_note(note: &str) -> Option<Self> {
        let (body, _) = note.rsplit_once("\n\n")?;
        Self::parse(&note[..body.len() + 1])
    }

    /// Reads the text that is signed; extension lines are skipped.
    fn parse(body: &str) -> Option<Self> {
        let mut lines = body.strip_suffix('\n')?.split('\n');
        let origin = lines.next().filter(|line| !line.is_empty())?.to_owned();
        let digits = lines.next()?;
        let size: u64 = digits.parse().ok()?;
        if size.to_string() != digits {
            return None;
        }
        let root = BASE64.decode(lines.next()?).ok()?.try_into().ok()?;
        lines.all(|line| !line.is_empty()).then_some(Self { origin, size, root })
    }
}

fn key_id(name: &str, public: &[u8]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[ED25519_KIND], public].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

fn name_is_valid(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c.is_control())
}

/// A public key with its name, in the text form of signed notes:
/// `name+0123abcd+base64`.
#[derive(Clone)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: [u8; 32],
    parsed: ParsedPublicKey,
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.public == other.public
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519_KIND][..], &self.public].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), BASE64.encode(key))
    }
}

impl FromStr for VerifierKey {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err("it is not `name+id+key`");
        };
        let key = BASE64.decode(key).map_err(|_| "its key is not base64")?;
        let [ED25519_KIND, public @ ..] = key.as_slice() else {
            return Err("its key is not of Ed25519");
        };
        let found = Self::new(name, public)?;
        if found.to_string() != text || id.len() != 8 {
            return Err("its key id does not fit its key");
        }
        Ok(found)
    }
}

impl VerifierKey {
    fn new(name: &str, public: &[u8]) -> Result<Self, &'static str> {
        if !name_is_valid(name) {
            return Err("its name is not valid");
        }
        let public: [u8; 32] = public.try_into().map_err(|_| "its key is not 32 bytes")?;
        let parsed =
            ParsedPublicKey::new(&ED25519, public).map_err(|_| "its key is not of Ed25519")?;
        Ok(Self { name: name.to_owned(), id: key_id(name, &public), public, parsed })
    }

    /// The key's name, which for a log is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Reads a checkpoint that this key signed; `None` says that it did not.
    ///
    /// Other keys' signature lines are allowed beside its own (witnesses).
    #[must_use]
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        let (body, signatures) = note.rsplit_once("\n\n")?;
        let body = &note[..body.len() + 1];
        let mut signed = false;
        for line in signatures.strip_suffix('\n')?.split('\n') {
            let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
            if !name_is_valid(name) {
                return None;
            }
            let bytes = BASE64.decode(signature).ok()?;
            let (id, signature) = bytes.split_at_checked(4)?;
            if name == self.name && id == self.id {
                self.parsed.verify_sig(body.as_bytes(), signature).ok()?;
                signed = true;
            }
        }
        let checkpoint = Checkpoint::parse(body)?;
        (signed && checkpoint.origin == self.name).then_some(checkpoint)
    }
}

/// The log's signing key.
pub(crate) struct SignerKey {
    name: String,
    id: [u8; 4],
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
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed)
            .map_err(|_| Error::Crypto("the log's key was refused"))?;
        let id = key_id(name, pair.public_key().as_ref());
        Ok(Self { name: name.to_owned(), id, pair, seed })
    }

    /// The public half.
    pub(crate) fn verifier(&self) -> Result<VerifierKey, Error> {
        VerifierKey::new(&self.name, self.pair.public_key().as_ref()).map_err(Error::Crypto)
    }

    /// Signs a checkpoint of this log.
    #[must_use]
    pub(crate) fn sign(&self, size: u64, root: Hash) -> String {
        let mut note = Checkpoint { origin: self.name.clone(), size, root }.body();
        let mut signature = self.id.to_vec();
        signature.extend_from_slice(self.pair.sign(note.as_bytes()).as_ref());
        note.push_str("\n— ");
        note.push_str(&self.name);
        note.push(' ');
        BASE64.encode_string(signature, &mut note);
        note.push('\n');
        note
    }

    /// The text of the private key file: `PRIVATE+KEY+name+id+base64`.
    pub(crate) fn to_private_text(&self) -> String {
        let key = [&[ED25519_KIND][..], &self.seed].concat();
        let id = u32::from_be_bytes(self.id);
        format!("PRIVATE+KEY+{}+{id:08x}+{}\n", self.name, BASE64.encode(key))
    }

    /// Reads what [`Self::to_private_text`] wrote.
    pub(crate) fn from_private_text(text: &str, path: &Path) -> Result<Self, Error> {
        let bad = |what| Error::Key { path: path.to_owned(), what };
        let text = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(bad("its prefix is missing"))?;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it is not `name+id+key`"));
        };
        let key = BASE64.decode(key).map_err(|_| bad("it is not base64"))?;
        let [ED25519_KIND, seed @ ..] = key.as_slice() else {
            return Err(bad("it is not of Ed25519"));
        };
        let seed = seed.try_into().map_err(|_| bad("its seed is not 32 bytes"))?;
        let signer = Self::from_seed(name, seed)?;
        if format!("{:08x}", u32::from_be_bytes(signer.id)) != id || !name_is_valid(name) {
            return Err(bad("its key id does not fit its key"));
        }
        Ok(signer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> SignerKey {
        SignerKey::from_seed("portreeve/test", [7; 32]).unwrap()
    }

    #[test]
    fn a_note_opens_with_its_key_alone_and_unchanged() {
        let note = signer().sign(12, [3; 32]);
        let key = signer().verifier().unwrap();
        let checkpoint = key.open(&note).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root), (12, [3; 32]));
        let other = SignerKey::from_seed("portreeve/test", [8; 32]).unwrap().verifier().unwrap();
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
        let key = signer().verifier().unwrap();
        assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
        let text = signer().to_private_text();
        let again = SignerKey::from_private_text(&text, Path::new("log.key")).unwrap();
        assert_eq!(again.verifier().unwrap(), key);
        assert!("portreeve/test+00000000+AQ==".parse::<VerifierKey>().is_err());
        assert!(SignerKey::from_private_text("nonsense", Path::new("log.key")).is_err());
    }

    #[test]
    fn a_witness_may_sign_beside_the_log() {
        let note = signer().sign(1, [1; 32]);
        let witness = SignerKey::from_seed("witness.example/1", [1; 32]).unwrap();
        let body = Checkpoint { origin: "portreeve/test".into(), size: 1, root: [1; 32] }.body();
        let signature = [&witness.id[..], witness.pair.sign(body.as_bytes()).as_ref()].concat();
        let both = format!("{note}— witness.example/1 {}\n", BASE64.encode(signature));
        assert!(signer().verifier().unwrap().open(&both).is_some());
    }
}
