//! The data of a COPY that a person is asked about: they are taken before anybody is asked and
//! kept until the answer, so that what was approved is what is written.
//!
//! The client is told that its data are wanted, as the server would; the server, when the COPY
//! runs, says so once more, to nobody.

use super::{Connection, client_erred};
use crate::reply::CopyEnd;
use crate::reply::Status;
use crate::request::{CopyIn, CopyShape, CopyStep, MessageBatch};
use crate::wire::{Frame, sqlstate, take};
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
    copy_in: CopyIn,
    end: Option<CopyEnd>,
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
                Some(frame) => staging.add(&frame)?,
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
        if let Some(CopyEnd::Failed) = staging.end {
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
        Self {
            context: Context::new(&SHA256),
            frames: BytesMut::new(),
            bytes: 0,
            bytes_max,
            // Masks are looked for when the statement runs.
            copy_in: CopyIn::default(),
            end: None,
        }
    }

    fn is_over(&self) -> bool {
        self.bytes > self.bytes_max
    }

    fn add(&mut self, frame: &Frame) -> Result<(), SessionError> {
        match self.copy_in.read(frame)? {
            CopyStep::Data | CopyStep::Mask => {
                self.bytes = self.bytes.saturating_add(frame.body().len() as u64);
                if self.is_over() {
                    self.frames = BytesMut::new();
                    return Ok(());
                }
                self.context.update(frame.body());
            }
            CopyStep::Ended(end) => self.end = Some(end),
            CopyStep::Ignored => return Ok(()),
        }
        self.frames.extend_from_slice(&frame.whole);
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
    use crate::wire::put;

    #[test]
    fn what_is_bound_is_what_was_sent_and_no_more_is_kept_than_may_be() {
        let frame = |tag: u8, body: &[u8]| {
            let mut whole = Vec::new();
            put(&mut whole, tag, |out| out.extend_from_slice(body));
            Frame { tag, whole: whole.into() }
        };
        let mut staging = Staging::new(8);
        staging.add(&frame(b'd', b"1\tx\n")).unwrap();
        staging.add(&frame(b'H', b"")).unwrap();
        assert!(staging.end.is_none() && staging.frames.len() == 9);
        staging.add(&frame(b'c', b"")).unwrap();
        assert_eq!(staging.end, Some(CopyEnd::Done));
        let expect = aws_lc_rs::digest::digest(&SHA256, b"1\tx\n");
        assert_eq!(staging.context.finish().as_ref(), expect.as_ref());

        let mut staging = Staging::new(8);
        staging.add(&frame(b'd', b"123456789")).unwrap();
        assert!(staging.is_over() && staging.frames.is_empty());
        assert!(matches!(staging.add(&frame(b'X', b"")), Err(SessionError::ClientGone)));
        assert!(matches!(staging.add(&frame(b'Q', b"select 1\0")), Err(SessionError::Client(_))));
    }
}
