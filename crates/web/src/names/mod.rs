//! What a field may be called, and where a text names one.

pub(crate) mod valued;

use std::borrow::Cow;

/// A longer name is none: keys of documents and words of texts alike.
pub(crate) const NAME_BYTES_MAX: usize = 8_000;
/// A field is named by at most so many keys that lead to it.
const ENDS_MAX: usize = 64;
/// What is looked up of one path: every end of it that fits together into so many bytes.
const ENDS_BYTES_MAX: usize = 4 * NAME_BYTES_MAX;
/// A key of more words is a text.
const WORDS_MAX: usize = 16;
/// Words that may make one name together: `full_name`, `fullName`.
const RUN_MAX: usize = 4;

/// What a field is called: by its whole path, by every end of it, and by all of them in lower
/// case (there are servers that see no difference). The longest comes first: it says the most.
/// What there is of them has a bound, whatever a document says: of deep paths the ends that are
/// left out name what stands in something that was looked up already.
pub(crate) fn spellings(path: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let begin = path.len().saturating_sub(NAME_BYTES_MAX);
    let dots = path.rmatch_indices('.').map(|(at, _)| at + 1);
    let whole = std::iter::once(0).filter(|_| path.len() <= NAME_BYTES_MAX);
    let mut left = ENDS_BYTES_MAX;
    let mut fits = |at: &usize| {
        let bytes = path.len() - at;
        let fits = *at >= begin && bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    };
    let mut starts: Vec<usize> =
        dots.chain(whole).take(ENDS_MAX).take_while(|at| fits(at)).collect();
    starts.retain(|at| *at < path.len());
    let longest = starts.last().and_then(|at| path.get(*at..)).unwrap_or_default();
    let is_lower = !longest.chars().any(char::is_uppercase);
    // It has as many dots as what it is made of.
    let lower = if is_lower { String::new() } else { longest.to_lowercase() };
    let lowers: Vec<String> = match is_lower {
        true => Vec::new(),
        false => ends(&lower).into_iter().map(str::to_owned).collect(),
    };
    let mut lowers = lowers.into_iter();
    starts.into_iter().rev().flat_map(move |at| {
        let end = path.get(at..).unwrap_or_default();
        let lower = lowers.next().filter(|lower| *lower != end);
        [Some(Cow::Borrowed(end)), lower.map(Cow::Owned)].into_iter().flatten()
    })
}

/// Whether a key is too long to be a name, or made of too many: some end of it would not be
/// looked up.
pub(crate) fn is_no_name(key: &str) -> bool {
    let ends = key.match_indices('.').map(|(at, _)| key.len() - at - 1);
    let (count, bytes) = ends.fold((1, key.len()), |(count, sum), end| (count + 1, sum + end));
    key.len() > NAME_BYTES_MAX || count > ENDS_MAX || bytes > ENDS_BYTES_MAX
}

/// Every end of a path, the longest first.
fn ends(path: &str) -> Vec<&str> {
    let behind = path.match_indices('.').map(|(at, _)| path.get(at + 1..).unwrap_or_default());
    std::iter::once(path).chain(behind).filter(|end| !end.is_empty()).collect()
}

/// The words of a key that is more than one: `user[email]`, `@email`, `data:email`,
/// `email__contains`, a key that ends in what nobody sees.
pub(crate) fn words(path: &str) -> impl Iterator<Item = &str> {
    let own = path.rsplit('.').next().unwrap_or(path);
    let is_word = own.len() > NAME_BYTES_MAX
        || (own.chars().all(is_of_a_name) && !own.contains("__") && !own.starts_with('_'));
    let own = if is_word { "" } else { own };
    let words = own.split(|c| !is_of_a_name(c)).flat_map(|word| word.split("__"));
    let words = words.map(|word| word.trim_matches(['_', '-'])).filter(|word| !word.is_empty());
    words.take(WORDS_MAX)
}

fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '-'
}

/// A name without what writings differ in: letters and digits, in lower case.
pub(crate) fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(lower).collect()
}

