//! `portreeve sessions export`: recordings as files for other tools.
//!
//! One walk over the log, whatever is exported: sessions lie in it side by side, so each
//! open one has its own reader of its protocol, and nothing but that is held in memory.

mod asciicast;
mod exchanges;
mod jsonl;
mod output;
mod parquet;

use super::super::output::{Format, print_json, progress_bar, remark};
use super::player::{Player, opener, visit};
use super::resolve;
use super::selection::Selection;
use crate::wiring::Seen;
use anyhow::{Context, bail};
use output::Output;
use portreeve_evidence::{Entry, Error, Opener};
use portreeve_model::{Chain, Event, Record, SessionId};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Write recordings to a file, as the clients saw them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve sessions export last -o session.cast\n  \
    portreeve sessions export 0199c2 --as jsonl | jq 'select(.event == \"statement\").text'\n  \
    portreeve sessions export --since 24h --resource shop -o yesterday.parquet\n\n\
    asciicast is for terminal players (asciinema), one session to a file. jsonl has every\n\
    statement, row and decision on a line of its own. parquet has a row for each exchange:\n\
    who, for whom, what, the verdict, rows, masked values, outcome. The shapes are in\n\
    docs/formats/export.md.")]
pub(crate) struct Args {
    /// The session; without it, all that the options below select.
    id: Option<String>,
    /// The format; otherwise the file's ending says it (.cast, .jsonl, .parquet).
    #[arg(long = "as", value_name = "FORMAT", value_enum)]
    kind: Option<Kind>,
    /// The file to write, which must not be there yet; without it, standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum Kind {
    /// One session as a terminal recording, version 2.
    Asciicast,
    /// One JSON object on a line.
    Jsonl,
    /// One table of exchanges.
    Parquet,
}

impl Args {
    fn kind(&self) -> anyhow::Result<Kind> {
        let ending = self.output.as_ref().and_then(|path| path.extension()?.to_str());
        let kind = match (self.kind, ending) {
            (Some(kind), _) => kind,
            (None, Some("cast")) => Kind::Asciicast,
            (None, Some("jsonl" | "ndjson")) => Kind::Jsonl,
            (None, Some("parquet")) => Kind::Parquet,
            (None, _) => bail!("which format?\nhint: give `--as asciicast|jsonl|parquet`"),
        };
        match kind {
            Kind::Asciicast if self.id.is_none() => {
                bail!("an asciicast has one session\nhint: name it, or write `last`")
            }
            Kind::Parquet if self.output.is_none() => {
                bail!("parquet is no text\nhint: give a file with `-o`")
            }
            Kind::Asciicast | Kind::Jsonl | Kind::Parquet => Ok(kind),
        }
    }
}

/// A session that is being exported.
struct Session {
    id: SessionId,
    /// When it began, in microseconds since 1970.
    began_us: u64,
    chain: Chain,
    resource: String,
    protocol: String,
    client: String,
    application: Option<String>,
    /// Whether its recording can be opened.
    is_readable: bool,
}

/// Writes a format.
trait Sink {
    /// A record with what its bytes hold.
    fn take(&mut self, session: &Session, record: &Record, seen: &[Seen]) -> anyhow::Result<()>;

    /// Nothing more comes of this session.
    fn end(&mut self, session: &Session) -> anyhow::Result<()>;

    /// Nothing more comes.
    fn finish(self: Box<Self>) -> anyhow::Result<Output>;
}

pub(super) fn run(dir: &Path, args: Args, format: Format) -> anyhow::Result<()> {
    let kind = args.kind()?;
    let id = args.id.as_deref().map(|name| resolve(dir, name)).transpose()?;
    let opener = opener(dir, args.key.as_ref())?;
    let output = Output::open(args.output.as_deref())?;
    let sink: Box<dyn Sink> = match kind {
        Kind::Asciicast => Box::new(asciicast::Asciicast::new(output)),
        Kind::Jsonl => Box::new(jsonl::Jsonl::new(output)),
        Kind::Parquet => Box::new(parquet::Parquet::new(output)?),
    };
    let selection = args.selection;
    let mut walk =
        Walk { id, selection, opener, sink, open: HashMap::new(), counts: Counts::default() };
    let bar = progress_bar("exporting");
    let walked = visit(
        dir,
        |entry| walk.take(entry),
        |done, total| {
            bar.set_length(total);
            bar.set_position(done);
        },
    );
    bar.finish_and_clear();
    let finished = walked.and_then(|()| walk.finish());
    let (output, counts) = match finished {
        // Whoever read along has gone away: that is no error.
        Err(error) if output::is_closed_pipe(&error) => return Ok(()),
        finished => finished?,
    };
    if let Some(id) = id.filter(|_| counts.sessions == 0) {
        bail!("session {id} has nothing to export\nhint: `portreeve sessions show {id}`");
    }
    if kind == Kind::Asciicast && counts.erased > 0 {
        bail!("{}\nhint: `--as jsonl` has what the log itself says", Error::Erased);
    }
    let path = output.commit()?;
    report(&counts, path, format)
}

fn report(counts: &Counts, path: Option<PathBuf>, format: Format) -> anyhow::Result<()> {
    match (format, path) {
        (Format::Json, Some(path)) => print_json(&serde_json::json!({
            "file": path, "sessions": counts.sessions, "exchanges": counts.exchanges,
            "rows": counts.rows, "erased": counts.erased,
        })),
        // Standard output has the export itself.
        (Format::Json, None) | (Format::Text, _) => {
            let Counts { sessions, exchanges, rows, erased } = counts;
            let cannot = match erased {
                0 => String::new(),
                some => format!("; {some} recordings cannot be opened any more"),
            };
            remark(&format!("{sessions} sessions, {exchanges} exchanges, {rows} rows{cannot}"));
            Ok(())
        }
    }
}

