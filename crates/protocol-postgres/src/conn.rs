//! One session: the loop.

use crate::analyses::Analysis;
use crate::dial::cancel;
use crate::frame::{FrameError, HEADER_BYTES, message_length, take, take_whole_messages};
use crate::gather::Gathered;
use crate::pipeline::{Chunk, Expect, Pipeline};
use crate::plan::Plan;
use crate::segment::{Kind, Segment, failing_query, flush, local_refusal};
use crate::upstream::{Known, Upstream};
use crate::{backend, frontend};
use bytes::{Bytes, BytesMut};
use portreeve_model::Refusal;
use portreeve_session::{Broken, ClientSide, Driven, Exchange, Ruling, Session, Stop, TargetSide};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Limits of the protocol.
#[derive(Clone, Debug)]
pub struct ProtocolLimits {
    /// From the first byte to the greeting.
    pub login_timeout: Duration,
    /// Without a message from the client.
    pub client_idle_timeout: Duration,
    /// One message of a client.
    pub message_bytes_max: usize,
    /// One statement text; longer ones are refused.
    pub statement_bytes_max: usize,
    /// One message of a target.
    pub reply_message_bytes_max: usize,
}

impl Default for ProtocolLimits {
    fn default() -> Self {
        Self {
            login_timeout: Duration::from_secs(10),
            client_idle_timeout: Duration::from_secs(3600),
            message_bytes_max: 16 << 20,
            statement_bytes_max: 1 << 20,
            reply_message_bytes_max: 32 << 20,
        }
    }
}

/// How long a refused reply may go on arriving after the target was told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// The plans of a text's statements.
pub(crate) type Plans = Arc<[Arc<Plan>]>;

/// An open session with both its sides.
pub(crate) struct Conn {
    pub(crate) session: Session,
    pub(crate) client: ClientSide,
    pub(crate) target: TargetSide,
    pub(crate) pipeline: Pipeline,
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) known: Known,
    /// What plans were made by.
    pub(crate) ruling: Arc<Ruling>,
    pub(crate) epoch: u64,
    pub(crate) plans: HashMap<usize, (Analysis, Plans)>,
    pub(crate) failing_name: String,
    pub(crate) path_moved: bool,
    /// The request that is being read changes definitions.
    pub(crate) defines: bool,
    /// The request that is being read changes data.
    pub(crate) writes: bool,
    pub(crate) target_key: Option<(u32, Vec<u8>)>,
    pub(crate) limits: ProtocolLimits,
}

impl Conn {
    /// Runs until the client says goodbye or something breaks.
    pub(crate) async fn run(&mut self) -> Result<(), Broken> {
        loop {
            match self.gather().await? {
                Gathered::Segment(segment) => self.exchange(segment).await?,
                Gathered::Terminate => return Ok(()),
            }
            self.rest();
        }
    }

    /// A quiet session keeps no buffers.
    fn rest(&mut self) {
        for inbox in [self.client.inbox(), self.target.inbox()] {
            if inbox.is_empty() && inbox.capacity() > 8 << 10 {
                *inbox = BytesMut::new();
            }
        }
    }

    /// Takes over a new catalog or new policies, so that nothing is decided by old ones.
    pub(crate) async fn follow_changes(&mut self) -> Result<(), Broken> {
        if self.pipeline.redefined && self.pipeline.status == b'I' {
            self.pipeline.redefined = false;
            let reread = self.upstream.reread().await;
            reread.map_err(|error| Broken::Target(format!("catalog: {error}")))?;
        }
        let known = self.upstream.known();
        let known = if self.path_moved { known.map(Known::elsewhere) } else { known };
        if let Some(known) = known.filter(|known| !Arc::ptr_eq(&known.catalog, &self.known.catalog))
        {
            self.session.reclassify(classify(&known));
            self.known = known;
            self.new_epoch();
        }
        let ruling = self.session.ruling();
        if ruling != self.ruling {
            self.ruling = ruling;
            self.new_epoch();
        }
        Ok(())
    }

    /// Unqualified names may stand for something else from here on. It stays so: whether a
    /// transaction takes it back is not worth being wrong about.
    pub(crate) fn move_path(&mut self) {
        if !self.path_moved {
            self.path_moved = true;
            self.known = self.known.clone().elsewhere();
            self.new_epoch();
        }
    }

    fn new_epoch(&mut self) {
        self.epoch += 1;
        self.plans.clear();
    }

    /// Takes a catalog that was read just now, because a name was unknown.
    pub(crate) async fn look_again(&mut self) -> Result<(), Broken> {
        let known = self.upstream.refreshed().await;
        known.map_err(|error| Broken::Target(format!("catalog: {error}")))?;
        self.follow_changes().await
    }

