//! The answer to a message, while it comes: what the server says on the way, what it asks, and
//! its end.

use super::Failure;
use super::era::is_with_sessions;
use super::session::{Asking, Numbered, Question};
use super::words::{Declined, Words};
use crate::message::{Answer as Answered, Call, Id, Message, Note, Outcome, written};
use crate::reply::{Opaque, ServerPart, Shape, StreamBegins, filter, offered, withhold};
use crate::request::{Plan, ServerMessage};
use crate::upstream::{Expects, Replies};
use http::Response;
use portreeve_decide::mask::Masker;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{
    End, Exchange, Fault, Masked, Released, Reply, SessionError, Silent, Stop, Unmaskable,
};
use portreeve_web::{AnswerBody, Outlet, begun, ended, whole};
use serde_json::Value;

/// An answer, and what still has to be done for it.
pub(super) struct Answer {
    pub(super) response: Response<AnswerBody>,
    pub(super) rest: Option<Flow>,
}

impl Answer {
    /// One that is all there.
    pub(super) async fn whole(released: Released) -> Result<Self, Failure> {
        Ok(Self { response: whole(released).await?, rest: None })
    }
}

/// The rest of an answer whose head is on its way.
pub(super) struct Flow {
    talk: Talk,
    sender: Outlet,
    /// What is released already, or why nothing more may be.
    first: Result<Option<Released>, Stop>,
}

/// What a server may ask of a client.
const QUESTIONS: [&str; 3] = ["sampling/createMessage", "elicitation/create", "roots/list"];

/// An answer at work.
pub(super) struct Talk {
    asking: Asking,
    exchange: Exchange,
    plan: Plan,
    replies: Replies,
    screen: TextScreen,
    /// What is answered; none where the client listens.
    called: Option<Called>,
    method: String,
    words: Words,
}

/// A call, as both sides know it.
pub(super) struct Called {
    /// The client's id, as it is written.
    pub(super) client: Value,
    /// What the client calls its progress, where it wants to hear of that.
    pub(super) progress: Option<Value>,
    pub(super) numbered: Numbered,
}

/// What a server may say unasked.
const NOTES: [&str; 9] = [
    "notifications/cancelled",
    "notifications/elicitation/complete",
    "notifications/message",
    "notifications/progress",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
    "notifications/subscriptions/acknowledged",
    "notifications/tools/list_changed",
];

