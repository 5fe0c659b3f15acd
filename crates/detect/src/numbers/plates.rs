//! Vehicle plates. Their shapes are too many and too plain to stand for themselves, so a plate is
//! read only where one is announced: `kenteken AB-12-CD`, `рег. номер СВ 1234 АВ`.

use super::chain::Group;
use super::hit::Hit;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};

/// Fewest and most letters and digits of a plate, and most of one of its groups.
const SIGNS_MIN: usize = 4;
const SIGNS_MAX: usize = 9;
const GROUP_MAX: usize = 8;

/// A plate that begins with group `index` or with letters before it.
pub(crate) fn at(text: &str, groups: &[Group], index: usize) -> Option<Hit> {
    let (mut last, mut signs) = (index, groups[index].len());
    while let Some(next) = groups.get(last + 1) {
        let tied = matches!(next.separator, b' ' | b'-' | b'.');
        if !tied || next.len() > 6 || signs + next.len() > SIGNS_MAX {
            break;
        }
        last += 1;
        signs += next.len();
    }
    let run = &groups[index..=last];
    let digits: usize = run.iter().map(|g| g.digits).sum();
    let start = before(text, run[0].start);
    let end = behind(text, run[run.len() - 1].end);
    let letters = signs > digits || start < run[0].start;
    let small = text[start..end].chars().filter(|c| c.is_lowercase()).count();
    let value = &text[start..end];
    let fits = (SIGNS_MIN..=SIGNS_MAX + 3).contains(&value.chars().count())
        && (1..=6).contains(&digits)
        && run.iter().all(|g| g.len() <= GROUP_MAX)
        && (letters && digits >= 2 && small == 0 || letters && digits >= 3 || digits >= 5);
    fits.then(|| Hit {
        last,
        finding: Some(Finding::new(
            start..end,
            Category::VehiclePlate,
            78,
            Evidence::Context,
            "plate",
        )),
    })
}

/// Where one to three capital letters of any script before `start` begin.
pub(crate) fn before(text: &str, start: usize) -> usize {
    let front = text[..start].strip_suffix([' ', '-']).unwrap_or(&text[..start]);
    let letters = front.chars().rev().take_while(|c| c.is_uppercase()).count();
    let size: usize = front.chars().rev().take(letters).map(char::len_utf8).sum();
    let begin = front.len() - size;
    let word = front[..begin].chars().next_back().is_some_and(char::is_alphanumeric);
    if (1..=3).contains(&letters) && !word { begin } else { start }
}

/// Where one to three capital letters of any script behind `end` end.
fn behind(text: &str, end: usize) -> usize {
    let tail = &text[end..];
    let gap = usize::from(tail.starts_with([' ', '-']));
    let letters = tail[gap..].chars().take_while(|c| c.is_uppercase()).count();
    let size: usize = tail[gap..].chars().take(letters).map(char::len_utf8).sum();
    let word = tail[gap + size..].starts_with(char::is_alphanumeric);
    if (1..=3).contains(&letters) && !word { end + gap + size } else { end }
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn plates_are_read_where_they_are_announced() {
        check("Kennzeichen: B-AB 1234", &["vehicle-plate:B-AB 1234"]);
        check("kenteken 12-ABC-3", &["vehicle-plate:12-ABC-3"]);
        check("immatriculation AA-123-BB", &["vehicle-plate:AA-123-BB"]);
        check("с рег. номер СВ 1234 АВ", &["vehicle-plate:СВ 1234 АВ"]);
        check("AA-123-BB", &[]);
        check("the vehicle weighs 1800 kg", &[]);
    }
}
