//! One file a command.

pub(crate) mod accounts;
pub(crate) mod anomalies;
pub(crate) mod connect;
pub(crate) mod connectors;
pub(crate) mod detect;
pub(crate) mod evidence;
pub(crate) mod finder;
pub(crate) mod gateway;
pub(crate) mod login;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod policy;
pub(crate) mod report;
pub(crate) mod reviews;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod ssh;
pub(crate) mod status;
pub(crate) mod token;
pub(crate) mod tools;
pub(crate) mod verify;
pub(crate) mod whoami;
pub(crate) mod witness;
