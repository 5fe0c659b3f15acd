//! What a client's terminal shows of what a target writes: both are played by the emulator.

use super::emulator::Emulator;
use super::{Keys, Shown, Size, Terminal};
use portreeve_decide::mask::{MaskKey, Masker};
use portreeve_model::MaskMethod;
use portreeve_screen::{Masking, Place};
use std::sync::Arc;

const SIZE: Size = Size { columns: 40, rows: 6 };

/// A terminal, and a client's that shows what it paints.
struct Both {
    near: Emulator,
    far: Terminal,
    masker: Masker,
    /// Everything that the client got.
    bytes: Vec<u8>,
    lines: Vec<String>,
    /// What has ever stood on the client's screen, each picture once.
    seen: Vec<String>,
}

impl Both {
    fn new(size: Size) -> Self {
        Self {
            near: Emulator::new(size),
            far: Terminal::new(size, &Arc::default(), Place::unnamed("terminal")),
            masker: Masker::new([].into(), MaskMethod::Redact, MaskKey::new([7; 32])),
            bytes: Vec::new(),
            lines: Vec::new(),
            seen: Vec::new(),
        }
    }

    fn take(&mut self, shown: Shown) {
        let mut rest = &shown.bytes[..];
        while !rest.is_empty() {
            let taken = self.near.feed(rest);
            self.near.switch();
            rest = &rest[taken..];
        }
        self.bytes.extend_from_slice(&shown.bytes);
        self.lines.extend(shown.lines);
        let screen = self.screen();
        self.seen.push(screen);
    }

    fn write(&mut self, text: &str) {
        let masking = Masking { masker: &self.masker, reveals: &|_, _| false };
        let shown = self.far.write(text.as_bytes(), &masking);
        self.take(shown);
    }

    fn pause(&mut self) {
        let masking = Masking { masker: &self.masker, reveals: &|_, _| false };
        let shown = self.far.pause(&masking);
        self.take(shown);
    }

    fn screen(&mut self) -> String {
        let rows = self.near.grid().rows.iter().map(|row| row.text(0));
        let text: Vec<String> = rows.collect();
        text.join("\n").trim_end().to_owned()
    }

    /// What the target has put on its screen, as far as it is covered.
    fn meant(&mut self) -> String {
        let rows = self.far.emulator.grid().rows.iter().map(|row| row.text(0));
        let text: Vec<String> = rows.collect();
        text.join("\n").trim_end().to_owned()
    }
}

/// Whether somebody who reads reads the value: gaps are no hindrance.
fn tells(text: &str) -> bool {
    let bare: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
    bare.contains("yrsa.dahl@example.org") || bare.contains("4111111111111111")
}

#[test]
fn plain_text_passes_as_plain_text() {
    let mut both = Both::new(SIZE);
    both.write("one\r\ntwo\r\n");
    assert_eq!(String::from_utf8_lossy(&both.bytes), "one\r\ntwo\r\n");
    both.write("\x1b[1;31mred\x1b[0m\r\n");
    assert!(both.bytes.ends_with(b"\x1b[0;1;31mred\r\x1b[0m\n"), "{:?}", both.bytes);
}

#[test]
fn a_value_is_covered_however_it_is_painted() {
    for text in [
        "to yrsa.dahl@example.org.\r\n",
        "to yrsa.\x1b[1;31mdahl@exa\x1b[0mmple.org\r\n",
        "to yrsa.dahl@\x1b]0;a title\x07example.org\r\n",
        "yrsa.dahl@\x1b[1Cexample.org\r\n",
        "\x1b[12Gexample.org\x1b[2Gyrsa.dahl@\r\n",
        "yrsa.dahl_example.org\r\x1b[9C@\r\n",
        "xxxx\ryrsa.dahl@example.org\r\n",
        "                         yrsa.dahl@example.org\r\n",
        "y\x1b[Br\x1b[Bs\x1b[Ba\x1b[H\x1b[2J yrsa.dahl@example.org\r\n",
        "\x1b[?1049h\x1b[2;3Hyrsa.dahl@example.org",
        "\x1b[1;28Hyrsa.dahl@exa\x1b[2;1Hmple.org \x1b[6;1H",
        "yrsa.dahl@example.org\x1b[21D\x1b[4h>>\x1b[4l\r\n",
        "\x1b(Byrsa.dahl\x1b7@\x1b8@example.org\r\n",
        "4111 1111\x1b[K 1111 1111\r\n",
        "y\x08yr\x08rs\x08sa.dahl@example.org\r\n",
        "yrsa.dahl\u{200b}@exam\u{202e}ple.org\r\n",
    ] {
        let mut direct = Emulator::new(SIZE);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            rest = &rest[direct.feed(rest)..];
            direct.switch();
        }
        let rows = direct.grid().rows.iter().map(|row| row.text(0));
        let direct = rows.collect::<Vec<_>>().join("\n");
        assert!(tells(&direct), "it proves nothing: {text:?} {direct:?}");
        let mut whole = Both::new(SIZE);
        whole.write(text);
        whole.pause();
        let mut cut = Both::new(SIZE);
        text.chars().for_each(|letter| cut.write(&letter.to_string()));
        cut.pause();
        for both in [&mut whole, &mut cut] {
            assert!(both.seen.iter().all(|screen| !tells(screen)), "{text:?} {:?}", both.seen);
            let printed = String::from_utf8_lossy(&both.bytes).into_owned();
            assert!(!tells(&printed), "{text:?} {printed:?}");
            assert_eq!(both.screen(), both.meant(), "{text:?}");
        }
    }
}

