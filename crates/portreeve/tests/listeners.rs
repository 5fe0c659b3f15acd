//! What stands at the listener of a running gateway: several addresses, balancers, idle crowds,
//! another configuration.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// A gateway that runs in a folder of its own.
struct Gateway {
    process: Child,
    /// What it has said, and word of every line more.
    log: Arc<(Mutex<String>, Condvar)>,
    folder: TempDir,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const REST: &str = "issuers: [{local: {}}]\n\
    resources: {shop: {postgres: {host: 127.0.0.1, port: 1, user: u, tls: {mode: disable}}}}\n";

/// Starts a gateway with so many file descriptors.
fn start(folder: TempDir, config: &str, descriptors: u32) -> Gateway {
    std::fs::write(folder.path().join("portreeve.yaml"), config).unwrap();
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -n {descriptors} && exec \"$0\" gateway")]);
    shell
        .arg(env!("CARGO_BIN_EXE_portreeve"))
        .current_dir(folder.path())
        .env_remove("PORTREEVE_CONFIG");
    let mut process =
        shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let log = Arc::<(Mutex<String>, Condvar)>::default();
    let (lines, kept) = (BufReader::new(process.stderr.take().unwrap()).lines(), log.clone());
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            kept.0.lock().unwrap().push_str(&(line + "\n"));
            kept.1.notify_all();
        }
    });
    let gateway = Gateway { process, log, folder };
    gateway.until(|log| log.contains("gateway is ready"));
    gateway
}

impl Gateway {
    fn log(&self) -> String {
        self.log.0.lock().unwrap().clone()
    }

    #[track_caller]
    fn until(&self, says: impl Fn(&str) -> bool) {
        let (log, said) = &*self.log;
        let waits = |log: &mut String| !says(log);
        let minute = Duration::from_secs(60);
        let (log, waited) = said.wait_timeout_while(log.lock().unwrap(), minute, waits).unwrap();
        assert!(!waited.timed_out(), "{log}");
    }

    /// Where a listener is, as the gateway says.
    fn addresses(&self, name: &str) -> Vec<SocketAddr> {
        let log = self.log();
        let ready = log.lines().find(|line| line.contains("gateway is ready")).unwrap();
        let named = ready.split(' ').filter_map(|word| word.split_once('='));
        named.filter(|(known, _)| *known == name).map(|(_, at)| at.parse().unwrap()).collect()
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portreeve"));
        command.args(arguments).current_dir(self.folder.path()).env_remove("PORTREEVE_CONFIG");
        command.stdin(Stdio::null()).output().unwrap()
    }

    fn health(&self) -> serde_json::Value {
        let mut stream = std::net::TcpStream::connect(self.addresses("api")[0]).unwrap();
        let request = b"GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        std::io::Write::write_all(&mut stream, request).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn reload(&self, config: &str) {
        std::fs::write(self.folder.path().join("portreeve.yaml"), config).unwrap();
        let done = Command::new("kill").args(["-HUP", &self.process.id().to_string()]).status();
        assert!(done.unwrap().success());
    }
}

async fn connect(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

fn startup(database: &str) -> Vec<u8> {
    let words = format!("user\0a\0database\0{database}\0\0");
    let length = u32::try_from(8 + words.len()).unwrap();
    [&length.to_be_bytes()[..], &196_608_u32.to_be_bytes(), words.as_bytes()].concat()
}

/// What the gateway says to a client that begins so: its first message, as text; empty
/// where it closes the connection.
async fn said(stream: &mut TcpStream, begin: &[u8]) -> String {
    let _ = stream.write_all(begin).await;
    let mut answer = [0; 512];
    let read = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut answer));
    let length = read.await.unwrap().unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Asked for a token: it may log in.
const ASKED: char = 'R';

#[tokio::test]
async fn an_idle_crowd_refuses_newcomers_and_never_seals() {
    let _ = rlimit::increase_nofile_limit(4096);
    let config = format!(
        "listen: {{postgres: {{address: \"127.0.0.1:0\"}}, api: {{address: \"127.0.0.1:0\"}}}}\n\
         limits: {{login_timeout: 5m}}\n{REST}"
    );
    let gateway = start(tempfile::tempdir().unwrap(), &config, 1024);
    let warning = gateway.health()["warning"].as_str().unwrap().to_owned();
    assert!(warning.contains("1024 file descriptors are too few"), "{warning}");
    assert!(warning.contains("`limits.sessions_max`"), "{warning}");
    let listener = gateway.addresses("postgres")[0];

    let mut crowd = Vec::new();
    for _ in 0..1100 {
        crowd.push(connect("127.0.0.1", listener).await);
    }
    // One address leaves room for others …
    let mut other = connect("127.0.0.2", listener).await;
    assert!(said(&mut other, &startup("shop")).await.starts_with(ASKED));
    let mut same = connect("127.0.0.1", listener).await;
    assert_eq!(said(&mut same, &startup("shop")).await, "");
    // … many addresses do not, but what is inside goes on.
    for last in 3..20 {
        for _ in 0..20 {
            crowd.push(connect(&format!("127.0.0.{last}"), listener).await);
        }
    }
    let mut late = connect("127.0.0.40", listener).await;
    assert_eq!(said(&mut late, &startup("shop")).await, "");
    assert_eq!(gateway.health()["status"], "ok");
    assert!(!gateway.log().contains("too many open files"), "{}", gateway.log());

    drop(crowd);
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let mut again = connect("127.0.0.1", listener).await;
        if said(&mut again, &startup("shop")).await.starts_with(ASKED) {
            break;
        }
        assert!(Instant::now() < deadline, "nobody comes in any more");
    }
}