/// What stands in the place of a name that the gateway gave.
type Given = Option<(&'static str, String)>;

/// What comes next.
enum Next {
    /// The answer, and with it the end.
    Answer(String, End),
    /// Something on the way.
    Note { method: String, text: String, given: Given },
    /// A question of the server's.
    Question(Call),
    /// The server has ended without an answer.
    Nothing,
}

impl Talk {
    pub(super) fn new(
        asking: Asking,
        (exchange, plan): (Exchange, Plan),
        replies: Replies,
        (called, words): (Option<Called>, Words),
        method: String,
    ) -> Self {
        let screen = TextScreen::new(asking.target.screen(), Place::unnamed("message"), &[]);
        Self { asking, exchange, plan, replies, screen, called, method, words }
    }

    /// The answer as a body where it is the first to come, and as a stream else.
    pub(super) async fn begin(mut self) -> Result<Answer, Failure> {
        if self.called.is_none() {
            return self.stream(None).await;
        }
        match self.next().await {
            Ok(Next::Answer(text, end)) => {
                let shape = self.words.shape.clone();
                match self.last(&text, shape, end).await {
                    Ok(released) => {
                        let answer = Answer::whole(released).await;
                        self.exchange.close();
                        answer
                    }
                    Err(stop) => stopped(self.exchange, stop, &self.words).await,
                }
            }
            Ok(Next::Nothing) => {
                ended_answer(self.exchange, "the server has not answered", &self.words).await
            }
            Ok(next) => self.stream(Some(next)).await,
            Err(stop) => stopped(self.exchange, stop, &self.words).await,
        }
    }

    async fn stream(mut self, next: Option<Next>) -> Result<Answer, Failure> {
        let head = self.asking.caller.session.release(StreamBegins).await;
        let head = head.map_err(|error| ended(&error))?;
        let (response, sender, rest) = begun(head)?;
        sender.send(rest).await.map_err(|error| ended(&error))?;
        self.words.shape = Shape::Event(None);
        let first = match next {
            Some(next) => self.say(next).await.map(Some),
            None => Ok(None),
        };
        Ok(Answer { response, rest: Some(Flow { talk: self, sender, first }) })
    }

    /// The next message that matters, ready to be masked.
    async fn next(&mut self) -> Result<Next, Stop> {
        loop {
            let text = tokio::select! {
                text = self.replies.next() => text?,
                why = self.exchange.interrupted() => return Err(why.into()),
            };
            let Some(text) = text else { return Ok(Next::Nothing) };
            let message = Message::read(&text).map_err(|why| {
                SessionError::Target(
                    format!("the server's message cannot be read: {}", why.why).into(),
                )
            })?;
            match message {
                Message::Answer(answer) if Some(&answer.id) == self.server_id() => {
                    return self.answer(text, answer).await;
                }
                // Somebody else's, or nobody's.
                Message::Answer(_) => {}
                Message::Note(note) if NOTES.contains(&note.method.as_str()) => {
                    if let Some(note) = self.note(text, note) {
                        return Ok(note);
                    }
                }
                Message::Note(_) => {}
                Message::Call(call) => return Ok(Next::Question(call)),
            }
        }
    }

    fn server_id(&self) -> Option<&Id> {
        self.called.as_ref().map(|called| &called.numbered.server)
    }

    /// Something that the server says on the way; none where it is for somebody else.
    fn note(&self, text: String, note: Note) -> Option<Next> {
        if note.method == "notifications/tools/list_changed" {
            self.asking.caller.own.tools.forget();
        }
        let mut given = None;
        if let Some(token) = note.params.get("progressToken") {
            let called = self.called.as_ref()?;
            let is_own = *token == called.numbered.server.to_value();
            let client = called.progress.as_ref().filter(|_| is_own)?;
            given = Some(("params.progressToken", client.to_string()));
        }
        let mut params = Value::Object(note.params);
        let text = match withhold(&mut params, Opaque::Withheld) {
            true => {
                let params = params.as_object().cloned().unwrap_or_default();
                written(None, &note.method, &params)
            }
            false => text,
        };
        Some(Next::Note { method: note.method, text, given })
    }

    fn opaque(&self) -> Opaque {
        if self.plan.passes_opaque { Opaque::Passes } else { Opaque::Withheld }
    }

    /// The answer, without what the caller may not have of it.
    async fn answer(&mut self, text: String, answer: Answered) -> Result<Next, Stop> {
        let Answered { id, outcome } = answer;
        let mut result = match outcome {
            Outcome::Result(result) => result,
            Outcome::Error(mut error) => {
                let code = error.get("code").and_then(Value::as_i64);
                let code = code.ok_or_else(|| unusable("the server's error has no code"))?;
                let text = match withhold(&mut error, self.opaque()) {
                    true => Answered { id, outcome: Outcome::Error(error) }.written(),
                    false => text,
                };
                return Ok(Next::Answer(text, End::Failed { code: code.to_string() }));
            }
        };
        let own = &self.asking.caller.own;
        if self.method == "initialize" {
            match result.get("protocolVersion").and_then(Value::as_str) {
                Some(version) if is_with_sessions(version) => own.upstream.agree(version),
                _ => return Err(unusable("the server speaks a version that is not carried")),
            }
        }
        self.decide_inputs(&result).await?;
        let place = (&*self.asking.target, &own.tools);
        let (descriptions, snapshot) = (&*self.asking.descriptions, &*self.plan.snapshot);
        let listed = filter((&self.method, &mut result), place, descriptions, snapshot).await;
        let offered = match self.method.as_str() {
            "initialize" | "server/discover" => offered(&mut result),
            _ => false,
        };
        let withheld = withhold(&mut result, self.opaque());
        let text = match listed || offered || withheld {
            true => Answered { id, outcome: Outcome::Result(result) }.written(),
            false => text,
        };
        Ok(Next::Answer(text, End::Completed))
    }

    /// Decides what a result asks the client for (2026-07-28): each is a command of the server's.
    async fn decide_inputs(&self, result: &Value) -> Result<(), Stop> {
        let Some(asked) = result.get("inputRequests") else { return Ok(()) };
        let Value::Object(asked) = asked else {
            return Err(unusable("the server asks for something in a way that is not carried"));
        };
        for input in asked.values() {
            let method = input.get("method").and_then(Value::as_str).unwrap_or_default();
            if !QUESTIONS.contains(&method) {
                return Err(unusable("the server asks for something that is not carried"));
            }
            let session = &self.asking.caller.session;
            let snapshot = session.snapshot();
            let plan = Plan::of_server(method, &self.asking.target, &snapshot);
            // The question itself goes out with the result.
            let masked = |_: &Masker| Ok(Masked::default());
            let question = ServerMessage { plan, masked };
            let asked = session.admit_from_target(question, &snapshot, &mut Silent).await?;
            if let Some(refusal) = asked.exchange.refusal().cloned() {
                return Err(Stop::Refused(Box::new(refusal)));
            }
            asked.exchange.close();
        }
        Ok(())
    }

    /// Brings one message to where the client may have it.
    async fn say(&mut self, next: Next) -> Result<Released, Stop> {
        match next {
            Next::Answer(text, end) => self.last(&text, Shape::Event(None), end).await,
            Next::Note { method, text, given } => {
                let plan = self.plan.beside(&method);
                let (target, screen) = (&*self.asking.target, &mut self.screen);
                let shape = Shape::Event(None);
                let text = text.as_str();
                let part =
                    ServerPart { target, plan: &plan, screen, shape, text, given, end: None };
                self.exchange.release(part, &mut Silent).await
            }
            Next::Question(call) => self.question(call).await,
            Next::Nothing => Err(unusable("the server has not answered")),
        }
    }

    async fn last(&mut self, text: &str, shape: Shape, end: End) -> Result<Released, Stop> {
        let given = self.called.as_ref().map(|called| ("id", called.client.to_string()));
        let (target, plan, screen) = (&*self.asking.target, &self.plan, &mut self.screen);
        let part = ServerPart { target, plan, screen, shape, text, given, end: Some(end) };
        self.exchange.release(part, &mut Silent).await
    }

    /// What the server asks is decided like what a client asks. What may not be asked, the
    /// server is told so.
    async fn question(&mut self, call: Call) -> Result<Released, Stop> {
        let (own, session) = (&self.asking.caller.own, &self.asking.caller.session);
        let snapshot = session.snapshot();
        let plan = Plan::of_server(&call.method, &self.asking.target, &snapshot);
        let given = own.new_id();
        let mut params = Value::Object(call.params.clone());
        withhold(&mut params, Opaque::Withheld);
        let text =
            written(Some(&given), &call.method, &params.as_object().cloned().unwrap_or_default());
        let target = self.asking.target.clone();
        let shown = plan.clone();
        let masked = move |masker: &Masker| -> Result<Masked, Unmaskable> {
            let mut screen = TextScreen::new(target.screen(), Place::unnamed("message"), &[]);
            let (shape, text) = (Shape::Event(None), text.as_str());
            let screen = &mut screen;
            ServerPart {
                target: &target,
                plan: &shown,
                screen,
                shape,
                text,
                given: None,
                end: None,
            }
            .mask(masker)
        };
        let mut plan = plan;
        if !QUESTIONS.contains(&call.method.as_str()) {
            plan = plan.unknown(format!("a server may not ask for `{}`", call.method));
        }
        let question = ServerMessage { plan, masked };
        let asked = session.admit_from_target(question, &snapshot, &mut Silent).await?;
        let mut exchange = asked.exchange;
        if exchange.refusal().is_none() {
            return match own.keep(
                given,
                Question { exchange, id: call.id.clone(), method: call.method.clone() },
            ) {
                true => Ok(asked.release),
                false => Err(unusable("the server asks for too much at once")),
            };
        }
        let declined = Declined { id: call.id.clone(), frame: self.asking.frame() };
        let permit = exchange.fail_target(&declined).await?;
        exchange.close();
        let bounds = Expects::nothing(self.asking.message_bytes_max);
        let sent = own.upstream.ask(&self.asking.target, &self.asking.caller, permit, bounds).await;
        match sent {
            Ok(_) => Ok(asked.release),
            Err(_) => Err(Stop::Session(SessionError::TargetGone)),
        }
    }
}

impl Flow {
    /// Brings the rest to the client. What ends it before its end leaves a body that is cut
    /// off, which the client sees.
    pub(super) async fn run(self) {
        let Self { mut talk, sender, first } = self;
        match first {
            Ok(Some(first)) if !first.is_empty() => {
                if sender.send(first).await.is_err() {
                    return;
                }
            }
            Ok(_) => {}
            Err(stop) => return talk.cut_off(stop, sender).await,
        }
        loop {
            let next = tokio::select! {
                next = talk.next() => next,
                // Whoever does not listen any more takes the call along.
                () = sender.gone() => return,
            };
            let next = match next {
                Ok(Next::Nothing) if talk.called.is_none() => {
                    talk.exchange.close();
                    break;
                }
                Ok(next) => next,
                Err(stop) => return talk.cut_off(stop, sender).await,
            };
            let is_last = matches!(next, Next::Answer(..));
            match talk.say(next).await {
                Ok(released) if released.is_empty() => {}
                Ok(released) => {
                    if sender.send(released).await.is_err() {
                        return;
                    }
                }
                Err(stop) => return talk.cut_off(stop, sender).await,
            }
            if is_last {
                talk.exchange.close();
                break;
            }
        }
        sender.finish().await;
    }
}

impl Talk {
    /// Says why it may not go on, where a stream can still say it.
    async fn cut_off(mut self, stop: Stop, sender: Outlet) {
        let refusal = match stop {
            Stop::Refused(refusal) => *refusal,
            Stop::Session(SessionError::Target(fault)) => unmaskable(&self.exchange, &fault),
            Stop::Session(error) => {
                tracing::debug!(%error, "an answer was cut off");
                return;
            }
        };
        if let Ok(released) = self.exchange.refuse(refusal, &self.words).await
            && self.called.is_some()
            && sender.send(released).await.is_ok()
        {
            sender.finish().await;
        }
    }
}

fn unusable(why: &'static str) -> Stop {
    Stop::Session(SessionError::Target(why.into()))
}

/// What cannot be masked is refused, in words that say what to do.
pub(super) fn unmaskable(exchange: &Exchange, fault: &Fault) -> Refusal {
    exchange.refusal_of(RefusalCode::Unmaskable, format!("the answer is withheld: {fault}"), None)
}

/// The gateway's words where a server has not answered.
pub(super) async fn ended_answer(
    mut exchange: Exchange,
    why: &str,
    words: &Words,
) -> Result<Answer, Failure> {
    let hint = "try again later; an operator finds the cause in the gateway's log".to_owned();
    let refusal = exchange.refusal_of(RefusalCode::Unmaskable, why.to_owned(), Some(hint));
    let released = exchange.refuse(refusal, words).await.map_err(|error| ended(&error))?;
    Answer::whole(released).await
}

/// Says why an exchange may not go on, where nothing was said yet.
pub(super) async fn stopped(
    mut exchange: Exchange,
    stop: Stop,
    words: &Words,
) -> Result<Answer, Failure> {
    let refusal = match stop {
        Stop::Refused(refusal) => *refusal,
        Stop::Session(SessionError::Target(fault)) => unmaskable(&exchange, &fault),
        Stop::Session(error) => return Err(ended(&error).into()),
    };
    let released = exchange.refuse(refusal, words).await.map_err(|error| ended(&error))?;
    Answer::whole(released).await
}
