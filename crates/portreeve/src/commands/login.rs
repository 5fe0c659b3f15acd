//! `portreeve login`: a token for whoever holds an account's key.

use super::options::{ApiOptions, run_async};
use super::output::{Format, print, print_json, remark};
use anyhow::{Context, bail};
use portreeve_control::client::ApiClient;
use portreeve_control::config::parse_duration;
use portreeve_control::identity::LoginKey;
use portreeve_model::Secret;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

/// Log in at the local issuer with your own key, and print the token.
///
/// The key is made on first use and never leaves this machine. An operator enrols its
/// public half once: `portreeve accounts enrol NAME KEY`. Approving needs such a token: one
/// that was made from the gateway's files decides nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve login --public-key          # for the operator\n  \
    export PORTREEVE_TOKEN=$(portreeve login dana)")]
pub(crate) struct Args {
    /// The account.
    #[arg(required_unless_present = "public_key")]
    name: Option<String>,
    /// Only print the public key, as `portreeve accounts enrol` takes it.
    #[arg(long)]
    public_key: bool,
    /// Print no token, but your agreement that another log begins, good for an hour: for
    /// `portreeve evidence break-glass`, while no gateway runs. Takes the issuer's name.
    #[arg(long, value_name = "ISSUER")]
    break_glass: Option<String>,
    /// The file with your key. By default `portreeve/login.key` in your configuration folder.
    #[arg(long, value_name = "FILE", env = "PORTREEVE_LOGIN_KEY")]
    key: Option<PathBuf>,
    /// For how long, at most 8h.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = ttl)]
    ttl: Duration,
    #[command(flatten)]
    api: ApiOptions,
}

fn ttl(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a number and a unit: `15m`, `8h`".into())
}

pub(crate) fn run(args: Args, format: Format) -> anyhow::Result<ExitCode> {
    let path = match &args.key {
        Some(path) => path.clone(),
        None => default_path()?,
    };
    let key = read_or_make(&path)?;
    let Some(name) = args.name.filter(|_| !args.public_key) else {
        print(&hexadecimal(&key.public()))?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(issuer) = &args.break_glass {
        print(key.agreement(&name, issuer, SystemTime::now())?.reveal())?;
        return Ok(ExitCode::SUCCESS);
    }
    let client = args.api.client_without_token()?;
    let answer = run_async(log_in(&client, &key, &name, args.ttl))?.with_context(|| {
        format!(
            "`{name}` cannot log in with this key\nhint: an operator enrols it: portreeve \
             accounts enrol {name} {}",
            hexadecimal(&key.public())
        )
    })?;
    match format {
        Format::Json => print_json(&answer)?,
        Format::Text => {
            let token = answer.get("access_token").and_then(Value::as_str);
            print(token.context("the API answered without a token")?)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn log_in(
    client: &ApiClient,
    key: &LoginKey,
    name: &str,
    ttl: Duration,
) -> anyhow::Result<Value> {
    let issuer = issuer(client).await?;
    let assertion = key.assertion(name, &issuer, SystemTime::now())?;
    let body = json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": assertion.reveal(),
        "expires_in": ttl.as_secs(),
    });
    Ok(client.post("/v1/token", &body).await?)
}

/// The name of the gateway's local issuer.
pub(super) async fn issuer(client: &ApiClient) -> anyhow::Result<String> {
    let found = client.get("/issuer/.well-known/openid-configuration").await?;
    let issuer = found.get("issuer").and_then(Value::as_str);
    Ok(issuer.context("the API does not name its issuer")?.to_owned())
}

fn default_path() -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let folder = folder.or_else(home).context("there is no home\nhint: give --key")?;
    Ok(folder.join("portreeve").join("login.key"))
}

/// Reads a key, or makes one where there is none.
pub(super) fn read_or_make(path: &Path) -> anyhow::Result<LoginKey> {
    match read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        Ok(kept) => LoginKey::read(&kept).with_context(|| format!("the key `{}`", path.display())),
    }
}

fn read(path: &Path) -> std::io::Result<Secret<Vec<u8>>> {
    let mut kept = Vec::new();
    std::fs::File::open(path)?.take(KEY_BYTES_MAX).read_to_end(&mut kept)?;
    Ok(Secret::new(kept))
}

fn make(path: &Path) -> anyhow::Result<LoginKey> {
    let Some(folder) = path.parent() else { bail!("`{}` is no file", path.display()) };
    let at = || format!("cannot keep a key in `{}`", path.display());
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(at)?;
    let (key, kept) = LoginKey::generate()?;
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).with_context(at)?;
    file.write_all(kept.reveal()).and_then(|()| file.sync_all()).with_context(at)?;
    remark(&format!("# made a key: {}", path.display()));
    Ok(key)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const KEY_BYTES_MAX: u64 = 4096;
