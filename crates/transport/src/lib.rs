//! Streams, TLS on both sides, the connection before its session, and dialling (floor 2).
//!
//! A connection starts as a [`PreAuth`], where handshakes are made and no data of the other
//! side is in reach. The engine turns it into one of its two sides, which take proofs only.
//! Nothing here knows an engine, a policy or the gateway's configuration: a connector uses
//! the same parts.
//!
//! | file | idea |
//! |---|---|
//! | `pre_auth` | a connection before its session: bounded reading, the gateway's own words |
//! | `tls` | encrypting either side |
//! | `dial` | reaching a target and logging in there |
//! | `held` | a stream that takes along what must stay as long as it does |
//! | `owned` | a stream that takes along the work behind it |
//! | `aws` | signatures that services of AWS ask for |

mod aws;
mod dial;
mod error;
mod held;
mod owned;
mod pre_auth;
mod tls;

pub use aws::{AWS_ALGORITHM, AwsKey, AwsSignature, percent_encode};
pub use dial::{BoxFuture, CancelHandle, Dialer, LoggedIn, TcpTarget};
pub use error::DialError;
pub use owned::Owned;
pub use pre_auth::{EarlyData, PreAuth, Stream};
pub use tls::{Accepted, Connected, TargetTls, accept, connect};
