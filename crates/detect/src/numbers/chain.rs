//! Candidates: runs of digits and letters that belong together, as written by people.
//! `+49 (0)171 / 123 45 67`, `GB82 WEST 1234 …`, `131052-308T` are one chain each; its groups
//! and separators are what the matchers work on. No matcher lives here.

/// Most groups of one chain; longer ones are cut and go on as the next chain.
const GROUPS_MAX: usize = 16;

/// Most groups of one value.
const VALUE_GROUPS_MAX: usize = 10;

/// One run of ASCII letters and digits.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Group {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) digits: usize,
    /// The separator before the group within the chain: `b' '` loosens, others tie.
    /// Zero for the first group, `b')'` for a closing bracket with or without a space.
    pub(crate) separator: u8,
}

impl Group {
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_numeric(&self) -> bool {
        self.digits == self.len()
    }
}

/// A chain of groups.
#[derive(Default)]
pub(crate) struct Chain {
    groups: [Group; GROUPS_MAX],
    count: usize,
}

impl Chain {
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups[..self.count]
    }

    fn push(&mut self, group: Group) -> bool {
        if self.count == GROUPS_MAX {
            return false;
        }
        self.groups[self.count] = group;
        self.count += 1;
        true
    }

    /// Whether a value may end with this group: the next one is not tied to it.
    pub(crate) fn may_end(&self, index: usize) -> bool {
        self.groups().get(index + 1).is_none_or(|next| matches!(next.separator, b' ' | b',' | b'('))
    }

    /// Whether a value may start with this group.
    pub(crate) fn may_start(&self, index: usize) -> bool {
        matches!(self.groups[index].separator, 0 | b' ' | b',' | b'(' | b')')
    }

    /// How many groups a walk begins a value with: of a full chain not those that may be only
    /// the beginning of a value that goes on behind it.
    pub(crate) fn starts(&self) -> usize {
        let full = self.count == GROUPS_MAX;
        let mut late = (GROUPS_MAX - VALUE_GROUPS_MAX..self.count).filter(|_| full);
        late.find(|index| self.may_start(*index)).unwrap_or(self.count)
    }

    /// The last group of the tied run that starts with `index`.
    pub(crate) fn word_end(&self, index: usize) -> usize {
        let mut end = index;
        while !self.may_end(end) {
            end += 1;
        }
        end
    }
}

fn group_at(bytes: &[u8], start: usize) -> Group {
    let mut end = start;
    let mut digits = 0;
    while let Some(byte) = bytes.get(end) {
        if byte.is_ascii_digit() {
            digits += 1;
        } else if !byte.is_ascii_alphabetic() {
            break;
        }
        end += 1;
    }
    Group { start, end, digits, separator: 0 }
}

/// Collects the chain around the digit at `at`. `floor` is where the last chain ended.
/// Nothing when the digit is part of a longer word of another script.
pub(crate) fn collect(bytes: &[u8], at: usize, floor: usize, chain: &mut Chain) -> usize {
    chain.count = 0;
    let mut start = at;
    while start > floor && bytes[start - 1].is_ascii_alphanumeric() {
        start -= 1;
    }
    start += escape_end(bytes, start);
    let first = group_at(bytes, start);
    // A few capital letters in front may open the value: `AA 12 34 56 B`, `B-AB 1234`.
    let mut lead = [Group::default(); 2];
    let mut leads = 0;
    let mut edge = start;
    while leads < 2 && edge > floor + 1 && matches!(bytes[edge - 1], b' ' | b'-') {
        let end = edge - 1;
        let mut from = end;
        while from > floor && bytes[from - 1].is_ascii_uppercase() {
            from -= 1;
        }
        let plain_left =
            from == 0 || !(bytes[from - 1].is_ascii_alphanumeric() || bytes[from - 1] >= 0x80);
        if from == end || end - from > 3 || !plain_left {
            break;
        }
        lead[leads] = Group { start: from, end, digits: 0, separator: bytes[end] };
        leads += 1;
        edge = from;
    }
    for index in (0..leads).rev() {
        // The stored separator is the one behind the lead; move it to the next group.
        let before = if index + 1 < leads { lead[index + 1].separator } else { 0 };
        chain.push(Group { separator: before, ..lead[index] });
    }
    chain.push(Group { separator: if leads > 0 { lead[0].separator } else { 0 }, ..first });
    let mut end = first.end;
    while let Some((separator, next)) = next_group(bytes, end) {
        let group = group_at(bytes, next);
        let letters = group.len() - group.digits;
        let fits = group.digits > 0
            || !matches!(separator, b'(' | b')')
                && letters <= 4
                && bytes[group.start..group.end].iter().all(u8::is_ascii_uppercase)
                && (separator != b' '
                    || letters != 4
                    || matches!(bytes.get(group.end), Some(b' ' | 0xC2 | 0xE2)));
        // `gb82 west 1234`: an IBAN in small letters.
        let small_iban = group.len() == 4
            && group.digits == 0
            && first.len() == 4
            && first.digits == 2
            && bytes[start].is_ascii_lowercase();
        let fits = fits || small_iban;
        // What follows a bracket belongs to the value only when it is a number.
        let tied = !matches!(separator, b' ' | b'(' | b')') && group.len() <= 12;
        if !fits && !tied || !chain.push(Group { separator, ..group }) {
            break;
        }
        end = group.end;
    }
    // A tail of capitals after a space is only kept when it is one short group.
    while chain.count > 1 {
        let last = chain.groups[chain.count - 1];
        if last.digits == 0 && last.separator == b' ' && last.len() > 2 {
            chain.count -= 1;
        } else {
            break;
        }
    }
    chain.groups[chain.count - 1].end
}

