//! One command and its whole reply, through the engine.

use super::lane::{ClientChannel, Lane};
use super::notices::{FAILED_STATUS, Notices, status_of};
use super::{Caller, is_stuck};
use crate::inbox::{Event, Inbox};
use crate::reply::{Heard, Look, Part};
use crate::request::{Closed, ExecRequest, Input, Plan, Shows};
use crate::streams::{ERRORS, STATUS};
use crate::target::{TargetChannel, TargetWriter};
use crate::terminal::Window;
use portreeve_decide::mask::Masker;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_session::{
    Admitted, End, Exchange, Masked, Permitted, Released, Reply, Request, SessionError, Stop,
    Unmaskable, put_stream,
};
use russh::ChannelWriteHalf;
use russh::server::{Handle, Msg};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// How long nothing comes before what ends a line goes on.
pub(super) const PAUSE: Duration = Duration::from_millis(40);

/// How long output waits for its end where a rule on a counter could object. What comes then passes
/// up to the limit: some commands have no end.
const HOLD_TIME: Duration = Duration::from_secs(2);

/// The work of one channel.
pub(super) struct Work {
    pub(super) caller: Arc<Caller>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) environment: Vec<(String, String)>,
    /// The terminal that was asked for.
    pub(super) window: Option<Window>,
    pub(super) half: ChannelWriteHalf<Msg>,
    pub(super) handle: Handle,
}

/// A command at work.
struct Running {
    caller: Arc<Caller>,
    /// What the client sends.
    inbox: Arc<Inbox>,
    exchange: Exchange,
    look: Look,
    channel: TargetChannel,
    client: Lane<ClientChannel>,
    target: Lane<TargetWriter>,
    /// Whether something came since the last pause.
    is_fresh: bool,
    /// Whether the target has closed what it writes, and the client has not been told.
    // A client that has closed its side, too, ends the channel when it is told, and does not hear
    // any more how the command ended. So that goes first, where it comes at once.
    is_over: bool,
    flow: Flow,
    takes_input: bool,
}

/// Whether what comes waits for the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    /// It does once something has come.
    Quiet,
    WaitsUntil(Instant),
    Passes,
}

/// Why a target does not answer.
pub(super) const GONE: &str = "the target has closed the connection";

/// Whether more of a reply is to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum More {
    Follows,
    Ended,
}

/// What the target did instead of answering, in the gateway's words.
struct NoAnswer(&'static str);

impl Reply for NoAnswer {
    fn mask(self, _: &Masker) -> Result<Masked, Unmaskable> {
        let mut bytes = Vec::new();
        let text = format!(
            "portreeve: {}\nportreeve: hint: try again later; an operator finds the cause in the \
             gateway's log\n",
            self.0
        );
        put_stream(ERRORS, text.as_bytes(), &mut bytes);
        put_stream(STATUS, FAILED_STATUS.to_string().as_bytes(), &mut bytes);
        let end = Some(End::Failed { code: "target".to_owned() });
        Ok(Masked { bytes: bytes.into(), end, ..Masked::default() })
    }
}

impl Work {
    pub(super) fn client(&self) -> ClientChannel {
        let timeout = self.caller.limits.write_timeout;
        let is_terminal = self.window.is_some();
        ClientChannel::new(
            &self.half,
            self.handle.clone(),
            self.inbox.clone(),
            timeout,
            is_terminal,
        )
    }

    /// Decides a command, runs it, and brings what it writes to the client.
    pub(super) async fn exec(self, line: Vec<u8>) {
        let caller = self.caller.clone();
        let Ok(text) = String::from_utf8(line.clone()) else {
            return self.refuse("exec", "the command is not UTF-8").await;
        };
        if line.len() > caller.limits.line_bytes_max {
            return self.refuse("exec", "the command is too long").await;
        }
        let snapshot = caller.session.snapshot();
        let plan = Plan::new(&text, &caller.target, &snapshot);
        if is_bare_shell(&text) && self.window.is_none() && !snapshot.allows(&plan.command.command)
        {
            return self.script().await;
        }
        if let Some(window) = self.window.clone() {
            return self.terminal(window, Some((plan, line)), &snapshot).await;
        }
        let request = ExecRequest {
            plan: plan.clone(),
            line,
            environment: self.environment.clone(),
            role: caller.target.user().to_owned(),
        };
        let mut client = self.client();
        let admitted = match caller.session.admit(request, &snapshot, &mut client).await {
            Ok(admitted) => admitted,
            Err(error) => return ended(&caller, client, error).await,
        };
        let Admitted { mut exchange, permit, .. } = admitted;
        if let Some(mut refusal) = exchange.refusal().cloned() {
            explain(&mut refusal, &plan);
            return refused(&caller, &mut exchange, client, refusal).await;
        }
        let flow = match plan.shows {
            // Both ends wait for each other.
            Shows::Raw => {
                exchange.pass_as_it_comes();
                Flow::Passes
            }
            Shows::Texts | Shows::Anything => Flow::Quiet,
        };
        // Nobody has approved what nobody has seen; protocols of their own do not work without.
        let takes_input = plan.shows == Shows::Raw || !exchange.was_approved();
        match self.start(permit).await {
            Ok(channel) => {
                let mut target = channel.writer(caller.limits.write_timeout);
                if !takes_input {
                    target.finish().await;
                }
                let look = Look::new(caller.target.screen(), &plan);
                let running = Running {
                    caller,
                    inbox: self.inbox.clone(),
                    exchange,
                    look,
                    channel,
                    client: Lane::Idle(client),
                    target: Lane::Idle(target),
                    is_fresh: false,
                    is_over: false,
                    flow,
                    takes_input,
                };
                running.run().await;
            }
            Err(why) => unanswered(&caller, exchange, client, why).await,
        }
    }

    /// What a shell reads from its input is decided as a whole, before any of it is sent.
    pub(super) async fn script(self) {
        let mut script = Vec::new();
        loop {
            match self.inbox.next().await {
                Event::Data { bytes, .. } => script.extend_from_slice(&bytes),
                Event::End => break,
                Event::Closed => return self.client().close().await,
                Event::Signal(_)
                | Event::Window(_)
                | Event::Status(_)
                | Event::Accepted
                | Event::Refused => {}
            }
            if script.len() > self.caller.limits.line_bytes_max {
                return self.refuse("shell", "the script is too long").await;
            }
        }
        self.inbox.push(Event::End);
        // It is not the name of a shell again.
        script.insert(0, b'\n');
        Box::pin(self.exec(script)).await;
    }

    /// A channel to the target.
    pub(super) async fn channel(&self) -> Result<TargetChannel, &'static str> {
        let line = self.caller.line().await.map_err(|_| "the target cannot be reached")?;
        line.open().await.map_err(|_| GONE)
    }

    /// Sends what was permitted.
    async fn start(&self, permit: Permitted) -> Result<TargetChannel, &'static str> {
        let channel = self.channel().await?;
        channel.exec(&self.environment, permit).await.map_err(|_| GONE)?;
        Ok(channel)
    }

    /// Refuses what no policy can open.
    pub(super) async fn refuse(self, verb: &'static str, why: &'static str) {
        let caller = self.caller.clone();
        let mut client = self.client();
        let snapshot = caller.session.snapshot();
        let request = Closed::new(verb, why);
        debug_assert!(!request.commands().is_empty());
        match caller.session.admit(request, &snapshot, &mut client).await {
            Ok(Admitted { mut exchange, .. }) => match exchange.refusal().cloned() {
                Some(refusal) => refused(&caller, &mut exchange, client, refusal).await,
                None => client.close().await,
            },
            Err(error) => ended(&caller, client, error).await,
        }
    }
}

