//! Options that several commands have: where the configuration is, where the API is
//! and whose token is shown to it.

use crate::wiring::manifests;
use anyhow::Context;
use portreeve_control::client::ApiClient;
use portreeve_control::store::Administration;
use portreeve_control::{Config, Store, config};
use portreeve_model::{Administrator, Secret};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where the configuration is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ConfigOption {
    /// The configuration file.
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "PORTREEVE_CONFIG",
        default_value = "portreeve.yaml"
    )]
    pub(crate) config: PathBuf,
}

impl ConfigOption {
    /// Reads it.
    pub(crate) fn load(&self) -> anyhow::Result<Config> {
        config::load(&self.config, &manifests()).map_err(|error| {
            let hint = match error {
                config::ConfigError::Unreadable { .. } => "give it with `--config`",
                config::ConfigError::Invalid { .. } => "`portreeve check` explains every problem",
            };
            anyhow::anyhow!("{error}\nhint: {hint}")
        })
    }

    /// Opens the control store that it points at.
    pub(crate) fn store(&self) -> anyhow::Result<(Config, Store)> {
        let config = self.load()?;
        let store = Store::open(&config.data_dir)?;
        Ok((config, store))
    }
}

/// Which log is read: said with an option.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogOption {
    /// The evidence, or the data directory that it is in; otherwise the one that the
    /// configuration names.
    #[arg(long, value_name = "DIR", global = true)]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
}

impl LogOption {
    /// Its directory.
    pub(crate) fn directory(&self) -> anyhow::Result<PathBuf> {
        directory(self.dir.as_deref(), &self.config)
    }
}

/// Which log is read: the last word of the command.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct LogArgument {
    /// The evidence, or the data directory that it is in; otherwise the one that the
    /// configuration names.
    #[arg(value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) config: ConfigOption,
}

impl LogArgument {
    /// Its directory.
    pub(crate) fn directory(&self) -> anyhow::Result<PathBuf> {
        directory(self.dir.as_deref(), &self.config)
    }
}

/// The directory of a log: what was named, the `evidence` in it, or the configuration's.
pub(crate) fn directory(named: Option<&Path>, config: &ConfigOption) -> anyhow::Result<PathBuf> {
    let dir = match named {
        Some(dir) => dir.to_owned(),
        None => config.load()?.data_dir,
    };
    portreeve_verifier::command::directory(&dir)
}

/// Where the API is, and whose token is shown to it.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApiOptions {
    /// The address of the gateway's API.
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "PORTREEVE_API",
        default_value = "http://127.0.0.1:8440"
    )]
    pub(crate) api: String,
    /// PEM file with the authorities to trust for that address.
    #[arg(long, global = true, value_name = "FILE", env = "PORTREEVE_API_CA")]
    pub(crate) api_ca: Option<PathBuf>,
    /// A file with your access token; `-` is standard input. Without it, the
    /// environment variable PORTREEVE_TOKEN.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

impl ApiOptions {
    /// A client that shows a token.
    pub(crate) fn client(&self) -> anyhow::Result<ApiClient> {
        let token = token(self.token_file.as_deref())?.context(
            "an access token is needed\nhint: set PORTREEVE_TOKEN, for example to \
             `$(portreeve token issue NAME)`, or use --token-file",
        )?;
        Ok(ApiClient::new(&self.api, Some(token), self.api_ca.as_deref())?)
    }

    /// A client that shows no token.
    pub(crate) fn client_without_token(&self) -> anyhow::Result<ApiClient> {
        Ok(ApiClient::new(&self.api, None, self.api_ca.as_deref())?)
    }

    /// A client that shows a token where there is one.
    pub(crate) fn client_maybe_anonymous(&self) -> anyhow::Result<ApiClient> {
        let token = token(self.token_file.as_deref())?;
        Ok(ApiClient::new(&self.api, token, self.api_ca.as_deref())?)
    }
}

/// Who changes the control store's files here, now: the user that runs this.
pub(crate) fn by_this_user() -> anyhow::Result<Administration> {
    let uid = std::fs::metadata("/proc/self").context("cannot tell who runs this")?.uid();
    Ok(Administration::now(Administrator::Offline { user: user_name(uid), uid }))
}

/// A user's name, or its number.
pub(crate) fn user_name(uid: u32) -> String {
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let name = known.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    name.unwrap_or_else(|| uid.to_string())
}

/// Reads a token from a file, or from the environment.
pub(crate) fn token(file: Option<&Path>) -> anyhow::Result<Option<Secret<String>>> {
    let text = match file {
        Some(file) if file.as_os_str() == "-" => {
            let mut text = String::new();
            std::io::stdin().lock().take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text)?;
            Some(text)
        }
        Some(path) => {
            let mut text = String::new();
            std::fs::File::open(path)
                .and_then(|file| file.take(TOKEN_FILE_BYTES_MAX).read_to_string(&mut text))
                .with_context(|| format!("cannot read the token file `{}`", path.display()))?;
            Some(text)
        }
        None => std::env::var("PORTREEVE_TOKEN").ok(),
    };
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(text.map(Secret::new))
}

/// Runs the asynchronous part of a command.
pub(crate) fn run_async<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(work))
}

const TOKEN_FILE_BYTES_MAX: u64 = 64 * 1024;
