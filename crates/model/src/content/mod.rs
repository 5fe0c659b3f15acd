//! What an approval is bound to: everything that decides what a command does when it runs.
//!
//! The content is a list of fields, each a name and a text ([`ApprovalContent::fields`]).
//! Reviewers are shown these fields, the approval holds the digest of their encoding
//! ([`ApprovalContent::encoding`]), and when a command differs from what was approved,
//! [`differences`] says in which of them. So nothing is bound that is not
//! shown, and nothing shown that is not bound.
//!
//! The bytes are those of `docs/formats/approval.md`. Nothing is hashed here.

use crate::{
    Category, Chain, Digest, MaskMethod, Object, Party, PartyKind, PolicyVersion, RuleId, Strength,
    Unit,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The first bytes of every encoding; another meaning gets another number.
pub const APPROVAL_FORMAT: &str = "portreeve-approval-1";

/// Everything that decides what a request does when it runs: who asks, by which rule it is
/// held, and what it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ApprovalContent {
    /// Where it runs.
    pub resource: String,
    /// Who asks, why, and how strongly that was proven.
    pub chain: Chain,
    /// By which policies it is held.
    pub policy: PolicyVersion,
    /// By which rule.
    pub rule: RuleId,
    /// What is held.
    pub request: RequestContent,
}

/// What a request is, as far as it decides what happens: the part that its protocol knows.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RequestContent {
    /// As whom it runs in the target.
    pub role: String,
    /// What runs, in order.
    pub statements: Vec<ApprovedStatement>,
    /// What the session began with, what is set in it since with the values that hold, and the
    /// commands of the open transaction that have changed definitions. Where nobody could tell,
    /// something that no other request has: then no older approval fits.
    pub settings: Vec<String>,
    /// Where names are looked for, in order.
    pub search_path: Vec<String>,
    /// The version of every definition that the statements rest on, by its name.
    pub definitions: BTreeMap<String, String>,
    /// What of the answer is masked, and how.
    pub masked: BTreeMap<Object, (Category, MaskMethod)>,
    /// How much it may use at most.
    pub caps: BTreeMap<Unit, u64>,
    /// The data that come with it.
    pub upload: Upload,
    /// Some of the rows that it would touch. They are for the reader alone: the approval is not
    /// bound to them.
    pub examples: Option<Examples>,
}

/// Some of the rows that a command would touch, as they are before it, masked.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Examples {
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The values of each row, cut after 200 characters; null where there is none, and where a
    /// value may not be shown.
    pub rows: Vec<Vec<Option<String>>>,
}

/// One statement, and what it is given.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ApprovedStatement {
    /// The text that runs. Behind a name (`EXECUTE`, `FETCH`, a portal) it is the text
    /// that the name stands for.
    pub text: String,
    /// The names through which it was called, the outermost first.
    pub names: Vec<String>,
    /// Its parameters, `$1` first.
    pub parameters: Vec<Parameter>,
}

/// One parameter of a statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parameter {
    /// Its type, as the target resolves it.
    pub type_name: String,
    /// How its bytes are to be read.
    pub format: ParameterFormat,
    /// What it says.
    pub value: ParameterValue,
}

/// How the bytes of a parameter are to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParameterFormat {
    /// As text.
    Text,
    /// As the type's binary form.
    Binary,
}

/// What a parameter says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ParameterValue {
    /// NULL.
    Null,
    /// A value that a reviewer can read, in the text form of its type.
    Decoded(String),
    /// Bytes of a type whose form the gateway does not read.
    Opaque(Vec<u8>),
    /// More than a reviewer reads.
    Hashed {
        /// SHA-256 of its bytes.
        digest: Digest,
        /// How many they are.
        bytes: u64,
    },
}

/// The data that come with a command.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Upload {
    /// None.
    #[default]
    Absent,
    /// These, and no others.
    Bound {
        /// SHA-256 of all of it.
        digest: Digest,
        /// Its length.
        bytes: u64,
    },
    /// Any, up to a length: the reviewer was told so.
    Capped {
        /// The most that may come.
        bytes_max: u64,
    },
}

/// One field of the content.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ContentField {
    /// Its name in the encoding: `statement.1.parameter.2.format`.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What a reader calls it: `parameter $2: format`.
    pub label: String,
    /// Whether a client may be told its value when it differs.
    pub quoting: Quoting,
}

/// Whether a message may quote a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// It holds names and numbers.
    Quoted,
    /// It can hold data.
    Withheld,
}

