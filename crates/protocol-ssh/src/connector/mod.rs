//! A machine as a connector serves it: the connector logs in, and speaks SSH with the gateway in
//! the machine's place.
//!
//! A gateway gets a stream on which somebody speaks SSH who asks for nothing: the link has proven
//! who both are, and its answer says the key of this one stream. Sessions of the gateway become
//! sessions at the machine; nothing else is passed on. So no credential is needed at the gateway,
//! none crosses the link, and the machine's user can do over it what it could do in a session:
//! no port is forwarded into the network.
//!
//! | file | idea |
//! |---|---|
//! | `dialer` | logs in at a machine, and begins to relay |
//! | `relay` | what a gateway may ask |
//! | `channel` | one session, both ways |

mod channel;
mod dialer;
mod relay;
#[cfg(test)]
mod tests;

pub use dialer::MachineDialer;
