//! What a connector says went through it, held against the evidence.

use anyhow::{Context, bail};
use portreeve_evidence::LogReader;
use portreeve_link::connector::{Entry, StreamLogError, read_stream_log};
use portreeve_model::{ConnectorChange, Digest, Event, LinkStream};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

/// How the two accounts agree.
#[derive(Serialize)]
pub(crate) struct Compared {
    /// Whose log it is.
    pub(crate) connector: String,
    /// Streams that both ends know, with the same counts.
    pub(crate) agree: usize,
    /// Streams that broke off: one end has sent a little more than the other got.
    pub(crate) cut: usize,
    /// What cannot be: bytes that came out of a stream and never went in, another resource.
    pub(crate) contradictions: Vec<String>,
    /// Streams that the evidence does not have: their gateway was cut off before it wrote.
    pub(crate) not_in_evidence: Vec<String>,
    /// Streams of the connector that its log does not have: it was cut off before it wrote.
    pub(crate) not_in_stream_log: Vec<String>,
}

impl Compared {
    /// As [`super::super::verify`] counts: 0 all agrees, 1 a contradiction, 2 something is missing.
    pub(crate) fn exit_code(&self) -> u8 {
        let is_missing = !self.not_in_evidence.is_empty() || !self.not_in_stream_log.is_empty();
        match (self.contradictions.is_empty(), is_missing) {
            (false, _) => 1,
            (true, true) => 2,
            (true, false) => 0,
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let Self { connector, agree, cut, .. } = self;
        let mut lines = vec![format!(
            "connector `{connector}`: {agree} streams agree, {cut} broke off on their way"
        )];
        lines.extend(self.contradictions.iter().cloned());
        let named = |what: &str, names: &[String]| {
            let shown = names.iter().take(SHOWN_MAX).cloned().collect::<Vec<_>>().join(", ");
            (!names.is_empty()).then(|| format!("{} {what}: {shown}", names.len()))
        };
        lines.extend(named("not in the evidence", &self.not_in_evidence));
        lines.extend(named("not in the stream log", &self.not_in_stream_log));
        lines.join("\n")
    }
}

const SHOWN_MAX: usize = 10;

/// What the evidence says of connectors.
#[derive(Default)]
struct Told {
    /// Names by key.
    keys: BTreeMap<[u8; 32], String>,
    /// Streams by name.
    streams: BTreeMap<String, ToldStream>,
}

/// A stream as the gateway counted it.
struct ToldStream {
    /// Through which connector it went.
    connector: String,
    /// Which key that had: a name may have had several, one after the other.
    key: Option<[u8; 32]>,
    stream: LinkStream,
}

fn told(dir: &Path) -> anyhow::Result<Told> {
    let mut told = Told::default();
    LogReader::open(dir)?.for_each(|entry| {
        if let Event::Connector(event) = &entry.record()?.event {
            let key = event.key.as_deref().and_then(Digest::from_hex).map(|Digest(key)| key);
            let connector = event.connector.clone();
            match (&event.change, key) {
                (ConnectorChange::Enrolled, Some(key)) => {
                    told.keys.insert(key, connector);
                }
                (ConnectorChange::StreamClosed(stream), key) => {
                    let known = ToldStream { connector, key, stream: stream.clone() };
                    told.streams.insert(stream.stream.clone(), known);
                }
                _ => {}
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(told)
}

/// Reads a connector's stream log by the key that the evidence has of it, and compares.
///
/// # Errors
/// One of the two cannot be read, or no connector of the evidence has signed the log.
pub(crate) fn compare(dir: &Path, stream_log: &Path) -> anyhow::Result<Compared> {
    let told = told(dir).with_context(|| format!("the evidence in `{}`", dir.display()))?;
    if told.keys.is_empty() {
        bail!("no connector was enrolled in this evidence");
    }
    let mut why = None;
    for (key, name) in &told.keys {
        match read_stream_log(stream_log, key) {
            Ok(entries) if entries.is_empty() => {
                bail!("`{}` is empty: nobody can say whose it is", stream_log.display())
            }
            Ok(entries) => return Ok(of((name, key), &entries, &told)),
            Err(error @ StreamLogError::File { .. }) => return Err(error.into()),
            // The log of another key fails in its first line.
            Err(StreamLogError::Line { line: 1, .. }) => {}
            Err(error) => why = Some(error),
        }
    }
    match why {
        Some(error) => Err(error).with_context(|| format!("`{}`", stream_log.display())),
        None => bail!("no connector of this evidence has signed `{}`", stream_log.display()),
    }
}

fn of((connector, key): (&str, &[u8; 32]), entries: &[Entry], told: &Told) -> Compared {
    let mut compared = Compared {
        connector: connector.to_owned(),
        agree: 0,
        cut: 0,
        contradictions: Vec::new(),
        not_in_evidence: Vec::new(),
        not_in_stream_log: Vec::new(),
    };
    let mut seen = std::collections::BTreeSet::new();
    for Entry { stream: theirs, .. } in entries {
        seen.insert(theirs.stream.as_str());
        let Some(known) = told.streams.get(&theirs.stream) else {
            compared.not_in_evidence.push(theirs.stream.clone());
            continue;
        };
        let ours = &known.stream;
        if let Some(what) = contradiction(connector, &known.connector, ours, theirs) {
            compared.contradictions.push(format!("stream {}: {what}", theirs.stream));
        } else if (ours.to_target, ours.from_target) == (theirs.to_target, theirs.from_target) {
            compared.agree += 1;
        } else {
            compared.cut += 1;
        }
    }
    // Streams of another key stand in that key's own log.
    let is_its = |known: &ToldStream| {
        known.connector == connector && known.key.is_none_or(|known| known == *key)
    };
    let missing = told
        .streams
        .iter()
        .filter(|(stream, known)| is_its(known) && !seen.contains(stream.as_str()));
    compared.not_in_stream_log = missing.map(|(stream, _)| stream.clone()).collect();
    compared
}

/// What cannot be, whatever was cut off.
fn contradiction(
    connector: &str,
    name: &str,
    ours: &LinkStream,
    theirs: &LinkStream,
) -> Option<String> {
    if name != connector {
        return Some(format!("the evidence has it through `{name}`"));
    }
    if ours.resource != theirs.resource {
        let (here, there) = (&ours.resource, &theirs.resource);
        return Some(format!("it is of `{here}` in the evidence, and of `{there}` in the log"));
    }
    if theirs.to_target > ours.to_target {
        let (sent, came) = (ours.to_target, theirs.to_target);
        return Some(format!("{came} bytes went to the target, and the gateway sent {sent}"));
    }
    if ours.from_target > theirs.from_target {
        let (sent, came) = (theirs.from_target, ours.from_target);
        return Some(format!("the gateway got {came} bytes, and the connector sent {sent}"));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(to_target: u64, from_target: u64) -> LinkStream {
        LinkStream {
            stream: "s".into(),
            resource: "shop".into(),
            opened_us: 1,
            closed_us: 2,
            to_target,
            from_target,
        }
    }

    fn through(connector: &str, key: u8, stream: LinkStream) -> ToldStream {
        ToldStream { connector: connector.into(), key: Some([key; 32]), stream }
    }

    #[test]
    fn what_cannot_be_is_told_from_what_was_cut() {
        let check = |ours: (u64, u64), theirs: (u64, u64), expect: (usize, usize, usize)| {
            let mut told = Told::default();
            told.streams.insert("s".into(), through("eu", 1, stream(ours.0, ours.1)));
            let entry = Entry {
                number: 0,
                previous: String::new(),
                stream: stream(theirs.0, theirs.1),
                target: "db".into(),
                gateway: "gw:8445".into(),
            };
            let compared = of(("eu", &[1; 32]), &[entry], &told);
            let found = (compared.agree, compared.cut, compared.contradictions.len());
            assert_eq!(found, expect, "{ours:?} {theirs:?}");
        };
        check((5, 9), (5, 9), (1, 0, 0));
        check((5, 9), (4, 9), (0, 1, 0));
        check((5, 9), (5, 10), (0, 1, 0));
        check((5, 9), (6, 9), (0, 0, 1));
        check((5, 9), (5, 8), (0, 0, 1));
        let missing = of(("eu", &[1; 32]), &[], &{
            let mut told = Told::default();
            told.streams.insert("s".into(), through("eu", 1, stream(1, 1)));
            told.streams.insert("t".into(), through("us", 2, stream(1, 1)));
            // Before it was enrolled anew, with another key.
            told.streams.insert("u".into(), through("eu", 3, stream(1, 1)));
            told
        });
        assert_eq!(
            (missing.not_in_stream_log.as_slice(), missing.exit_code()),
            (&["s".to_owned()][..], 2)
        );
    }
}