/// A letter in lower case. An `i` without its dot, or with one more, is one: there are servers that
/// see no difference.
pub(crate) fn lower(c: char) -> impl Iterator<Item = char> {
    c.to_lowercase().filter(|c| *c != COMBINING_DOT).map(|c| if c == 'ı' { 'i' } else { c })
}

const COMBINING_DOT: char = '\u{307}';

/// Every run of words that could make a name, folded: of `findByEmail_like` there are `find`,
/// `findby`, `by`, … `email`, `emaillike`, `like`.
pub(crate) fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut words: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.chars() {
        let begins = match last {
            None => true,
            Some(last) => char::is_lowercase(last) && c.is_uppercase(),
        };
        match c.is_alphanumeric() {
            true => {
                if begins {
                    words.push(String::new());
                }
                if let Some(word) = words.last_mut() {
                    word.extend(lower(c));
                }
                last = Some(c);
            }
            false => last = None,
        }
    }
    (0..words.len()).flat_map(move |from| {
        let mut run = String::new();
        let words = words.get(from..).unwrap_or_default().iter().take(RUN_MAX);
        let runs: Vec<String> = words
            .map(|word| {
                run.push_str(word);
                run.clone()
            })
            .collect();
        runs
    })
}

/// The words of a text that stand where a field is named: before `:`, `=` or an arrow, between
/// quotes, as a tag or in what a tag is called, as a section, in a cell of a line or alone on the
/// first line. Prose names things, too, and says nothing of them.
pub(crate) fn named_fields(text: &str) -> impl Iterator<Item = &str> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let first = first.filter(|line| line.len() <= NAME_BYTES_MAX && line.chars().all(is_of_a_path));
    let of_line =
        |line| before_values(line).chain(cells(line)).chain(labels(line)).chain(attributes(line));
    first.into_iter().chain(text.lines().flat_map(of_line))
}

fn is_of_a_path(c: char) -> bool {
    is_of_a_name(c) || c == '.'
}

/// What stands in front of a word is looked at once for the whole line, and what stands around it
/// no further than to the next word: a line may be all of a text.
fn before_values(line: &str) -> impl Iterator<Item = &str> {
    // `[people.salary]` of TOML, `? salary` of YAML: where a word would have to begin.
    let opened = line.len() - line.trim_start_matches(['[', ' ', '\t']).len();
    let asked = line.trim_start().strip_prefix('?').map(|key| line.len() - key.trim_start().len());
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let rest = line.get(at..)?;
            let start = at + rest.find(is_of_a_path)?;
            let word = line.get(start..)?;
            let end = start + word.find(|c| !is_of_a_path(c)).unwrap_or(word.len());
            at = end;
            let (before, word, behind) =
                (line.get(..start)?, line.get(start..end)?, line.get(end..)?);
            let quote = behind.chars().next().filter(|c| matches!(c, '"' | '\'' | '`' | '\\'));
            let is_quoted = quote.is_some_and(|quote| before.ends_with([quote, '"', '\'']));
            let is_tag = before.ends_with('<') || before.ends_with("</");
            let is_section = start == opened
                && before.ends_with('[')
                && behind.starts_with(']')
                && behind.trim_end().trim_end_matches(']').is_empty();
            let is_section = is_section || asked == Some(start);
            let behind =
                behind.trim_start_matches(['"', '\'', '`', '\\', ']', ')', '*', ' ', '\t']);
            let has_value = behind.starts_with([':', '=', '\u{2192}', '\u{21d2}'])
                || ["->", "-->", "- >"].iter().any(|arrow| behind.starts_with(arrow));
            if (has_value || is_quoted || is_tag || is_section) && word.len() <= NAME_BYTES_MAX {
                // `data-salary="4711"` of HTML.
                return Some(word.strip_prefix("data-").unwrap_or(word));
            }
        }
    })
}