impl Running {
    async fn run(mut self) {
        let result = loop {
            match self.step().await {
                Ok(More::Follows) => {}
                Ok(More::Ended) => break Ok(()),
                Err(stop) => break Err(stop),
            }
        };
        if self.client.settle().await.is_none() {
            return;
        }
        let Lane::Idle(client) = self.client else { return };
        match result {
            Ok(()) => {
                self.exchange.close();
                client.close().await;
            }
            Err(stop) => {
                match &stop {
                    Stop::Session(SessionError::ClientGone) => self.channel.close().await,
                    Stop::Session(_) | Stop::Refused(_) => self.channel.stop().await,
                }
                stopped(&self.caller, self.exchange, client, stop).await;
            }
        }
    }

    /// Whatever comes next: neither end waits for the other.
    async fn step(&mut self) -> Result<More, Stop> {
        let client_reads = self.client.is_idle();
        let target_reads = self.target.is_idle() && self.takes_input;
        let passes_at = match self.flow {
            Flow::WaitsUntil(time) if client_reads => Some(time),
            Flow::WaitsUntil(_) | Flow::Quiet | Flow::Passes => None,
        };
        tokio::select! {
            result = self.client.progress() => {
                result?;
                Ok(More::Follows)
            }
            result = self.target.progress() => {
                if result.is_err() {
                    // It reads no more: what it still writes counts.
                    self.takes_input = false;
                    self.target = Lane::Over;
                }
                Ok(More::Follows)
            }
            () = sleep_until(passes_at.unwrap_or_else(Instant::now)), if passes_at.is_some() => {
                self.flow = Flow::Passes;
                self.exchange.pass_as_it_comes();
                self.heard(Heard::Pause).await
            }
            event = self.channel.inbox.next(), if client_reads => {
                self.heard(Heard::Event(event)).await
            }
            () = sleep(PAUSE), if client_reads && self.is_fresh => {
                self.is_fresh = false;
                let is_half_closed = self.is_over && self.takes_input;
                self.is_over &= !is_half_closed;
                self.heard(if is_half_closed { Heard::Over } else { Heard::Pause }).await
            }
            event = self.inbox.next(), if target_reads => self.sent(event).await,
            () = self.inbox.closed(), if !target_reads => Err(SessionError::ClientGone.into()),
            why = self.exchange.interrupted() => Err(why.into()),
        }
    }

