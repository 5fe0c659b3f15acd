//! Recorded bytes, read in the words of their protocol: for each protocol who reads a session of
//! it, and one vocabulary for what is read, whoever replays or exports it.

use portreeve_model::Direction;
use portreeve_protocol_http::replay as web;
use portreeve_protocol_mcp::replay as tools;
use portreeve_protocol_postgres::replay::{Replay, Value};
use portreeve_protocol_ssh::replay::{Recorded, Terminals, letters, recorded};

pub(crate) use portreeve_protocol_postgres::replay::{Lines, Seen};

/// Reads the bytes of one session, in the order of its records.
pub(crate) type Reader = Box<dyn FnMut(Passed<'_>) -> Vec<Seen>>;

/// What passed with one record.
#[derive(Clone, Copy)]
pub(crate) struct Passed<'a> {
    pub(crate) direction: Direction,
    pub(crate) exchange: u64,
    pub(crate) bytes: &'a [u8],
}

pub(super) fn postgres() -> Reader {
    let mut replay = Replay::new();
    Box::new(move |passed: Passed<'_>| replay.feed(passed.direction, passed.bytes))
}

pub(super) fn http() -> Reader {
    Box::new(messages)
}

pub(super) fn mcp() -> Reader {
    Box::new(calls)
}

pub(super) fn ssh() -> Reader {
    let mut terminals = Terminals::default();
    Box::new(move |passed: Passed<'_>| pieces(passed, &mut terminals))
}

/// A message of HTTP: a request is a statement, an answer what completes it.
fn messages(passed: Passed<'_>) -> Vec<Seen> {
    let direction = passed.direction;
    let recorded = web::recorded(passed.bytes);
    let body = (!recorded.body.is_empty()).then(|| value(recorded.body));
    let mut seen = Vec::new();
    match (recorded.start, direction) {
        (Some(text), Direction::FromClient) => {
            seen.push(Seen::Statement { text, parameters: body.into_iter().collect() });
            return seen;
        }
        (Some(tag), Direction::ToClient | Direction::Subjects) => {
            seen.push(Seen::Completed { tag });
        }
        (None, _) => {}
    }
    seen.extend(body.map(|data| Seen::Copy { direction, data }));
    seen
}

/// A message of MCP: what a client asks is a statement; what it gets came over HTTP.
fn calls(passed: Passed<'_>) -> Vec<Seen> {
    match (passed.direction, tools::asked(passed.bytes)) {
        (Direction::FromClient, Some(text)) => {
            let message = Value::Text(String::from_utf8_lossy(passed.bytes).into_owned());
            vec![Seen::Statement { text, parameters: vec![message] }]
        }
        _ => messages(passed),
    }
}

/// Pieces of a channel of SSH: a command line is a statement, its status what completes it.
fn pieces(passed: Passed<'_>, terminals: &mut Terminals) -> Vec<Seen> {
    let Passed { direction, exchange, bytes } = passed;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let seen = recorded(bytes).filter_map(|piece| match piece {
        Recorded::Command(line) => {
            Some(Seen::Statement { text: text(line), parameters: Vec::new() })
        }
        Recorded::Input(bytes)
        | Recorded::Output(bytes)
        | Recorded::Errors(bytes)
        | Recorded::File(bytes) => Some(Seen::Copy { direction, data: value(bytes) }),
        Recorded::Status(status) => Some(Seen::Completed { tag: format!("exit {}", text(status)) }),
        Recorded::Signal(name) => Some(Seen::Completed { tag: format!("signal {}", text(name)) }),
        Recorded::Window(size) => {
            let (columns, rows) = terminals.resize(exchange, size);
            Some(Seen::Resized { columns, rows })
        }
        Recorded::Screen(bytes) => {
            let paint = terminals.paint(exchange, bytes);
            let text = letters(&paint);
            Some(Seen::Painted { paint, text })
        }
        Recorded::Line(line) => Some(Seen::Typed { text: text(line) }),
        Recorded::Keys(_) | Recorded::Terminal | Recorded::End => None,
        Recorded::Other(_) => {
            let why = "it is no piece of a channel".to_owned();
            Some(Seen::Unreadable { direction, why })
        }
    });
    seen.collect()
}

fn value(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::Text(text.to_owned()),
        Err(_) => Value::Bytes(bytes.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_every_protocol_are_told_in_the_same_words() {
        let check = |mut reader: Reader, direction, text: &str, expect: &[Seen]| {
            let seen = reader(Passed { direction, exchange: 1, bytes: text.as_bytes() });
            assert_eq!(seen, expect, "{text}");
        };
        let asked = |text: &str, parameters| Seen::Statement { text: text.to_owned(), parameters };
        let get = asked("GET /a", Vec::new());
        check(http(), Direction::FromClient, "GET /a HTTP/1.1\r\n\r\n", &[get]);
        let direction = Direction::ToClient;
        let body = Seen::Copy { direction, data: Value::Text("{}".to_owned()) };
        let answer = [Seen::Completed { tag: "200 OK".to_owned() }, body];
        for reader in [http(), mcp()] {
            check(reader, direction, "HTTP/1.1 200 OK\r\n\r\n{}", &answer);
        }
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let call = asked("ping", vec![Value::Text(ping.to_owned())]);
        check(mcp(), Direction::FromClient, ping, &[call]);
        let odd = Seen::Unreadable { direction, why: "it is no piece of a channel".to_owned() };
        check(ssh(), direction, "odd", &[odd]);
        check(postgres(), Direction::FromClient, "X\0\0\0\x04", &[Seen::Goodbye]);
    }
}