#[test]
fn what_was_covered_does_not_come_to_light_by_what_stands_beside_it() {
    let mut both = Both::new(SIZE);
    both.write("yrsa.dahl@example.org\r\n");
    both.write("\x1b[1;10H \x1b[3;1H");
    assert!(both.screen().starts_with("[email]**"), "{}", both.screen());
    assert!(!both.screen().contains("example"), "{}", both.screen());
    // What is printed over it is shown.
    both.write("\x1b[1;1Hnothing here now      \r\n");
    assert!(both.screen().starts_with("nothing here now"), "{}", both.screen());
}

#[test]
fn a_word_waits_for_its_end_and_what_was_typed_does_not() {
    let mut both = Both::new(SIZE);
    both.write("$ ");
    assert_eq!(both.screen(), "$");
    both.far.typed(&Keys::read(b"ls"));
    both.write("l");
    assert_eq!(both.screen(), "$ l");
    both.write("s\r\nyrsa.dahl@exa");
    assert_eq!(both.screen(), "$ ls");
    assert!(both.far.is_waiting());
    both.write("mple.org\r\n");
    assert_eq!(both.screen(), "$ ls\n[email]**************");
    both.write("Pass");
    both.pause();
    assert!(both.screen().ends_with("Pass"));
    both.write("word");
    both.pause();
    assert!(both.screen().ends_with("Pass"), "it drips: {}", both.screen());
    both.write(": ");
    assert!(both.screen().ends_with("Password:"));
}

#[test]
fn lines_are_read_where_enter_was_pressed_and_passwords_are_not() {
    let mut both = Both::new(SIZE);
    both.write("web$ ");
    both.far.typed(&Keys::read(b"sudo grep yrsa.dahl@example.org x"));
    both.write("sudo grep yrsa.dahl@example.org x");
    both.far.typed(&Keys::read(b"\r"));
    both.write("\r\nPassword: ");
    both.far.typed(&Keys::read(b"hunter2\r"));
    both.write("\r\nweb$ ");
    // What a shell puts there by itself is a part of the line.
    both.far.typed(&Keys::read(b"\x1b[A"));
    both.write("cat /var/log/syslog");
    both.far.typed(&Keys::read(b"\r"));
    both.write("\r\n");
    let covered = "sudo grep [email]************** x";
    assert_eq!(both.lines, [covered, "cat /var/log/syslog"]);
    assert!(!String::from_utf8_lossy(&both.bytes).contains("hunter2"));
}

#[test]
fn rows_that_leave_the_screen_leave_it_whole_and_in_order() {
    let mut both = Both::new(SIZE);
    let text: String = (0..50).map(|n| format!("line {n} of many\r\n")).collect();
    both.write(&text);
    let printed = String::from_utf8_lossy(&both.bytes).into_owned();
    for n in 0..50 {
        assert!(printed.contains(&format!("line {n} of many")), "{n}");
    }
    assert_eq!(both.screen(), both.meant());
    assert!(both.screen().starts_with("line 45"), "{}", both.screen());
}

