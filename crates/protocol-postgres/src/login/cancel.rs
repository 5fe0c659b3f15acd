//! Cancel keys: the gateway's own, unguessable, mapped to sessions. The target's keys never
//! reach a client.

use portreeve_session::Session;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// A key that a client may cancel its session with.
#[derive(Clone, Debug)]
pub(crate) struct CancelKey {
    pub(crate) process: u32,
    pub(crate) key: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    key: Vec<u8>,
    session: Session,
}

/// Every open session's key.
#[derive(Debug, Default)]
pub(crate) struct CancelKeys {
    entries: Mutex<HashMap<u32, Entry>>,
}

/// Length of a key in protocol 3.0, where it is fixed, and from 3.2 on.
const KEY_BYTES_SHORT: usize = 4;
const KEY_BYTES_LONG: usize = 32;

impl CancelKeys {
    /// Makes a key for a session. The process number is random too: in protocol 3.0 the
    /// two together make 63 bits.
    pub(crate) fn issue(&self, minor: u32, session: Session) -> Option<CancelKey> {
        let bytes = if minor >= 2 { KEY_BYTES_LONG } else { KEY_BYTES_SHORT };
        let mut key = vec![0; bytes];
        aws_lc_rs::rand::fill(&mut key).ok()?;
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut process = [0; 4];
            aws_lc_rs::rand::fill(&mut process).ok()?;
            let process = u32::from_be_bytes(process) >> 1;
            if process == 0 || entries.contains_key(&process) {
                continue;
            }
            entries.insert(process, Entry { key: key.clone(), session });
            return Some(CancelKey { process, key });
        }
    }

    pub(crate) fn retire(&self, process: u32) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(&process);
    }

    /// Cancels what runs in the session that the key belongs to; false for a wrong key.
    pub(crate) fn cancel(&self, process: u32, key: &[u8]) -> bool {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let found = entries.get(&process).filter(|entry| {
            // SECURITY: the time must not tell how much of a guess was right.
            aws_lc_rs::constant_time::verify_slices_are_equal(&entry.key, key).is_ok()
        });
        if let Some(entry) = found {
            entry.session.cancel();
        }
        found.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_session::Answer;
    use portreeve_testkit::world::World;

    const CONNECT: &str =
        r#"@id("connect") permit(principal, action == Action::"connect", resource);"#;

    #[tokio::test]
    async fn only_the_whole_key_cancels() {
        let keys = CancelKeys::default();
        let world = World::new(CONNECT, Answer::Expired).await;
        let session = world.session("toy").await.unwrap();
        let key = keys.issue(2, session.clone()).unwrap();
        assert_eq!(key.key.len(), KEY_BYTES_LONG);
        assert!(!keys.cancel(key.process, &key.key[..31]));
        assert!(!keys.cancel(key.process, &[0; 32]));
        assert!(!keys.cancel(key.process ^ 1, &key.key));
        assert!(keys.cancel(key.process, &key.key));
        keys.retire(key.process);
        assert!(!keys.cancel(key.process, &key.key));
        assert_eq!(keys.issue(0, session).unwrap().key.len(), KEY_BYTES_SHORT);
    }
}