fn cells(line: &str) -> impl Iterator<Item = &str> {
    let is_divided = |divider: &char| line.contains(*divider);
    let dividers = [',', ';', '|', '\t', '>'].into_iter().filter(is_divided);
    // Columns that are aligned by spaces.
    let is_aligned = line.contains("  ");
    let aligned = line.split("  ").filter(move |_| is_aligned).map(str::trim);
    let aligned = aligned.filter(|cell| !cell.is_empty() && cell.len() <= NAME_BYTES_MAX);
    let aligned = aligned.filter(|cell| cell.chars().all(is_of_a_path));
    let divided = dividers.flat_map(move |divider| {
        let cells = line.split(divider).map(move |cell| match divider {
            '>' => cell.split('<').next().unwrap_or(cell),
            _ => cell,
        });
        let cells = cells.map(|cell| cell.trim_matches([' ', '\t', '"', '\'', '*', '_', '\r']));
        cells
            .filter(|cell| !cell.is_empty() && cell.len() <= NAME_BYTES_MAX)
            .filter(|cell| cell.chars().all(is_of_a_path))
    });
    divided.chain(aligned)
}

/// A cell of so many words is called something; of more, it says something.
const LABEL_WORDS_MAX: usize = 4;

/// The words of cells that are called something in several: `<td>Annual salary</td>`,
/// `| annual salary | 4711 |`.
fn labels(line: &str) -> impl Iterator<Item = &str> {
    let marked = line.split('>').zip(line.split('>').skip(1)).filter_map(|(tag, cell)| {
        let name = tag.rsplit('<').next()?.split_whitespace().next()?;
        let is_cell = ["td", "th", "dt", "label"].iter().any(|it| name.eq_ignore_ascii_case(it));
        is_cell.then(|| cell.split('<').next().unwrap_or(cell))
    });
    let dividers = ['|', '\t'].into_iter().filter(|divider| line.contains(*divider));
    let divided = dividers.flat_map(|divider| line.split(divider));
    let labels = marked.chain(divided).filter(|cell| {
        cell.len() <= NAME_BYTES_MAX
            && (2..=LABEL_WORDS_MAX).contains(&cell.split_whitespace().count())
    });
    let words = labels.flat_map(str::split_whitespace);
    words.map(|word| word.trim_matches(|c: char| !is_of_a_path(c))).filter(|word| !word.is_empty())
}

