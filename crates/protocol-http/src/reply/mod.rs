//! Answers: heads and bodies, masked in whatever way they are written.

mod body;
#[cfg(test)]
mod canary;
mod head;

pub(crate) use body::{Body, Classified};
pub(crate) use head::ReplyHead;

use crate::graphql::{Graphql, Reading};
use crate::request::Plan;
use crate::target::Target;
use bytes::Bytes;
use portreeve_decide::mask::Masker;
use portreeve_model::{Category, Object};
use portreeve_screen::TextScreen;
use portreeve_session::{End, Masked, Reply, Unmaskable};
use portreeve_web::masking::{Known, KnownPaths, Look, Names, Remembered, Tally};
use portreeve_web::{More, OPAQUE, look_through};
use std::collections::BTreeSet;

/// A part of an answer: its head, some of its body, or both.
pub(crate) struct Part<'a> {
    pub(crate) target: &'a Target,
    pub(crate) plan: &'a Plan,
    pub(crate) screen: &'a mut TextScreen,
    /// What the answer's parts have asked so far.
    pub(crate) paths: &'a mut KnownPaths,
    pub(crate) body: &'a mut Body,
    pub(crate) head: Option<ReplyHead>,
    pub(crate) data: Bytes,
    pub(crate) more: More,
}

impl Reply for Part<'_> {
    fn mask(self, masker: &Masker) -> Result<Masked, Unmaskable> {
        let names = RouteNames { target: self.target, plan: self.plan };
        let names = Remembered::new(&names, self.paths, names.lookups());
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

/// The first that is masked, whatever its value is, or else where the value tells.
fn strictest(all: impl Iterator<Item = Known>) -> Option<Known> {
    let all: Vec<Known> = all.collect();
    let masked = all.iter().find(|known| matches!(known, Known::Masked(_)));
    masked.or_else(|| all.iter().find(|known| matches!(known, Known::Called(_)))).cloned()
}

/// What is known of the fields of a route.
struct RouteNames<'a> {
    target: &'a Target,
    plan: &'a Plan,
}

impl RouteNames<'_> {
    /// How many names a path stands for at most.
    fn lookups(&self) -> usize {
        let readings = self.plan.graphql.as_ref().map_or(1, |it| it.readings_max());
        self.plan.routes.names().len() * readings
    }

    fn known_by_routes(&self, path: &str) -> Known {
        let (fields, routes) = (self.target.fields(), &self.plan.routes);
        let revealed = &self.plan.revealed;
        let own = fields.known(&routes.own, path, revealed);
        if matches!(own, Known::Masked(_)) {
            return own;
        }
        // Whichever of them a server has seen, what is hidden in one stays hidden.
        let others = routes.others().map(|route| fields.known(route, path, revealed));
        let learnt =
            routes.learnt().map(|route| fields.known_apart((&routes.own, route), path, revealed));
        strictest(others.chain(learnt)).unwrap_or(own)
    }

    /// What is known of a field under whatever name the client has given it.
    ///
    /// SECURITY: an alias hides nothing, and shows nothing: `x: email` is an email, `email: x`
    /// could be one, and `status: note` does not pass unseen because `status` would.
    fn known_of(&self, graphql: &Graphql, path: &str) -> Known {
        let readings = graphql.readings(path);
        if readings.is_empty() {
            return match path.split('.').next() {
                Some("" | "errors" | "extensions") | None => self.known_by_routes(path),
                Some("data") if path == "data" => Known::Nothing,
                // What nobody has asked for stands for a field that nobody knows.
                Some(_) => Known::Masked(Category::from(OPAQUE)),
            };
        }
        let (mut is_shown, mut all) = (true, Vec::new());
        for Reading { top, path: field } in &readings {
            let known = self.known_in(&graphql.top(top), field);
            is_shown &= matches!(known, Known::Shown);
            all.push(known);
        }
        let renamed = readings.iter().filter(|reading| reading.path != path);
        let tops: BTreeSet<&str> = renamed.map(|reading| reading.top.as_str()).collect();
        all.extend(tops.into_iter().map(|top| self.known_in(&graphql.top(top), path)));
        let known = if is_shown { Known::Shown } else { Known::Nothing };
        strictest(all.into_iter()).unwrap_or(known)
    }

    /// What is known of a field of an operation: by the operation's own field, or by the service.
    fn known_in(&self, top: &str, path: &str) -> Known {
        let (fields, revealed) = (self.target.fields(), &self.plan.revealed);
        let by_service = || fields.known(&self.plan.routes.own, path, revealed);
        match fields.known(top, path, revealed) {
            Known::Nothing => by_service(),
            Known::Called(category) => match by_service() {
                Known::Nothing => Known::Called(category),
                known => known,
            },
            known => known,
        }
    }
}

impl Names for RouteNames<'_> {
    fn known(&self, path: &str) -> Known {
        match &self.plan.graphql {
            Some(graphql) => self.known_of(graphql, path),
            None => self.known_by_routes(path),
        }
    }

    fn named_in(&self, text: &str) -> Option<Category> {
        let (fields, revealed) = (self.target.fields(), &self.plan.revealed);
        let routes = &self.plan.routes;
        let own = std::iter::once(routes.own.as_str());
        let mut all = own.chain(routes.others()).chain(routes.learnt());
        let named = all.find_map(|route| fields.named_in(route, text, revealed));
        named.map(|(_, category)| category)
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
