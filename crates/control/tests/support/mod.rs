//! A small issuer for tests: real keys, real HTTP, and documents that a test can
//! break.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portreeve_control::administration::{AdminLog, Recorder};
use portreeve_control::api::CertificateSigner;
use portreeve_control::identity::CertificateGiven;
use portreeve_control::store::{AccountKind, Administration, NewAccount};
use portreeve_control::{Config, Identities, Store, config};
use portreeve_model::{Administrator, Event};
use portreeve_protocol_postgres::MANIFEST;
use portreeve_session::BoxFuture;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// Keeps what is recorded in memory.
#[derive(Clone, Default)]
pub struct Notes(pub Arc<Mutex<Vec<Event>>>);

impl Recorder for Notes {
    fn record(&self, events: Vec<Event>) -> BoxFuture<'_, Result<(), String>> {
        self.0.lock().unwrap().extend(events);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A database, and a machine whose clients log in by certificates.
pub fn shop_and_machine() -> Config {
    let text = "issuers: [{local: {}}]\nresources: {shop: {postgres: {host: h, user: u}}, \
        web: {ssh: {host: h, user: u, host_ca: c, certificate: {}}}}\n";
    let manifests = [&MANIFEST, &portreeve_protocol_ssh::MANIFEST];
    config::parse(Path::new("test.yaml"), text, &manifests).unwrap()
}

/// What [`Signer`] certifies, for that machine.
pub fn certificate_ask() -> Value {
    json!({"public_key": "a key", "resources": ["web"]})
}

/// Signs by saying what it was given.
pub struct Signer;

impl CertificateSigner for Signer {
    fn fingerprint(&self, public_key: &str) -> Result<String, String> {
        match public_key {
            "a key" => Ok("SHA256:a".to_owned()),
            _ => Err("`public_key` is none\nhint: give one".to_owned()),
        }
    }

    fn sign(&self, public_key: &str, given: &CertificateGiven) -> Result<String, String> {
        Ok(format!("{public_key} of {}", given.resources.join(" ")))
    }

    fn host_key(&self) -> String {
        "a host key".to_owned()
    }

    fn port(&self) -> u16 {
        12222
    }
}

/// By the gateway, at a time.
pub fn how(at: SystemTime) -> Administration {
    Administration { by: Administrator::Gateway, at }
}

/// Makes an account.
pub fn add(store: &Store, name: &str, kind: AccountKind, groups: &[&str], at: SystemTime) {
    store.accounts.add(&NewAccount::new(name, kind, groups), &how(at)).unwrap();
}

/// Identities whose local tokens are recorded before they are accepted.
pub fn recorded(config: &Config, store: &Store) -> Identities {
    let log = AdminLog::new(store.journal.clone(), Arc::new(Notes::default()));
    Identities::new(config, store.clone()).unwrap().recorded_by(log)
}

/// A folder that goes away with the test.
pub struct Folder(pub PathBuf, TempDir);

pub fn folder(name: &str) -> Folder {
    let folder = TempDir::with_prefix(name).unwrap();
    Folder(folder.path().to_owned(), folder)
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A signing key with its public half as a JWK.
pub enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    pub fn rsa() -> Self {
        Self::rsa_of(aws_lc_rs::rsa::KeySize::Rsa2048)
    }

    pub fn rsa_of(size: aws_lc_rs::rsa::KeySize) -> Self {
        Self::Rsa(RsaKeyPair::generate(size).unwrap())
    }

    pub fn ec() -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        Self::Ec(EcdsaKeyPair::generate(algorithm).unwrap())
    }

