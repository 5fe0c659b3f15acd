//! A question over HTTP(S), from wherever a secret is needed: at the start, at a check, or when
//! somebody logs in.

use crate::http::{AnswerBounds, HttpAnswer, HttpClient};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use std::path::Path;
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};

/// Asks, and waits for the answer on this thread. Who must not wait asks on another one.
///
/// # Errors
/// No answer, one that takes too long, or one that is too long; for the operator.
pub(super) fn ask(ca: Option<&Path>, request: Request<Full<Bytes>>) -> Result<HttpAnswer, String> {
    let asked = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        runtime.block_on(async { HttpClient::new(ca, BOUNDS)?.send(request).await })
    };
    // The caller may be a task of a runtime, in which no other one may run; other tasks go on.
    let wait = || std::thread::scope(|scope| scope.spawn(asked).join());
    let answered = match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
        _ => wait(),
    };
    answered.unwrap_or_else(|_| Err("the question broke off".to_owned()))
}

/// As much of what a store says is shown.
const SAID_CHARS_MAX: usize = 300;
const BOUNDS: AnswerBounds =
    AnswerBounds { time_max: Duration::from_secs(10), bytes_max: 256 << 10 };

/// What a store says, as much of it as can be shown.
pub(super) fn plain(said: &str) -> String {
    let shown = |c: char| if c.is_control() { ' ' } else { c };
    said.chars().take(SAID_CHARS_MAX).map(shown).collect()
}
