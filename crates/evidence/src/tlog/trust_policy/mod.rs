//! Trust policies as C2SP writes them: <https://c2sp.org/tlog-policy>.
//!
//! ```text
//! log portreeve/3c5b…+0f3a…+AQ…
//! witness audit audit.example/w1+9d2e…+BA…
//! witness legal legal.example/w1+77b1…+Bg…
//! group both all audit legal
//! quorum both
//! ```
//!
//! A checkpoint is believed when one of the logs signed it and the quorum cosigned it.
//! Names are octets; they mean nothing outside of the file.

use crate::tlog::note::{Note, decimal};
use crate::tlog::vkey::{Signed, VerifierKey};
use serde::Serialize;
use std::collections::HashMap;

/// The most logs, witnesses and groups, each.
pub const ENTRIES_MAX: usize = 256;
/// The longest policy that is read.
pub const POLICY_BYTES_MAX: usize = 1 << 20;

/// What is wrong with a policy, and where.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line} of the policy: {what}")]
pub struct PolicyError {
    /// The line, from 1.
    pub line: usize,
    /// What.
    pub what: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Member {
    Witness(usize),
    Group(usize),
}

#[derive(Clone, Debug)]
struct Group {
    threshold: usize,
    members: Vec<Member>,
}

/// Whom to believe about a checkpoint.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    groups: Vec<Group>,
    /// `None`: no cosignature is asked for.
    quorum: Option<Member>,
}

/// A witness's word on a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Seen {
    /// The witness's name in the policy.
    pub witness: String,
    /// When it cosigned, in seconds since 1970.
    pub at: u64,
}

/// What a policy says of a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// The witnesses of the policy that cosigned.
    pub seen: Vec<Seen>,
    /// Those whose cosignature does not hold: the note is a forgery.
    pub forged: Vec<String>,
    /// Whether the quorum is there, and nothing is forged.
    pub met: bool,
}

impl TrustPolicy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// The first line that is not as the specification says.
    pub fn parse(text: &[u8]) -> Result<Self, PolicyError> {
        let whole = |what: &str| PolicyError { line: 1, what: what.to_owned() };
        if text.len() > POLICY_BYTES_MAX {
            return Err(whole("the file is longer than 1 MiB"));
        }
        let Some(body) = text.strip_suffix(b"\n") else {
            return Err(whole("the file is empty, or its last line has no line end"));
        };
        let mut parser = Parser::default();
        for (at, line) in body.split(|byte| *byte == b'\n').enumerate() {
            parser.line(line).map_err(|what| PolicyError { line: at + 1, what })?;
        }
        let line = body.split(|byte| *byte == b'\n').count();
        let quorum = parser.quorum.ok_or_else(|| PolicyError {
            line,
            what: "there is no `quorum` line; hint: `quorum none` asks for no witness".to_owned(),
        })?;
        let Parser { logs, witnesses, groups, .. } = parser;
        Ok(Self { logs, witnesses, groups, quorum })
    }

    /// The logs that are accepted; empty where the policy leaves that to others.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// Judges the cosignatures of a note; the log's own signature is for the caller.
    #[must_use]
    pub fn judge(&self, note: &str) -> Judgement {
        let mut judgement = Judgement { seen: Vec::new(), forged: Vec::new(), met: false };
        let Some(note) = Note::parse(note) else { return judgement };
        let mut has_signed = Vec::with_capacity(self.witnesses.len());
        for (name, key) in &self.witnesses {
            let signed = key.signed(&note);
            has_signed.push(matches!(signed, Signed::At(_)));
            match signed {
                Signed::At(at) => {
                    judgement.seen.push(Seen { witness: name.clone(), at: at.unwrap_or(0) });
                }
                Signed::Falsely => judgement.forged.push(name.clone()),
                Signed::Not => {}
            }
        }
        let quorum = self.quorum.is_none_or(|member| self.has_witnessed(member, &has_signed));
        judgement.met = quorum && judgement.forged.is_empty();
        judgement
    }

    /// Whether a checkpoint is believed that nobody cosigned.
    pub(crate) fn asks_for_nobody(&self) -> bool {
        self.quorum.is_none()
    }

    fn has_witnessed(&self, member: Member, has_signed: &[bool]) -> bool {
        match member {
            Member::Witness(at) => has_signed.get(at).copied().unwrap_or(false),
            // Groups only name what stands before them, so this ends.
            Member::Group(at) => self.groups.get(at).is_some_and(|group| {
                let counted = group.members.iter().filter(|m| self.has_witnessed(**m, has_signed));
                counted.count() >= group.threshold
            }),
        }
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<VerifierKey>,
    witnesses: Vec<(String, VerifierKey)>,
    groups: Vec<Group>,
    names: HashMap<Vec<u8>, Member>,
    /// Those that are members of a group already.
    taken: Vec<Member>,
    quorum: Option<Option<Member>>,
}

