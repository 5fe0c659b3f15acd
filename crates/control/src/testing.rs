//! What tests of this crate share.

use crate::config::{self, Config};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder of its own that goes away with the test.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    _above: TempDir,
}

/// The place of a folder; who is tested makes it.
pub(crate) fn folder(name: &str) -> Folder {
    let above = tempfile::tempdir().unwrap();
    Folder { path: above.path().join(name), _above: above }
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
