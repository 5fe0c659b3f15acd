//! Which bytes a text holds at all, told in one walk.

/// Which bytes a text holds, for skipping matchers that cannot match.
#[derive(Clone, Copy, Default)]
pub(crate) struct Traits {
    pub(crate) digits: usize,
    pub(crate) upper: bool,
    pub(crate) at: bool,
    pub(crate) colon: bool,
    pub(crate) high: bool,
    pub(crate) coded: bool,
    pub(crate) nul: bool,
}

impl Traits {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let (mut classes, mut digits) = (0_u8, 0);
        let (blocks, tail) = bytes.as_chunks::<64>();
        for block in blocks {
            // No branch and no table: the compiler makes vectors of this.
            let mut count = 0_u8;
            for byte in block {
                let class = class(*byte);
                classes |= class;
                count += class & 1;
            }
            digits += usize::from(count);
        }
        for byte in tail {
            let class = CLASSES[usize::from(*byte)];
            classes |= class;
            digits += usize::from(class & 1);
        }
        Self {
            digits,
            upper: classes & 2 != 0,
            at: classes & 4 != 0,
            colon: classes & 8 != 0,
            high: classes & 16 != 0,
            coded: classes & 32 != 0,
            nul: classes & 64 != 0,
        }
    }
}

/// The classes of a byte, one bit each.
const fn class(byte: u8) -> u8 {
    (byte.wrapping_sub(b'0') < 10) as u8
        | ((byte.wrapping_sub(b'A') < 26) as u8) << 1
        | ((byte == b'@') as u8) << 2
        | ((byte == b':') as u8) << 3
        | byte >> 7 << 4
        | ((byte == b'%') as u8
            | (byte == b'&') as u8
            | (byte == b'\\') as u8
            | (byte == b'=') as u8)
            << 5
        | ((byte == 0) as u8) << 6
}

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = class(byte as u8);
        byte += 1;
    }
    table
};
