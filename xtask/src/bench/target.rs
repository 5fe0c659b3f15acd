//! The private PostgreSQL: trust on loopback, no fsync, a pgbench database and a table of
//! people.

use super::process::{Server, free_port, not_as_root, run};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub(super) const USER: &str = "bench";
pub(super) const DATABASE: &str = "bench";

/// A running one.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) port: u16,
    server: Server,
    programs: PathBuf,
}

impl Target {
    /// Starts it in a folder; what was loaded there before is used again.
    pub(super) fn start(folder: &Path, scale: u32, rows: u64) -> anyhow::Result<Self> {
        let programs = programs()?;
        let data = folder.join("postgres");
        if !data.join("PG_VERSION").exists() {
            initialize(&programs, &data)?;
        }
        let port = free_port()?;
        let mut command = Command::new(programs.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        command.arg("-k").arg(&data);
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        let log = folder.join("postgres.log");
        let server = Server::start("PostgreSQL", not_as_root(&mut command)?, port, &log)?;
        let target = Self { port, server, programs };
        target.await_answer()?;
        target.load(scale, rows)?;
        Ok(target)
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// A client program, pointed at this server.
    pub(super) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.env("PGHOST", "127.0.0.1").env("PGPORT", self.port.to_string());
        command.env("PGUSER", USER).env("PGDATABASE", DATABASE).env("PGCONNECT_TIMEOUT", "10");
        command
    }

    /// It listens before it answers.
    fn await_answer(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ANSWER_TIMEOUT;
        loop {
            match self.sql("postgres", "SELECT 1") {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > deadline => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(100)),
            }
        }
    }

    fn sql(&self, database: &str, text: &str) -> anyhow::Result<String> {
        let arguments = ["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", text];
        run(self.client("psql").args(arguments))
    }

    fn load(&self, scale: u32, rows: u64) -> anyhow::Result<()> {
        if self.sql("postgres", "SELECT 1 FROM pg_database WHERE datname = 'bench'")?.is_empty() {
            self.sql("postgres", "CREATE DATABASE bench")?;
        }
        let accounts = "SELECT count(*) FROM pg_class WHERE relname = 'pgbench_accounts'";
        if self.sql(DATABASE, accounts)?.trim() == "0" {
            println!("loading pgbench at scale {scale}");
            let scale = scale.to_string();
            run(self.client("pgbench").args(["-i", "-q", "--unlogged-tables", "-s", &scale]))?;
        }
        let known = self.sql(DATABASE, "SELECT to_regclass('customers') IS NOT NULL")?;
        let has_rows = known.trim() == "t"
            && self.sql(DATABASE, "SELECT count(*) FROM customers")?.trim() == rows.to_string();
        if !has_rows {
            println!("loading {rows} customers");
            self.sql(DATABASE, "DROP TABLE IF EXISTS customers")?;
            let mut command = self.client("psql");
            command.args(["-qX", "-v", "ON_ERROR_STOP=1", "-v", &format!("rows={rows}")]);
            run(command.arg("-f").arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(LOAD)))?;
        }
        // Everything is read once, so that no contender pays for a cold cache.
        self.sql(DATABASE, "SELECT count(*) FROM pgbench_accounts")?;
        self.sql(DATABASE, "SELECT sum(length(note)) FROM customers")?;
        Ok(())
    }
}

/// How long it may take after a crash.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

const LOAD: &str = "src/bench/load.sql";

const SETTINGS: [&str; 10] = [
    "listen_addresses=127.0.0.1",
    "shared_buffers=1GB",
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "max_connections=300",
    "max_wal_size=4GB",
    "autovacuum=off",
    "jit=off",
    "logging_collector=off",
];

fn initialize(programs: &Path, data: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data)?;
    let owner = Command::new("id").arg("-u").output()?;
    if owner.stdout.trim_ascii() == b"0" {
        run(Command::new("chown").args(["postgres:postgres"]).arg(data))?;
    }
    let mut command = Command::new(programs.join("initdb"));
    command.arg("-D").arg(data);
    command.args(["-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]);
    run(not_as_root(&mut command)?).context("initdb")?;
    Ok(())
}

/// The newest server below Debian's folder, or whatever is on PATH.
fn programs() -> anyhow::Result<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten() {
        let version = entry.file_name().to_string_lossy().parse();
        let programs = entry.path().join("bin");
        if let (Ok(version), true) = (version, programs.join("initdb").exists()) {
            found.push((version, programs));
        }
    }
    found.sort();
    if let Some((_, programs)) = found.pop() {
        return Ok(programs);
    }
    let on_path = std::env::var_os("PATH").and_then(|path| {
        std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
    });
    match on_path {
        Some(programs) => Ok(programs),
        None => bail!("no PostgreSQL server; hint: apt-get install postgresql postgresql-contrib"),
    }
}
