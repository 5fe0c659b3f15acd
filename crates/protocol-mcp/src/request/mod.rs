//! What a message asks for, and its bytes for the server.

mod command;

pub(crate) use command::{Asks, LEAVE, LISTEN, Plan, call_of, read_of};

use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{ApprovedStatement, Parameter, ParameterFormat, Refusal, RequestContent};
use portreeve_session::{
    CommandUse, Fault, Masked, Piece, Request, TargetRequest, Unmaskable, Upload, shown_text,
};

/// A client's message, ready to be decided.
#[derive(Debug)]
pub(crate) struct ClientMessage {
    pub(crate) plan: Plan,
    /// As it is recorded.
    pub(crate) text: String,
    /// What is asked for, without what changes from one try to the next: what an approval is of.
    pub(crate) asked: String,
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
        let message = Parameter {
            type_name: "json".to_owned(),
            format: ParameterFormat::Text,
            value: shown_text(self.asked.as_bytes()),
        };
        let statement = ApprovedStatement {
            text: self.plan.command.command.fingerprint.clone(),
            names: Vec::new(),
            parameters: vec![message],
        };
        RequestContent {
            role: self.role.clone(),
            statements: vec![statement],
            definitions: self.plan.definition.clone().into_iter().collect(),
            ..RequestContent::default()
        }
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
    pub(crate) written: Bytes,
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

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        (if refused.is_some() { Bytes::new() } else { self.written }, ())
    }
}

impl<M: FnMut(&Masker) -> Result<Masked, Unmaskable> + Send> TargetRequest for ServerMessage<M> {
    fn mask(&mut self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let masked = (self.masked)(masker)?;
        self.written = masked.bytes.clone();
        Ok(masked)
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