#[tokio::test]
async fn a_balancer_says_who_the_client_is_and_nobody_else_does() {
    let config = format!(
        "listen:\n  postgres: {{address: [\"127.0.0.1:0\", \"127.0.0.3:0\"], \
         proxy_protocol_from: [127.0.0.2]}}\n  api: {{address: \"127.0.0.1:0\"}}\n{REST}"
    );
    let gateway = start(tempfile::tempdir().unwrap(), &config, 4096);
    let listeners = gateway.addresses("postgres");
    assert_eq!(listeners.len(), 2, "both addresses are served");
    let hello = startup("shop");
    let ask = async |listener: SocketAddr, from: &str, header: &[u8]| {
        let mut stream = connect(from, listener).await;
        said(&mut stream, &[header, &hello].concat()).await
    };
    for listener in listeners {
        assert!(ask(listener, "127.0.0.1", b"").await.starts_with(ASKED));
        // Who comes over the network must encrypt: so the gateway has believed the balancer.
        let far = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 15432\r\n";
        assert!(ask(listener, "127.0.0.2", far).await.contains("TLS is required"));
        let near = b"PROXY TCP4 127.0.0.9 127.0.0.1 56324 15432\r\n";
        assert!(ask(listener, "127.0.0.2", near).await.starts_with(ASKED));
        let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
        assert!(ask(listener, "127.0.0.2", local).await.starts_with(ASKED));
        assert_eq!(ask(listener, "127.0.0.2", b"").await, "", "a balancer without a header");
        assert_eq!(ask(listener, "127.0.0.2", b"PROXY TCP4 nonsense\r\n").await, "");
        let spoofed = ask(listener, "127.0.0.1", near).await;
        assert!(spoofed.contains("invalid length of startup packet"), "{spoofed}");
    }
}

fn certificate(folder: &Path, name: &str) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join(format!("{name}.pem")), made.cert.pem()).unwrap();
    std::fs::write(folder.join(format!("{name}.key")), made.signing_key.serialize_pem()).unwrap();
}

#[tokio::test]
async fn another_configuration_is_followed_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "old");
    certificate(folder.path(), "new");
    std::fs::write(folder.path().join("word"), "secret").unwrap();
    let listen = |certificate: &str| {
        format!(
            "listen:\n  postgres: {{address: \"127.0.0.1:0\"}}\n  api: {{address: \"127.0.0.1:0\", \
             tls: {{certificate: {certificate}.pem, key: {certificate}.key}}}}\n"
        )
    };
    let gateway = start(folder, &(listen("old") + REST), 4096);
    let api = format!("https://localhost:{}", gateway.addresses("api")[0].port());
    let shows = |name: &str| {
        let ca = format!("{name}.pem");
        gateway.run(&["status", "--api", &api, "--api-ca", &ca]).status.success()
    };
    assert!(shows("old") && !shows("new"));
    assert!(gateway.run(&["accounts", "add", "ada", "--kind", "person"]).status.success());
    let token = String::from_utf8(gateway.run(&["token", "issue", "ada"]).stdout).unwrap();
    let listener = gateway.addresses("postgres")[0];
    let login = async |database: &str| {
        let mut stream = connect("127.0.0.1", listener).await;
        assert!(said(&mut stream, &startup(database)).await.starts_with(ASKED));
        let length = u32::try_from(token.trim().len() + 5).unwrap().to_be_bytes();
        said(&mut stream, &[b"p", &length[..], token.trim().as_bytes(), b"\0"].concat()).await
    };
    assert!(login("mail").await.contains("there is no resource `mail`"));

    // A certificate that is not there: nothing of the rest holds, either.
    let more = REST.replace(
        "{shop:",
        "{mail: {postgres: {host: 127.0.0.1, port: 1, user: u, \
        password: {file: word}, tls: {mode: disable}}}, shop:",
    );
    gateway.reload(&(listen("missing") + &more));
    gateway.until(|log| log.contains("stay as they were"));
    assert!(login("mail").await.contains("there is no resource `mail`"));
    assert!(shows("old"));

    gateway.reload(&(listen("new") + &more + "masking: {default: pseudonym}\n"));
    gateway.until(|log| log.contains("the configuration was read again"));
    assert!(login("mail").await.contains("the target of `mail` cannot be reached"));
    assert!(login("shop").await.contains("the target of `shop` cannot be reached"));
    assert!(shows("new") && !shows("old"));
    gateway.until(|log| log.contains("take a restart"));
    assert!(gateway.log().contains("keys=\"masking\""), "{}", gateway.log());

    gateway.reload(&(listen("new") + REST));
    gateway.until(|log| log.matches("was read again").count() == 2);
    assert!(login("mail").await.contains("there is no resource `mail`"));
}
