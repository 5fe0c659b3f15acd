//! The target's files: it is asked one thing at a time, each with a permit.

use super::packet::{Attributes, BadPacket, Entry, Fields, Packets, packet, put_bytes, put_number};
use super::{Status, ToTarget, VERSION, kind};
use crate::inbox::Event;
use crate::target::{TargetChannel, TargetWriter};
use portreeve_session::{Exchange, Permitted, SessionError, Stop};
use std::fmt;
use std::time::Duration;
use tokio::time::timeout;

/// How long a target may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// As much as is asked for at once.
const READ_BYTES: u32 = 128 << 10;

/// What a target answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Status(Status),
    Handle(Vec<u8>),
    Data(Vec<u8>),
    Names(Vec<Entry>),
    Attributes(Attributes),
}

/// Why something was not done: the target has said so, or it may not go on.
#[derive(Debug)]
pub(crate) enum Failed {
    Answered(Status),
    /// It is longer than may be looked through.
    TooLong,
    /// Its name leads elsewhere since it was decided.
    Moved,
    Stopped(Stop),
}

impl<T: Into<Stop>> From<T> for Failed {
    fn from(stop: T) -> Self {
        Self::Stopped(stop.into())
    }
}

impl From<BadPacket> for SessionError {
    fn from(bad: BadPacket) -> Self {
        Self::Target(Box::new(bad))
    }
}

/// The target's end.
pub(crate) struct Remote {
    channel: TargetChannel,
    writer: TargetWriter,
    packets: Packets,
    last_id: u32,
}

/// A request for the target: what it is, behind its number. What is recorded and approved of it is
/// made from it.
pub(crate) struct Ask {
    kind: u8,
    rest: Vec<u8>,
    /// Which files, and all that is said of them.
    text: String,
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Ask {
    pub(crate) fn path(kind: u8, path: &str) -> Self {
        let mut rest = Vec::new();
        put_bytes(path.as_bytes(), &mut rest);
        Self { kind, rest, text: format!(" {}", named(path)) }
    }

    pub(crate) fn handle(kind: u8, handle: &[u8]) -> Self {
        let mut rest = Vec::new();
        put_bytes(handle, &mut rest);
        Self { kind, rest, text: String::new() }
    }

    pub(crate) fn open(path: &str, flags: u32, attributes: &Attributes) -> Self {
        let mut ask = Self::path(kind::OPEN, path);
        put_number(flags, &mut ask.rest);
        ask.with(attributes)
    }

    pub(crate) fn read(handle: &[u8], offset: u64, length: u32) -> Self {
        let mut ask = Self::handle(kind::READ, handle);
        ask.rest.extend_from_slice(&offset.to_be_bytes());
        put_number(length, &mut ask.rest);
        ask
    }

    pub(crate) fn write(handle: &[u8], offset: u64, data: &[u8]) -> Self {
        let mut ask = Self::handle(kind::WRITE, handle);
        ask.rest.extend_from_slice(&offset.to_be_bytes());
        put_bytes(data, &mut ask.rest);
        ask
    }

    /// The same with attributes behind it.
    pub(crate) fn with(mut self, attributes: &Attributes) -> Self {
        attributes.put(&mut self.rest);
        self.text = format!("{}{attributes}", self.text);
        self
    }

    /// The same where it is about a file that is open under this path.
    pub(crate) fn about(mut self, path: &str) -> Self {
        self.text = format!(" {} as it is open{}", named(path), self.text);
        self
    }

    pub(crate) fn rename(from: &str, to: &str, replaces: bool) -> Self {
        let (kind, mut rest, how) = match replaces {
            true => {
                let Self { rest, .. } = Self::path(kind::EXTENDED, "posix-rename@openssh.com");
                (kind::EXTENDED, rest, " in the place of what is there")
            }
            false => (kind::RENAME, Vec::new(), ""),
        };
        put_bytes(from.as_bytes(), &mut rest);
        put_bytes(to.as_bytes(), &mut rest);
        Self { kind, rest, text: format!(" {} {}{how}", named(from), named(to)) }
    }
}

/// A path as one word: in quotes where it has more than plain letters.
///
/// SECURITY: what else is said of it begins with a blank, which no word without quotes holds.
fn named(path: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "/._-+@,~:%".contains(letter);
    match path.starts_with('/') && path.chars().all(is_plain) {
        true => path.to_owned(),
        false => format!("{path:?}"),
    }
}

impl Remote {
    /// Begins to speak SFTP over a fresh channel.
    pub(crate) async fn start(
        channel: TargetChannel,
        write_timeout: Duration,
        hello: Permitted,
    ) -> Result<Self, SessionError> {
        channel.start_sftp().await?;
        let writer = channel.writer(write_timeout);
        let mut remote = Self { channel, writer, packets: Packets::default(), last_id: 0 };
        remote.writer.send(hello).await?;
        let (found, body) = remote.packet().await?;
        let is_spoken = found == kind::VERSION && Fields::new(&body).number() == Ok(VERSION);
        match is_spoken {
            true => Ok(remote),
            false => Err(SessionError::Target("it does not speak SFTP 3".into())),
        }
    }

