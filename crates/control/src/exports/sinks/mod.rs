//! Where events go. A delivery is whole or has failed; a failed one is made again.

mod file;
mod http;
mod nats;
mod s3;
mod syslog;

use super::event::ExportEvent;
use crate::config::{Export, ExportSink};
use file::FileSink;
use http::HttpSink;
use nats::NatsSink;
use s3::S3Sink;
use std::sync::Arc;
use std::time::Duration;
use syslog::SyslogSink;
use tokio::sync::Mutex;

/// A receiver, and how events are written for it.
pub(super) struct Sink {
    export: Export,
    receiver: Receiver,
}

enum Receiver {
    File(Arc<std::sync::Mutex<FileSink>>),
    Syslog(Mutex<SyslogSink>),
    Http(Box<HttpSink>),
    S3(Box<S3Sink>),
    Nats(Box<Mutex<NatsSink>>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sink({})", self.export.sink.word())
    }
}

impl Sink {
    /// Prepares a receiver; does not talk to it yet.
    pub(super) fn new(export: &Export) -> Result<Self, String> {
        let receiver = match &export.sink {
            ExportSink::File(file) => {
                Receiver::File(Arc::new(std::sync::Mutex::new(FileSink::new(file.clone()))))
            }
            ExportSink::Syslog(syslog) => {
                Receiver::Syslog(Mutex::new(SyslogSink::new(syslog.clone())?))
            }
            ExportSink::Webhook(webhook) => Receiver::Http(Box::new(HttpSink::webhook(webhook)?)),
            ExportSink::SplunkHec(splunk) => Receiver::Http(Box::new(HttpSink::splunk(splunk)?)),
            ExportSink::Elasticsearch(elastic) => {
                Receiver::Http(Box::new(HttpSink::elasticsearch(elastic)?))
            }
            ExportSink::Otlp(otlp) => Receiver::Http(Box::new(HttpSink::otlp(otlp)?)),
            ExportSink::S3(s3) => Receiver::S3(Box::new(S3Sink::new(s3)?)),
            ExportSink::Nats(nats) => {
                Receiver::Nats(Box::new(Mutex::new(NatsSink::new(nats.clone())?)))
            }
        };
        Ok(Self { export: export.clone(), receiver })
    }

    /// How long events are gathered before they are handed over; none: as they come.
    pub(super) fn gathers(&self) -> Option<Duration> {
        match &self.export.sink {
            ExportSink::S3(s3) => Some(s3.every),
            ExportSink::File(_)
            | ExportSink::Syslog(_)
            | ExportSink::Webhook(_)
            | ExportSink::SplunkHec(_)
            | ExportSink::Elasticsearch(_)
            | ExportSink::Otlp(_)
            | ExportSink::Nats(_) => None,
        }
    }

    /// Hands events over. When this returns, the receiver has all of them.
    pub(super) async fn deliver(&self, events: &[ExportEvent]) -> Result<(), String> {
        let redacted: Vec<ExportEvent> = events.iter().map(|event| self.redacted(event)).collect();
        let format = self.export.format;
        match &self.receiver {
            Receiver::File(file) => {
                let lines: Vec<String> = redacted.iter().map(|event| format.write(event)).collect();
                let file = file.clone();
                let write = move || {
                    let mut file = file.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    file.append(&lines)
                };
                match tokio::task::spawn_blocking(write).await {
                    Ok(written) => written.map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            }
            Receiver::Syslog(syslog) => syslog.lock().await.send(&redacted, format).await,
            Receiver::Http(http) => http.post(&redacted, format).await,
            Receiver::S3(s3) => s3.put(&redacted, format).await,
            Receiver::Nats(nats) => nats.lock().await.send(&redacted, format).await,
        }
    }

    fn redacted(&self, event: &ExportEvent) -> ExportEvent {
        let mut event = event.clone();
        self.export.redact.apply(&mut event);
        event
    }
}
