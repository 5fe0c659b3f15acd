//! `portreeve sessions replay`: what was asked and what came back, at the pace it did.

use super::super::output::{Format, print, print_json, print_part, visible};
use super::player::{Player, opener, remark, visit};
use super::selection::moment;
use super::{micros, resolve};
use crate::wiring::{Lines, Seen};
use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portreeve_control::config::parse_duration;
use portreeve_model::{Direction, Event, Record, SessionId};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Play a session back: its statements, and the results as the client saw them.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portreeve sessions replay last\n  \
    portreeve sessions replay 0199c2 --speed 4\n  \
    portreeve sessions replay 0199c2 --at 01:30 --speed 1\n  \
    portreeve sessions replay 0199c2 --at 2026-11-22T06:15:00Z")]
pub(crate) struct Args {
    /// The session.
    id: String,
    /// So many times as fast as it was; without this, all at once.
    #[arg(long, value_name = "N", value_parser = speed)]
    speed: Option<f64>,
    /// Start there, with what the client saw at that moment: a time, or how long after the
    /// session's beginning (`01:30`, `01:30.500`, `90s`).
    #[arg(long, value_name = "TIME|OFFSET", value_parser = start)]
    at: Option<Start>,
    /// Show what stood on its terminals, on this one, instead of lines.
    #[arg(long)]
    terminal: bool,
    /// The auditors' private key.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    match speed.is_finite() && speed > 0.0 {
        true => Ok(speed),
        false => Err("it must be above 0".to_owned()),
    }
}

/// Where a replay begins, in microseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Start {
    /// After the session's beginning.
    After(u64),
    /// Since 1970.
    Time(u64),
}

fn start(text: &str) -> Result<Start, String> {
    let offset = text.strip_prefix('+').unwrap_or(text);
    if let Some(after) = parse_duration(offset).or_else(|| clock_offset(offset)) {
        let micros = u64::try_from(after.as_micros());
        return micros.map(Start::After).map_err(|_| "it is out of range".to_owned());
    }
    moment(text)
        .map(Start::Time)
        .map_err(|_| "write `01:30`, `90s`, or a time: `2026-11-22T06:15:00Z`".to_owned())
}

/// Reads `MM:SS` and `MM:SS.mmm`, as a replay shows them.
fn clock_offset(text: &str) -> Option<Duration> {
    let (minutes, seconds) = text.split_once(':')?;
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let minutes: u64 = minutes.parse().ok()?;
    let seconds: f64 = Some(seconds).filter(|text| is_plain(text))?.parse().ok()?;
    (seconds < 60.0).then(|| {
        Duration::from_secs(minutes.checked_mul(60)?).checked_add(Duration::from_secs_f64(seconds))
    })?
}

/// One moment of a session.
#[derive(serde::Serialize)]
struct Moment {
    at_us: u64,
    after_us: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    exchange: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    direction: Option<Direction>,
    lines: Vec<String>,
    /// The recorded bytes themselves, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<String>,
}

pub(super) fn run(dir: &Path, args: Args, format: Format) -> anyhow::Result<()> {
    let id = resolve(dir, &args.id)?;
    let mut opener = opener(dir, args.key.as_ref())?;
    let (mut player, mut lines) = (Player::default(), Lines::new());
    let mut stage = Stage::new(id, args.speed, args.at, format);
    stage.is_terminal = args.terminal && format == Format::Text;
    let look = |entry: &portreeve_evidence::Entry<'_>| {
        if entry.outline()?.session != Some(id) {
            return Ok(ControlFlow::Continue(()));
        }
        let record = entry.record()?;
        let (seen, bytes) = player.play(&mut opener, &record, entry.sealed)?;
        let mut lines = match stage.is_terminal {
            true => painted(&seen),
            false => lines.of(&seen),
        };
        lines.extend(remark(&record.event).filter(|_| !stage.is_terminal));
        stage.show(&record, lines, bytes)?;
        Ok(match record.event {
            Event::SessionClosed { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        })
    };
    visit(dir, look, |_, _| {})?;
    stage.finish()
}

/// What terminals showed with a record.
fn painted(seen: &[Seen]) -> Vec<String> {
    let paint = |seen: &Seen| match seen {
        Seen::Painted { paint, .. } => Some(paint.clone()),
        _ => None,
    };
    seen.iter().filter_map(paint).collect()
}

/// Shows moments in order, from where it was asked to.
struct Stage {
    session: SessionId,
    speed: Option<f64>,
    at: Option<Start>,
    format: Format,
    /// Whether moments are pictures of a terminal, for the one that this runs in.
    is_terminal: bool,
    /// When the session began; none before its first record.
    began_us: Option<u64>,
    /// The time of the moment before.
    before_us: u64,
    /// What of the latest exchange was passed over on the way to the start.
    kept: Vec<Moment>,
    /// Moments of that exchange that are too many to keep.
    dropped: u64,
    /// Exchanges that were passed over.
    passed: u64,
    /// For JSON.
    all: Vec<Moment>,
}

/// What is kept of the exchange that was going on at the start.
const KEPT_MAX: usize = 200;

