//! The words of a statement, and what people type to find them.

use portreeve_model::CommandRecord;

/// Words of one statement that are indexed; its objects are found by their own table whatever
/// their number.
const STATEMENT_BYTES_MAX: usize = 16 << 10;
/// What somebody may ask for at once.
const ASKED_BYTES_MAX: usize = 1_000;
const ASKED_WORDS_MAX: usize = 32;

/// The words of a command: its verb, its shape, its objects. No constant is among them.
pub(super) fn of_command(command: &CommandRecord) -> String {
    let mut text = format!("{} {} {}", command.verb, command.fingerprint, command.shape);
    let mut before = None;
    for need in &command.needs {
        // Needs are sorted: the same object under two actions is one word.
        if before == Some(&need.object) || need.object.path.is_empty() {
            continue;
        }
        before = Some(&need.object);
        let word = need.object.to_string();
        if text.len() + word.len() >= STATEMENT_BYTES_MAX {
            break;
        }
        text.push(' ');
        text.push_str(&word);
    }
    text
}

/// Makes a full-text query of what somebody typed: all words must be there; `"two words"` stand
/// beside each other; `cust*` is a beginning.
///
/// # Errors
/// Why nothing can be searched by it.
pub(super) fn query(typed: &str) -> Result<String, String> {
    if typed.len() > ASKED_BYTES_MAX {
        return Err(format!("the text is longer than {ASKED_BYTES_MAX} bytes"));
    }
    let mut parts = Vec::new();
    // What stands in quotes is every second piece.
    for (at, piece) in typed.split('"').enumerate() {
        match at % 2 {
            1 => parts.extend(phrase(piece, false)),
            _ => parts.extend(piece.split_whitespace().filter_map(|word| {
                let beginning = word.strip_suffix('*');
                phrase(beginning.unwrap_or(word), beginning.is_some())
            })),
        }
    }
    if parts.is_empty() {
        return Err("there is no word in the text".to_owned());
    }
    if parts.len() > ASKED_WORDS_MAX {
        return Err(format!("there are more than {ASKED_WORDS_MAX} words in the text"));
    }
    Ok(parts.join(" "))
}

/// In quotes nothing is an operator.
fn phrase(text: &str, is_beginning: bool) -> Option<String> {
    let has_word = text.chars().any(|char| char.is_alphanumeric() || char == '_');
    // A NUL ends the text that SQLite reads.
    let text = text.replace('\0', " ");
    has_word.then(|| format!("\"{text}\"{}", if is_beginning { " *" } else { "" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_words_and_no_operators() {
        let check = |typed: &str, expect: &str| {
            assert_eq!(query(typed).as_deref(), Ok(expect), "{typed}");
        };
        check("select customers", "\"select\" \"customers\"");
        check("public.customers", "\"public.customers\"");
        check("\"order by\" x", "\"order by\" \"x\"");
        check("cust*", "\"cust\" *");
        check("a OR b NEAR(c)", "\"a\" \"OR\" \"b\" \"NEAR(c)\"");
        check("text:x ^y -z", "\"text:x\" \"^y\" \"-z\"");
        check("\"open", "\"open\"");
        check("a\0b", "\"a b\"");
        for typed in ["", "  ", "*", "\"\"", "( ) ;", "\" \" *"] {
            assert_eq!(query(typed), Err("there is no word in the text".to_owned()), "{typed}");
        }
        assert!(query(&"a ".repeat(33)).unwrap_err().contains("32 words"));
        assert!(query(&"a".repeat(1_001)).unwrap_err().contains("1000 bytes"));
    }
}
