//! Bodies of requests, and what they take up while they are on their way.

use crate::problem::Problem;
use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// How long the body of a request may take to come.
const BODY_TIMEOUT: Duration = Duration::from_secs(60);

/// What is more work than to look through so many bytes is done where nobody else waits.
const LOOKED_THROUGH_BYTES: usize = 4 << 10;

/// Looks through so many bytes: whoever sends much must not keep others waiting.
pub fn look_through<T>(bytes: usize, look: impl FnOnce() -> T) -> T {
    match bytes > LOOKED_THROUGH_BYTES {
        true => tokio::task::block_in_place(look),
        false => look(),
    }
}

/// What one look has cost so far, in bytes that are looked through. A few bytes can cost much:
/// what is looked up for them counts, not how many came.
#[derive(Debug, Default)]
pub(crate) struct Work(Cell<usize>);

impl Work {
    /// So much more of it.
    pub(crate) fn more<T>(&self, bytes: usize, look: impl FnOnce() -> T) -> T {
        let done = self.0.get().saturating_add(bytes);
        self.0.set(done);
        look_through(done, look)
    }
}

/// Bytes that bodies may take up at once.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    /// A place for so many bytes; none where there is none.
    pub(crate) fn take(&self, bytes: u32) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_many_owned(bytes).ok()
    }

    /// Bytes that there is still room for.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.0.available_permits()
    }

    /// Places for what a body has grown by.
    ///
    /// # Errors
    /// There are none.
    pub fn grown(rooms: [&Self; 2], bytes: usize) -> Result<Vec<OwnedSemaphorePermit>, Problem> {
        let bytes = u32::try_from(bytes).map_err(|_| crowded())?;
        rooms.into_iter().map(|room| room.take(bytes).ok_or_else(crowded)).collect()
    }

    /// The body of a request, and the places that it takes up: so much in each of the rooms.
    ///
    /// # Errors
    /// It is too long, too slow or broken, or there is no place for it.
    pub async fn collect(
        rooms: [&Self; 2],
        body: Incoming,
        (limit, bytes_max): (&str, usize),
    ) -> Result<(Bytes, Vec<OwnedSemaphorePermit>), Problem> {
        let mut body = Limited::new(body, bytes_max);
        let (mut bytes, mut places) = (BytesMut::new(), Vec::new());
        let until = Instant::now() + BODY_TIMEOUT;
        loop {
            let frame = match timeout_at(until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(None) => return Ok((bytes.freeze(), places)),
                Ok(Some(Err(error))) => return Err(broken_body(&*error, limit, bytes_max)),
                Err(_) => {
                    let why = "the body did not come in time";
                    return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, why, ""));
                }
            };
            let Ok(data) = frame.into_data() else { continue };
            if !data.is_empty() {
                let taken = u32::try_from(data.len()).unwrap_or(u32::MAX);
                for room in rooms {
                    places.push(room.take(taken).ok_or_else(crowded)?);
                }
                bytes.extend_from_slice(&data);
            }
        }
    }
}

fn broken_body(
    error: &(dyn std::error::Error + Send + Sync + 'static),
    limit: &str,
    bytes_max: usize,
) -> Problem {
    match error.is::<LengthLimitError>() {
        true => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is longer than {bytes_max} bytes"),
            &format!("`{limit}` is the limit"),
        ),
        false => Problem::new(StatusCode::BAD_REQUEST, "the body is broken", ""),
    }
}

fn crowded() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "too many bodies are on their way at once",
        "send fewer requests at a time",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn much_work_in_small_pieces_keeps_nobody_waiting() {
        let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
        let workers = workers.unwrap();
        let (tell, told) = mpsc::channel();
        let waits = workers.spawn(async move {
            let work = Work::default();
            (0..LOOKED_THROUGH_BYTES).for_each(|_| work.more(1, || {}));
            // The only worker would wait here for itself.
            work.more(1, || told.recv_timeout(Duration::from_secs(20)))
        });
        workers.spawn(async move { tell.send(()) });
        assert!(workers.block_on(waits).unwrap().is_ok());
    }
}
