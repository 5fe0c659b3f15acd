//! What the gateway offers to agents itself: statements go in at its own front door, as
//! everybody's do, over a connection that never leaves the process.

use super::places::{Bounds, Places};
use super::protocols::Running;
use futures_core::Stream;
use portreeve_control::Reviews;
use portreeve_control::authenticator::TokenAuthenticator;
use portreeve_decide::sql::postgres::is_one_query;
use portreeve_model::{RefusalCode, ReviewId, Secret};
use portreeve_protocol_mcp::{Offered, Offers, Query, Rows, Run, Trouble};
use portreeve_protocol_postgres as postgres;
use portreeve_session::BoxFuture;
use serde_json::Value;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::{Config, Error, NoTls, SimpleQueryMessage, SimpleQueryRow};

/// Statements that are on their way at once.
const STATEMENTS_MAX: usize = 64;
/// How long a statement may take.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes of values that one answer holds.
const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Bytes of values beyond it that are waited for, so that a write comes to its end.
const DROPPED_BYTES_MAX: usize = 64 << 20;

/// What agents are offered.
pub(super) struct Agents {
    authenticator: Arc<TokenAuthenticator>,
    reviews: Reviews,
    places: Arc<Places>,
    /// Every protocol that is served, once all are.
    protocols: OnceLock<BTreeMap<&'static str, Arc<dyn Running>>>,
}

impl Agents {
    pub(super) fn new(authenticator: Arc<TokenAuthenticator>, reviews: Reviews) -> Arc<Self> {
        let bounds = Bounds { total_max: STATEMENTS_MAX, per_address_max: STATEMENTS_MAX };
        let places = Places::new(bounds);
        Arc::new(Self { authenticator, reviews, places, protocols: OnceLock::new() })
    }

    /// The protocols are there.
    pub(super) fn offer(&self, protocols: &BTreeMap<&'static str, Arc<dyn Running>>) {
        let _ = self.protocols.set(protocols.clone());
    }

    fn protocols(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Running>)> {
        self.protocols.get().into_iter().flatten().map(|(name, running)| (*name, running))
    }

    /// A connection to the protocol's own service.
    async fn enter(&self) -> io::Result<TcpStream> {
        let crowded = || io::Error::other("too many statements are on their way at once");
        let served = self.protocols().find(|(name, _)| *name == postgres::NAME);
        let (_, service) = served.ok_or_else(|| io::Error::other("nothing is served"))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (entering, accepted) =
            tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
        let (entering, (stream, from)) = (entering?, accepted?);
        // Somebody else of this machine may have been faster; they have a front door, too.
        if from != entering.local_addr()? {
            return Err(crowded());
        }
        let place = self.places.take().and_then(|place| place.of(from.ip())).ok_or_else(crowded)?;
        tokio::spawn(service.clone().serve(stream, from, place));
        Ok(entering)
    }

    async fn ask(&self, query: Query<'_>) -> Result<Rows, Trouble> {
        let stream = self.enter().await.map_err(|error| unreachable(&error.to_string()))?;
        let connecting = settings(query.client, query.run)
            .user("agent")
            .password(query.token.reveal())
            .dbname(query.resource)
            .connect_raw(stream, NoTls)
            .await;
        let (client, connection) = connecting.map_err(|error| trouble(&error, query.run))?;
        let connection = tokio::spawn(async move {
            let _ = connection.await;
        });
        // What is not read to its end is not wanted, nor what nobody waits for any more.
        let _ends = Ends(connection);
        match query.run {
            Run::Now | Run::Unasked => run(&client, query).await,
            Run::Never => describe(&client, query).await,
        }
    }
}

