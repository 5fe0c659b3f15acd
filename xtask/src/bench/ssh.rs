//! SSH: the same `ssh` client, to an OpenSSH server and through the gateway to it, in turn: how
//! long a command takes, how fast a file comes that is masked and one that is not, and what
//! sessions cost that do nothing.

use super::contender::{POLICY, gateway};
use super::process::{Server, cpu_seconds, free_port, memory_mib, run};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amount {
    pub(super) rounds: u32,
    /// Commands of a round.
    pub(super) commands: u32,
    /// The size of a file that is shown.
    pub(super) megabytes: u32,
    /// Sessions at once.
    pub(super) sessions: u32,
}

/// A way to the machine.
struct Way {
    name: &'static str,
    server: Server,
    /// How `ssh` is called.
    arguments: Vec<String>,
    /// What it sends as the password.
    token: String,
    ask: PathBuf,
}

const DIRECT: &str = "openssh";
const GATEWAY: &str = "portreeve";
/// How long a connection that others share may take to open.
const OPEN_TIMEOUT: Duration = Duration::from_secs(30);

/// What was measured, by what it is called, way and round.
type Found = BTreeMap<(&'static str, &'static str), Vec<f64>>;

pub(super) fn measure(folder: &Path, gateway: &Path, amount: Amount) -> anyhow::Result<Value> {
    println!("measuring SSH");
    let folder = folder.join("ssh");
    std::fs::create_dir_all(&folder)?;
    let machine = Machine::start(&folder)?;
    machine.files(amount.megabytes)?;
    let portreeve = machine.behind(gateway)?;
    let ways = [machine.way, portreeve];
    let mut found = Found::new();
    for round in 0..amount.rounds {
        for at in 0..ways.len() {
            // Nobody always goes first.
            let Some(way) = ways.get((at + round as usize) % ways.len()) else { continue };
            way.measure(&folder, amount, &mut found).with_context(|| way.name.to_owned())?;
        }
        println!("round {} of {}", round + 1, amount.rounds);
    }
    let results = found.into_iter().map(|((name, way), mut values)| {
        values.sort_by(f64::total_cmp);
        json!({"what": name, "way": way, "median": values.get(values.len() / 2)})
    });
    Ok(Value::Array(results.collect()))
}

/// The numbers for people.
pub(super) fn text(found: &Value) -> String {
    let mut text = format!("\nSSH {:<56} {DIRECT:>12} {GATEWAY:>12}\n", "");
    let mut lines: BTreeMap<&str, BTreeMap<&str, f64>> = BTreeMap::new();
    for one in found.as_array().into_iter().flatten() {
        let word = |name: &str| one.get(name).and_then(Value::as_str).unwrap_or_default();
        let median = one.get("median").and_then(Value::as_f64).unwrap_or(f64::NAN);
        lines.entry(word("what")).or_default().insert(word("way"), median);
    }
    for (what, ways) in lines {
        let shown = |way: &str| ways.get(way).map_or("–".to_owned(), |it| format!("{it:.1}"));
        let _ = writeln!(text, "  {what:<58} {:>12} {:>12}", shown(DIRECT), shown(GATEWAY));
    }
    text
}

struct Machine {
    way: Way,
    folder: PathBuf,
    port: u16,
    user: String,
    host_key: String,
}

