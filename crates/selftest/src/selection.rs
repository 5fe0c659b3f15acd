//! Which cases are asked: a pattern with `*`, over `where/file/case`, `file/case` or `case`.

/// What somebody wants asked.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    patterns: Vec<String>,
}

impl Selection {
    /// Everything that one of the patterns names; all where there is none.
    #[must_use]
    pub fn new(patterns: Vec<String>) -> Self {
        Self { patterns }
    }

    /// Whether a case is wanted at a place.
    #[must_use]
    pub fn wants(&self, place: &str, case: &str) -> bool {
        let whole = format!("{place}/{case}");
        let short = case.rsplit('/').next().unwrap_or(case);
        self.patterns.is_empty()
            || self.patterns.iter().any(|pattern| {
                let pieces: Vec<&str> = pattern.split('*').collect();
                [whole.as_str(), case, short]
                    .iter()
                    .any(|name| portreeve_model::holds_pieces(&pieces, name))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_cases_and_places() {
        let check = |pattern: &str, expect: bool| {
            let wanted = Selection::new(vec![pattern.to_owned()]);
            assert_eq!(
                wanted.wants("public.customers.email", "values/cast-error"),
                expect,
                "{pattern}"
            );
        };
        check("cast-*", true);
        check("cast-error", true);
        check("*/cast-error", true);
        check("public.customers.*/*", true);
        check("planted/*", false);
        check("values/*", true);
        check("cast", false);
        assert!(Selection::default().wants("planted", "any"));
    }
}
