//! What becomes of one message of a client: decided, sent, and answered.

use super::Failure;
use super::era::{Era, mirrors, mismatch};
use super::session::{Asking, Posted, Question};
use super::talk::{Answer, Talk, ended_answer, whole};
use super::words::{Answers, Words};
use crate::message::{Call, Id, Message, Note, error_text, written};
use crate::reply::{Head, Shape, Taken};
use crate::request::{Asks, ClientAnswer, ClientMessage, LEAVE, LISTEN, Plan};
use crate::target::Place;
use crate::tools::Tool;
use crate::upstream::{Expects, Listens, NoReply, Replies};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use portreeve_session::{
    Admitted, Exchange, Hold, Interrupt, Permitted, Released, SessionError, Stop,
};
use portreeve_web::{Problem, ended};
use serde_json::{Map, Value};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Nothing can be said to a client that waits for an answer; one that goes away takes the
/// exchange with it.
pub(super) struct Waiting;

impl Hold for Waiting {
    async fn tell(&mut self, _: Released) -> Result<(), SessionError> {
        Ok(())
    }

    async fn gone(&mut self) {
        std::future::pending().await
    }
}

/// Pages of a list of tools that are read for one call.
const PAGES_MAX: usize = 50;
/// Longer messages are looked through where nobody else waits.
const LOOKED_THROUGH_BYTES: usize = 16 << 10;

impl Asking {
    /// What was posted: a call, a notification, or an answer to a question of the server.
    pub(super) async fn post(self, posted: Posted<'_>) -> Result<Answer, Failure> {
        let Posted { message, fields, places } = posted;
        match message {
            Message::Call(call) => self.call(call, fields, places).await,
            Message::Note(note) => self.note(note).await,
            Message::Answer(answer) => {
                let question = self.caller.own.answered(&answer.id).ok_or_else(|| {
                    let why = "nothing was asked under this id";
                    Problem::new(StatusCode::BAD_REQUEST, why, "")
                })?;
                self.answer(question, answer.outcome).await
            }
        }
    }

