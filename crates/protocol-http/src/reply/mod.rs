//! Answers: heads and bodies, masked in whatever way they are written.

mod body;
mod head;

pub(crate) use body::{Body, Classified};
pub(crate) use head::ReplyHead;

use crate::request::Plan;
use crate::target::Target;
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object};
use portreeve_screen::TextScreen;
use portreeve_session::{End, Masked, Reply, Unmaskable};
use portreeve_web::More;
use portreeve_web::masking::{Known, Look, Names, Tally};

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
        let names = RouteNames { target: self.target, plan: self.plan };
        let look = Look { names: &names, masker };
        let mut out = Vec::with_capacity(self.data.len() + 256);
        let mut tally = Tally::new(&mut *self.screen);
        let mut end = None;
        if let Some(head) = &self.head {
            tally.usage.messages = 1;
            head.put(&look, self.target.address().authority(), &mut out, &mut tally)?;
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

/// What is known of the fields of a route.
struct RouteNames<'a> {
    target: &'a Target,
    plan: &'a Plan,
}

impl Names for RouteNames<'_> {
    fn known(&self, path: &str) -> Known {
        self.target.fields().known(&self.plan.route, path, &self.plan.revealed)
    }

    fn reveals(&self, object: &Object, category: &Category) -> bool {
        self.plan.snapshot.reveals(object, category)
    }

    fn without_credential(&self, text: &str) -> Option<String> {
        self.target.address().without_credential(text)
    }
}
