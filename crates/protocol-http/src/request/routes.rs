//! The routes that a request is about.
//!
//! Without a description of the service a route is learnt from the path alone. With one it is the
//! template that the path fits. SECURITY: a server may have more than its description says, and
//! see `/users/admin` where that says `/users/{id}`. So the learnt route is asked about, too: what
//! a policy has against it counts. Only where policies say nothing of it, the template's permit is
//! enough; that the template takes any word is what the operator has said.

use crate::description::{Description, Undescribed};
use crate::document::{Described, Operations};
use http::Method;
use portreeve_model::{Action, Command, Digest, Facts, Need, Object};
use portreeve_session::Snapshot;
use portreeve_web::{CanonicalPath, PathTemplate, route_of};
use std::collections::BTreeSet;

/// The routes of one request.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Routes {
    /// What it is called.
    pub(crate) own: String,
    /// What it does to that; nothing where nobody knows its method.
    action: Option<Action>,
    /// What it does to the routes that a server could see instead: each must be permitted.
    others: BTreeSet<(String, Action)>,
    /// What paths are called for which the description has another name.
    learnt: BTreeSet<String>,
    /// What it does to these.
    learnt_action: Option<Action>,
    /// Placeholders that hold personal data, with their routes.
    pub(crate) probed: BTreeSet<(String, String)>,
    /// Whether its client reads refusals of GraphQL.
    pub(crate) is_graphql: bool,
    /// Whether it is about one thing, by its path.
    pub(crate) ends_in_one: bool,
    /// Why nobody knows what it does.
    pub(crate) unknown: Option<String>,
    /// The description that says so, by its digest.
    pub(crate) described_by: Option<Digest>,
}

/// What a method does to what its path names.
///
/// SPEC: RFC 9110 section 9.2.1: safe methods ask for nothing to be changed. A service that
/// changes something all the same is what its operator has to classify.
fn action_of(method: &Method) -> Option<Action> {
    match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Some(Action::Read),
        "POST" | "PUT" | "PATCH" | "DELETE" => Some(Action::Write),
        _ => None,
    }
}

/// What a method does to a template with these operations: what its description says, if anything.
fn action_in(operations: &Operations, method: &Method) -> Option<Action> {
    let by_method = action_of(method)?;
    match operations.of(method) {
        Described::Here(declared) => Some(declared.unwrap_or(by_method)),
        Described::Missing => Some(by_method),
    }
}

impl Routes {
    pub(crate) fn of(
        path: &CanonicalPath,
        method: &Method,
        description: Option<&Description>,
    ) -> Self {
        let action = action_of(method);
        let mut routes = Self {
            own: path.route(),
            action,
            learnt_action: action,
            ends_in_one: path.ends_in_one(),
            unknown: action.is_none().then(|| format!("the method `{method}` is not known")),
            ..Self::default()
        };
        if let Some(description) = description {
            routes.described_by = Some(description.document.digest());
            routes.describe(path, method, description);
        }
        for segments in path.other_paths() {
            let learnt = route_of(segments.iter().copied());
            let found = description.map(|it| templates(it, &segments, method)).unwrap_or_default();
            routes.add_others(&found, method);
            match found.is_empty() {
                true => routes.add_other(learnt, action),
                false => routes.add_learnt(learnt),
            }
        }
        routes
    }

    /// What the description says of the path itself.
    fn describe(&mut self, path: &CanonicalPath, method: &Method, description: &Description) {
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        let mut found = templates(description, &segments, method);
        // The first that has the operation: one that has not answers no request.
        let is_here = |(_, operations): &Found<'_>| operations.of(method) != Described::Missing;
        let at = found.iter().position(is_here);
        if at.is_none() && description.undescribed == Undescribed::Refuse {
            let what = format!("the service's description has no `{method} {}`", self.own);
            self.unknown.get_or_insert(what);
        }
        if found.is_empty() {
            return;
        }
        let (template, operations) = found.remove(at.unwrap_or(0));
        let learnt = std::mem::replace(&mut self.own, template.route().to_owned());
        self.ends_in_one =
            ends_in_one(template, path) && found.iter().all(|(other, _)| ends_in_one(other, path));
        self.probe(template, operations);
        self.action = action_in(operations, method);
        // What only reads is so by the word of the template.
        if self.action == Some(Action::Write) {
            self.learnt_action = self.action;
        }
        self.add_others(&found, method);
        self.add_learnt(learnt);
    }

    fn probe(&mut self, template: &PathTemplate, operations: &Operations) {
        let probed =
            operations.probed.iter().map(|name| (template.route().to_owned(), name.clone()));
        self.probed.extend(probed);
    }

