//! What the analysis of a statement answers.

use portreeve_model::{Command, Object, ObjectKind};
use std::fmt;
use std::sync::Arc;

use crate::sql::catalog::ColumnRef;

/// One statement of a text, understood.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Verb, fingerprint, needs (sorted, each once) or the reason why nobody can tell.
    pub command: Command,
    /// What its rows may hold.
    pub output: Output,
    /// Whose words its rows are.
    pub rows_of: RowsOf,
    /// What it does to the session besides.
    pub session: SessionEffect,
    /// Error and notice texts of the target may hold classified values.
    pub touches_classified: bool,
    /// Set for `COPY … TO STDOUT` and `COPY … FROM STDIN`.
    pub copy: Option<Copy>,
    /// Data, definitions or settings of the target may change.
    pub is_write: bool,
    /// Unqualified names may stand for something else once it has run.
    pub moves_search_path: bool,
    /// What it sets and `pg_settings` does not show: settings of an application's own, a role.
    pub sets_hidden: Vec<String>,
    /// What it does is told by a constant in it: another text of its shape may do something else.
    pub by_constant: bool,
    /// Which row it changes is where a cursor stands.
    pub at_cursor: bool,
    /// Names that the catalog does not have. When this is not empty a fresh catalog may change
    /// what the command is: refresh it and analyze once more. It is unknown then, unless it says
    /// itself that they may be missing.
    pub missing: Vec<Missing>,
    /// Why the command is unknown, with what the target itself would say of it; every statement
    /// that `analyze` answers has it exactly when it has [`Command::unknown`].
    pub unknown: Option<Unknown>,
    /// Functions whose results may hold anything: the cause where a column has every classified
    /// column as its source.
    pub opaque: Vec<Object>,
    /// It calls something by a name: a function, an operator, what makes a value of a type.
    pub calls: bool,
    /// The classified columns that it stores values in, sorted.
    pub writes: Vec<Arc<ColumnRef>>,
    /// The classified columns between which it has values go unchanged.
    pub moves: Vec<Moved>,
    /// The classified columns that its conditions compare for equality with what the client
    /// brings, in the order of the text.
    pub compared: Vec<Comparison>,
    /// The parameters, by their numbers from 1, that are arrays of values to compare with
    /// (`= ANY($1)`); each is counted as one probe until somebody knows how many are in it.
    pub listed: Vec<usize>,
    /// The columns in whose rows it puts something that the client brings in the place of what is
    /// there, in the order of the text.
    pub replaced: Vec<Replacement>,
}

/// A classified column whose values go unchanged into another one of its category.
///
/// SECURITY: whoever is shown the one and not the other would read there what is hidden here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moved {
    /// Where they come from.
    pub from: Arc<ColumnRef>,
    /// Where they go.
    pub to: Arc<ColumnRef>,
}

/// A column that gets something that the client brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Replacement {
    /// The column.
    pub column: Arc<Object>,
    /// What it gets.
    pub with: Brought,
}

/// A classified column that is compared for equality with what the client brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Comparison {
    /// The column.
    pub column: Arc<ColumnRef>,
    /// What with.
    pub with: Brought,
}

/// What a client brings for a comparison.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Brought {
    /// A constant of the text.
    Constant {
        /// Where it begins, in bytes from 0.
        at: usize,
        /// Its value.
        value: String,
    },
    /// A constant that texts of the same shape do not share: the how-manieth of these.
    Blank(usize),
    /// A parameter, from 1.
    Parameter(usize),
    /// NULL, as the text has it.
    Null,
    /// Computed from such; or there are too many of them.
    Computed,
}

impl Statement {
    /// Whether it changes what names stand for.
    #[must_use]
    pub fn defines(&self) -> bool {
        self.command.needs.iter().any(|need| need.action.defines())
    }

    /// Whether a column is not in what it uses.
    #[must_use]
    pub fn misses_column(&self) -> bool {
        self.unknown.as_ref().is_some_and(|why| why.sqlstate == sqlstate::UNDEFINED_COLUMN)
    }

