//! Servers, and how a message reaches one.

mod program;

use crate::message::Id;
use crate::target::{Place, Program, Target};
use http::{StatusCode, header};
use hyper::body::Incoming;
use portreeve_session::{Permitted, SessionError};
use portreeve_web::masking::{Collected, Event, Events};
use portreeve_web::{Address, Caller, More, Place as Taken, Rooms, Source};
use program::Running;
use serde_json::Value;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// How long a server may say nothing while a call is open. Tools take their time.
const REPLY_TIMEOUT: Duration = Duration::from_secs(600);
/// How long a stream may say nothing that was opened to wait.
const LISTEN_TIMEOUT: Duration = Duration::from_secs(30 * 24 * 3600);

/// A session's end of its server.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    /// What a server over HTTP calls the session (to 2025-11-25).
    session: OnceLock<String>,
    /// The version of the protocol that was agreed on, where it was.
    version: OnceLock<String>,
    /// The program, once it runs.
    program: Mutex<Option<Running>>,
}

/// What comes back for one message.
#[derive(Debug)]
pub(crate) enum Replies {
    /// Nothing does: it was taken.
    Taken,
    /// One message.
    /// The room that it takes up goes with it.
    One(Option<String>, #[expect(dead_code, reason = "held until the message is")] Taken),
    /// Messages as events.
    Events { source: Source, events: Events, ready: VecDeque<String>, is_over: bool },
    /// Messages as lines.
    Lines { lines: mpsc::Receiver<String>, wait: Duration },
}

/// Why nothing comes back, in the client's words.
pub(crate) enum NoReply {
    /// The server cannot be reached, or does not answer so.
    Failed(&'static str),
    /// The server has forgotten the session, or its program has ended.
    Forgotten,
    /// The server does not do such a thing.
    NotOffered,
}

impl Upstream {
    fn program(&self) -> MutexGuard<'_, Option<Running>> {
        self.program.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server calls the session.
    pub(crate) fn session(&self) -> Option<&str> {
        self.session.get().map(String::as_str)
    }

    /// The version that was agreed on.
    pub(crate) fn version(&self) -> Option<&str> {
        self.version.get().map(String::as_str)
    }

    pub(crate) fn agree(&self, version: &str) {
        let _ = self.version.set(version.to_owned());
    }

    /// Sends what was permitted, and gives what comes back.
    pub(crate) async fn ask<S>(
        &self,
        target: &Target,
        caller: &Caller<S>,
        permit: Permitted,
        expects: Expects<'_>,
    ) -> Result<Replies, NoReply> {
        match target.place() {
            Place::Http { address, .. } => self.ask_http(address, caller, permit, expects).await,
            Place::Program(program) => {
                let running = self.running(target, program, expects.bytes_max)?;
                let gone = |_| NoReply::Failed("the server has ended");
                running.ask(permit, expects).await.map_err(gone)
            }
        }
    }

    /// The program, started with the first message. One that has ended has forgotten all that
    /// was agreed on.
    fn running(
        &self,
        target: &Target,
        program: &Program,
        bytes_max: usize,
    ) -> Result<Running, NoReply> {
        let mut running = self.program();
        match running.as_ref() {
            Some(known) if !known.is_over() => return Ok(known.clone()),
            Some(_) if self.version().is_some() => return Err(NoReply::Forgotten),
            Some(_) | None => {}
        }
        let place = target.place_for_program().ok_or(NoReply::Failed(
            "too many programs run for this server already: end a session first",
        ))?;
        let started = Running::start(program, bytes_max, place).map_err(|error| {
            tracing::warn!(resource = target.name(), %error, "a program does not start");
            NoReply::Failed("the server cannot be started")
        })?;
        Ok(running.insert(started).clone())
    }

