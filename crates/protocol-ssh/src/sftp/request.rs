//! Operations on files as commands, and packets for the target.

use super::packet::{packet, put_number};
use super::{VERSION, kind};
use crate::streams::{COMMAND, INPUT};
use bytes::Bytes;
use portreeve_decide::shell::{Machine, file, host, program, tells_programs};
use portreeve_model::{
    Action, ApprovedStatement, Change, Command, Effect, Facts, Need, Refusal, RequestContent,
    Revealed, Usage,
};
use portreeve_session::{CommandUse, Fault, Piece, Request, Stage, Upload, put_stream};
use std::sync::Arc;

/// A packet for the target, inside an exchange.
pub(crate) struct ToTarget(pub(crate) Vec<u8>);

impl Upload for ToTarget {
    fn read(self) -> Result<Piece, Fault> {
        let mut received = Vec::new();
        put_stream(INPUT, &self.0, &mut received);
        Ok(Piece { received: received.into(), wire: self.0.into(), usage: Usage::default() })
    }
}

/// The beginning: files are asked for at all.
#[derive(Debug)]
pub(crate) struct SftpStart(CommandUse);

impl SftpStart {
    pub(crate) fn new(host: &str) -> Self {
        let need = Need { action: Action::Read, object: program(host, "sftp") };
        Self(used(Command {
            verb: "sftp".to_owned(),
            fingerprint: "sftp".to_owned(),
            needs: vec![need],
            ..Command::default()
        }))
    }
}

fn used(command: Command) -> CommandUse {
    CommandUse {
        command: Arc::new(command),
        stage: Stage::Run,
        revealed: Arc::default(),
        before: Usage::default(),
    }
}

fn content(text: &str, role: &str) -> RequestContent {
    // SECURITY: a command line that reads like an operation on files is none.
    let names = vec!["sftp".to_owned()];
    let statement = ApprovedStatement { text: text.to_owned(), names, parameters: Vec::new() };
    RequestContent {
        role: role.to_owned(),
        statements: vec![statement],
        ..RequestContent::default()
    }
}

fn received(text: &str) -> Bytes {
    let mut bytes = Vec::new();
    put_stream(COMMAND, text.as_bytes(), &mut bytes);
    bytes.into()
}

impl Request for SftpStart {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.0)
    }

    fn received(&self) -> Bytes {
        received("sftp")
    }

    fn content(&self) -> RequestContent {
        content("sftp", "")
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        let mut body = Vec::new();
        put_number(VERSION, &mut body);
        match refused {
            Some(_) => (Bytes::new(), ()),
            None => (packet(kind::INIT, &body).into(), ()),
        }
    }
}

/// An operation on files.
#[derive(Debug)]
pub(crate) struct FileCommand {
    command: CommandUse,
    text: String,
    role: String,
    wire: Vec<u8>,
}

impl FileCommand {
    /// `needs` are actions on canonical paths; `said` is all that the first packet for the target
    /// says, and that packet.
    pub(crate) fn new(
        verb: &str,
        (machine, role): (&Machine<'_>, &str),
        needs: &[(Action, &str)],
        revealed: Vec<Revealed>,
        (said, wire): (String, Vec<u8>),
    ) -> Self {
        let writes =
            |action: &Action| matches!(action, Action::Write | Action::Define | Action::Administer);
        let change = match verb {
            "mkdir" => Some(Change::Create),
            "remove" | "rmdir" | "rename" => Some(Change::Drop),
            "put" | "setstat" => Some(Change::Change),
            _ => None,
        };
        let facts = Facts {
            bounded: needs.iter().any(|(action, _)| writes(action)).then_some(true),
            change,
            ..Facts::default()
        };
        let is_written = |action: &Action| match verb {
            "put" | "rename" => *action == Action::Write,
            "mkdir" => *action == Action::Define,
            _ => false,
        };
        let tells = needs
            .iter()
            .any(|(action, path)| is_written(action) && tells_programs(path, machine.home));
        let mut needs: Vec<Need> = needs
            .iter()
            .map(|(action, path)| Need { action: *action, object: file(machine.host, path) })
            .collect();
        needs.dedup();
        // SECURITY: programs that policy knows do what such files say.
        needs.extend(tells.then(|| Need { action: Action::Execute, object: host(machine.host) }));
        let text = format!("{verb}{said}");
        let command = Command {
            verb: verb.to_owned(),
            fingerprint: verb.to_owned(),
            shape: String::new(),
            needs,
            facts,
            unknown: None,
            effect: Effect::MayChange,
        };
        let command = CommandUse { revealed: revealed.into(), ..used(command) };
        Self { command, text, role: role.to_owned(), wire }
    }

    /// The same where it would leave something that nobody finds values in: why so.
    pub(crate) fn hiding(mut self, why: Option<String>) -> Self {
        Arc::make_mut(&mut self.command.command).unknown = why;
        self
    }
}

impl Request for FileCommand {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.command)
    }

    fn received(&self) -> Bytes {
        received(&self.text)
    }

    fn content(&self) -> RequestContent {
        content(&self.text, &self.role)
    }

    /// What is written into a file comes behind its opening.
    fn has_unseen_data(&self) -> bool {
        self.command.command.verb == "put"
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        match refused {
            Some(_) => (Bytes::new(), ()),
            None => (self.wire.into(), ()),
        }
    }
}

/// Why a size that is set is not known to be harmless.
pub(crate) const CUT: &str = "a file that is cut to a size could show a part of a value, in which \
                              that is not found: only 0 can be set";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_what_tells_programs_executes() {
        let machine = Machine { host: "web", home: "/srv/d", programs: None };
        let executes = |verb: &str, needs: &[(Action, &str)]| {
            let said = (String::new(), Vec::new());
            let asked = FileCommand::new(verb, (&machine, "deploy"), needs, Vec::new(), said);
            let needs = &asked.command.command.needs;
            needs.iter().any(|need| need.action == Action::Execute && need.object == host("web"))
        };
        assert!(executes("put", &[(Action::Write, "/srv/d/.gitconfig")]));
        assert!(executes("mkdir", &[(Action::Define, "/srv/d/.config")]));
        let moves =
            |to| [(Action::Read, "/srv/d/x"), (Action::Define, "/srv/d/x"), (Action::Write, to)];
        assert!(executes("rename", &moves("/srv/d/.ssh")));
        assert!(!executes("rename", &moves("/srv/d/y")));
        assert!(!executes("put", &[(Action::Write, "/srv/d/out/.magic")]));
        assert!(!executes("get", &[(Action::Read, "/srv/d/.gitconfig")]));
        assert!(!executes("remove", &[(Action::Define, "/srv/d/.gitconfig")]));
    }
}
