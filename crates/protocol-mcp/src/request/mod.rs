//! What a message asks for, and its bytes for the server.

mod command;
mod said;
mod uri;

pub(crate) use command::{Asks, LEAVE, LISTEN, Plan, answer_of, call_of, read_of};
pub(crate) use said::{PROGRESS, shown};
pub(crate) use uri::{canonical, canonical_template};

use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{ApprovedStatement, Parameter, ParameterFormat, Refusal, RequestContent};
use portreeve_session::{
    CommandUse, Fault, Fence, Masked, Piece, Request, TargetRequest, Unmaskable, Upload, shown_text,
};
use std::sync::Arc;

/// A client's message, ready to be decided.
pub(crate) struct ClientMessage {
    pub(crate) plan: Plan,
    /// As it is recorded.
    pub(crate) text: String,
    /// What is asked for, without what changes from one try to the next: what an approval is of.
    pub(crate) asked: Vec<(String, String)>,
    /// Whether the tool is still what a person has seen.
    pub(crate) definitions: Option<Arc<dyn Fence>>,
    /// As the server gets it, whatever carries it there.
    pub(crate) wire: Bytes,
    /// As whom the server is asked.
    pub(crate) role: String,
}

impl Request for ClientMessage {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.plan.command)
    }

    fn received(&self) -> Bytes {
        Bytes::from(self.text.clone())
    }

    fn content(&self) -> RequestContent {
        let parameter = |(name, value): &(String, String)| Parameter {
            type_name: name.clone(),
            format: ParameterFormat::Text,
            value: shown_text(value.as_bytes()),
        };
        let statement = ApprovedStatement {
            text: self.plan.command.command.fingerprint.clone(),
            names: Vec::new(),
            parameters: self.asked.iter().map(parameter).collect(),
        };
        RequestContent {
            role: self.role.clone(),
            statements: vec![statement],
            definitions: self.plan.definition.clone().into_iter().collect(),
            ..RequestContent::default()
        }
    }

    fn definitions(&self) -> Option<Arc<dyn Fence>> {
        self.definitions.clone()
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        (if refused.is_some() { Bytes::new() } else { self.wire }, ())
    }
}

/// What a server asks of the client: a model's answer, something that a person knows, folders.
pub(crate) struct ServerMessage<M> {
    pub(crate) plan: Plan,
    /// Writes it for the client, masked.
    pub(crate) masked: M,
}

impl<M: FnMut(&Masker) -> Result<Masked, Unmaskable> + Send> Request for ServerMessage<M> {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.plan.command)
    }

    fn received(&self) -> Bytes {
        Bytes::new()
    }

    fn content(&self) -> RequestContent {
        let statement = ApprovedStatement {
            text: self.plan.command.command.fingerprint.clone(),
            ..ApprovedStatement::default()
        };
        RequestContent { statements: vec![statement], ..RequestContent::default() }
    }

    fn encode(self, _: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        (Bytes::new(), ())
    }
}

impl<M: FnMut(&Masker) -> Result<Masked, Unmaskable> + Send> TargetRequest for ServerMessage<M> {
    fn mask(&mut self, masker: &Masker) -> Result<Masked, Unmaskable> {
        (self.masked)(masker)
    }
}

/// A client's answer to what its server has asked.
#[derive(Debug)]
pub(crate) struct ClientAnswer {
    pub(crate) text: String,
    pub(crate) wire: Bytes,
}

impl Upload for ClientAnswer {
    fn read(self) -> Result<Piece, Fault> {
        Ok(Piece { received: self.text.into(), wire: self.wire, ..Piece::default() })
    }
}