    pub fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    /// What an attacker without the private key has.
    pub fn public_der(&self) -> Vec<u8> {
        match self {
            Self::Rsa(pair) => pair.public_key().as_der().unwrap().as_ref().to_vec(),
            Self::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Self::Ed(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn jwk(&self, kid: &str) -> Value {
        match self {
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let n = public.modulus().big_endian_without_leading_zero();
                let e = public.exponent().big_endian_without_leading_zero();
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": encode(n), "e": encode(e)})
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                let (x, y) = point[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": encode(x), "y": encode(y)})
            }
            Self::Ed(pair) => {
                let x = encode(pair.public_key().as_ref());
                json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "x": x})
            }
        }
    }
}

/// Writes and signs a token with any header.
pub fn token(header: &Value, claims: &Value, key: &Key) -> String {
    let signed = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
    let signature = encode(key.sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}

type Documents = HashMap<String, (u16, String)>;

/// An HTTP server with documents that can be changed while it runs.
#[derive(Clone)]
pub struct Issuer {
    pub url: String,
    documents: Arc<Mutex<Documents>>,
    asked: Arc<Mutex<HashMap<String, u32>>>,
}

impl Issuer {
    pub async fn start() -> Self {
        Self::start_with("http", None).await
    }

    /// Over TLS, with a certificate for `localhost` of an authority of its own; the
    /// authority's certificate is written to a file.
    pub async fn start_tls(authority: &Path) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::new(vec!["localhost".into()]).unwrap();
        let certificate = made.self_signed(&key).unwrap();
        std::fs::write(authority, certificate.pem()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der());
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.into())
            .unwrap();
        Self::start_with("https", Some(tokio_rustls::TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn start_with(scheme: &str, tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let host = if tls.is_some() { "localhost" } else { "127.0.0.1" };
        let url = format!("{scheme}://{host}:{port}");
        let issuer = Self { url, documents: Arc::default(), asked: Arc::default() };
        let server = issuer.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (server, tls) = (server.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => server.answer(stream).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                server.answer(stream).await;
                            }
                        }
                    }
                });
            }
        });
        issuer.publish(&issuer.url, &format!("{}/jwks", issuer.url));
        issuer
    }

    async fn answer(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut head = vec![0u8; 8192];
        let length = stream.read(&mut head).await.unwrap_or(0);
        let head = String::from_utf8_lossy(&head[..length]).into_owned();
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        *self.asked.lock().unwrap().entry(path.clone()).or_default() += 1;
        let found = self.documents.lock().unwrap().get(&path).cloned();
        let (status, body) = found.unwrap_or((404, String::new()));
        let moved = if status == 302 { format!("location: {body}\r\n") } else { String::new() };
        let answer = format!(
            "HTTP/1.1 {status} x\r\ncontent-length: {}\r\nconnection: close\r\n{moved}\r\n{body}",
            body.len()
        );
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }

    pub fn publish(&self, issuer: &str, jwks_uri: &str) {
        let document = json!({"issuer": issuer, "jwks_uri": jwks_uri});
        self.set("/.well-known/openid-configuration", 200, document.to_string());
    }

    pub fn keys(&self, keys: &[Value]) {
        self.set("/jwks", 200, json!({ "keys": keys }).to_string());
    }

    pub fn set(&self, path: &str, status: u16, body: String) {
        self.documents.lock().unwrap().insert(path.to_owned(), (status, body));
    }

    pub fn asked(&self, path: &str) -> u32 {
        self.asked.lock().unwrap().get(path).copied().unwrap_or(0)
    }

    /// Good claims, to be spoiled.
    pub fn claims(&self) -> Value {
        json!({"iss": self.url, "aud": "portreeve", "sub": "ada", "scope": "query",
            "iat": now(), "exp": now() + 300})
    }

    pub fn config(&self) -> Config {
        self.config_with("")
    }

    /// With more settings for the issuer: `, ca: x.pem`.
    pub fn config_with(&self, more: &str) -> Config {
        let text = format!(
            "issuers: [{{oidc: {{issuer: \"{}\"{more}}}}}]\n\
             resources: {{shop: {{postgres: {{host: 127.0.0.1, user: u}}}}}}\n",
            self.url
        );
        config::parse(Path::new("test.yaml"), &text, &[&MANIFEST]).unwrap()
    }
}
