//! What was found: for people as rows, for programs as JSON, for a build server as JUnit.

use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write;

/// What became of a case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A value showed, or something was done that policy refuses.
    Leaked,
    /// The policies permit it to this chain: no leak, and worth knowing.
    Permitted,
    /// It was answered, and nothing of a value was in the answer.
    Masked,
    /// The gateway refused it.
    Refused,
    /// Nothing can be learnt from it here.
    NotApplicable,
}

/// What became of a case at one place, in some of the ways to ask it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Where it was asked: `planted`, or the name of a column.
    pub place: String,
    /// Which case.
    pub case: String,
    /// In which ways.
    pub channels: Vec<&'static str>,
    /// What became of it.
    pub verdict: Verdict,
    /// Why, without a value.
    pub why: String,
    /// Which setting closes it, where it is open.
    pub remedy: Option<String>,
}

/// How many cases came to which end, each way of asking counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Counts {
    /// [`Verdict::Leaked`].
    pub leaked: u64,
    /// [`Verdict::Permitted`].
    pub permitted: u64,
    /// [`Verdict::Masked`].
    pub masked: u64,
    /// [`Verdict::Refused`].
    pub refused: u64,
    /// [`Verdict::NotApplicable`].
    pub not_applicable: u64,
}

/// A run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// What was tested.
    pub resource: String,
    /// In the order of asking.
    pub findings: Vec<Finding>,
    /// What was not done, and why.
    pub remarks: Vec<String>,
}

impl Verdict {
    /// The word for people.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Leaked => "LEAKED",
            Self::Permitted => "permitted",
            Self::Masked => "masked",
            Self::Refused => "refused",
            Self::NotApplicable => "not applicable",
        }
    }
}

impl Report {
    /// Adds a finding: to one of the same case that came to the same end, where there is one.
    pub fn add(&mut self, finding: Finding) {
        let known = self.findings.iter_mut().rev().take(5).find(|known| {
            (&known.place, &known.case, known.verdict, &known.why)
                == (&finding.place, &finding.case, finding.verdict, &finding.why)
        });
        match known {
            Some(known) => known.channels.extend(finding.channels),
            None => self.findings.push(finding),
        }
    }

    /// How many.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for finding in &self.findings {
            let count = match finding.verdict {
                Verdict::Leaked => &mut counts.leaked,
                Verdict::Permitted => &mut counts.permitted,
                Verdict::Masked => &mut counts.masked,
                Verdict::Refused => &mut counts.refused,
                Verdict::NotApplicable => &mut counts.not_applicable,
            };
            *count += finding.channels.len() as u64;
        }
        counts
    }

    /// What leaked, by what closes it: where, and how many cases.
    #[must_use]
    pub fn leaks(&self) -> BTreeMap<(&str, &str), Vec<&Finding>> {
        let mut leaks: BTreeMap<(&str, &str), Vec<&Finding>> = BTreeMap::new();
        for finding in self.findings.iter().filter(|it| it.verdict == Verdict::Leaked) {
            let remedy = finding.remedy.as_deref().unwrap_or("see SECURITY.md");
            leaks.entry((&finding.place, remedy)).or_default().push(finding);
        }
        leaks
    }

    /// For programs.
    #[must_use]
    pub fn as_json(&self) -> Value {
        let findings = self.findings.iter().map(|it| {
            json!({
                "place": it.place, "case": it.case, "channels": it.channels,
                "verdict": it.verdict, "why": it.why, "remedy": it.remedy,
            })
        });
        json!({
            "resource": self.resource,
            "counts": self.counts(),
            "findings": findings.collect::<Vec<_>>(),
            "remarks": self.remarks,
        })
    }

    /// For a build server: a suite a place, a case each way of asking.
    #[must_use]
    pub fn as_junit(&self) -> String {
        let mut suites: Vec<(&str, Vec<&Finding>)> = Vec::new();
        for finding in &self.findings {
            match suites.iter_mut().find(|(place, _)| *place == finding.place) {
                Some((_, known)) => known.push(finding),
                None => suites.push((&finding.place, vec![finding])),
            }
        }
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
        for (place, findings) in suites {
            let count = |verdict: Verdict| -> usize {
                let own = findings.iter().filter(|it| it.verdict == verdict);
                own.map(|it| it.channels.len()).sum()
            };
            let all: usize = findings.iter().map(|it| it.channels.len()).sum();
            let name = escaped(&format!("{}: {place}", self.resource));
            let (leaked, skipped) = (count(Verdict::Leaked), count(Verdict::NotApplicable));
            let _ = writeln!(
                out,
                "  <testsuite name=\"{name}\" tests=\"{all}\" failures=\"{leaked}\" \
                 skipped=\"{skipped}\" errors=\"0\">"
            );
            findings.iter().for_each(|finding| put_case(&mut out, finding));
            out.push_str("  </testsuite>\n");
        }
        out.push_str("</testsuites>\n");
        out
    }
}

fn put_case(out: &mut String, finding: &Finding) {
    let Finding { place, case, why, remedy, .. } = finding;
    for channel in &finding.channels {
        let (class, name) = (escaped(place), escaped(&format!("{case} ({channel})")));
        let _ = write!(out, "    <testcase classname=\"{class}\" name=\"{name}\"");
        let why = escaped(why);
        let _ = match finding.verdict {
            Verdict::Leaked => {
                let remedy = escaped(remedy.as_deref().unwrap_or_default());
                writeln!(
                    out,
                    ">\n      <failure message=\"{why}\">{remedy}</failure>\n    </testcase>"
                )
            }
            Verdict::NotApplicable => {
                writeln!(out, ">\n      <skipped message=\"{why}\"/>\n    </testcase>")
            }
            Verdict::Permitted | Verdict::Masked | Verdict::Refused => writeln!(out, "/>"),
        };
    }
}

/// What XML 1.0 may hold.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() && c != '\n' && c != '\t' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(case: &str, channel: &'static str, verdict: Verdict) -> Finding {
        Finding {
            place: "a<b".into(),
            case: case.into(),
            channels: vec![channel],
            verdict,
            why: "why & where".into(),
            remedy: Some("close \"it\"".into()),
        }
    }

    #[test]
    fn ways_that_end_alike_are_one_finding() {
        let mut report = Report { resource: "shop".into(), ..Report::default() };
        report.add(finding("one", "simple", Verdict::Masked));
        report.add(finding("one", "extended", Verdict::Leaked));
        report.add(finding("one", "copy", Verdict::Masked));
        assert_eq!(report.findings.len(), 2);
        assert_eq!(report.counts(), Counts { leaked: 1, masked: 2, ..Counts::default() });
        assert_eq!(report.leaks().len(), 1);
    }

    #[test]
    fn a_build_server_reads_it() {
        let mut report = Report { resource: "shop".into(), ..Report::default() };
        report.add(finding("one", "simple", Verdict::Leaked));
        report.add(finding("two", "simple", Verdict::NotApplicable));
        report.add(finding("three", "simple", Verdict::Masked));
        let text = report.as_junit();
        assert!(text.contains("tests=\"3\" failures=\"1\" skipped=\"1\""));
        assert!(
            text.contains("<failure message=\"why &amp; where\">close &quot;it&quot;</failure>")
        );
        assert!(text.contains("classname=\"a&lt;b\" name=\"three (simple)\"/>"));
    }
}
