//! An ordinary client, whose every byte is looked at.

use super::tap::{Seen, Tap};
use anyhow::{Context, bail};
use portreeve_model::Secret;
use portreeve_protocol_postgres::offers_tls;
use portreeve_selftest::{Answer, Asked, Mode, Traces};
use portreeve_transport::{TargetTls, TcpTarget, connect};
use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::config::ChannelBinding;
use tokio_postgres::{Client as Library, Config, Error, NoTls, SimpleQueryMessage};

/// Where to log in, and as whom.
pub(super) struct Login {
    pub(super) server: TcpTarget,
    pub(super) user: String,
    pub(super) password: Secret<String>,
    pub(super) database: String,
    /// What the session begins with.
    pub(super) options: &'static str,
}

/// A session.
pub(super) struct Client {
    library: Library,
    connection: JoinHandle<()>,
    seen: Seen,
}

/// How long one case may take.
const CASE_TIMEOUT: Duration = Duration::from_secs(20);

impl Client {
    pub(super) async fn open(login: &Login) -> anyhow::Result<Self> {
        let opened = timeout(login.server.timeout, enter(login)).await;
        opened.context("it does not answer in time")?
    }

    /// Runs statements that have nothing to do with a case.
    pub(super) async fn run(&self, sql: &str) -> anyhow::Result<()> {
        let run = timeout(CASE_TIMEOUT, self.library.batch_execute(sql)).await;
        run.context("it does not answer in time")?.map_err(|error| told(&error))
    }

    /// The rows of a query that has nothing to do with a case.
    pub(super) async fn rows(&self, sql: &str) -> anyhow::Result<Vec<Vec<Option<String>>>> {
        let asked = timeout(CASE_TIMEOUT, self.library.simple_query(sql)).await;
        let messages =
            asked.context("it does not answer in time")?.map_err(|error| told(&error))?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect())
            }
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Asks a case in a transaction that is rolled back. None where it cannot be asked so.
    pub(super) async fn ask(
        &self,
        asked: &Asked,
        mode: Mode,
        begin: &str,
        traces: &Traces,
    ) -> Option<Answer> {
        let statements = mode.statements(asked);
        if statements.is_empty() {
            return None;
        }
        if let Err(why) = self.run(begin).await {
            return Some(broken(format!("no transaction: {why:#}")));
        }
        self.seen.forget();
        let sent = timeout(CASE_TIMEOUT, self.send(&statements, mode)).await;
        let back = timeout(CASE_TIMEOUT, self.library.batch_execute("ROLLBACK")).await;
        let mut answer = self.seen.answer(traces);
        let why = match (sent, back) {
            (Err(_), _) | (_, Err(_)) => Some("it takes longer than 20 seconds".to_owned()),
            (Ok(Err(Unsent(why))), _) => Some(why),
            (Ok(Ok(())), Ok(_)) => None,
        };
        answer.broken = answer.broken.or(why);
        Some(answer)
    }

    /// Whether it can be asked again.
    pub(super) fn is_open(&self) -> bool {
        !self.library.is_closed()
    }

    async fn send(&self, statements: &[String], mode: Mode) -> Result<(), Unsent> {
        for sql in statements {
            let sent = match mode {
                _ if copies(sql) => self.copy(sql).await,
                Mode::Extended => self.extended(sql).await,
                Mode::Simple | Mode::Cursor | Mode::Copy | Mode::Prepared => {
                    self.library.batch_execute(sql).await.map_err(Trouble::Error)
                }
            };
            match sent {
                Ok(()) => {}
                // The server's word is in the bytes.
                Err(Trouble::Error(error)) if error.as_db_error().is_some() => return Ok(()),
                Err(Trouble::Error(_)) => return Err(Unsent("the client cannot send it".into())),
                Err(Trouble::Parameters) => return Err(Unsent("it has parameters".into())),
            }
        }
        Ok(())
    }

    async fn extended(&self, sql: &str) -> Result<(), Trouble> {
        let statement = self.library.prepare(sql).await.map_err(Trouble::Error)?;
        if !statement.params().is_empty() {
            return Err(Trouble::Parameters);
        }
        // To prepare a statement the library asks the catalog about types that it does not know.
        self.seen.begin();
        self.library.query(&statement, &[]).await.map(drop).map_err(Trouble::Error)
    }

    async fn copy(&self, sql: &str) -> Result<(), Trouble> {
        if sql.to_ascii_lowercase().contains("from stdin") {
            let sink = self.library.copy_in::<_, &[u8]>(sql).await.map_err(Trouble::Error)?;
            return pin!(sink).finish().await.map(drop).map_err(Trouble::Error);
        }
        let stream = self.library.copy_out(sql).await.map_err(Trouble::Error)?;
        let mut stream = pin!(stream);
        loop {
            let next =
                poll_fn(|context| futures_core::Stream::poll_next(stream.as_mut(), context)).await;
            match next {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Trouble::Error(error)),
                None => return Ok(()),
            }
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

/// Why a case could not be sent, in words without values.
struct Unsent(String);

enum Trouble {
    Error(Error),
    /// Nobody knows a value for them.
    Parameters,
}

fn copies(sql: &str) -> bool {
    let begin: String = sql.trim_start().chars().take(5).collect();
    begin.eq_ignore_ascii_case("copy ")
}

fn broken(why: String) -> Answer {
    Answer { broken: Some(why), ..Answer::default() }
}

/// An error without its details: they can hold values.
fn told(error: &Error) -> anyhow::Error {
    match error.as_db_error() {
        Some(said) => anyhow::anyhow!("{} ({})", said.message(), said.code().code()),
        None => anyhow::anyhow!("{error}"),
    }
}

async fn enter(login: &Login) -> anyhow::Result<Client> {
    let mut connection = login.server.connect().await?;
    if let TargetTls::Verified(tls) = &login.server.tls {
        if !offers_tls(&mut connection).await? {
            bail!("it does not offer TLS");
        }
        connection = connect(connection, &login.server.host, tls.clone()).await?.connection;
    }
    let (stream, early) = connection.into_parts();
    anyhow::ensure!(early.is_empty(), "it speaks before it is asked");
    let (tap, seen) = Tap::new(stream);
    let (library, connection) = Config::new()
        .user(&login.user)
        .password(login.password.reveal())
        .dbname(&login.database)
        .application_name("portreeve selftest")
        .options(login.options)
        // The library does not see the encryption that it would bind to.
        .channel_binding(ChannelBinding::Disable)
        .connect_raw(tap, NoTls)
        .await
        .map_err(|error| told(&error))?;
    let connection = tokio::spawn(async move {
        let _ = connection.await;
    });
    Ok(Client { library, connection, seen })
}