#[test]
fn a_target_is_answered_and_only_so_much() {
    let mut both = Both::new(SIZE);
    both.write("ab\x1b[6n\x1b[c");
    assert_eq!(both.far.take_answers(), b"\x1b[1;3R\x1b[?62;22c");
    both.write(&"\x1b[6n".repeat(10_000));
    assert!(both.far.take_answers().len() <= super::ANSWER_BYTES_MAX);
    assert!(!both.bytes.windows(3).any(|part| part == b"\x1b[6" || part == b"\x1b[c"));
}

#[test]
fn nothing_of_a_target_but_pictures_reaches_a_client() {
    let mut both = Both::new(SIZE);
    both.write(
        "a\x1b]52;c;aGk=\x07b\x1b]0;t\x07c\x1bP1;1|x\x1b\\d\x1b[21te\x1b[5if\u{9b}2Jg\x1b[>4;2mh ",
    );
    assert_eq!(both.screen(), "abcdef2Jgh");
    let bytes = String::from_utf8_lossy(&both.bytes).into_owned();
    for part in ["\x1b]", "\x1bP", "[21t", "[5i", "\u{9b}", "aGk="] {
        assert!(!bytes.contains(part), "{part:?}");
    }
}

#[test]
fn the_terminal_is_left_as_it_was_found() {
    let mut both = Both::new(SIZE);
    both.write("before \x1b[?1049h\x1b[?1000h\x1b[?1006h\x1b[?25l\x1b[?2004h\x1b[31mx");
    let masking = Masking { masker: &both.masker, reveals: &|_, _| false };
    let shown = both.far.finish(&masking);
    let bytes = String::from_utf8_lossy(&shown.bytes).into_owned();
    for part in ["[?1049l", "[?1000l", "[?1006l", "[?25h", "[?2004l", "[0m"] {
        assert!(bytes.contains(part), "{part} in {bytes:?}");
    }
    both.take(shown);
    assert_eq!(both.screen(), "before");
}

/// Whatever a target writes, the client's screen is the target's, as far as it is not covered.
#[test]
fn pictures_are_true_whatever_is_written() {
    let parts = [
        "a",
        "bc ",
        "\r\n",
        "\n",
        "\r",
        "\x08",
        "\t",
        "\x1b[A",
        "\x1b[2B",
        "\x1b[3C",
        "\x1b[D",
        "\x1b[H",
        "\x1b[3;7H",
        "\x1b[J",
        "\x1b[1J",
        "\x1b[2J",
        "\x1b[K",
        "\x1b[1K",
        "\x1b[2K",
        "\x1b[L",
        "\x1b[2M",
        "\x1b[2P",
        "\x1b[3@",
        "\x1b[4X",
        "\x1b[S",
        "\x1b[T",
        "\x1b[2;4r",
        "\x1b[r",
        "\x1bM",
        "\x1b7",
        "\x1b8",
        "\x1b[31m",
        "\x1b[44m",
        "\x1b[0m",
        "\x1b[?1049h",
        "\x1b[?1049l",
        "\x1b[?7l",
        "\x1b[?7h",
        "\x1b[4h",
        "\x1b[4l",
        "\u{4f60}",
        "e\u{301}",
        "0123456789abcdefghijklmnopqrstuvwxyz!?",
        "\x1b[5b",
        "\x1b[?6h",
        "\x1b[?6l",
        "\x1bc",
        "\x1b(0qx\x1b(B",
        "\x1b[99;99H",
        "\x1b[39G\u{597d}",
    ];
    let mut seed = 7_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for round in 0..400 {
        let mut both = Both::new(Size { columns: 12, rows: 5 });
        let mut written = String::new();
        for _ in 0..60 {
            let part = parts[random(parts.len())];
            written.push_str(part);
            both.write(part);
            both.pause();
            if random(30) == 0 {
                let size = Size { columns: 6 + random(10) as u16, rows: 3 + random(5) as u16 };
                both.far.resize(size);
                both.near.resize(size);
            }
        }
        both.write(" ");
        let masking = Masking { masker: &both.masker, reveals: &|_, _| false };
        let mut shown = Shown::default();
        both.far.show(super::Waits::Nothing, &masking, &mut shown);
        both.take(shown);
        assert_eq!(both.screen(), both.meant(), "{round} {written:?}");
        let (near, far) = (both.near.grid().pen, both.far.emulator.grid().pen);
        assert_eq!((near.at, near.is_full), (far.at, near.is_full), "{round} {written:?}");
    }
}
