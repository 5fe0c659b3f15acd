//! SSH through the engine (floor 4).
//!
//! A client's connection is a session, and each of its channels an exchange. A command is read as
//! a shell reads it, decided program by program and file by file, and sent in one spelling; what
//! comes back is masked as it streams by. What is no command, file or terminal is closed.
//!
//! | room | idea |
//! |---|---|
//! | `request` | what a channel asks for, and its bytes for the target |
//! | `reply` | output, error output and how it ended, masked |
//! | `replay` | recordings read back |
//! | `inbox` | what an end of a channel has sent and nobody has taken |
//! | `certificates` | who certifies clients, the gateway and targets, and what is accepted |
//! | `target` | where a machine is, how it proves what it is, what opens it |
//! | `connector` | a machine as a connector serves it |
//! | `sftp` | files: packets, operations as commands, contents masked |
//! | `terminal` | a screen between the target's program and the client |
//! | `service` | connections, their logins, and the loop of one exchange |
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[cfg(test)]
mod canary;
mod certificates;
mod connector;
mod inbox;
mod keys;
mod manifest;
pub mod replay;
mod reply;
mod request;
mod service;
mod sftp;
mod streams;
mod target;
mod terminal;

pub use certificates::{
    Certificates, ClientAuthority, Flaw, HostAuthority, Shown, TargetAuthority, ToCertify,
};
pub use connector::MachineDialer;
pub use keys::{HostKey, KeyError, PinnedKeys, fresh_key, public_half};
pub use manifest::MANIFEST;
pub use portreeve_decide::shell::Programs;
pub use service::{Authorities, Ssh, SshLimits, SshParts};
pub use target::{Credential, HostProof, Reach, Reached, Reaches, Target, TargetParts, Way};

/// The protocol's name in the configuration, in records and in metrics.
pub const NAME: &str = "ssh";

/// What a connector says with a login: the public key at its end of the stream.
pub(crate) const HOST_KEY: &str = "host_key";