    /// A packet that asks something: its number goes with it.
    pub(crate) fn packet_for(&mut self, ask: &Ask) -> Vec<u8> {
        self.last_id = self.last_id.wrapping_add(1);
        let mut body = Vec::with_capacity(ask.rest.len() + 4);
        put_number(self.last_id, &mut body);
        body.extend_from_slice(&ask.rest);
        packet(ask.kind, &body)
    }

    /// Sends the first packet of a command, which its permit holds.
    pub(crate) async fn begin(&mut self, permit: Permitted) -> Result<Answer, Failed> {
        self.writer.send(permit).await?;
        self.answer().await
    }

    /// Asks something more under a command.
    pub(crate) async fn ask(
        &mut self,
        exchange: &mut Exchange,
        ask: &Ask,
    ) -> Result<Answer, Failed> {
        let packet = self.packet_for(ask);
        let permit = exchange.forward(ToTarget(packet)).await.map_err(Failed::Stopped)?;
        self.begin(permit).await
    }

    /// Reads a whole file, which is open.
    pub(crate) async fn read_all(
        &mut self,
        exchange: &mut Exchange,
        handle: &[u8],
        bytes_max: usize,
    ) -> Result<Vec<u8>, Failed> {
        let mut content = Vec::new();
        loop {
            let offset = content.len() as u64;
            match self.ask(exchange, &Ask::read(handle, offset, READ_BYTES)).await? {
                Answer::Data(data) if !data.is_empty() => content.extend_from_slice(&data),
                Answer::Status(Status::End) => return Ok(content),
                Answer::Status(status) => return Err(Failed::Answered(status)),
                Answer::Data(_) | Answer::Handle(_) | Answer::Names(_) | Answer::Attributes(_) => {
                    return Err(SessionError::from(BadPacket).into());
                }
            }
            if content.len() > bytes_max {
                return Err(Failed::TooLong);
            }
        }
    }

    /// Whether a path leads, links followed, to itself still. It is asked behind the opening and
    /// before the first byte: a folder that was changed for a link in between leads elsewhere.
    pub(crate) async fn stays(
        &mut self,
        exchange: &mut Exchange,
        path: &str,
    ) -> Result<bool, Failed> {
        match self.ask(exchange, &Ask::path(kind::REALPATH, path)).await? {
            Answer::Names(names) => {
                let canonical = |entry: &Entry| {
                    let name = String::from_utf8(entry.name.clone()).ok()?;
                    portreeve_decide::shell::canonical(&name, "/").ok()
                };
                Ok(names.first().and_then(canonical).as_deref() == Some(path))
            }
            Answer::Status(_) => Ok(false),
            Answer::Handle(_) | Answer::Data(_) | Answer::Attributes(_) => {
                Err(SessionError::from(BadPacket).into())
            }
        }
    }

