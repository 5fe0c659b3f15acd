//! One request and its whole answer, through the engine.

use super::problem::{AnswerBody, Notices, Problem, no_answer};
use super::sessions::Caller;
use crate::reply::{Body, Classified, More, Part, ReplyHead};
use crate::request::{Head, HttpRequest, Plan};
use crate::target::{Line, Target};
use bytes::{Bytes, BytesMut};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Either};
use hyper::body::Incoming;
use portreeve_decide::mask::Masker;
use portreeve_detect::Detector;
use portreeve_model::{Refusal, RefusalCode};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{
    Admitted, BodySender, End, Exchange, Hold, Interrupt, Masked, Permitted, PermittedBody,
    Released, Reply, SessionError, Stop, Unmaskable, permitted_body, permitted_head, released_body,
    released_head,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

/// As much of an answer as is masked and recorded at once.
const CHUNK_BYTES: usize = 64 << 10;
/// Longer bodies are looked through where nobody else waits.
const LOOKED_THROUGH_BYTES: usize = 16 << 10;
/// How long a chunk may wait for more.
const CHUNK_WAIT: Duration = Duration::from_millis(5);

/// What one exchange needs.
pub(super) struct Asked {
    pub(super) caller: Arc<Caller>,
    pub(super) target: Arc<Target>,
    pub(super) detector: Detector,
    pub(super) prefix: String,
    pub(super) value_bytes_max: usize,
    /// How long a target may say nothing.
    pub(super) reply_timeout: Duration,
    #[expect(dead_code, reason = "the room of the request's body is taken until all is over")]
    pub(super) room: Vec<OwnedSemaphorePermit>,
}

/// An answer, and what still has to be done for it.
pub(super) struct Answer {
    pub(super) response: Response<AnswerBody>,
    pub(super) rest: Option<Flow>,
}

/// The rest of an answer whose head is on its way.
pub(super) struct Flow {
    running: Running,
    sender: BodySender<Released>,
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
    line: Line,
}

/// Nothing can be said to a client that waits for an answer; one that goes away takes the
/// exchange with it.
struct Waiting;

impl Hold for Waiting {
    async fn tell(&mut self, _: Released) -> Result<(), SessionError> {
        Ok(())
    }

    async fn gone(&mut self) {
        std::future::pending().await
    }
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

/// The body of an answer, in chunks.
struct Source {
    body: Incoming,
    reply_timeout: Duration,
    is_over: bool,
}

impl Source {
    /// Some bytes: as many as make a chunk, or as come within a moment. Cancel-safe only
    /// between calls.
    async fn next(&mut self) -> Result<(Bytes, More), SessionError> {
        let mut chunk = BytesMut::new();
        let mut until = Instant::now() + self.reply_timeout;
        while chunk.len() < CHUNK_BYTES && !self.is_over {
            match timeout_at(until, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    if let Ok(data) = frame.into_data() {
                        chunk.extend_from_slice(&data);
                        until = Instant::now() + CHUNK_WAIT;
                    }
                }
                Ok(Some(Err(_))) => return Err(SessionError::TargetGone),
                Ok(None) => self.is_over = true,
                Err(_) if !chunk.is_empty() => break,
                Err(_) => return Err(SessionError::Timeout("the target does not go on")),
            }
        }
        Ok((chunk.freeze(), if self.is_over { More::Ended } else { More::Follows }))
    }
}

impl Asked {
    /// Decides a request, asks the target, and gives the first of its answer.
    pub(super) async fn run(self, head: Head, body: Bytes) -> Result<Answer, Problem> {
        let session = self.caller.session.clone();
        let snapshot = session.snapshot();
        let look = || Plan::new((&head, &body), &self.target, &snapshot, &self.detector);
        // Whoever sends much must not keep others waiting while it is looked through.
        let plan = match body.len() > LOOKED_THROUGH_BYTES {
            true => tokio::task::block_in_place(look),
            false => look(),
        };
        let role = self.target.role().to_owned();
        let request = HttpRequest { plan: plan.clone(), head, body, role };
        let admitted = session.admit(request, &snapshot, &mut Waiting).await.map_err(ended)?;
        let Admitted { mut exchange, permit, .. } = admitted;
        if let Some(refusal) = exchange.refusal().cloned() {
            return refuse(exchange, refusal).await;
        }
        let answered = tokio::select! {
            answered = self.ask(permit) => answered,
            why = exchange.interrupted() => return stopped(exchange, stop_of(why)).await,
        };
        let (line, response) = match answered {
            Ok(answered) => answered,
            Err(why) => {
                return match exchange.release(NoAnswer(why), &mut Waiting).await {
                    Ok(released) => whole(released).await,
                    Err(stop) => stopped(exchange, stop).await,
                };
            }
        };
        let (parts, incoming) = response.into_parts();
        let classified = match self.target.has_classified(&plan.route) {
            true => Classified::Something,
            false => Classified::Nothing,
        };
        let (fields, max) = (&parts.headers, self.value_bytes_max);
        let body = Body::of(parts.status, fields, classified, plan.passes_opaque, max);
        let screen = TextScreen::new(self.target.screen(), Place::unnamed("body"), &[]);
        let source = Source { body: incoming, reply_timeout: self.reply_timeout, is_over: false };
        let prefix = self.prefix.clone();
        let head = ReplyHead { status: parts.status, fields: parts.headers, prefix };
        Running { asked: self, plan, exchange, source, body, screen, line }.answer(head).await
    }

    /// Sends what was permitted, and waits for the head of the answer.
    async fn ask(&self, permit: Permitted) -> Result<(Line, Response<Incoming>), &'static str> {
        let unreadable = |_| "the request could not be written";
        let (parts, rest) = permitted_head(permit).map_err(unreadable)?;
        let (sender, body) = permitted_body();
        sender.send(rest).await.map_err(|_| "the request could not be sent")?;
        sender.finish().await;
        let mut request = Request::from_parts(parts, body);
        if let Some(line) = self.caller.take_line() {
            match self.send(line, request).await {
                Ok(answered) => return Ok(answered),
                // It was closed before it took anything.
                Err(Unsent::Whole(back)) => request = *back,
                Err(Unsent::Lost(why)) => return Err(why),
            }
        }
        let line = self.target.dial().await.map_err(|error| {
            tracing::warn!(resource = self.target.name(), %error, "a target cannot be reached");
            "the target cannot be reached"
        })?;
        match self.send(line, request).await {
            Ok(answered) => Ok(answered),
            Err(Unsent::Whole(_)) => Err("the target closed the connection"),
            Err(Unsent::Lost(why)) => Err(why),
        }
    }

    async fn send(
        &self,
        mut line: Line,
        request: Request<PermittedBody>,
    ) -> Result<(Line, Response<Incoming>), Unsent> {
        let sent = line.sender.try_send_request(request);
        match timeout(self.reply_timeout, sent).await {
            Ok(Ok(response)) => Ok((line, response)),
            Ok(Err(mut error)) => Err(match error.take_message() {
                Some(request) => Unsent::Whole(Box::new(request)),
                None => Unsent::Lost("the target broke off"),
            }),
            Err(_) => Err(Unsent::Lost("the target does not answer in time")),
        }
    }
}

