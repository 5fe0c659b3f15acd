//! Where a resource is, what opens it, and which of its fields are classified.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use portreeve_model::{Category, Object, ObjectKind, Secret};
use portreeve_screen::Screen;
use portreeve_session::PermittedBody;
use portreeve_transport::{DialError, TargetTls, TcpTarget, connect};
use std::borrow::Cow;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// What opens a target. It goes out with each request, and is in no record.
#[derive(Clone, Debug)]
pub enum Credential {
    /// Nothing does.
    Open,
    /// Basic authentication (RFC 7617).
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: Secret<String>,
    },
    /// A bearer token (RFC 6750).
    Bearer(Secret<String>),
}

/// Says the category of a field of a route: host, route, field.
pub type CategoryOf = Arc<dyn Fn(&[&str; 3]) -> Option<Category> + Send + Sync>;

/// Says whether a field of a route was cleared: host, route, field.
pub type ClearsField = Arc<dyn Fn(&[&str; 3]) -> bool + Send + Sync>;

/// Which fields hold personal data.
#[derive(Clone)]
pub struct Fields {
    /// By name, stars included.
    pub category_of: CategoryOf,
    /// Whether a field holds nobody's data, as somebody has said.
    pub clears: ClearsField,
    /// The fields that the classification names without a star.
    pub named: Vec<String>,
}

impl std::fmt::Debug for Fields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fields").field("named", &self.named).finish_non_exhaustive()
    }
}

/// A shorter credential is a word that stands anywhere.
const SECRET_BYTES_MIN: usize = 4;
/// Stands before a category in the name of a field that stands for what detectors found.
const FOUND: char = '*';

/// What a target is made of.
#[derive(Debug)]
pub struct TargetParts {
    /// The resource's name.
    pub name: String,
    /// The host name that clients ask for it by.
    pub serve_host: String,
    /// Where it is.
    pub address: TcpTarget,
    /// What opens it.
    pub credential: Credential,
    /// What is classified.
    pub fields: Fields,
    /// What becomes of the rest.
    pub screen: Arc<Screen>,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Target").field("name", &self.parts.name).finish_non_exhaustive()
    }
}

/// A resource that answers HTTP.
pub struct Target {
    parts: TargetParts,
    /// As the `Host` field says it.
    authority: String,
    /// What basic authentication sends; empty where there is none.
    basic: String,
}

impl Target {
    /// Puts a target together.
    #[must_use]
    pub fn new(parts: TargetParts) -> Self {
        let TcpTarget { host, port, tls, .. } = &parts.address;
        let standard = match tls {
            TargetTls::Verified(_) => 443,
            TargetTls::Disabled => 80,
        };
        let authority = match *port == standard {
            true => host.clone(),
            false => format!("{host}:{port}"),
        };
        let basic = match &parts.credential {
            Credential::Basic { user, password } => {
                BASE64.encode(format!("{user}:{}", password.reveal()))
            }
            Credential::Open | Credential::Bearer(_) => String::new(),
        };
        Self { parts, authority, basic }
    }

    /// The resource's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// The host name that clients ask for it by.
    pub(crate) fn serve_host(&self) -> &str {
        &self.parts.serve_host
    }

    /// The host that policies know.
    pub(crate) fn host(&self) -> &str {
        &self.parts.address.host
    }

    /// What the `Host` field says.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// As whom the target is asked, for reviewers.
    pub(crate) fn role(&self) -> &str {
        match &self.parts.credential {
            Credential::Open => "nobody",
            Credential::Basic { user, .. } => user,
            Credential::Bearer(_) => "the holder of a token",
        }
    }

    /// The field that opens the target, with its value.
    pub(crate) fn authorization(&self) -> Option<Secret<String>> {
        match &self.parts.credential {
            Credential::Open => None,
            Credential::Basic { .. } => Some(Secret::new(format!("Basic {}", self.basic))),
            Credential::Bearer(token) => Some(Secret::new(format!("Bearer {}", token.reveal()))),
        }
    }

    /// The category of a field of a route. A field is named by its whole path (`items.email`)
    /// or by its own name; the path says more.
    pub(crate) fn category_of(&self, route: &str, path: &str) -> Option<(Object, Category)> {
        self.names(path).find_map(|name| {
            let category = (self.parts.fields.category_of)(&[self.host(), route, &name])?;
            Some((self.field(route, &name), category))
        })
    }

