//! The answer to a message, while it comes: what the server says on the way, what it asks, and
//! its end.

use super::Failure;
use super::call::{Waiting, stop_of, stopped};
use super::era::is_with_sessions;
use super::session::{Asking, Question};
use super::words::{Declined, Words};
use crate::message::{Answer as Answered, Call, Id, Message, Outcome, error_text, written};
use crate::reply::{Opaque, ServerPart, Shape, StreamBegins, filter, offered, withhold};
use crate::request::{Plan, ServerMessage};
use crate::upstream::{Expects, Replies};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Either;
use portreeve_decide::mask::Masker;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{
    BodySender, End, Exchange, Fault, Masked, Released, Reply, SessionError, Stop, Unmaskable,
    released_body, released_head,
};
use portreeve_web::{AnswerBody, Problem, ended};
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;

/// An answer, and what still has to be done for it.
pub(super) struct Answer {
    pub(super) response: Response<AnswerBody>,
    pub(super) rest: Option<Flow>,
}

/// The rest of an answer whose head is on its way.
pub(super) struct Flow {
    talk: Talk,
    sender: BodySender<Released>,
    first: Option<Released>,
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
    id: Option<Id>,
    method: String,
    words: Words,
    #[expect(dead_code, reason = "the room of the request's body is taken until all is over")]
    places: Vec<OwnedSemaphorePermit>,
}

