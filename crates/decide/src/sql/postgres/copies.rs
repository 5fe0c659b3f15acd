//! What the parser writes several times over, counted before it does.
//!
//! SECURITY: of `(a, b, …) = right` each column has the right side for itself in what the parser
//! hands over: k columns from k values are k × k nodes, and where one such assignment stands
//! within another they multiply. 867 bytes can be gigabytes, none of which anybody has bounded by
//! then. PostgreSQL shares the right side and does not copy it.

use pg_query::protobuf::{ScanToken, Token};

/// The most tokens that are copies of others. Each takes some 650 bytes for a moment.
pub(in crate::sql) const COPIES_MAX: usize = 150_000;

/// What stands between two brackets, or outside of all, up to where the scanner is.
struct Level {
    /// `SET` was seen here, behind which assignments stand.
    has_assignments: bool,
    /// What opened it stands where the columns of an assignment may.
    may_be_columns: bool,
    /// How many commas stand in it.
    commas: usize,
    /// `CASE` without its `END`.
    cases: usize,
    /// How many columns take what stands here, in all.
    columns: usize,
}

impl Level {
    fn new(may_be_columns: bool) -> Self {
        Self { has_assignments: false, may_be_columns, commas: 0, cases: 0, columns: 1 }
    }
}

/// How many tokens of the parser's answer are copies, or more.
///
/// An assignment ends at the next comma or keyword at its own level that no expression has there.
/// Brackets that do not match are no SQL: the parser says so, and hands over nothing.
pub(in crate::sql) fn copies(tokens: &[ScanToken]) -> usize {
    let mut levels = vec![Level::new(false)];
    // How often the whole of what stands here is written, for each level.
    let mut factors = vec![1_usize];
    let mut before = Token::Nul;
    // How many columns are in the brackets that were closed just now.
    let mut closed = 1;
    let mut copies = 0_usize;
    for token in tokens {
        let kind = Token::try_from(token.token).unwrap_or(Token::Nul);
        if matches!(kind, Token::SqlComment | Token::CComment) {
            continue;
        }
        let (Some(level), Some(factor)) = (levels.last_mut(), factors.last_mut()) else { break };
        // Behind a point stands a name, whatever it is.
        let is_name = before == Token::Ascii46;
        match kind {
            Token::Ascii40 | Token::Ascii91 => {
                let may_be_columns = kind == Token::Ascii40
                    && level.has_assignments
                    && matches!(before, Token::Set | Token::Ascii44);
                let inner = factor.saturating_mul(level.columns);
                levels.push(Level::new(may_be_columns));
                factors.push(inner);
            }
            Token::Ascii41 | Token::Ascii93 => {
                closed = if level.may_be_columns { level.commas + 1 } else { 1 };
                if levels.len() > 1 {
                    levels.pop();
                    factors.pop();
                }
            }
            Token::Ascii61 if before == Token::Ascii41 => {
                level.columns = level.columns.saturating_mul(closed);
            }
            Token::Ascii44 => {
                level.commas += 1;
                level.columns = 1;
            }
            Token::Ascii59 => *level = Level::new(false),
            Token::Set => level.has_assignments = true,
            Token::Case if !is_name => level.cases += 1,
            Token::EndP if !is_name => level.cases = level.cases.saturating_sub(1),
            Token::Where | Token::Returning if !is_name => level.columns = 1,
            Token::From if !is_name && before != Token::Distinct => level.columns = 1,
            Token::When if !is_name && level.cases == 0 => level.columns = 1,
            _ => {}
        }
        let written = match (levels.last(), factors.last()) {
            (Some(level), Some(factor)) => factor.saturating_mul(level.columns),
            _ => 1,
        };
        copies = copies.saturating_add(written - 1);
        before = kind;
    }
    copies
}
