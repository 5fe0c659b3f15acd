//! Reports for people, with nothing in them that could play with a terminal.

use portreeve_evidence::{
    ExtractKind, ExtractReport, Report, Severity, Status, Unclosed, WitnessReport,
};
use std::path::Path;

/// What a verification of a log found.
#[must_use]
pub fn describe(report: &Report, dir: &Path) -> String {
    let verdict = match report.status {
        Status::Ok => "OK: nothing was changed, removed, added or reordered",
        Status::Tampered => "TAMPERED: the evidence is not what the gateway wrote",
        Status::Unreproduced => {
            "DECISIONS DIFFER: nothing was changed, but not all was decided as recorded policies say"
        }
        Status::Incomplete => "INCOMPLETE: nothing was found changed, but something is missing",
        Status::Unusable => "UNUSABLE: it could not be checked with what is trusted",
        Status::PolicyUnmet => {
            "POLICY UNMET: nothing was found changed, but the policy's \
             witnesses have not seen it"
        }
    };
    let mut text = format!("{verdict}\n");
    for finding in &report.findings {
        let mark = match finding.severity {
            Severity::Tampered => "tampered",
            Severity::Unreproduced => "differs",
            Severity::Incomplete => "incomplete",
            Severity::Note => "note",
        };
        text.push_str(&format!("  {mark}: {}\n", visible(&finding.to_string())));
    }
    let more = report.findings_count - report.findings.len() as u64;
    if more > 0 {
        text.push_str(&format!("  and {more} more\n"));
    }
    text.push_str(&format!("\n{}\n", fields(&facts(report, dir))));
    for limit in &report.limits {
        text.push_str(&format!("\nnot seen: {limit}"));
    }
    text
}

fn facts(report: &Report, dir: &Path) -> Vec<(&'static str, String)> {
    let micros = |at: Option<u64>| {
        at.and_then(|at| i64::try_from(at).ok()).map_or_else(|| "-".to_owned(), time)
    };
    let (cut, open): (Vec<&Unclosed>, Vec<&Unclosed>) =
        report.unclosed.iter().partition(|session| session.cut_off);
    let mut facts = vec![
        ("evidence", dir.display().to_string()),
        (
            "key",
            format!(
                "{} ({})",
                report.key,
                if report.key_is_trusted { "given" } else { "from the directory" }
            ),
        ),
        (
            "records",
            format!(
                "{} in {} commits and {} segments, {} to {}",
                report.records,
                report.commits,
                report.segments,
                micros(report.first_at_us),
                micros(report.last_at_us),
            ),
        ),
        ("decisions", format!("{} made again", report.decisions)),
        (
            "recordings",
            format!("{} payloads, {} sealed bytes", report.payloads, report.payload_bytes),
        ),
        (
            "sessions",
            format!(
                "{}, of which {} have no end yet and {} were cut off by the gateway's end",
                report.sessions,
                open.len(),
                cut.len()
            ),
        ),
    ];
    if !open.is_empty() {
        facts.push(("no end yet", list(&open)));
    }
    if !cut.is_empty() {
        facts.push(("cut off", list(&cut)));
    }
    if !report.shredded.is_empty() {
        facts.push(("shredded", format!("{} recordings", report.shredded.len())));
    }
    if let Some(pruned) = &report.pruned {
        let what = format!("{} records in {} segments", pruned.records, pruned.segments);
        facts.push(("pruned", format!("{what}; their hashes are here")));
    }
    for replaced in &report.replacements {
        let name = replaced.predecessor.origin.as_deref().unwrap_or("a log without a name");
        let aside = replaced.predecessor.moved_to.as_deref().unwrap_or("nowhere");
        facts.push(("in place of", format!("{name}, set aside in `{aside}`: {}", replaced.why)));
    }
    facts.extend(report.witnessed.as_ref().map(|seen| ("witnessed", witnessed(seen))));
    facts.push(("root", report.root.to_string()));
    facts
}

/// The ids of unclosed sessions, as many as text lists.
fn list(sessions: &[&Unclosed]) -> String {
    let ids: Vec<String> =
        sessions.iter().take(LISTED_MAX).map(|found| found.session.to_string()).collect();
    let more = sessions.len().saturating_sub(LISTED_MAX);
    let tail = if more > 0 { format!("\nand {more} more") } else { String::new() };
    ids.join("\n") + &tail
}

