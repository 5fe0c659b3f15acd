//! Looking at what a target has: each column with what the configuration says of it, and what
//! detectors would.

use portreeve_control::Config;
use portreeve_control::config::{KnownColumns, TargetColumn, Via};
use portreeve_detect::Verdict;
use portreeve_model::Category;
use portreeve_session::BoxFuture;
use serde_json::json;
use std::sync::Arc;

/// Looks at the target of a resource.
pub(super) type Discover = fn(Look) -> BoxFuture<'static, anyhow::Result<Discovered>>;

/// What to look at, and how closely.
#[derive(Clone)]
pub(crate) struct Look {
    pub(crate) config: Arc<Config>,
    pub(crate) resource: String,
    /// Rows of each table that are looked at; none where only names are asked for.
    pub(crate) rows_max: u32,
    /// Told how many tables are done, and of how many.
    pub(crate) progress: Arc<dyn Fn(usize, usize) + Send + Sync>,
}

/// What a target has.
pub(crate) struct Discovered {
    pub(crate) columns: Vec<Discovery>,
    pub(crate) tables: usize,
    /// Tables of which no row could be read, and why.
    pub(crate) unread: Vec<String>,
    /// What the configuration names and the target does not have.
    pub(crate) unmatched: Vec<String>,
}

/// A column, and what is said of it.
pub(crate) struct Discovery {
    pub(crate) column: TargetColumn,
    pub(crate) said: Said,
    /// What detectors would call it.
    pub(crate) verdict: Option<Verdict>,
}

/// What the configuration says of a column.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Said {
    Classified(Category),
    Cleared,
    /// Nothing, and it was there when somebody looked; or nobody keeps what was there.
    Nothing,
    /// Nothing, and it has appeared since.
    Unknown,
}

impl Discovery {
    /// The column as a pattern of the configuration.
    pub(crate) fn pattern(&self) -> String {
        let parts = [&self.column.schema, &self.column.table, &self.column.column];
        let written = |part: &String| {
            let is_plain = |c: char| c.is_lowercase() || c.is_ascii_digit() || c == '_';
            match !part.is_empty() && part.chars().all(is_plain) {
                true => part.clone(),
                false => format!("\"{}\"", part.replace('"', "\"\"")),
            }
        };
        parts.map(written).join(".")
    }

    /// The pattern as a key of `classify`.
    pub(crate) fn key(&self) -> String {
        let pattern = self.pattern();
        let is_plain = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        match pattern.chars().all(is_plain) {
            true => pattern,
            // JSON is YAML, and writes what has no other place in a line.
            false => json!(pattern).to_string(),
        }
    }
}

impl Discovered {
    /// All columns, as somebody who has looked at them adopts them.
    pub(crate) fn known(&self, resource: &str) -> KnownColumns {
        KnownColumns::new(resource, self.columns.iter().map(|found| found.column.clone()))
    }
}

/// Looks at the target of a resource.
///
/// # Errors
/// It cannot be reached, or its protocol has no columns.
pub(crate) async fn discover(look: Look) -> anyhow::Result<Discovered> {
    let resource = super::resources::resource(&look.config, &look.resource)?;
    let discover = super::protocols::discover(resource.protocol);
    anyhow::ensure!(
        resource.via == Via::Gateway || discover.is_none(),
        "`{}` is reached through a connector, and this command reaches targets itself\n\
         hint: run it in the connector's network, with a configuration that has the credential",
        look.resource
    );
    discover.ok_or_else(|| anyhow::anyhow!("`{}` has no columns to look at", look.resource))?(look)
        .await
}

/// Whether a protocol has columns to look at.
pub(crate) fn has_columns(protocol: &str) -> bool {
    super::protocols::discover(protocol).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_is_written_as_the_configuration_has_it() {
        let check = |names: [&str; 3], pattern: &str, key: &str| {
            let [schema, table, column] = names.map(str::to_owned);
            let column = TargetColumn { schema, table, column, type_name: "text".to_owned() };
            let found = Discovery { column, said: Said::Nothing, verdict: None };
            assert_eq!((found.pattern().as_str(), found.key().as_str()), (pattern, key));
        };
        check(["a", "users", "e_mail2"], "a.users.e_mail2", "a.users.e_mail2");
        check(["a", "Users", "email"], r#"a."Users".email"#, r#""a.\"Users\".email""#);
        check(["a", "b", "c.d"], r#"a.b."c.d""#, r#""a.b.\"c.d\"""#);
    }
}