/// What comes next.
enum Next {
    /// The answer, and with it the end.
    Answer(String, End),
    /// Something on the way.
    Note(String),
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
        (id, words): (Option<Id>, Words),
        (method, places): (String, Vec<OwnedSemaphorePermit>),
    ) -> Self {
        let screen = TextScreen::new(asking.target.screen(), Place::unnamed("message"), &[]);
        Self { asking, exchange, plan, replies, screen, id, method, words, places }
    }

    /// The answer as a body where it is the first to come, and as a stream else.
    pub(super) async fn begin(mut self) -> Result<Answer, Failure> {
        if self.id.is_none() {
            return self.stream(None).await;
        }
        match self.next().await {
            Ok(Next::Answer(text, end)) => {
                let shape = self.words.shape.clone();
                match self.part(&text, shape, Some(end)).await {
                    Ok(released) => {
                        let answer = whole(released).await;
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
        let begun = self.asking.caller.session.release(StreamBegins).await;
        let begun = begun.map_err(|error| ended(&error))?;
        let (parts, rest) = released_head(begun).map_err(|_| unreadable())?;
        let (sender, body) = released_body();
        sender.send(rest).await.map_err(|error| ended(&error))?;
        self.words.shape = Shape::Event(None);
        let first = match next {
            Some(next) => match self.say(next).await {
                Ok(released) => Some(released),
                Err(stop) => return stopped(self.exchange, stop, &self.words).await,
            },
            None => None,
        };
        let response = Response::from_parts(parts, Either::Left(body));
        Ok(Answer { response, rest: Some(Flow { talk: self, sender, first }) })
    }

    /// The next message that matters, ready to be masked.
    async fn next(&mut self) -> Result<Next, Stop> {
        loop {
            let text = tokio::select! {
                text = self.replies.next() => text?,
                why = self.exchange.interrupted() => return Err(stop_of(why)),
            };
            let Some(text) = text else { return Ok(Next::Nothing) };
            let message = Message::read(&text).map_err(|why| {
                SessionError::Target(
                    format!("the server's message cannot be read: {}", why.why).into(),
                )
            })?;
            match message {
                Message::Answer(answer) if Some(&answer.id) == self.id.as_ref() => {
                    return self.answer(text, answer).await;
                }
                // Somebody else's, or nobody's.
                Message::Answer(_) => {}
                Message::Note(note) if note.method.starts_with("notifications/") => {
                    if note.method == "notifications/tools/list_changed" {
                        self.asking.caller.own.tools.forget();
                    }
                    let mut params = Value::Object(note.params);
                    let text = match withhold(&mut params, self.opaque()) {
                        true => {
                            let params = params.as_object().cloned().unwrap_or_default();
                            written(None, &note.method, &params)
                        }
                        false => text,
                    };
                    return Ok(Next::Note(text));
                }
                Message::Note(_) => {}
                Message::Call(call) => return Ok(Next::Question(call)),
            }
        }
    }

    fn opaque(&self) -> Opaque {
        if self.plan.passes_opaque { Opaque::Passes } else { Opaque::Withheld }
    }

    /// The answer, without what the caller may not have of it.
    async fn answer(&mut self, text: String, answer: Answered) -> Result<Next, Stop> {
        let Answered { id, outcome } = answer;
        let mut result = match outcome {
            Outcome::Result(result) => result,
            Outcome::Error(error) => {
                let code = error.get("code").map_or_else(String::new, Value::to_string);
                return Ok(Next::Answer(text, End::Failed { code }));
            }
        };
        let own = &self.asking.caller.own;
        if self.method == "initialize" {
            match result.get("protocolVersion").and_then(Value::as_str) {
                Some(version) if is_with_sessions(version) => own.upstream.agree(version),
                _ => return Err(unusable("the server speaks a version that is not carried")),
            }
        }
        if result.get("resultType").and_then(Value::as_str) == Some("input_required") {
            self.decide_inputs(&result).await?;
        }
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
        let asked = result.get("inputRequests").and_then(Value::as_object);
        for input in asked.into_iter().flat_map(|asked| asked.values()) {
            let method = input.get("method").and_then(Value::as_str).unwrap_or_default();
            if !QUESTIONS.contains(&method) {
                return Err(unusable("the server asks for something that is not carried"));
            }
            let session = &self.asking.caller.session;
            let snapshot = session.snapshot();
            let plan = Plan::of_server(method, &self.asking.target, &snapshot);
            // The question itself goes out with the result.
            let masked = |_: &Masker| Ok(Masked::default());
            let question = ServerMessage { plan, masked, written: Bytes::new() };
            let asked = session.admit_from_target(question, &snapshot, &mut Waiting).await?;
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
            Next::Answer(text, end) => self.part(&text, Shape::Event(None), Some(end)).await,
            Next::Note(text) => self.part(&text, Shape::Event(None), None).await,
            Next::Question(call) => self.question(call).await,
            Next::Nothing => Err(unusable("the server has not answered")),
        }
    }

    async fn part(&mut self, text: &str, shape: Shape, end: Option<End>) -> Result<Released, Stop> {
        let (target, plan, screen) = (&*self.asking.target, &self.plan, &mut self.screen);
        let part = ServerPart { target, plan, screen, shape, text, end };
        self.exchange.release(part, &mut Waiting).await
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
            ServerPart { target: &target, plan: &shown, screen, shape, text, end: None }
                .mask(masker)
        };
        let mut plan = plan;
        if !QUESTIONS.contains(&call.method.as_str()) {
            plan = plan.unknown(format!("a server may not ask for `{}`", call.method));
        }
        let question = ServerMessage { plan, masked, written: Bytes::new() };
        let asked = session.admit_from_target(question, &snapshot, &mut Waiting).await?;
        let mut exchange = asked.exchange;
        let Some(refusal) = exchange.refusal().cloned() else {
            return match own.keep(given, Question { exchange, id: call.id.clone() }) {
                true => Ok(asked.release),
                false => Err(unusable("the server asks for too much at once")),
            };
        };
        let declined = error_text(Some(&call.id), 403, &refusal.message, Value::Null);
        let wire = self.asking.wire(&Method::POST, &[], &declined);
        let permit = exchange.fail_target(&Declined(wire)).await?;
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
        if let Some(first) = first.filter(|first| !first.is_empty())
            && sender.send(first).await.is_err()
        {
            return;
        }
        loop {
            let next = match talk.next().await {
                Ok(Next::Nothing) if talk.id.is_none() => {
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
    async fn cut_off(mut self, stop: Stop, sender: BodySender<Released>) {
        let refusal = match stop {
            Stop::Refused(refusal) => *refusal,
            Stop::Session(SessionError::Target(fault)) => unmaskable(&self.exchange, &fault),
            Stop::Session(error) => {
                tracing::debug!(%error, "an answer was cut off");
                return;
            }
        };
        if let Ok(released) = self.exchange.refuse(refusal, &self.words).await
            && self.id.is_some()
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
    whole(released).await
}

/// An answer that is all there.
pub(super) async fn whole(released: Released) -> Result<Answer, Failure> {
    let (parts, rest) = released_head(released).map_err(|_| unreadable())?;
    let (sender, body) = released_body();
    sender.send(rest).await.map_err(|error| ended(&error))?;
    sender.finish().await;
    Ok(Answer { response: Response::from_parts(parts, Either::Left(body)), rest: None })
}

fn unreadable() -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "the answer could not be written", "")
}
