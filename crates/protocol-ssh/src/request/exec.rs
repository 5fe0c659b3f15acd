//! A command line, read and planned.

use super::OPAQUE;
use crate::streams::COMMAND;
use crate::target::Target;
use bytes::Bytes;
use portreeve_decide::shell::{Analysis, Machine, analyze, host};
use portreeve_model::{
    ApprovedStatement, Category, Command, Effect, Object, ObjectKind, Refusal, RequestContent,
    Revealed, Usage,
};
use portreeve_session::{CommandUse, Request, Snapshot, Stage, put_stream};
use std::sync::Arc;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::block_in_place;

/// A command as it was planned: what it does, and how what it shows is taken.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) command: CommandUse,
    /// The line for the target's shell.
    pub(crate) wire: String,
    /// Where texts of its output stand, as policy is asked about them.
    pub(crate) place: Object,
    pub(crate) shows: Shows,
    /// Whether what it shows may end anywhere.
    pub(crate) may_be_cut: bool,
    /// Why it was not understood, where it was not: the client can say it in another way.
    pub(crate) unread: Option<String>,
    /// What it was planned with.
    pub(crate) snapshot: Arc<Snapshot>,
}

/// How what a command shows is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Shows {
    /// As text: what is none is withheld.
    Texts,
    /// As text as long as it is one: policy lets pass what nobody can look into.
    Anything,
    /// As it comes: it is a protocol of its own, which policy lets pass.
    Raw,
}

impl Plan {
    pub(crate) fn new(line: &str, target: &Target, snapshot: &Arc<Snapshot>) -> Self {
        let machine = target.machine();
        let mut found = apart(line, || analyze(line, &machine));
        let named = snapshot.objects_named().filter_map(|object| file_of(object, &machine));
        found.ask_for_named(machine.host, named);
        Self::of(found, &machine, snapshot)
    }

    fn of(found: Analysis, machine: &Machine<'_>, snapshot: &Arc<Snapshot>) -> Self {
        let category = Category::from(OPAQUE);
        let hidden = found.opaque.iter().find(|object| !snapshot.reveals(object, &category));
        let unread = found.unread.as_ref().map(ToString::to_string);
        let unknown = hidden.map(|object| hides(object, unread.as_deref()));
        let revealed = found.opaque.iter().filter(|_| hidden.is_none());
        let mut revealed: Vec<Revealed> = revealed
            .map(|object| Revealed { object: object.clone(), category: category.clone() })
            .collect();
        revealed.sort();
        let shows = match (found.opaque.is_empty(), found.is_raw) {
            (true, _) => Shows::Texts,
            (false, false) => Shows::Anything,
            (false, true) => Shows::Raw,
        };
        let command = Command {
            verb: found.verb,
            fingerprint: found.fingerprint,
            shape: String::new(),
            needs: found.needs,
            facts: found.facts,
            unknown,
            effect: Effect::MayChange,
        };
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: revealed.into(),
            before: Usage::default(),
        };
        Self {
            command,
            wire: found.wire,
            place: found.source.unwrap_or_else(|| host(machine.host)),
            shows,
            may_be_cut: found.may_be_cut,
            unread,
            snapshot: snapshot.clone(),
        }
    }
}

/// Lines from here on may take long to read.
const LONG_BYTES: usize = 256;

/// Reads a line while the other tasks of this thread go on elsewhere: what an analysis takes is
/// bounded, and still more than others should wait for.
fn apart<T>(line: &str, read: impl FnOnce() -> T) -> T {
    let is_shared = || {
        Handle::try_current()
            .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
    };
    if line.len() >= LONG_BYTES && is_shared() { block_in_place(read) } else { read() }
}

/// The path of a file of a machine.
fn file_of<'o>(object: &'o Object, machine: &Machine<'_>) -> Option<&'o String> {
    match object.path.as_slice() {
        [of, path] if object.kind == ObjectKind::FILE && of == machine.host => Some(path),
        _ => None,
    }
}

/// Why what a command shows could hold values that nobody finds.
fn hides(object: &Object, unread: Option<&str>) -> String {
    match (object.path.as_slice(), unread) {
        (_, Some(why)) => format!("the command is not understood: {why}"),
        ([_, program], None) => format!(
            "`{program}`, as it is called here, could show what it reads in a form in which \
             personal data is not found"
        ),
        (_, None) => "code runs that nobody can look into, and could show what it reads in a form \
                      in which personal data is not found"
            .to_owned(),
    }
}

/// What is approved of a command: what runs, through what, as whom, and what it is told.
///
/// SECURITY: what it runs through is a field of its own. A line that reads like a terminal is none.
pub(super) fn content(
    role: &str,
    (through, text): (Option<&str>, String),
    environment: &[(String, String)],
) -> RequestContent {
    let names = through.into_iter().map(str::to_owned).collect();
    let statement = ApprovedStatement { text, names, parameters: Vec::new() };
    let setting = |(name, value): &(String, String)| format!("{name}={value}");
    RequestContent {
        role: role.to_owned(),
        statements: vec![statement],
        settings: environment.iter().map(setting).collect(),
        ..RequestContent::default()
    }
}

/// One command line, ready to be decided.
#[derive(Debug)]
pub(crate) struct ExecRequest {
    pub(crate) plan: Plan,
    /// As it came.
    pub(crate) line: Vec<u8>,
    pub(crate) environment: Vec<(String, String)>,
    /// As whom it runs.
    pub(crate) role: String,
}

impl Request for ExecRequest {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.plan.command)
    }

    fn received(&self) -> Bytes {
        let mut bytes = Vec::new();
        put_stream(COMMAND, &self.line, &mut bytes);
        bytes.into()
    }

    fn content(&self) -> RequestContent {
        content(&self.role, (None, self.plan.wire.clone()), &self.environment)
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        match refused {
            Some(_) => (Bytes::new(), ()),
            None => (self.plan.wire.into(), ()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::terminal;

    /// An approval is for one kind of request: without what it runs through, the line `terminal`
    /// opens one.
    #[test]
    fn lines_and_terminals_are_never_approved_for_each_other() {
        let lines = ["", " ", "terminal", "terminal ", "terminal x", "x", "terminal terminal"];
        let mut contents = vec![terminal::content_of("deploy", None, &[])];
        for line in lines {
            contents.push(content("deploy", (None, line.to_owned()), &[]));
            contents.push(terminal::content_of("deploy", Some(line), &[]));
        }
        for (at, one) in contents.iter().enumerate() {
            assert!(!contents.iter().skip(at + 1).any(|other| other == one), "{one:?}");
        }
    }
}
