//! What would make another request of it than is decided: methods that stand somewhere else than
//! in the first line. Frameworks read them in queries, forms, documents and fields.

/// Whether a field of the head is left out: one that could name a method.
pub(super) fn is_of_a_method(field: &str) -> bool {
    let asks_before = field.starts_with("access-control-");
    let names = ["method", "verb", "override"].iter().any(|word| field.contains(word));
    names && !asks_before
}

/// Whether a parameter or a member makes another request of it.
pub(super) fn is_override(name: &str, value: &str) -> bool {
    let value = value.trim().trim_matches('"');
    let is_method = METHODS.iter().any(|method| value.eq_ignore_ascii_case(method));
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let names_it = ["methodoverride", "overridemethod", "httpmethod", "httpverb"]
        .iter()
        .any(|known| plain.contains(known));
    let own = name.trim_end_matches("[]");
    match own.to_ascii_lowercase().as_str() {
        // Nothing else is called so.
        "_method" | "_http_method" | "$method" => true,
        "method" | "verb" => is_method && !value.eq_ignore_ascii_case("post"),
        _ => names_it && is_method,
    }
}

/// Whether a document holds such a member where frameworks look: in the outermost object.
pub(super) fn overrides_in_json(text: &str) -> bool {
    let known: Result<Members, _> = serde_json::from_str(text);
    known.is_ok_and(|Members(members)| {
        members.iter().any(|(name, value)| {
            // A document may be about methods: only what nothing else is called is refused.
            name != "method" && name != "verb" && is_override(name, value)
        })
    })
}

/// Whether a body in another form holds what looks like one.
pub(super) fn overrides_in_text(text: &str) -> bool {
    text.contains("_method") || text.to_ascii_lowercase().contains("x-http-method")
}

const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT"];

/// The members of an object whose values are texts; of a name that comes twice both.
struct Members(Vec<(String, String)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Outermost;
        impl<'de> serde::de::Visitor<'de> for Outermost {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut fields: A,
            ) -> Result<Members, A::Error> {
                let mut found = Vec::new();
                while let Some(name) = fields.next_key::<String>()? {
                    let value: serde_json::Value = fields.next_value()?;
                    found.push((name, value.as_str().unwrap_or_default().to_owned()));
                }
                Ok(Members(found))
            }
        }
        deserializer.deserialize_map(Outermost)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_stands_in_the_first_line_only() {
        for (name, value) in [
            ("_method", "DELETE"),
            ("_method[]", "x"),
            ("_METHOD", "put"),
            ("X-HTTP-Method-Override", "delete"),
            ("x_http_method", "PATCH"),
            ("httpMethod", "DELETE"),
            ("method", "DELETE"),
        ] {
            assert!(is_override(name, value), "{name}={value}");
        }
        for (name, value) in [
            ("method", "card"),
            ("payment_method", "DELETE"),
            ("httpMethod", "basic"),
            ("methods", "PUT"),
            ("q", "DELETE"),
        ] {
            assert!(!is_override(name, value), "{name}={value}");
        }
        assert!(overrides_in_json(r#"{"a": 1, "_method": "DELETE"}"#));
        assert!(overrides_in_json(r#"{"_method": "DELETE", "_method": 1}"#));
        assert!(!overrides_in_json(r#"{"method": "DELETE", "params": {"_method": "x"}}"#));
        assert!(is_of_a_method("x-http-verb") && is_of_a_method("method"));
        assert!(!is_of_a_method("access-control-request-method"));
    }
}
