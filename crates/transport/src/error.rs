//! Why a target cannot be reached.

use std::io;
use std::net::IpAddr;
use thiserror::Error;

/// Why a target cannot be reached, in an operator's words.
#[derive(Debug, Error)]
pub enum DialError {
    /// The network.
    #[error("target cannot be reached: {0}")]
    Io(#[from] io::Error),
    /// Nobody answered.
    #[error("target did not answer in time")]
    Timeout,
    /// The target speaks in the clear only.
    #[error(
        "target does not offer TLS; hint: switch TLS on there, or `tls: disable` for a target on loopback"
    )]
    NoTls,
    /// A name that no certificate can have.
    #[error("target's host name `{0}` is not valid for TLS")]
    HostName(String),
    /// The target said no.
    #[error("target refused the gateway ({code}): {message}")]
    Refused {
        /// The target's own code: a SQLSTATE, a status.
        code: String,
        /// The target's own words.
        message: String,
    },
    /// The target wants to be convinced in a way that is not offered.
    #[error("target asks for an authentication that is not supported: {0}")]
    Authentication(&'static str),
    /// What opens the target is not there.
    #[error("what opens the target cannot be had: {0}")]
    NoCredential(&'static str),
    /// The target said something unexpected.
    #[error("target broke the protocol: {0}")]
    Protocol(String),
    /// An address where no target is.
    #[error("`{0}` is no address of a target: it belongs to the machine's network itself")]
    Forbidden(IpAddr),
    /// Nobody is there who could reach it.
    #[error(
        "no connector serves `{0}` now; hint: `portreeve connectors ls` on the gateway's machine"
    )]
    NoConnector(String),
    /// A connector could not reach it, or did not want to.
    #[error("connector `{name}`: {why}")]
    Connector {
        /// Which.
        name: String,
        /// In its words.
        why: String,
    },
}
