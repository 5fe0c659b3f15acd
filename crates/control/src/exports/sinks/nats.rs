//! NATS `JetStream`: a message for each event; the stream's acknowledgement says that it has it.
//! The event's id is the message's (`Nats-Msg-Id`), so that a stream takes one that comes twice
//! within its window once.

use super::super::event::ExportEvent;
use crate::config::Encoding;
use crate::config::NatsExport;
use crate::http::tls;
use async_nats::jetstream::Context;
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::{ConnectOptions, Event};
use std::time::Duration;

/// From the first message to the last acknowledgement.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The connection, while there is one.
pub(super) struct NatsSink {
    config: NatsExport,
    stream: Option<Context>,
}

impl NatsSink {
    pub(super) fn new(config: NatsExport) -> Result<Self, String> {
        // What cannot be read is said before anything is to be sent.
        tls(config.ca.as_deref())?;
        Ok(Self { config, stream: None })
    }

    pub(super) async fn send(
        &mut self,
        events: &[ExportEvent],
        format: Encoding,
    ) -> Result<(), String> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        let subject = &self.config.subject;
        let sending = async {
            let mut waited_for = Vec::with_capacity(events.len());
            for event in events {
                let message = PublishMessage::build()
                    .message_id(&event.id)
                    .payload(format.write(event).into());
                let sent = stream.send_publish(subject.clone(), message).await;
                waited_for.push(sent.map_err(|error| self.why(&error))?);
            }
            for taken in waited_for {
                taken.await.map_err(|error| self.why(&error))?;
            }
            Ok(())
        };
        match tokio::time::timeout(SEND_TIMEOUT, sending).await {
            // What failed is connected anew.
            Ok(sent) => sent.map(|()| self.stream = Some(stream)),
            Err(_) => Err(format!("it took nothing for {} s", SEND_TIMEOUT.as_secs())),
        }
    }

    fn why(&self, error: &async_nats::jetstream::context::PublishError) -> String {
        match error.kind() {
            PublishErrorKind::StreamNotFound => {
                format!("no stream of JetStream takes the subject `{}`", self.config.subject)
            }
            _ => error.to_string(),
        }
    }

    async fn connect(&self) -> Result<Context, String> {
        let secret = |source: &crate::config::SecretSource| {
            source.resolve().map_err(|error| error.to_string())
        };
        let mut options = ConnectOptions::new()
            .name("portreeve")
            .connection_timeout(CONNECT_TIMEOUT)
            // Whoever delivers knows when to try again.
            .max_reconnects(1)
            .event_callback(|event| async move {
                if let Event::ServerError(error) = event {
                    tracing::warn!(%error, "NATS says");
                }
            });
        if self.config.is_encrypted() {
            options = options.tls_client_config(tls(self.config.ca.as_deref())?).require_tls(true);
        }
        if let Some(token) = &self.config.token {
            options = options.token(secret(token)?.reveal().clone());
        }
        if let Some((user, password)) = self.config.user.clone().zip(self.config.password.as_ref())
        {
            options = options.user_and_password(user, secret(password)?.reveal().clone());
        }
        let connecting = options.connect(&self.config.url);
        let client = tokio::time::timeout(CONNECT_TIMEOUT * 2, connecting).await;
        let client = client.map_err(|_| "it does not answer".to_owned())?;
        Ok(async_nats::jetstream::new(client.map_err(|error| error.to_string())?))
    }
}