impl Stage {
    fn new(session: SessionId, speed: Option<f64>, at: Option<Start>, format: Format) -> Self {
        let (kept, all) = (Vec::new(), Vec::new());
        let (began_us, before_us, dropped, passed) = (None, 0, 0, 0);
        Self {
            session,
            speed,
            at,
            format,
            is_terminal: false,
            began_us,
            before_us,
            kept,
            dropped,
            passed,
            all,
        }
    }

    fn show(
        &mut self,
        record: &Record,
        lines: Vec<String>,
        bytes: Option<Vec<u8>>,
    ) -> anyhow::Result<()> {
        let began_us = *self.began_us.get_or_insert(record.at_us);
        if let (Event::SessionOpened { chain, resource, .. }, Format::Text) =
            (&record.event, self.format)
        {
            let (who, session) = (visible(&chain.to_string()), self.session);
            let resource = visible(resource);
            print(&format!("session {session}\n{who} on {resource}, {}\n", micros(began_us)))?;
        }
        let bytes = bytes.filter(|_| self.format == Format::Json);
        let moment = Moment {
            at_us: record.at_us,
            after_us: record.at_us.saturating_sub(began_us),
            exchange: record.event.exchange(),
            direction: record.payload.as_ref().map(|payload| payload.direction),
            lines,
            bytes: bytes.map(|bytes| STANDARD.encode(bytes)),
        };
        if let Some(at) = self.at {
            let is_before = match at {
                Start::After(after_us) => moment.after_us < after_us,
                Start::Time(at_us) => moment.at_us < at_us,
            };
            if is_before {
                self.pass_over(record, moment);
                return Ok(());
            }
            self.at = None;
            self.begin_here()?;
        }
        self.wait_for(&moment);
        self.put(moment)
    }

    /// Remembers what the client saw last: the exchange that is going on.
    fn pass_over(&mut self, record: &Record, moment: Moment) {
        if let Event::Request { .. } = record.event {
            self.passed += 1;
            self.dropped = 0;
            self.kept.clear();
        }
        self.before_us = moment.after_us;
        if self.passed == 0 {
            return;
        }
        if self.kept.len() == KEPT_MAX {
            // The statement stays, and the newest of its result.
            self.kept.remove(1);
            self.dropped += 1;
        }
        self.kept.push(moment);
    }

    fn begin_here(&mut self) -> anyhow::Result<()> {
        let earlier = self.passed.saturating_sub(1);
        if self.format == Format::Text && earlier > 0 {
            print(&format!("{:>12}  … {earlier} exchanges before this", ""))?;
        }
        if self.format == Format::Text && self.dropped > 0 {
            print(&format!("{:>12}  … {} parts of this one left out", "", self.dropped))?;
        }
        std::mem::take(&mut self.kept).into_iter().try_for_each(|moment| self.put(moment))
    }

    fn wait_for(&mut self, moment: &Moment) {
        let gap = moment.after_us.saturating_sub(self.before_us);
        self.before_us = moment.after_us;
        if let Some(speed) = self.speed.filter(|_| !moment.lines.is_empty()) {
            std::thread::sleep(Duration::from_micros(gap).div_f64(speed).min(WAIT_MAX));
        }
    }

    fn put(&mut self, moment: Moment) -> anyhow::Result<()> {
        if moment.lines.is_empty() && moment.bytes.is_none() {
            return Ok(());
        }
        match self.format {
            Format::Text if self.is_terminal => print_part(&moment.lines.concat()),
            Format::Text => print_moment(&moment),
            Format::Json => {
                self.all.push(moment);
                Ok(())
            }
        }
    }

    fn finish(self) -> anyhow::Result<()> {
        if self.began_us.is_none() {
            bail!("there is no session {}\nhint: `portreeve sessions ls`", self.session);
        }
        if self.at.is_some() {
            let last = clock(self.before_us);
            bail!("the session's last record is at {last}\nhint: give an earlier `--at`");
        }
        match self.format {
            Format::Text => Ok(()),
            Format::Json => {
                print_json(&serde_json::json!({ "session": self.session, "moments": self.all }))
            }
        }
    }
}

fn print_moment(moment: &Moment) -> anyhow::Result<()> {
    let mut text = String::new();
    for (at, line) in moment.lines.iter().flat_map(|line| line.split('\n')).enumerate() {
        let margin = match at {
            0 => clock(moment.after_us),
            _ => String::new(),
        };
        text.push_str(&format!("{margin:>12}  {}\n", visible(line)));
    }
    print(text.trim_end_matches('\n'))
}

/// Minutes, seconds and thousandths since the session began.
pub(super) fn clock(after_us: u64) -> String {
    let millis = after_us / 1000;
    format!("+{:02}:{:02}.{:03}", millis / 60_000, millis / 1000 % 60, millis % 1000)
}

/// The longest pause that a replay makes: nobody watches an idle session.
const WAIT_MAX: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_an_offset_or_a_time() {
        let check = |text: &str, expect: Start| assert_eq!(start(text), Ok(expect), "{text}");
        check("90s", Start::After(90_000_000));
        check("01:30", Start::After(90_000_000));
        check("+01:30.500", Start::After(90_500_000));
        check(&clock(83_042_000), Start::After(83_042_000));
        check("2023-11-14T22:13:20Z", Start::Time(1_700_000_000_000_000));
        for text in ["", "1:75", "1:-5", "1:1e3", "x:10", "later"] {
            assert!(start(text).is_err(), "{text}");
        }
    }
}