    async fn call(
        self,
        call: Call,
        fields: &HeaderMap,
        places: Vec<OwnedSemaphorePermit>,
    ) -> Result<Answer, Failure> {
        let tool = match call.method.as_str() {
            "tools/call" => self.tool(&call).await?,
            _ => None,
        };
        if self.era == Era::Stateless
            && let Some(why) = mismatch(fields, &call, tool.as_deref())
        {
            let text = error_text(Some(&call.id), -32020, &why, Value::Null);
            return Err(Failure::words(StatusCode::BAD_REQUEST, text));
        }
        let text = written(Some(&call.id), &call.method, &call.params);
        let asks = Asks { method: &call.method, params: &call.params, tool: tool.as_deref() };
        let mirrors = match self.era {
            Era::Stateless => mirrors(&call, tool.as_deref()),
            Era::Sessions => Vec::new(),
        };
        let wire = self.wire(&Method::POST, &mirrors, &text);
        let answers = match call.method.as_str() {
            "tools/call" => Answers::Tool(call.id.clone()),
            _ => Answers::Call(call.id.clone()),
        };
        let begins = (call.method == "initialize").then(|| self.caller.own.name.clone());
        let head = Head { session: begins };
        let words = Words { answers, shape: Shape::Body(head) };
        let (exchange, plan, permit) = match self.admit(asks, text, wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        let id = call.id.clone();
        let listens = match call.method.as_str() {
            "subscriptions/listen" => Listens::Yes,
            _ => Listens::No,
        };
        let meta = call.params.get("_meta");
        let progress = meta.and_then(|meta| meta.get("progressToken")).cloned();
        let for_what = (Some(id), progress, listens);
        self.talk(exchange, plan, permit, for_what, (words, call.method, places)).await
    }

    /// Admits a message. Gives the exchange alone where it was refused.
    async fn admit(
        &self,
        asks: Asks<'_>,
        text: String,
        wire: Bytes,
    ) -> Result<Result<(Exchange, Plan, Permitted), Exchange>, Failure> {
        let session = &self.caller.session;
        let snapshot = session.snapshot();
        let look = || Plan::new(asks, &self.target, &snapshot, &self.detector);
        // Whoever sends much must not keep others waiting while it is looked through.
        let plan = match text.len() > LOOKED_THROUGH_BYTES {
            true => tokio::task::block_in_place(look),
            false => look(),
        };
        let mut asked = asks.params.clone();
        asked.remove("_meta");
        let request = ClientMessage {
            plan: plan.clone(),
            text,
            asked: Value::Object(asked).to_string(),
            wire,
            role: self.target.role().to_owned(),
        };
        let admitted = session.admit(request, &snapshot, &mut Waiting).await;
        let Admitted { exchange, permit, .. } = admitted.map_err(|error| ended(&error))?;
        Ok(match exchange.refusal() {
            Some(_) => Err(exchange),
            None => Ok((exchange, plan, permit)),
        })
    }

    async fn talk(
        self,
        mut exchange: Exchange,
        plan: Plan,
        permit: Permitted,
        (id, progress, listens): (Option<Id>, Option<Value>, Listens),
        (words, method, places): (Words, String, Vec<OwnedSemaphorePermit>),
    ) -> Result<Answer, Failure> {
        let own = &self.caller.own;
        let (id_ref, progress) = (id.as_ref(), progress.as_ref());
        let bytes_max = self.message_bytes_max;
        let asked = Expects { id: id_ref, progress, listens, bytes_max };
        let asking = own.upstream.ask(&self.target, &self.caller, permit, asked);
        let replies = tokio::select! {
            replies = asking => replies,
            why = exchange.interrupted() => {
                return stopped(exchange, stop_of(why), &words).await;
            }
        };
        match replies {
            Ok(replies) => {
                Talk::new(self, (exchange, plan), replies, (id, words), (method, places))
                    .begin()
                    .await
            }
            Err(why) => no_reply(exchange, &why, &words).await,
        }
    }

    async fn note(self, note: Note) -> Result<Answer, Failure> {
        let text = written(None, &note.method, &note.params);
        let asks = Asks { method: &note.method, params: &note.params, tool: None };
        let wire = self.wire(&Method::POST, &[], &text);
        let words = Words::of_session();
        let (mut exchange, _, permit) = match self.admit(asks, text, wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        let asked = Expects::nothing(self.message_bytes_max);
        let asking = self.caller.own.upstream.ask(&self.target, &self.caller, permit, asked);
        match asking.await {
            Ok(_) => taken(&mut exchange, Taken::Message).await,
            Err(why) => no_reply(exchange, &why, &words).await,
        }
    }

    /// The client's answer to what its server has asked.
    async fn answer(
        self,
        question: Question,
        outcome: crate::message::Outcome,
    ) -> Result<Answer, Failure> {
        let Question { mut exchange, id } = question;
        let text = crate::message::Answer { id, outcome }.written();
        let wire = self.wire(&Method::POST, &[], &text);
        let words = Words::of_session();
        let permit = match exchange.forward(ClientAnswer { text, wire }).await {
            Ok(permit) => permit,
            Err(stop) => return stopped(exchange, stop, &words).await,
        };
        let asked = Expects::nothing(self.message_bytes_max);
        let asking = self.caller.own.upstream.ask(&self.target, &self.caller, permit, asked);
        match asking.await {
            Ok(_) => taken(&mut exchange, Taken::Message).await,
            Err(why) => no_reply(exchange, &why, &words).await,
        }
    }

    /// What the server says unasked, for as long as it likes.
    pub(super) async fn listen(self) -> Result<Answer, Failure> {
        let none = Map::new();
        let asks = Asks { method: LISTEN, params: &none, tool: None };
        let wire = match self.target.place() {
            Place::Http { .. } => self.wire(&Method::GET, &[], ""),
            Place::Program(_) => Bytes::new(),
        };
        let words = Words::of_session();
        let (exchange, plan, permit) = match self.admit(asks, LISTEN.to_owned(), wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        let for_what = (None, None, Listens::Yes);
        self.talk(exchange, plan, permit, for_what, (words, LISTEN.to_owned(), Vec::new())).await
    }

    /// The client's session is over, and so is the server's.
    pub(super) async fn leave(self) -> Result<Answer, Failure> {
        let none = Map::new();
        let asks = Asks { method: LEAVE, params: &none, tool: None };
        let wire = match (self.target.place(), self.caller.own.upstream.session()) {
            (Place::Http { .. }, Some(_)) => self.wire(&Method::DELETE, &[], ""),
            _ => Bytes::new(),
        };
        let is_sent = !wire.is_empty();
        let words = Words::of_session();
        let (mut exchange, _, permit) = match self.admit(asks, LEAVE.to_owned(), wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        if is_sent {
            let asked = Expects::nothing(self.message_bytes_max);
            // A server that knows no end of a session forgets it by itself.
            let own = &self.caller.own;
            let _ = own.upstream.ask(&self.target, &self.caller, permit, asked).await;
        }
        taken(&mut exchange, Taken::Leave).await
    }

    /// The tool that is called; the server is asked for its tools where it is not known yet.
    async fn tool(&self, call: &Call) -> Result<Option<Arc<Tool>>, Failure> {
        let name = call.params.get("name").and_then(Value::as_str).unwrap_or_default();
        let tools = &self.caller.own.tools;
        if let Some(tool) = tools.get(name) {
            return Ok(Some(tool));
        }
        let mut params = Map::new();
        if let Some(meta) = call.params.get("_meta").filter(|_| self.era == Era::Stateless) {
            params.insert("_meta".to_owned(), meta.clone());
        }
        for _ in 0..PAGES_MAX {
            let Some(result) = self.list_tools(params.clone()).await? else { break };
            let listed = result.get("tools").and_then(Value::as_array);
            let listed = listed.map(Vec::as_slice).unwrap_or_default();
            tools.take(self.target.name(), listed, &*self.descriptions).await;
            match result.get("nextCursor") {
                Some(cursor @ Value::String(_)) if tools.listed(name).is_none() => {
                    params.insert("cursor".to_owned(), cursor.clone());
                }
                _ => break,
            }
        }
        Ok(tools.listed(name))
    }

    /// One page of the server's tools, asked for on behalf of the caller, who gets nothing of
    /// it; none where it may not be asked for, or does not come.
    async fn list_tools(&self, params: Map<String, Value>) -> Result<Option<Value>, Failure> {
        let method = "tools/list".to_owned();
        let call = Call { id: self.caller.own.new_id(), method, params };
        let text = written(Some(&call.id), &call.method, &call.params);
        let asks = Asks { method: &call.method, params: &call.params, tool: None };
        let mirrors = match self.era {
            Era::Stateless => mirrors(&call, None),
            Era::Sessions => Vec::new(),
        };
        let wire = self.wire(&Method::POST, &mirrors, &text);
        let Ok((mut exchange, _, permit)) = self.admit(asks, text, wire).await? else {
            return Ok(None);
        };
        let own = &self.caller.own;
        let bytes_max = self.message_bytes_max;
        let asked = Expects { id: Some(&call.id), ..Expects::nothing(bytes_max) };
        let replies = own.upstream.ask(&self.target, &self.caller, permit, asked);
        let found = async {
            let mut replies: Replies = replies.await.ok()?;
            while let Ok(Some(text)) = replies.next().await {
                if let Ok(Message::Answer(answer)) = Message::read(&text)
                    && answer.id == call.id
                {
                    return answer.outcome.into_result();
                }
            }
            None
        };
        let found = tokio::select! {
            found = found => found,
            why = exchange.interrupted() => return Err(failure_of(stop_of(why))),
        };
        exchange.close();
        Ok(found)
    }

    /// A message as the server gets it.
    pub(super) fn wire(&self, method: &Method, mirrors: &[(String, String)], text: &str) -> Bytes {
        let Place::Http { address, path } = self.target.place() else {
            return format!("{text}\n").into();
        };
        let own = &self.caller.own.upstream;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\naccept: application/json, text/event-stream\r\n\
             accept-encoding: identity\r\n",
            address.authority()
        );
        let mut push = |name: &str, value: &str| {
            head.push_str(&format!("{name}: {value}\r\n"));
        };
        if let Some(authorization) = address.authorization() {
            push("authorization", authorization.reveal());
        }
        if self.era == Era::Sessions {
            own.session().inspect(|session| push("mcp-session-id", session));
            own.version().inspect(|version| push("mcp-protocol-version", version));
        }
        mirrors.iter().for_each(|(name, value)| push(name, value));
        if *method == Method::POST {
            push("content-type", "application/json");
            push("content-length", &text.len().to_string());
        }
        format!("{head}\r\n{text}").into()
    }
}

async fn taken(exchange: &mut Exchange, what: Taken) -> Result<Answer, Failure> {
    let released = exchange.release(what, &mut Waiting).await.map_err(failure_of)?;
    whole(released).await
}

async fn refused(mut exchange: Exchange, words: &Words) -> Result<Answer, Failure> {
    let Some(refusal) = exchange.refusal().cloned() else {
        return Err(ended(&SessionError::TargetGone).into());
    };
    let released = exchange.refuse(refusal, words).await.map_err(|error| ended(&error))?;
    whole(released).await
}

async fn no_reply(exchange: Exchange, why: &NoReply, words: &Words) -> Result<Answer, Failure> {
    match why {
        NoReply::Failed(why) => ended_answer(exchange, why, words).await,
        NoReply::Forgotten => {
            drop(exchange);
            let hint = "send `initialize` again";
            let why = "the server has forgotten the session";
            Err(Problem::new(StatusCode::NOT_FOUND, why, hint).into())
        }
    }
}

pub(super) fn stop_of(why: Interrupt) -> Stop {
    match why {
        Interrupt::Cancelled => Stop::Session(SessionError::ClientGone),
        Interrupt::Stopped(stop) => stop,
    }
}

pub(super) fn failure_of(stop: Stop) -> Failure {
    match stop {
        Stop::Refused(refusal) => {
            let hint = refusal.hint.clone().unwrap_or_default();
            Problem::new(StatusCode::FORBIDDEN, refusal.message.clone(), &hint).into()
        }
        Stop::Session(error) => ended(&error).into(),
    }
}

/// Says why an exchange may not go on, where nothing was said yet.
pub(super) async fn stopped(
    mut exchange: Exchange,
    stop: Stop,
    words: &Words,
) -> Result<Answer, Failure> {
    let refusal = match stop {
        Stop::Refused(refusal) => *refusal,
        Stop::Session(SessionError::Target(fault)) => super::talk::unmaskable(&exchange, &fault),
        Stop::Session(error) => return Err(ended(&error).into()),
    };
    let released = exchange.refuse(refusal, words).await.map_err(|error| ended(&error))?;
    whole(released).await
}
