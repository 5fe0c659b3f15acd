//! Wallet addresses. Those in Bech32 carry a checksum; the others are known by their alphabet,
//! their first letters and their length.

/// The characters of Bech32 (BIP 173).
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";

/// Whether a word is the address of a wallet.
pub(crate) fn is_wallet(word: &str) -> bool {
    let bytes = word.as_bytes();
    if let Some(rest) = bytes.strip_prefix(b"0x") {
        return rest.len() == 40 && rest.iter().all(u8::is_ascii_hexdigit);
    }
    if let Some(at) = bytes.iter().rposition(|b| *b == b'1')
        && matches!(at, 2..=5)
        && is_bech32(bytes, at)
    {
        return true;
    }
    is_base58(bytes) || is_cash(bytes)
}

/// Bitcoin, Litecoin, Dogecoin, Dash, Tron, Ripple and Monero.
fn is_base58(bytes: &[u8]) -> bool {
    let length = match bytes.first() {
        Some(b'1' | b'3') => 26..=35,
        Some(b'L' | b'M' | b'D' | b'X' | b'T') => 33..=34,
        Some(b'r') => 25..=35,
        Some(b'4' | b'8') => 95..=106,
        _ => return false,
    };
    let base58 = |b: &u8| b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'O' | b'I' | b'l');
    length.contains(&bytes.len())
        && bytes.iter().all(base58)
        && bytes.iter().any(u8::is_ascii_lowercase)
        && bytes.iter().any(u8::is_ascii_uppercase)
        && bytes.iter().filter(|b| b.is_ascii_digit()).count() >= 2
}

/// A Bitcoin Cash address without its prefix.
fn is_cash(bytes: &[u8]) -> bool {
    bytes.len() == 42
        && matches!(bytes[0], b'q' | b'p')
        && bytes.iter().all(|b| BECH32.contains(b))
        && bytes.iter().any(u8::is_ascii_digit)
}

/// The checksum of Bech32 or Bech32m over prefix and data (BIP 173, BIP 350).
fn is_bech32(bytes: &[u8], one: usize) -> bool {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let upper = bytes.iter().any(u8::is_ascii_uppercase);
    if upper && bytes.iter().any(u8::is_ascii_lowercase) || bytes.len() < one + 20 {
        return false;
    }
    let prefix = bytes[..one].to_ascii_lowercase();
    if !prefix.iter().all(u8::is_ascii_lowercase) {
        return false;
    }
    let mut sum = 1_u32;
    let mut add = |value: u8| {
        let top = sum >> 25;
        sum = (sum & 0x01ff_ffff) << 5 ^ u32::from(value);
        for (bit, word) in GENERATOR.iter().enumerate() {
            if top >> bit & 1 == 1 {
                sum ^= word;
            }
        }
    };
    prefix.iter().for_each(|b| add(b >> 5));
    add(0);
    prefix.iter().for_each(|b| add(b & 31));
    for byte in &bytes[one + 1..] {
        let lower = byte.to_ascii_lowercase();
        match BECH32.iter().position(|b| *b == lower) {
            Some(value) => add(value as u8),
            None => return false,
        }
    }
    matches!(sum, 1 | 0x2bc8_30a3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_the_standards_and_random_words() {
        // The test vectors of BIP 173 and BIP 350.
        assert!(is_wallet("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4"));
        assert!(is_wallet("BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4"));
        assert!(is_wallet("bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0"));
        assert!(!is_wallet("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5"), "a changed letter");
        assert!(is_wallet("1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"));
        assert!(is_wallet("0x52908400098527886E0F7030069857D2E4169EE7"));
        assert!(!is_wallet("Donaudampfschifffahrtsgesellschaft"));
        assert!(!is_wallet("3f786850e387550fdab836ed7e6dc881de23001b"));
    }
}
