//! What becomes of one message of a client: decided, sent, and answered.

use super::Failure;
use super::era::{Era, mirrors, mismatch};
use super::fence::ToolFence;
use super::frame::Frame;
use super::session::{Asking, Numbered, Posted, Question};
use super::talk::{Answer, Called, Talk, ended_answer, stopped};
use super::words::{Answers, Declined, Words};
use crate::message::{Call, Id, Message, Note, Outcome, error_text, written};
use crate::reply::{Head, Shape, Taken};
use crate::request::{
    Asks, ClientAnswer, ClientMessage, LEAVE, LISTEN, PROGRESS, Plan, answer_of, canonical,
    canonical_template, shown,
};
use crate::target::Place;
use crate::tools::Tool;
use crate::upstream::{Expects, Listens, NoReply, Replies};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use portreeve_model::RefusalCode;
use portreeve_session::{Admitted, Exchange, Fence, Permitted, SessionError, Silent, Stop};
use portreeve_web::{Problem, ended, look_through};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::OwnedSemaphorePermit;

/// Pages of a list of tools that are read for one call.
const PAGES_MAX: usize = 50;

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
        mut call: Call,
        fields: &HeaderMap,
        places: Vec<OwnedSemaphorePermit>,
    ) -> Result<Answer, Failure> {
        let tool = match call.method.as_str() {
            "tools/call" => self.tool(&call).await?,
            _ => None,
        };
        let mismatched = match self.era {
            Era::Stateless => mismatch(fields, &call, tool.as_deref()),
            Era::Sessions => None,
        };
        if let Some(why) = mismatched {
            let text = error_text(Some(&call.id), -32020, &why, Value::Null);
            return Err(Failure::words(StatusCode::BAD_REQUEST, text));
        }
        if !self.era.knows(&call.method) {
            let why = "this version of the protocol does not have the method";
            let text = error_text(Some(&call.id), -32601, why, Value::Null);
            return Err(Failure::words(StatusCode::OK, text));
        }
        if let Err(why) = in_one_spelling(&mut call.params) {
            let text = error_text(Some(&call.id), -32602, why, Value::Null);
            return Err(Failure::words(StatusCode::OK, text));
        }
        let asks = Asks { method: &call.method, params: &call.params, tool: tool.as_deref() };
        let mirrors = match self.era {
            Era::Stateless => mirrors(&call, tool.as_deref()),
            Era::Sessions => Vec::new(),
        };
        let numbered = Numbered::new(&self.caller, &call.id);
        let (sent, progress) = with_progress(&call.params, &numbered.server);
        let sent = written(Some(&numbered.server), &call.method, &sent);
        let wire = self.wire(&Method::POST, &mirrors, &sent);
        let answers = match call.method.as_str() {
            "tools/call" => Answers::Tool(call.id.clone()),
            _ => Answers::Call(call.id.clone()),
        };
        let begins = (call.method == "initialize").then(|| self.caller.own.name.clone());
        let words = Words { answers, shape: Shape::Body(Head { session: begins }) };
        let text = written(Some(&call.id), &call.method, &call.params);
        let (exchange, plan, permit) = match self.admit(asks, text, wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        // Only its answer is still to come.
        drop(places);
        let listens = match call.method.as_str() {
            "subscriptions/listen" => Listens::Yes,
            _ => Listens::No,
        };
        let called = Called { client: call.id.to_value(), progress, numbered };
        self.talk((exchange, plan, permit), (Some(called), listens), (words, call.method)).await
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
        let look = || Plan::new(asks, &self.target, &snapshot);
        let plan = look_through(text.len(), look);
        let request = ClientMessage {
            plan: plan.clone(),
            text,
            asked: shown(asks.params),
            definitions: self.fence(&plan, asks.params),
            wire,
            role: self.target.role().to_owned(),
        };
        let admitted = session.admit(request, &snapshot, &mut Silent).await;
        let Admitted { exchange, permit, .. } = admitted.map_err(|error| ended(&error))?;
        Ok(match exchange.refusal() {
            Some(_) => Err(exchange),
            None => Ok((exchange, plan, permit)),
        })
    }

    /// What tells whether the tool of a plan is still what it was.
    fn fence(&self, plan: &Plan, params: &Map<String, Value>) -> Option<Arc<dyn Fence>> {
        let (tool, digest) = plan.definition.clone()?;
        let meta = params.get("_meta").cloned();
        Some(Arc::new(ToolFence { asking: self.clone(), meta, tool, digest }))
    }

    async fn talk(
        self,
        (mut exchange, plan, permit): (Exchange, Plan, Permitted),
        (called, listens): (Option<Called>, Listens),
        (words, method): (Words, String),
    ) -> Result<Answer, Failure> {
        let own = &self.caller.own;
        let server = called.as_ref().map(|called| &called.numbered.server);
        let token = server.map(Id::to_value);
        let progress = token
            .as_ref()
            .filter(|_| called.as_ref().is_some_and(|called| called.progress.is_some()));
        let bytes_max = self.message_bytes_max;
        let expects = Expects { id: server, progress, listens, bytes_max };
        let asking = own.upstream.ask(&self.target, &self.caller, permit, expects);
        let replies = tokio::select! {
            replies = asking => replies,
            why = exchange.interrupted() => {
                return stopped(exchange, why.into(), &words).await;
            }
        };
        match replies {
            Ok(replies) => {
                Talk::new(self, (exchange, plan), replies, (called, words), method).begin().await
            }
            Err(why) => no_reply(exchange, &why, &words).await,
        }
    }

    async fn note(self, mut note: Note) -> Result<Answer, Failure> {
        without_progress(&mut note.params);
        let text = written(None, &note.method, &note.params);
        let asks = Asks { method: &note.method, params: &note.params, tool: None };
        let mut sent = note.params.clone();
        // The server knows a call by another id; what it does not know it need not hear of.
        let is_known = match sent.get_mut("requestId") {
            Some(id) if note.method == "notifications/cancelled" => {
                let server = Id::read(id).ok().and_then(|id| self.caller.own.server_id(&id));
                server.map(|server| *id = server.to_value()).is_some()
            }
            _ => true,
        };
        let sent = written(None, &note.method, &sent);
        let wire = self.wire(&Method::POST, &[], &sent);
        let words = Words::of_session();
        let (mut exchange, _, permit) = match self.admit(asks, text, wire).await? {
            Ok(admitted) => admitted,
            Err(exchange) => return refused(exchange, &words).await,
        };
        if !is_known {
            return taken(&mut exchange, Taken::Message).await;
        }
        let asked = Expects::nothing(self.message_bytes_max);
        let asking = self.caller.own.upstream.ask(&self.target, &self.caller, permit, asked);
        match asking.await {
            Ok(_) => taken(&mut exchange, Taken::Message).await,
            Err(why) => no_reply(exchange, &why, &words).await,
        }
    }

    /// The client's answer to what its server has asked.
    async fn answer(self, question: Question, outcome: Outcome) -> Result<Answer, Failure> {
        let Question { mut exchange, id, method } = question;
        let (said, outcome) = match outcome {
            Outcome::Result(result) => (result.clone(), Outcome::Result(result)),
            Outcome::Error(error) => (error.clone(), Outcome::Error(error)),
        };
        let command = answer_of(&self.target, &method, &said);
        if !self.caller.session.snapshot().permits(&command) {
            let permit = exchange.fail_target(&Declined { id, frame: self.frame() }).await;
            let permit = permit.map_err(|error| ended(&error))?;
            let nothing = Expects::nothing(self.message_bytes_max);
            let own = &self.caller.own;
            let _ = own.upstream.ask(&self.target, &self.caller, permit, nothing).await;
            let why = "the answer holds personal data that may not be sent out".to_owned();
            let hint = Some("leave the person out".to_owned());
            let refusal = exchange.refusal_of(RefusalCode::Denied, why, hint);
            let released = exchange.refuse(refusal, &Words::of_session()).await;
            return Answer::whole(released.map_err(|error| ended(&error))?).await;
        }
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
        let admitted = (exchange, plan, permit);
        self.talk(admitted, (None, Listens::Yes), (words, LISTEN.to_owned())).await
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
        self.ask_for_tools(name, call.params.get("_meta")).await?;
        Ok(tools.listed(name))
    }

    /// Asks the server for its tools, page by page, until one of this name is among them.
    pub(super) async fn ask_for_tools(
        &self,
        name: &str,
        meta: Option<&Value>,
    ) -> Result<(), Failure> {
        let (tools, begin) = (&self.caller.own.tools, Instant::now());
        let mut params = Map::new();
        if let Some(meta) = meta.filter(|_| self.era == Era::Stateless) {
            params.insert("_meta".to_owned(), meta.clone());
            without_progress(&mut params);
        }
        for _ in 0..PAGES_MAX {
            let Some(result) = self.list_tools(params.clone()).await? else { break };
            let listed = result.get("tools").and_then(Value::as_array);
            let listed = listed.map(Vec::as_slice).unwrap_or_default();
            tools.take(self.target.name(), listed, &*self.descriptions).await;
            match result.get("nextCursor") {
                Some(cursor @ Value::String(_)) if tools.listed_since(name, begin).is_none() => {
                    params.insert("cursor".to_owned(), cursor.clone());
                }
                _ => break,
            }
        }
        Ok(())
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
            why = exchange.interrupted() => return Err(failure_of(why.into())),
        };
        exchange.close();
        Ok(found)
    }

    /// A message as the server gets it.
    pub(super) fn wire(&self, method: &Method, mirrors: &[(String, String)], text: &str) -> Bytes {
        self.frame().put(method, mirrors, text)
    }

    /// What stands around a message on its way to the server.
    pub(super) fn frame(&self) -> Frame {
        let Place::Http { address, path } = self.target.place() else {
            return Frame::Line;
        };
        let own = &self.caller.own.upstream;
        let is_with_sessions = self.era == Era::Sessions;
        let agreed = |what: Option<&str>| what.filter(|_| is_with_sessions).map(str::to_owned);
        Frame::Http {
            authority: address.authority().to_string(),
            path: path.clone(),
            session: agreed(own.session()),
            version: agreed(own.version()),
        }
    }
}

