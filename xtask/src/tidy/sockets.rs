//! Only the engine writes to a data-path socket.
//!
//! Types cannot show who opens a socket in the first place, so this list does: where a
//! socket may be named at all, and why that does not go round the engine.

use super::source::words;
use super::{Finding, Tree};
use std::path::Path;

/// Whoever says one of these has a socket, or a stream over one, in hand.
const SOCKETS: [&str; 15] = [
    "TcpStream",
    "TcpListener",
    "TcpSocket",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "AsyncRead",
    "AsyncWrite",
    "AsyncReadExt",
    "AsyncWriteExt",
    "AsyncBufReadExt",
    "poll_write",
    "write_buf",
    "try_write",
    "into_split",
];

/// Where, and why it is safe.
const ALLOWED: [(&str, &str); 38] = [
    ("crates/session/src/sides/mod.rs", "the engine's own ends: they take proofs only"),
    ("crates/session/src/sides/body.rs", "ends that libraries own: they take proofs only"),
    ("crates/transport/src/pre_auth.rs", "handshakes: no data of the other side is in reach"),
    ("crates/transport/src/dial.rs", "connects, and hands the stream over for its handshakes"),
    ("crates/transport/src/tls.rs", "encrypts a stream before its session"),
    (
        "crates/protocol-postgres/src/login/mod.rs",
        "hands the accepted stream over for its handshakes",
    ),
    ("crates/control/src/api/serve.rs", "the API's listener: no target is behind it"),
    ("crates/control/src/exports/sinks/syslog.rs", "events of the log: no target is behind it"),
    ("crates/portreeve/src/commands/witness.rs", "a witness's listener: no target is behind it"),
    ("crates/portreeve/src/wiring/listeners.rs", "accepts, and reads a balancer's header"),
    ("crates/portreeve/src/wiring/api.rs", "hands the accepted stream to the API"),
    ("crates/web/src/listener.rs", "encrypts the accepted stream, and gives it to the library"),
    (
        "crates/transport/src/owned.rs",
        "a stream within the process, at a connector: sessions are the gateway's",
    ),
    ("crates/transport/src/held.rs", "a stream before its session, with what stays as long"),
    (
        "crates/protocol-ssh/src/connector/channel.rs",
        "a connector's end: sessions are the gateway's",
    ),
    ("crates/protocol-http/src/service/mod.rs", "hands the accepted stream over"),
    ("crates/protocol-mcp/src/service/mod.rs", "hands the accepted stream over"),
    (
        "crates/protocol-mcp/src/upstream/program.rs",
        "pipes of a program: its input takes proofs only",
    ),
    ("crates/session/src/sides/streams.rs", "ends that libraries own: they take proofs only"),
    ("crates/protocol-ssh/src/service/mod.rs", "gives the accepted stream to the library"),
    ("crates/protocol-ssh/src/service/severable.rs", "cuts a stream that the library owns"),
    ("crates/protocol-ssh/src/service/lane.rs", "gives a channel to an end that takes proofs"),
    ("crates/protocol-ssh/src/target/line.rs", "gives a channel to an end that takes proofs"),
    ("crates/portreeve/src/wiring/served.rs", "hands the accepted stream to the protocol"),
    ("crates/portreeve/src/wiring/ssh.rs", "hands the accepted stream to the protocol"),
    (
        "crates/portreeve/src/wiring/agents.rs",
        "a client of the gateway's own front door, inside the process",
    ),
    (
        "crates/portreeve/src/wiring/selftest/tap.rs",
        "a client's end: no session of the gateway's own is behind it",
    ),
    ("crates/portreeve/src/wiring/mcp.rs", "hands the accepted stream to the protocol"),
    ("crates/portreeve/src/wiring/http.rs", "hands the accepted stream to the protocol"),
    ("crates/portreeve/src/wiring/postgres.rs", "hands the accepted stream to the protocol"),
    ("crates/portreeve/src/wiring/connectors.rs", "hands the accepted stream to the link"),
    ("crates/link/src/carrier.rs", "a connector's way to a gateway: no target is behind it"),
    ("crates/link/src/message.rs", "what the ends of a link say to each other"),
    ("crates/link/src/mux.rs", "many streams over one connection"),
    ("crates/link/src/counting.rs", "counts a stream for whoever has it"),
    ("crates/link/src/gateway", "streams to targets, handed over before their sessions"),
    ("crates/link/src/connector", "a connector's end: sessions are the gateway's"),
    ("xtask/", "chores are no part of the gateway"),
];

pub(super) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| !is_allowed(&source.path)) {
        for (at, code) in source.product() {
            for word in words(code).filter(|word| SOCKETS.contains(word)) {
                let what = format!("`{word}` outside the engine");
                let hint = "send through ClientSide or TargetSide; exceptions have their reasons \
                            in xtask/src/tidy/sockets.rs";
                findings.push(Finding::new(&source.path, at + 1, what, hint));
            }
        }
    }
    findings
}

fn is_allowed(path: &Path) -> bool {
    ALLOWED.iter().any(|(allowed, _)| path.starts_with(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::tests::found;

    #[test]
    fn a_socket_outside_the_engine_is_found() {
        let text = "use tokio::net::TcpStream;\nuse tokio::io::AsyncWriteExt;\n";
        let path = "crates/protocol-postgres/src/pipeline.rs";
        assert_eq!(
            found(check, "p", path, text),
            ["1: `TcpStream` outside the engine", "2: `AsyncWriteExt` outside the engine",]
        );
        assert!(found(check, "p", "crates/session/src/sides/mod.rs", text).is_empty());
        let test = format!("#[cfg(test)]\nmod tests {{\n{text}}}\n");
        assert!(found(check, "p", path, &test).is_empty());
    }

    #[test]
    fn the_list_has_no_entry_that_nobody_needs() {
        let root = crate::workspace::root().unwrap();
        for (path, _) in ALLOWED {
            assert!(root.join(path).exists(), "{path} is gone: take it off the list");
        }
    }
}
