//! Who vouches for connectors, and for the gateway towards them.
//!
//! An installation has one authority: an Ed25519 key and a fixed name, no certificate of its
//! own. Connectors learn the key with their invitation, so there is nothing to trust on first
//! use, and no public authority can vouch for either side.
//!
//! SPEC: RFC 5280 (certificates), RFC 8410 (Ed25519 in them).

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portreeve_model::Secret;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ED25519, PublicKeyData, SignatureAlgorithm,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, Der, PrivateKeyDer, PrivatePkcs8KeyDer, TrustAnchor};
use rustls::sign::CertifiedKey;
use std::time::{Duration, SystemTime};

/// The name that every gateway's certificate for connectors has. Where a gateway is reached
/// has nothing to do with who it is.
pub(crate) const GATEWAY_NAME: &str = "gateway.portreeve.internal";
/// The name of the authority.
const AUTHORITY_NAME: &str = "portreeve connectors";
/// Clocks may differ by so much.
pub const CLOCK_SKEW_MAX: Duration = Duration::from_secs(10 * 60);
/// A gateway's own certificate is made when it starts; connectors look at it when they dial.
const GATEWAY_LIFETIME: Duration = Duration::from_secs(366 * 24 * 3600);

/// An Ed25519 public key.
pub type PublicKey = [u8; 32];

/// Something about a key or a certificate is not as it must be.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CredentialError(pub(crate) String);

impl CredentialError {
    pub(crate) fn new(why: impl std::fmt::Display) -> Self {
        Self(why.to_string())
    }
}

/// Signs certificates of connectors.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    public: PublicKey,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

impl Authority {
    /// The authority whose private key is this.
    ///
    /// # Errors
    /// It is no key.
    pub fn new(seed: &Secret<[u8; 32]>) -> Result<Self, CredentialError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.reveal())
            .map_err(|_| CredentialError::new("the key of the connectors' authority is none"))?;
        let public = public_of(&pair)?;
        let pkcs8 = pair.to_pkcs8().map_err(CredentialError::new)?;
        let key = KeyPair::try_from(pkcs8.as_ref()).map_err(CredentialError::new)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = named(AUTHORITY_NAME);
        Ok(Self { issuer: Issuer::new(params, key), public })
    }

    /// What connectors know it by.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// A certificate for a connector's key.
    ///
    /// # Errors
    /// The library cannot make it.
    pub fn connector(
        &self,
        name: &str,
        key: &PublicKey,
        now: SystemTime,
        lifetime: Duration,
    ) -> Result<CertificateDer<'static>, CredentialError> {
        let mut params = lasting(now, lifetime);
        params.distinguished_name = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let signed = params.signed_by(&Ed25519(*key), &self.issuer);
        Ok(signed.map_err(CredentialError::new)?.into())
    }

    /// What this gateway shows to connectors: a fresh key and its certificate.
    ///
    /// # Errors
    /// The library cannot make it.
    pub fn gateway(&self, now: SystemTime) -> Result<CertifiedKey, CredentialError> {
        let key = KeyPair::generate_for(&PKCS_ED25519).map_err(CredentialError::new)?;
        let mut params = lasting(now, GATEWAY_LIFETIME);
        params.distinguished_name = named(GATEWAY_NAME);
        let name = GATEWAY_NAME.try_into().map_err(CredentialError::new)?;
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let signed = params.signed_by(&key, &self.issuer).map_err(CredentialError::new)?;
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        CertifiedKey::from_der(vec![signed.into()], secret, &provider).map_err(CredentialError::new)
    }
}

fn named(name: &str) -> DistinguishedName {
    let mut names = DistinguishedName::new();
    names.push(DnType::CommonName, name);
    names
}

fn lasting(now: SystemTime, lifetime: Duration) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = (now - CLOCK_SKEW_MAX).into();
    params.not_after = (now + lifetime).into();
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params
}

/// A key of somebody else's.
struct Ed25519(PublicKey);

impl PublicKeyData for Ed25519 {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ED25519
    }
}

pub(crate) fn public_of(pair: &Ed25519KeyPair) -> Result<PublicKey, CredentialError> {
    PublicKey::try_from(pair.public_key().as_ref())
        .map_err(|_| CredentialError::new("a public key is not as long as it must be"))
}

/// What an authority with a key vouches for, and nothing else.
pub(crate) fn roots(authority: &PublicKey) -> RootCertStore {
    let anchor = TrustAnchor {
        subject: Der::from(subject(AUTHORITY_NAME)),
        subject_public_key_info: Der::from([SPKI_HEAD.as_slice(), authority].concat()),
        name_constraints: None,
    };
    RootCertStore { roots: vec![anchor] }
}

/// The contents of a `Name` with one common name, in DER.
fn subject(name: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u8::try_from(bytes.len()).unwrap_or(u8::MAX);
    let wrapped = |tag: u8, bytes: Vec<u8>| [vec![tag, length(&bytes)], bytes].concat();
    let text = wrapped(0x0c, name.as_bytes().to_vec());
    let attribute = wrapped(0x30, [[0x06, 0x03, 0x55, 0x04, 0x03].as_slice(), &text].concat());
    wrapped(0x31, attribute)
}

/// The contents of a `SubjectPublicKeyInfo` of an Ed25519 key, as far as the key (RFC 8410).
const SPKI_HEAD: [u8; 10] = [0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// Whose certificate this is: the name and the key. Its signature was checked by TLS.
pub(crate) fn holder(
    certificate: &CertificateDer<'_>,
) -> Result<(String, PublicKey), CredentialError> {
    let unreadable = || CredentialError::new("its certificate cannot be read");
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).map_err(|_| unreadable())?;
    let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
    let key = parsed.public_key().subject_public_key.data.as_ref();
    let key = PublicKey::try_from(key).map_err(|_| unreadable())?;
    Ok((name.ok_or_else(unreadable)?.to_owned(), key))
}

/// From when until when a certificate holds.
pub(crate) fn validity(
    certificate: &CertificateDer<'_>,
) -> Result<(SystemTime, SystemTime), CredentialError> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate)
        .map_err(|_| CredentialError::new("the certificate cannot be read"))?;
    let time = |at: i64| {
        SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(at).unwrap_or_default())
    };
    let validity = parsed.validity();
    Ok((time(validity.not_before.timestamp()), time(validity.not_after.timestamp())))
}
