//! The log as it is written: recorders, a queue, who makes durable, recovery.

pub(crate) mod clock;
pub(crate) mod evidence_log;
pub(crate) mod health;
pub(crate) mod journal;
pub(crate) mod maintenance;
pub(crate) mod opening;
pub(crate) mod options;
pub(crate) mod pace;
pub(crate) mod receipt;
pub(crate) mod recorder;
pub(crate) mod recover;
pub(crate) mod reserve;
pub(crate) mod shared;
pub(crate) mod successor;
pub(crate) mod unit;
pub(crate) mod writer;
