//! One witness as the gateway asks it.

use crate::config::WitnessAddress;
use crate::http::{AnswerBounds, HttpClient};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use portreeve_evidence::witness::{AddCheckpoint, Cosigned, conflict_size, cosigned, origin_hash};
use portreeve_evidence::{NOTE_BYTES_MAX, VerifierKey};
use std::time::Duration;

/// What a witness answered.
pub(super) enum Answer {
    /// A cosignature that holds.
    Cosigned(Cosigned),
    /// It cosigned another size last.
    Conflict(u64),
    /// It says that the tree does not continue the one it knows.
    Inconsistent,
}

/// One witness.
pub(super) struct WitnessClient {
    pub(super) name: String,
    pub(super) key: VerifierKey,
    url: String,
    client: HttpClient,
}

impl WitnessClient {
    pub(super) fn new(address: &WitnessAddress) -> Result<Self, String> {
        Ok(Self {
            name: address.name.clone(),
            key: address.key.clone(),
            url: address.url.clone(),
            client: HttpClient::new(address.ca.as_deref(), ANSWER_BOUNDS)?,
        })
    }

    /// Asks for a cosignature.
    ///
    /// # Errors
    /// No answer, or one that is worth nothing; for the operator.
    pub(super) async fn submit(&self, request: &AddCheckpoint) -> Result<Answer, String> {
        let (status, body) = self.send(Method::POST, "add-checkpoint", request.to_body()).await?;
        match status {
            StatusCode::OK => cosigned(&request.checkpoint, &body, &self.key).map(Answer::Cosigned),
            StatusCode::CONFLICT => conflict_size(&body)
                .map(Answer::Conflict)
                .ok_or_else(|| "it answered 409 without a size".to_owned()),
            StatusCode::UNPROCESSABLE_ENTITY => Ok(Answer::Inconsistent),
            StatusCode::NOT_FOUND => Err("it does not know this log: give it the log's key, the \
                 file `log.pub` (answer 404)"
                .to_owned()),
            StatusCode::FORBIDDEN => {
                Err("it knows another key for this log (answer 403)".to_owned())
            }
            other => Err(format!("it answered {}", other.as_u16())),
        }
    }

    /// The checkpoint of a log that it cosigned last; `None` where it shows none.
    pub(super) async fn latest(&self, origin: &str) -> Result<Option<String>, String> {
        let path = format!("{}/checkpoint", origin_hash(origin));
        let (status, body) = self.send(Method::GET, &path, String::new()).await?;
        Ok((status == StatusCode::OK).then_some(body))
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<(StatusCode, String), String> {
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.url))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())?;
        let answer = self.client.send(request).await?;
        let body = String::from_utf8(answer.body.to_vec());
        Ok((answer.status, body.map_err(|_| "it did not answer with text")?))
    }
}

const ANSWER_BOUNDS: AnswerBounds =
    AnswerBounds { time_max: Duration::from_secs(10), bytes_max: NOTE_BYTES_MAX };
