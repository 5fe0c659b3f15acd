//! Paths as a description of a service spells them, with placeholders in them.
//!
//! What is matched is a path in its canonical spelling. Literals stand before placeholders (SPEC:
//! OpenAPI 3.1.1, section 4.8.8.2), and are compared like routes: without case, and without a
//! format at the end. Where that makes a difference, a server may take another template than the
//! best one, and all of those are given.
//!
//! A route has one name, whoever names it: a part that holds a placeholder is `{id}`.

use crate::canonical::{Ambiguous, CanonicalPath, route_of, without_format};
use crate::names::lower;
use std::cmp::Reverse;
use std::collections::HashMap;
use thiserror::Error;

/// Why a text is no template, in words for the operator.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[expect(missing_docs, reason = "each message says what it is")]
pub enum NoTemplate {
    #[error("it does not begin with `/`")]
    NoSlash,
    #[error("`{{` and `}}` stand around the name of one placeholder")]
    Braces,
    #[error("the placeholder `{0}` stands in it twice")]
    Twice(String),
    #[error("a query or a fragment is no part of a path")]
    Query,
    #[error("two placeholders stand next to each other")]
    Adjacent,
    #[error("more than {PLACEHOLDERS_MAX} placeholders are in one part")]
    Many,
    #[error("no request has such a path: {0}")]
    Ambiguous(#[from] Ambiguous),
}

/// More placeholders in one part of a path are none that anybody has thought of.
const PLACEHOLDERS_MAX: usize = 4;

/// What may stand in a placeholder.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Constraint {
    /// Whatever is there.
    #[default]
    Anything,
    /// Digits, with a sign in front of them or not.
    Integer,
    /// A UUID in its usual spelling.
    Uuid,
    /// One of these, in whatever case.
    OneOf(Vec<String>),
}

impl Constraint {
    /// The same, with its words folded.
    fn folded(&self) -> Self {
        match self {
            Self::OneOf(words) => Self::OneOf(words.iter().map(|word| folded(word)).collect()),
            Self::Anything | Self::Integer | Self::Uuid => self.clone(),
        }
    }

    // INVARIANT: its words are folded (`PathTemplate::constrain`).
    fn allows(&self, value: &str) -> bool {
        match self {
            Self::Anything => true,
            Self::Integer => {
                let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
            }
            Self::Uuid => {
                let mut groups = value.split('-');
                let is_group = |length: usize, group: &str| {
                    group.len() == length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
                };
                let lengths = [8, 4, 4, 4, 12];
                lengths.iter().all(|length| groups.next().is_some_and(|it| is_group(*length, it)))
                    && groups.next().is_none()
            }
            Self::OneOf(words) => words.contains(&folded(value)),
        }
    }
}

fn folded(text: &str) -> String {
    text.chars().flat_map(lower).collect()
}

/// A path with placeholders.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathTemplate {
    parts: Vec<Part>,
    route: String,
}

/// One part of it: what stands between placeholders, and these.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Part {
    /// One more than there are placeholders.
    literals: Vec<Spelled>,
    /// The names of the placeholders, and what may stand there, folded.
    placeholders: Vec<(String, Constraint)>,
}

/// A literal, or what is compared with it, in both writings: folded once, whatever it meets.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Spelled {
    text: String,
    folded: String,
}

impl Spelled {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), folded: folded(text) }
    }
}

/// How a part was matched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Fit {
    /// By letters that are not the same, or without what stands at its end.
    Loose,
    /// As it is written.
    Exact,
}

impl PathTemplate {
    /// Reads one, behind the base path of a server.
    ///
    /// # Errors
    /// It is none.
    pub fn read(base: &str, path: &str) -> Result<Self, NoTemplate> {
        if !path.starts_with('/') {
            return Err(NoTemplate::NoSlash);
        }
        let whole = format!("{}{path}", base.trim_end_matches('/'));
        let (plain, names) = numbered(&whole)?;
        let read = CanonicalPath::read_with_slashes(&plain)?;
        let parts: Vec<Part> =
            read.segments.iter().map(|segment| part(segment, &names)).collect::<Result<_, _>>()?;
        let words = read.segments.iter().zip(&parts).map(|(segment, part)| {
            if part.placeholders.is_empty() { segment.as_str() } else { "{id}" }
        });
        let words: Vec<&str> = words.collect();
        Ok(Self { route: route_of(words.into_iter()), parts })
    }

    /// The route of every path that it matches.
    #[must_use]
    pub fn route(&self) -> &str {
        &self.route
    }

