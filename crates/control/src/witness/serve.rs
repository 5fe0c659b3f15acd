//! The service of a witness: `add-checkpoint` and the checkpoints for monitors, under one
//! prefix (<https://c2sp.org/tlog-witness>).

use crate::api::{ApiServer, serve_app};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use portreeve_evidence::witness::{AddCheckpoint, Refusal, Witness};
use std::future::Future;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The type of the answer that says which size was cosigned last.
const SIZE_TYPE: HeaderValue = HeaderValue::from_static("text/x.tlog.size");
const NOTE_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// Serves a witness until `stop` resolves, then lets running requests end, for a while.
pub async fn serve(server: ApiServer, witness: Arc<Witness>, stop: impl Future<Output = ()>) {
    let app = Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/{origin_hash}/checkpoint", get(checkpoint))
        .route("/healthz", get(healthz))
        .layer(DefaultBodyLimit::max(AddCheckpoint::BYTES_MAX))
        .with_state(witness);
    serve_app(server, app, stop).await;
}

async fn healthz(State(witness): State<Arc<Witness>>) -> Response {
    let logs = witness.origins().count();
    axum::Json(serde_json::json!({"status": "ok", "logs": logs})).into_response()
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: String) -> Response {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    // It waits for the disk, and for others who ask about the same log.
    let work = tokio::task::spawn_blocking(move || witness.add_checkpoint(&body, now));
    match work.await {
        Ok(Ok(lines)) => ([(header::CONTENT_TYPE, NOTE_TYPE)], lines).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn refused(refusal: &Refusal) -> Response {
    let status = match refusal {
        Refusal::Conflict { size } => {
            let kind = [(header::CONTENT_TYPE, SIZE_TYPE)];
            return (StatusCode::CONFLICT, kind, format!("{size}\n")).into_response();
        }
        Refusal::Malformed(_) => StatusCode::BAD_REQUEST,
        Refusal::NotSigned => StatusCode::FORBIDDEN,
        Refusal::UnknownLog(_) => StatusCode::NOT_FOUND,
        Refusal::Inconsistent(_) => {
            // It is signed by the log, and may be proof that the log misbehaves.
            tracing::warn!(%refusal, "a checkpoint was not cosigned");
            StatusCode::UNPROCESSABLE_ENTITY
        }
        Refusal::Store(error) => {
            tracing::error!(%error, "a checkpoint could not be kept, so it was not cosigned");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    (status, [(header::CONTENT_TYPE, NOTE_TYPE)], format!("{refusal}\n")).into_response()
}

async fn checkpoint(State(witness): State<Arc<Witness>>, Path(hash): Path<String>) -> Response {
    match witness.checkpoint(&hash) {
        Some(note) => ([(header::CONTENT_TYPE, NOTE_TYPE)], note).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
