//! How letters look: the attributes that ECMA-48 calls graphic rendition.

use std::fmt::Write;

/// A colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Colour {
    #[default]
    Standard,
    Indexed(u8),
    Rgb(u8, u8, u8),
}

/// The look of a letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Style {
    letters: Colour,
    ground: Colour,
    /// One bit for each of `ATTRIBUTES`.
    attributes: u8,
}

/// Parameters that switch an attribute on: bold, faint, italic, underlined, blinking, inverse,
/// hidden, struck out; and those that switch it off.
const ATTRIBUTES: [(u16, u16); 8] =
    [(1, 22), (2, 22), (3, 23), (4, 24), (5, 25), (7, 27), (8, 28), (9, 29)];

impl Style {
    /// The same without letters: what erased places look like.
    pub(super) fn erased(self) -> Self {
        Self { ground: self.ground, ..Self::default() }
    }

    /// Reads the parameters of a sequence.
    ///
    /// SPEC: ECMA-48 section 8.3.117; ITU-T T.416 section 13.1.8 for colours.
    pub(super) fn read(&mut self, parameters: &vte::Params) {
        let mut rest = parameters.iter();
        while let Some(parameter) = rest.next() {
            let [code, parts @ ..] = parameter else { continue };
            match *code {
                0 => *self = Self::default(),
                21 => self.attributes |= 1 << 3,
                4 if parts == [0] => self.attributes &= !(1 << 3),
                30..=37 => self.letters = indexed(*code - 30),
                40..=47 => self.ground = indexed(*code - 40),
                90..=97 => self.letters = indexed(*code - 82),
                100..=107 => self.ground = indexed(*code - 92),
                39 => self.letters = Colour::Standard,
                49 => self.ground = Colour::Standard,
                38 | 48 => {
                    let found = match parts {
                        [] => separate(&mut rest),
                        parts => together(parts),
                    };
                    match (code, found) {
                        (38, Some(colour)) => self.letters = colour,
                        (_, Some(colour)) => self.ground = colour,
                        (_, None) => {}
                    }
                }
                code => self.switch(code),
            }
        }
    }

    fn switch(&mut self, code: u16) {
        for (bit, (on, off)) in ATTRIBUTES.iter().enumerate() {
            if code == *on {
                self.attributes |= 1 << bit;
            } else if code == *off {
                self.attributes &= !(1 << bit);
            }
        }
    }

    /// The sequence that makes letters look like this, whatever they looked like before.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        let mut text = "\x1b[0".to_owned();
        for (bit, (on, _)) in ATTRIBUTES.iter().enumerate() {
            if self.attributes & (1 << bit) != 0 {
                let _ = write!(text, ";{on}");
            }
        }
        put_colour(self.letters, [30, 90, 38], &mut text);
        put_colour(self.ground, [40, 100, 48], &mut text);
        text.push('m');
        out.extend_from_slice(text.as_bytes());
    }
}

fn put_colour(colour: Colour, [first, bright, other]: [u8; 3], text: &mut String) {
    let _ = match colour {
        Colour::Standard => Ok(()),
        Colour::Indexed(index @ 0..8) => write!(text, ";{}", first + index),
        Colour::Indexed(index @ 8..16) => write!(text, ";{}", bright + index - 8),
        Colour::Indexed(index) => write!(text, ";{other};5;{index}"),
        Colour::Rgb(red, green, blue) => write!(text, ";{other};2;{red};{green};{blue}"),
    };
}

fn indexed(index: u16) -> Colour {
    Colour::Indexed(u8::try_from(index).unwrap_or_default())
}

fn byte(number: u16) -> Option<u8> {
    u8::try_from(number).ok()
}

/// A colour whose parts are parameters of their own: `38;5;n`, `38;2;r;g;b`.
fn separate(rest: &mut vte::ParamsIter<'_>) -> Option<Colour> {
    let mut next = || rest.next().and_then(|parts| parts.first().copied());
    match next()? {
        5 => Some(Colour::Indexed(byte(next()?)?)),
        2 => Some(Colour::Rgb(byte(next()?)?, byte(next()?)?, byte(next()?)?)),
        _ => None,
    }
}

/// A colour in one parameter: `38:5:n`, `38:2::r:g:b`, `38:2:r:g:b`.
fn together(parts: &[u16]) -> Option<Colour> {
    match parts {
        [5, index, ..] => Some(Colour::Indexed(byte(*index)?)),
        [2, _, red, green, blue, ..] | [2, red, green, blue] => {
            Some(Colour::Rgb(byte(*red)?, byte(*green)?, byte(*blue)?))
        }
        _ => None,
    }
}
