//! Formats in arguments: whether they cut what they show, or put other letters beside it.

/// Whether a format of `-printf` shows a line for each file, with nothing beside a name.
pub(super) fn shows_lines(format: &str) -> bool {
    let shown = format.replace("\\n", "\n").replace("\\t", "\t").replace("\\0", "\n");
    !has_widths(&shown)
        && !shown.contains('\\')
        && shown.ends_with('\n')
        && are_parted(&shown, FORMAT_PARTS)
}

/// Whether a format says how long something may be: `%.3n`, `args:3`.
fn has_widths(format: &str) -> bool {
    let is_width = |pair: &[u8]| match pair {
        [b'%', next] => next.is_ascii_digit() || b".-+ #*".contains(next),
        [b':', next] => next.is_ascii_digit(),
        _ => false,
    };
    format.as_bytes().windows(2).any(is_width)
}

/// Whether a format cuts nothing, and no part of what it shows stands beside other letters:
/// `%s %n`, and not `9%n` or `%s%n`. A format without `%` is a list of names (`pid,args`).
pub(super) fn shows_parts_whole(format: &str) -> bool {
    !has_widths(format) && are_parted(format, FORMAT_PARTS) && !format.contains('\\')
}

/// Whether every part of a format that names something stands between `parts`.
fn are_parted(format: &str, parts: &str) -> bool {
    let is_part = |letter: Option<&char>| letter.is_none_or(|letter| parts.contains(*letter));
    let letters: Vec<char> = format.chars().collect();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        if *letter != '%' {
            at += 1;
            continue;
        }
        let Some(named) = letters.get(at + 1) else { return false };
        // Times and days of `find` are put together of two letters each.
        let is_time = "ATCB".contains(*named) && letters.get(at + 2).is_some_and(|it| *it != '%');
        let taken = if is_time { 3 } else { 2 };
        if FORMAT_NAMES.contains(*named) {
            let before = at.checked_sub(1).and_then(|before| letters.get(before));
            if !is_part(before) || !is_part(letters.get(at + taken)) {
                return false;
            }
        }
        at += taken;
    }
    true
}

/// What parts of a format stand between.
const FORMAT_PARTS: &str = " \t\n\"()<>|";
/// Letters of formats by which names of files and folders are shown.
const FORMAT_NAMES: &str = "nNmpfhPHl";
