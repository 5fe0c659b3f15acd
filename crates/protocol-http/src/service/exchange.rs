//! One request and its whole answer, through the engine.

use super::SeenBy;
use super::problem::Notices;
use crate::reply::{Body, Classified, Part, ReplyHead};
use crate::request::{Head, HttpRequest, Outgoing, Plan, masked};
use crate::target::Target;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Response};
use portreeve_decide::mask::Masker;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{
    Admitted, End, Exchange, Masked, Released, Reply, SessionError, Stop, Unmaskable, WaitsFor,
};
use portreeve_web::masking::KnownPaths;
use portreeve_web::{
    AnswerBody, Caller, Line, More, Outlet, Problem, Source, begun, ended, look_through, no_answer,
    whole,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// What one exchange needs.
pub(super) struct Asked {
    pub(super) caller: Arc<Caller<SeenBy>>,
    pub(super) target: Arc<Target>,
    pub(super) prefix: String,
    pub(super) value_bytes_max: usize,
    /// How long a target may say nothing.
    pub(super) reply_timeout: Duration,
    /// How long the client waits for a person.
    pub(super) hold: WaitsFor,
    #[expect(dead_code, reason = "the room of the request's body is taken until all is over")]
    pub(super) room: Vec<OwnedSemaphorePermit>,
}

/// An answer, and what still has to be done for it.
pub(super) struct Answer {
    pub(super) response: Response<AnswerBody>,
    pub(super) rest: Option<Flow>,
}

impl Answer {
    /// One that is all there.
    async fn whole(released: Released) -> Result<Self, Problem> {
        Ok(Self { response: whole(released).await?, rest: None })
    }
}

/// The rest of an answer whose head is on its way.
pub(super) struct Flow {
    running: Running,
    sender: Outlet,
    first: Released,
    more: More,
}

/// An answer at work.
struct Running {
    asked: Asked,
    plan: Plan,
    exchange: Exchange,
    source: Source,
    body: Body,
    screen: TextScreen,
    paths: KnownPaths,
    line: Line,
    notices: Notices,
}

/// What the target did instead of answering, in the gateway's words.
struct NoAnswer(&'static str);

impl Reply for NoAnswer {
    fn mask(self, _: &Masker) -> Result<Masked, Unmaskable> {
        let bytes = no_answer(self.0);
        let end = Some(End::Failed { code: "target".to_owned() });
        Ok(Masked { bytes, end, ..Masked::default() })
    }
}

impl Asked {
    /// Decides a request, asks the target, and gives the first of its answer.
    pub(super) async fn run(self, head: Head, body: Bytes) -> Result<Answer, Problem> {
        let session = self.caller.session.clone();
        let snapshot = session.snapshot();
        let length = body.len() + head.query.text.len() + head.path.text.len();
        let look = || {
            let target = &*self.target;
            // What is masked in an operation would be another one.
            let outgoing = match target.masks_outgoing() && head.graphql.is_none() {
                true => masked((head, body), target, &snapshot),
                false => Outgoing { head, body, masked: BTreeSet::new() },
            };
            (Plan::new(&outgoing, target, &snapshot), outgoing)
        };
        let (plan, Outgoing { head, body, .. }) = look_through(length, look);
        let notices = Notices::of(&head);
        let role = self.target.address().role().to_owned();
        let mut hold = self.hold;
        let request = HttpRequest { plan: plan.clone(), head, body, role };
        let admitted =
            session.admit(request, &snapshot, &mut hold).await.map_err(|error| ended(&error))?;
        let Admitted { mut exchange, permit, .. } = admitted;
        if let Some(refusal) = exchange.refusal().cloned() {
            return refuse(exchange, refusal, notices).await;
        }
        let address = self.target.address();
        let asked = address.ask(permit, self.caller.take_line(address), self.reply_timeout);
        let answered = tokio::select! {
            answered = asked => answered,
            why = exchange.interrupted() => return stopped(exchange, why.into(), notices).await,
        };
        let (line, response) = match answered {
            Ok(answered) => answered,
            Err(why) => {
                return match exchange.release(NoAnswer(why), &mut hold).await {
                    Ok(released) => Answer::whole(released).await,
                    Err(stop) => stopped(exchange, stop, notices).await,
                };
            }
        };
        let (parts, incoming) = response.into_parts();
        let classified = match self.target.fields().has_classified() {
            true => Classified::Something,
            false => Classified::Nothing,
        };
        let (fields, max) = (&parts.headers, self.value_bytes_max);
        let rooms = self.caller.answers.clone();
        let passes = (classified, plan.passes_opaque);
        let body = Body::of(parts.status, fields, passes, (max, rooms));
        let screen = TextScreen::new(self.target.screen(), Place::unnamed("body"), &[]);
        let source = Source::new(incoming, self.reply_timeout);
        let prefix = self.prefix.clone();
        if is_events(&parts.headers) {
            exchange.pass_as_it_comes();
        }
        let head = ReplyHead { status: parts.status, fields: parts.headers, prefix };
        let paths = KnownPaths::default();
        let running =
            Running { asked: self, plan, exchange, source, body, screen, paths, line, notices };
        running.answer(head).await
    }
}

/// Whether an answer may go on for ever: nobody can wait for the end of events.
fn is_events(fields: &HeaderMap) -> bool {
    let kind = fields.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"text/event-stream")
}

impl Running {
    /// Releases parts until the first may pass.
    async fn answer(mut self, head: ReplyHead) -> Result<Answer, Problem> {
        let mut head = Some(head);
        loop {
            match self.step(head.take()).await {
                Ok((released, More::Follows)) if released.is_empty() => {}
                Ok((released, more)) => return self.begin(released, more).await,
                Err(stop) => return stopped(self.exchange, stop, self.notices).await,
            }
        }
    }

    async fn step(&mut self, head: Option<ReplyHead>) -> Result<(Released, More), Stop> {
        let next = tokio::select! {
            next = self.source.next() => next,
            why = self.exchange.interrupted() => return Err(why.into()),
        };
        let (data, more) = next?;
        let part = Part {
            target: &self.asked.target,
            plan: &self.plan,
            screen: &mut self.screen,
            paths: &mut self.paths,
            body: &mut self.body,
            head,
            data,
            more,
        };
        let mut hold = self.asked.hold;
        Ok((self.exchange.release(part, &mut hold).await?, more))
    }

    async fn begin(self, released: Released, more: More) -> Result<Answer, Problem> {
        let (response, sender, first) = begun(released)?;
        let flow = Flow { running: self, sender, first, more };
        Ok(Answer { response, rest: Some(flow) })
    }
}

impl Flow {
    /// Brings the rest to the client. What ends it before its end leaves a body that is cut
    /// off, which the client sees.
    pub(super) async fn run(self) {
        let Self { mut running, sender, first, mut more } = self;
        if !first.is_empty() && sender.send(first).await.is_err() {
            return;
        }
        while more == More::Follows {
            // One answer after the other gets its turn.
            tokio::task::yield_now().await;
            let step = tokio::select! {
                step = running.step(None) => step,
                // Whoever is gone takes the answer along, and the room that it takes up.
                () = sender.gone() => return,
            };
            match step {
                Ok((released, next)) => {
                    more = next;
                    if !released.is_empty() && sender.send(released).await.is_err() {
                        return;
                    }
                }
                Err(Stop::Refused(refusal)) => {
                    let _ = running.exchange.refuse(*refusal, &running.notices).await;
                    return;
                }
                Err(Stop::Session(SessionError::Target(fault))) => {
                    let refusal = unmaskable(&running.exchange, &fault.to_string());
                    let _ = running.exchange.refuse(refusal, &running.notices).await;
                    return;
                }
                Err(Stop::Session(error)) => {
                    tracing::debug!(%error, "an answer was cut off");
                    return;
                }
            }
        }
        sender.finish().await;
        running.exchange.close();
        running.asked.caller.leave_line(running.line);
    }
}

fn unmaskable(exchange: &Exchange, why: &str) -> Refusal {
    let (message, hint) = if exchange.writes() {
        (
            format!("the request was carried out, and its answer is withheld: {why}"),
            "look at what it did, do not send it again; a policy can reveal the field `body` of \
             the route as `opaque`",
        )
    } else {
        (
            format!("the answer is withheld: {why}"),
            "ask for JSON or text, or let a policy reveal the field `body` of the route as \
             `opaque`",
        )
    };
    exchange.refusal_of(RefusalCode::Unmaskable, message, Some(hint.to_owned()))
}

async fn stopped(exchange: Exchange, stop: Stop, notices: Notices) -> Result<Answer, Problem> {
    match stop {
        Stop::Refused(refusal) => refuse(exchange, *refusal, notices).await,
        Stop::Session(SessionError::Target(fault)) => {
            let refusal = unmaskable(&exchange, &fault.to_string());
            refuse(exchange, refusal, notices).await
        }
        Stop::Session(error) => Err(ended(&error)),
    }
}

async fn refuse(
    mut exchange: Exchange,
    refusal: Refusal,
    notices: Notices,
) -> Result<Answer, Problem> {
    let released = exchange.refuse(refusal, &notices).await.map_err(|error| ended(&error))?;
    Answer::whole(released).await
}
