//! What the configuration says of a target's columns.

use portreeve_model::Category;

/// Says what columns hold. One for each resource.
pub trait ColumnRules: Send + Sync {
    /// The category that the configuration gives a column.
    fn category(&self, schema: &str, table: &str, column: &str) -> Option<Category>;

    /// Whether somebody has looked at a column of this type: the configuration says something
    /// of it, or it was there when they looked. Of what appears later nobody knows what it
    /// holds.
    fn is_known(&self, column: &ColumnName<'_>) -> bool;

    /// Whether it says anything of any column.
    fn say_something(&self) -> bool;

    /// What the configuration names that is none of these columns, in its own words.
    fn unmatched(&self, columns: &[[&str; 3]]) -> Vec<String>;
}

/// A column, as the target spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ColumnName<'a> {
    /// Its schema.
    pub schema: &'a str,
    /// Its table.
    pub table: &'a str,
    /// Its name.
    pub column: &'a str,
    /// Its type, without what narrows it.
    pub type_name: &'a str,
}
