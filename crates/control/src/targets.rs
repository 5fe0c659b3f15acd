//! How targets are.

/// Whether a target can be asked what its definitions are. If not, nothing of it is released.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Watch {
    /// It could, the last time.
    #[default]
    Watched,
    /// It could not.
    Unwatched,
}

/// How a target is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TargetState {
    /// Whether it can be asked.
    pub watch: Watch,
    /// Columns that appeared after somebody looked last: `schema.table.column`.
    pub unknown_columns: Vec<String>,
    /// What `classify` names and the target does not have.
    pub unmatched: Vec<String>,
}
