//! Connections that answers have left, for the next requests of the same caller.

use super::{Address, Line};
use std::sync::{Mutex, PoisonError};

/// As many as are kept.
const LINES_MAX: usize = 4;

/// Connections of one caller.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Vec<Line>>);

impl Lines {
    /// One that is still good, and leads to this address.
    ///
    /// SECURITY: another configuration may say another host and another credential: what opens the
    /// one must not go to the other. Lines of an address that is not asked any more are dropped.
    pub(crate) fn take(&self, address: &Address) -> Option<Line> {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(line) = lines.pop() {
            if line.is_ready() && line.belongs_to(address.number) {
                // Others may ask over it at the same time, where its protocol lets them.
                lines.extend(line.shared());
                return Some(line);
            }
        }
        None
    }

    /// Leaves one whose answer was read to its end.
    pub(crate) fn leave(&self, line: Line) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_there = line.is_shared() && lines.iter().any(Line::is_shared);
        if lines.len() < LINES_MAX && !is_there {
            lines.push(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credential::Credential;
    use crate::target::{Http2, Service};
    use portreeve_transport::{TargetTls, TcpTarget};
    use std::time::Duration;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_line_leads_to_the_address_that_it_was_opened_for() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = TcpTarget {
            host: "127.0.0.1".into(),
            port: listener.local_addr().unwrap().port(),
            tls: TargetTls::Disabled,
            timeout: Duration::from_secs(20),
        };
        let address = || Address::new(Service::new(place.clone(), Http2::Never, Credential::Open));
        let (one, other, lines) = (address(), address(), Lines::default());
        let mut line = Line::dial(&place, Http2::Never).await.unwrap();
        assert!(line.ready().await);
        line.belong_to(one.number);
        lines.leave(line);
        let line = lines.take(&one).unwrap();
        lines.leave(line);
        assert!(lines.take(&other).is_none() && lines.take(&one).is_none());
    }
}