    fn add_others(&mut self, found: &[Found<'_>], method: &Method) {
        for (template, operations) in found {
            self.probe(template, operations);
            self.add_other(template.route().to_owned(), action_in(operations, method));
        }
    }

    fn add_other(&mut self, route: String, action: Option<Action>) {
        if let Some(action) = action.filter(|it| route != self.own || Some(*it) != self.action) {
            self.others.insert((route, action));
        }
    }

    fn add_learnt(&mut self, route: String) {
        if route != self.own && !self.others.iter().any(|(other, _)| *other == route) {
            self.learnt.insert(route);
        }
    }

    /// Its path takes operations, and this one asks for these fields. An answer of another path
    /// that a server could see is no answer to it.
    pub(crate) fn ask(&mut self, route: &str, action: Action, tops: impl Iterator<Item = String>) {
        if self.own == route {
            self.action = Some(action);
            self.unknown = None;
        }
        self.ends_in_one = true;
        self.is_graphql = true;
        self.others.extend(tops.map(|top| (top, action)));
    }

    /// Its path takes operations, and nobody can say which one this is.
    pub(crate) fn refuse(&mut self, route: &str, why: String) {
        self.is_graphql = self.own == route;
        self.unknown = Some(why);
    }

    /// Whether anything that it could be is a write.
    pub(crate) fn writes(&self) -> bool {
        let of_others = self.others.iter().map(|(_, action)| *action);
        let of_learnt = self.learnt_action.filter(|_| !self.learnt.is_empty());
        self.action.into_iter().chain(of_others).chain(of_learnt).any(|it| it == Action::Write)
    }

    /// What is known of the fields of any of them holds: its own first.
    pub(crate) fn names(&self) -> Vec<&str> {
        let mut names = vec![self.own.as_str()];
        for name in self.others().chain(self.learnt()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Those that a server could see instead.
    pub(crate) fn others(&self) -> impl Iterator<Item = &str> {
        self.others.iter().map(|(other, _)| other.as_str())
    }

    /// What paths are called for which the description has another name.
    pub(crate) fn learnt(&self) -> impl Iterator<Item = &str> {
        self.learnt.iter().map(String::as_str)
    }

    /// What must be permitted of the routes themselves.
    pub(crate) fn needs(
        &self,
        to_object: impl Fn(&str) -> Object,
        asking: &Asking<'_>,
    ) -> Vec<Need> {
        let need = |route: &str, action: Action| Need { action, object: to_object(route) };
        let mut needs: Vec<Need> =
            self.action.iter().map(|action| need(&self.own, *action)).collect();
        needs.extend(self.others.iter().map(|(route, action)| need(route, *action)));
        if let Some(action) = self.learnt_action {
            let learnt = self.learnt.iter().map(|route| need(route, action));
            needs.extend(learnt.filter(|need| !asking.says_nothing_of(need)));
        }
        needs
    }

    /// Whether a need is about a field of which nothing is said, and the same is asked of its
    /// namesake: of a learnt route and the one that the description names, of a service that takes
    /// operations and a field of this one.
    pub(crate) fn is_said_elsewhere(
        &self,
        need: &Need,
        is_asked: impl Fn(&Object) -> bool,
        asking: &Asking<'_>,
    ) -> bool {
        let [host, route, field] = need.object.path.as_slice() else { return false };
        let is_namesake_asked = |route: &str| {
            let path = vec![host.clone(), route.to_owned(), field.clone()];
            is_asked(&Object { path, ..need.object.clone() })
        };
        let is_elsewhere = match self.is_learnt(&need.object) {
            true => is_namesake_asked(&self.own),
            false => self.is_graphql && *route == self.own && self.others().any(is_namesake_asked),
        };
        is_elsewhere && asking.says_nothing_of(need)
    }

    /// Whether an object is of a learnt route.
    pub(crate) fn is_learnt(&self, object: &Object) -> bool {
        object.path.get(1).is_some_and(|route| self.learnt.contains(route))
    }

    /// Whether nothing is said against showing any of these fields under a learnt route.
    pub(crate) fn may_show_like(&self, fields: &BTreeSet<Object>, asking: &Asking<'_>) -> bool {
        self.revealed_like(fields, asking).len() == fields.len() * self.learnt.len()
    }

    /// The fields of learnt routes that may show because their namesakes do: those against which
    /// nothing is said.
    pub(crate) fn revealed_like(
        &self,
        fields: &BTreeSet<Object>,
        asking: &Asking<'_>,
    ) -> BTreeSet<Object> {
        let mut found = BTreeSet::new();
        for field in fields {
            for route in &self.learnt {
                let mut object = field.clone();
                if let Some(named) = object.path.get_mut(1) {
                    named.clone_from(route);
                }
                let need = Need { action: Action::Reveal, object };
                if asking.is_not_against(&need) {
                    found.insert(need.object);
                }
            }
        }
        found
    }
}

/// A template, and its operations.
type Found<'d> = (&'d PathTemplate, &'d Operations);

fn templates<'d>(
    description: &'d Description,
    segments: &[&str],
    method: &Method,
) -> Vec<Found<'d>> {
    let has = |operations: &Operations| operations.of(method) != Described::Missing;
    description.document.templates().of(segments, has)
}

/// Whether a path names one thing, where the description has this for it: a word in a placeholder
/// is one, and a literal is a collection, whatever it looks like.
fn ends_in_one(template: &PathTemplate, path: &CanonicalPath) -> bool {
    let is_word = template.ends_in_placeholder() && path.ends_in_a_word();
    template.ends_openly() && (is_word || path.ends_in_one())
}

/// How policies are asked about one need at a time.
pub(crate) struct Asking<'a> {
    pub(crate) verb: &'a str,
    pub(crate) facts: Facts,
    pub(crate) snapshot: &'a Snapshot,
}

