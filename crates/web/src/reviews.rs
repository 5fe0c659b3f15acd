//! Where a client hears what has become of a review, without the gateway's own commands.

use crate::body::AnswerBody;
use crate::problem::{Problem, plain};
use http::{HeaderValue, Response, StatusCode, header};
use portreeve_model::{ReviewId, Secret};
use portreeve_session::BoxFuture;
use serde_json::Value;
use std::net::SocketAddr;

/// The parts of the path in front of a review's id. No resource has it.
pub const REVIEWS: [&str; 3] = [".well-known", "portreeve", "reviews"];

/// Seconds after which it is worth asking again.
const AGAIN_SECONDS: u8 = 5;

/// Reviews, as those may see them who ask for them.
pub trait Reviews: Send + Sync {
    /// A review.
    ///
    /// # Errors
    /// There is none that the caller may see.
    fn review<'a>(
        &'a self,
        token: &'a Secret<String>,
        client: SocketAddr,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Value, String>>;
}

/// What a refusal that waits for a person says in its head: where to ask, and when.
#[must_use]
pub fn review_fields(review: &ReviewId) -> String {
    let path = REVIEWS.join("/");
    format!("location: /{path}/{review}\r\nretry-after: {AGAIN_SECONDS}\r\n")
}

/// The answer with a review.
///
/// # Errors
/// There is none that the caller may see.
pub async fn review_answer(
    reviews: &dyn Reviews,
    token: &Secret<String>,
    client: SocketAddr,
    id: &str,
) -> Result<Response<AnswerBody>, Problem> {
    let hint = "ask with the token of who sent the request";
    let found = reviews.review(token, client, id).await;
    let found = found.map_err(|why| Problem::new(StatusCode::NOT_FOUND, why, hint))?;
    let is_open = found.get("state").and_then(Value::as_str) == Some("pending");
    let mut answer = plain(StatusCode::OK, "application/json", format!("{found}\n"));
    if is_open {
        answer
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(u16::from(AGAIN_SECONDS)));
    }
    Ok(answer)
}
