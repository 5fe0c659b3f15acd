//! Who takes part: direct, PgBouncer in two modes, Portreeve.

use super::process::{Server, free_port, not_as_root, run};
use super::target::{DATABASE, Target, USER};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A way to the target.
#[derive(Debug)]
pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) port: u16,
    pub(super) password: String,
    server: Option<Server>,
}

pub(super) const DIRECT: &str = "direct";
pub(super) const POOL_SESSION: &str = "pgbouncer-session";
pub(super) const POOL_TRANSACTION: &str = "pgbouncer-tx";
pub(super) const PORTREEVE: &str = "portreeve";

/// Another binary of the gateway, beside the one that is measured.
pub(super) const BEFORE: &str = "portreeve-before";

pub(super) const NAMES: [&str; 4] = [DIRECT, POOL_SESSION, POOL_TRANSACTION, PORTREEVE];

impl Contender {
    pub(super) fn start(
        name: &'static str,
        target: &Target,
        folder: &Path,
        gateway: Option<&Path>,
    ) -> anyhow::Result<Self> {
        match name {
            DIRECT => Ok(Self { name, port: target.port, password: "none".into(), server: None }),
            PORTREEVE | BEFORE => {
                portreeve(name, target, folder, gateway.context("no gateway binary")?)
            }
            _ => pgbouncer(name, target, folder),
        }
    }

    /// The processes between client and target.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.server.iter().map(Server::pid).collect()
    }
}

fn pgbouncer(name: &'static str, target: &Target, folder: &Path) -> anyhow::Result<Contender> {
    let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"];
    let Some(program) = program.iter().find(|path| Path::new(path).exists()) else {
        bail!("not installed; hint: apt-get install pgbouncer");
    };
    let port = free_port()?;
    let (mode, pool) = if name == POOL_SESSION { ("session", 200) } else { ("transaction", 32) };
    let users = folder.join("pgbouncer-users.txt");
    std::fs::write(&users, format!("\"{USER}\" \"\"\n"))?;
    let file = folder.join(format!("{name}.ini"));
    let target = target.port;
    let text = format!(
        "[databases]\n{DATABASE} = host=127.0.0.1 port={target} dbname={DATABASE}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = trust\nauth_file = {}\npool_mode = {mode}\ndefault_pool_size = {pool}\n\
         max_client_conn = 1000\nignore_startup_parameters = extra_float_digits\n\
         log_connections = 0\nlog_disconnections = 0\n",
        users.display()
    );
    std::fs::write(&file, text)?;
    let log = folder.join(format!("{name}.log"));
    let mut command = Command::new(program);
    let server = Server::start(name, not_as_root(command.arg(&file))?, port, &log)?;
    Ok(Contender { name, port, password: "none".into(), server: Some(server) })
}

pub(super) const POLICY: &str = "\
// Whoever holds a token may do everything but see personal data.
@id(\"bench\")
permit (
    principal,
    action in [
        Action::\"connect\", Action::\"read\", Action::\"write\", Action::\"define\",
        Action::\"administer\", Action::\"execute\", Action::\"filter\"
    ],
    resource
);
";

fn portreeve(
    name: &'static str,
    target: &Target,
    folder: &Path,
    binary: &Path,
) -> anyhow::Result<Contender> {
    let (port, api) = (free_port()?, free_port()?);
    let home = folder.join(name);
    // Evidence of earlier runs is no part of this one.
    if home.exists() {
        std::fs::remove_dir_all(&home)?;
    }
    std::fs::create_dir_all(&home)?;
    std::fs::write(home.join("bench.cedar"), POLICY)?;
    std::fs::write(home.join("password"), "unused")?;
    let target = target.port;
    let config = format!(
        "data_dir: ./data\n\
         listen:\n  postgres: {{ address: \"127.0.0.1:{port}\" }}\n  \
         api: {{ address: \"127.0.0.1:{api}\" }}\n\
         issuers: [ {{ local: {{}} }} ]\n\
         resources:\n  {DATABASE}:\n    postgres:\n      host: 127.0.0.1\n      port: {target}\n      \
         user: {USER}\n      password: {{ file: password }}\n      tls: {{ mode: disable }}\n    \
         classify:\n      public.customers.full_name: name\n      public.customers.email: email\n      \
         public.customers.phone: phone\n      public.customers.iban: iban\n\
         masking:\n  name: pseudonym\n  email: partial\n  phone: partial\n  iban: redact\n  \
         default: redact\n\
         policies: [ bench.cedar ]\n"
    );
    let file = home.join("portreeve.yaml");
    std::fs::write(&file, config)?;
    let log = folder.join(format!("{name}.log"));
    let (server, password) = gateway(name, binary, &file, port, &log)?;
    Ok(Contender { name, port, password, server: Some(server) })
}

/// Starts a gateway by its configuration, and makes a token of the one account that it knows.
pub(super) fn gateway(
    name: &'static str,
    binary: &Path,
    config: &Path,
    port: u16,
    log: &Path,
) -> anyhow::Result<(Server, String)> {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(binary);
        command.args(arguments).env("PORTREEVE_CONFIG", config).env_remove("PORTREEVE_TOKEN");
        command
    };
    run(&mut command(&["accounts", "add", USER, "--kind", "service"])).context("accounts")?;
    let token = run(&mut command(&["token", "issue", USER, "--ttl", "12h"])).context("token")?;
    let server = Server::start(name, &mut command(&["gateway"]), port, log)?;
    Ok((server, token.trim().to_owned()))
}

/// The release binary: a given one, or a fresh build.
pub(super) fn gateway_binary(root: &Path, given: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    if let Some(binary) = given {
        if !binary.is_file() {
            bail!("there is no binary at `{}`", binary.display());
        }
        return Ok(std::fs::canonicalize(binary)?);
    }
    println!("building the release binary");
    let mut cargo = crate::workspace::cargo();
    cargo.current_dir(root).args(["build", "--release", "--package", "portreeve"]);
    if !cargo.status()?.success() {
        bail!("the gateway does not build");
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    Ok(target.unwrap_or_else(|| root.join("target")).join("release/portreeve"))
}
