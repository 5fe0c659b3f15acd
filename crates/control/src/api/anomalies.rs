//! What was unlike what was before, with the records that made it.

use super::OPERATORS;
use super::caller::{Caller, Shared, bad_request};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use super::sessions::{unanswered, within};
use crate::reviews::AUDITORS;
use crate::search::{FindingQuestion, FoundFindings};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use portreeve_reports::anomalies::Rule;

pub(super) fn routes(routes: Routes) -> Routes {
    let about = "Newest first. The same log and the same rules give the same findings.";
    let access = Access::OperatorOrAuditor;
    let found = Operation::get("/v1/anomalies", "anomalies", "Lists findings", access)
        .query::<u64>("since_us", "Not before this time, in microseconds since 1970.")
        .query::<u64>("until_us", "Before this time.")
        .query::<Rule>("rule", "By this rule.")
        .query::<String>("principal", "On behalf of this person or service.")
        .query::<String>("resource", "At this resource.")
        .query::<u64>("before", "`next` of the answer before: goes on behind it.")
        .query::<u64>("limit", "At most so many: from 1 to 1000, 50 if nothing is said.")
        .answers::<FoundFindings>(StatusCode::OK, about)
        .errors(&[ErrorCode::BadRequest, ErrorCode::NotOperator]);
    routes.route(found, list)
}

async fn list(
    State(state): Shared,
    caller: Caller,
    question: Result<Query<FindingQuestion>, QueryRejection>,
) -> Result<Json<FoundFindings>, ApiError> {
    if !caller.is_in(&[OPERATORS, AUDITORS]) {
        let message = "only members of `operators` and `auditors` see anomalies";
        return Err(ApiError::new(ErrorCode::NotOperator, message)
            .hint("use a token of one of them, without an actor"));
    }
    let Query(question) = question.map_err(|error| bad_request(error.body_text()))?;
    within(question.limit)?;
    state.search.findings(question).await.map(Json).map_err(unanswered)
}