#[derive(Default)]
struct Counts {
    sessions: u64,
    exchanges: u64,
    rows: u64,
    /// Sessions whose recordings cannot be opened.
    erased: u64,
}

/// A session of which more may come.
enum State {
    /// Its key's record has come, and not who it is.
    Begun(Box<Record>),
    Open(Box<Open>),
}

struct Open {
    session: Session,
    /// Its opening; taken with the first record that is wanted, whenever that comes.
    opening: Option<Record>,
    player: Player,
    /// The running exchange, and whether its request came in the time that is wanted.
    exchange: (u64, bool),
}

struct Walk {
    id: Option<SessionId>,
    selection: Selection,
    opener: Opener,
    sink: Box<dyn Sink>,
    open: HashMap<SessionId, State>,
    counts: Counts,
}

impl Walk {
    fn take(&mut self, entry: &Entry<'_>) -> anyhow::Result<ControlFlow<()>> {
        let outline = entry.outline()?;
        let Some(id) = outline.session else {
            let record = entry.record()?;
            self.opener.open(&record, None)?;
            // The sessions of a gateway that has ended go on no more.
            if let Event::GatewayStarted { .. } = record.event {
                self.end_all()?;
            }
            return Ok(ControlFlow::Continue(()));
        };
        let is_wanted = self.id.is_none_or(|wanted| wanted == id);
        if !is_wanted || (outline.seq > 0 && !self.open.contains_key(&id)) {
            return Ok(ControlFlow::Continue(()));
        }
        let record = entry.record()?;
        if outline.seq == 0 {
            self.open.insert(id, State::Begun(Box::new(record)));
            return Ok(ControlFlow::Continue(()));
        }
        self.step(id, &record, entry.sealed)?;
        let is_last = matches!(record.event, Event::SessionClosed { .. });
        if is_last && let Some(State::Open(open)) = self.open.remove(&id) {
            self.sink.end(&open.session)?;
        }
        Ok(match is_last && self.id.is_some() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    }

    /// Takes a record of a session whose beginning has been seen.
    fn step(
        &mut self,
        id: SessionId,
        record: &Record,
        sealed: Option<&[u8]>,
    ) -> anyhow::Result<()> {
        if let Event::SessionOpened { .. } = record.event {
            self.begin(id, record)?;
        }
        let Some(State::Open(open)) = self.open.get_mut(&id) else { return Ok(()) };
        let seen = match open.session.is_readable {
            true => open.player.play(&mut self.opener, record, sealed)?.0,
            false => Vec::new(),
        };
        if !open.is_meant(record, &self.selection) {
            return Ok(());
        }
        if let Some(opening) = open.opening.take() {
            self.counts.sessions += 1;
            self.counts.erased += u64::from(!open.session.is_readable);
            if opening.seq != record.seq {
                self.sink.take(&open.session, &opening, &[])?;
            }
        }
        if let Event::ExchangeClosed { rows, .. } = record.event {
            self.counts.exchanges += 1;
            self.counts.rows += rows;
        }
        self.sink.take(&open.session, record, &seen)
    }

    /// Now it is known who it is: goes on with the session, or forgets it.
    fn begin(&mut self, id: SessionId, record: &Record) -> anyhow::Result<()> {
        let Some(State::Begun(first)) = self.open.remove(&id) else { return Ok(()) };
        let Event::SessionOpened { chain, resource, protocol, client, application, .. } =
            &record.event
        else {
            return Ok(());
        };
        if !self.selection.has_session(resource, chain) {
            return Ok(());
        }
        let is_readable = match self.opener.open(&first, None) {
            Ok(_) => true,
            Err(Error::Erased | Error::Shredded { .. }) => false,
            Err(error) => return Err(error).context(format!("session {id}")),
        };
        let session = Session {
            id,
            began_us: first.at_us,
            chain: chain.clone(),
            resource: resource.clone(),
            protocol: protocol.clone(),
            client: client.clone(),
            application: application.clone(),
            is_readable,
        };
        let (player, exchange) = (Player::default(), (0, false));
        let open = Open { session, opening: Some(record.clone()), player, exchange };
        self.open.insert(id, State::Open(Box::new(open)));
        Ok(())
    }

    fn end_all(&mut self) -> anyhow::Result<()> {
        let mut ended: Vec<_> = self.open.drain().collect();
        ended.sort_unstable_by_key(|(id, _)| *id);
        ended.iter().try_for_each(|(_, state)| match state {
            State::Open(open) => self.sink.end(&open.session),
            State::Begun(_) => Ok(()),
        })
    }

    fn finish(mut self) -> anyhow::Result<(Output, Counts)> {
        self.end_all()?;
        Ok((self.sink.finish()?, self.counts))
    }
}

impl Open {
    /// Whether a record is wanted. An exchange is taken whole: its request's time decides.
    fn is_meant(&mut self, record: &Record, selection: &Selection) -> bool {
        let is_in_time = selection.has_time(record.at_us);
        let Some(number) = record.event.exchange() else { return is_in_time };
        if let Event::Request { .. } | Event::RequestPart { .. } = record.event
            && (number == 0 || number != self.exchange.0)
        {
            self.exchange = (number, is_in_time);
        }
        match self.exchange {
            (running, is_meant) if running == number => is_meant,
            _ => is_in_time,
        }
    }
}
