//! A server that is a program of the gateway's: one message a line, on its standard input and
//! output (MCP, "stdio").

use super::{Expects, Listens, Replies};
use crate::message::{Id, Message, Note};
use crate::target::Program;
use portreeve_session::{Permitted, PermittedWriter, SessionError};
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::Value;
use std::io;
use std::pin::pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Lines that wait for a client. A program whose client does not read waits, too.
const LINES_MAX: usize = 64;
/// Messages that wait to be written.
const MESSAGES_MAX: usize = 16;
/// How long a program may leave its input unread.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long what a program has said last may be read once it has ended.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(1);
/// What a program gets of the gateway's environment.
const ENVIRONMENT: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

/// A program at work; the last clone that goes takes it along.
#[derive(Clone, Debug)]
pub(super) struct Running(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whole messages, for a task that writes one after the other: who asks may go away.
    input: mpsc::Sender<Permitted>,
    routes: Arc<Routes>,
    /// The first has the program, which is killed with it.
    tasks: [JoinHandle<()>; 2],
    _place: OwnedSemaphorePermit,
}

/// A program, and all that it has started: they end together.
#[derive(Debug)]
struct Group {
    child: Child,
    /// None once it was killed: the number may be somebody else's later.
    leader: Option<Pid>,
}

impl Group {
    fn of(child: Child) -> Self {
        let leader = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        Self { child, leader }
    }

    fn kill(&mut self) {
        if let Some(leader) = self.leader.take() {
            // There may be nobody left in it.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Before the child is waited for, its number is nobody else's. The runtime does that.
        self.kill();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
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
    pub(super) fn start(
        program: &Program,
        line_bytes_max: usize,
        place: OwnedSemaphorePermit,
    ) -> io::Result<Self> {
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
        let group = Group::of(child);
        let routes = Arc::new(Routes::default());
        let reader = tokio::spawn(serve(group, output, routes.clone(), line_bytes_max));
        let (sender, messages) = mpsc::channel(MESSAGES_MAX);
        let writer = PermittedWriter::new(input, WRITE_TIMEOUT);
        let writer = tokio::spawn(write(writer, messages, routes.clone()));
        let tasks = [reader, writer];
        Ok(Self(Arc::new(Inner { input: sender, routes, tasks, _place: place })))
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
        self.0.input.send(permit).await.map_err(|_| SessionError::TargetGone)?;
        if self.is_over() {
            return Err(SessionError::TargetGone);
        }
        let wait = expects.listens.wait();
        Ok(if waits { Replies::Lines { lines: receiver, wait } } else { Replies::Taken })
    }
}

impl Routes {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing more comes.
    fn close(&self) {
        self.is_over.store(true, Ordering::Release);
        *self.open() = Open::default();
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

/// Writes one message after the other; one that was cut off ends the program.
async fn write(
    mut input: PermittedWriter<ChildStdin>,
    mut messages: mpsc::Receiver<Permitted>,
    routes: Arc<Routes>,
) {
    while let Some(message) = messages.recv().await {
        if input.send(message).await.is_err() {
            break;
        }
    }
    routes.close();
}

/// Reads what a program says until it has ended, or says nothing more.
async fn serve(mut group: Group, output: ChildStdout, routes: Arc<Routes>, line_bytes_max: usize) {
    {
        let mut reading = pin!(read(output, &routes, line_bytes_max));
        tokio::select! {
            () = &mut reading => {}
            _ = group.child.wait() => {
                // Whoever it has started may hold its output open, and wait.
                group.kill();
                let _ = timeout(LAST_WORDS_TIMEOUT, reading).await;
            }
        }
    }
    routes.close();
    group.kill();
    let _ = group.child.wait().await;
}

async fn read(output: ChildStdout, routes: &Routes, line_bytes_max: usize) {
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
}