/// A connection that ends with the call that it is for: the gateway then has its statement
/// cancelled, as for everybody who goes away.
struct Ends(JoinHandle<()>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The record says for whom the statement came in: the client's address is part of the name.
fn settings(client: SocketAddr, run: Run) -> Config {
    let review = match run {
        Run::Now => "refuse",
        Run::Unasked | Run::Never => "tell",
    };
    let mut settings = Config::new();
    settings
        .application_name(format!("mcp {client}"))
        .options(format!("-c portreeve.review={review}"))
        .connect_timeout(STATEMENT_TIMEOUT);
    settings
}

async fn run(client: &tokio_postgres::Client, query: Query<'_>) -> Result<Rows, Trouble> {
    let mut found = Rows::default();
    let (mut bytes, mut dropped, mut is_complete) = (0, 0, false);
    let may_end_anywhere = is_one_query(query.sql);
    let told = |error: Error| trouble(&error, query.run);
    let messages = client.simple_query_raw(query.sql).await.map_err(told)?;
    let mut messages = pin!(messages);
    while let Some(message) = poll_fn(|context| messages.as_mut().poll_next(context)).await {
        match message.map_err(told)? {
            // Rows of one statement under the columns of another would say what is not so.
            _ if is_complete => return Err(several()),
            SimpleQueryMessage::RowDescription(columns) => {
                found.columns = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row)
                if found.rows.len() >= query.rows_max || bytes > ANSWER_BYTES_MAX =>
            {
                found.is_cut = true;
                // What it changes is there when its answer has ended, and not before.
                if may_end_anywhere {
                    return Ok(found);
                }
                dropped += values(&row).map(str::len).sum::<usize>();
                if dropped > DROPPED_BYTES_MAX {
                    return Err(endless());
                }
            }
            SimpleQueryMessage::Row(row) => {
                let values = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                let values: Vec<Option<String>> = values.collect();
                bytes += values.iter().flatten().map(String::len).sum::<usize>();
                found.rows.push(values);
            }
            SimpleQueryMessage::CommandComplete(count) => {
                found.count = count;
                is_complete = true;
            }
            _ => {}
        }
    }
    Ok(found)
}

async fn describe(client: &tokio_postgres::Client, query: Query<'_>) -> Result<Rows, Trouble> {
    let prepared = client.prepare(query.sql).await.map_err(|error| trouble(&error, query.run))?;
    let columns = prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    Ok(Rows { columns, ..Rows::default() })
}

fn values(row: &SimpleQueryRow) -> impl Iterator<Item = &str> {
    (0..row.len()).filter_map(|at| row.get(at))
}

/// SPEC: SQLSTATE 54000, program limit exceeded.
fn endless() -> Trouble {
    Trouble {
        code: "54000".to_owned(),
        message:
            "its answer is too long to wait for, so it was ended, and nothing that it changed \
                  stays"
                .to_owned(),
        hint: Some("give back fewer rows or columns (`RETURNING`)".to_owned()),
        ..Trouble::default()
    }
}

/// SPEC: SQLSTATE 57014, query canceled.
fn late() -> Trouble {
    let seconds = STATEMENT_TIMEOUT.as_secs();
    Trouble {
        code: "57014".to_owned(),
        message: format!(
            "it took longer than {seconds} s and was cancelled: unless it ended at that moment, \
             nothing that it changed stays"
        ),
        hint: Some("ask for less at once".to_owned()),
        ..Trouble::default()
    }
}

/// SPEC: SQLSTATE 42601, as PostgreSQL has it where one statement is expected.
fn several() -> Trouble {
    Trouble {
        code: "42601".to_owned(),
        message: "several statements were sent, and some of them may have run: their results are \
                  not told apart"
            .to_owned(),
        hint: Some("send one statement at a time".to_owned()),
        ..Trouble::default()
    }
}

/// The other end answers with the data of a `COPY`, which the driver expects nowhere.
fn is_of_copy(error: &Error) -> bool {
    error.to_string().starts_with("unexpected message")
}

/// SPEC: SQLSTATE 0A000, feature not supported.
fn copied() -> Trouble {
    Trouble {
        code: "0A000".to_owned(),
        message: "`COPY` to or from the client is not carried here".to_owned(),
        hint: Some("use `SELECT` to read, and `INSERT` to write".to_owned()),
        ..Trouble::default()
    }
}

fn unreachable(why: &str) -> Trouble {
    Trouble { code: "08006".to_owned(), message: why.to_owned(), ..Trouble::default() }
}

/// Whether a person would have to agree. Refusals of the gateway have their family where others
/// name the routine that they come from: many families have one SQLSTATE.
fn is_held(family: Option<&str>, run: Run) -> bool {
    let family = family.and_then(|name| serde_json::from_value::<RefusalCode>(name.into()).ok());
    match run {
        Run::Now => family == Some(RefusalCode::ReviewPending),
        // Nobody is asked: no review can have failed, and none could not be opened.
        Run::Unasked | Run::Never => family == Some(RefusalCode::NotApproved),
    }
}

fn trouble(error: &Error, run: Run) -> Trouble {
    match error.as_db_error() {
        Some(told) => Trouble {
            code: told.code().code().to_owned(),
            message: told.message().to_owned(),
            detail: told.detail().map(str::to_owned),
            hint: told.hint().map(str::to_owned),
            is_held: is_held(told.routine(), run),
        },
        None if is_of_copy(error) => copied(),
        None => unreachable(&error.to_string()),
    }
}

/// What the clients of other protocols hear of their reviews.
impl portreeve_web::Reviews for Agents {
    fn review<'a>(
        &'a self,
        token: &'a Secret<String>,
        client: SocketAddr,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Value, String>> {
        Box::pin(async move {
            let viewer = self.authenticator.admit(token, client.ip()).await;
            let viewer = viewer.map_err(|_| "the token is not good for this".to_owned())?;
            let id = ReviewId(id.to_owned());
            let found = self.reviews.show(&viewer, &id, SystemTime::now()).await;
            serde_json::to_value(found.map_err(|error| error.to_string())?)
                .map_err(|error| error.to_string())
        })
    }
}

impl Offers for Agents {
    fn resources(&self) -> Vec<Offered> {
        let of = |(protocol, running): (&'static str, &Arc<dyn Running>)| {
            let takes_statements = protocol == postgres::NAME;
            let names = running.targets().into_keys();
            names.map(move |name| Offered { name, protocol, takes_statements }).collect::<Vec<_>>()
        };
        let mut offered: Vec<Offered> = self.protocols().flat_map(of).collect();
        offered.sort_by(|one, other| one.name.cmp(&other.name));
        offered
    }

    fn query<'a>(&'a self, query: Query<'a>) -> BoxFuture<'a, Result<Rows, Trouble>> {
        Box::pin(
            async move { timeout(STATEMENT_TIMEOUT, self.ask(query)).await.map_err(|_| late())? },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_told_by_the_family_of_its_refusal() {
        let check = |family, run, expect| assert_eq!(is_held(family, run), expect, "{family:?}");
        for run in [Run::Unasked, Run::Never] {
            check(Some("not-approved"), run, true);
            check(Some("denied"), run, false);
            check(Some("ExecCheckPermissions"), run, false);
            check(None, run, false);
        }
        check(Some("review-pending"), Run::Now, true);
        // It was denied, or no review could be opened: there is nothing to wait for.
        check(Some("not-approved"), Run::Now, false);
    }
}
