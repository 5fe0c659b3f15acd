//! Answers: heads and bodies, masked in whatever way they are written.

mod body;
mod head;
mod json;
mod look;
mod tally;

pub(crate) use body::{Body, Classified};
pub(crate) use head::ReplyHead;

use crate::request::Plan;
use crate::target::Target;
use bytes::Bytes;
use look::Look;
use portreeve_decide::mask::Masker;
use portreeve_screen::TextScreen;
use portreeve_session::{End, Masked, Reply, Unmaskable};
use tally::Tally;

/// Whether more of an answer is to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum More {
    Follows,
    Ended,
}

/// A part of an answer: its head, some of its body, or both.
pub(crate) struct Part<'a> {
    pub(crate) target: &'a Target,
    pub(crate) plan: &'a Plan,
    pub(crate) screen: &'a mut TextScreen,
    pub(crate) body: &'a mut Body,
    pub(crate) head: Option<ReplyHead>,
    pub(crate) data: Bytes,
    pub(crate) more: More,
}

impl Reply for Part<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let look = Look { target: self.target, plan: self.plan, masker };
        let mut out = Vec::with_capacity(self.data.len() + 256);
        let mut tally = Tally::new(&mut *self.screen);
        let mut end = None;
        if let Some(head) = &self.head {
            tally.usage.messages = 1;
            head.put(&look, &mut out, &mut tally)?;
        }
        self.body.push(&self.data, &look, &mut out, &mut tally)?;
        if self.more == More::Ended {
            self.body.finish(&look, &mut out, &mut tally)?;
            end = Some(End::Completed);
        }
        let (usage, masked, mut detected) = (tally.usage, tally.masked, Vec::new());
        self.screen.drain(&mut detected);
        Ok(Masked { bytes: out.into(), usage, masked, detected, end, ..Masked::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::{Credential, Fields, TargetParts};
    use portreeve_decide::mask::MaskKey;
    use portreeve_model::{Category, Command, MaskMethod, Usage};
    use portreeve_screen::Place;
    use portreeve_session::{CommandUse, Stage};
    use portreeve_transport::{TargetTls, TcpTarget};
    use std::collections::{BTreeSet, HashMap};
    use std::sync::Arc;
    use std::time::Duration;

    /// A target whose fields `email` are classified, and a route of it.
    pub(super) struct World {
        target: Target,
        plan: Plan,
    }

    impl World {
        pub(super) fn new() -> Self {
            let email = |path: &[&str; 3]| (path[2] == "email").then(|| Category::from("email"));
            let timeout = Duration::from_secs(1);
            let target = Target::new(TargetParts {
                name: "crm".into(),
                serve_host: "crm".into(),
                address: TcpTarget { host: "h".into(), port: 1, tls: TargetTls::Disabled, timeout },
                credential: Credential::Open,
                fields: Fields {
                    category_of: Arc::new(email),
                    clears: Arc::new(|_| false),
                    named: vec!["email".into()],
                },
                screen: Arc::default(),
            });
            let command = CommandUse {
                command: Arc::new(Command::default()),
                stage: Stage::Run,
                revealed: Arc::default(),
                before: Usage::default(),
            };
            let plan = Plan {
                command,
                route: "/x".into(),
                revealed: BTreeSet::new(),
                passes_opaque: false,
                snapshot: None,
            };
            Self { target, plan }
        }
    }

    pub(super) fn masker() -> Masker {
        Masker::new(HashMap::new(), MaskMethod::Redact, MaskKey::new([7; 32]))
    }

    pub(super) fn screen() -> TextScreen {
        TextScreen::new(&Arc::default(), Place::unnamed("body"), &["body"])
    }

    pub(super) fn look<'a>(world: &'a World, masker: &'a Masker) -> Look<'a> {
        Look { target: &world.target, plan: &world.plan, masker }
    }
}
