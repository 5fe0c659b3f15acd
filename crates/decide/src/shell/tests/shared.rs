//! What programs of one line share: an input, a file, and who may end them.

use super::{MACHINE, check_code, check_known, shown};
use crate::shell::analyze;

#[track_caller]
fn check_cut(line: &str) {
    let found = analyze(line, &MACHINE);
    let needs = shown(line).0;
    let is_held = needs.contains("execute") && needs.contains("opaque");
    assert!(is_held && found.unread.is_some(), "{line}: {needs}");
}

/// A block is taken from a pipe, and less of it shown: whoever goes on begins within a value.
#[test]
fn nobody_goes_on_where_another_has_stopped_in_a_block() {
    for line in [
        "cat /a | { head -n 1; cat; }",
        "cat /a | { sleep 1; head -n 1 > /dev/null; cat; }",
        "cat /a | { head -n 1; read -r x; echo \"$x\"; }",
        "cat /a | { grep -m 1 x; cat; }",
        "cat /a | { grep -q x; cat; }",
        "cat /a | { grep -l x; cat; }",
        "cat /a | { cmp - /b; cat; }",
        "cat /a | { diff -q - /b; cat; }",
        "cat /a | { file -; cat; }",
        "cat /a | { sort -c; cat; }",
        "cat /a | { sort -k 0; cat; }",
        "cat /a | { grep '['; cat; }",
        "cat /a | { zcat; cat; }",
        "cat /a | { tee /b | head -n 1; cat; }",
        "cat /a | { cat | head -n 1; cat; }",
        "cat /a | { cat | sleep 1; cat; }",
        "cat /a | { cat; cat >&2; } | head -n 1",
        "cat /a | { { cat; cat >&2; } | cat; } | sleep 1",
        "cat /a | { timeout 1 cat; cat; }",
        "cat /a | { cat & cat; }",
        "cat /a | head -n 1 - -",
        "cat /a | head -n 1 - /dev/stdin",
        "cat /a | cmp - -",
        "cat /a | sh -c 'head -n 1; cat'",
        "cat /a | { echo \"$(head -n 1)\"; cat; }",
        "cat /a | (head -n 1; tail -n 1)",
        "cat /a | { if head -n 1; then cat; fi; }",
        "cat /a | { head -n 1 && cat; }",
        "cat /a | { false || head -n 1; cat; }",
        "cat /a | while true; do head -n 1; done",
        "cat /a | for f in 1 2; do head -n 1; done",
        "cat /a | while read -r x; do head -n 1; done",
        "cat /a | find /b -exec head -n 1 - ';'",
        "{ head -n 1; cat; } <<< \"$(cat /a)\"",
        "{ cmp - /b; cat; } < /a",
        "{ grep -m 1 x; cat; } < /a",
        "cat /a | { head -n 1; cat; } < /dev/stdin",
    ] {
        check_code_or_cut(line);
    }
    for line in [
        "cat /a | head -n 1",
        "cat /a | { read -r x; echo \"$x\"; cat; }",
        "cat /a | { echo first; grep x; }",
        "cat /a | { head -n 1 /b; cat; }",
        "cat /a | { grep -r x; cat; }",
        "cat /a | { cat; echo; }",
        "cat /a | while read -r x; do echo \"$x\"; done",
        "cat /a | while read -r x; do head -n 1 \"/b\"; done",
        "printf 'a\\nb\\n' | { head -n 1; cat; }",
        "{ head -n 1; grep x; } < /a",
        "head -n 1; cat",
        "cat /a | grep x | sort | uniq -c | sort -rn | head -n 5",
        "ls /a | { read -r x; cat \"/b\"; }",
    ] {
        check_known(line);
    }
}

#[track_caller]
fn check_code_or_cut(line: &str) {
    check_cut(line);
    if !line.contains("cat >&2") {
        check_code(line);
    }
}

