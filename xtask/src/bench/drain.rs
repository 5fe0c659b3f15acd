//! The cheapest possible client for bulk reads: counts messages, decodes nothing.
//!
//! SPEC: PostgreSQL "Message Flow"; trust and cleartext passwords only, no TLS.

use anyhow::{Context, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

/// How rows are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Format {
    Text,
    Binary,
    Copy,
}

/// What came.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Drained {
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) seconds: f64,
    pub(super) first_row_ms: f64,
}

const READ_TIMEOUT: Duration = Duration::from_secs(300);

/// Logs in, runs one statement, and reads to its end.
pub(super) fn drain(
    port: u16,
    user: &str,
    database: &str,
    password: &str,
    format: Format,
    statement: &str,
) -> anyhow::Result<Drained> {
    let mut client = Client::open(port)?;
    client.log_in(user, database, password)?;
    let request = match format {
        Format::Binary => extended(statement),
        Format::Text | Format::Copy => message(b'Q', &[statement.as_bytes(), b"\0"].concat()),
    };
    let started = Instant::now();
    client.stream.write_all(&request)?;
    let (mut rows, mut first, before) = (0, None, client.bytes);
    loop {
        let tag = client.next(|tag, _| tag)?;
        match tag {
            b'D' | b'd' => {
                first.get_or_insert_with(|| started.elapsed());
                rows += 1;
            }
            b'Z' => break,
            _ => {}
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    client.stream.write_all(&message(b'X', b""))?;
    let first = first.context("no rows came")?;
    Ok(Drained {
        rows,
        bytes: client.bytes - before,
        seconds,
        first_row_ms: first.as_secs_f64() * 1e3,
    })
}

struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
    at: usize,
    end: usize,
    bytes: u64,
}

const BUFFER_BYTES: usize = 1 << 20;

impl Client {
    fn open(port: u16) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        Ok(Self { stream, buffer: vec![0; BUFFER_BYTES], at: 0, end: 0, bytes: 0 })
    }

    fn log_in(&mut self, user: &str, database: &str, password: &str) -> anyhow::Result<()> {
        let parameters = format!("user\0{user}\0database\0{database}\0\0");
        let startup = [&196_608_u32.to_be_bytes()[..], parameters.as_bytes()].concat();
        let length = u32::try_from(startup.len() + 4)?;
        self.stream.write_all(&[&length.to_be_bytes()[..], &startup].concat())?;
        loop {
            let (tag, kind) = self.next(|tag, body| (tag, body.first_chunk().copied()))?;
            match (tag, kind.map(u32::from_be_bytes)) {
                (b'R', Some(0)) => {}
                (b'R', Some(3)) => {
                    let word = [password.as_bytes(), b"\0"].concat();
                    self.stream.write_all(&message(b'p', &word))?;
                }
                (b'R', _) => bail!("only cleartext passwords and trust are known here"),
                (b'Z', _) => return Ok(()),
                _ => {}
            }
        }
    }

    /// The next message; an error of the server is an error here.
    fn next<T>(&mut self, look: impl FnOnce(u8, &[u8]) -> T) -> anyhow::Result<T> {
        loop {
            let ready = self.buffer.get(self.at..self.end).unwrap_or_default();
            let length = match ready {
                [_, a, b, c, d, ..] => 1 + u32::from_be_bytes([*a, *b, *c, *d]) as usize,
                _ => usize::MAX,
            };
            if let (Some(message), [tag, ..]) = (ready.get(..length), ready) {
                self.at += length;
                let body = message.get(5..).unwrap_or_default();
                if *tag == b'E' {
                    bail!("{}", String::from_utf8_lossy(body).replace('\0', " "));
                }
                return Ok(look(*tag, body));
            }
            self.fill(length)?;
        }
    }

    fn fill(&mut self, wanted: usize) -> anyhow::Result<()> {
        self.buffer.copy_within(self.at..self.end, 0);
        (self.at, self.end) = (0, self.end - self.at);
        if wanted != usize::MAX && wanted > self.buffer.len() {
            self.buffer.resize(wanted, 0);
        }
        let room = self.buffer.get_mut(self.end..).unwrap_or_default();
        match self.stream.read(room)? {
            0 => bail!("the connection was closed"),
            count => {
                self.end += count;
                self.bytes += count as u64;
                Ok(())
            }
        }
    }
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// Parse, Bind with binary results, Describe, Execute, Sync.
fn extended(statement: &str) -> Vec<u8> {
    [
        message(b'P', &[b"\0", statement.as_bytes(), b"\0\0\0"].concat()),
        message(b'B', b"\0\0\0\0\0\0\0\x01\0\x01"),
        message(b'D', b"P\0"),
        message(b'E', b"\0\0\0\0\0"),
        message(b'S', b""),
    ]
    .concat()
}