/// The words of what tags are called: `class="cell salary"`, `name=salary`.
fn attributes(line: &str) -> impl Iterator<Item = &str> {
    const NAMES: [&str; 9] =
        ["class", "for", "headers", "id", "itemprop", "key", "label", "name", "property"];
    let tags = line.split('<').skip(1).filter_map(|rest| rest.split('>').next());
    // A run of anything is looked at once: names have a length, blanks and values end before the
    // next sign or quote.
    let named = tags.flat_map(|tag| {
        tag.match_indices('=').filter_map(|(at, _)| {
            let before = tag.get(..at)?.trim_end();
            let is_one = NAMES.iter().any(|it| {
                let start = before.len().checked_sub(it.len());
                let (outer, name) = start.and_then(|at| before.split_at_checked(at)).unzip();
                name.is_some_and(|name| name.eq_ignore_ascii_case(it))
                    && outer.is_some_and(|it| it.is_empty() || it.ends_with(char::is_whitespace))
            });
            let value = tag.get(at + 1..).filter(|_| is_one)?.trim_start();
            let value = match value.strip_prefix(['"', '\'']) {
                Some(quoted) => quoted.split(['"', '\'']).next()?,
                None => value.split(|c| !is_of_a_path(c)).next()?,
            };
            Some(value)
        })
    });
    let words = named.filter(|value| value.len() <= NAME_BYTES_MAX);
    let words = words.flat_map(str::split_whitespace);
    words.filter(|word| word.chars().all(is_of_a_path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_called_by_every_end_of_its_path() {
        let found: Vec<_> = spellings("a.B.c").map(Cow::into_owned).collect();
        assert_eq!(found, ["a.B.c", "a.b.c", "B.c", "b.c", "c"]);
        assert_eq!(spellings("").count(), 0);
        let found: Vec<_> = spellings("x..y.").map(Cow::into_owned).collect();
        assert_eq!(found, ["x..y.", ".y.", "y."]);
    }

    /// What would take a square of the document's length without its bounds.
    #[test]
    fn what_a_path_is_called_by_has_a_bound() {
        let deep = "A.".repeat(20_000) + "email";
        let found: Vec<_> = spellings(&deep).collect();
        assert!(found.len() <= 2 * ENDS_MAX, "{}", found.len());
        assert_eq!(found.last().unwrap(), "email");
        assert!(found.iter().map(|end| end.len()).sum::<usize>() < ENDS_MAX * ENDS_MAX * 4);
        let long = "x".repeat(NAME_BYTES_MAX) + ".email";
        assert_eq!(spellings(&long).collect::<Vec<_>>(), ["email"]);
        assert_eq!(words(&" x".repeat(1000)).count(), WORDS_MAX);
        let wide = format!("{0}.{0}.{0}.email", "X".repeat(1_500)).repeat(8);
        let found: Vec<_> = spellings(&wide).collect();
        assert!(found.iter().map(|end| end.len()).sum::<usize>() <= 2 * ENDS_BYTES_MAX);
        assert_eq!(found.last().unwrap(), "email");
    }

    #[test]
    fn every_end_of_a_key_is_looked_up_or_it_is_none() {
        for key in ["email".to_owned(), "a.b.c".to_owned(), "x".repeat(NAME_BYTES_MAX)] {
            assert!(!is_no_name(&key), "{key}");
            assert_eq!(spellings(&key).next().unwrap(), key);
        }
        for key in ["x".repeat(NAME_BYTES_MAX + 1), "a.".repeat(64) + "b", "x".repeat(999) + ".y"] {
            let is_all = spellings(&key).next().is_some_and(|end| end == key);
            assert_eq!(is_no_name(&key), !is_all, "{key}");
        }
    }

    #[test]
    fn keys_of_several_words_name_each() {
        let check = |key: &str, expect: &[&str]| {
            assert_eq!(words(key).collect::<Vec<_>>(), expect, "{key}");
        };
        check("email", &[]);
        check("full_name", &[]);
        check("user[email]", &["user", "email"]);
        check("a.@email", &["email"]);
        check("email\u{200b}", &["email"]);
        check("email__contains", &["email", "contains"]);
        check("x/salary ", &["x", "salary"]);
    }

    #[test]
    fn a_name_is_found_in_every_writing() {
        let has = |text: &str, name: &str| runs(text).any(|run| run == name);
        for text in ["-salary", "salary_desc", "salaryDesc", "order=Salary", "maxSalary"] {
            assert!(has(text, "salary"), "{text}");
        }
        for text in ["full_name", "fullName", "user[full-name]", "FULL NAME"] {
            assert!(has(text, "fullname"), "{text}");
        }
        assert!(has("emaıl", "email") && has("EMAİL", "email"));
        assert!(has("e-mail", "email") && has("findByEmail_like", "email"));
        assert!(!has("emailed", "email") && !has("salaryman", "salary"));
    }

    #[test]
    fn a_text_names_fields_where_values_could_follow() {
        let has = |text: &str| {
            named_fields(text).any(|word| word == "salary" || word.ends_with(".salary"))
        };
        for text in [
            "salary: 1",
            "id,salary\n1,2",
            "{\"salary\" : 1}",
            "{\\\"salary\\\":1}",
            "salary=1",
            "<salary>1</salary>",
            "| id | salary |",
            "<th>salary</th>",
            "set(salary: 1)",
            "['id', 'salary']",
            "salary\n4711",
            "x\n  salary\t4711",
            ")]}',\n{\"salary\":1}",
            "**salary**: 1",
            "NAME   salary\nann    4711",
            "salary -> 4711",
            "salary → 4711",
            "[people.salary]\nv = 4711",
            "? salary\n: 4711",
            "<div data-salary=\"4711\">",
            "<td class=\"cell salary\">4711</td>",
            "<input name=salary value=4711>",
            "<td>Annual salary</td><td>4711</td>",
            "| annual salary | 4711 |",
        ] {
            assert!(has(text), "{text}");
        }
        for text in [
            "what is my salary",
            "salary and more",
            "the salary, of course",
            "a salary.",
            "The end.  Your salary is a secret.",
            "<a href=\"/x\">Change the salary</a>",
            "<p>Your salary</p>",
            "see [the salary] there",
        ] {
            assert!(!has(text), "{text}");
        }
    }
}
