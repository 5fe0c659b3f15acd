//! Geographic coordinates: pairs of decimal degrees, degrees with minutes and seconds, letters of
//! the compass before or behind, labelled pairs and ISO 6709 (`+48.8577+002.295/`).

use crate::context::scene::Scene;
use crate::context::topics::Topics;
use crate::finding::category::Category;
use crate::finding::{Evidence, Finding};

/// One angle in a text.
struct Angle {
    end: usize,
    degrees: f64,
    /// How many decimals of a degree are written; minutes count as two, seconds as four.
    decimals: usize,
    /// Whether a degree sign is written.
    sign: bool,
    /// The letter of the compass.
    compass: Option<u8>,
}

/// A pair of coordinates at `start`, where a digit is.
pub(crate) fn pair(scene: &Scene<'_>, start: usize) -> Option<Finding> {
    let text = scene.text;
    let bytes = text.as_bytes();
    // Prices and shares end here: no digit, sign or letter of the compass follows them.
    let begin = beginning(bytes, start);
    let compass = bytes[begin..start].iter().copied().find(|b| b"NSEW".contains(b));
    let first = angle(text, start, compass)?;
    let gap_end = gap(text, first.end)?;
    let labelled = text[first.end..gap_end].contains(['=', ':']);
    let signed = matches!(bytes[gap_end], b'-' | b'+');
    let at = gap_end + usize::from(signed);
    let prefixed = matches!(bytes.get(at), Some(b'N' | b'S' | b'E' | b'W'));
    let letter = prefixed.then(|| bytes[at]);
    let at = at + usize::from(prefixed);
    let at = at + usize::from(prefixed && text[at..].starts_with(' '));
    let second = angle(text, at, letter)?;
    let divided = text[first.end..gap_end].contains([',', ';']);
    let tight = gap_end == first.end;
    let valid = first.degrees <= 180.0
        && second.degrees <= 180.0
        && (first.degrees <= 90.0 || second.degrees <= 90.0);
    let fine = first.decimals.min(second.decimals);
    // `N 44.02 E 2.24`: one letter for each axis.
    let axes = matches!(
        (first.compass, second.compass),
        (Some(b'N' | b'S'), Some(b'E' | b'W')) | (Some(b'E' | b'W'), Some(b'N' | b'S'))
    );
    let plain = first.compass.is_none() && second.compass.is_none();
    let proven = axes && fine >= 2
        || plain && divided && (fine >= 3 || scene.label.any(Topics::GEO) && fine >= 1)
        || plain && first.sign && second.sign && fine >= 2
        || plain && labelled && fine >= 2 && is_latitude(text, begin)
        || plain && tight && signed && begin < start && fine >= 2;
    let ends = !bytes.get(second.end).is_some_and(u8::is_ascii_alphanumeric);
    let end = second.end + usize::from(tight && bytes.get(second.end) == Some(&b'/'));
    (proven && valid && ends).then(|| {
        let range = begin..end;
        Finding::new(range, Category::GeoCoordinates, 75, Evidence::Shape, "coordinates")
    })
}

/// Where a sign or a letter of the compass before the digits begins.
fn beginning(bytes: &[u8], start: usize) -> usize {
    let at = |back: usize| start.checked_sub(back).map(|i| bytes[i]);
    let open = |back: usize| at(back).is_none_or(|b| !b.is_ascii_alphanumeric());
    let compass = |b: Option<u8>| b.is_some_and(|b| b"NSEW".contains(&b));
    match at(1) {
        Some(b'-' | b'+') => start - 1,
        letter if compass(letter) && open(2) => start - 1,
        Some(b' ') if compass(at(2)) && open(3) => start - 2,
        _ => start,
    }
}

