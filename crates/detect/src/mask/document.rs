//! Masking of documents: findings are carried to the values they lie in, and replacements back.

use super::container::{Coding, Container, Leaf, Malformed, Role, Value, json};
use super::kind::ValueKind;
use super::names::Names;
use super::numbers;
use super::offsets::OffsetMap;
use crate::columns::{Column, classify};
use crate::context::value::ValueContext;
use crate::detector::Detector;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

/// A masked text, and where the places of the original are in it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Masked<'t> {
    /// The text; the original when there was nothing to mask.
    pub text: Cow<'t, str>,
    /// From offsets of the original (the source) to offsets of the masked text (the target).
    pub offsets: OffsetMap,
}

/// What takes the place of a value of a category and a type; nothing for NULL.
type Replace<'r> = dyn FnMut(Category, &str, ValueKind) -> Option<String> + 'r;

/// Replaces each finding by what `replace` gives for it; whatever it gives, the document stays
/// one of its kind with as many values of the same types in the same places.
///
/// Text outside the findings is copied byte for byte. A finding that reaches over the edge of a
/// value is masked in each value that it touches, and never outside of values. A bare number that
/// a finding touches is replaced as a whole, by zero if nothing else fits. Names (keys, column
/// names, quoted identifiers) change only where an identifier was found in them by its shape, and
/// stay different from each other. JSON within a string stays JSON, to four layers.
///
/// # Errors
/// Where the text is not what the container says. Nothing is masked then: the text as it is must
/// not be used instead. A text without findings is not read and never an error.
pub fn mask_document<'t>(
    text: &'t str,
    container: Container,
    findings: &[Finding],
    replace: &mut Replace<'_>,
) -> Result<Masked<'t>, Malformed> {
    let mut out = Masked { text: Cow::Borrowed(text), offsets: OffsetMap::default() };
    if findings.is_empty() {
        return Ok(out);
    }
    let edits = edits(text, container, &ordered(text, findings), replace, 0)?;
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for Edit { range, text: replacement } in edits {
        masked.push_str(&text[at..range.start]);
        masked.push_str(&replacement);
        at = range.end;
        out.offsets.push(range, replacement.len());
    }
    masked.push_str(&text[at..]);
    out.text = Cow::Owned(masked);
    Ok(out)
}

/// Appends what is found in a document: in it as a text, in pieces of 64 KiB, and in each value
/// under its name, as its writing is read. What the container does not hold as a value is not
/// reported.
///
/// # Errors
/// Where the text is not what the container says.
pub fn detect_document(
    detector: &Detector,
    text: &str,
    container: Container,
    out: &mut Vec<Finding>,
) -> Result<(), Malformed> {
    detect_at(detector, text, container, ValueContext::NONE, 0, out)
}

/// Like [`detect_document`], for a document of which something is known: it holds for values that
/// the document gives no name.
///
/// # Errors
/// Where the text is not what the container says.
pub fn detect_within(
    detector: &Detector,
    text: &str,
    container: Container,
    context: ValueContext,
    out: &mut Vec<Finding>,
) -> Result<(), Malformed> {
    detect_at(detector, text, container, context, 0, out)
}

fn detect_at(
    detector: &Detector,
    text: &str,
    container: Container,
    context: ValueContext,
    depth: usize,
    out: &mut Vec<Finding>,
) -> Result<(), Malformed> {
    let mut whole = Vec::new();
    let outer = if container == Container::Text { context } else { ValueContext::NONE };
    detector.scan_long(text, outer, &mut whole);
    if container == Container::Text {
        out.append(&mut whole);
        return Ok(());
    }
    let mut cursor = 0;
    let mut kinds = BTreeMap::new();
    container.walk(text, &mut |leaf| {
        let from = out.len();
        out.extend(touching(&whole, &mut cursor, &leaf).filter_map(|f| clipped(text, f, &leaf)));
        if leaf.role == Role::Name || !leaf.coding.is_cell() {
            return;
        }
        let value = leaf.value(text);
        let label = &leaf.label[..leaf.label.floor_char_boundary(LABEL_BYTES_MAX)];
        let here = match label {
            "" => context,
            label => ValueContext { people: context.people, ..ValueContext::of(label, &[]) },
        };
        let nested = nests(&leaf, &value.text, depth);
        let mut inside = Vec::new();
        if !nested
            || detect_at(detector, &value.text, Container::Json, here, depth + 1, &mut inside)
                .is_err()
        {
            detector.scan_value(&value.text, here, &mut inside);
        }
        out.extend(inside.into_iter().map(|finding| {
            let range = value.outside(finding.range());
            Finding { start: range.start, end: range.end, ..finding }
        }));
        if out.len() == from && !nested {
            let kind = *kinds.entry(label).or_insert_with(|| named(label, &[]));
            // The name says it, and the value does not deny it.
            let category = kind.and_then(|_| named(label, &[&value.text]));
            out.extend(category.filter(|_| holds(&value.text)).map(|category| {
                Finding::new(leaf.range.clone(), category, 60, Evidence::Context, "name")
            }));
        }
        unite(out, from);
    })
}

