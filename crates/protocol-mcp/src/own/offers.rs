//! What the gateway's own server asks for, as a port: whoever wires the gateway knows how a
//! statement reaches a database through it.

use portreeve_model::Secret;
use portreeve_session::BoxFuture;
use portreeve_web::Reviews;
use std::net::SocketAddr;

/// A resource that may be asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub protocol: &'static str,
    /// Whether statements can be sent to it from here.
    pub takes_statements: bool,
}

/// What becomes of a statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Run {
    /// It runs. What needs approval has a person asked.
    Now,
    /// It runs unless it needs approval: nobody is asked.
    Unasked,
    /// It is decided and described, and does not run; nobody is asked.
    Never,
}

/// A statement of a caller.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// The caller's token: the statement is decided for whom it names.
    pub token: &'a Secret<String>,
    /// Where the caller is.
    pub client: SocketAddr,
    /// The resource.
    pub resource: &'a str,
    /// The statement.
    pub sql: &'a str,
    /// As many rows as are given back.
    pub rows_max: usize,
    /// Whether it runs.
    pub run: Run,
}

/// What a statement gives.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rows {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values as text, masked.
    pub rows: Vec<Vec<Option<String>>>,
    /// Rows that it changed or gave, as the database says.
    pub count: u64,
    /// Whether there were more rows than are here.
    pub is_cut: bool,
}

/// Why a statement gives nothing, in the words of the database or the gateway.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trouble {
    /// The code (SQLSTATE).
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// More of it.
    pub detail: Option<String>,
    /// What to do.
    pub hint: Option<String>,
    /// Whether a person would have to agree, who was not asked.
    pub is_held: bool,
}

/// What the gateway offers.
pub trait Offers: Reviews {
    /// The resources.
    fn resources(&self) -> Vec<Offered>;

    /// Sends a statement through the gateway.
    ///
    /// # Errors
    /// It is refused, wrong, or the resource cannot be reached.
    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Rows, Trouble>>;
}
