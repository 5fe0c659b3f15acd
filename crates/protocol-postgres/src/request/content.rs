//! What a reviewer reads of a request, and what an approval is bound to.

use super::settings::InForce;
use crate::wire::{literal, plain, value_kind};
use portreeve_decide::mask::{Form, ValueKind};
use portreeve_model::{
    ApprovedStatement, Parameter, ParameterFormat, ParameterValue, RequestContent,
};
use portreeve_session::{shown_digest, shown_text};
use portreeve_sql::{ComparedValue, Definition, GivenValue, Plan, Versions};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Most bytes of a parameter that nobody can read, and that are shown all the same.
const OPAQUE_BYTES_MAX: usize = 64;
/// As much of a definition of the same transaction is shown.
const DEFINITION_CHARS_MAX: usize = 500;
/// The name of the version of all code.
const CODE: &str = "code";

/// The parameters of a Bind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameters<'a> {
    pub(super) values: &'a [Option<&'a [u8]>],
    /// None, one for all, or one for each parameter.
    pub(super) formats: &'a [i16],
    /// What the client declared in Parse; 0 or missing where the server chose.
    pub(super) types: &'a [u32],
}

impl Parameters<'_> {
    fn format(&self, index: usize) -> i16 {
        match self.formats {
            [] => 0,
            [one] => *one,
            many => many.get(index).copied().unwrap_or(0),
        }
    }

    /// How many values are in these parameters, which are arrays; none where one of them is not
    /// there.
    pub(super) fn listed(&self, numbers: &[usize]) -> Option<u64> {
        let count = |number: &usize| {
            let index = number.checked_sub(1)?;
            let value = self.values.get(index)?;
            Some(value.map_or(0, |value| elements(value, self.format(index))))
        };
        numbers.iter().map(count).sum()
    }
}

/// How many elements an array has at the most.
///
/// SPEC: `array_send`: the number of dimensions, a flag, the type of the elements, and of each
/// dimension its length and its lower bound.
fn elements(value: &[u8], format: i16) -> u64 {
    if format == 0 {
        // Commas inside of quotes count, too: it may be fewer.
        return 1 + value.iter().filter(|byte| **byte == b',').count() as u64;
    }
    let number = |at: usize| {
        let bytes = value.get(at..at + 4)?.try_into().ok()?;
        Some(u64::from(u32::from_be_bytes(bytes)))
    };
    let dimensions = || (0..number(0)?.min(6)).map(|at| number(12 + 8 * at as usize)).product();
    let told: Option<u64> = dimensions();
    // Each has its length before it: what says more is none.
    told.unwrap_or(u64::MAX).min((value.len() / 4) as u64)
}

/// A statement as it was written, called by its own text.
pub(super) fn statement(text: &str) -> ApprovedStatement {
    ApprovedStatement { text: text.to_owned(), names: Vec::new(), parameters: Vec::new() }
}

/// A statement by its name, with the types that its parameters were declared to have.
pub(super) fn prepared(prepared: &portreeve_sql::Prepared) -> ApprovedStatement {
    if prepared.types.is_empty() {
        return statement(&prepared.text);
    }
    let types: Vec<_> = prepared.types.iter().map(|oid| type_name(*oid)).collect();
    statement(&format!("{} -- declared: {}", prepared.text, types.join("; ")))
}

/// What stands behind a name.
pub(super) fn behind(name: &str, mut statement: ApprovedStatement) -> ApprovedStatement {
    statement.names.insert(0, name.to_owned());
    statement
}

/// The parameters of a statement. The same bytes under another type or format are another
/// content.
pub(super) fn parameters(params: Parameters<'_>) -> Vec<Parameter> {
    let parameters = params.values.iter().enumerate().map(|(index, value)| {
        let type_oid = params.types.get(index).copied().unwrap_or(0);
        parameter(*value, type_oid, params.format(index))
    });
    parameters.collect()
}

/// A plan for a use with these parameters: what its conditions compare with is known.
pub(super) fn compared(plan: &Arc<Plan>, text: &str, parameters: &[Parameter]) -> Arc<Plan> {
    plan.compared(text, |number, type_code| given(parameters, number, type_code))
}

