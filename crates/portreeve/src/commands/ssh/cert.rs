//! `portreeve ssh cert`: a certificate for a token, and what `ssh` needs beside it.

use crate::commands::options::{ApiOptions, run_async};
use crate::commands::output::{Format, print, print_json, remark, time};
use anyhow::{Context, bail, ensure};
use portreeve_control::config::parse_duration;
use portreeve_protocol_ssh::{fresh_key, public_half};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Get a certificate for your token, with which any SSH client logs in.
///
/// It stands for what the token says, opens the resources that it names and nothing else, and
/// ends with the token or before. The key is made where there is none, and never leaves this
/// machine. Beside it are written what `ssh -F` takes (`.conf`) and the key that the gateway
/// proves itself with (`.known_hosts`). Prints the name of the certificate's file.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve ssh cert web && \
    ssh -F ~/.config/portreeve/ssh/web.conf web uptime\n  \
    portreeve ssh cert web db --key ~/.ssh/id_ed25519 --out agent-cert.pub")]
pub(super) struct Cert {
    /// The resources that it is to open. The key's file is called by the first one.
    #[arg(value_name = "RESOURCE", required = true)]
    resources: Vec<String>,
    /// The file with your private key, as `ssh -i` takes it; its public half stands in the file
    /// of the same name with `.pub`. By default `portreeve/ssh/RESOURCE` in your configuration
    /// folder.
    #[arg(long, visible_alias = "identity", value_name = "FILE")]
    key: Option<PathBuf>,
    /// Where the certificate goes. By default beside the key, as `KEY-cert.pub`, where `ssh -i`
    /// finds it.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// For how long at most. By default as long as the operator lets it.
    #[arg(long, value_name = "DURATION", value_parser = ttl)]
    ttl: Option<Duration>,
    /// Where the gateway is for SSH. By default the host of the API.
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    #[command(flatten)]
    api: ApiOptions,
}

fn ttl(text: &str) -> Result<Duration, String> {
    parse_duration(text).ok_or_else(|| "write a number and a unit: `10m`, `1h`".into())
}

pub(super) fn cert(args: Cert, format: Format) -> anyhow::Result<()> {
    let client = args.api.client()?;
    let first = args.resources.first().context("a resource is needed")?;
    let key = match args.key {
        Some(key) => key,
        None => folder()?.join(file_name(first)?),
    };
    let public = public_key(&key)?;
    let mut body = json!({"public_key": public, "resources": args.resources});
    if let Some(ttl) = args.ttl {
        body["expires_in"] = ttl.as_secs().into();
    }
    let answer = run_async(client.post("/v1/certificates", &body))??;
    let text = |name: &str| {
        let text = answer.get(name).and_then(Value::as_str);
        text.with_context(|| format!("the API answered without `{name}`"))
    };
    let port = answer.get("port").and_then(Value::as_u64).context("the API named no port")?;
    let files = Files::of(&key, args.out);
    let host = args.host.unwrap_or_else(|| host_of(&args.api.api).to_owned());
    write(&files.known_hosts, &format!("{ALIAS} {}\n", text("host_key")?))?;
    write(&files.config, &files.snippet(&args.resources, &host, port)?)?;
    write(&files.certificate, &format!("{}\n", text("certificate")?))?;
    match format {
        Format::Text => {
            let until = answer.get("expires_at_us").and_then(Value::as_i64).unwrap_or_default();
            print(&files.certificate.display().to_string())?;
            remark(&format!("# until {}; ssh -F {} {first}", time(until), files.config.display()));
            Ok(())
        }
        Format::Json => {
            let mut told = answer.clone();
            told["certificate_file"] = files.certificate.display().to_string().into();
            told["key_file"] = files.key.display().to_string().into();
            told["config_file"] = files.config.display().to_string().into();
            told["known_hosts_file"] = files.known_hosts.display().to_string().into();
            print_json(&told)
        }
    }
}

/// Where things are.
struct Files {
    key: PathBuf,
    certificate: PathBuf,
    config: PathBuf,
    known_hosts: PathBuf,
}

impl Files {
    fn of(key: &Path, out: Option<PathBuf>) -> Self {
        Self {
            key: key.to_owned(),
            certificate: out.unwrap_or_else(|| beside(key, "-cert.pub")),
            config: beside(key, ".conf"),
            known_hosts: beside(key, ".known_hosts"),
        }
    }