    /// The target has said something.
    async fn heard(&mut self, what: Heard) -> Result<More, Stop> {
        let more = match &what {
            Heard::Event(Event::Closed) => More::Ended,
            Heard::Event(Event::Data { .. }) => {
                self.is_fresh = true;
                if self.flow == Flow::Quiet {
                    self.flow = Flow::WaitsUntil(Instant::now() + HOLD_TIME);
                }
                More::Follows
            }
            Heard::Event(Event::Refused) => {
                let why = "the target does not run commands";
                return Err(Stop::Session(SessionError::Target(why.into())));
            }
            Heard::Event(Event::End) => {
                (self.is_over, self.is_fresh) = (true, true);
                More::Follows
            }
            Heard::Event(Event::Status(_) | Event::Signal(_)) => {
                self.is_over = false;
                More::Follows
            }
            Heard::Event(Event::Window(_) | Event::Accepted) | Heard::Pause | Heard::Over => {
                More::Follows
            }
        };
        let Lane::Idle(client) = &mut self.client else { return Ok(more) };
        let part = Part { look: &mut self.look, what };
        let released = self.exchange.release(part, client).await?;
        if !released.is_empty() {
            self.client.begin(|client| deliver(client, released));
        }
        Ok(more)
    }

    /// The client has sent something.
    async fn sent(&mut self, event: Event) -> Result<More, Stop> {
        match event {
            Event::Data { bytes, .. } => {
                let permit = self.exchange.forward(Input::Bytes(bytes)).await?;
                self.target.send(permit);
            }
            Event::End => {
                let _ = self.exchange.forward(Input::End).await?;
                self.takes_input = false;
                self.target.finish();
            }
            Event::Signal(name) => self.channel.signal(&name).await,
            Event::Closed => return Err(SessionError::ClientGone.into()),
            Event::Window(_) | Event::Status(_) | Event::Accepted | Event::Refused => {}
        }
        Ok(More::Follows)
    }
}

pub(super) async fn deliver(
    mut client: ClientChannel,
    released: Released,
) -> (ClientChannel, Result<(), SessionError>) {
    let result = client.send(released).await;
    (client, result)
}

/// Whether a command is a shell that reads what it does from its input.
fn is_bare_shell(line: &str) -> bool {
    let mut words = line.split(' ').filter(|word| !word.is_empty());
    let name = words.next().unwrap_or_default();
    let own = name.strip_prefix("/bin/").or_else(|| name.strip_prefix("/usr/bin/"));
    matches!(own.unwrap_or(name), "sh" | "bash" | "dash" | "ash")
        && words
            .all(|word| matches!(word, "-s" | "-" | "-e" | "-u" | "-eu" | "--norc" | "--noprofile"))
}

/// What the client could say instead, where its words were not understood.
pub(super) fn explain(refusal: &mut Refusal, plan: &Plan) {
    let Some(why) = plan.unread.as_deref().filter(|_| refusal.code == RefusalCode::Denied) else {
        return;
    };
    add_hint(refusal, &format!("the command is not understood: {why}"));
}

pub(super) fn add_hint(refusal: &mut Refusal, more: &str) {
    let hint = refusal.hint.take().map(|hint| format!("{hint}; ")).unwrap_or_default();
    refusal.hint = Some(format!("{hint}{more}"));
}

/// The target could not be asked.
pub(super) async fn unanswered(
    caller: &Caller,
    mut exchange: Exchange,
    mut client: ClientChannel,
    why: &'static str,
) {
    match exchange.release(NoAnswer(why), &mut client).await {
        Ok(released) => {
            let _ = client.send(released).await;
            client.close().await;
        }
        Err(stop) => stopped(caller, exchange, client, stop).await,
    }
}

pub(super) async fn stopped(
    caller: &Caller,
    mut exchange: Exchange,
    client: ClientChannel,
    stop: Stop,
) {
    match stop {
        Stop::Refused(refusal) => refused(caller, &mut exchange, client, *refusal).await,
        Stop::Session(SessionError::Target(fault)) => {
            let hint = "ask for text, or let a policy permit `execute` on the program and reveal \
                        it as `opaque`";
            let refusal = exchange.refusal_of(
                RefusalCode::Unmaskable,
                format!("the output is withheld: {fault}"),
                Some(hint.to_owned()),
            );
            refused(caller, &mut exchange, client, refusal).await;
        }
        Stop::Session(error) => ended(caller, client, error).await,
    }
}

pub(super) async fn refused(
    caller: &Caller,
    exchange: &mut Exchange,
    mut client: ClientChannel,
    refusal: Refusal,
) {
    let status = status_of(&refusal);
    match exchange.refuse(refusal, &Notices).await {
        Ok(released) => {
            if client.send(released).await.is_ok() {
                client.end(status).await;
            }
            client.close().await;
        }
        Err(error) => ended(caller, client, error).await,
    }
}

/// The session ends, or the client has gone.
pub(super) async fn ended(caller: &Caller, mut client: ClientChannel, error: SessionError) {
    tracing::debug!(%error, "a command was cut off");
    if is_stuck(&error) {
        caller.cut();
        return;
    }
    if let Ok(released) = caller.session.farewell(&error).await {
        let _ = client.send(released).await;
    }
    client.end(FAILED_STATUS).await;
    client.close().await;
}
