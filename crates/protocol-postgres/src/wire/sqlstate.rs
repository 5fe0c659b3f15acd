//! Codes of errors. SPEC: PostgreSQL "Error Codes".

pub(crate) const FEATURE_NOT_SUPPORTED: &str = "0A000";
pub(crate) const INVALID_STATEMENT_NAME: &str = "26000";
pub(crate) const INVALID_CURSOR_NAME: &str = "34000";
pub(crate) const SERIALIZATION_FAILURE: &str = "40001";
pub(crate) const INSUFFICIENT_PRIVILEGE: &str = "42501";
pub(crate) const SYNTAX_ERROR: &str = "42601";
pub(crate) const UNDEFINED_TABLE: &str = "42P01";
pub(crate) const PROGRAM_LIMIT: &str = "54000";
pub(crate) const QUERY_CANCELED: &str = "57014";
pub(crate) const CANNOT_CONNECT_NOW: &str = "57P03";
pub(crate) const PREREQUISITE_STATE: &str = "55000";
