//! Texts that nobody takes for something else.

/// A text in HTML, in an element or in quotes. Nothing that a client wrote is code.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push(char),
            // Control characters and overrides of direction show as what they are.
            _ if char.is_control() || is_override(char) => {
                escaped.push_str(&char.escape_unicode().to_string());
            }
            _ => escaped.push(char),
        }
    }
    escaped
}

pub(super) fn is_override(char: char) -> bool {
    matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
