//! The configuration file: one strict YAML document.
//!
//! Strict means: an unknown key, a value of the wrong type, a rule that is broken
//! between two sections, each is an error with its line and column, and all of them
//! are reported at once. Not read here: secrets (see [`SecretSource::resolve`]),
//! certificates and policies; [`Config::preflight`] tries those.

mod anomalies;
mod classify;
mod connector;
mod evidence;
mod exports;
mod known;
mod listen;
mod masking;
mod policies;
mod preflight;
mod problem;
mod read;
mod resources;
mod scalar;
mod schema;
mod secrets;
mod section;
mod settings;
mod tree;
mod types;

pub use classify::{Classification, Conflict, ObjectPattern, Said};
pub use connector::{ConnectorConfig, ConnectorLimits, ConnectorResource, load_connector};
pub use evidence::WitnessAddress;
pub use exports::{
    ElasticsearchExport, Encoding, Export, ExportSink, FileExport, NatsExport, OtlpExport,
    Redaction, S3Export, SplunkExport, SyslogExport, SyslogTransport, WebhookExport,
};
pub use known::{KnownColumns, TargetColumn};
pub use listen::{Listen, Listener, Network};
pub use problem::{ConfigError, Problem};
pub(crate) use scalar::is_resource as is_resource_name;
pub(crate) use scalar::secure_url;
pub use scalar::{duration as parse_duration, duration_text, is_loopback};
pub use schema::{connector_schema, schema};
pub use settings::{NoSetting, SettingValue, Settings};
pub use types::{
    Config, Evidence, Issuer, Limits, LocalIssuer, Masking, OidcIssuer, Resource, Retention,
    Reviews, ServerTls, SignatureAlgorithm, TargetTls, TlsMode, Via,
};

pub use crate::secrets::{SecretError, SecretSource};

pub use crate::files::read_bounded;

use portreeve_model::Manifest;
use section::Reader;
use std::path::Path;
use std::time::Duration;

/// Reads a configuration file; `protocols` are those that its sections may name.
///
/// # Errors
/// [`ConfigError::Invalid`] holds every problem of the file, in its order.
pub fn load(path: &Path, protocols: &[&'static Manifest]) -> Result<Config, ConfigError> {
    parse(path, &text_of(path)?, protocols)
}

fn text_of(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable { path: path.to_owned(), error };
    let bytes = read_bounded(path, CONFIG_BYTES_MAX).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| {
        unreadable(std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not UTF-8"))
    })
}

/// Reads a configuration from a text; relative paths are relative to `path`'s folder.
///
/// # Errors
/// Like [`load`].
pub fn parse(
    path: &Path,
    text: &str,
    protocols: &[&'static Manifest],
) -> Result<Config, ConfigError> {
    parse_with(path, text, protocols, read::config)
}

/// Reads one of the configurations that there are.
fn parse_with<T>(
    path: &Path,
    text: &str,
    protocols: &[&'static Manifest],
    read: impl FnOnce(&mut Reader<'_>, &Path, tree::Node) -> Option<T>,
) -> Result<T, ConfigError> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("."),
    };
    let problems = problem::Problems::new(path, text);
    let mut reader = Reader { problems, folder, text, protocols };
    let config = match tree::parse(text) {
        Ok(root) => read(&mut reader, path, root),
        Err(error) => {
            reader.problems.add(error.span, error.message);
            None
        }
    };
    reader.problems.finish(path, config)
}

impl Config {
    /// The texts of the policies, with the names that messages show.
    ///
    /// # Errors
    /// The file that cannot be read, and why.
    pub fn policy_sources(&self) -> Result<Vec<(String, String)>, String> {
        let mut sources = Vec::new();
        for file in &self.policies {
            let name = file.display().to_string();
            let bytes = read_bounded(file, POLICY_BYTES_MAX)
                .map_err(|error| format!("cannot read the policy file `{name}`: {error}"))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| format!("the policy file `{name}` is not UTF-8"))?;
            sources.push((name, text));
        }
        Ok(sources)
    }

    /// How long the gateway refuses an address after too many bad tokens.
    #[must_use]
    pub fn refusal(&self) -> (u32, Duration) {
        (self.limits.auth_failures_max, self.limits.auth_refusal_time)
    }
}

const CONFIG_BYTES_MAX: usize = 1 << 20;
const POLICY_BYTES_MAX: usize = 1 << 20;