/// The angle that begins with the digit at `start`.
fn angle(text: &str, start: usize, compass: Option<u8>) -> Option<Angle> {
    let bytes = text.as_bytes();
    let (mut degrees, mut decimals, mut end) = number(bytes, start)?;
    if end - start > 14 || degrees > 180.0 {
        return None;
    }
    let sign = text[end..].starts_with('°');
    if sign {
        end += '°'.len_utf8();
        for (marks, scale, fine) in [(["'", "′", "’"], 60.0, 2), (["\"", "″", "''"], 3600.0, 4)]
        {
            let at = end + usize::from(text[end..].starts_with(' '));
            let Some((part, _, stop)) = number(bytes, at) else { break };
            let Some(mark) = marks.iter().find(|m| text[stop..].starts_with(**m)) else { break };
            degrees += part / scale;
            decimals = decimals.max(fine);
            end = stop + mark.len();
        }
    } else if decimals == 0 {
        return None;
    }
    let at = end + usize::from(text[end..].starts_with(' '));
    let letter = bytes.get(at).copied().filter(|b| b"NSEWO".contains(b));
    let alone = !bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    if let (None, Some(letter), true) = (compass, letter, alone) {
        // `O` is the west of Romance languages, and the east of German: an axis either way.
        let letter = if letter == b'O' { b'W' } else { letter };
        return Some(Angle { end: at + 1, degrees, decimals, sign, compass: Some(letter) });
    }
    Some(Angle { end, degrees, decimals, sign, compass })
}

/// A number with its count of decimals and its end.
fn number(bytes: &[u8], start: usize) -> Option<(f64, usize, usize)> {
    let count = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    let whole = bytes.get(start..).map(|_| count(start)).filter(|n| (1..=3).contains(n))?;
    let mut end = start + whole;
    let mut decimals = 0;
    if bytes.get(end) == Some(&b'.') {
        decimals = count(end + 1);
        end += if decimals > 0 { 1 + decimals } else { 0 };
    }
    let value = std::str::from_utf8(&bytes[start..end]).ok()?.parse().ok()?;
    Some((value, decimals, end))
}

/// Where the second angle begins: behind a divider, or a name for it (`lon=`).
fn gap(text: &str, from: usize) -> Option<usize> {
    const GAP_MAX: usize = 16;
    let tail = &text[from..];
    let size = tail.find(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'))?;
    if size > GAP_MAX {
        return None;
    }
    let words = tail[..size].trim_end_matches(['N', 'S', 'E', 'W', ' ']);
    let name = words
        .trim_matches(|c: char| !c.is_alphanumeric())
        .trim_start_matches(|c: char| !c.is_alphanumeric());
    let known = name.is_empty()
        || ["lon", "lng", "long", "longitude", "lat", "latitude"]
            .iter()
            .any(|word| name.eq_ignore_ascii_case(word));
    let marks = words
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ',' | ';' | ' ' | '/' | '=' | ':' | '"' | '&'));
    (known && marks && words.len() <= GAP_MAX).then(|| {
        // The letter of the compass belongs to the angle.
        let letters = tail[words.len()..size].trim_start_matches(' ');
        from + size - letters.len()
    })
}

/// Whether a word for latitude or longitude stands before.
fn is_latitude(text: &str, begin: usize) -> bool {
    let front = text[..begin].trim_end_matches([' ', '=', ':', '"']);
    let front = front.as_bytes();
    ["lat", "latitude", "lon", "lng", "longitude"].iter().any(|word| {
        let at = front.len().checked_sub(word.len());
        at.is_some_and(|at| front[at..].eq_ignore_ascii_case(word.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use crate::tests::check;

    #[test]
    fn pairs_as_people_and_devices_write_them() {
        for text in [
            "52.37021, 4.89517",
            "52.37021,-4.89517",
            "52.3702° N, 4.8951° E",
            "N 52.3702 E 4.8951",
            "52°22'12.8\"N 4°53'42.6\"E",
            "52° 22′ 12″ N, 4° 53′ 42″ E",
            "+52.3702+004.8951/",
        ] {
            check(text, &[&format!("geo-coordinates:{text}")]);
        }
        check("lat=52.3702 lon=4.8951", &["geo-coordinates:52.3702 lon=4.8951"]);
        check("ratios of 1.25, 2.50", &[]);
        check("it grew by 3.125 +4.250", &[]);
    }
}
