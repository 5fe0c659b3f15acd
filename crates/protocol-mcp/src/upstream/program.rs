//! A server that is a program of the gateway's: one message a line, on its standard input and
//! output (MCP, "stdio").

use super::{Expects, Listens, Replies};
use crate::message::{Id, Message, Note};
use crate::target::Program;
use portreeve_session::{Permitted, PermittedWriter, SessionError};
use serde_json::Value;
use std::io;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tokio::task::JoinHandle;

/// Lines that wait for a client. A program whose client does not read waits, too.
const LINES_MAX: usize = 64;
/// How long a program may leave its input unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// What a program gets of the gateway's environment.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A program at work; the last clone that goes takes it along.
#[derive(Clone, Debug)]
pub(super) struct Running(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    input: AsyncMutex<PermittedWriter<ChildStdin>>,
    routes: Arc<Routes>,
    reader: JoinHandle<()>,
    /// Killed when it is dropped.
    _child: Child,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Who waits for what.
#[derive(Debug, Default)]
struct Routes {
    open: Mutex<Open>,
    is_over: AtomicBool,
}

#[derive(Debug, Default)]
struct Open {
    /// Calls that are not answered, the newest last.
    calls: Vec<Waiting>,
    listener: Option<mpsc::Sender<String>>,
}

/// A call that is not answered.
#[derive(Debug)]
struct Waiting {
    id: Id,
    /// What its client calls its progress.
    progress: Option<Value>,
    sender: mpsc::Sender<String>,
}

impl Running {
    pub(super) fn start(program: &Program, line_bytes_max: usize) -> io::Result<Self> {
        let (path, arguments) =
            program.words.split_first().ok_or_else(|| io::Error::other("there is no command"))?;
        let mut command = Command::new(path);
        command
            .args(arguments)
            .env_clear()
            .envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        if let Some((variable, token)) = &program.token {
            command.env(variable, token.reveal());
        }
        let mut child = command.spawn()?;
        let no_pipe = || io::Error::other("its input and output are not there");
        let input = child.stdin.take().ok_or_else(no_pipe)?;
        let output = child.stdout.take().ok_or_else(no_pipe)?;
        let routes = Arc::new(Routes::default());
        let reader = tokio::spawn(read(output, routes.clone(), line_bytes_max));
        let input = AsyncMutex::new(PermittedWriter::new(input, WRITE_TIMEOUT));
        Ok(Self(Arc::new(Inner { input, routes, reader, _child: child })))
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.routes.is_over.load(Ordering::Acquire)
    }

    pub(super) async fn ask(
        &self,
        permit: Permitted,
        expects: Expects<'_>,
    ) -> Result<Replies, SessionError> {
        let (sender, receiver) = mpsc::channel(LINES_MAX);
        let waits = match (expects.id, expects.listens) {
            (Some(id), _) => {
                let (id, progress) = (id.clone(), expects.progress.cloned());
                self.0.routes.open().calls.push(Waiting { id, progress, sender });
                true
            }
            (None, Listens::Yes) => {
                self.0.routes.open().listener = Some(sender);
                true
            }
            (None, Listens::No) => false,
        };
        self.0.input.lock().await.send(permit).await?;
        if self.is_over() {
            return Err(SessionError::TargetGone);
        }
        Ok(if waits { Replies::Lines(receiver) } else { Replies::Taken })
    }
}

impl Routes {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who gets a line: whoever called for it, or hears of its progress; what is for nobody goes
    /// to whoever listens, and else to the newest call, whose stream the client reads.
    fn route(&self, line: &str) -> Option<mpsc::Sender<String>> {
        let mut open = self.open();
        open.calls.retain(|waiting| !waiting.sender.is_closed());
        match Message::read(line) {
            Ok(Message::Answer(answer)) => {
                let at = open.calls.iter().position(|waiting| waiting.id == answer.id)?;
                return Some(open.calls.remove(at).sender);
            }
            Ok(Message::Note(Note { params, .. })) => {
                let token = params.get("progressToken");
                let heard =
                    |waiting: &&Waiting| token.is_some() && waiting.progress.as_ref() == token;
                if let Some(waiting) = open.calls.iter().find(heard) {
                    return Some(waiting.sender.clone());
                }
            }
            Ok(Message::Call(_)) | Err(_) => {}
        }
        let listener = open.listener.clone().filter(|listener| !listener.is_closed());
        listener.or_else(|| open.calls.last().map(|waiting| waiting.sender.clone()))
    }
}

async fn read(output: ChildStdout, routes: Arc<Routes>, line_bytes_max: usize) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let max = u64::try_from(line_bytes_max).unwrap_or(u64::MAX);
        let read = (&mut output).take(max).read_until(b'\n', &mut line).await;
        // A line without an end is a message that is too long, or the end of the program.
        if read.is_err() || line.last() != Some(&b'\n') {
            break;
        }
        let Ok(text) = std::str::from_utf8(&line) else { break };
        let text = text.trim();
        if let (false, Some(sender)) = (text.is_empty(), routes.route(text)) {
            let _ = sender.send(text.to_owned()).await;
        }
    }
    routes.is_over.store(true, Ordering::Release);
    *routes.open() = Open::default();
}