    /// Whether somebody has said that nobody's data is in a field.
    pub(crate) fn clears(&self, route: &str, path: &str) -> bool {
        self.names(path).any(|name| (self.parts.fields.clears)(&[self.host(), route, &name]))
    }

    /// What a field is called: by its whole path, by its own name, and by both in lower case
    /// (there are servers that see no difference).
    fn names<'p>(&self, path: &'p str) -> impl Iterator<Item = Cow<'p, str>> {
        let own = path.rsplit('.').find(|part| !part.is_empty()).unwrap_or(path);
        let lower = |name: &'p str| {
            let is_lower = !name.chars().any(char::is_uppercase);
            (!is_lower).then(|| Cow::Owned(name.to_lowercase()))
        };
        let spelled = [Some(Cow::Borrowed(path)), Some(Cow::Borrowed(own))];
        spelled.into_iter().chain([lower(path), lower(own)]).flatten()
    }

    /// Whether anything of a route is classified.
    pub(crate) fn has_classified(&self, route: &str) -> bool {
        !self.parts.fields.named.is_empty() || self.category_of(route, "*").is_some()
    }

    pub(crate) fn screen(&self) -> &Arc<Screen> {
        &self.parts.screen
    }

    /// A text without what opens the target, if it holds that.
    pub(crate) fn without_credential(&self, text: &str) -> Option<String> {
        let secrets: [&str; 2] = match &self.parts.credential {
            Credential::Open => return None,
            Credential::Basic { password, .. } => [password.reveal(), &self.basic],
            Credential::Bearer(token) => [token.reveal(), ""],
        };
        let known = secrets.into_iter().filter(|secret| secret.len() >= SECRET_BYTES_MIN);
        let mut found: Option<String> = None;
        for secret in known {
            let seen = found.as_deref().unwrap_or(text);
            if seen.contains(secret) {
                found = Some(seen.replace(secret, "[credential]"));
            }
        }
        found
    }

    /// The fields that are classified by name, on a route.
    pub(crate) fn named_fields(&self, route: &str) -> Vec<(Object, Category)> {
        let named = self.parts.fields.named.iter();
        named.filter_map(|name| self.category_of(route, name)).collect()
    }

    pub(crate) fn field(&self, route: &str, name: &str) -> Object {
        let path = vec![self.host().to_owned(), route.to_owned(), name.to_owned()];
        Object { kind: ObjectKind::FIELD, path }
    }

    /// The field that stands for what detectors found of a category, wherever it stood.
    pub(crate) fn found_field(&self, route: &str, category: &str) -> Object {
        self.field(route, &format!("{FOUND}{category}"))
    }

    pub(crate) fn route(&self, route: &str) -> Object {
        let path = vec![self.host().to_owned(), route.to_owned()];
        Object { kind: ObjectKind::ROUTE, path }
    }

    /// The category of an object of this target, for policy.
    pub(crate) fn category_of_object(&self, object: &Object) -> Option<Category> {
        match object.path.as_slice() {
            [_, route, field] if object.kind == ObjectKind::FIELD => {
                match field.strip_prefix(FOUND) {
                    Some(found) => Some(Category::from(found)),
                    None => self.category_of(route, field).map(|(_, category)| category),
                }
            }
            _ => None,
        }
    }

    /// A fresh connection.
    pub(crate) async fn dial(&self) -> Result<Line, DialError> {
        let address = &self.parts.address;
        let reach = async {
            let connection = address.connect().await?;
            let connection = match &address.tls {
                TargetTls::Verified(config) => {
                    connect(connection, &address.host, config.clone()).await?.0
                }
                TargetTls::Disabled => connection,
            };
            let (stream, _) = connection.into_parts();
            let made = http1::Builder::new().handshake(TokioIo::new(stream)).await;
            made.map_err(|error| DialError::Protocol(error.to_string()))
        };
        let late = |_| DialError::Protocol("it does not answer in time".into());
        let (sender, connection) = timeout(address.timeout, reach).await.map_err(late)??;
        let task = tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Line { sender, task })
    }
}

/// A connection to a target, for one request at a time.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) sender: http1::SendRequest<PermittedBody>,
    task: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.task.abort();
    }
}