impl Machine {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let port = free_port()?;
        let user = run(Command::new("id").arg("-un"))?.trim().to_owned();
        let path = |name: &str| folder.join(name).display().to_string();
        for key in ["host", "key"] {
            let mut keygen = Command::new("ssh-keygen");
            run(keygen.args(["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", &path(key)]))?;
        }
        std::fs::copy(path("key.pub"), path("authorized"))?;
        // Where root's server leaves privileges, on machines that do not start it themselves.
        if user == "root" {
            std::fs::create_dir_all("/run/sshd")?;
        }
        // A shell that believes to be another's child reads none of the account's start-up files,
        // which may do anything, and wait for each other.
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\n\
             PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\n\
             MaxSessions 500\nMaxStartups 500\nLogLevel ERROR\nSetEnv SHLVL=1\n",
            path("host"),
            path("authorized")
        );
        std::fs::write(path("sshd_config"), config)?;
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.args(["-D", "-e", "-f", &path("sshd_config")]);
        let server = Server::start(DIRECT, &mut sshd, port, &folder.join("sshd.log"))?;
        let ask = folder.join("ask");
        std::fs::write(&ask, "#!/bin/sh\nprintenv BENCH_TOKEN\n")?;
        std::fs::set_permissions(&ask, std::fs::Permissions::from_mode(0o755))?;
        let arguments = arguments(&["-i", &path("key")], port, &format!("{user}@127.0.0.1"));
        let host_key = std::fs::read_to_string(path("host.pub"))?.trim().to_owned();
        let way = Way { name: DIRECT, server, arguments, token: String::new(), ask };
        Ok(Self { way, folder: folder.to_owned(), port, user, host_key })
    }

    /// A file in which nobody is named, and one with a person in each line.
    fn files(&self, megabytes: u32) -> anyhow::Result<()> {
        let size = megabytes as usize * 1_000_000;
        for (name, line) in [
            (PLAIN, "the quick brown fox jumps over the lazy dog, again and again"),
            (PERSONAL, "paid by yrsa.dahl@example.org, who lives where nobody asks"),
        ] {
            let mut file = std::io::BufWriter::new(std::fs::File::create(self.folder.join(name))?);
            for at in 0..size / (line.len() + 10) {
                writeln!(file, "{at:08} {line}")?;
            }
            file.flush()?;
        }
        Ok(())
    }

    fn behind(&self, binary: &Path) -> anyhow::Result<Way> {
        let (port, api) = (free_port()?, free_port()?);
        let home = self.folder.join(GATEWAY);
        // Evidence of earlier runs is no part of this one.
        if home.exists() {
            std::fs::remove_dir_all(&home)?;
        }
        std::fs::create_dir_all(&home)?;
        std::fs::write(home.join("bench.cedar"), POLICY)?;
        let Self { port: there, user, host_key, folder, .. } = self;
        let (key, folder) = (folder.join("key"), folder.display());
        let config = format!(
            "data_dir: ./data\n\
             listen:\n  ssh: {{ address: \"127.0.0.1:{port}\" }}\n  \
             api: {{ address: \"127.0.0.1:{api}\" }}\n\
             issuers: [ {{ local: {{}} }} ]\n\
             resources:\n  web:\n    ssh:\n      host: 127.0.0.1\n      port: {there}\n      \
             host_key: \"{host_key}\"\n      user: {user}\n      home: \"{folder}\"\n      \
             key: {{ file: \"{}\" }}\n\
             limits: {{ logins_max: 500, logins_per_address_max: 500 }}\n\
             masking: {{ default: redact }}\npolicies: [ bench.cedar ]\n",
            key.display()
        );
        let file = home.join("portreeve.yaml");
        std::fs::write(&file, config)?;
        let log = self.folder.join("gateway.log");
        let (server, token) = gateway(GATEWAY, binary, &file, port, &log)?;
        let arguments = arguments(&["-o", "PubkeyAuthentication=no"], port, "web@127.0.0.1");
        Ok(Way { name: GATEWAY, server, arguments, token, ask: self.way.ask.clone() })
    }
}

/// How `ssh` is called, whatever else its user has configured; the place stands last.
fn arguments(more: &[&str], port: u16, place: &str) -> Vec<String> {
    let common = [
        "-F",
        "none",
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        "UserKnownHostsFile=/dev/null",
        "-o",
        "LogLevel=ERROR",
    ];
    let port = port.to_string();
    let words = [&common[..], more, &["-p", &port, place]].concat();
    words.into_iter().map(str::to_owned).collect()
}

const PLAIN: &str = "plain.log";
const PERSONAL: &str = "personal.log";

impl Way {
    fn client(&self, more: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        // Options stand before the place.
        let (place, options) = self.arguments.split_last().expect("there is a place");
        command.args(options).args(more.iter().filter(|it| it.starts_with('-'))).arg(place);
        command.args(more.iter().filter(|it| !it.starts_with('-')));
        command.env("SSH_ASKPASS", &self.ask).env("SSH_ASKPASS_REQUIRE", "force");
        command.env("BENCH_TOKEN", &self.token).stdin(Stdio::null());
        command
    }