impl Asking<'_> {
    fn command(&self, need: &Need) -> Command {
        let (verb, needs) = (self.verb.to_owned(), vec![need.clone()]);
        Command { verb, needs, facts: self.facts, ..Command::default() }
    }

    pub(crate) fn permits(&self, need: &Need) -> bool {
        self.snapshot.permits(&self.command(need))
    }

    fn says_nothing_of(&self, need: &Need) -> bool {
        self.snapshot.says_nothing_of(&self.command(need))
    }

    fn is_not_against(&self, need: &Need) -> bool {
        let command = self.command(need);
        self.snapshot.allows(&command) || self.snapshot.says_nothing_of(&command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Writing};
    use std::sync::Arc;

    const DOCUMENT: &str = "
openapi: 3.0.0
paths:
  /users/admin: {get: {}}
  /users/me: {get: {}}
  /users/{name}: {get: {}, delete: {}, patch: {}}
  /users/search: {post: {x-portreeve-effect: read}}
  /users/logout: {get: {x-portreeve-effect: write}}
  /{tenant}/settings: {post: {x-portreeve-effect: read}}
  /files/{name}: {get: {}}
";

    fn routes(method: &str, path: &str, undescribed: Undescribed) -> Routes {
        let document = Document::read(DOCUMENT.as_bytes(), Writing::Yaml).unwrap();
        let description = Description { document: Arc::new(document), undescribed };
        let path = CanonicalPath::read(path).unwrap();
        Routes::of(&path, &method.parse().unwrap(), Some(&description))
    }

    #[test]
    fn each_route_that_a_server_could_see_is_one() {
        let check = |method: &str, path: &str, expect: &[&str]| {
            assert_eq!(
                routes(method, path, Undescribed::Refuse).names(),
                expect,
                "{method} {path}"
            );
        };
        check("GET", "/users/admin", &["/users/admin"]);
        check("GET", "/users/ann", &["/users/{id}", "/users/ann"]);
        check("GET", "/users/42", &["/users/{id}"]);
        check("GET", "/users/Admin", &["/users/admin", "/users/{id}"]);
        check("GET", "/users/admin.json", &["/users/admin", "/users/{id}"]);
        check("GET", "/users/admin.foo", &["/users/{id}", "/users/admin", "/users/admin.foo"]);
        // A server goes on to the template where the literal has no such method.
        check("DELETE", "/users/me", &["/users/{id}", "/users/me"]);
        check("POST", "/admin/settings", &["/{id}/settings", "/admin/settings"]);
        check(
            "GET",
            "/files/x.php/users/admin",
            &[
                "/files/x.php/users/admin",
                "/files/users/admin",
                "/files/x/users/admin",
                "/files/{id}",
                "/users/admin",
                "/files/x",
            ],
        );
    }

    #[test]
    fn an_effect_is_that_of_its_template_alone() {
        let of = |method: &str, path: &str| {
            let routes = routes(method, path, Undescribed::Refuse);
            (routes.action, routes.others.into_iter().collect::<Vec<_>>(), routes.learnt_action)
        };
        let (read, write) = (Some(Action::Read), Some(Action::Write));
        assert_eq!(of("POST", "/users/search"), (read, vec![], write));
        assert_eq!(of("GET", "/users/logout"), (write, vec![], write));
        let (own, others, _) = of("POST", "/users/Search");
        assert_eq!((own, others), (read, vec![("/users/{id}".to_owned(), Action::Write)]));
        let (own, _, learnt) = of("POST", "/admin/settings");
        assert_eq!((own, learnt), (read, write));
        assert!(routes("POST", "/admin/settings", Undescribed::Refuse).writes());
    }

    #[test]
    fn what_is_not_described_is_unknown_or_as_without_a_description() {
        for (method, path) in
            [("GET", "/nothing"), ("POST", "/users/ann"), ("GET", "/"), ("GET", "/users")]
        {
            let why = routes(method, path, Undescribed::Refuse).unknown.unwrap();
            assert!(why.contains("description has no"), "{why}");
            let allowed = routes(method, path, Undescribed::Allow);
            assert_eq!(allowed.unknown, None);
            assert!(allowed.names().contains(&path), "{path}");
        }
        assert!(routes("TRACE", "/users/ann", Undescribed::Allow).unknown.is_some());
    }

    #[test]
    fn a_word_in_a_placeholder_is_one_thing() {
        for (path, expect) in [
            ("/users/ann", true),
            ("/users/42", true),
            ("/users/ann@example.org", true),
            ("/users/ann,", false),
            ("/users/ann()", false),
            ("/users/admin", false),
        ] {
            assert_eq!(routes("DELETE", path, Undescribed::Allow).ends_in_one, expect, "{path}");
        }
    }
}
