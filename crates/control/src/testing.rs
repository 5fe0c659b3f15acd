//! What tests of this crate share.

use crate::config::{self, Config};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder of its own that goes away with the test.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

/// Makes a folder.
pub(crate) fn folder(name: &str) -> Folder {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let unique = format!("portreeve-{name}-{}-{number}", std::process::id());
    Folder { path: std::env::temp_dir().join(unique) }
}

/// A log that keeps what it is given in memory.
#[derive(Clone, Default)]
pub(crate) struct Notes(pub(crate) std::sync::Arc<std::sync::Mutex<Vec<portreeve_model::Event>>>);

impl crate::administration::Recorder for Notes {
    fn record(
        &self,
        events: Vec<portreeve_model::Event>,
    ) -> portreeve_session::BoxFuture<'_, Result<(), String>> {
        self.0.lock().unwrap().extend(events);
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Reads a configuration that must be good.
pub(crate) fn config(text: &str) -> Config {
    let protocols = [&portreeve_protocol_postgres::MANIFEST];
    config::parse(Path::new("test.yaml"), text, &protocols).unwrap()
}
