//! Credentials from where they are kept: the environment, files, systemd, Vault or OpenBao, and
//! Secrets Manager of AWS.
//!
//! They are read when somebody logs in, not with the configuration. What comes over the network is
//! kept for a bounded time; where it cannot be had, nothing older takes its place, and nobody is
//! dialled.
//!
//! | file | idea |
//! |---|---|
//! | `source` | where a secret is, as the configuration says it |
//! | `local` | on this machine |
//! | `ask` | a question over HTTP, from wherever a secret is needed |
//! | `kept` | what was given, for a while |
//! | `vault` | key-value secrets, and credentials of databases |
//! | `store` | what opens Vault or OpenBao, and asking it |
//! | `lease` | credentials that are made for this process, and given back |
//! | `aws` | Secrets Manager |

mod ask;
mod aws;
mod kept;
mod lease;
mod local;
mod source;
mod store;
mod vault;

pub use aws::AwsSecret;
pub use kept::{Kept, Login};
pub use lease::Lease;
pub use local::{LocalSecret, SecretError};
pub use source::SecretSource;
pub use store::AppRole;
pub use vault::VaultSecret;
