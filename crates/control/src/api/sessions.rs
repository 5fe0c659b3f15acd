//! The sessions that are open now, how operators end them, and those that the log knows.

use super::OPERATORS;
use super::caller::{Caller, Shared, bad_request};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::reviews::AUDITORS;
use crate::search::{Ended, Found, Question, SearchError, Verdicts};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use portreeve_model::SessionId;
use portreeve_session::LiveSession;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "sessions";
    let about = "All for `operators` and `auditors`, one's own for others.";
    let list = Operation::get("/v1/sessions", tag, "Lists open sessions", Access::Token)
        .answers::<SessionList>(StatusCode::OK, about);
    let path = "/v1/sessions/{id}/kill";
    let kill = Operation::post(path, tag, "Ends a session", Access::Operator)
        .answers::<Killed>(StatusCode::OK, "It was told to end.")
        .errors(&[ErrorCode::NotOperator, ErrorCode::NotFound]);
    let path = "/v1/sessions/search";
    let about = "All for `operators` and `auditors`, one's own for others. What is asked of \
                 exchanges is asked of one of them. An exchange is found when it has ended.";
    let found = QUERY.iter().fold(
        Operation::get(path, tag, "Finds sessions in the evidence", Access::Token)
            .query::<u64>("since_us", "Not before this time, in microseconds since 1970.")
            .query::<u64>("until_us", "Before this time.")
            .query::<Verdicts>("verdict", "With an exchange of this verdict.")
            .query::<Ended>("outcome", "With an exchange that ended so.")
            .query::<u64>("before", "`next` of the answer before: goes on behind it.")
            .query::<u64>("limit", "At most so many: from 1 to 1000, 50 if nothing is said."),
        |operation, (name, about)| operation.query::<String>(name, about),
    );
    let found = found
        .answers::<Found>(StatusCode::OK, about)
        .errors(&[ErrorCode::BadRequest, ErrorCode::Unavailable]);
    routes.route(list, list_sessions).route(found, search_sessions).route(kill, kill_session)
}

/// Open sessions.
#[derive(Serialize, JsonSchema)]
struct SessionList {
    sessions: Vec<LiveSession>,
}

async fn list_sessions(State(state): Shared, caller: Caller) -> Json<SessionList> {
    let mut sessions = state.sessions.list();
    if !caller.is_in(&[OPERATORS, AUDITORS]) {
        let own = &caller.0.chain.principal;
        sessions.retain(|session| session.chain.principal.is(own));
    }
    Json(SessionList { sessions })
}

/// What is asked by name.
const QUERY: [(&str, &str); 8] = [
    ("principal", "On behalf of this person or service."),
    ("actor", "In which this agent took part."),
    ("purpose", "For this purpose, signed or stated."),
    ("resource", "At this resource."),
    ("object", "With an exchange that needed this table, route or other object, or a part of it."),
    ("category", "With an exchange that asked for, or in whose reply was, this category."),
    ("rule", "With an exchange that this rule refused or had reviewed."),
    (
        "text",
        "With an exchange that has a statement of all these words: its verb, its shape, its \
         objects; `\"two words\"` beside each other, `cust*` for a beginning.",
    ),
];

async fn search_sessions(
    State(state): Shared,
    caller: Caller,
    question: Result<Query<Question>, QueryRejection>,
) -> Result<Json<Found>, ApiError> {
    let Query(question) = question.map_err(|error| bad_request(error.body_text()))?;
    within(question.limit)?;
    let sees_all = caller.is_in(&[OPERATORS, AUDITORS]);
    let own = (!sees_all).then(|| caller.0.chain.principal.clone());
    state.search.ask(question, own).await.map(Json).map_err(unanswered)
}

/// Why the index of search gave no answer, for who asked.
pub(super) fn unanswered(error: SearchError) -> ApiError {
    match error {
        SearchError::Asked(why) => bad_request(why),
        SearchError::TooLong => {
            bad_request(error.to_string()).hint("narrow it, for example by `since_us`")
        }
        SearchError::Log(_) | SearchError::Index(_) | SearchError::File { .. } => {
            ApiError::unavailable(&error)
        }
    }
}

/// Whether an answer may be so long.
pub(super) fn within(limit: Option<usize>) -> Result<(), ApiError> {
    match limit {
        Some(limit) if limit > ANSWER_MAX => {
            Err(bad_request(format!("`limit` is from 1 to {ANSWER_MAX}")).hint("ask page by page"))
        }
        _ => Ok(()),
    }
}

/// What is in one answer at most.
const ANSWER_MAX: usize = 1_000;

/// What was ended.
#[derive(Serialize, JsonSchema)]
struct Killed {
    killed: SessionId,
}

async fn kill_session(
    State(state): Shared,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Killed>, ApiError> {
    if !caller.is_in(&[OPERATORS]) {
        let message = "only a member of `operators` can end a session";
        return Err(ApiError::new(ErrorCode::NotOperator, message)
            .hint("use a token of an operator, without an actor"));
    }
    let id = uuid::Uuid::parse_str(&id).map(SessionId).ok();
    let by = &caller.0.chain.principal.subject;
    match id.filter(|id| state.sessions.kill(*id, by)) {
        Some(killed) => Ok(Json(Killed { killed })),
        None => Err(ApiError::new(ErrorCode::NotFound, "no such session is open")),
    }
}