    /// The names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flat_map(|part| &part.placeholders).map(|(name, _)| name.as_str())
    }

    /// Says what may stand in a placeholder.
    pub fn constrain(&mut self, name: &str, constraint: &Constraint) {
        let placeholders = self.parts.iter_mut().flat_map(|part| &mut part.placeholders);
        for (_, known) in placeholders.filter(|(known, _)| known == name) {
            *known = constraint.folded();
        }
    }

    /// Whether its last part holds a placeholder, and nothing else.
    #[must_use]
    pub fn ends_in_placeholder(&self) -> bool {
        self.parts.last().is_some_and(|part| part.rank() == 0)
    }

    /// Whether its last part holds a placeholder.
    #[must_use]
    pub fn ends_openly(&self) -> bool {
        self.parts.last().is_some_and(|part| !part.placeholders.is_empty())
    }

    /// How it matches these segments; `bare` is the last one without its format, if it has one.
    fn fit(&self, segments: &[Spelled], bare: Option<&Spelled>) -> Option<Fit> {
        let last = segments.len().checked_sub(1);
        if segments.len() != self.parts.len() {
            return None;
        }
        let fits = self.parts.iter().zip(segments).enumerate().map(|(at, (part, segment))| {
            let whole = part.fit(segment);
            // What stands behind the last dot may be a format.
            let without = || {
                let bare = bare.filter(|_| Some(at) == last)?;
                part.fit(bare).map(|_| Fit::Loose)
            };
            whole.or_else(without)
        });
        fits.collect::<Option<Vec<Fit>>>().map(|fits| fits.into_iter().min().unwrap_or(Fit::Exact))
    }

    /// How much of each part is literal.
    fn ranks(&self) -> impl Iterator<Item = u8> {
        self.parts.iter().map(Part::rank)
    }

    /// Whether each part says at least as much as another template's.
    fn says_more_than(&self, other: &Self) -> bool {
        self.ranks().zip(other.ranks()).all(|(one, other)| one >= other)
            && self.ranks().ne(other.ranks())
    }
}

impl Part {
    fn rank(&self) -> u8 {
        let has_letters = self.literals.iter().any(|literal| !literal.text.is_empty());
        match (self.placeholders.is_empty(), has_letters) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    fn fit(&self, segment: &Spelled) -> Option<Fit> {
        if self.holds(segment, |spelled| &spelled.text) {
            return Some(Fit::Exact);
        }
        self.holds(segment, |spelled| &spelled.folded).then_some(Fit::Loose)
    }

    /// Whether a segment is made of its literals in one of the writings, with something between
    /// that may stand there.
    fn holds(&self, segment: &Spelled, writing: impl Fn(&Spelled) -> &str) -> bool {
        let Some((first, between)) = self.literals.split_first() else { return false };
        match writing(segment).strip_prefix(writing(first)) {
            Some(rest) => are_behind(rest, between.iter().map(&writing), &self.placeholders),
            None => false,
        }
    }
}

/// Whether a text is a value and a literal for each placeholder. A literal between two of them is
/// looked for once, where it stands first: the time that it takes is that of the text.
fn are_behind<'l>(
    mut text: &str,
    literals: impl ExactSizeIterator<Item = &'l str>,
    placeholders: &[(String, Constraint)],
) -> bool {
    let last = literals.len().saturating_sub(1);
    for (at, (literal, (_, allowed))) in literals.zip(placeholders).enumerate() {
        let value = match at == last {
            true => text.strip_suffix(literal),
            false => {
                // A value has one letter at least.
                let from = text.chars().next().map_or(0, char::len_utf8);
                let found = text.get(from..).and_then(|rest| rest.find(literal));
                found.and_then(|found| text.get(..from + found))
            }
        };
        let Some(value) = value.filter(|it| !it.is_empty() && allowed.allows(it)) else {
            return false;
        };
        text = text.get(value.len() + literal.len()..).unwrap_or_default();
    }
    text.is_empty()
}

