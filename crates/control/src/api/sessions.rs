//! The sessions that are open now, and how operators end them.

use super::OPERATORS;
use super::caller::{Caller, Shared};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::reviews::AUDITORS;
use axum::Json;
use axum::extract::{Path, State};
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
    routes.route(list, list_sessions).route(kill, kill_session)
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
