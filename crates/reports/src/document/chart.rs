//! Bars as SVG: what is quicker to look at than to read. The numbers stand beside them.

use super::escape::escape;

const WIDTH: u64 = 900;
const LABEL: u64 = 240;
const NUMBER: u64 = 90;
const LINE: u64 = 22;
/// More bars than anybody looks at; what is beyond them is in the tables.
const BARS_MAX: usize = 62;

/// Horizontal bars, one below the other, the longest as long as there is room.
pub(super) fn bars(caption: &str, bars: &[(String, u64)]) -> String {
    let shown = bars.get(..bars.len().min(BARS_MAX)).unwrap_or_default();
    let most = shown.iter().map(|(_, value)| *value).max().unwrap_or(0).max(1);
    let room = WIDTH - LABEL - NUMBER;
    let height = LINE * shown.len() as u64;
    let mut svg = format!(
        "<figure><figcaption>{caption}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {height}\" \
         role=\"img\" aria-label=\"{caption}\" font-size=\"13\" font-family=\"sans-serif\">\n",
        caption = escape(caption)
    );
    for (line, (label, value)) in (0u64..).zip(shown) {
        // 128 bits, so that no count is too large to be drawn.
        let length = u128::from(*value) * u128::from(room) / u128::from(most);
        let (top, middle) = (line * LINE + 3, line * LINE + 16);
        svg.push_str(&format!(
            "<text x=\"{}\" y=\"{middle}\" text-anchor=\"end\" fill=\"#1c2430\">{}</text>\
             <rect x=\"{LABEL}\" y=\"{top}\" width=\"{length}\" height=\"{}\" fill=\"#1f4e79\"/>\
             <text x=\"{}\" y=\"{middle}\" fill=\"#51606f\">{value}</text>\n",
            LABEL - 8,
            escape(&short(label)),
            LINE - 6,
            u128::from(LABEL) + length + 6,
        ));
    }
    svg.push_str("</svg>");
    if bars.len() > shown.len() {
        svg.push_str(&format!("<p>{} more are not drawn.</p>", bars.len() - shown.len()));
    }
    svg.push_str("</figure>\n");
    svg
}

/// As much of a label as there is room for.
fn short(label: &str) -> String {
    const CHARS: usize = 34;
    match label.char_indices().nth(CHARS) {
        None => label.to_owned(),
        Some((end, _)) => format!("{}…", label.get(..end).unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_takes_all_room_and_no_number_is_too_large() {
        let svg = bars("Days", &[("a".into(), u64::MAX), ("b".into(), u64::MAX / 2)]);
        assert!(svg.contains("width=\"570\"") && svg.contains("width=\"284\""), "{svg}");
        assert!(bars("None", &[("a".into(), 0)]).contains("width=\"0\""));
    }

    #[test]
    fn what_is_not_drawn_is_said() {
        let many: Vec<_> = (0..70).map(|day| (format!("day {day}"), day)).collect();
        assert!(bars("Days", &many).contains("8 more are not drawn"));
    }
}
