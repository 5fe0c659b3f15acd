//! What the operator says of a service.

use crate::document::Document;
use std::sync::Arc;

/// A description of a service, and what becomes of what it has not.
#[derive(Clone, Debug)]
pub struct Description {
    /// What describes it.
    pub document: Arc<Document>,
    /// What becomes of the rest.
    pub undescribed: Undescribed,
}

/// What becomes of requests that a description has not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Undescribed {
    /// They are refused.
    Refuse,
    /// They are decided by their method and a learnt route.
    Allow,
}
