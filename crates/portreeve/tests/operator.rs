//! The operator's and the reviewers' commands, run as programs against a gateway.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use tempfile::TempDir;

/// A folder with a configuration, and the gateway when it runs.
struct Place {
    gateway: Option<Child>,
    /// Held open: the gateway goes on logging.
    log: Option<BufReader<ChildStderr>>,
    api: String,
    folder: TempDir,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(mut gateway) = self.gateway.take() {
            let _ = gateway.kill();
            let _ = gateway.wait();
        }
    }
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let text = "listen: {postgres: {address: \"127.0.0.1:0\"}, api: {address: \"127.0.0.1:0\"}}\n\
        issuers: [{local: {}}]\n\
        resources: {shop: {postgres: {host: 127.0.0.1, user: u, tls: {mode: disable}}}}\n";
    std::fs::write(folder.path().join("portreeve.yaml"), text).unwrap();
    Place { gateway: None, log: None, api: "http://127.0.0.1:1".into(), folder }
}

impl Place {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command.env("PORTREEVE_API", &self.api);
        for name in ["PORTREEVE_TOKEN", "PORTREEVE_CONFIG", "PORTREEVE_LOG"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command that must end well, and gives what it printed.
    #[track_caller]
    fn run(&self, arguments: &[&str]) -> String {
        good(self.command(arguments).output().unwrap())
    }

    #[track_caller]
    fn json(&self, token: &str, arguments: &[&str]) -> Value {
        let mut command = self.command(arguments);
        let output = command.arg("--format").arg("json").env("PORTREEVE_TOKEN", token).output();
        serde_json::from_str(&good(output.unwrap())).unwrap()
    }

    /// Runs a command that must fail, and gives what it said.
    #[track_caller]
    fn fails(&self, token: &str, arguments: &[&str]) -> String {
        let output = self.command(arguments).env("PORTREEVE_TOKEN", token).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn start(&mut self) {
        let mut command = self.command(&["gateway"]);
        let mut gateway = command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut log = BufReader::new(gateway.stderr.take().unwrap());
        let ready = log.by_ref().lines().find_map(|line| {
            let line = line.unwrap();
            let address = line.split_once("api=")?.1.trim().to_owned();
            Some(address)
        });
        self.log = Some(log);
        self.gateway = Some(gateway);
        self.api = format!("http://{}", ready.expect("the gateway says where it listens"));
    }
}

#[track_caller]
fn good(output: Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn check_explains_and_counts() {
    let place = place();
    assert!(place.run(&["check"]).contains("`portreeve.yaml` is good: 1 resource"));
    let schema: Value = serde_json::from_str(&place.run(&["check", "--schema"])).unwrap();
    assert_eq!(schema["title"], "Portreeve configuration");

    let file = place.folder.path().join("portreeve.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("issuers:", "isuers:")).unwrap();
    let said = place.fails("", &["check"]);
    assert!(
        said.contains("did you mean `issuers`?") && said.contains("portreeve.yaml:2:1"),
        "{said}"
    );
    let output = place.command(&["check", "--format", "json"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(found["problems"].as_array().unwrap().len(), 2);
    assert_eq!(found["problems"][0]["line"], 1);
    let said = place.fails("", &["token", "issue", "ada"]);
    assert!(said.contains("`portreeve check` explains"), "{said}");

    // What the file points at is tried too: a secret, a certificate, a policy.
    let (policy, password) = ("policy.cedar", "password: {env: PORTREEVE_NO_SUCH}, ");
    std::fs::write(place.folder.path().join(policy), "permit(principal").unwrap();
    let text = text.replace("host:", &format!("{password}host:"));
    std::fs::write(&file, format!("{text}policies: [{policy}]\n")).unwrap();
    let said = place.fails("", &["check"]);
    assert!(said.contains("`PORTREEVE_NO_SUCH` is not set"), "{said}");
    assert!(said.contains(policy), "{said}");
    assert!(place.fails("", &["check", "--config", "none.yaml"]).contains("cannot read"));
}

#[test]
fn accounts_and_tokens_without_a_gateway() {
    let place = place();
    place.run(&["accounts", "add", "ada", "--kind", "person", "--group", "support"]);
    place.run(&["accounts", "add", "planner", "--kind", "actor"]);
    let said = place.fails("", &["accounts", "add", "ada", "--kind", "person"]);
    assert!(said.contains("there is an account `ada` already"), "{said}");
    let listed = place.json("", &["accounts", "ls"]);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert!(place.run(&["accounts", "ls"]).starts_with("NAME"));

    let output = place.command(&["token", "issue", "ada", "--act", "planner"]).output().unwrap();
    let token = String::from_utf8(output.stdout).unwrap();
    assert_eq!(token.trim().split('.').count(), 3, "the token and nothing else");
    assert_eq!(token.lines().count(), 1);
    let seen = place.json(token.trim(), &["token", "inspect"]);
    assert_eq!(
        (&seen["verified"], &seen["claims"]["act"]["sub"]),
        (&false.into(), &"planner".into())
    );
    assert!(place.fails("hunter2", &["token", "inspect"]).contains("not a signed JWT"));
    assert!(!place.fails("hunter2", &["token", "inspect"]).contains("hunter2"));
    for (arguments, part) in [
        (&["token", "issue", "nobody"][..], "no account `nobody`"),
        (&["token", "issue", "planner"], "acts only for a principal"),
        (&["token", "issue", "ada", "--act", "ada"], "already"),
        (&["token", "issue", "ada", "--ttl", "25h"], "1s to 24h"),
        (&["accounts", "rm", "nobody"], "no account `nobody`"),
    ] {
        let said = place.fails("", arguments);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    // Options stand before or after the last word.
    let elsewhere = place.folder.path().join("other.yaml");
    std::fs::rename(place.folder.path().join("portreeve.yaml"), &elsewhere).unwrap();
    let elsewhere = elsewhere.to_str().unwrap();
    let before = place.run(&["accounts", "--config", elsewhere, "ls"]);
    assert_eq!(place.run(&["accounts", "ls", "--config", elsewhere]), before);
    assert!(place.fails("", &["accounts", "ls"]).contains("`portreeve.yaml`"));
    std::fs::rename(elsewhere, place.folder.path().join("portreeve.yaml")).unwrap();
    place.run(&["accounts", "disable", "ada"]);
    assert!(place.fails("", &["token", "issue", "ada"]).contains("is disabled"));
    place.run(&["accounts", "enable", "ada"]);
    place.run(&["token", "issue", "ada"]);
    let database = place.folder.path().join("portreeve-data/control.sqlite");
    assert_eq!(mode(&database), 0o600);
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn asking_a_gateway() {
    let mut place = place();
    assert!(place.fails("", &["status"]).contains("did not answer"));
    place.run(&["accounts", "add", "ada", "--kind", "person", "--group", "support"]);
    place.run(&["accounts", "add", "planner", "--kind", "actor"]);
    place.run(&["accounts", "add", "worker", "--kind", "actor"]);
    place.start();
    assert!(place.run(&["status"]).contains("ready"));
    let token = place.run(&["token", "issue", "ada", "--act", "planner", "--may-act", "worker"]);
    let token = token.trim();
    let status = place.json(token, &["status"]);
    assert_eq!((&status["ready"], &status["reviews_open"]), (&true.into(), &0.into()));
    let me = place.json(token, &["whoami"]);
    assert_eq!(me["chain"]["actors"][0]["subject"], "planner");

    let handed = place.json(token, &["token", "exchange", "--actor", "worker"]);
    let handed = handed["access_token"].as_str().unwrap();
    assert_eq!(place.json(handed, &["whoami"])["chain"]["actors"][1]["subject"], "worker");
    // From a file, and from standard input.
    std::fs::write(place.folder.path().join("token"), format!("{token}\n")).unwrap();
    assert!(place.run(&["whoami", "--token-file", "token"]).contains("ada (person"));
    let mut piped = place.command(&["whoami", "--token-file", "-"]);
    let mut piped = piped.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    piped.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    assert!(good(piped.wait_with_output().unwrap()).contains("planner (actor)"));

    let api = place.api.clone();
    place.api = "http://127.0.0.1:1".into();
    assert_eq!(place.json(token, &["reviews", "--api", &api, "ls"])["reviews"][0], Value::Null);
    assert_eq!(place.json(token, &["reviews", "ls", "--api", &api])["reviews"][0], Value::Null);
    place.api = api;
    assert_eq!(place.json(token, &["reviews", "ls"])["reviews"], Value::Array(Vec::new()));
    for (arguments, part) in [
        (&["reviews", "show", "rv-abcdefgh"][..], "no review `rv-abcdefgh`"),
        (&["reviews", "approve", "../x"], "no review id"),
        (&["reviews", "deny", "rv-abcdefgh", "--comment", "no"], "no review `rv-abcdefgh`"),
        (&["token", "exchange", "--actor", "nobody"], "no account `nobody`"),
        (&["whoami", "--api", "http://192.0.2.1"], "loopback only"),
    ] {
        let said = place.fails(token, arguments);
        assert!(said.contains(part), "{arguments:?}: {said}");
    }
    assert!(place.fails("", &["whoami"]).contains("PORTREEVE_TOKEN"));
    // A disabled actor is out at once, in every chain.
    place.run(&["accounts", "disable", "planner"]);
    assert!(place.fails(token, &["whoami"]).contains("not allowed"));
    assert!(place.fails(handed, &["whoami"]).contains("not allowed"));
}
