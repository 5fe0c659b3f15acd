//! The data of a COPY that a person is asked about: they are taken before anybody is asked and
//! kept until the answer, so that what was approved is what is written.
//!
//! The client is told that its data are wanted, as the server would; the server, when the COPY
//! runs, says so once more, to nobody.

use super::{Connection, client_erred};
use crate::reply::Status;
use crate::request::{CopyShape, MessageBatch};
use crate::wire::{Frontend, read, sqlstate, take};
use aws_lc_rs::digest::{Context, SHA256};
use bytes::BytesMut;
use portreeve_decide::sql::CopyFormat;
use portreeve_model::{Digest, Upload};
use portreeve_session::{DataForm, Request, SessionError};
use tokio::time::sleep;

/// What has come of it.
struct Staging {
    context: Context,
    frames: BytesMut,
    bytes: u64,
    bytes_max: u64,
    end: Option<End>,
}

/// How the client ended it.
enum End {
    Done,
    Failed,
}

impl Connection {
    /// Takes the data of a COPY that would be held, and binds the request to them. What the
    /// client has sent, where it has to be sent on.
    pub(super) async fn stage_upload(
        &mut self,
        batch: &mut MessageBatch,
    ) -> Result<Option<BytesMut>, SessionError> {
        let Some(shape) = batch.copies_in() else { return Ok(None) };
        let snapshot = self.assembler.snapshot();
        if !batch.commands().iter().any(|one| snapshot.is_reviewed(&one.command)) {
            return Ok(None);
        }
        if self.machine.status() == Status::Failed {
            return Ok(None);
        }
        let released = self.session.ask_for_data(form(shape), shape.columns).await?;
        self.client.send(released).await?;
        let bytes_max = self.session.held_bytes_max();
        let mut staging = Staging::new(bytes_max);
        while staging.end.is_none() {
            let max = self.limits.message_bytes_max;
            match take(self.client.inbox(), max).map_err(client_erred)? {
                Some(frame) => staging.add(frame.tag, frame.body(), &frame.whole)?,
                None => self.wait_for_data().await?,
            }
        }
        Ok(self.bind(batch, staging))
    }

    fn bind(&mut self, batch: &mut MessageBatch, staging: Staging) -> Option<BytesMut> {
        if staging.is_over() {
            let why = format!(
                "an upload that is held for review may have {} bytes at most: send it in parts \
                 (`limits.held_bytes_max`)",
                staging.bytes_max
            );
            batch.refuse(self.assembler.refused(sqlstate::PROGRAM_LIMIT, &why));
            return None;
        }
        if let Some(End::Failed) = staging.end {
            let why = "COPY from stdin failed: the client has given it up";
            batch.refuse(self.assembler.refused(sqlstate::QUERY_CANCELED, why));
            return None;
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(staging.context.finish().as_ref());
        batch.upload = Upload::Bound { digest: Digest(digest), bytes: staging.bytes };
        Some(staging.frames)
    }

    async fn wait_for_data(&mut self) -> Result<(), SessionError> {
        tokio::select! {
            biased;
            ended = self.session.ended() => Err(ended.into()),
            read = self.client.read() => read,
            () = sleep(self.limits.client_idle_timeout) => {
                Err(SessionError::Timeout("the client is idle"))
            }
        }
    }
}

impl Staging {
    fn new(bytes_max: u64) -> Self {
        let context = Context::new(&SHA256);
        Self { context, frames: BytesMut::new(), bytes: 0, bytes_max, end: None }
    }

    fn is_over(&self) -> bool {
        self.bytes > self.bytes_max
    }

    fn add(&mut self, tag: u8, body: &[u8], whole: &[u8]) -> Result<(), SessionError> {
        match read(tag, body) {
            Ok(Frontend::CopyData) => {
                self.bytes = self.bytes.saturating_add(body.len() as u64);
                if self.is_over() {
                    self.frames = BytesMut::new();
                    return Ok(());
                }
                self.context.update(body);
            }
            Ok(Frontend::CopyDone) => self.end = Some(End::Done),
            Ok(Frontend::CopyFail) => self.end = Some(End::Failed),
            // SPEC: ignored while COPY data is expected.
            Ok(Frontend::Flush | Frontend::Sync) => return Ok(()),
            Ok(Frontend::Terminate) => return Err(SessionError::ClientGone),
            Ok(_) | Err(_) => {
                return Err(SessionError::Client("unexpected message during COPY".into()));
            }
        }
        self.frames.extend_from_slice(whole);
        Ok(())
    }
}

fn form(shape: CopyShape) -> DataForm {
    match shape.format {
        CopyFormat::Binary => DataForm::Binary,
        CopyFormat::Text | CopyFormat::Csv => DataForm::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bound_is_what_was_sent_and_no_more_is_kept_than_may_be() {
        let mut staging = Staging::new(8);
        staging.add(b'd', b"1\tx\n", b"d\0\0\0\x081\tx\n").unwrap();
        staging.add(b'H', b"", b"H\0\0\0\x04").unwrap();
        assert!(staging.end.is_none() && staging.frames.len() == 9);
        staging.add(b'c', b"", b"c\0\0\0\x04").unwrap();
        assert!(matches!(staging.end, Some(End::Done)));
        let expect = aws_lc_rs::digest::digest(&SHA256, b"1\tx\n");
        assert_eq!(staging.context.finish().as_ref(), expect.as_ref());

        let mut staging = Staging::new(8);
        staging.add(b'd', b"123456789", b"d\0\0\0\x0d123456789").unwrap();
        assert!(staging.is_over() && staging.frames.is_empty());
        assert!(matches!(staging.add(b'X', b"", b""), Err(SessionError::ClientGone)));
        assert!(staging.add(b'Q', b"select 1\0", b"").is_err());
    }
}
