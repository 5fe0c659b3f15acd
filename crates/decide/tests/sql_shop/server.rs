//! A private PostgreSQL for tests. Without its programs they fail: nothing would be tested.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A server in a folder of its own; it ends with the test.
pub struct Server {
    programs: PathBuf,
    user: Option<&'static str>,
    folder: TempDir,
}

impl Server {
    pub fn start() -> Self {
        let programs = programs().expect("PostgreSQL is not installed; hint: make setup");
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL refuses to run as root.
        let user = is_root().then_some("postgres");
        if let Some(user) = user {
            let owner = Command::new("chown").arg(user).arg(folder.path()).status().unwrap();
            assert!(owner.success(), "there is no user `{user}`; hint: make setup");
        }
        let server = Self { programs, user, folder };
        let data = server.folder.path().join("data");
        let initdb = server.programs.join("initdb");
        let data = data.to_str().unwrap();
        server.run(&[
            initdb.to_str().unwrap(),
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        let options =
            format!("-k {} -c listen_addresses= -c fsync=off", server.folder.path().display());
        let control = server.programs.join("pg_ctl");
        let log = server.folder.path().join("log");
        server.run(&[
            control.to_str().unwrap(),
            "-D",
            data,
            "-w",
            "-o",
            &options,
            "-l",
            log.to_str().unwrap(),
            "start",
        ]);
        server
    }

    fn run(&self, words: &[&str]) {
        let mut command = match self.user {
            Some(user) => {
                let mut command = Command::new("runuser");
                command.args(["-u", user, "--"]).args(words);
                command
            }
            None => {
                let mut command = Command::new(words[0]);
                command.args(&words[1..]);
                command
            }
        };
        let status = command.current_dir(&self.folder).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "{words:?}");
    }

    /// What `psql` prints for a script.
    pub fn psql(&self, database: &str, script: &str) -> String {
        let mut child = Command::new("psql")
            .args(["-X", "-q", "-A", "-t", "-U", "postgres", "-d", database, "-h"])
            .arg(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        let script = script.to_owned();
        let writer = std::thread::spawn(move || input.write_all(script.as_bytes()).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let control = self.programs.join("pg_ctl");
        let data = self.folder.path().join("data");
        self.run(&[
            control.to_str().unwrap(),
            "-D",
            data.to_str().unwrap(),
            "-m",
            "immediate",
            "stop",
        ]);
    }
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output();
    output.is_ok_and(|output| output.stdout.starts_with(b"0\n"))
}

fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> = versions
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|path| path.join("initdb").exists())
        .collect();
    found.sort();
    found.pop()
}
