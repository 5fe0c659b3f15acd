//! Many streams over one connection (yamux), each with a window of its own.

use futures::future::poll_fn;
use std::io;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::compat::{FuturesAsyncReadCompatExt, TokioAsyncReadCompatExt};
use yamux::{Config, Connection, ConnectionError, Mode};

/// Most streams over one link at a time.
pub(crate) const STREAMS_MAX: usize = 4096;
/// What one stream may hold that nobody has read: yamux's own first window.
const STREAM_WINDOW_BYTES: usize = 256 << 10;
/// What all streams together may hold beyond that: windows of streams that are read quickly
/// over a long way grow.
const GROWTH_BYTES: usize = 64 << 20;
const OPENINGS_MAX: usize = 64;

/// One stream.
pub(crate) type MuxStream = tokio_util::compat::Compat<yamux::Stream>;

type Opening = oneshot::Sender<io::Result<MuxStream>>;

/// Opens streams over a connection. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Mux {
    openings: mpsc::Sender<Opening>,
    ended: watch::Receiver<bool>,
}

impl Mux {
    /// Opens one.
    pub(crate) async fn open(&self) -> io::Result<MuxStream> {
        let (sender, receiver) = oneshot::channel();
        let gone = || io::Error::from(io::ErrorKind::NotConnected);
        self.openings.send(sender).await.map_err(|_| gone())?;
        receiver.await.map_err(|_| gone())?
    }

    /// Whether the connection has ended.
    pub(crate) fn is_over(&self) -> bool {
        *self.ended.borrow()
    }

    /// Resolves when the connection has ended.
    pub(crate) async fn over(&self) {
        let _ = self.ended.clone().wait_for(|ended| *ended).await;
    }
}

/// The work of a connection: whoever has it polls it to its end. Dropped, it ends at once.
pub(crate) struct Driver<S> {
    connection: Connection<tokio_util::compat::Compat<S>>,
    openings: mpsc::Receiver<Opening>,
    inbound: mpsc::Sender<MuxStream>,
    ended: watch::Sender<bool>,
}

/// Which end this is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Gateway,
    Connector,
}

/// What a connection can be used by: streams that are opened here, those that the other end
/// opens, and the work.
pub(crate) fn over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    side: Side,
) -> (Mux, mpsc::Receiver<MuxStream>, Driver<S>) {
    let mut config = Config::default();
    // The library insists on room for every stream at each step.
    config.set_max_num_streams(1);
    config
        .set_max_connection_receive_window(Some(STREAM_WINDOW_BYTES * STREAMS_MAX + GROWTH_BYTES));
    config.set_max_num_streams(STREAMS_MAX);
    let mode = match side {
        Side::Gateway => Mode::Server,
        Side::Connector => Mode::Client,
    };
    let connection = Connection::new(stream.compat(), config, mode);
    let (openings, wanted) = mpsc::channel(OPENINGS_MAX);
    // A gateway opens as many as it has sessions; a connector opens the first one.
    let arrivals_max = match side {
        Side::Gateway => OPENINGS_MAX,
        Side::Connector => STREAMS_MAX,
    };
    let (inbound, arrived) = mpsc::channel(arrivals_max);
    let (ended, is_over) = watch::channel(false);
    let driver = Driver { connection, openings: wanted, inbound, ended };
    (Mux { openings, ended: is_over }, arrived, driver)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Driver<S> {
    /// Works until the connection ends, and says why it did.
    pub(crate) async fn run(mut self) -> ConnectionError {
        let mut opening: Option<Opening> = None;
        let why = poll_fn(|context| {
            loop {
                if opening.is_none()
                    && let Poll::Ready(Some(wanted)) = self.openings.poll_recv(context)
                {
                    opening = Some(wanted);
                }
                let mut has_moved = false;
                if let Some(wanted) = opening.take() {
                    match self.connection.poll_new_outbound(context) {
                        Poll::Ready(made) => {
                            let made = made.map(FuturesAsyncReadCompatExt::compat);
                            let _ = wanted.send(made.map_err(io::Error::other));
                            has_moved = true;
                        }
                        Poll::Pending => opening = Some(wanted),
                    }
                }
                match self.connection.poll_next_inbound(context) {
                    Poll::Ready(Some(Ok(stream))) => {
                        // Whoever opens more than can be taken loses them.
                        let _ = self.inbound.try_send(stream.compat());
                        has_moved = true;
                    }
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(error),
                    Poll::Ready(None) => return Poll::Ready(ConnectionError::Closed),
                    Poll::Pending => {}
                }
                if !has_moved {
                    return Poll::Pending;
                }
            }
        })
        .await;
        let _ = self.ended.send(true);
        why
    }
}

impl<S> Drop for Driver<S> {
    fn drop(&mut self) {
        let _ = self.ended.send(true);
    }
}
