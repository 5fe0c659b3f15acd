//! Logs in at a machine for a gateway, and relays what it asks for there.

use super::relay::{Relay, Tasks};
use crate::HOST_KEY;
use crate::certificates::Label;
use crate::inbox::WINDOW_BYTES;
use crate::keys::HostKey;
use crate::target::{Reach, WITHIN_A_LINK, Wire};
use portreeve_transport::{BoxFuture, DialError, Dialer, LoggedIn, Owned, PreAuth};
use russh::server;
use russh::{Disconnect, MethodKind, MethodSet};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::time::timeout;

/// What waits between the link and the relay, each way.
const BUFFER_BYTES: usize = 64 << 10;
/// How long a goodbye may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Reaches a machine, with what opens it.
#[derive(Clone, Debug)]
pub struct MachineDialer {
    reach: Arc<Reach>,
}

impl MachineDialer {
    /// A way to a machine.
    #[must_use]
    pub fn new(reach: Reach) -> Self {
        Self { reach: Arc::new(reach) }
    }

    async fn open(&self, settings: &BTreeMap<String, String>) -> Result<LoggedIn, DialError> {
        let wire = self.reach.dial(None, &Label::heard(settings)).await?;
        let (key, _) = HostKey::fresh().map_err(io::Error::other)?;
        let (here, there) = tokio::io::duplex(BUFFER_BYTES);
        let parameters = vec![(HOST_KEY.to_owned(), key.public())];
        let work = tokio::spawn(relay(there, key, wire));
        let connection = PreAuth::new(Box::new(Owned::new(here, work)));
        Ok(LoggedIn { connection, parameters, cancel: None })
    }
}

impl Dialer for MachineDialer {
    fn dial<'a>(
        &'a self,
        settings: &'a BTreeMap<String, String>,
    ) -> BoxFuture<'a, Result<LoggedIn, DialError>> {
        Box::pin(self.open(settings))
    }
}

/// Speaks SSH with a gateway until either end is gone.
async fn relay(stream: DuplexStream, key: HostKey, wire: Wire) {
    let wire = Arc::new(wire);
    let tasks = Tasks::default();
    let _ending = Ending { wire: wire.clone(), tasks: tasks.clone() };
    let mut methods = MethodSet::empty();
    methods.push(MethodKind::None);
    let config = server::Config {
        methods,
        keys: vec![(*key.0).clone()],
        window_size: WINDOW_BYTES,
        preferred: WITHIN_A_LINK,
        // The link and the gateway end what is silent.
        inactivity_timeout: None,
        ..server::Config::default()
    };
    let relay = Relay::new(wire.clone(), tasks);
    if let Ok(running) = server::run_stream(Arc::new(config), stream, relay).await {
        let handle = running.handle();
        tokio::pin!(running);
        tokio::select! {
            _ = &mut running => {}
            () = wire.over() => {
                let why = "the machine has closed the connection".to_owned();
                let by = Disconnect::ByApplication;
                let _ = handle.disconnect(by, why, String::new()).await;
                let _ = timeout(CLOSE_TIMEOUT, running).await;
            }
        }
    }
}

/// The stream is over, in order or because its link broke: what was said last gets to the machine,
/// and the connection to it ends.
struct Ending {
    wire: Arc<Wire>,
    tasks: Tasks,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let (wire, tasks) = (self.wire.clone(), self.tasks.clone());
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        // Bounded by its two waits; whoever had the stream does not wait for it.
        runtime.spawn(async move {
            let mut tasks =
                std::mem::take(&mut *tasks.lock().unwrap_or_else(PoisonError::into_inner));
            let quiet = async { while tasks.join_next().await.is_some() {} };
            let _ = timeout(CLOSE_TIMEOUT, quiet).await;
            let _ = timeout(CLOSE_TIMEOUT, wire.close()).await;
        });
    }
}