    async fn packet(&mut self) -> Result<(u8, Vec<u8>), SessionError> {
        loop {
            if let Some(packet) = self.packets.next()? {
                return Ok(packet);
            }
            let event = timeout(ANSWER_TIMEOUT, self.channel.inbox.next());
            let late = |_| SessionError::Timeout("the target does not answer");
            match event.await.map_err(late)? {
                Event::Data { is_error: false, bytes } => self.packets.push(&bytes),
                // What it says beside is for nobody.
                Event::Data { is_error: true, .. } | Event::Accepted => {}
                Event::Refused => {
                    return Err(SessionError::Target("it does not offer SFTP".into()));
                }
                Event::End
                | Event::Status(_)
                | Event::Signal(_)
                | Event::Window(_)
                | Event::Closed => {
                    return Err(SessionError::TargetGone);
                }
            }
        }
    }

    async fn answer(&mut self) -> Result<Answer, Failed> {
        let (found, body) = self.packet().await?;
        Ok(read_answer(found, &body, self.last_id).map_err(SessionError::from)?)
    }
}

fn read_answer(found: u8, body: &[u8], id: u32) -> Result<Answer, BadPacket> {
    let mut fields = Fields::new(body);
    if fields.number()? != id {
        return Err(BadPacket);
    }
    Ok(match found {
        kind::STATUS => Answer::Status(Status::of(fields.number()?)),
        kind::HANDLE => Answer::Handle(fields.bytes()?.to_vec()),
        kind::DATA => Answer::Data(fields.bytes()?.to_vec()),
        kind::ATTRS => Answer::Attributes(fields.attributes()?),
        kind::NAME => {
            let mut entries = Vec::new();
            for _ in 0..fields.number()? {
                entries.push(Entry {
                    name: fields.bytes()?.to_vec(),
                    line: fields.bytes()?.to_vec(),
                    attributes: fields.attributes()?,
                });
            }
            Answer::Names(entries)
        }
        _ => return Err(BadPacket),
    })
}

/// An answer that is none to what was asked.
pub(crate) fn unexpected(answer: Answer) -> Failed {
    match answer {
        Answer::Status(status) => Failed::Answered(status),
        Answer::Handle(_) | Answer::Data(_) | Answer::Names(_) | Answer::Attributes(_) => {
            SessionError::from(BadPacket).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// What a person approves, or finds on record, differs wherever the packet does.
    #[test]
    fn packets_that_differ_are_told_apart() {
        let size = |size| Attributes { size: Some(size), ..Attributes::default() };
        let mode = Attributes { mode: Some(0o600), ..Attributes::default() };
        let asks = [
            Ask::rename("/a", "/b", false),
            Ask::rename("/a", "/b", true),
            Ask::rename("/b", "/a", false),
            Ask::path(kind::SETSTAT, "/a").with(&size(0)),
            Ask::path(kind::SETSTAT, "/a").with(&size(1)),
            Ask::path(kind::SETSTAT, "/a").with(&mode),
            Ask::handle(kind::FSETSTAT, b"1").with(&mode).about("/b"),
        ];
        let texts: BTreeSet<String> = asks.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), asks.len(), "{texts:?}");
        assert_eq!(asks[0].to_string(), " /a /b");
        assert_eq!(asks[1].to_string(), " /a /b in the place of what is there");
    }

    /// The same for whatever files are called: a name that reads like what is said of another one
    /// is a word in quotes.
    #[test]
    fn no_name_reads_like_what_is_said_of_another() {
        let mode = Attributes { mode: Some(0o777), ..Attributes::default() };
        let names = [
            "/a",
            "/a mode=0777",
            "/a /a",
            "/a \"/a\"",
            "\"/a\"",
            "/a in the place of what is there",
            "/a /a in the place of what is there",
            "/a as it is open",
            "/a\\",
            "/a\\ mode=0777",
            "/a\" mode=0777",
            "/a\n",
            "/a\u{202e}",
            "/\u{e4}",
            "/a\u{308}",
        ];
        let mut asks = Vec::new();
        for name in names {
            asks.push(Ask::path(kind::MKDIR, name));
            asks.push(Ask::path(kind::MKDIR, name).with(&mode));
            asks.push(Ask::handle(kind::FSETSTAT, b"1").with(&mode).about(name));
            for to in names {
                asks.push(Ask::rename(name, to, false));
                asks.push(Ask::rename(name, to, true));
            }
        }
        let texts: BTreeSet<String> = asks.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), asks.len());
    }
}
