//! What became of a case: what the target says itself, beside what came through the gateway.

use crate::cases::{Asked, Expectation};
use crate::protection::Subject;
use crate::report::Verdict;
use std::collections::{BTreeMap, BTreeSet};

/// What was answered to a case, without its values: they are kept to be compared, and never shown.
#[derive(Clone, Default)]
pub struct Answer {
    /// The values of each row, as they came.
    pub rows: Vec<Vec<Option<Vec<u8>>>>,
    /// What the first value is called whose trace was in any byte of the answer.
    pub trace: Option<&'static str>,
    /// The code of the error that it ended with, where it did.
    pub failed: Option<String>,
    /// Why it could not be asked or read to its end, where it could not.
    pub broken: Option<String>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer")
            .field("rows", &self.rows.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// A plain use of one right at a place: whoever may do that may do it in disguise as well.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// The right, in the word of policies.
    pub action: &'static str,
    /// What is asked, in the names of the corpus.
    pub sql: &'static str,
}

/// Which plain uses were answered.
#[derive(Clone, Debug, Default)]
pub struct Controls(BTreeMap<String, bool>);

impl Control {
    /// One for each right that a case can need.
    pub const ALL: [Self; 7] = [
        Self { action: "filter", sql: "select id from customers where email like 'a%'" },
        Self { action: "probe", sql: "select id from customers where email = 'a'" },
        Self { action: "write", sql: "delete from orders" },
        Self { action: "define", sql: "create table selftest_control (a int)" },
        Self { action: "execute", sql: "select next_number(1)" },
        Self {
            action: "administer",
            sql: "create rule selftest_control as on insert to products do instead nothing",
        },
        Self { action: "lock", sql: "lock orders" },
    ];
}

impl Controls {
    /// Notes whether a plain use was answered.
    pub fn note(&mut self, action: &str, was_answered: bool) {
        self.0.insert(action.to_owned(), was_answered);
    }