/// Behind a pipe the half of a value that was cut is a line as others.
#[test]
fn what_is_cut_feeds_nothing() {
    for line in [
        "cat /a | timeout 1 grep -h '' | grep -h '' | tail -n 1",
        "timeout 1 cat /a | cat",
        "{ timeout 1 cat /a; } | sort",
        "timeout 1 sh -c 'cat /a | setsid cat'",
        "nice timeout 1 cat /a | nl",
        "echo \"$(timeout 1 cat /a)\"",
        "X=$(timeout 1 cat /a); echo \"$X\"",
        "cat /a | { timeout 1 grep -h '' | cat > /o; }",
        "cat /a | grep x | { sleep 1; pkill cat; }",
        "cat /a | grep x & sleep 1; pkill cat",
        "pkill -x cat & cat /a | grep x &",
    ] {
        check_cut(line);
    }
    for line in [
        "timeout 5 cat /a",
        "ps aux | timeout 5 grep x",
        "timeout 5 echo x | cat",
        "timeout 5 tail -n 5 /a 2> /o",
    ] {
        check_known(line);
    }
    let needs = shown("ps aux | grep x; kill 123").0;
    assert!(!needs.contains("execute"), "{needs}");
}

/// Who reads a file later does not know that it was cut.
#[test]
fn nothing_that_is_cut_goes_into_a_file() {
    for line in [
        "cat /a | tee /o | sleep 1",
        "cat /a | tee /o | head -n 1",
        "cat /a | tee /o | grep -q x",
        "cat /a | tee /o | cat /b",
        "cat /a | tee /o | sort - /nofile",
        "cat /a | tee /o | tail -n 0",
        "cat /a | tee /o | tail -0",
        "cat /a | { tee /o; } | head -n 1",
        "cat /a | { tee /o | cat; } | { head -n 1; }",
        "cat /a | tee /o | grep x | head -n 1",
        "cat /a | timeout 1 tee /o | sleep 2",
        "cat /a | timeout 1 tee /o",
        "timeout 1 cp /a /o",
        "timeout 1 sort -o /o /a",
        "timeout 1 sh -c 'cat /a > /o'",
        "cat /a | timeout 1 sh -c \"grep -h '' > /o\"",
        "cat /a | { exec > /o; timeout 1 grep -h ''; }",
        "exec > /o; cat /a",
        "exec 2> /o",
        "exec < /a",
        "{ timeout 1 cat /a >&2; } 2> /o",
        "timeout 1 psql -X -o /o -c 'TABLE public.t'",
        "{ cat /a > /o; sleep 1; } | { pkill cat; }",
    ] {
        check_cut(line);
    }
    for line in [
        "cat /a | tee /o",
        "cat /a | tee /o | grep foo",
        "cat /a | tee /o | wc -l",
        "cat /a | tee -a /o | tail -n 5",
        "cat /a | tee /o > /dev/null",
        "{ cat /a | tee /o > /dev/null; ls /b; } | head -n 1",
        "{ cat /a > /o; ls /b; } | head -n 1",
        "echo x | tee /o | head -n 1",
        "grep x /a | head -n 5",
        "ps aux | grep foo | head",
        "timeout 5 cat /a",
        "timeout 5 truncate -s 0 /o",
        "cp -v /a /o | head -n 1",
        "nohup cat /a > /o 2>&1",
        "cat /a 2> /o | grep x",
    ] {
        check_known(line);
    }
}

/// The end of a file that somebody still writes may be half a value.
#[test]
fn no_file_is_read_while_the_line_writes_it() {
    for line in [
        "cat /a | grep -h '' > /o & sleep 1; tail -n 1 /o; wait",
        "{ cat /a; sleep 3; } > /o & sleep 1; cp /o /p",
        "cat /a > /o & cat /o &",
        "cat /a > /v/o & grep -r x /v",
        "cat /a > /v/o & cat /v/*",
        "cp /a /v & cat /v/x",
        "sh -c 'cat /a > /o & sleep 1; cat /o'",
        "cat /a | tee /o | { sleep 1; tail -n 1 /o; }",
        "nl /o >> /o",
        "nl < /o >> /o",
        "{ cat /a; nl /o; } >> /o",
        "cat /a >> /o & cat /b >> /o",
        "cat /a & seq 9",
        "{ cat /a & cat /b; } | sort",
    ] {
        check_cut(line);
    }
    for line in [
        "cat /a > /o; cat /o",
        "cat /a | tee /o; wc -l /o",
        "cat /a > /o & wait",
        "cat /a > /o & cat /b",
        "cat /a & wait",
        "sort -o /o /o",
        "cat /a &",
        "grep x /a > /o && cat /o",
        "cp /a /b; cat /b | sort > /c",
    ] {
        check_known(line);
    }
}