impl ApprovalContent {
    /// The encoding that an approval holds the digest of.
    ///
    /// [`APPROVAL_FORMAT`], then every field: its name and its value, each with its length
    /// in bytes before it, as 8 bytes with the most significant first.
    #[must_use]
    pub fn encoding(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1024);
        push_text(&mut out, APPROVAL_FORMAT);
        for field in self.fields() {
            push_text(&mut out, &field.name);
            push_text(&mut out, &field.value);
        }
        out
    }

    /// All of it, in the order of the encoding.
    #[must_use]
    pub fn fields(&self) -> Vec<ContentField> {
        let mut fields = Fields::default();
        fields.name("resource", "resource", &self.resource);
        fields.name("role", "role", &self.request.role);
        fields.chain(&self.chain);
        fields.name("policy", "policy version", &self.policy.0);
        fields.name("rule", "rule", &self.rule.0);
        fields.request(&self.request);
        fields.list
    }
}

/// What differs between what was approved and what is to run, in words. Empty where, and only
/// where, the two have one encoding.
#[must_use]
pub fn differences(approved: &[ContentField], run: &[ContentField]) -> Vec<String> {
    let run_fields: BTreeMap<_, _> = run.iter().map(|field| (&field.name, field)).collect();
    let mut found = Vec::new();
    for field in approved {
        match run_fields.get(&field.name) {
            Some(other) if other.value == field.value => {}
            Some(other) => found.push(changed(field, other)),
            None => found.push(format!("{} is not there any more", field.label)),
        }
    }
    let names: BTreeSet<_> = approved.iter().map(|field| &field.name).collect();
    let new = run.iter().filter(|field| !names.contains(&field.name));
    found.extend(new.map(|field| format!("{} is new", field.label)));
    found
}

impl RequestContent {
    /// What runs, as a reviewer reads it first: every statement with its parameters, and what
    /// stands behind the names in it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for statement in &self.statements {
            match statement.names.as_slice() {
                _ if text.is_empty() => {}
                [] => text.push('\n'),
                _ => text.push_str("\n-- runs: "),
            }
            text.push_str(&statement.text);
            for (place, parameter) in statement.parameters.iter().enumerate() {
                text.push_str(&format!("\n-- ${} = {parameter}", place + 1));
            }
        }
        text
    }
}

impl fmt::Display for Parameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            ParameterValue::Null => f.write_str("NULL")?,
            ParameterValue::Decoded(value) => write!(f, "'{}'", value.escape_debug())?,
            ParameterValue::Opaque(bytes) => write!(f, "x'{}'", hexadecimal(bytes))?,
            ParameterValue::Hashed { digest, bytes } => {
                write!(f, "{bytes} bytes, SHA-256 {digest}")?;
            }
        }
        let format = match self.format {
            ParameterFormat::Text => "",
            ParameterFormat::Binary => ", binary",
        };
        match self.type_name.as_str() {
            "" => f.write_str(format),
            name => write!(f, " ({name}{format})"),
        }
    }
}

fn changed(approved: &ContentField, run: &ContentField) -> String {
    match approved.quoting {
        Quoting::Quoted => {
            let shown = |value: &str| if value.is_empty() { "none" } else { value }.to_owned();
            format!("{} {} → {}", approved.label, shown(&approved.value), shown(&run.value))
        }
        Quoting::Withheld => format!("{} differs", approved.label),
    }
}

#[derive(Default)]
struct Fields {
    list: Vec<ContentField>,
    names: BTreeSet<String>,
}

impl Fields {
    fn push(&mut self, name: &str, label: &str, value: &str, quoting: Quoting) {
        // INVARIANT: names are unique, or a difference could hide behind a namesake.
        assert!(self.names.insert(name.to_owned()), "two fields are called `{name}`");
        let (name, label, value) = (name.to_owned(), label.to_owned(), value.to_owned());
        self.list.push(ContentField { name, value, label, quoting });
    }

    /// A field that holds names and numbers.
    fn name(&mut self, name: &str, label: &str, value: &str) {
        self.push(name, label, value, Quoting::Quoted);
    }

    /// A field that can hold data.
    fn data(&mut self, name: &str, label: &str, value: &str) {
        self.push(name, label, value, Quoting::Withheld);
    }

    fn chain(&mut self, chain: &Chain) {
        for (place, party) in chain.hops().enumerate() {
            self.hop(place, party);
            if place == 0 {
                self.strength(&chain.strength);
            }
        }
        if let Some(purpose) = &chain.purpose {
            self.name("purpose", "purpose", purpose);
        }
        if let Some(purpose) = &chain.stated_purpose {
            self.name("stated-purpose", "stated purpose", purpose);
        }
    }

    fn hop(&mut self, place: usize, party: &Party) {
        let (name, label) = match place {
            0 => ("principal".to_owned(), "principal".to_owned()),
            _ => (format!("actor.{place}"), format!("actor {place}")),
        };
        let mut field = |word: &str, value: &str| {
            self.name(&format!("{name}.{word}"), &format!("{label}: {word}"), value);
        };
        field("kind", kind_word(party.kind));
        field("issuer", &party.issuer);
        field("subject", &party.subject);
        // One in the order of its name: what an issuer lists twice or otherwise is the same.
        let groups: BTreeSet<_> = party.groups.iter().cloned().collect();
        field("groups", &quoted_path(&groups.into_iter().collect::<Vec<_>>()));
        if let Some(person) = &party.person {
            field("person", person);
        }
    }

