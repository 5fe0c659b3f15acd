//! Public keys as signed notes write them, `name+id+base64(kind, key)`, and what each
//! kind of key signs: <https://c2sp.org/signed-note>, <https://c2sp.org/tlog-cosignature>.

use crate::error::Error;
use crate::tlog::merkle::sha256;
use crate::tlog::note::{Checkpoint, Note, name_is_valid};
use aws_lc_rs::signature::{ED25519, ML_DSA_44, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

/// Bytes of an ML-DSA-44 public key.
const ML_DSA_44_PUBLIC_BYTES: usize = 1312;
const ED25519_PUBLIC_BYTES: usize = 32;
/// Bytes before a cosignature: when it was made.
const TIMESTAMP_BYTES: usize = 8;

/// What a key signs, and with which algorithm.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyKind {
    /// Notes, Ed25519 (0x01): how a log signs its checkpoints.
    Ed25519,
    /// Checkpoints with a time, Ed25519 (0x04): `cosignature/v1`.
    CosignatureV1,
    /// Checkpoints with a time, ML-DSA-44 (0x06): `subtree/v1`.
    MlDsa44,
}

impl KeyKind {
    /// The kind's number in a key.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
            Self::MlDsa44 => 0x06,
        }
    }

    pub(crate) fn of_number(number: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureV1, Self::MlDsa44]
            .into_iter()
            .find(|kind| kind.number() == number)
    }

    /// Whether a witness may have such a key.
    #[must_use]
    pub fn is_for_witnesses(self) -> bool {
        match self {
            Self::CosignatureV1 | Self::MlDsa44 => true,
            Self::Ed25519 => false,
        }
    }

    /// Whether a log may have such a key.
    #[must_use]
    pub fn is_for_logs(self) -> bool {
        match self {
            Self::Ed25519 | Self::MlDsa44 => true,
            Self::CosignatureV1 => false,
        }
    }
}

/// The first bytes of the hash of a key and its name: says which key a line is of.
pub(crate) fn key_id(name: &str, kind: KeyKind, public: &[u8]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), b"\n", &[kind.number()], public].concat());
    [hash[0], hash[1], hash[2], hash[3]]
}

/// What a note holds of one key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Signed {
    /// No line of this key.
    Not,
    /// A line of this key whose signature does not hold: the note is a forgery.
    Falsely,
    /// A signature that holds, and for cosignatures when it was made, in seconds since 1970.
    At(Option<u64>),
}

/// A public key with its name, in the text form of signed notes:
/// `name+0123abcd+base64`.
#[derive(Clone)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    public: Vec<u8>,
    parsed: ParsedPublicKey,
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.kind == other.kind && self.public == other.public
    }
}

impl Eq for VerifierKey {}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.number()][..], &self.public].concat();
        write!(f, "{}+{}+{}", self.name, hex_id(self.id), BASE64.encode(key))
    }
}

fn hex_id(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
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
        let Some((number, public)) = key.split_first() else { return Err("its key is empty") };
        let Some(kind) = KeyKind::of_number(*number) else {
            return Err("its key is of a kind that is not known here \
                 (0x01, 0x04 and 0x06 are: Ed25519, and cosignatures by Ed25519 and ML-DSA-44)");
        };
        let found = Self::new(name, kind, public)?;
        if hex_id(found.id) != id {
            return Err("its key id does not fit its key");
        }
        Ok(found)
    }
}

