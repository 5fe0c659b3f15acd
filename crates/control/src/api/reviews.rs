//! Held commands: who sees them, and who decides.

use super::caller::{Body, Caller, Shared, bad_body, bad_request};
use super::error::{ApiError, ErrorCode};
use super::routes::{Access, Operation, Routes};
use crate::reviews::{Decision, Review, ReviewState};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use portreeve_model::ReviewId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

pub(super) fn routes(routes: Routes) -> Routes {
    let tag = "reviews";
    let about = "Those that the caller may see, newest first, with the first 500 characters of \
                 each statement.";
    let list = Operation::get("/v1/reviews", tag, "Lists reviews", Access::Token)
        .query::<ReviewState>("state", "Only those in this state.")
        .answers::<ReviewList>(StatusCode::OK, about)
        .errors(&[ErrorCode::BadRequest]);
    let path = "/v1/reviews/{id}";
    let show = Operation::get(path, tag, "One review with its whole statement", Access::Token)
        .answers::<Review>(StatusCode::OK, "The review.")
        .errors(&[ErrorCode::NotFound]);
    let decided = |path, summary| {
        Operation::post(path, tag, summary, Access::Reviewer)
            .takes::<Comment>()
            .answers::<Review>(StatusCode::OK, "The review as it is now.")
            .errors(&[ErrorCode::NotFound, ErrorCode::NotReviewer])
            .errors(&[ErrorCode::Closed, ErrorCode::SamePerson])
    };
    routes
        .route(list, list_reviews)
        .route(show, show_review)
        .route(decided("/v1/reviews/{id}/approve", "Approves"), approve)
        .route(decided("/v1/reviews/{id}/deny", "Denies"), deny)
}

/// Reviews.
#[derive(Serialize, JsonSchema)]
struct ReviewList {
    reviews: Vec<Review>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReviewFilter {
    state: Option<String>,
}

async fn list_reviews(
    State(state): Shared,
    Caller(identity): Caller,
    filter: Result<Query<ReviewFilter>, QueryRejection>,
) -> Result<Json<ReviewList>, ApiError> {
    let Query(filter) = filter.map_err(|error| bad_request(error.body_text()))?;
    let wanted = match filter.state {
        None => None,
        Some(word) => Some(ReviewState::from_word(&word).ok_or_else(|| {
            bad_request(format!("`{word}` is not a state"))
                .hint("pending, approved, denied, expired or abandoned")
        })?),
    };
    let reviews = state.reviews.list(&identity, wanted, SystemTime::now()).await?;
    Ok(Json(ReviewList { reviews }))
}

async fn show_review(
    State(state): Shared,
    Caller(identity): Caller,
    Path(id): Path<String>,
) -> Result<Json<Review>, ApiError> {
    let id = ReviewId(id);
    Ok(Json(state.reviews.show(&identity, &id, SystemTime::now()).await?))
}

/// What the requester and the record should know.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Comment {
    /// At most 4,096 bytes.
    #[serde(default)]
    comment: Option<String>,
}

async fn approve(
    state: Shared,
    caller: Caller,
    id: Path<String>,
    body: Body<Comment>,
) -> Result<Json<Review>, ApiError> {
    decide(state, caller, id, body, Decision::Approve).await
}

async fn deny(
    state: Shared,
    caller: Caller,
    id: Path<String>,
    body: Body<Comment>,
) -> Result<Json<Review>, ApiError> {
    decide(state, caller, id, body, Decision::Deny).await
}

async fn decide(
    State(state): Shared,
    Caller(identity): Caller,
    Path(id): Path<String>,
    body: Body<Comment>,
    decision: Decision,
) -> Result<Json<Review>, ApiError> {
    let Json(Comment { comment }) = body.map_err(bad_body)?;
    let comment = comment.filter(|comment| !comment.is_empty());
    let id = ReviewId(id);
    let now = SystemTime::now();
    Ok(Json(state.reviews.decide(&identity, &id, decision, comment, now).await?))
}
