//! One value of a column, from the look at it to its masked form, in one call.

use super::container::{Container, Malformed};
use super::document::{detect_within, mask_document};
use super::kind::ValueKind;
use super::method::Method;
use crate::context::value::ValueContext;
use crate::detector::Detector;
use crate::finding::Finding;
use crate::finding::category::Category;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What happens to findings, by category.
#[derive(Clone, Debug)]
pub struct Rules {
    standard: Method,
    others: BTreeMap<Category, Rule>,
}

/// What happens to findings of one category.
#[derive(Clone, Debug)]
struct Rule {
    /// Nothing: they are shown.
    method: Option<Method>,
    score_min: u8,
}

impl Rules {
    /// Every finding is masked by this method.
    #[must_use]
    pub fn all(method: Method) -> Self {
        Self { standard: method, others: BTreeMap::new() }
    }

    /// Findings of a category are masked by another method, from a confidence (percent) on.
    #[must_use]
    pub fn with(mut self, category: Category, method: Method, score_min: u8) -> Self {
        self.others.insert(category, Rule { method: Some(method), score_min });
        self
    }

    /// Findings of a category are shown.
    #[must_use]
    pub fn revealing(mut self, category: Category) -> Self {
        self.others.insert(category, Rule { method: None, score_min: 0 });
        self
    }

    /// The method for a finding; none where it is shown.
    #[must_use]
    pub fn method(&self, finding: &Finding) -> Option<&Method> {
        match self.others.get(&finding.category) {
            Some(rule) => rule.method.as_ref().filter(|_| finding.score >= rule.score_min),
            None => Some(&self.standard),
        }
    }

    fn replace(&self, category: Category, value: &str, kind: ValueKind) -> Option<String> {
        let rule = self.others.get(&category).and_then(|rule| rule.method.as_ref());
        rule.unwrap_or(&self.standard).replace(category, value, kind)
    }
}

/// Looks at a value and masks what the rules say. The value stays one of its form: text, a JSON
/// document, XML, an array. It is borrowed when nothing is masked. `found` is scratch space; it has
/// the findings that were masked when this returns.
///
/// # Errors
/// Where the value is not of its form. It must not be shown as it is then.
pub fn mask_value<'t>(
    detector: &Detector,
    text: &'t str,
    form: Container,
    context: ValueContext,
    rules: &Rules,
    found: &mut Vec<Finding>,
) -> Result<Cow<'t, str>, Malformed> {
    found.clear();
    match form {
        Container::Text => detector.scan_value(text, context, found),
        Container::Json | Container::Csv | Container::Sql | Container::Xml | Container::Array => {
            detect_within(detector, text, form, context, found)?
        }
    }
    found.retain(|finding| rules.method(finding).is_some());
    mask_found(text, form, rules, found)
}

/// Masks findings of a value that were made before, as by a watched column.
///
/// # Errors
/// Where the value is not of its form.
pub fn mask_found<'t>(
    text: &'t str,
    form: Container,
    rules: &Rules,
    found: &[Finding],
) -> Result<Cow<'t, str>, Malformed> {
    match (found, form) {
        ([], _) => Ok(Cow::Borrowed(text)),
        // The whole value: as a column of the category is masked.
        ([one], Container::Text) if one.range() == (0..text.len()) => {
            Ok(Cow::Owned(rules.replace(one.category, text, ValueKind::Text).unwrap_or_default()))
        }
        _ => {
            let mut replace = |category, value: &str, kind| rules.replace(category, value, kind);
            Ok(mask_document(text, form, found, &mut replace)?.text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portreeve_pseudonym::MaskKey;

    fn masked(text: &str, form: Container, column: &str, rules: &Rules) -> String {
        let context = ValueContext::of(column, &["email", "first_name"]);
        let mut found = Vec::new();
        let out = mask_value(&Detector::default(), text, form, context, rules, &mut found);
        out.unwrap().into_owned()
    }

    #[test]
    fn values_of_every_form_stay_of_their_form() {
        let rules = Rules::all(Method::Redact);
        let check = |text: &str, form, column: &str, expect: &str| {
            assert_eq!(masked(text, form, column, &rules), expect);
        };
        check("write to eva@example.org", Container::Text, "note", "write to [email]");
        check("yrsa", Container::Text, "first_name", "[person-name]");
        check("paid", Container::Text, "state", "paid");
        let json = r#"{"login":"ydahl77","n":7,"tags":["eva@example.org","new"]}"#;
        let expect = r#"{"login":"[username]","n":7,"tags":["[email]","new"]}"#;
        check(json, Container::Json, "payload", expect);
        check("<p>eva@example.org</p>", Container::Xml, "body", "<p>[email]</p>");
        let array = r#"{"a, eva@example.org",new,NULL,ann@example.org}"#;
        let expect = r#"{"a, [email]",new,NULL,[email]}"#;
        check(array, Container::Array, "notes", expect);
        check(
            "{yrsa,NULL,\"bo h\"}",
            Container::Array,
            "first_name",
            "{[person-name],NULL,\"[person-name]\"}",
        );
        let nothing = Rules::all(Method::Null);
        assert_eq!(masked("{eva@example.org,b}", Container::Array, "x", &nothing), "{\"\",b}");
    }

    #[test]
    fn rules_are_by_category_and_confidence() {
        let rules = Rules::all(Method::Redact).revealing(Category::Email).with(
            Category::Phone,
            Method::Null,
            99,
        );
        let text = "eva@example.org, +49 171 1234567, 4111 1111 1111 1111";
        let out = masked(text, Container::Text, "note", &rules);
        assert_eq!(out, "eva@example.org, +49 171 1234567, [card]");
    }

    #[test]
    fn a_whole_value_looks_like_a_masked_column() {
        let method = Method::Pseudonym(MaskKey::new([7; 32]));
        let expect = method.replace(Category::Email, "eva@example.org", ValueKind::Text).unwrap();
        let rules = Rules::all(method);
        assert_eq!(masked("eva@example.org", Container::Text, "x", &rules), expect);
        let inside = masked("to eva@example.org now", Container::Text, "x", &rules);
        assert_eq!(inside, format!("to {expect} now"), "one construction in texts and columns");
    }

    #[test]
    fn what_is_not_of_its_form_is_no_value() {
        let rules = Rules::all(Method::Redact);
        let mut found = Vec::new();
        let detector = Detector::default();
        let context = ValueContext::NONE;
        let out = mask_value(&detector, "{\"a\":", Container::Json, context, &rules, &mut found);
        assert!(out.is_err());
    }
}