/// Whether a mask that who asks has been shown would take the place of what is there.
pub(super) fn stores_shown(plan: &Plan, text: &str, parameters: &[Parameter]) -> bool {
    let given = |number: usize, type_code| match parameters.get(number.checked_sub(1)?)?.value {
        ParameterValue::Null => Some(GivenValue::Null),
        _ => given(parameters, number, type_code).map(GivenValue::Of),
    };
    plan.stores_shown(text, given, |column, made| value_kind(plain(column, made).code, 0))
}

/// A parameter by its number, for a column of a type.
fn given(parameters: &[Parameter], number: usize, type_code: u32) -> Option<ComparedValue> {
    let given = number.checked_sub(1).and_then(|index| parameters.get(index))?;
    match &given.value {
        ParameterValue::Decoded(text) => Some(ComparedValue::text(text)),
        // The server chose the type: that of the column, or one like it.
        ParameterValue::Opaque(bytes) => {
            let kind = value_kind(type_code, 1);
            Some(ComparedValue { value: bytes.clone(), kind })
        }
        ParameterValue::Null | ParameterValue::Hashed { .. } => None,
    }
}

/// A definition that the same transaction has made before.
fn shown(definition: &Definition) -> String {
    let (text, place) = match definition {
        Definition::Statement { text, place } => (text, place + 1),
        Definition::Seen(snapshot) => {
            return format!("whatever led to the definitions {:016x}", snapshot.digest());
        }
        Definition::Unknown => return "what nobody can tell".to_owned(),
    };
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let text: String = text.chars().take(DEFINITION_CHARS_MAX).collect();
    let digest: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("statement {place} of the text with SHA-256 {digest}, which begins: {text}")
}

fn parameter(value: Option<&[u8]>, type_oid: u32, format: i16) -> Parameter {
    let type_name = type_name(type_oid);
    let (format, value) = match (format, value) {
        (0, None) => (ParameterFormat::Text, ParameterValue::Null),
        (_, None) => (ParameterFormat::Binary, ParameterValue::Null),
        (0, Some(bytes)) => (ParameterFormat::Text, shown_text(bytes)),
        (_, Some(bytes)) => (ParameterFormat::Binary, of_binary(bytes, type_oid)),
    };
    Parameter { type_name, format, value }
}

/// A type as a reviewer reads it; with its number, which is what the client has declared.
fn type_name(type_oid: u32) -> String {
    let known = TYPE_NAMES.iter().find(|(oid, _)| *oid == type_oid);
    match (type_oid, known) {
        (0, _) => String::new(),
        (_, Some((_, name))) => format!("{name}, type {type_oid}"),
        (_, None) => format!("type {type_oid}"),
    }
}

/// A parameter's type and value as SQL writes them; none where the gateway does not read it.
/// What the client has not declared the target is to find out.
pub(crate) fn in_words(parameter: &Parameter) -> Option<(&'static str, String)> {
    let declared = parameter.type_name.split(',').next().unwrap_or_default();
    let known = TYPE_NAMES.iter().find(|(_, name)| *name == declared);
    let type_name = match (declared, known) {
        ("", _) => "unknown",
        (_, Some((_, name))) => name,
        (_, None) => return None,
    };
    let value = match &parameter.value {
        ParameterValue::Null => "NULL".to_owned(),
        ParameterValue::Decoded(text) => literal(text),
        ParameterValue::Opaque(_) | ParameterValue::Hashed { .. } => return None,
    };
    Some((type_name, value))
}

/// SPEC: `pg_type.dat`; these numbers are the same in every version.
const TYPE_NAMES: [(u32, &str); 26] = [
    (16, "boolean"),
    (17, "bytea"),
    (18, "\"char\""),
    (19, "name"),
    (20, "bigint"),
    (21, "smallint"),
    (23, "integer"),
    (25, "text"),
    (26, "oid"),
    (114, "json"),
    (142, "xml"),
    (650, "cidr"),
    (700, "real"),
    (701, "double precision"),
    (790, "money"),
    (869, "inet"),
    (1042, "character"),
    (1043, "character varying"),
    (1082, "date"),
    (1083, "time"),
    (1114, "timestamp"),
    (1184, "timestamp with time zone"),
    (1186, "interval"),
    (1700, "numeric"),
    (2950, "uuid"),
    (3802, "jsonb"),
];

