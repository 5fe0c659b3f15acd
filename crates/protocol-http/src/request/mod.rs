//! What a request asks for, and its bytes for the target.

mod command;
mod head;
mod outgoing;

pub(crate) use command::Plan;
pub(crate) use head::{Head, RefusedHead};

use bytes::{Bytes, BytesMut};
use portreeve_model::{ApprovedStatement, Parameter, ParameterFormat, Refusal, RequestContent};
use portreeve_session::{CommandUse, Request, shown_text};

/// One request, ready to be decided.
#[derive(Debug)]
pub(crate) struct HttpRequest {
    pub(crate) plan: Plan,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// As whom the target is asked.
    pub(crate) role: String,
}

impl HttpRequest {
    fn message(&self, head: Vec<u8>) -> Bytes {
        let mut message = BytesMut::with_capacity(head.len() + self.body.len());
        message.extend_from_slice(&head);
        message.extend_from_slice(&self.body);
        message.freeze()
    }

    fn shown_body(&self) -> Option<Parameter> {
        if self.body.is_empty() {
            return None;
        }
        let value = shown_text(&self.body);
        let type_name = self.head.content_type().unwrap_or_default().to_owned();
        Some(Parameter { type_name, format: ParameterFormat::Text, value })
    }
}

impl Request for HttpRequest {
    type Accepted = ();

    fn commands(&self) -> &[CommandUse] {
        std::slice::from_ref(&self.plan.command)
    }

    fn received(&self) -> Bytes {
        self.message(self.head.to_record())
    }

    fn content(&self) -> RequestContent {
        let head = &self.head;
        let statement = ApprovedStatement {
            text: format!("{} {}", head.method, head.target()),
            names: Vec::new(),
            parameters: self.shown_body().into_iter().collect(),
        };
        RequestContent {
            role: self.role.clone(),
            statements: vec![statement],
            settings: head.settings(),
            ..RequestContent::default()
        }
    }

    fn encode(self, refused: Option<(usize, &Refusal)>) -> (Bytes, ()) {
        match refused {
            Some(_) => (Bytes::new(), ()),
            None => (self.message(self.head.to_target(self.body.len())), ()),
        }
    }
}
