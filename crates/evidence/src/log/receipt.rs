//! Promises that what was handed over becomes durable; whoever waits for one passes a barrier.

use crate::error::Sealed;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use tokio::sync::oneshot;

/// Tells when what was handed over is durable.
#[must_use = "what was handed over is not durable before the receipt says so"]
#[derive(Debug)]
pub struct Receipt(State);

#[derive(Debug)]
enum State {
    Waiting(oneshot::Receiver<Result<(), Sealed>>),
    Failed(Sealed),
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn gone() -> Sealed {
    Sealed::new("the log's writer is gone")
}

impl Receipt {
    pub(crate) fn waiting(receiver: oneshot::Receiver<Result<(), Sealed>>) -> Self {
        Self(State::Waiting(receiver))
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
            State::Waiting(receiver) => receiver.await.unwrap_or_else(|_| Err(gone())),
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
