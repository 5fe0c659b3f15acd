//! What lies in a log's directory, byte for byte: `docs/formats/evidence-log.md`.

pub(crate) mod frame;
pub(crate) mod layout;
pub(crate) mod outline;
pub(crate) mod policy_text;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod scan;
pub(crate) mod segment;
