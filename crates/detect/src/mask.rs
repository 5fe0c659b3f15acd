//! Masking of spans within a text. Offsets outside the spans stay in order, text outside them is
//! copied byte for byte, and the result is valid wherever the text was: replacements carry no
//! quote, comma, backslash or line break of their own, and a bare number stays a number.

use crate::{Category, Finding};

/// Replaces each finding by what `replace` gives for it. Findings are sorted and disjoint, as
/// [`crate::Detector::detect`] leaves them; a finding that is not is masked with its neighbour.
pub fn mask_spans(
    text: &str,
    findings: &[Finding],
    mut replace: impl FnMut(&Finding, &str) -> String,
) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for finding in findings {
        let (start, end) = (finding.start.max(at), finding.end);
        let (Some(before), Some(value)) = (text.get(at..start), text.get(start..end)) else {
            continue;
        };
        out.push_str(before);
        if is_bare_number(text, start, end) {
            out.extend(value.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }));
            // `007` is not a number: JSON allows one zero only.
            let digits = value.bytes().filter(u8::is_ascii_digit).count();
            if value.bytes().all(|b| b.is_ascii_digit()) && digits > 1 {
                out.truncate(out.len() - digits);
                out.push('9');
                out.extend(std::iter::repeat_n('0', digits - 1));
            }
        } else {
            out.extend(replace(finding, value).chars().filter(|c| is_harmless(*c)));
        }
        at = end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

/// Characters that change the meaning of no format that text travels in.
fn is_harmless(c: char) -> bool {
    !c.is_control() && !matches!(c, '"' | '\'' | '\\' | ',' | ';' | '<' | '>' | '&' | '`')
}

/// Whether the span is a number of its own in JSON: not quoted, between a colon or a bracket and
/// a comma or a bracket.
fn is_bare_number(text: &str, start: usize, end: usize) -> bool {
    let numeric = text[start..end].bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'));
    let before = text[..start].trim_end().bytes().next_back();
    let after = text[end..].trim_start().bytes().next();
    numeric
        && matches!(before, Some(b':' | b'[' | b','))
        && matches!(after, Some(b',' | b'}' | b']'))
        && text[..start].contains(['{', '['])
}

/// Keeps a little of a value, by category: the first letter and the host of an e-mail address,
/// the last four digits of a number, the first letter of a name. Lengths of the rest are kept for
/// numbers and not for words.
#[must_use]
pub fn partial(category: Category, value: &str) -> String {
    match category {
        Category::Email => match value.split_once('@') {
            Some((local, host)) => {
                let first: String = local.chars().take(1).collect();
                format!("{first}***@{host}")
            }
            None => "***".to_owned(),
        },
        Category::Card | Category::Iban | Category::BankAccount | Category::Phone => {
            let total = value.chars().filter(char::is_ascii_alphanumeric).count();
            let shown = if total > 9 { 4 } else { 2 };
            let mut seen = 0;
            value
                .chars()
                .map(|c| {
                    if !c.is_alphanumeric() {
                        return c;
                    }
                    seen += 1;
                    if total - seen.min(total) < shown { c } else { '*' }
                })
                .collect()
        }
        Category::PersonName => {
            let initials = value.split_whitespace().filter_map(|w| w.chars().next());
            initials.map(|c| format!("{c}.")).collect::<Vec<_>>().join(" ")
        }
        Category::DateOfBirth | Category::Date => {
            let year = value.split(|c: char| !c.is_ascii_digit()).find(|p| p.len() == 4);
            year.map_or_else(|| "***".to_owned(), |y| format!("{y}-**-**"))
        }
        _ => token(category),
    }
}

fn token(category: Category) -> String {
    format!("[{}]", category.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detector, Options};

    fn masked(text: &str) -> String {
        let mut found = Vec::new();
        Detector::new(Options::default()).detect(text, &mut found);
        mask_spans(text, &found, |f, v| partial(f.category, v))
    }

    #[test]
    fn keeps_what_policy_may_show() {
        assert_eq!(masked("to eva@example.org now"), "to e***@example.org now");
        assert_eq!(masked("4111 1111 1111 1111"), "**** **** **** 1111");
    }

    #[test]
    fn json_stays_json() {
        let text = r#"{"card": 4111111111111111, "mail": "eva@example.org"}"#;
        let out = masked(text);
        let value: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!(value["mail"], "e***@example.org");
        assert!(value["card"].is_number() && !out.contains("4111111111111111"));
    }

    #[test]
    fn a_replacement_cannot_break_out() {
        let text = "x,eva@example.org,y";
        let mut found = Vec::new();
        Detector::default().detect(text, &mut found);
        let out = mask_spans(text, &found, |_, _| "a\",\nb".to_owned());
        assert_eq!(out, "x,ab,y");
    }
}
