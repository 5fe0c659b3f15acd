//! What is closed: it is asked for, refused, and on record.

use bytes::Bytes;
use portreeve_model::{ApprovedStatement, Command, Refusal, RequestContent, Usage};
use portreeve_session::{CommandUse, Request, Stage, put_stream};
use std::sync::Arc;

/// Something that no policy can open.
#[derive(Debug)]
pub(crate) struct Closed {
    command: CommandUse,
    what: String,
}

impl Closed {
    /// `verb` is SSH's own word for it.
    pub(crate) fn new(verb: &str, why: &str) -> Self {
        let command = Command {
            verb: verb.to_owned(),
            fingerprint: verb.to_owned(),
            unknown: Some(why.to_owned()),
            ..Command::default()
        };
        let command = CommandUse {
            command: Arc::new(command),
            stage: Stage::Run,
            revealed: Arc::default(),
            before: Usage::default(),
        };
        Self { command, what: verb.to_owned() }
    }
}

impl Request for Closed {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.command)
    }

    fn received(&self) -> Bytes {
        let mut bytes = Vec::new();
        put_stream(crate::streams::COMMAND, self.what.as_bytes(), &mut bytes);
        bytes.into()
    }

    fn content(&self) -> RequestContent {
        let statement = ApprovedStatement {
            text: self.what.clone(),
            names: Vec::new(),
            parameters: Vec::new(),
        };
        RequestContent { statements: vec![statement], ..RequestContent::default() }
    }

    fn encode(self, _: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        (Bytes::new(), ())
    }
}
