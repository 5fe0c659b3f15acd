//! Requests without what may not go out: where the resource says `outgoing: mask`, what policy
//! does not let a request write is masked in it, and what is left is what is decided, recorded,
//! approved and sent.
//!
//! Everything is redacted here: a pseudonym or a part of a value is made for who reads answers,
//! not for a service outside.

use super::Head;
use super::outgoing::{self, Going};
use super::routes::Asking;
use crate::digests::is_of_a_body;
use crate::target::Target;
use bytes::Bytes;
use http::HeaderValue;
use portreeve_decide::mask::{MaskKey, Masker};
use portreeve_model::{Action, Category, Facts, MaskMethod, Need, Object};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::Snapshot;
use portreeve_web::masking::{
    Documents, JsonMasker, Known, KnownPaths, Look, Names, Remembered, Tally, is_json,
};
use portreeve_web::multipart::{Part, boundary, parts};
use portreeve_web::{CanonicalQuery, Carried, OPAQUE, Rooms};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// A request without what may not go out.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// What was masked in it; nothing where it goes as it came.
    pub(crate) masked: BTreeSet<Object>,
}

/// Masks in a request what policy does not let it write, where it can be masked. What cannot is
/// left, and policy refuses it.
pub(crate) fn masked(
    (head, body): (Head, Bytes),
    target: &Target,
    snapshot: &Arc<Snapshot>,
) -> Outgoing {
    let routes = head.routes.names();
    let Going { found, firm } = outgoing::going(target, (&head, &body), &BTreeSet::new());
    let hidden = hidden(&head, &found, snapshot);
    let as_it_came = |head, body| Outgoing { head, body, masked: BTreeSet::new() };
    if hidden.is_empty() {
        return as_it_came(head, body);
    }
    let names = Hidden { target, routes: &routes, hidden: &hidden };
    let masker = Masker::new(HashMap::new(), MaskMethod::Redact, MaskKey::new([0; 32]));
    let mut paths = KnownPaths::default();
    let remembered = Remembered::new(&names, &mut paths, routes.len());
    let look = Look { names: &remembered, masker: &masker };
    let mut screen = TextScreen::new(target.outgoing_screen(), Place::unnamed("request"), &[]);
    let mut tally = Tally::new(&mut screen);
    let Some(plain) = masked_body(&head, &body, &look, &names, &mut tally) else {
        return as_it_came(head, body);
    };
    let mut fresh = head.clone();
    fresh.mask_texts(|place, name, text| {
        let is_named = place == TextPlace::Field && outgoing::is_of_a_service(name);
        match is_named.then(|| names.asked(name)).flatten() {
            Some(category) => Some(look.mask(&category, text, &mut tally)),
            None => look.masked_text(name, &Known::Nothing, text, &mut tally),
        }
    });
    let is_left: BTreeSet<Object> = outgoing::going(target, (&fresh, &plain), &hidden).found;
    // A classified field is still named where its value is masked; what detectors found is gone,
    // or was not masked.
    let is_gone = |object: &Object| match outgoing::is_found(object) {
        true => !is_left.contains(object),
        false => !firm.contains(object),
    };
    let masked: BTreeSet<Object> =
        hidden.iter().filter(|object| is_gone(object)).cloned().collect();
    if plain != body {
        fresh.drop_digests();
    }
    Outgoing { head: fresh, body: plain, masked }
}

/// What policy does not let a request write, not even after somebody was asked.
fn hidden(head: &Head, found: &BTreeSet<Object>, snapshot: &Snapshot) -> BTreeSet<Object> {
    let facts = Facts { bounded: Some(true), ..Facts::default() };
    let asking = Asking { verb: head.method.as_str(), facts, snapshot };
    let may_go = |object: &&Object| {
        let need = Need { action: Action::Write, object: (*object).clone() };
        asking.permits(&need)
            || head.routes.is_said_elsewhere(&need, |object| found.contains(object), &asking)
    };
    found.iter().filter(|object| !may_go(object)).cloned().collect()
}

/// What of a body may not go out.
struct Hidden<'a> {
    target: &'a Target,
    /// Its own, and those that a server could see instead.
    routes: &'a [&'a str],
    hidden: &'a BTreeSet<Object>,
}

impl Hidden<'_> {
    /// The category of a hidden field that a name means, in whatever writing.
    fn asked(&self, name: &str) -> Option<Category> {
        let fields = self.target.fields();
        let asked = fields.of_all(self.routes.to_vec()).asked(name);
        let hidden = asked.iter().find(|object| self.hidden.contains(object))?;
        fields.category_of_object(hidden)
    }
}

