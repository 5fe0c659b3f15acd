//! A terminal: a right of its own, since whoever sits there can have anything done that the user
//! of the target may, and can have values written in forms that nobody finds.

use super::OPAQUE;
use super::exec::{Plan, content};
use crate::streams::{COMMAND, WINDOW};
use crate::target::Target;
use crate::terminal::Window;
use bytes::Bytes;
use portreeve_decide::shell::terminal;
use portreeve_model::{
    Action, Category, Command, Effect, Facts, Need, Object, Refusal, RequestContent, Revealed,
    Usage,
};
use portreeve_session::{CommandUse, Request, Snapshot, Stage, put_stream};
use std::sync::Arc;

/// A terminal with a shell in it, or with one command.
#[derive(Debug)]
pub(crate) struct TerminalRequest {
    commands: Vec<CommandUse>,
    /// Where texts on it stand, as policy is asked about them.
    pub(crate) place: Object,
    /// The line for the target's shell, and as it came; none where the shell itself is wanted.
    line: Option<(String, Vec<u8>)>,
    window: Window,
    environment: Vec<(String, String)>,
    role: String,
}

impl TerminalRequest {
    pub(crate) fn new(
        target: &Target,
        snapshot: &Arc<Snapshot>,
        window: Window,
        line: Option<(Plan, Vec<u8>)>,
        environment: Vec<(String, String)>,
    ) -> Self {
        let place = terminal(target.machine().host, target.user());
        let mut commands = vec![opened(&place, snapshot)];
        let line = line.map(|(plan, line)| {
            commands.push(plan.command);
            (plan.wire, line)
        });
        let role = target.user().to_owned();
        Self { commands, place, line, window, environment, role }
    }
}

fn opened(place: &Object, snapshot: &Arc<Snapshot>) -> CommandUse {
    let category = Category::from(OPAQUE);
    let is_revealed = snapshot.reveals(place, &category);
    let revealed: Vec<Revealed> =
        is_revealed.then(|| Revealed { object: place.clone(), category }).into_iter().collect();
    let unknown = (!is_revealed).then(|| {
        "in a terminal anything can be run, and shown in a form in which personal data is not \
         found"
            .to_owned()
    });
    let command = Command {
        shape: String::new(),
        effect: Effect::MayChange,
        verb: "terminal".to_owned(),
        fingerprint: "terminal".to_owned(),
        needs: vec![Need { action: Action::Execute, object: place.clone() }],
        facts: Facts { bounded: Some(false), ..Facts::default() },
        unknown,
    };
    CommandUse {
        command: Arc::new(command),
        stage: Stage::Run,
        revealed: revealed.into(),
        before: Usage::default(),
    }
}

/// What is approved: a terminal, and the line that runs in it.
pub(super) fn content_of(
    role: &str,
    line: Option<&str>,
    environment: &[(String, String)],
) -> RequestContent {
    let text = line.map_or_else(|| "terminal".to_owned(), |line| format!("terminal {line}"));
    content(role, (Some("terminal"), text), environment)
}

impl Request for TerminalRequest {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        &self.commands
    }

    fn received(&self) -> Bytes {
        let mut bytes = Vec::new();
        let line = self.line.as_ref().map_or(&b"terminal"[..], |(_, line)| line);
        put_stream(COMMAND, line, &mut bytes);
        put_stream(WINDOW, self.window.size.to_string().as_bytes(), &mut bytes);
        bytes.into()
    }

    fn content(&self) -> RequestContent {
        let line = self.line.as_ref().map(|(wire, _)| wire.as_str());
        content_of(&self.role, line, &self.environment)
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        match (refused, self.line) {
            (Some(_), _) | (None, None) => (Bytes::new(), ()),
            (None, Some((wire, _))) => (wire.into(), ()),
        }
    }
}