    /// Waits for bytes of the client; passes on what the target says meanwhile.
    pub(crate) async fn wait_for_client(&mut self) -> Result<(), Broken> {
        let wanted = message_length(self.client.inbox(), self.limits.message_bytes_max)
            .map_err(client_broke)?
            .unwrap_or(HEADER_BYTES);
        let signals = self.session.signals();
        tokio::select! {
            biased;
            by = signals.killed() => Err(Broken::Killed(by)),
            read = self.client.read_at_least(wanted) => read,
            // Nothing runs: a cancel request that comes now is void. One that comes while the
            // client's next command is already on the way is for that one.
            () = signals.cancel.notified() => Ok(()),
            driven = self.target.drive() => {
                if driven? == Driven::Read {
                    self.release_unasked().await?;
                }
                Ok(())
            }
            () = sleep(self.limits.client_idle_timeout) => {
                Err(Broken::Timeout("the client is idle"))
            }
        }
    }

    async fn release_unasked(&mut self) -> Result<(), Broken> {
        let max = self.limits.reply_message_bytes_max;
        let messages = take_whole_messages(self.target.inbox(), max).map_err(target_broke)?;
        if messages.is_empty() {
            return Ok(());
        }
        let chunk = Chunk { messages, pipeline: &mut self.pipeline };
        let released = self.session.release_unasked(chunk).await?;
        self.client.send(released).await
    }

    /// One request and its whole reply.
    async fn exchange(&mut self, mut segment: Segment) -> Result<(), Broken> {
        let Self { session, client, target, pipeline, limits, upstream, target_key, .. } = self;
        let signals = session.signals();

        let (mut exchange, permitted) = session.admit(&mut segment, client).await?;
        if let (true, Some(refusal)) = (permitted.is_empty(), exchange.refusal().cloned()) {
            let words = local_refusal(&refusal, pipeline.status);
            let released = exchange.refuse(&refusal, words).await?;
            exchange.close();
            return client.send(released).await;
        }
        let mut run = Run {
            target,
            pipeline,
            limits,
            ends: Ends::of(&segment),
            stop: Canceller { upstream, key: target_key.as_ref() },
        };
        run.pipeline.expect(std::mem::take(&mut segment.expects));
        run.target.send(permitted);
        while !(run.pipeline.is_idle() && run.target.is_sent()) {
            let (copying_in, has_room) = (run.pipeline.copying_in, run.target.is_sent());
            tokio::select! {
                biased;
                by = signals.killed() => {
                    run.stop.cancel().await;
                    return Err(Broken::Killed(by));
                }
                // Before the command is there, the target would have nothing to cancel.
                () = signals.cancel.notified(), if has_room => run.stop.cancel().await,
                driven = run.target.drive() => {
                    if driven? == Driven::Read {
                        run.release(&mut exchange, client).await?;
                    }
                }
                watched = watch(client, copying_in, has_room) => {
                    if let Err(broken) = watched {
                        run.stop.cancel().await;
                        return Err(broken);
                    }
                }
            }
            if run.wants_copy_data() && !client.inbox().is_empty() {
                run.forward_copy_data(&mut exchange, client).await?;
            }
        }
        exchange.close();
        Ok(())
    }

    /// The last words to the client, where there is anything to say.
    pub(crate) async fn farewell(&mut self, broken: &Broken) {
        let mut words = Vec::new();
        let (sqlstate, message): (_, String) = match broken {
            Broken::ClientGone | Broken::Unrecordable => return,
            Broken::TargetGone => ("08006", "the target closed the connection".into()),
            Broken::Client(why) => ("08P01", why.clone()),
            Broken::Target(_) => {
                ("XX000", "the target's reply could not be proven clean, so it is withheld".into())
            }
            Broken::Timeout(what) => ("57P05", (*what).to_owned()),
            Broken::Killed(by) => ("57P01", format!("the session was ended by `{by}`")),
        };
        let message = format!("portreeve: {message}");
        backend::put_error(&mut words, "FATAL", sqlstate, &message, None, None);
        if let Ok(released) = self.session.greet(words.into()).await {
            let _ = timeout(Duration::from_secs(2), self.client.send(released)).await;
        }
    }
}

/// Waits for COPY data where it is wanted and there is room for it, otherwise for the
/// client's departure.
async fn watch(client: &mut ClientSide, copying_in: bool, has_room: bool) -> Result<(), Broken> {
    match (copying_in, has_room) {
        (true, true) => client.read().await,
        (true, false) => std::future::pending().await,
        (false, _) => {
            client.gone().await;
            Err(Broken::ClientGone)
        }
    }
}

/// Tells the target to stop what runs.
struct Canceller<'a> {
    upstream: &'a Arc<Upstream>,
    key: Option<&'a (u32, Vec<u8>)>,
}

impl Canceller<'_> {
    async fn cancel(&self) {
        if let Some(key) = self.key
            && let Err(error) = cancel(&self.upstream.config, key).await
        {
            tracing::warn!(resource = self.upstream.name(), %error, "cancel failed");
        }
    }
}

/// How the reply to a request ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// With ReadyForQuery, after a simple query.
    SimpleReady,
    /// With ReadyForQuery, after Sync.
    SyncReady,
    /// Without: the client's Sync is still to come.
    Open,
}