    fn strength(&mut self, strength: &Strength) {
        if let Some(acr) = &strength.acr {
            self.name("principal.strength.acr", "principal: acr", acr);
        }
        if !strength.amr.is_empty() {
            let amr = quoted_path(&strength.amr);
            self.name("principal.strength.amr", "principal: amr", &amr);
        }
    }

    fn request(&mut self, request: &RequestContent) {
        for (place, statement) in request.statements.iter().enumerate() {
            self.statement(place + 1, request.statements.len(), statement);
        }
        for (place, setting) in request.settings.iter().enumerate() {
            let number = place + 1;
            self.data(&format!("setting.{number}"), &format!("setting {number}"), setting);
        }
        self.name("search-path", "search path", &quoted_path(&request.search_path));
        for (name, version) in &request.definitions {
            let label = format!("definition of {name}: version");
            self.name(&format!("definition.{name}"), &label, version);
        }
        for (name, (object, (category, method))) in by_name(&request.masked) {
            let value = format!("{} as {category}", method_word(*method));
            self.name(&format!("masked.{name}"), &format!("masking of {object}"), &value);
        }
        for (unit, count) in &request.caps {
            self.name(&format!("cap.{unit}"), &format!("cap on {unit}"), &count.to_string());
        }
        self.upload(&request.upload);
    }

    fn statement(&mut self, number: usize, count: usize, statement: &ApprovedStatement) {
        let name = format!("statement.{number}");
        let (own, of) = match count {
            1 => ("statement".to_owned(), String::new()),
            _ => (format!("statement {number}"), format!(" of statement {number}")),
        };
        self.data(&format!("{name}.text"), &format!("{own}: text"), &statement.text);
        let called = quoted_path(&statement.names);
        self.name(&format!("{name}.names"), &format!("{own}: called through"), &called);
        for (place, parameter) in statement.parameters.iter().enumerate() {
            let name = format!("{name}.parameter.{}", place + 1);
            let label = format!("parameter ${}{of}", place + 1);
            let format = match parameter.format {
                ParameterFormat::Text => "text",
                ParameterFormat::Binary => "binary",
            };
            self.name(&format!("{name}.type"), &format!("{label}: type"), &parameter.type_name);
            self.name(&format!("{name}.format"), &format!("{label}: format"), format);
            let (word, value) = match &parameter.value {
                ParameterValue::Null => ("null", String::new()),
                ParameterValue::Decoded(value) => ("value", value.clone()),
                ParameterValue::Opaque(bytes) => ("bytes", hexadecimal(bytes)),
                ParameterValue::Hashed { digest, bytes } => {
                    ("digest", format!("{digest} of {bytes} bytes"))
                }
            };
            self.data(&format!("{name}.{word}"), &format!("{label}: {word}"), &value);
        }
    }

    fn upload(&mut self, upload: &Upload) {
        match upload {
            Upload::Absent => {}
            Upload::Bound { digest, bytes } => {
                self.data("upload.digest", "upload: digest", &digest.to_string());
                self.name("upload.bytes", "upload: bytes", &bytes.to_string());
            }
            Upload::Capped { bytes_max } => {
                self.name("upload.bytes-max", "upload: bytes at most", &bytes_max.to_string());
            }
        }
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    let length = u64::try_from(text.len()).expect("a length in memory fits into 64 bits");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// By the names of the objects in the encoding, which are sorted as bytes.
fn by_name<V>(objects: &BTreeMap<Object, V>) -> BTreeMap<String, (&Object, &V)> {
    objects.iter().map(|(object, value)| (object_name(object), (object, value))).collect()
}

/// An object's kind and its quoted path: `table:public.orders`.
fn object_name(object: &Object) -> String {
    format!("{}:{}", object.kind.word(), quoted_path(&object.path))
}

/// Names joined by dots; one that is empty or holds a dot or a quote stands in double
/// quotes, its own doubled, so that no two lists are written alike.
fn quoted_path(parts: &[String]) -> String {
    let quoted = |part: &String| {
        if part.is_empty() || part.contains(['.', '"']) {
            format!("\"{}\"", part.replace('"', "\"\""))
        } else {
            part.clone()
        }
    };
    parts.iter().map(quoted).collect::<Vec<_>>().join(".")
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn kind_word(kind: PartyKind) -> &'static str {
    match kind {
        PartyKind::Person => "person",
        PartyKind::Service => "service",
        PartyKind::Actor => "actor",
    }
}

fn method_word(method: MaskMethod) -> &'static str {
    match method {
        MaskMethod::Redact => "redact",
        MaskMethod::Pseudonym => "pseudonym",
        MaskMethod::Partial => "partial",
        MaskMethod::Null => "null",
    }
}

#[cfg(test)]
mod tests;
