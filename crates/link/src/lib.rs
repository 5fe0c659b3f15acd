//! The link between a gateway and a connector (floor 3): one connection that the connector
//! dials, and many streams over it.
//!
//! A connector stands in a target's network, holds its credentials and logs in there itself.
//! What the gateway gets is a stream behind the login, what the target says of itself, and a way
//! to stop what runs: no credential crosses the link. Nothing here knows an engine, a policy or a
//! protocol of a target; how a target is logged in at is a [`portreeve_transport::Dialer`] at
//! both ends.
//!
//! | room | idea |
//! |---|---|
//! | `authority`, `key`, `invite`, `tls` | who each end is |
//! | `carrier` | how a connector gets to a gateway |
//! | `mux`, `message`, `counting` | streams over one connection, and what is said over them |
//! | `gateway` | the gateway's end: who is there, and dialling through them |
//! | `connector` | the connector's end: dialling out, serving streams, its stream log |

mod authority;
mod carrier;
pub mod connector;
mod counting;
pub mod gateway;
mod invite;
mod key;
mod message;
mod mux;
#[cfg(test)]
mod tests;
mod tls;

pub use authority::{Authority, CLOCK_SKEW_MAX, CredentialError, PublicKey};
pub use carrier::{Carrier, CarrierError, NoProxy, Proxy, is_authority};
pub use invite::{Fingerprint, Invite, NoInvite};
pub use key::ConnectorKey;
pub use message::Facts;