    /// Whether it needs to know what names stand for.
    #[must_use]
    pub fn uses_objects(&self) -> bool {
        let stands_in_it = match &self.session {
            SessionEffect::Prepare { statement, .. } | SessionEffect::Declare { statement, .. } => {
                statement.uses_objects()
            }
            _ => false,
        };
        stands_in_it
            || self.calls
            || self.command.needs.iter().any(|need| need.action.uses_objects())
    }
}

/// Why nobody can tell what a statement does.
///
/// Where the target would refuse the statement as well (a column that is not there, say), code,
/// text and position are those that it would give.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unknown {
    /// The code of the SQL standard or of PostgreSQL, five letters.
    pub sqlstate: &'static str,
    /// For the client: it holds nothing but the client's own words.
    pub message: String,
    /// Where in the text, in characters from 1.
    pub position: Option<usize>,
    /// What may have been meant, best first.
    ///
    /// SECURITY: these are names of the target. Only those that the caller may see may be shown.
    pub candidates: Vec<Object>,
}

impl Unknown {
    pub(in crate::sql) fn new(sqlstate: &'static str, message: String) -> Self {
        Self { sqlstate, message, position: None, candidates: Vec::new() }
    }

    /// Whether the target may refuse the statement as well, and say the same or more: it is not
    /// SQL, or a name is not there.
    #[must_use]
    pub fn is_slip(&self) -> bool {
        matches!(
            self.sqlstate,
            sqlstate::SYNTAX_ERROR
                | sqlstate::UNDEFINED_COLUMN
                | sqlstate::UNDEFINED_FUNCTION
                | sqlstate::UNDEFINED_TABLE
                // A system catalog that may not be there at all.
                | sqlstate::INSUFFICIENT_PRIVILEGE
        )
    }

    /// Whether a name is the reason that several schemas have: which is meant is known where it
    /// is known in which they are looked up.
    #[must_use]
    pub fn is_between_schemas(&self) -> bool {
        self.sqlstate == sqlstate::AMBIGUOUS_ALIAS
    }
}

/// The codes that an analysis answers.
pub(in crate::sql) mod sqlstate {
    pub(in crate::sql) const FEATURE_NOT_SUPPORTED: &str = "0A000";
    pub(in crate::sql) const UNTRANSLATABLE_CHARACTER: &str = "22021";
    pub(in crate::sql) const INSUFFICIENT_PRIVILEGE: &str = "42501";
    pub(in crate::sql) const SYNTAX_ERROR: &str = "42601";
    pub(in crate::sql) const UNDEFINED_COLUMN: &str = "42703";
    pub(in crate::sql) const UNDEFINED_FUNCTION: &str = "42883";
    pub(in crate::sql) const UNDEFINED_TABLE: &str = "42P01";
    pub(in crate::sql) const AMBIGUOUS_ALIAS: &str = "42P09";
    pub(in crate::sql) const PROGRAM_LIMIT_EXCEEDED: &str = "54000";
    pub(in crate::sql) const STATEMENT_TOO_COMPLEX: &str = "54001";
    pub(in crate::sql) const TOO_MANY_COLUMNS: &str = "54011";
}

/// A name that the catalog does not have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Missing {
    /// Table or function.
    pub kind: ObjectKind,
    /// As the client wrote it, folded like PostgreSQL does.
    pub name: String,
}

/// Whose words the rows of a statement are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowsOf {
    /// Of whoever wrote into tables, or of code.
    Tables,
    /// The server's own: plans, settings, descriptions of structure. They quote values.
    Server,
    /// The client's own: it reads nothing.
    Client,
}

/// What the rows of a statement may hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// It returns no rows.
    None,
    /// It returns rows about the target's structure, from system catalogs alone. Any number of
    /// columns.
    Structure,
    /// It returns rows that hold nothing classified (`SHOW`, `EXPLAIN`). Any number of columns.
    Clean,
    /// Exactly these columns, in this order.
    Columns(Vec<OutputColumn>),
    /// Columns that nobody can number before, each of which may hold whatever there is.
    Open,
    /// It may return rows, and nobody can say what is in them: mask every column.
    ///
    /// `FETCH` and `EXECUTE` have it too; there the session knows the statement behind
    /// the name and takes that one's output.
    Unproven,
}