impl Names for Hidden<'_> {
    fn known(&self, path: &str) -> Known {
        let fields = self.target.fields();
        let named = fields.of_all(self.routes.to_vec()).field(path);
        // What is said of other fields is said of answers.
        let hidden = named.iter().find(|object| self.hidden.contains(object));
        let category = hidden.and_then(|object| fields.category_of_object(object));
        // What is asked by a name in another writing is written, too.
        let own = || self.asked(path.rsplit('.').next().unwrap_or(path));
        category.or_else(own).map_or(Known::Nothing, Known::Masked)
    }

    fn named_in(&self, text: &str) -> Option<Category> {
        let hidden = |object: &Object| self.hidden.contains(object);
        let fields = self.target.fields();
        let mut named =
            self.routes.iter().filter_map(|route| fields.first_named(route, text, hidden));
        named.next().map(|(_, category)| category)
    }

    fn reveals(&self, _: &Object, category: &Category) -> bool {
        let found = self.target.fields().of_all(self.routes.to_vec()).found(&category.0);
        found.is_disjoint(self.hidden)
    }

    fn passes_opaque(&self) -> bool {
        self.reveals(&Object::resource(), &Category::from(OPAQUE))
    }

    fn without_credential(&self, _: &str) -> Option<String> {
        None
    }
}

/// A body with what is hidden masked; none where nobody can say what of it is.
fn masked_body(
    head: &Head,
    body: &Bytes,
    look: &Look<'_>,
    names: &Hidden<'_>,
    tally: &mut Tally<'_>,
) -> Option<Bytes> {
    if body.is_empty() {
        return Some(Bytes::new());
    }
    let kind = head.content_type().unwrap_or_default();
    let masked = match boundary(kind) {
        Some(boundary) => masked_parts(&parts(body, boundary)?, boundary, look, names, tally)?,
        None => masked_kind(kind, body, look, names, tally)?,
    };
    Some(masked.into())
}

/// What is said to be of a kind.
fn masked_kind(
    kind: &str,
    body: &[u8],
    look: &Look<'_>,
    names: &Hidden<'_>,
    tally: &mut Tally<'_>,
) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(body).ok()?;
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if outgoing::is_json(&kind) || is_json(text) {
        let mut document = JsonMasker::new(Documents::Many, text.len(), Rooms::default());
        let mut out = Vec::with_capacity(text.len());
        document.push(text.as_bytes(), look, &mut out, tally).ok()?;
        document.finish(look, &mut out, tally).ok()?;
        return Some(out);
    }
    match kind.as_str() {
        "application/x-www-form-urlencoded" => {
            let mut form = CanonicalQuery::read(text).ok()?;
            form.mask(|name, value| match names.asked(name) {
                Some(category) => Some(look.mask(&category, value, tally)),
                None => look.masked_text(name, &Known::Nothing, value, tally),
            });
            Some(form.text.into_bytes())
        }
        "" | "text/plain" | "text/html" | "text/markdown" => {
            let shown = look.masked_text("", &Known::Nothing, text, tally);
            Some(shown.map_or_else(|| body.to_vec(), String::into_bytes))
        }
        _ => None,
    }
}

/// A form of several parts.
fn masked_parts(
    parts: &[Part<'_>],
    boundary: &str,
    look: &Look<'_>,
    names: &Hidden<'_>,
    tally: &mut Tally<'_>,
) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for part in parts {
        let name = part.name().unwrap_or_default();
        let kind = outgoing::kind_of(part);
        let masked = match names.asked(name) {
            // The part is the field: what is in it is its value.
            Some(category) => {
                let text = std::str::from_utf8(part.body).ok()?;
                Some(look.mask(&category, text, tally).into_bytes())
            }
            None => masked_kind(kind, part.body, look, names, tally),
        };
        let masked = match masked {
            Some(masked) => masked,
            // What holds nothing of it goes on as it came.
            None => {
                let found = outgoing::found_in(names.target, names.routes, part);
                found.is_disjoint(names.hidden).then(|| part.body.to_vec())?
            }
        };
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part.head);
        out.extend_from_slice(if part.head.is_empty() { b"\r\n" } else { b"\r\n\r\n" });
        out.extend_from_slice(&masked);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some(out)
}

/// Where a text of a head stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TextPlace {
    Query,
    Field,
}

impl Head {
    /// Masks what stands in the query and in fields.
    fn mask_texts(&mut self, mut mask: impl FnMut(TextPlace, &str, &str) -> Option<String>) {
        self.query.mask(|name, value| mask(TextPlace::Query, name, value));
        for (name, value) in &mut self.fields {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            let shown = mask(TextPlace::Field, name.as_str(), &text);
            if let Some(shown) = shown.and_then(|shown| HeaderValue::from_str(&shown).ok()) {
                *value = shown;
            }
        }
    }

    /// What is said of the bytes of a body is true of others now.
    fn drop_digests(&mut self) {
        self.fields.retain(|(name, _)| !is_of_a_body(name.as_str()));
    }
}
