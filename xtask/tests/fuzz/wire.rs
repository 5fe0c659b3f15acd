//! Bytes of the PostgreSQL protocol, through the replay of recordings: it reads what a
//! client and a server have sent with the parsers of the data path.

use crate::campaign::Campaign;
use portreeve_model::Direction;
use portreeve_protocol_postgres::replay::{Lines, Replay, Seen};
use portreeve_wire::Cursor;
use portreeve_wire::proxy_header::{HeaderProgress, read};

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).unwrap();
    [&[tag][..], &length.to_be_bytes(), body].concat()
}

/// A prepared query with a parameter, a simple one, a COPY, an end.
fn client() -> Vec<u8> {
    [
        message(b'P', b"s\0SELECT email FROM customers WHERE id = $1\0\0\x01\0\0\0\x17"),
        message(b'B', b"p\0s\0\0\x01\0\0\0\x01\0\0\0\x0217\0\x01\0\x01"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\0\0\0\0"),
        message(b'C', b"Ss\0"),
        message(b'S', b""),
        message(b'Q', b"COPY orders FROM STDIN\0"),
        message(b'd', b"1\ta\n"),
        message(b'c', b""),
        message(b'X', b""),
    ]
    .concat()
}

/// What a server says to it.
fn server() -> Vec<u8> {
    let column = b"email\0\0\0\x10\0\0\x02\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
    [
        message(b'1', b""),
        message(b'2', b""),
        message(b'T', &[&b"\0\x01"[..], column].concat()),
        message(b'D', b"\0\x01\0\0\0\x0da@example.com"),
        message(b'D', b"\0\x01\xff\xff\xff\xff"),
        message(b'C', b"SELECT 2\0"),
        message(b'E', b"SERROR\0VERROR\0C22P02\0Minvalid\0\0"),
        message(b'N', b"SNOTICE\0C00000\0Mhello\0\0"),
        message(b'S', b"TimeZone\0UTC\0"),
        message(b'A', b"\0\0\0\x07channel\0payload\0"),
        message(b'Z', b"I"),
    ]
    .concat()
}

#[test]
fn client_messages() {
    Campaign {
        target: "client-messages",
        inputs: 4000,
        seeds: vec![client()],
        words: &["\0", "Q"],
    }
    .run(|input| check(Direction::FromClient, input));
}

#[test]
fn server_messages() {
    Campaign {
        target: "server-messages",
        inputs: 4000,
        seeds: vec![server()],
        words: &["\0", "D"],
    }
    .run(|input| check(Direction::ToClient, input));
}

/// Where the bytes are cut does not matter, as long as they can be cut into messages.
fn check(direction: Direction, input: &[u8]) {
    let whole = Replay::new().feed(direction, input);
    let mut replay = Replay::new();
    let mut cut = Vec::new();
    for part in input.chunks(7) {
        cut.extend(replay.feed(direction, part));
    }
    let is_lost = |seen: &Seen| matches!(seen, Seen::Unreadable { why, .. } if why.contains("message length"));
    if !whole.iter().chain(&cut).any(is_lost) {
        assert_eq!(whole, cut);
    }
    let lines = Lines::new().of(&whole);
    assert!(lines.len() <= whole.len() * 3, "an item has three lines at most");
}

#[test]
fn fields() {
    let seeds = vec![server(), vec![0xff; 40], b"a\0b\0c\0".to_vec()];
    Campaign { target: "fields", inputs: 4000, seeds, words: &[] }.run(|input| {
        let mut cursor = Cursor::new(input);
        let mut left = cursor.remaining();
        while let Ok(step) = cursor.u8() {
            let _ = match step % 4 {
                0 => cursor.optional_value().map(drop),
                1 => cursor.text().map(drop),
                2 => cursor.until_nul().map(drop),
                _ => cursor.take(usize::from(step)).map(drop),
            };
            assert!(cursor.remaining() < left, "no progress");
            left = cursor.remaining();
        }
    });
}

/// The header of a balancer: whoever reads as many bytes as it is told to ends, and has
/// taken no byte behind the header.
#[test]
fn proxy_headers() {
    let line = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 15432\r\n".to_vec();
    let mut binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f".to_vec();
    binary.extend([192, 0, 2, 7, 192, 0, 2, 1, 0xdc, 4, 0x3c, 0x48, 4, 0, 0]);
    let (seeds, words) = (vec![line, binary], ["PROXY ", "UNKNOWN", "TCP4", "\r\n"]);
    Campaign { target: "proxy-headers", inputs: 4000, seeds, words: &words }.run(|input| {
        let mut taken = 0;
        while let Ok(HeaderProgress::Needs(needed)) = read(&input[..taken]) {
            assert!(needed > taken && needed <= 16 + 4096, "{taken} {needed}");
            if needed > input.len() {
                return;
            }
            taken = needed;
        }
    });
}