/// What a value of this name is: a first name in small letters says nothing else about itself.
fn named(name: &str, values: &[&str]) -> Option<Category> {
    let column = Column { name, values, ..Column::default() };
    (!name.is_empty()).then(|| classify(&column)).flatten().map(|verdict| verdict.category)
}

fn holds(text: &str) -> bool {
    text.contains(char::is_alphanumeric)
}

/// Makes findings disjoint that were made by two looks at one value: of two that overlap, the one
/// that covers more says what both are.
fn unite(findings: &mut Vec<Finding>, from: usize) {
    findings[from..].sort_by_key(|finding| (finding.start, std::cmp::Reverse(finding.end)));
    let mut kept = from;
    for at in from..findings.len() {
        let finding = findings[at];
        if kept > from && finding.start < findings[kept - 1].end {
            let last = &mut findings[kept - 1];
            let end = last.end.max(finding.end);
            let longer = finding.range().len() > last.range().len();
            let surer = finding.range() == last.range() && finding.score > last.score;
            if longer || surer {
                *last = Finding { start: last.start, ..finding };
            }
            last.end = end;
        } else {
            findings[kept] = finding;
            kept += 1;
        }
    }
    findings.truncate(kept);
}

/// A replacement and the bytes whose place it takes.
struct Edit {
    range: Range<usize>,
    text: String,
}

/// What has to change in a document. The findings are in order and disjoint.
fn edits(
    text: &str,
    container: Container,
    findings: &[Finding],
    replace: &mut Replace<'_>,
    depth: usize,
) -> Result<Vec<Edit>, Malformed> {
    let mut out = Vec::new();
    let mut names: Option<Names> = None;
    let mut cursor = 0;
    container.walk(text, &mut |leaf| {
        let mut found: Vec<Finding> = touching(findings, &mut cursor, &leaf)
            .filter_map(|finding| clipped(text, finding, &leaf))
            .collect();
        if found.is_empty() {
            return;
        }
        match leaf.coding {
            Coding::Number => return out.push(number(text, &leaf, &found, replace)),
            Coding::SqlBits => {
                return out.push(Edit { range: leaf.range.clone(), text: String::new() });
            }
            _ => {}
        }
        let value = leaf.value(text);
        for finding in &mut found {
            let range = value.inside(finding.range());
            (finding.start, finding.end) = (range.start, range.end);
        }
        if leaf.role == Role::Name {
            let names = names.get_or_insert_with(|| Names::of(container, text));
            let name = names.masked(&value.text, &found, depth > 0, replace);
            out.push(Edit { range: leaf.range.clone(), text: leaf.coding.encode(&name, "", "") });
            return;
        }
        let inner = nests(&leaf, &value.text, depth)
            .then(|| edits(&value.text, Container::Json, &found, replace, depth + 1).ok())
            .flatten();
        match inner {
            Some(inner) => write(text, &leaf, &value, inner.into_iter(), &mut out),
            None => {
                let spans = found.iter().filter(|f| f.start < f.end);
                let spans = spans.map(|f| span(&value.text, f, depth, replace));
                write(text, &leaf, &value, spans, &mut out);
            }
        }
    })?;
    Ok(out)
}

/// One span of a value, as plain text. Within JSON within something, marks that two writings give
/// a meaning to are left out.
fn span(value: &str, finding: &Finding, depth: usize, replace: &mut Replace<'_>) -> Edit {
    let given = replace(finding.category, &value[finding.range()], ValueKind::Text);
    let given = given.unwrap_or_default();
    let given = if depth > 0 { Coding::Text.encode(&given, "", "") } else { given };
    Edit { range: finding.range(), text: given }
}