    /// What `ssh -F` takes, or `Include` of `~/.ssh/config`.
    fn snippet(&self, resources: &[String], host: &str, port: u64) -> anyhow::Result<String> {
        let (key, certificate) = (word(&self.key)?, word(&self.certificate)?);
        let known_hosts = word(&self.known_hosts)?;
        let mut text = String::new();
        for resource in resources {
            write!(
                text,
                "Host {resource}\n    HostName {host}\n    Port {port}\n    User {resource}\n    \
                 HostKeyAlias {ALIAS}\n    UserKnownHostsFile {known_hosts}\n    \
                 StrictHostKeyChecking yes\n    IdentityFile {key}\n    \
                 CertificateFile {certificate}\n    IdentitiesOnly yes\n    \
                 PreferredAuthentications publickey\n"
            )?;
        }
        Ok(text)
    }
}

/// A path as `ssh_config` has it, from wherever it is read.
fn word(path: &Path) -> anyhow::Result<String> {
    let path = std::path::absolute(path)?;
    let text = path.to_str().filter(|text| !text.contains(['"', '\\', '\n', '\r']));
    let text = text.with_context(|| {
        format!("`{}` cannot stand in an `ssh_config`\nhint: use a plain path", path.display())
    })?;
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

/// The public half of a key, in one line; the key is made where there is none.
fn public_key(key: &Path) -> anyhow::Result<String> {
    let public = beside(key, ".pub");
    match std::fs::read_to_string(&public) {
        Ok(line) => return Ok(line.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read `{}`", public.display()));
        }
    }
    match std::fs::read_to_string(key) {
        Ok(text) => {
            let at = || format!("the key `{}`", key.display());
            public_half(&portreeve_model::Secret::new(text)).with_context(at)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(key, &public),
        Err(error) => Err(error).with_context(|| format!("cannot read `{}`", key.display())),
    }
}

fn make(key: &Path, public: &Path) -> anyhow::Result<String> {
    let Some(folder) = key.parent() else { bail!("`{}` is no file", key.display()) };
    let at = || format!("cannot keep a key in `{}`", key.display());
    DirBuilder::new().recursive(true).mode(0o700).create(folder).with_context(at)?;
    let (line, kept) = fresh_key()?;
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(key).with_context(at)?;
    let kept = kept.reveal().as_bytes();
    file.write_all(kept).and_then(|()| file.sync_all()).with_context(at)?;
    write(public, &format!("{line}\n"))?;
    remark(&format!("# made a key: {}", key.display()));
    Ok(line)
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}

/// The file whose name goes on.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    PathBuf::from(name)
}

fn folder() -> anyhow::Result<PathBuf> {
    let folder = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
    let folder = folder.or_else(home).context("there is no home\nhint: give --key")?;
    Ok(folder.join("portreeve").join("ssh"))
}

/// What is not a name of a resource is not one of a file either.
fn file_name(resource: &str) -> anyhow::Result<&str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    ensure!(
        !resource.starts_with('.') && !resource.is_empty() && resource.chars().all(is_plain),
        "`{resource}` names no resource"
    );
    Ok(resource)
}

/// The host of the API's address.
fn host_of(api: &str) -> &str {
    let (_, rest) = api.split_once("://").unwrap_or(("", api));
    let authority = rest.split('/').next().unwrap_or_default();
    match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    }
}

/// What clients call the gateway, wherever it is reached.
const ALIAS: &str = "portreeve";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_found() {
        let check = |api: &str, expect: &str| assert_eq!(host_of(api), expect, "{api}");
        check("http://127.0.0.1:8440", "127.0.0.1");
        check("https://gateway.example.org", "gateway.example.org");
        check("https://gateway.example.org:8440/", "gateway.example.org");
        check("http://[::1]:8440", "::1");
    }

    #[test]
    fn a_snippet_says_where_and_with_what() {
        let files = Files::of(Path::new("/keys/a b/100%/web"), None);
        let text = files.snippet(&["web".into(), "db".into()], "127.0.0.1", 12222).unwrap();
        assert!(text.contains("Host db\n    HostName 127.0.0.1\n    Port 12222\n    User db\n"));
        assert!(text.contains("CertificateFile \"/keys/a b/100%%/web-cert.pub\"\n"), "{text}");
        for bad in ["/x\"y", "/x\ny"] {
            assert!(Files::of(Path::new(bad), None).snippet(&["a".into()], "h", 1).is_err());
        }
        for bad in ["", "..", ".hidden", "a/b", "a b"] {
            assert!(file_name(bad).is_err(), "{bad}");
        }
    }
}
