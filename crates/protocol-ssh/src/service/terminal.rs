//! One terminal from its first key to its last, through the engine.

use super::Caller;
use super::exec::{
    GONE, More, PAUSE, Work, add_hint, deliver, ended, explain, refused, stopped, unanswered,
};
use super::lane::{ClientChannel, Lane};
use crate::inbox::{Event, Inbox};
use crate::reply::{Heard, ScreenLook, ScreenPart};
use crate::request::{Input, Plan, TerminalRequest};
use crate::target::{TargetChannel, TargetWriter};
use crate::terminal::{Keys, Terminal, Window};
use portreeve_model::RefusalCode;
use portreeve_screen::Place;
use portreeve_session::{Admitted, Exchange, Permitted, SessionError, Snapshot, Stop};
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};

/// The kind of terminal that is known everywhere, for a client that does not name its own.
const KIND: &str = "xterm-256color";

/// A terminal at work.
struct Running {
    caller: Arc<Caller>,
    /// What the client sends.
    inbox: Arc<Inbox>,
    exchange: Exchange,
    look: ScreenLook,
    channel: TargetChannel,
    client: Lane<ClientChannel>,
    target: Lane<TargetWriter>,
    /// When what waits for more is shown all the same.
    shows_at: Option<Instant>,
    takes_input: bool,
}

impl Work {
    /// A shell without a terminal reads a script; one with a terminal is the terminal's.
    pub(super) async fn shell(self) {
        let Some(window) = self.window.clone() else { return self.script().await };
        let snapshot = self.caller.session.snapshot();
        self.terminal(window, None, &snapshot).await;
    }

    /// Decides a terminal, and what is to run in it, and brings what it shows to the client.
    pub(super) async fn terminal(
        self,
        mut window: Window,
        line: Option<(Plan, Vec<u8>)>,
        snapshot: &Arc<Snapshot>,
    ) {
        let caller = self.caller.clone();
        if window.kind.is_empty() {
            KIND.clone_into(&mut window.kind);
        }
        let plan = line.as_ref().map(|(plan, _)| plan.clone());
        let environment = self.environment.clone();
        let request =
            TerminalRequest::new(&caller.target, snapshot, window.clone(), line, environment);
        let place = request.place.clone();
        let mut client = self.client();
        let admitted = match caller.session.admit(request, snapshot, &mut client).await {
            Ok(admitted) => admitted,
            Err(error) => return ended(&caller, client, error).await,
        };
        let Admitted { mut exchange, permit, .. } = admitted;
        if let Some(mut refusal) = exchange.refusal().cloned() {
            match plan {
                Some(plan) => {
                    explain(&mut refusal, &plan);
                    advise(&mut refusal, "a command needs no terminal: `ssh -T`");
                }
                None => advise(&mut refusal, "give a command: `ssh RESOURCE@GATEWAY COMMAND`"),
            }
            return refused(&caller, &mut exchange, client, refusal).await;
        }
        exchange.pass_as_it_comes();
        match self.open(&window, permit).await {
            Ok(channel) => {
                let target = channel.writer(caller.limits.write_timeout);
                let place = Place::of(Arc::new(place), "terminal");
                let terminal = Terminal::new(window.size, caller.target.screen(), place);
                let running = Running {
                    caller,
                    inbox: self.inbox.clone(),
                    exchange,
                    look: ScreenLook::new(terminal, snapshot),
                    channel,
                    client: Lane::Idle(client),
                    target: Lane::Idle(target),
                    shows_at: None,
                    takes_input: true,
                };
                running.run().await;
            }
            Err(why) => unanswered(&caller, exchange, client, why).await,
        }
    }

    async fn open(
        &self,
        window: &Window,
        permit: Permitted,
    ) -> Result<TargetChannel, &'static str> {
        let channel = self.channel().await?;
        channel.terminal(&self.environment, window, permit).await.map_err(|_| GONE)?;
        Ok(channel)
    }
}

fn advise(refusal: &mut portreeve_model::Refusal, advice: &str) {
    if refusal.code == RefusalCode::Denied {
        add_hint(refusal, advice);
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
                // A terminal whose client is gone hangs up.
                self.channel.stop().await;
                stopped(&self.caller, self.exchange, client, stop).await;
            }
        }
    }

    /// Whatever comes next: neither end waits for the other.
    async fn step(&mut self) -> Result<More, Stop> {
        let client_reads = self.client.is_idle();
        let target_reads = self.target.is_idle() && self.takes_input;
        let shows_at = self.shows_at.filter(|_| client_reads);
        let answers = match self.target.is_idle() {
            true => self.look.terminal.take_answers(),
            false => Vec::new(),
        };
        if !answers.is_empty() {
            self.send(Input::Answer(answers)).await?;
            return Ok(More::Follows);
        }
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
            event = self.channel.inbox.next(), if client_reads => {
                self.heard(Heard::Event(event)).await
            }
            () = sleep_until(shows_at.unwrap_or_else(Instant::now)), if shows_at.is_some() => {
                self.shows_at = None;
                self.heard(Heard::Pause).await
            }
            event = self.inbox.next(), if target_reads => self.sent(event).await,
            () = self.inbox.closed(), if !target_reads => Err(SessionError::ClientGone.into()),
            why = self.exchange.interrupted() => Err(why.into()),
        }
    }

    /// The target has said something.
    async fn heard(&mut self, what: Heard) -> Result<More, Stop> {
        let is_pause = matches!(what, Heard::Pause);
        let more = match &what {
            Heard::Event(Event::Closed) => More::Ended,
            Heard::Event(Event::Refused) => {
                let why = "the target gives no terminal";
                return Err(Stop::Session(SessionError::Target(why.into())));
            }
            Heard::Event(_) | Heard::Pause | Heard::Over => More::Follows,
        };
        let Lane::Idle(client) = &mut self.client else { return Ok(more) };
        let part = ScreenPart { look: &mut self.look, what };
        let released = self.exchange.release(part, client).await?;
        if !released.is_empty() {
            self.client.begin(|client| deliver(client, released));
        }
        if !is_pause && self.look.terminal.is_waiting() {
            self.shows_at.get_or_insert_with(|| Instant::now() + PAUSE);
        }
        Ok(more)
    }

    /// The client has sent something.
    async fn sent(&mut self, event: Event) -> Result<More, Stop> {
        match event {
            Event::Data { bytes, .. } => {
                let keys = Keys::read(&bytes);
                self.look.terminal.typed(&keys);
                self.send(Input::Keys(keys, bytes)).await?;
            }
            Event::Window(size) => {
                let _ = self.exchange.forward(Input::Window(size)).await?;
                self.look.terminal.resize(size);
                self.channel.resize(size).await;
            }
            Event::End => {
                let _ = self.exchange.forward(Input::End).await?;
                self.takes_input = false;
                self.target.finish();
            }
            Event::Signal(name) => self.channel.signal(&name).await,
            Event::Closed => return Err(SessionError::ClientGone.into()),
            Event::Status(_) | Event::Accepted | Event::Refused => {}
        }
        Ok(More::Follows)
    }

    async fn send(&mut self, input: Input) -> Result<(), Stop> {
        let permit = self.exchange.forward(input).await?;
        self.target.send(permit);
        Ok(())
    }
}
