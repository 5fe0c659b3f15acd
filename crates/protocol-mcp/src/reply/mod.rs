//! Messages of the server, masked.

#[cfg(test)]
mod canary;
mod content;
mod lists;

pub(crate) use content::{Opaque, offered, withhold};
pub(crate) use lists::filter;

use crate::request::Plan;
use crate::target::Target;
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object};
use portreeve_screen::TextScreen;
use portreeve_session::{End, Masked, Reply, Unmaskable};
use portreeve_web::look_through;
use portreeve_web::masking::{
    Known, KnownPaths, Look, Names, Remembered, Tally, put_event_data, put_json,
};

/// How a client gets a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Shape {
    /// As the body of an answer.
    Body(Head),
    /// As an event; the first one behind the head of the stream.
    Event(Option<Head>),
}

/// The head of an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Head {
    /// The session that begins with it (to 2025-11-25).
    pub(crate) session: Option<String>,
}

impl Head {
    fn put(&self, kind: &str, out: &mut Vec<u8>) {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncache-control: no-store\r\n");
        out.extend_from_slice(head.as_bytes());
        if let Some(session) = &self.session {
            out.extend_from_slice(format!("mcp-session-id: {session}\r\n").as_bytes());
        }
        out.extend_from_slice(b"\r\n");
    }
}

impl Shape {
    /// Writes a message in this shape.
    pub(crate) fn put(&self, message: &str, out: &mut Vec<u8>) {
        match self {
            Self::Body(head) => {
                head.put("application/json", out);
                out.extend_from_slice(message.as_bytes());
            }
            Self::Event(head) => {
                if let Some(head) = head {
                    head.put("text/event-stream", out);
                }
                out.extend_from_slice(b"event: message\n");
                put_event_data(message, out);
                out.push(b'\n');
            }
        }
    }
}

/// The head of a stream of events, before there are any.
pub(crate) struct StreamBegins;

impl Reply for StreamBegins {
    fn mask(self, _: &Masker) -> Result<Masked, Unmaskable> {
        let mut out = Vec::new();
        Head::default().put("text/event-stream", &mut out);
        out.extend_from_slice(b":\n\n");
        Ok(Masked { bytes: out.into(), ..Masked::default() })
    }
}

/// That something was taken which has no answer.
pub(crate) enum Taken {
    /// A notification, or an answer.
    Message,
    /// The end of the session.
    Leave,
}

impl Reply for Taken {
    fn mask(self, _: &Masker) -> Result<Masked, Unmaskable> {
        let bytes = Bytes::from_static(match self {
            Self::Message => b"HTTP/1.1 202 Accepted\r\n\r\n",
            Self::Leave => b"HTTP/1.1 204 No Content\r\n\r\n",
        });
        Ok(Masked { bytes, end: Some(End::Completed), ..Masked::default() })
    }
}

/// One message of the server.
pub(crate) struct ServerPart<'a> {
    pub(crate) target: &'a Target,
    pub(crate) plan: &'a Plan,
    pub(crate) screen: &'a mut TextScreen,
    pub(crate) shape: Shape,
    pub(crate) text: &'a str,
    /// What stands in the place of names that the gateway gave, by their paths.
    pub(crate) given: Option<(&'static str, String)>,
    /// How the answer ends with it, if it does.
    pub(crate) end: Option<End>,
}

impl Reply for ServerPart<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let names = MessageNames { target: self.target, plan: self.plan, given: self.given };
        let mut paths = KnownPaths::default();
        let names = Remembered::new(&names, &mut paths, 1);
        let look = Look { names: &names, masker };
        let mut tally = Tally::new(&mut *self.screen);
        tally.usage.messages = 1;
        let mut message = Vec::with_capacity(self.text.len() + 64);
        let put = || put_json(self.text, &look, &mut message, &mut tally);
        look_through(self.text.len(), put)?;
        let message = String::from_utf8(message)
            .map_err(|_| Unmaskable("a masked message is not UTF-8".to_owned()))?;
        let mut out = Vec::with_capacity(message.len() + 128);
        self.shape.put(&message, &mut out);
        let (usage, masked, mut detected) = (tally.usage, tally.masked, Vec::new());
        self.screen.drain(&mut detected);
        Ok(Masked {
            bytes: out.into(),
            usage,
            masked,
            detected,
            end: self.end,
            ..Masked::default()
        })
    }
}

/// What is known of the fields of a message.
struct MessageNames<'a> {
    target: &'a Target,
    plan: &'a Plan,
    given: Option<(&'static str, String)>,
}

/// Members that are the gateway's own by the time that a client gets them.
const OWN: [&str; 3] = ["jsonrpc", "id", "method"];

/// Methods whose answers describe.
const OFFERS: [&str; 6] = [
    "initialize",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "tools/list",
];

impl MessageNames<'_> {
    fn is_offer(&self) -> bool {
        OFFERS.contains(&self.plan.subject.as_str())
    }
}

impl Names for MessageNames<'_> {
    fn known(&self, path: &str) -> Known {
        if let Some((_, written)) = self.given.as_ref().filter(|(given, _)| *given == path) {
            return Known::Written(written.clone());
        }
        if OWN.contains(&path) {
            return Known::Shown;
        }
        match self.target.fields().known(&self.plan.subject, path, &self.plan.revealed) {
            // What a server says of what it offers is called like fields, and holds no values.
            Known::Called(_) if self.is_offer() => Known::Nothing,
            known => known,
        }
    }

    fn named_in(&self, text: &str) -> Option<Category> {
        // What a server says of what it offers names fields all the time, and holds no values.
        if self.is_offer() {
            return None;
        }
        let named = self.target.fields().named_in(&self.plan.subject, text, &self.plan.revealed);
        named.map(|(_, category)| category)
    }

    fn reveals(&self, object: &Object, category: &Category) -> bool {
        self.plan.snapshot.reveals(object, category)
    }

    fn passes_opaque(&self) -> bool {
        self.plan.passes_opaque
    }

    fn without_credential(&self, text: &str) -> Option<String> {
        self.target.without_credential(text)
    }
}
