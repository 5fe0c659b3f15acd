//! What opens a target. It is put into a request behind its permit: it goes out with the request,
//! and is in no record.

mod aws;
mod escapes;
pub(crate) mod hidden;
mod oauth;
mod spellings;

pub use aws::{Aws, AwsParts};
pub use hidden::{Hidden, Strike};
pub use oauth::{ClientAuth, OAuth, OAuthParts};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hidden::Signed;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use portreeve_model::{Digest, Secret};
use std::time::SystemTime;

/// A shorter credential is a word that stands anywhere.
pub(crate) const SECRET_BYTES_MIN: usize = 4;
/// What stands where a target has said its credential.
const SHOWN: &str = "[credential]";
/// Before a signature in the field that carries it.
const SIGNATURE: &str = "Signature=";

/// What opens a target.
#[derive(Debug)]
pub enum Credential {
    /// Nothing does.
    Open,
    /// The certificate that the gateway shows in the TLS handshake.
    Certificate,
    /// Basic authentication (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret<String>),
    /// A field of the service's own.
    Field {
        /// Its name.
        name: HeaderName,
        /// What it says.
        value: Secret<String>,
    },
    /// Tokens that an authorization server gives for the gateway's own credential.
    OAuth(Box<OAuth>),
    /// A signature of each request.
    Aws(Aws),
}

impl Credential {
    /// As whom the target is asked, for reviewers.
    pub(crate) fn role(&self) -> &str {
        match self {
            Self::Open => "nobody",
            Self::Certificate => "the holder of a certificate",
            Self::Basic { user, .. } => user,
            Self::Bearer(_) => "the holder of a token",
            Self::Field { .. } => "the holder of a key",
            Self::OAuth(oauth) => oauth.client_id(),
            Self::Aws(aws) => aws.key_id(),
        }
    }

    /// Puts it into a request, in the place of whatever a client has put there.
    ///
    /// # Errors
    /// Why it cannot be had, in words for the client.
    pub(crate) async fn put(&self, parts: &mut Parts, body: Digest) -> Result<(), &'static str> {
        parts.headers.remove(header::AUTHORIZATION);
        let (name, value) = match self {
            Self::Open | Self::Certificate => return Ok(()),
            Self::Basic { user, password } => {
                (header::AUTHORIZATION, format!("Basic {}", basic(user, password)))
            }
            Self::Bearer(token) => (header::AUTHORIZATION, format!("Bearer {}", token.reveal())),
            Self::Field { name, value } => (name.clone(), value.reveal().clone()),
            Self::OAuth(oauth) => {
                let token = oauth.token().await?;
                (header::AUTHORIZATION, format!("Bearer {}", token.reveal()))
            }
            Self::Aws(aws) => return aws.sign(parts, body, SystemTime::now()),
        };
        let unusable = |_| "the gateway's credential cannot be written into a request";
        let mut value = HeaderValue::from_str(&value).map_err(unusable)?;
        value.set_sensitive(true);
        parts.headers.insert(name, value);
        Ok(())
    }

    /// The target does not accept it.
    pub(crate) async fn refused(&self) {
        if let Self::OAuth(oauth) = self {
            oauth.forget().await;
        }
    }

    /// That it can be had now.
    ///
    /// # Errors
    /// Why it cannot, in words for the client.
    pub(crate) async fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::OAuth(oauth) => oauth.token().await.map(drop),
            Self::Open
            | Self::Certificate
            | Self::Basic { .. }
            | Self::Bearer(_)
            | Self::Field { .. }
            | Self::Aws(_) => Ok(()),
        }
    }

    /// Whether requests are signed with it: a signature can be sent once more.
    pub(crate) const fn signed(&self) -> Signed {
        match self {
            Self::Aws(_) => Signed::Yes,
            Self::Open
            | Self::Certificate
            | Self::Basic { .. }
            | Self::Bearer(_)
            | Self::Field { .. }
            | Self::OAuth(_) => Signed::No,
        }
    }

    /// The texts that open the target, of requests that were sent with these fields, too.
    pub(crate) fn secrets_with(&self, sent: &HeaderMap) -> Vec<Secret<String>> {
        let mut secrets = self.secrets();
        if matches!(self, Self::Aws(_)) {
            let field = sent.get(header::AUTHORIZATION).and_then(|field| field.to_str().ok());
            let signature = field.and_then(|field| field.split(SIGNATURE).nth(1));
            secrets.extend(signature.map(|text| Secret::new(text.to_owned())));
        }
        secrets
    }

    /// The texts that open the target.
    pub(crate) fn secrets(&self) -> Vec<Secret<String>> {
        match self {
            Self::Open | Self::Certificate => Vec::new(),
            Self::Basic { user, password } => {
                vec![password.clone(), Secret::new(basic(user, password))]
            }
            Self::Bearer(secret) | Self::Field { value: secret, .. } => vec![secret.clone()],
            Self::OAuth(oauth) => oauth.secrets(),
            Self::Aws(aws) => aws.secrets(),
        }
    }
}

fn basic(user: &str, password: &Secret<String>) -> String {
    BASE64.encode(format!("{user}:{}", password.reveal()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_credential_takes_the_place_of_what_a_client_has_sent() {
        let secret = |text: &str| Secret::new(text.to_owned());
        let field = HeaderName::from_static("x-api-key");
        let of_basic = Credential::Basic { user: "u".into(), password: secret("pass") };
        for (credential, name, expect) in [
            (Credential::Bearer(secret("token")), "authorization", "Bearer token"),
            (of_basic, "authorization", "Basic dTpwYXNz"),
            (Credential::Field { name: field, value: secret("key7") }, "x-api-key", "key7"),
        ] {
            let request = http::Request::get("/").header(name, "mine").header(name, "and mine");
            let (mut parts, ()) = request.body(()).unwrap().into_parts();
            credential.put(&mut parts, Digest([0; 32])).await.unwrap();
            let found: Vec<_> = parts.headers.get_all(name).iter().collect();
            assert_eq!(found, [expect]);
            let echo = format!("you are {expect}");
            let hidden = Hidden::long_enough(&credential.secrets(), credential.signed());
            assert!(!hidden.without(&echo).unwrap().contains(expect.rsplit(' ').next().unwrap()));
            assert_eq!(hidden.without("nothing of it"), None);
        }
    }
}