/// The separator after `end` and where the next group starts.
/// One where the letter at `at` ends an escape for white space, as in the text of a string: `\\n`.
fn escape_end(bytes: &[u8], at: usize) -> usize {
    let escape = matches!(bytes[..at], [.., b'\\']) && matches!(bytes[at], b'n' | b'r' | b't');
    usize::from(escape && bytes.get(at + 1).is_some_and(u8::is_ascii_alphanumeric))
}

/// Whether a value that begins at `at` stands behind an escape for white space.
pub(crate) fn is_escaped(bytes: &[u8], at: usize) -> bool {
    at > 1 && escape_end(bytes, at - 1) == 1
}

fn next_group(bytes: &[u8], end: usize) -> Option<(u8, usize)> {
    let alnum = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_alphanumeric);
    let first = *bytes.get(end)?;
    match first {
        b'-' | b'.' | b'/' | b'_' | b':' if alnum(end + 1) => Some((first, end + 1)),
        // `1,5` and `a@b` tie as well: such groups are never values of their own.
        b',' | b'@' | b'\'' if alnum(end + 1) && is_fraction(bytes, end) => Some((b'_', end + 1)),
        b' ' if alnum(end + 1) => Some((b' ', end + 1)),
        b' ' => match (bytes.get(end + 1)?, bytes.get(end + 2)) {
            (b'-' | b'/' | b'.', Some(b' '))
                if alnum(end + 3) && bytes[end + 3].is_ascii_digit() =>
            {
                Some((b' ', end + 3))
            }
            (b' ', Some(next)) if next.is_ascii_digit() => Some((b' ', end + 2)),
            (b'(', _) if alnum(end + 2) => Some((b'(', end + 2)),
            _ => None,
        },
        b'(' if alnum(end + 1) => Some((b'(', end + 1)),
        b')' => match bytes.get(end + 1)? {
            b' ' | b'-' | b'/' if alnum(end + 2) => Some((b')', end + 2)),
            _ if alnum(end + 1) => Some((b')', end + 1)),
            _ => None,
        },
        // No-break space, narrow no-break space.
        0xC2 if bytes.get(end + 1) == Some(&0xA0) && alnum(end + 2) => Some((b' ', end + 2)),
        0xE2 if bytes.get(end + 1..end + 3) == Some(&[0x80, 0xAF]) && alnum(end + 3) => {
            Some((b' ', end + 3))
        }
        _ => None,
    }
}

/// Whether the mark at `at` groups thousands or starts decimals, as against dividing cells.
fn is_fraction(bytes: &[u8], at: usize) -> bool {
    /// Digits of the largest amount that is written without marks.
    const AMOUNT_MAX: usize = 9;
    let digits = bytes[at + 1..].iter().take(5).take_while(|b| b.is_ascii_digit()).count();
    let next = bytes.get(at + 1 + digits);
    let ends = next.is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'/' | b':'));
    let whole = bytes[..at].iter().rev().take_while(|b| b.is_ascii_digit()).count();
    // Amounts are grouped by three; the last block of a card or an IBAN begins no fraction.
    let behind_block = match bytes[..at - whole] {
        [.., before, b' ' | b'-'] => before.is_ascii_alphanumeric(),
        _ => false,
    };
    let block = behind_block && whole != 3;
    (1..=AMOUNT_MAX).contains(&whole) && !block && (1..=3).contains(&digits) && ends
}

/// A compact value: the letters and digits of some groups, in capitals, and their layout.
pub(crate) struct Compact {
    value: [u8; 40],
    length: usize,
    layout: [u8; 40],
    layout_length: usize,
    pub(crate) numeric: bool,
}

impl Compact {
    /// Builds the compact form of groups `from..=to`; nothing when it is too long.
    pub(crate) fn of(bytes: &[u8], groups: &[Group]) -> Option<Self> {
        let mut out =
            Self { value: [0; 40], length: 0, layout: [0; 40], layout_length: 0, numeric: true };
        for (index, group) in groups.iter().enumerate() {
            if out.length + group.len() > 36 || out.layout_length + 4 > 40 {
                return None;
            }
            if index > 0 {
                out.layout[out.layout_length] = group.separator;
                out.layout_length += 1;
            }
            for byte in &bytes[group.start..group.end] {
                out.value[out.length] = byte.to_ascii_uppercase();
                out.length += 1;
            }
            out.numeric &= group.is_numeric();
            let size = group.len();
            if size > 9 {
                out.layout[out.layout_length] = b'0' + (size / 10) as u8;
                out.layout_length += 1;
            }
            out.layout[out.layout_length] = b'0' + (size % 10) as u8;
            out.layout_length += 1;
        }
        Some(out)
    }

    pub(crate) fn value(&self) -> &[u8] {
        &self.value[..self.length]
    }

    pub(crate) fn layout(&self) -> &[u8] {
        &self.layout[..self.layout_length]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> String {
        let at = text.bytes().position(|b| b.is_ascii_digit()).unwrap();
        let mut chain = Chain::default();
        collect(text.as_bytes(), at, 0, &mut chain);
        let compact = Compact::of(text.as_bytes(), chain.groups()).unwrap();
        String::from_utf8(compact.layout().to_vec()).unwrap()
    }

    #[test]
    fn chains_follow_the_ways_numbers_are_written() {
        assert_eq!(layout("GB82 WEST 1234 5698 7654 32 and"), "4 4 4 4 4 2");
        assert_eq!(layout("AA 12 34 56 B"), "2 2 2 2 1");
        assert_eq!(layout("tel (030) 123-45"), "3)3-2");
        assert_eq!(layout("756.9217.0769.85"), "3.4.4.2");
        assert_eq!(layout("B-AB 1234"), "1-2 4");
        assert_eq!(layout("file (943 475 5670) is"), "3 3 4");
    }
}