/// A text with numbers in the place of names of placeholders, and these names.
fn numbered(text: &str) -> Result<(String, Vec<String>), NoTemplate> {
    let (mut plain, mut names) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '?', '#']) {
        let (before, sign) = rest.split_at(at);
        let inner = match sign.as_bytes().first() {
            Some(b'{') => sign.get(1..).unwrap_or_default(),
            Some(b'}') => return Err(NoTemplate::Braces),
            _ => return Err(NoTemplate::Query),
        };
        let (name, behind) = inner.split_once('}').ok_or(NoTemplate::Braces)?;
        if name.is_empty() || name.contains(['{', '/']) {
            return Err(NoTemplate::Braces);
        }
        if names.iter().any(|known| known == name) {
            return Err(NoTemplate::Twice(name.to_owned()));
        }
        plain.push_str(&format!("{before}{{{}}}", names.len()));
        names.push(name.to_owned());
        rest = behind;
    }
    plain.push_str(rest);
    let encoded = |text: &str| {
        let text = text.to_ascii_lowercase();
        text.contains("%7b") || text.contains("%7d")
    };
    if encoded(&plain) { Err(NoTemplate::Braces) } else { Ok((plain, names)) }
}

fn part(segment: &str, names: &[String]) -> Result<Part, NoTemplate> {
    let (mut literals, mut placeholders) = (Vec::new(), Vec::new());
    let mut rest = segment;
    while let Some((before, behind)) = rest.split_once('{') {
        let (number, after) = behind.split_once('}').ok_or(NoTemplate::Braces)?;
        let name = number.parse().ok().and_then(|at: usize| names.get(at));
        if before.is_empty() && !placeholders.is_empty() {
            return Err(NoTemplate::Adjacent);
        }
        literals.push(Spelled::new(before));
        placeholders.push((name.ok_or(NoTemplate::Braces)?.clone(), Constraint::Anything));
        rest = after;
    }
    literals.push(Spelled::new(rest));
    match placeholders.len() > PLACEHOLDERS_MAX {
        true => Err(NoTemplate::Many),
        false => Ok(Part { literals, placeholders }),
    }
}

/// Templates with what is known of each.
#[derive(Clone, Debug)]
pub struct Templates<T> {
    /// By how many parts they have.
    by_length: HashMap<usize, Vec<(PathTemplate, T)>>,
}

impl<T> Default for Templates<T> {
    fn default() -> Self {
        Self { by_length: HashMap::new() }
    }
}

impl<T> Templates<T> {
    /// Takes one more.
    pub fn insert(&mut self, template: PathTemplate, known: T) {
        self.by_length.entry(template.parts.len()).or_default().push((template, known));
    }