/// URIs in their one spelling, wherever a message names one.
fn in_one_spelling(params: &mut Map<String, Value>) -> Result<(), &'static str> {
    let spell = |value: &mut Value| -> Result<(), &'static str> {
        if let Some(uri) = value.as_str() {
            *value = canonical(uri)?.into();
        }
        Ok(())
    };
    if let Some(uri) = params.get_mut("uri") {
        spell(uri)?;
    }
    if let Some(uri) = params.get_mut("ref").and_then(|named| named.get_mut("uri"))
        && let Some(template) = uri.as_str()
    {
        // A template is named by itself, braces and all.
        *uri = canonical_template(template)?.into();
    }
    let listens = params.get_mut("notifications");
    let uris = listens.and_then(|listens| listens.get_mut("resourceSubscriptions"));
    uris.and_then(Value::as_array_mut).into_iter().flatten().try_for_each(spell)
}

/// Nobody hears of the progress of this: a name for it would be one that a server gets as the
/// client has it.
fn without_progress(params: &mut Map<String, Value>) {
    if let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) {
        meta.shift_remove(PROGRESS);
    }
}

/// The parameters as they are sent, with the server's name for the call's progress, and the
/// client's.
fn with_progress(params: &Map<String, Value>, server: &Id) -> (Map<String, Value>, Option<Value>) {
    let mut sent = params.clone();
    let meta = sent.get_mut("_meta").and_then(Value::as_object_mut);
    let token = meta.and_then(|meta| meta.get_mut(PROGRESS));
    let client = token.map(|token| std::mem::replace(token, server.to_value()));
    (sent, client)
}

async fn taken(exchange: &mut Exchange, what: Taken) -> Result<Answer, Failure> {
    let released = exchange.release(what, &mut Silent).await.map_err(failure_of)?;
    Answer::whole(released).await
}

async fn refused(mut exchange: Exchange, words: &Words) -> Result<Answer, Failure> {
    let Some(refusal) = exchange.refusal().cloned() else {
        return Err(ended(&SessionError::TargetGone).into());
    };
    let released = exchange.refuse(refusal, words).await.map_err(|error| ended(&error))?;
    Answer::whole(released).await
}

async fn no_reply(exchange: Exchange, why: &NoReply, words: &Words) -> Result<Answer, Failure> {
    match why {
        NoReply::Failed(why) => ended_answer(exchange, why, words).await,
        NoReply::NotOffered => {
            exchange.close();
            let why = "the server does not do this";
            Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, why, "").into())
        }
        NoReply::Forgotten => {
            drop(exchange);
            let hint = "send `initialize` again";
            let why = "the server has forgotten the session";
            Err(Problem::new(StatusCode::NOT_FOUND, why, hint).into())
        }
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