/// Carries edits of a value to the document.
fn write(
    text: &str,
    leaf: &Leaf<'_>,
    value: &Value<'_>,
    inner: impl Iterator<Item = Edit>,
    out: &mut Vec<Edit>,
) {
    let from = out.len();
    let mut left = leaf.range.len();
    let mut at = leaf.range.start;
    for Edit { range, text: replacement } in inner {
        let original = value.text.get(range.clone()).unwrap_or_default();
        let outside = value.outside(range.clone());
        let range = outside.start.max(at)..outside.end.max(at);
        let mut replacement = leaf.coding.encode(&replacement, original, &text[range.end..]);
        let (before, after) =
            (&text[leaf.range.start..range.start], &text[range.end..leaf.range.end]);
        replacement.insert_str(0, leaf.coding.gap(before, &replacement, after));
        left = left + replacement.len() - range.len();
        at = range.end;
        out.push(Edit { range, text: replacement });
    }
    // Some writings have no empty value, or another one.
    if left == 0
        && let Some(empty) = leaf.coding.empty()
    {
        out.truncate(from);
        out.push(Edit { range: leaf.range.clone(), text: empty.to_owned() });
    }
}

fn number(text: &str, leaf: &Leaf<'_>, found: &[Finding], replace: &mut Replace<'_>) -> Edit {
    let value = &text[leaf.range.clone()];
    let longest = found.iter().max_by_key(|finding| finding.range().len());
    let given = longest.and_then(|f| replace(f.category, value, ValueKind::Number));
    let fits = given.filter(|given| numbers::may_replace(value, given));
    let text = fits.unwrap_or_else(|| numbers::zero(value).to_owned());
    Edit { range: leaf.range.clone(), text }
}

/// Whether a value holds a JSON document of its own that is to stay one.
fn nests(leaf: &Leaf<'_>, value: &str, depth: usize) -> bool {
    depth < NESTED_MAX
        && leaf.coding.is_cell()
        && value.trim_start().starts_with(['{', '['])
        && json::walk(value, &mut |_| ()).is_ok()
}

/// The findings that touch a leaf. Leaves are asked for in order.
fn touching<'f>(
    findings: &'f [Finding],
    cursor: &mut usize,
    leaf: &Leaf<'_>,
) -> impl Iterator<Item = &'f Finding> + use<'f> {
    let (start, end) = (leaf.range.start, leaf.range.end);
    while findings.get(*cursor).is_some_and(|finding| finding.end <= start) {
        *cursor += 1;
    }
    findings[*cursor..].iter().take_while(move |finding| finding.start < end)
}

/// The part of a finding that lies in a leaf, if there is anything to mask in it.
fn clipped(text: &str, finding: &Finding, leaf: &Leaf<'_>) -> Option<Finding> {
    if leaf.role == Role::Name && !is_identifier(finding) {
        return None;
    }
    let start = finding.start.max(leaf.range.start);
    let end = finding.end.min(leaf.range.end);
    let whole = start == finding.start && end == finding.end;
    (whole || text.get(start..end).is_some_and(holds)).then_some(Finding { start, end, ..*finding })
}

/// Whether a finding in a name is certain enough to change it: a shape or check digits found an
/// identifier. Words of names (`Street`, `Total Score`) look like names of people too often.
fn is_identifier(finding: &Finding) -> bool {
    use Category as C;
    finding.evidence >= Evidence::Shape
        && matches!(
            finding.category,
            C::Email
                | C::Phone
                | C::NationalId
                | C::TaxId
                | C::Passport
                | C::DriverLicence
                | C::HealthId
                | C::BankAccount
                | C::Iban
                | C::Card
                | C::CryptoAddress
                | C::OtherId
                | C::IpAddress
                | C::MacAddress
                | C::DeviceId
                | C::Secret
        )
}

/// The findings in order, disjoint and on the borders of characters. What overlaps becomes one.
fn ordered<'f>(text: &str, findings: &'f [Finding]) -> Cow<'f, [Finding]> {
    // As detectors give them.
    let is_span = |f: &Finding| f.start < f.end && text.get(f.range()).is_some();
    let is_ordered = findings.windows(2).all(|pair| pair[0].end <= pair[1].start);
    if is_ordered && findings.iter().all(is_span) {
        return Cow::Borrowed(findings);
    }
    let mut out: Vec<Finding> = findings.iter().filter(|f| f.start < f.end).copied().collect();
    for finding in &mut out {
        finding.end = text.ceil_char_boundary(finding.end.min(text.len()));
        finding.start = text.floor_char_boundary(finding.start.min(finding.end));
    }
    out.retain(|finding| finding.start < finding.end);
    unite(&mut out, 0);
    Cow::Owned(out)
}

/// What is read of a name: it is looked at once for each value under it.
const LABEL_BYTES_MAX: usize = 256;
/// Layers of JSON within strings that stay JSON.
const NESTED_MAX: usize = 4;