    async fn ask_http<S>(
        &self,
        address: &Address,
        caller: &Caller<S>,
        permit: Permitted,
        Expects { listens, bytes_max, .. }: Expects<'_>,
    ) -> Result<Replies, NoReply> {
        let line = caller.take_line(address);
        let answered = address.ask(permit, line, REPLY_TIMEOUT).await;
        let (line, response) = answered.map_err(NoReply::Failed)?;
        let (parts, body) = response.into_parts();
        let text = |name: header::HeaderName| {
            parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
        };
        if let Some(session) = parts.headers.get("mcp-session-id").and_then(|id| id.to_str().ok()) {
            let _ = self.session.set(session.to_owned());
        }
        let kind = text(header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim();
        let is_plain = matches!(text(header::CONTENT_ENCODING).trim(), "" | "identity");
        match (parts.status, kind.to_ascii_lowercase().as_str()) {
            (StatusCode::NOT_FOUND, _) if self.session().is_some() => Err(NoReply::Forgotten),
            (StatusCode::ACCEPTED | StatusCode::NO_CONTENT, _) => Ok(Replies::Taken),
            (_, "application/json") if is_plain => {
                let (text, place) = whole(body, bytes_max, caller.answers.clone()).await?;
                caller.leave_line(line);
                Ok(Replies::One(Some(text), place))
            }
            (StatusCode::OK, "text/event-stream") if is_plain => {
                // The line goes with the stream: nothing else may use it before its end.
                let source = Source::new(body, listens.wait()).holding(line);
                let events = Events::new(bytes_max, caller.answers.clone());
                let ready = VecDeque::new();
                Ok(Replies::Events { source, events, ready, is_over: false })
            }
            (StatusCode::METHOD_NOT_ALLOWED, _) => Err(NoReply::NotOffered),
            (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
                Err(NoReply::Failed("the server does not accept the gateway's credential"))
            }
            _ => Err(NoReply::Failed("the server does not answer as MCP demands")),
        }
    }
}

/// What may come back for a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expects<'a> {
    /// What is called for; none where nothing is, or where the client listens.
    pub(crate) id: Option<&'a Id>,
    /// What the client calls its progress, where it wants to hear of that.
    pub(crate) progress: Option<&'a Value>,
    /// Whether it opens a stream.
    pub(crate) listens: Listens,
    /// The longest message.
    pub(crate) bytes_max: usize,
}

impl Expects<'_> {
    /// Nothing does.
    pub(crate) const fn nothing(bytes_max: usize) -> Self {
        Self { id: None, progress: None, listens: Listens::No, bytes_max }
    }
}

/// Whether a message opens a stream that waits for what may come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Listens {
    Yes,
    No,
}

impl Listens {
    /// How long the server may say nothing.
    const fn wait(self) -> Duration {
        match self {
            Self::Yes => LISTEN_TIMEOUT,
            Self::No => REPLY_TIMEOUT,
        }
    }
}

async fn whole(body: Incoming, bytes_max: usize, rooms: Rooms) -> Result<(String, Taken), NoReply> {
    let unreadable = NoReply::Failed(
        "the server's message is too long or no text, or too many are on their way",
    );
    let mut source = Source::new(body, REPLY_TIMEOUT);
    let mut collected = Collected::new(bytes_max, rooms);
    loop {
        let next = source.next().await;
        let (data, more) = next.map_err(|_| NoReply::Failed("the server broke off"))?;
        if collected.add(&data).is_err() {
            return Err(unreadable);
        }
        if more == More::Ended {
            let text = collected.take().map_err(|_| unreadable)?;
            // SPEC: RFC 8259 section 8.1: a byte order mark may be left out.
            let text = text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text);
            return Ok((text, collected.into_place()));
        }
    }
}

impl Replies {
    /// The next message; none where there are no more. Cancel-safe only between calls.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, SessionError> {
        match self {
            Self::Taken => Ok(None),
            Self::One(text, _) => Ok(text.take()),
            Self::Lines { lines, wait } => match timeout(*wait, lines.recv()).await {
                Ok(line) => Ok(line),
                Err(_) => Err(SessionError::Timeout("the server does not answer in time")),
            },
            Self::Events { source, events, ready, is_over } => loop {
                if let Some(text) = ready.pop_front() {
                    return Ok(Some(text));
                }
                if *is_over {
                    return Ok(None);
                }
                let (data, more) = source.next().await?;
                let unreadable = |_| SessionError::Target("its events cannot be read".into());
                let mut whole = events.push(&data).map_err(unreadable)?;
                if more == More::Ended {
                    *is_over = true;
                    whole.push_str(&events.finish().map_err(unreadable)?);
                }
                let messages = Event::all(&whole).filter(|event| event.name() == "message");
                let carried = messages.filter_map(|event| event.data);
                ready.extend(carried.filter(|text| !text.is_empty()));
            },
        }
    }
}