/// Why there is no answer.
enum Unsent {
    /// The target has taken nothing of the request.
    Whole(Box<Request<PermittedBody>>),
    Lost(&'static str),
}

impl Running {
    /// Releases parts until the first may pass.
    async fn answer(mut self, head: ReplyHead) -> Result<Answer, Problem> {
        let mut head = Some(head);
        loop {
            match self.step(head.take()).await {
                Ok((released, More::Follows)) if released.is_empty() => {}
                Ok((released, more)) => return self.begin(released, more).await,
                Err(stop) => return stopped(self.exchange, stop).await,
            }
        }
    }

    async fn step(&mut self, head: Option<ReplyHead>) -> Result<(Released, More), Stop> {
        let next = tokio::select! {
            next = self.source.next() => next,
            why = self.exchange.interrupted() => return Err(stop_of(why)),
        };
        let (data, more) = next?;
        let part = Part {
            target: &self.asked.target,
            plan: &self.plan,
            screen: &mut self.screen,
            body: &mut self.body,
            head,
            data,
            more,
        };
        Ok((self.exchange.release(part, &mut Waiting).await?, more))
    }

    async fn begin(self, released: Released, more: More) -> Result<Answer, Problem> {
        let (parts, first) = released_head(released).map_err(|_| unreadable())?;
        let (sender, body) = released_body();
        let response = Response::from_parts(parts, Either::Left(body));
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
            match running.step(None).await {
                Ok((released, next)) => {
                    more = next;
                    if !released.is_empty() && sender.send(released).await.is_err() {
                        return;
                    }
                }
                Err(Stop::Refused(refusal)) => {
                    let _ = running.exchange.refuse(*refusal, &Notices).await;
                    return;
                }
                Err(Stop::Session(SessionError::Target(fault))) => {
                    let refusal = unmaskable(&running.exchange, &fault.to_string());
                    let _ = running.exchange.refuse(refusal, &Notices).await;
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

fn stop_of(why: Interrupt) -> Stop {
    match why {
        Interrupt::Cancelled => Stop::Session(SessionError::ClientGone),
        Interrupt::Stopped(stop) => stop,
    }
}

fn unmaskable(exchange: &Exchange, why: &str) -> Refusal {
    let hint = "ask for JSON or text, or let a policy reveal the field `body` of the route as \
                `opaque`";
    exchange.refusal_of(
        RefusalCode::Unmaskable,
        format!("the answer is withheld: {why}"),
        Some(hint.to_owned()),
    )
}

async fn stopped(exchange: Exchange, stop: Stop) -> Result<Answer, Problem> {
    match stop {
        Stop::Refused(refusal) => refuse(exchange, *refusal).await,
        Stop::Session(SessionError::Target(fault)) => {
            let refusal = unmaskable(&exchange, &fault.to_string());
            refuse(exchange, refusal).await
        }
        Stop::Session(error) => Err(ended(error)),
    }
}

async fn refuse(mut exchange: Exchange, refusal: Refusal) -> Result<Answer, Problem> {
    let released = exchange.refuse(refusal, &Notices).await.map_err(ended)?;
    whole(released).await
}

/// An answer that is all there.
async fn whole(released: Released) -> Result<Answer, Problem> {
    let (parts, rest) = released_head(released).map_err(|_| unreadable())?;
    let (sender, body) = released_body();
    let gone = |_| Problem::new(StatusCode::BAD_GATEWAY, "the client is gone", "");
    sender.send(rest).await.map_err(gone)?;
    sender.finish().await;
    Ok(Answer { response: Response::from_parts(parts, Either::Left(body)), rest: None })
}

fn unreadable() -> Problem {
    Problem::new(StatusCode::BAD_GATEWAY, "the answer could not be written", "")
}

fn ended(error: SessionError) -> Problem {
    let status = match error {
        SessionError::Ended(_) => StatusCode::UNAUTHORIZED,
        SessionError::Timeout(_) => StatusCode::GATEWAY_TIMEOUT,
        SessionError::TargetGone | SessionError::Target(_) => StatusCode::BAD_GATEWAY,
        SessionError::Unrecordable | SessionError::ClientGone | SessionError::Client(_) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    Problem::new(status, error.to_string(), "")
}
