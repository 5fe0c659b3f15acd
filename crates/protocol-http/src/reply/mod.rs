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
use portreeve_web::masking::{Known, Look, Names, Tally};
use portreeve_web::{More, look_through};

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
        let body = &mut *self.body;
        let waits = body.waits_for_end() && self.more == More::Follows;
        match self.head.or_else(|| body.head.take()) {
            Some(head) if waits => body.head = Some(head),
            Some(head) => {
                tally.usage.messages = 1;
                head.put(&look, self.target.address().authority(), &mut out, &mut tally)?;
            }
            None => {}
        }
        let behind_head = out.len();
        let work_bytes = body.work_bytes(self.data.len());
        look_through(work_bytes, || body.push(&self.data, &look, &mut out, &mut tally))?;
        if self.more == More::Ended {
            look_through(body.kept_bytes(), || body.finish(&look, &mut out, &mut tally))?;
            end = Some(End::Completed);
        }
        body.strike(self.target.address(), behind_head, &mut out);
        if self.more == More::Ended {
            body.strike_end(&mut out);
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
        let (fields, revealed) = (self.target.fields(), &self.plan.revealed);
        let own = fields.known(&self.plan.route, path, revealed);
        if matches!(own, Known::Masked(_)) || self.plan.others.is_empty() {
            return own;
        }
        // Whichever of them a server has seen, what is hidden in one stays hidden.
        let others = self.plan.others.iter().map(|route| fields.known(route, path, revealed));
        let all: Vec<Known> = others.collect();
        let masked = all.iter().find(|known| matches!(known, Known::Masked(_)));
        let called = || all.iter().find(|known| matches!(known, Known::Called(_)));
        masked.or_else(called).cloned().unwrap_or(own)
    }

    fn named_in(&self, text: &str) -> Option<Category> {
        let (fields, revealed) = (self.target.fields(), &self.plan.revealed);
        let routes = std::iter::once(&self.plan.route).chain(&self.plan.others);
        let mut named = routes.filter_map(|route| fields.named_in(route, text, revealed));
        named.next().map(|(_, category)| category)
    }

    fn reveals(&self, object: &Object, category: &Category) -> bool {
        self.plan.snapshot.reveals(object, category)
    }

    fn passes_opaque(&self) -> bool {
        self.plan.passes_opaque
    }

    fn without_credential(&self, text: &str) -> Option<String> {
        self.target.address().without_credential(text)
    }
}
