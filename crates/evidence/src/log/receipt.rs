//! Promises that what was handed over becomes durable; whoever waits for one passes a barrier.

use crate::error::Sealed;
use crate::log::shared::Shared;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::sync::oneshot;

/// Tells when what was handed over is durable.
#[must_use = "what was handed over is not durable before the receipt says so"]
pub struct Receipt(State);

enum State {
    Waiting(Queued, oneshot::Receiver<Result<(), Sealed>>),
    Failed(Sealed),
}

/// A unit in the queue, of which nobody has told the writer yet. Whatever becomes of the receipt,
/// somebody does.
struct Queued(Arc<Shared>);

impl Queued {
    /// Commits it here if nobody else waits, after the other tasks of this thread have run: one
    /// of them may have something to ask elsewhere while the disk works.
    async fn commit(self) {
        if self.0.is_alone() {
            others_first().await;
            self.0.commit_alone();
        }
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        self.0.wake_writer();
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            State::Waiting(..) => "Receipt(waiting)",
            State::Failed(_) => "Receipt(failed)",
        })
    }
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Lets the other tasks of this thread run. Not the runtime's own way: see [`Receipt::wait`].
async fn others_first() {
    let mut is_over = false;
    poll_fn(|context| {
        if std::mem::replace(&mut is_over, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn gone() -> Sealed {
    Sealed::new("the log's writer is gone")
}

impl Receipt {
    pub(crate) fn waiting(
        shared: Arc<Shared>,
        receiver: oneshot::Receiver<Result<(), Sealed>>,
    ) -> Self {
        Self(State::Waiting(Queued(shared), receiver))
    }

    pub(crate) fn failed(sealed: Sealed) -> Self {
        Self(State::Failed(sealed))
    }

    /// Waits until the records, and all that were handed over before them, are on the
    /// disk.
    ///
    /// # Errors
    /// [`Sealed`]: they may be or not, and never will be known to be. What they were
    /// to make possible must not happen.
    pub async fn durable(self) -> Result<(), Sealed> {
        match self.0 {
            State::Waiting(queued, receiver) => {
                queued.commit().await;
                receiver.await.unwrap_or_else(|_| Err(gone()))
            }
            State::Failed(sealed) => Err(sealed),
        }
    }

    /// [`Self::durable`] for a thread that may block.
    ///
    /// # Errors
    /// As [`Self::durable`].
    pub fn wait(self) -> Result<(), Sealed> {
        // Not the runtime's own way of blocking: a gateway that opens its log inside a
        // runtime may wait for it there, without that runtime counting its polls.
        let mut future = pin!(tokio::task::unconstrained(self.durable()));
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut context = Context::from_waker(&waker);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(answer) => return answer,
                Poll::Pending => std::thread::park(),
            }
        }
    }
}