impl VerifierKey {
    pub(crate) fn new(name: &str, kind: KeyKind, public: &[u8]) -> Result<Self, &'static str> {
        if !name_is_valid(name) {
            return Err("its name is not valid");
        }
        let parsed = match kind {
            KeyKind::Ed25519 | KeyKind::CosignatureV1 if public.len() != ED25519_PUBLIC_BYTES => {
                return Err("its key is not 32 bytes");
            }
            KeyKind::Ed25519 | KeyKind::CosignatureV1 => ParsedPublicKey::new(&ED25519, public),
            KeyKind::MlDsa44 if public.len() != ML_DSA_44_PUBLIC_BYTES => {
                return Err("its key is not 1,312 bytes");
            }
            KeyKind::MlDsa44 => ParsedPublicKey::new(&ML_DSA_44, public),
        };
        let parsed = parsed.map_err(|_| "its key is not one of its kind")?;
        let id = key_id(name, kind, public);
        Ok(Self { name: name.to_owned(), kind, id, public: public.to_vec(), parsed })
    }

    /// The key's name, which for a log is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key itself, without its name: equal for one key under two names.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Reads a checkpoint that this log's key signed; `None` says that it did not.
    ///
    /// Other keys' signature lines are allowed beside its own (witnesses).
    #[must_use]
    pub fn open(&self, note: &str) -> Option<Checkpoint> {
        let note = Note::parse(note)?;
        match self.signed(&note) {
            Signed::At(_) => {
                Checkpoint::parse(note.body).filter(|checkpoint| checkpoint.origin == self.name)
            }
            Signed::Not | Signed::Falsely => None,
        }
    }

    /// Whether this key signed the note, and when.
    #[must_use]
    pub fn signed_note(&self, note: &str) -> Signed {
        Note::parse(note).map_or(Signed::Not, |note| self.signed(&note))
    }

    pub(crate) fn signed(&self, note: &Note<'_>) -> Signed {
        let mut signed = Signed::Not;
        for line in note.lines().filter(|line| line.name == self.name && line.id == self.id) {
            match self.verify(note.body, &line.signature) {
                None => return Signed::Falsely,
                Some(at) => {
                    signed = match signed {
                        Signed::At(earlier) => Signed::At(earlier.max(at)),
                        Signed::Not | Signed::Falsely => Signed::At(at),
                    };
                }
            }
        }
        signed
    }

    /// Checks one signature; gives the time in it, where its kind has one.
    fn verify(&self, body: &str, signature: &[u8]) -> Option<Option<u64>> {
        let message = match self.kind {
            KeyKind::Ed25519 => {
                self.parsed.verify_sig(body.as_bytes(), signature).ok()?;
                return Some(None);
            }
            KeyKind::CosignatureV1 | KeyKind::MlDsa44 => {
                CosignedMessage { kind: self.kind, cosigner: &self.name, body }
            }
        };
        let (at, signature) = signature.split_at_checked(TIMESTAMP_BYTES)?;
        // SPEC: tlog-cosignature, "Format": it must not exceed 2^63 - 1.
        let at = u64::try_from(i64::from_be_bytes(at.try_into().ok()?)).ok()?;
        self.parsed.verify_sig(&message.at(at)?, signature).ok()?;
        Some(Some(at))
    }
}

/// What a cosigner signs of a checkpoint, but for the time.
pub(crate) struct CosignedMessage<'a> {
    pub(crate) kind: KeyKind,
    pub(crate) cosigner: &'a str,
    /// The checkpoint's whole body.
    pub(crate) body: &'a str,
}

impl CosignedMessage<'_> {
    /// The bytes to sign at a time; `None` where the body is no checkpoint, or a name is
    /// longer than the format allows.
    pub(crate) fn at(&self, seconds: u64) -> Option<Vec<u8>> {
        let checkpoint = Checkpoint::parse(self.body)?;
        // SPEC: tlog-cosignature, "Ed25519 signed message" and "ML-DSA-44 signed message".
        if self.kind == KeyKind::CosignatureV1 {
            return Some(format!("cosignature/v1\ntime {seconds}\n{}", self.body).into_bytes());
        }
        let mut message = b"subtree/v1\n\0".to_vec();
        let push_name = |message: &mut Vec<u8>, name: &str| {
            message.push(u8::try_from(name.len()).ok()?);
            message.extend_from_slice(name.as_bytes());
            Some(())
        };
        push_name(&mut message, self.cosigner)?;
        message.extend_from_slice(&seconds.to_be_bytes());
        push_name(&mut message, &checkpoint.origin)?;
        message.extend_from_slice(&0u64.to_be_bytes());
        message.extend_from_slice(&checkpoint.size.to_be_bytes());
        message.extend_from_slice(&checkpoint.root);
        Some(message)
    }
}

/// The parts of a private key's text: `PRIVATE+KEY+name+id+base64(kind, seed)`.
pub(crate) struct PrivateParts {
    pub(crate) name: String,
    pub(crate) kind: KeyKind,
    pub(crate) id: [u8; 4],
    pub(crate) seed: [u8; 32],
}

impl PrivateParts {
    pub(crate) fn to_text(&self) -> String {
        let key = [&[self.kind.number()][..], &self.seed].concat();
        format!("PRIVATE+KEY+{}+{}+{}\n", self.name, hex_id(self.id), BASE64.encode(key))
    }

    /// Reads what [`Self::to_text`] wrote; whoever uses it compares the key id.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let bad = |what| Error::Key { path: path.to_owned(), what };
        let text = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(bad("its prefix is missing"))?;
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(bad("it is not `name+id+key`"));
        };
        let key = BASE64.decode(key).map_err(|_| bad("it is not base64"))?;
        let (number, seed) = key.split_first().ok_or(bad("it is empty"))?;
        let kind = KeyKind::of_number(*number).ok_or(bad("it is of no known kind"))?;
        let seed = seed.try_into().map_err(|_| bad("its seed is not 32 bytes"))?;
        let number = u32::from_str_radix(id, 16).map_err(|_| bad("its key id is no number"))?;
        let found = Self { name: name.to_owned(), kind, id: number.to_be_bytes(), seed };
        if hex_id(found.id) != id || !name_is_valid(name) {
            return Err(bad("its key id or its name is not valid"));
        }
        Ok(found)
    }
}