    /// Those that a server could take for a path with these segments, the most literal first. What
    /// has not what is asked for keeps no server from taking another one.
    #[must_use]
    pub fn of(&self, segments: &[&str], has: impl Fn(&T) -> bool) -> Vec<(&PathTemplate, &T)> {
        let Some(all) = self.by_length.get(&segments.len()) else { return Vec::new() };
        let bare = segments.last().map(|last| (last, without_format(last)));
        let bare = bare.filter(|(last, bare)| *last != bare).map(|(_, bare)| Spelled::new(bare));
        let segments: Vec<Spelled> = segments.iter().map(|segment| Spelled::new(segment)).collect();
        let fits = all.iter().filter_map(|(template, known)| {
            template.fit(&segments, bare.as_ref()).map(|fit| (template, known, fit))
        });
        let mut found: Vec<_> = fits.collect();
        found.sort_by_cached_key(|(template, _, fit)| {
            (Reverse(template.ranks().collect::<Vec<_>>()), Reverse(*fit))
        });
        // What fits as it is written and says more than others is what every server takes.
        let certain = found.iter().filter(|(_, known, fit)| *fit == Fit::Exact && has(known));
        let certain: Vec<&PathTemplate> = certain.map(|(template, ..)| *template).collect();
        let is_open =
            |template: &PathTemplate| !certain.iter().any(|it| it.says_more_than(template));
        let found = found.iter().filter(|(template, ..)| is_open(template));
        found.map(|(template, known, _)| (*template, *known)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn templates(paths: &[&str]) -> Templates<String> {
        let mut all = Templates::default();
        for path in paths {
            all.insert(PathTemplate::read("", path).unwrap(), (*path).to_owned());
        }
        all
    }

    fn found(all: &Templates<String>, path: &str) -> Vec<String> {
        let path = CanonicalPath::read(path).unwrap();
        let segments: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        all.of(&segments, |_| true).into_iter().map(|(_, name)| name.clone()).collect()
    }

    #[test]
    fn literals_stand_before_placeholders() {
        let all = templates(&["/users/{name}", "/users/admin", "/users/{name}/x", "/users"]);
        assert_eq!(found(&all, "/users/admin"), ["/users/admin"]);
        assert_eq!(found(&all, "/users/ann"), ["/users/{name}"]);
        assert_eq!(found(&all, "/users"), ["/users"]);
        assert_eq!(found(&all, "/users/ann/x"), ["/users/{name}/x"]);
        assert!(found(&all, "/users/ann/y").is_empty());
    }

    /// A server that sees a difference takes the placeholder, another one the literal.
    #[test]
    fn what_servers_differ_in_is_all_of_what_they_could_take() {
        let all = templates(&["/users/{name}", "/users/admin"]);
        for path in ["/users/Admin", "/users/admin.json", "/users/ADMIN", "/users/adm%C4%B1n"] {
            assert_eq!(found(&all, path), ["/users/admin", "/users/{name}"], "{path}");
        }
        let all = templates(&["/{thing}/me", "/books/{id}"]);
        assert_eq!(found(&all, "/books/me"), ["/books/{id}", "/{thing}/me"]);
        let all = templates(&["/v/{name}:cancel", "/v/{name}"]);
        assert_eq!(found(&all, "/v/x:cancel"), ["/v/{name}:cancel"]);
        assert_eq!(found(&all, "/v/x:CANCEL"), ["/v/{name}:cancel", "/v/{name}"]);
        assert_eq!(found(&all, "/v/x:start"), ["/v/{name}"]);
    }

    #[test]
    fn a_part_is_made_of_literals_and_placeholders() {
        let all = templates(&["/a/{x}-{y}.pdf", "/b/report-{n}", "/c/@{name}"]);
        assert!(!found(&all, "/a/1-2.pdf").is_empty());
        assert!(!found(&all, "/a/1-2-3.pdf").is_empty());
        assert!(!found(&all, "/b/Report-7.json").is_empty());
        for path in ["/a/-2.pdf", "/a/1-.pdf", "/a/1-2", "/b/report-", "/c/ann", "/c/@"] {
            assert!(found(&all, path).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_placeholder_holds_what_may_stand_there() {
        let mut all = Templates::default();
        for (path, name, constraint) in [
            ("/n/{n}", "n", Constraint::Integer),
            ("/u/{u}", "u", Constraint::Uuid),
            ("/w/{w}", "w", Constraint::OneOf(vec!["red".to_owned(), "Blue".to_owned()])),
        ] {
            let mut template = PathTemplate::read("", path).unwrap();
            template.constrain(name, &constraint);
            all.insert(template, path.to_owned());
        }
        for path in [
            "/n/42",
            "/n/-1",
            "/n/42.json",
            "/u/0191d0a4-0000-7000-8000-00000000000F",
            "/w/RED",
            "/w/blue",
        ] {
            assert_eq!(found(&all, path).len(), 1, "{path}");
        }
        for path in ["/n/admin", "/n/4a", "/n/-", "/u/admin", "/u/0191d0a4", "/w/green"] {
            assert!(found(&all, path).is_empty(), "{path}");
        }
    }

    #[test]
    fn a_template_has_the_name_of_a_route() {
        let check = |base: &str, path: &str, expect: &str| {
            let template = PathTemplate::read(base, path).unwrap();
            assert_eq!(template.route(), expect, "{base}{path}");
            assert_eq!(crate::canonical::no_route(template.route()), None, "{path}");
        };
        check("", "/People/{personId}/orders/", "/people/{id}/orders");
        check("/v1/", "/people", "/v1/people");
        check("/v1", "/", "/v1");
        check("", "/", "/");
        check("", "/v/{name}:cancel", "/v/{id}");
        check("", "/a%62c/{x}.json", "/abc/{id}");
        check("", "/files/2024/{x}", "/files/{id}/{id}");
    }

    #[test]
    fn what_is_no_path_is_no_template() {
        for path in [
            "people",
            "/a{b",
            "/a}b",
            "/{}",
            "/{a}/{a}",
            "/a?x={y}",
            "/a#b",
            "/{a}{b}",
            "/../a",
            "/a%2",
            "/%7Ba%7D",
            "/{a}-{b}-{c}-{d}-{e}",
            "/a;{b}",
            "/a\\b",
        ] {
            assert!(PathTemplate::read("", path).is_err(), "{path}");
        }
    }

    /// However many literals of a part a text holds.
    #[test]
    fn a_part_is_matched_in_bounded_time() {
        let all = templates(&["/{a}-{b}-{c}-{d}x"]);
        let path = format!("/{}", "-a".repeat(20_000));
        assert!(found(&all, &path).is_empty());
    }
}