/// A name for messages.
fn shown(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

impl Parser {
    fn line(&mut self, line: &[u8]) -> Result<(), String> {
        if line.iter().any(|byte| matches!(byte, 0..=8 | 10..=31 | 127)) {
            return Err("control characters but the tab are not allowed".to_owned());
        }
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let mut items = line.split(is_blank).filter(|item| !item.is_empty());
        let Some(word) = items.next().filter(|word| !word.starts_with(b"#")) else {
            return Ok(());
        };
        let items: Vec<&[u8]> = items.collect();
        match (word, items.as_slice()) {
            (b"log", [key] | [key, _]) => self.log(key),
            (b"witness", [name, key] | [name, key, _]) => self.witness(name, key),
            (b"group", [name, threshold, members @ ..]) if !members.is_empty() => {
                self.group(name, threshold, members)
            }
            (b"quorum", [name]) => self.quorum(name),
            (b"log", _) => Err("it is not `log KEY [URL]`".to_owned()),
            (b"witness", _) => Err("it is not `witness NAME KEY [URL]`".to_owned()),
            (b"group", _) => Err("it is not `group NAME all|any|COUNT NAME...`".to_owned()),
            (b"quorum", _) => Err("it is not `quorum NAME`".to_owned()),
            (other, _) => {
                Err(format!("`{}` is none of `log`, `witness`, `group`, `quorum`", shown(other)))
            }
        }
    }

    fn log(&mut self, key: &[u8]) -> Result<(), String> {
        let key = read_key(key)?;
        if !key.kind().is_for_logs() {
            return Err("this is the key of a witness, not of a log".to_owned());
        }
        if self.logs.iter().any(|known| known.public() == key.public()) {
            return Err("this log's key was given before".to_owned());
        }
        bounded(self.logs.len(), "logs")?;
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &[u8], key: &[u8]) -> Result<(), String> {
        let key = read_key(key)?;
        if !key.kind().is_for_witnesses() {
            return Err("this is the key of a log, not of a witness".to_owned());
        }
        if self.witnesses.iter().any(|(_, known)| known.public() == key.public()) {
            return Err("this witness's key was given before".to_owned());
        }
        bounded(self.witnesses.len(), "witnesses")?;
        self.define(name, Member::Witness(self.witnesses.len()))?;
        self.witnesses.push((shown(name), key));
        Ok(())
    }

    fn group(&mut self, name: &[u8], count: &[u8], names: &[&[u8]]) -> Result<(), String> {
        let mut members = Vec::with_capacity(names.len());
        for name in names {
            let member = self.named(name)?;
            if self.taken.contains(&member) {
                return Err(format!("`{}` is a member of a group already", shown(name)));
            }
            self.taken.push(member);
            members.push(member);
        }
        let threshold = match count {
            b"all" => Some(members.len()),
            b"any" => Some(1),
            count => std::str::from_utf8(count).ok().and_then(decimal).and_then(|count| {
                usize::try_from(count).ok().filter(|count| (1..=members.len()).contains(count))
            }),
        };
        let threshold = threshold.ok_or_else(|| {
            format!("`{}` must be `all`, `any` or from 1 to {}", shown(count), members.len())
        })?;
        bounded(self.groups.len(), "groups")?;
        self.define(name, Member::Group(self.groups.len()))?;
        self.groups.push(Group { threshold, members });
        Ok(())
    }

    fn quorum(&mut self, name: &[u8]) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a `quorum` line already".to_owned());
        }
        self.quorum = Some(match name {
            b"none" => None,
            name => Some(self.named(name)?),
        });
        Ok(())
    }

    fn named(&self, name: &[u8]) -> Result<Member, String> {
        let found = self.names.get(name).copied();
        found.ok_or_else(|| format!("`{}` is not defined on a line before", shown(name)))
    }

    fn define(&mut self, name: &[u8], member: Member) -> Result<(), String> {
        if name == b"none" || self.names.contains_key(name) {
            return Err(format!("the name `{}` is taken", shown(name)));
        }
        self.names.insert(name.to_vec(), member);
        Ok(())
    }
}

fn read_key(text: &[u8]) -> Result<VerifierKey, String> {
    let text = std::str::from_utf8(text).map_err(|_| "the key is not UTF-8".to_owned())?;
    text.parse().map_err(|what| format!("`{text}` is no public key: {what}"))
}

fn bounded(count: usize, what: &str) -> Result<(), String> {
    match count < ENTRIES_MAX {
        true => Ok(()),
        false => Err(format!("more than {ENTRIES_MAX} {what}")),
    }
}

#[cfg(test)]
mod tests;
