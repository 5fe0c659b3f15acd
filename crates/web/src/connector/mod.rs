//! A service as a connector serves it: requests come without what opens it, and get that here.
//!
//! A gateway gets a stream of HTTP/1.1. Each request on it is read, looked at, opened, and sent as
//! a request of the connector's own: what one end takes for a body, the other cannot take for a
//! request. Each answer is looked through for the credential, which a service may show again, and
//! goes on as it comes.
//!
//! | file | idea |
//! |---|---|
//! | `dialer` | reaches a service, and relays what is asked over one stream |
//! | `request` | what a gateway may ask |
//! | `answer` | what of an answer goes back |
//! | `refusal` | why there is no answer, from one end to the other |

mod answer;
mod dialer;
mod refusal;
mod request;
#[cfg(test)]
mod tests;

pub use dialer::{ServiceDialer, Unservable};
pub(crate) use refusal::Refusal;
pub(crate) use request::RelayedBody;

use http::HeaderName;

/// What a gateway says of the body of its request: SHA-256, in hexadecimal. Signatures hold it;
/// who is told a false one has a signature that nobody accepts.
pub(crate) const BODY_DIGEST: HeaderName = HeaderName::from_static("portreeve-body-digest");
/// What the two ends say to each other begins so: no service says it, or hears it.
const OWN_PREFIX: &str = "portreeve-";
