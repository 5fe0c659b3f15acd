//! Questions to the target on a connection of the gateway's own, and what they are answered.

use super::dial::{next, refused};
use crate::wire::{query, row};
use bytes::{Bytes, BytesMut};
use portreeve_decide::sql::postgres::questions::Row;
use portreeve_transport::{DialError, PreAuth};
use std::collections::HashMap;

/// Sends a statement that gives nothing.
pub(crate) async fn set(connection: &mut PreAuth, statement: &str) -> Result<(), DialError> {
    rows(connection, statement).await.map(drop)
}

pub(super) async fn rows(connection: &mut PreAuth, question: &str) -> Result<Vec<Row>, DialError> {
    connection.send(&query(question)).await?;
    let (mut rows, mut failed) = (Vec::new(), None);
    loop {
        // After an error that ends the session nothing more comes.
        let frame = match next(connection).await {
            Ok(frame) => frame,
            Err(error) => return Err(failed.unwrap_or(error)),
        };
        match frame.tag {
            b'D' => {
                let row = row(frame.body());
                rows.push(row.map_err(|error| DialError::Protocol(error.to_string()))?);
            }
            b'E' => failed = Some(refused(&frame)),
            b'Z' => return failed.map_or(Ok(rows), Err),
            _ => {}
        }
    }
}

/// The messages of the answer to a question that gives rows, as the server sent them: the
/// description, the rows, and how it ended. None where they are more than so many bytes.
pub(super) async fn answer(
    connection: &mut PreAuth,
    question: &str,
    bytes_max: usize,
) -> Result<Option<Bytes>, DialError> {
    connection.send(&query(question)).await?;
    let (mut messages, mut failed) = (BytesMut::new(), None);
    loop {
        let frame = match next(connection).await {
            Ok(frame) => frame,
            Err(error) => return Err(failed.unwrap_or(error)),
        };
        match frame.tag {
            b'E' => failed = Some(refused(&frame)),
            // What prepares it gives no rows.
            b'T' | b'D' | b'C' | b'Z' if frame.tag == b'T' || !messages.is_empty() => {
                messages.extend_from_slice(&frame.whole);
            }
            _ => {}
        }
        if messages.len() > bytes_max {
            return Ok(None);
        }
        if frame.tag == b'Z' {
            return failed.map_or(Ok(Some(messages.freeze())), Err);
        }
    }
}

pub(super) fn text(row: &Row, index: usize) -> &str {
    row.get(index).and_then(|value| value.as_deref()).unwrap_or_default()
}

pub(super) fn number<N: std::str::FromStr + Default>(row: &Row, index: usize) -> N {
    text(row, index).parse().unwrap_or_default()
}

/// Rows by their first value.
pub(super) fn group(rows: &[Row]) -> HashMap<&str, Vec<&Row>> {
    let mut groups: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows {
        groups.entry(text(row, 0)).or_default().push(row);
    }
    groups
}
