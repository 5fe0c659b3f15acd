//! What test runners say at the end.

/// Tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// Reads a closing line of nextest, of cargo's own runner or of pytest; nothing in any other.
    pub(super) fn of_line(line: &str) -> Self {
        let line = without_colours(line);
        if let Some(counts) = of_pytest(&line) {
            return counts;
        }
        // Set in, it is what nextest repeats of a failed test's own output.
        let own = line.strip_prefix("test result:");
        let line = line.trim();
        let rest = own.or_else(|| {
            line.starts_with("Summary [")
                .then(|| line.split_once("run:").map(|(_, rest)| rest))
                .flatten()
        });
        let Some(rest) = rest else { return Self::default() };
        let mut words = rest.split([' ', ',', ';', '(', ')']).filter(|word| !word.is_empty());
        let (mut counts, mut number) = (Self::default(), 0);
        while let Some(word) = words.next() {
            match word {
                "passed" => counts.passed += std::mem::take(&mut number),
                "failed" => counts.failed += std::mem::take(&mut number),
                "timed" | "exec" => {
                    counts.failed += std::mem::take(&mut number);
                    words.next();
                }
                other => number = other.parse().unwrap_or(0),
            }
        }
        counts
    }
}

/// `==== 3 failed, 10 passed, 2 deselected, 1 error in 4.20s ====`
fn of_pytest(line: &str) -> Option<Counts> {
    let (list, time) = line.trim_matches(['=', ' ']).split_once(" in ")?;
    let seconds = time.split(' ').next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    let mut counts = Counts::default();
    for part in list.split(", ") {
        let (number, word) = part.split_once(' ')?;
        let number: u64 = number.parse().ok()?;
        match word {
            "passed" | "xpassed" => counts.passed += number,
            "failed" | "error" | "errors" => counts.failed += number,
            "skipped" | "deselected" | "xfailed" | "warning" | "warnings" | "rerun" => {}
            _ => return None,
        }
    }
    Some(counts)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' {
            chars.by_ref().find(|c| c.is_ascii_alphabetic());
        } else {
            plain.push(c);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, passed: u64, failed: u64) {
        assert_eq!(Counts::of_line(line), Counts { passed, failed }, "{line}");
    }

    #[test]
    fn closing_lines_are_counted() {
        check("     Summary [   1.2s] 10 tests run: 9 passed (1 slow), 1 failed, 2 skipped", 9, 1);
        check("\u{1b}[32;1m     Summary\u{1b}[0m [ 0.1s] 3 tests run: 3 passed, 0 skipped", 3, 0);
        check("Summary [ 9s] 4/5 tests run: 1 passed, 2 failed, 1 timed out, 0 skipped", 1, 3);
        check("test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured", 5, 0);
        check("test result: FAILED. 5 passed; 2 failed; 0 ignored", 5, 2);
        check("    test result: FAILED. 0 passed; 1 failed; 0 ignored", 0, 0);
        check("9 passed, 3 failed", 0, 0);
        check("=== 3 failed, 10 passed, 2 deselected, 1 error in 4.20s ===", 10, 4);
        check("\u{1b}[32m10 passed\u{1b}[0m in 312.41s (0:05:12)", 10, 0);
        check("4 passed, 1 of them in 3s", 0, 0);
        check("passed in 3s", 0, 0);
    }
}