/// One output column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutputColumn {
    /// The name that the target will give it, where known.
    pub name: Option<String>,
    /// The classified columns that its value can derive from, sorted; empty is clean.
    pub sources: Arc<[Arc<ColumnRef>]>,
    /// How it derives from them. [`Shape::Plain`] when there are no sources.
    pub shape: Shape,
    /// The column that it is a verbatim copy of, classified or not, where that is known.
    pub origin: Option<Arc<Object>>,
    /// A column that it is computed from, where one is known: its name says something of it.
    pub about: Option<Arc<Object>>,
    /// It is a name, a number or a flag of a system catalog: nobody's data.
    pub is_structure: bool,
}

/// How a value derives from its sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shape {
    /// It is a verbatim copy of a value of one of the sources, all of one category.
    Plain,
    /// It is computed from them.
    Derived,
}

/// What a statement does to the session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SessionEffect {
    /// Nothing that outlives it.
    None,
    /// `BEGIN`, `COMMIT`, `SAVEPOINT` and the like.
    Transaction(TransactionEffect),
    /// A setting of the session changes, to a value that the gateway allows.
    Set,
    /// `SET TRANSACTION SNAPSHOT`: the transaction sees what another session sees.
    SeeAs(String),
    /// `PREPARE name AS statement`.
    Prepare {
        /// The name.
        name: String,
        /// What `EXECUTE name` will do.
        statement: Box<Statement>,
    },
    /// `EXECUTE name`: the caller applies the prepared statement's needs and output.
    ExecutePrepared {
        /// The name.
        name: String,
    },
    /// `DECLARE cursor CURSOR FOR statement`.
    Declare {
        /// The cursor.
        cursor: String,
        /// What its rows are.
        statement: Box<Statement>,
        /// How long the name lasts.
        lifetime: CursorLifetime,
    },
    /// `FETCH` or `MOVE` (the latter has [`Output::None`]).
    Fetch {
        /// The cursor.
        cursor: String,
    },
    /// `CLOSE`.
    CloseCursor {
        /// The cursor, or all of them.
        name: Option<String>,
    },
    /// `DEALLOCATE`.
    Deallocate {
        /// The prepared statement, or all of them.
        name: Option<String>,
    },
    /// `DISCARD ALL`.
    DiscardAll,
    /// `LISTEN`, `UNLISTEN`.
    Listen,
    /// `NOTIFY`, `pg_notify`.
    Notify,
}

/// What a statement does to the transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TransactionEffect {
    /// It ends, one way or the other.
    End,
    /// `SAVEPOINT`.
    Savepoint(String),
    /// `ROLLBACK TO`: what was made since is gone.
    RollbackTo(String),
    /// `RELEASE`.
    Release(String),
    /// It begins, or is prepared for another session.
    Other,
}

/// How long the name of a cursor or portal lasts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CursorLifetime {
    /// To the end of its transaction.
    Transaction,
    /// `WITH HOLD`: beyond it, if it is committed.
    Session,
}

/// The options of a `COPY` over the connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Copy {
    /// Which way the data goes.
    pub direction: CopyDirection,
    /// How many columns a row has that comes in; 0 where that is not known.
    pub columns_in: u16,
    /// How rows are written.
    pub format: CopyFormat,
    /// Between the fields of a row.
    pub delimiter: u8,
    /// The text that stands for NULL.
    pub null: String,
    /// The first line holds names.
    pub header: bool,
    /// CSV: the quote.
    pub quote: u8,
    /// CSV: what stands before a quote inside quotes.
    pub escape: u8,
}

/// Which way the data of a `COPY` goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyDirection {
    /// `TO STDOUT`.
    Out,
    /// `FROM STDIN`.
    In,
}

/// How a `COPY` writes rows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CopyFormat {
    /// Tab-separated with backslash escapes.
    Text,
    /// Comma-separated.
    Csv,
    /// PostgreSQL's own.
    Binary,
}

/// A text that cannot be read as SQL within the limits.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Unreadable {
    /// Why, for the client: PostgreSQL's own words, or the limit that was hit.
    pub message: String,
    /// Where, as a character position from 1, if known.
    pub position: Option<usize>,
    /// The code that PostgreSQL would give, or the one of the limit that was hit.
    pub sqlstate: &'static str,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