fn of_binary(bytes: &[u8], type_oid: u32) -> ParameterValue {
    let number = match (value_kind(type_oid, 1), bytes) {
        (ValueKind::Integer { form: Form::Binary, .. }, [a, b]) => {
            Some(i64::from(i16::from_be_bytes([*a, *b])))
        }
        (ValueKind::Integer { form: Form::Binary, .. }, [a, b, c, d]) => {
            Some(i64::from(i32::from_be_bytes([*a, *b, *c, *d])))
        }
        (ValueKind::Integer { form: Form::Binary, .. }, bytes) => {
            bytes.try_into().ok().map(i64::from_be_bytes)
        }
        (ValueKind::Text, bytes) if std::str::from_utf8(bytes).is_ok() => return shown_text(bytes),
        _ => None,
    };
    match number {
        Some(number) => ParameterValue::Decoded(number.to_string()),
        None if bytes.len() <= OPAQUE_BYTES_MAX => ParameterValue::Opaque(bytes.to_vec()),
        None => shown_digest(bytes),
    }
}

/// What the meaning of a statement depends on beside its text: an approval is bound to it.
#[derive(Debug)]
pub(super) struct Circumstances {
    /// The settings that the session began with.
    pub(super) settings: Arc<Vec<String>>,
    /// What has been set in it since.
    pub(super) in_force: InForce,
    /// What the open transaction has changed of definitions.
    pub(super) defined: Vec<Arc<Definition>>,
    /// The relations that it rests on, and the versions of definitions.
    pub(super) names: Arc<BTreeSet<String>>,
    pub(super) versions: Arc<Versions>,
}

impl Circumstances {
    /// Adds them to what an approval is bound to.
    pub(super) fn put(&self, content: &mut RequestContent) {
        content.settings = self.settings.to_vec();
        content.settings.extend(self.in_force.shown());
        content.settings.extend(self.defined.iter().map(|definition| shown(definition)));
        let version = |name: &String| {
            let version = self.versions.relations.get(name).map_or("", String::as_str);
            (name.clone(), version.to_owned())
        };
        let mut definitions: BTreeMap<_, _> = self.names.iter().map(version).collect();
        definitions.insert(CODE.to_owned(), self.versions.code.clone());
        content.definitions = definitions;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(value: &[u8], types: &[u32], formats: &[i16]) -> String {
        let parameters = parameters(Parameters { values: &[Some(value)], formats, types });
        let statements =
            vec![ApprovedStatement { parameters, ..statement("delete from t where id = $1") }];
        RequestContent { statements, ..RequestContent::default() }.text()
    }

    #[test]
    fn what_is_in_an_array_is_counted() {
        let binary = |lengths: &[u32], rest: usize| {
            let mut value = u32::try_from(lengths.len()).unwrap().to_be_bytes().to_vec();
            value.extend([0; 8]);
            for length in lengths {
                value.extend(length.to_be_bytes());
                value.extend(1_u32.to_be_bytes());
            }
            value.resize(value.len() + rest, 0);
            value
        };
        assert_eq!(elements(&binary(&[3], 60), 1), 3);
        assert_eq!(elements(&binary(&[2, 3], 60), 1), 6);
        assert_eq!(elements(&binary(&[], 0), 1), 1, "none, which is no product");
        assert_eq!(elements(&binary(&[u32::MAX], 60), 1), 20, "no more than it has bytes for");
        assert_eq!(elements(b"\0\0", 1), 0);
        assert_eq!(elements(b"{a,b,c}", 0), 3);
        assert_eq!(elements(b"{}", 0), 1);
        let values: &[Option<&[u8]>] = &[Some(b"{a,b}"), None];
        let given = Parameters { values, formats: &[], types: &[] };
        assert_eq!(given.listed(&[1, 2, 1]), Some(4));
        assert_eq!(given.listed(&[3]), None);
    }

    #[test]
    fn the_same_bytes_in_another_format_or_type_are_another_content() {
        let text = content(b"1234", &[23], &[0]);
        assert!(text.ends_with("-- $1 = '1234' (integer, type 23)"), "{text}");
        let binary = content(b"1234", &[23], &[1]);
        assert!(binary.ends_with("-- $1 = '825373492' (integer, type 23, binary)"), "{binary}");
        let all: std::collections::HashSet<_> =
            [text, binary, content(b"1234", &[], &[0]), content(b"1234", &[25], &[1])].into();
        assert_eq!(all.len(), 4);
    }
}