    fn permit(&self, needs: &[String]) -> bool {
        let asked = |need: &String| need != "reveal" && need != "read";
        needs.iter().filter(|need| asked(need)).all(|need| self.0.get(need) == Some(&true))
    }
}

/// What became of a case, and why.
#[must_use]
pub fn judge(
    asked: &Asked,
    direct: &Answer,
    through: &Answer,
    controls: &Controls,
    subject: &Subject,
) -> (Verdict, String) {
    let Expectation { masked, needs, refused, whole } = &asked.expectation;
    if let Some(label) = through.trace {
        return (Verdict::Leaked, format!("a value ({label}) is in what the client gets"));
    }
    if *whole && shows_rows(asked, direct, through) {
        return (Verdict::Leaked, "rows come as they are at the target".into());
    }
    if masked.iter().any(|place| shows_values(asked, *place, direct, through)) {
        return (Verdict::Leaked, "values come as they are at the target".into());
    }
    if let Some(why) = &through.broken {
        return (Verdict::NotApplicable, why.clone());
    }
    // What is refused by rule is asked of the gateway alone.
    let is_asked_directly = !*refused || !masked.is_empty() || !needs.is_empty();
    if is_asked_directly && let Some(why) = says_nothing(masked, *whole, direct) {
        return (Verdict::NotApplicable, why);
    }
    if let Some(code) = &through.failed {
        return (Verdict::Refused, format!("error {code}"));
    }
    if masked.is_empty() && !*whole && !needs.is_empty() {
        return answered(needs, controls, subject);
    }
    (Verdict::Masked, "nothing of it shows".into())
}

/// Why the target's own answer proves nothing, where it does not.
fn says_nothing(masked: &[usize], whole: bool, direct: &Answer) -> Option<String> {
    if let Some(why) = &direct.broken {
        return Some(format!("at the target: {why}"));
    }
    match &direct.failed {
        Some(code) if direct.trace.is_none() => {
            Some(format!("the target does not answer it (error {code})"))
        }
        Some(_) => None,
        None if direct.rows.is_empty() && (whole || !masked.is_empty()) => {
            Some("it gives no row here".into())
        }
        None => None,
    }
}

/// A case that was to need a right was answered.
fn answered(needs: &[String], controls: &Controls, subject: &Subject) -> (Verdict, String) {
    let compares = |need: &String| need == "filter" || need == "probe" || need == "reveal";
    let rights = needs.join("`, `");
    if needs.iter().any(compares) && !subject.protection.is_closed() {
        return (Verdict::Leaked, "values can be found out or moved: no policy is asked".into());
    }
    // A value that moves into another column is one that shows.
    if needs.iter().any(|need| need == "reveal") || !controls.permit(needs) {
        let why = format!("it did what needs `{rights}`, and the plain form is refused");
        return (Verdict::Leaked, why);
    }
    (Verdict::Permitted, format!("the policies permit `{rights}` to this chain"))
}

fn shows_values(asked: &Asked, place: usize, direct: &Answer, through: &Answer) -> bool {
    let at = |answer: &Answer| -> BTreeSet<Vec<u8>> {
        let values = answer.rows.iter().filter_map(|row| row.get(place.checked_sub(1)?)?.clone());
        values.filter(|value| tells(value, &asked.sql)).collect()
    };
    !at(direct).is_disjoint(&at(through))
}

fn shows_rows(asked: &Asked, direct: &Answer, through: &Answer) -> bool {
    let rows = |answer: &Answer| -> BTreeSet<Vec<Option<Vec<u8>>>> {
        let telling = |row: &&Vec<Option<Vec<u8>>>| {
            row.iter().flatten().any(|value| tells(value, &asked.sql))
        };
        answer.rows.iter().filter(telling).cloned().collect()
    };
    !rows(direct).is_disjoint(&rows(through))
}

/// Whether an equal value tells anything: one that the statement names itself does not, nor one
/// that a mask can be by chance: nothing, zero, a truth value.
fn tells(value: &[u8], sql: &str) -> bool {
    value.len() > 1
        && value.iter().any(|byte| *byte != 0 && *byte != b'0')
        && !std::str::from_utf8(value).is_ok_and(|text| sql.contains(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protection::Protection;
    use portreeve_model::Category;

    fn asked(masked: &[usize], needs: &[&str]) -> Asked {
        Asked {
            sql: "select email from customers".into(),
            expectation: Expectation {
                masked: masked.to_vec(),
                needs: needs.iter().map(|it| (*it).to_owned()).collect(),
                ..Expectation::default()
            },
        }
    }

    fn rows(values: &[&str]) -> Answer {
        let rows = values.iter().map(|it| vec![Some(it.as_bytes().to_vec())]).collect();
        Answer { rows, ..Answer::default() }
    }

    fn failed() -> Answer {
        Answer { failed: Some("42501".into()), ..Answer::default() }
    }

    fn subject(protection: Protection) -> Subject {
        Subject {
            pattern: "public.customers.email".into(),
            category: "email".into(),
            protection,
            misspelt: Vec::new(),
        }
    }

    fn check(asked: &Asked, direct: &Answer, through: &Answer, expect: Verdict) {
        let mut controls = Controls::default();
        controls.note("filter", true);
        let closed = subject(Protection::Classified(Category::from("email")));
        assert_eq!(judge(asked, direct, through, &controls, &closed).0, expect);
    }

    #[test]
    fn rows_are_compared_where_values_are_to_be_masked() {
        let read = asked(&[1], &[]);
        check(&read, &rows(&["97"]), &rows(&["97"]), Verdict::Leaked);
        check(&read, &rows(&["97"]), &rows(&["0"]), Verdict::Masked);
        check(&read, &rows(&["0"]), &rows(&["0"]), Verdict::Masked);
        check(&read, &rows(&["customers"]), &rows(&["customers"]), Verdict::Masked);
        check(&read, &rows(&["97"]), &failed(), Verdict::Refused);
        check(&read, &failed(), &failed(), Verdict::NotApplicable);
        check(&read, &rows(&[]), &rows(&[]), Verdict::NotApplicable);
        let shown = Answer { trace: Some("email"), ..failed() };
        check(&read, &failed(), &shown, Verdict::Leaked);
        check(&read, &shown, &failed(), Verdict::Refused);
    }

    #[test]
    fn what_needs_a_right_is_held_against_its_plain_form() {
        check(&asked(&[], &["filter"]), &rows(&["1"]), &rows(&["1"]), Verdict::Permitted);
        check(&asked(&[], &["write"]), &rows(&[]), &rows(&[]), Verdict::Leaked);
        check(&asked(&[], &["reveal"]), &rows(&[]), &rows(&[]), Verdict::Leaked);
        check(&asked(&[], &["write"]), &rows(&[]), &failed(), Verdict::Refused);
        let controls = Controls::default();
        let open = subject(Protection::OpenDetected);
        let (verdict, _) =
            judge(&asked(&[], &["filter"]), &rows(&["1"]), &rows(&["1"]), &controls, &open);
        assert_eq!(verdict, Verdict::Leaked);
        assert!(open.remedy().contains("`public.customers.email: email`"));
    }
}