    fn measure(&self, folder: &Path, amount: Amount, found: &mut Found) -> anyhow::Result<()> {
        let mut note = |what, value| found.entry((what, self.name)).or_default().push(value);
        let each =
            |began: Instant| began.elapsed().as_secs_f64() * 1e3 / f64::from(amount.commands);
        let began = Instant::now();
        for _ in 0..amount.commands {
            run(&mut self.client(&["true"]))?;
        }
        note("a connection and a command, ms", each(began));
        let shared = Shared::open(self, folder)?;
        let began = Instant::now();
        for _ in 0..amount.commands {
            run(&mut self.client(&[&shared.option, "true"]))?;
        }
        note("a command on an open connection, ms", each(began));
        drop(shared);
        for (file, rate, cost) in [
            (
                PLAIN,
                "a file without values, MB/s",
                "a file without values, CPU of the gateway, s/GB",
            ),
            (
                PERSONAL,
                "a file with a value in each line, MB/s",
                "a file with a value in each line, CPU of the gateway, s/GB",
            ),
        ] {
            let pids = [self.server.pid()];
            let (cpu, began) = (cpu_seconds(&pids), Instant::now());
            let mut child = self
                .client(&[&format!("cat {}", folder.join(file).display())])
                .stdout(Stdio::piped())
                .spawn()?;
            let mut output = child.stdout.take().context("no output")?;
            let bytes = std::io::copy(&mut output, &mut std::io::sink())?;
            if !child.wait()?.success() || bytes < u64::from(amount.megabytes) * 500_000 {
                bail!("`{file}` did not come whole: {bytes} bytes");
            }
            let size = f64::from(amount.megabytes);
            note(rate, size / began.elapsed().as_secs_f64());
            if self.name == GATEWAY {
                note(cost, (cpu_seconds(&pids) - cpu) / size * 1e3);
            }
        }
        self.idle(amount.sessions, &mut note)
    }

    /// Sessions that have said one line, and wait.
    fn idle(&self, count: u32, note: &mut dyn FnMut(&'static str, f64)) -> anyhow::Result<()> {
        let pid = self.server.pid();
        let (before, began) = (memory_mib(pid), Instant::now());
        let mut sessions = Vec::new();
        for _ in 0..count {
            let mut command = self.client(&["echo in; cat"]);
            sessions.push(Session(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?));
        }
        for session in &mut sessions {
            session.says("in")?;
        }
        note("so many sessions at once are open after, s", began.elapsed().as_secs_f64());
        let more = memory_mib(pid) - before;
        note("memory of an idle session, KiB", more * 1024.0 / f64::from(count));
        Ok(())
    }
}

/// A client that waits; it ends with this value.
struct Session(Child);

impl Session {
    fn says(&mut self, words: &str) -> anyhow::Result<()> {
        let output: &mut ChildStdout = self.0.stdout.as_mut().context("no output")?;
        let mut line = String::new();
        BufReader::with_capacity(64, output.by_ref()).read_line(&mut line)?;
        if line.trim() != words {
            bail!("a session says `{}`", line.trim());
        }
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A connection that commands share.
struct Shared {
    _session: Session,
    option: String,
}

impl Shared {
    fn open(way: &Way, folder: &Path) -> anyhow::Result<Self> {
        let socket = folder.join(format!("{}.socket", way.name));
        // What an ended client leaves.
        drop(std::fs::remove_file(&socket));
        let option = format!("-S{}", socket.display());
        let session = Session(way.client(&["-M", "-N", &option]).spawn()?);
        let deadline = Instant::now() + OPEN_TIMEOUT;
        while !socket.exists() {
            if Instant::now() > deadline {
                bail!("a connection does not open");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { _session: session, option })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_stand_side_by_side_and_a_missing_number_is_no_zero() {
        let found = json!([
            {"what": "a command, ms", "way": "openssh", "median": 12.34},
            {"what": "a command, ms", "way": "portreeve", "median": 20.0},
            {"what": "a cost", "way": "portreeve", "median": 3.0},
        ]);
        let text = text(&found);
        let line = |name: &str| text.lines().find(|line| line.trim().starts_with(name)).unwrap();
        assert!(line("a command").ends_with("12.3         20.0"), "{text}");
        assert!(line("a cost").ends_with("–          3.0"), "{text}");
    }
}