/// What witnesses have seen, one a line.
fn witnessed(report: &WitnessReport) -> String {
    let verdict = match report.policy_met {
        Some(true) => "the policy's quorum",
        Some(false) => "not by the policy's quorum",
        None => "by whom only a policy tells (--policy)",
    };
    let mut text = format!("{} records, {verdict}", report.records);
    for word in &report.by {
        let at = i64::try_from(word.at).map_or(0, |at| at.saturating_mul(1_000_000));
        text.push_str(&format!("\n{} at {}", word.witness, time(at)));
    }
    text
}

/// What a verification of a proof or a bundle found.
#[must_use]
pub fn describe_extract(report: &ExtractReport, file: &Path) -> String {
    let verdict = match report.status {
        Status::Ok if report.kind == Some(ExtractKind::Report) => {
            "OK: its content has the digest that it names, and the records that it cites are in \
             the log"
        }
        Status::Ok => "OK: it is in the log, unchanged",
        Status::Tampered => "TAMPERED: it is not what the log holds",
        Status::Incomplete | Status::Unreproduced => {
            "INCOMPLETE: nothing was found changed, but something is missing"
        }
        Status::Unusable => "UNUSABLE: it could not be checked with what is trusted",
        Status::PolicyUnmet => {
            "POLICY UNMET: it is in the log, but the policy's witnesses \
             have not seen that"
        }
    };
    let mut text = format!("{verdict}\n");
    report
        .findings
        .iter()
        .for_each(|finding| text.push_str(&format!("  {}\n", visible(&finding.to_string()))));
    let what = match report.kind {
        Some(ExtractKind::Proof) => "the proof of one record",
        Some(ExtractKind::Bundle) => "the bundle of a session",
        Some(ExtractKind::Report) => "a report",
        None => "unknown",
    };
    let given = if report.key_is_trusted { "given" } else { "from the file" };
    let mut facts = vec![
        ("file", format!("{}, {what}", file.display())),
        ("key", format!("{} ({given})", report.key)),
        ("records", format!("{} of a tree of {}", report.records, report.tree_records)),
    ];
    if let Some(session) = report.session {
        let whole = match report.session_is_whole {
            Some(true) => ", from its beginning to its end",
            Some(false) => ", its end is not in it",
            None => "",
        };
        facts.push(("session", format!("{session}{whole}")));
    }
    facts.extend(report.record.as_ref().map(|record| ("record", record.to_string())));
    facts.extend(report.witnessed.as_ref().map(|seen| ("witnessed", witnessed(seen))));
    text.push_str(&format!("\n{}\n", fields(&facts)));
    report.limits.iter().for_each(|limit| text.push_str(&format!("\nnot seen: {limit}")));
    text
}

/// As many unclosed sessions as text lists; JSON has them all.
const LISTED_MAX: usize = 20;

/// Lays out names and values, one per line.
#[must_use]
pub fn fields(fields: &[(&str, String)]) -> String {
    let width = fields.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (name, value) in fields {
        let indent = format!("\n{:width$}  ", "");
        let value = visible(value).replace('\n', &indent);
        text.push_str(&format!("{name:width$}  {value}\n"));
    }
    text.trim_end().to_owned()
}

/// A text with everything made visible that would move a cursor, change a colour or
/// turn the direction of writing.
// SECURITY: reviewers read statements that a client wrote. What they approve must be
// what they saw.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = matches!(c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            c if c.is_control() || invisible => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// A time in microseconds since 1970, as UTC to the second.
#[must_use]
pub fn time(micros: i64) -> String {
    jiff::Timestamp::from_microsecond(micros)
        .map(|at| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
        .unwrap_or_else(|_| micros.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_plays_with_the_terminal() {
        let check = |text: &str, expect: &str| assert_eq!(visible(text), expect);
        check("select 1\n  from é", "select 1\n  from é");
        check("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}");
        check("a\rb", "a\\u{d}b");
        check("drop \u{202e}elbat\u{202c}", "drop \\u{202e}elbat\\u{202c}");
        check("a\u{200b}b\u{2066}", "a\\u{200b}b\\u{2066}");
    }

    #[test]
    fn values_of_many_lines_stay_in_their_column() {
        let text = fields(&[("id", "1".into()), ("statement", "a\nb".into())]);
        assert_eq!(text, "id         1\nstatement  a\n           b");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(1_700_000_000_000_000), "2023-11-14 22:13:20Z");
    }
}