impl Ends {
    fn of(segment: &Segment) -> Self {
        match (segment.kind, segment.expects.last()) {
            (Kind::Simple, _) => Self::SimpleReady,
            (Kind::Extended, Some(Expect::Ready | Expect::ReadyAfterRefusal)) => Self::SyncReady,
            (Kind::Extended, _) => Self::Open,
        }
    }
}

/// The target's half of a running exchange.
struct Run<'a> {
    target: &'a mut TargetSide,
    pipeline: &'a mut Pipeline,
    limits: &'a ProtocolLimits,
    ends: Ends,
    stop: Canceller<'a>,
}

impl Run<'_> {
    /// Passes on whatever whole messages have come.
    async fn release(
        &mut self,
        exchange: &mut Exchange<'_>,
        client: &mut ClientSide,
    ) -> Result<(), Broken> {
        let max = self.limits.reply_message_bytes_max;
        let messages = take_whole_messages(self.target.inbox(), max).map_err(target_broke)?;
        if messages.is_empty() {
            return Ok(());
        }
        let chunk = Chunk { messages, pipeline: self.pipeline };
        match exchange.release(chunk, client).await {
            Ok(released) => client.send(released).await,
            Err(Stop::Broken(broken)) => {
                self.stop.cancel().await;
                Err(broken)
            }
            Err(Stop::Refused(refusal)) => self.refuse(exchange, client, &refusal).await,
        }
    }

    /// The reply is refused: stops the target, drops the rest, says why.
    async fn refuse(
        &mut self,
        exchange: &mut Exchange<'_>,
        client: &mut ClientSide,
        refusal: &Refusal,
    ) -> Result<(), Broken> {
        if !self.pipeline.is_idle() {
            self.stop.cancel().await;
        }
        self.drain().await?;
        let mut words = Vec::new();
        match self.ends {
            Ends::SimpleReady | Ends::SyncReady => {
                if self.pipeline.status == b'T' {
                    // The client has seen an error: so must the transaction.
                    let failing = exchange.admit_data(Bytes::new(), failing_query()).await?;
                    self.pipeline.expect([Expect::ReadyAfterRefusal]);
                    self.target.send(failing);
                    self.drain().await?;
                }
                words.extend_from_slice(&local_refusal(refusal, self.pipeline.status));
            }
            Ends::Open => {
                backend::put_refusal(&mut words, refusal);
                self.pipeline.skipping = true;
                self.pipeline.owes_failure = true;
            }
        }
        let released = exchange.refuse(refusal, words.into()).await?;
        client.send(released).await
    }

    async fn drain(&mut self) -> Result<(), Broken> {
        let drained = timeout(DRAIN_TIMEOUT, async {
            loop {
                let max = self.limits.reply_message_bytes_max;
                let rest = take_whole_messages(self.target.inbox(), max).map_err(target_broke)?;
                self.pipeline.discard(rest)?;
                if self.pipeline.is_idle() {
                    return Ok(());
                }
                self.target.drive().await?;
            }
        });
        drained.await.map_err(|_| Broken::Timeout("the target does not stop"))?
    }

    fn wants_copy_data(&self) -> bool {
        self.pipeline.copying_in && self.target.is_sent()
    }

    /// Passes COPY data on to the target, durable first.
    async fn forward_copy_data(
        &mut self,
        exchange: &mut Exchange<'_>,
        client: &mut ClientSide,
    ) -> Result<(), Broken> {
        let (mut received, mut wire) = (BytesMut::new(), Vec::new());
        while self.pipeline.copying_in {
            let taken =
                take(client.inbox(), self.limits.message_bytes_max).map_err(client_broke)?;
            let Some(frame) = taken else { break };
            received.extend_from_slice(&frame.whole);
            match frontend::read(frame.tag, frame.body()) {
                Ok(frontend::Frontend::CopyData) => wire.extend_from_slice(&frame.whole),
                Ok(frontend::Frontend::CopyDone | frontend::Frontend::CopyFail) => {
                    wire.extend_from_slice(&frame.whole);
                    if self.ends != Ends::SimpleReady {
                        wire.extend_from_slice(&flush());
                    }
                    self.pipeline.copying_in = false;
                }
                // SPEC: ignored while COPY data is expected.
                Ok(frontend::Frontend::Flush | frontend::Frontend::Sync) => {}
                Ok(frontend::Frontend::Terminate) => return Err(Broken::ClientGone),
                Ok(_) | Err(_) => {
                    return Err(Broken::Client("unexpected message during COPY".into()));
                }
            }
        }
        if !received.is_empty() {
            self.target.send(exchange.admit_data(received.freeze(), wire.into()).await?);
        }
        Ok(())
    }
}

pub(crate) fn classify(known: &Known) -> portreeve_session::Classify {
    let catalog = known.catalog.clone();
    Arc::new(move |object| catalog.category_of(object).cloned())
}

pub(crate) fn client_broke(error: FrameError) -> Broken {
    Broken::Client(error.to_string())
}

fn target_broke(error: FrameError) -> Broken {
    Broken::Target(error.to_string())
}
