//! How programs are called: every word that one gets is looked at, and what the shell makes of it.

use super::{MACHINE, check, check_code, check_known, check_unread, shown};
use crate::shell::analyze;

/// Whatever can stand in itself, as often as a line holds it. One that overflows ends the process,
/// so that this is a test of all of them.
#[test]
fn what_stands_in_itself_has_a_depth() {
    const LINE_BYTES: usize = 64 << 10;
    let openings = [
        "! ",
        "nice ",
        "time ",
        "command ",
        "env ",
        "sudo ",
        "timeout 1 ",
        "nohup ",
        "setsid ",
        "stdbuf -oL ",
        "ionice ",
        "builtin ",
        "exec ",
        "doas ",
        "eval ",
        "( ",
        "{ ",
        "$(",
        "\"$(",
        "`",
        "if ",
        "if a; then ",
        "while ",
        "while a; do ",
        "for a in b; do ",
        "a | ",
        "a && ",
        "a || ",
        "a; ",
        "a & ",
        "X=$(",
        "a > $(",
        "<<< $(",
        "ip netns exec a ",
        "sh -c ",
        "find a -exec ",
        "case ",
        "a() ",
        "[ ",
        "test ! ",
        "X=1 ",
        "!",
        "-",
        "{a,",
        "((",
        "$((",
    ];
    let nested_quotes = |open: &str| {
        let mut line = "true".to_owned();
        while line.len() < LINE_BYTES / 5 {
            line = format!("{open} '{}'", line.replace('\'', "'\\''"));
        }
        line
    };
    let mut lines: Vec<String> = openings
        .iter()
        .flat_map(|open| {
            let times = |bytes: usize| open.repeat(bytes / open.len());
            [1000, 5000, LINE_BYTES - 8].map(|bytes| format!("{}true", times(bytes)))
        })
        .collect();
    lines.extend(["sh -c", "eval", "sudo sh -c", "nice sh -c"].map(nested_quotes));
    // As deep as it is read, and closed.
    for depth in [4, 8, 12, 16, 24, 32] {
        for (open, close) in [
            ("$(", ")"),
            ("( ", ")"),
            ("{ ", "; }"),
            ("if ", "; then a; fi"),
            ("nice ", ""),
            ("echo \"$(", ")\""),
            ("for a in b; do ", "; done"),
        ] {
            lines.push(format!("{}true{}", open.repeat(depth), close.repeat(depth)));
        }
    }
    let read = move || {
        for line in &lines {
            let _ = analyze(line, &MACHINE);
        }
    };
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(read).unwrap();
    thread.join().unwrap();
    check_unread(&format!("{}true", "nice ".repeat(40)));
    check_unread("! ! true");
    check_known("sudo nice -n 5 timeout 5 env LC_ALL=C nohup cat /a");
}

#[test]
fn every_word_is_one_word() {
    for line in [
        "nice -n $(echo 5 cat /v/key) true",
        "stdbuf -o $(echo L cat /v/key) true",
        "timeout -k $(echo 1 1 cat /v/key) 1 true",
        "timeout $(echo 1 cat /v/key) true",
        "timeout p* true",
        "nice -n p* true",
        "find d -name $(echo x -o -exec cat /v/key ';') -print",
        "find d -name $X -print",
        "find d -name p* -print",
        "find d -newermt $HOSTNAME -print",
        "find d -maxdepth 1 -exec echo $(echo x ';' -exec cat /v/key) ';'",
        "find d -exec echo p* ';'",
        "env -u p* cat",
        "env -u $(echo X cat /v/key) true",
        "sudo -u $(echo root cat /v/key) true",
        "sudo -g p* true",
        "sudo -p $X true",
        "ssh -p $(echo 22 h rm /v) h2 true",
        "ssh -l p* h true",
        "ip netns exec p* cat /a",
        "ip netns exec $X cat /a",
        "test -n $(cat /a)",
        "[ p* ]",
        "timeout $HOSTNAME 5 cat /a",
        "cat $HOSTNAME",
        "kill $(cat /a)",
        // It may be an option.
        "timeout \"$T\" cat /a",
        // An error would show it.
        "nice -n \"9$(cat /a)\" true",
        "timeout \"9$(cat /a)\" true",
    ] {
        check_code(line);
    }
    for line in [
        "nice -n 5 cat /a",
        "N=5; nice -n $N cat /a",
        "sudo -u \"$X\" cat /a",
        "sudo cat /v/*",
        "nice cat p*",
        "find /a/* -name '*.log'",
        "echo $(true) x | cat".replace("$(true)", "\"$(true)\"").as_str(),
    ] {
        check_known(line);
    }
    // Nobody knows what it does with any words.
    check(
        "frobnicate $(cat /a)",
        "read cat, read /a, execute frobnicate opaque",
        "frobnicate $(cat /a)",
    );
}

#[test]
fn of_several_values_each_is_looked_at() {
    for line in [
        "for s in 1p '1e cat /v/key'; do sed -n \"$s\" /a; done",
        "for s in 1p '1w /v/key'; do sed -n $s /a; done",
        "for a in LANG=C PATH=/o/evil:/bin; do env \"$a\" ls; done",
        "for p in d '!'; do find \"$p\" -delete; done",
        "for o in p v; do command -\"$o\" cat /v/key; done",
        "for o in aux axe; do ps \"$o\"; done",
        "for t in ext4 fuse; do mount -t \"$t\" 'x#y' /o; done",
        "for h in db1 -oProxyCommand=x; do ssh \"$h\" true; done",
        "if true; then U=root; else U=-s; fi; sudo -u \"$U\" $U",
    ] {
        check_code(line);
    }
    for line in [
        "for f in /a /b; do sed -n 1p \"$f\"; done",
        "for d in /a /b; do find \"$d\" -name x; done",
        "for n in 1 2; do nice -n \"$n\" cat /a; done",
    ] {
        check_known(line);
    }
}

#[test]
fn what_is_the_shells_own_is_written_as_it_is() {
    for line in [
        "e=eval; x=d/x; for i in 1 2; do cat \"$x\"; $e 'x=vault/key'; done",
        "e=eval; x=d/x; for i in 1 2; do cat \"$x\"; command $e 'x=vault/key'; done",
        "r=read; x=d/x; for i in 1 2; do cat \"$x\"; $r x < /a; done",
        "u=unset; $u x",
        "c=cd; $c /v; cat key",
        "let 'a[$(x)]'",
        "pushd /v; cat key",
        "time PATH=/o/evil ls",
        "sudo LD_PRELOAD=/x cat /a",
        "export FOO=1",
        "export PATH=/o",
        "export",
        "set",
    ] {
        check_code(line);
    }
    check_known("export LC_ALL=C LANG=C; ls /a");
    check("c=cat; $c /a", "read cat, read /a", "portreeve_c=cat; ${portreeve_c} /a");
}

#[test]
fn operators_of_test_are_written_as_they_are() {
    for line in [
        "o=-v; [ \"$o\" 'a[$(cat /v/key >&2)]' ]",
        "o=-f; [ \"$o\" /v/key ]",
        "[ 'a[$(x)]' \"$o\" 1 ]",
        "[ x = y -a -f /v/key ]",
        "[ \"$x\" -a -f /v/key ]",
        "[ ! -v 'a[$(x)]' ]",
        "test ! \"$o\" /v/key",
        "[ -f /a",
    ] {
        check_code(line);
    }
    for line in [
        "[ \"$(uname)\" = Linux ]",
        "[ \"$(uname -s)\" != Linux ] || true",
        "test \"$(id -u)\" = 0",
        "[ ! -f /a ]",
        "[ ! \"$X\" ]",
        "[ \"$X\" ]",
        "[ ! a = b ]",
        "[ -f /a ] && [ -f /b ]",
    ] {
        check_known(line);
    }
    let needs = shown("[ ! = x ]").0;
    assert_eq!(needs, "read [");
    assert!(shown("[ \"$(uname -s)$(cat /a)\" = x ]").0.contains("execute"));
    let found = shown("find d -exec test -f /v/key ';' -print").0;
    assert!(found.contains("read /v/key"), "{found}");
}

/// What is sent is read as what was decided.
#[test]
fn what_is_sent_is_read_again() {
    check("echo \"$( (cat /a) )\"", "read cat, read /a, read echo", "echo \"$( ( cat /a; ))\"");
    check("echo \"`(cat /a)`\"", "read cat, read /a, read echo", "echo \"$( ( cat /a; ))\"");
    let inner = "sh -c 'echo \"$( (true); true )\"'";
    check(inner, "read true, read echo", "sh -c 'echo \"$( ( true; ); true)\"'");
}

#[test]
fn what_stands_for_nothing_is_written_out() {
    check("cd; cat a", "read cat, read /srv/d/a", "cd /srv/d && { cd /srv/d; cat a; }");
    for line in ["cd ''; cat a", "command cd; cat a", "cd +1; cat a", "cd -; cat a"] {
        check_code(line);
    }
}

#[test]
fn options_stand_anywhere() {
    for line in [
        "sh -c sh -c true",
        "bash -ec sh -c true",
        "sh true -c",
        "sh -e true",
        "sh -c true x",
        "getent passwd -s x/evil root",
        "getent passwd root -s /o/evil",
        "ssh db1 -oProxyCommand=x",
        "ssh db1 \"$X\"",
        "ssh db1 -- true",
        "ssh ssh://db1:22/ true",
        "for s in /a -s; do sed -n 1p \"$s\"; done",
    ] {
        check_code(line);
    }
    let needs = shown("ssh -p 22 deploy@db-1 uptime").0;
    assert_eq!(needs, "execute ssh, execute @db-1 opaque");
}

/// Shells differ in which shell runs the last command of a pipe, and where a stream goes that is
/// led to two places.
#[test]
fn pipes_end_in_either_shell() {
    for line in ["x=/a; true | x=/v/key; cat \"$x\"", "true | x=/v/key; cat \"$x\""] {
        let needs = shown(line).0;
        assert!(needs.contains("/v/key") || needs.contains("execute"), "{line}: {needs}");
    }
    let needs = shown("true | cd /v; cat key").0;
    assert!(needs.contains("read /v/key") && needs.contains("read /srv/d/key"), "{needs}");
    for line in [
        "cat /a > /b > /c",
        "cat < /a < /b",
        "cat <<< x < /a",
        "cat /a > /b | wc -l",
        "printf 9 | cat < /a",
        "printf 9 | { cat; } < /a",
    ] {
        check_code(line);
    }
    check_known("cat /a 2>&1 | grep x > /b");
    check_known("cat /a > /b 2>&1");
}

#[test]
fn lines_that_are_left_open_are_known() {
    for line in [
        "readlink -n /l/9; cat /a",
        "printf 9 > /dev/stderr; cat /a >&2",
        "printf 9 > /dev/stdout; cat /a",
        "F=/dev/stderr; printf 9 >&2; cat /a > $F",
        "printf 9 >&2; cp /a /dev/stderr",
        "printf 9 | tee /dev/stderr > /dev/null; cat /a >&2",
        "set -x; : \"9$(cat /a)\"",
        "set -ex; X=9$(cat /a)",
        "sh -xc 'X=\"9$(cat /a)\"'",
        "set -x; for w in \"9$(cat /a)\"; do true; done",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute") && needs.contains("opaque"), "{line}: {needs}");
    }
    check_known("readlink -n /l/9");
    check_known("readlink /l/9; cat /a");
    check_known("set -x; cat /a");
    check_known("date -Iseconds; date -Is; date -u -I");
}

#[test]
fn what_goes_with_a_file_is_asked_about() {
    for line in ["cp -b /a /z", "mv -b /a /z", "rmdir -p a/b"] {
        assert!(shown(line).0.contains("execute"), "{line}");
    }
    let needs = shown("rsync --server -vlogDtpre.iLsfxCIvu --delete . /l").0;
    assert_eq!(needs, "execute rsync, define /l, write /l opaque");
}

#[test]
fn a_repository_is_the_folder_that_is_named() {
    check("git-upload-pack '/r'", "read git-upload-pack, read /r opaque", "git-upload-pack /r/.");
    // Hooks in it run, and what its configuration names.
    check(
        "git-receive-pack /r",
        "execute /r, read git-receive-pack, read /r, write /r opaque",
        "git-receive-pack /r/.",
    );
    check(
        "git-upload-archive /r",
        "execute /r, read git-upload-archive, read /r opaque",
        "git-upload-archive /r/.",
    );
    check(
        "git-receive-pack --timeout=5 /r",
        "execute /r, execute git-receive-pack, read /srv/d/5, write /srv/d/5, read /r, write /r \
         opaque",
        "cd /srv/d && { git-receive-pack --timeout=5 /r/.; }",
    );
    for line in ["git-upload-pack '~/hid'", "git-upload-pack /r --timeout=5"] {
        check_code(line);
    }
    check_code("find /r -maxdepth 0 -exec git-upload-pack {} ';'");
}

#[test]
fn addresses_name_machines() {
    for (line, machine) in [
        ("curl db1", "write @db1"),
        ("curl db1/x", "write @db1"),
        ("curl -s 'https://u:p@db1:8443/x?y'", "write @db1"),
        ("curl -H 'A: b' --url db1", "write @db1"),
        ("wget -qO- http://db1/x", "write @db1"),
        ("curl http://DB1.:80/x", "write @db1"),
        ("curl -o /dev/null db1", "write @db1"),
        ("curl 'db1/x#y'", "write @db1"),
    ] {
        let needs = shown(line).0;
        assert!(needs.contains(machine) && !needs.contains("execute @web"), "{line}: {needs}");
    }
    for line in [
        "curl file:///etc/passwd",
        "curl FILE:/etc/passwd",
        "curl gopher://db1/",
        "curl -K /a",
        "curl -d @/v/key db1",
        "curl -H @/v/key db1",
        "curl -w '%output{/o}' db1",
        "curl 'http://{db1,db2}/'",
        "curl \"$X\"",
        "curl p*",
        "curl -o 'out/#1' 'http://db1/{x,../vault/pwn}'",
        "curl 'http://db1/[1-9]'",
        "curl -T '{vault/key}' db1",
        "curl 2130706433",
        "curl 0x7f000001",
        "curl 127.1",
        "curl 0177.0.0.1",
        "wget -i /a",
    ] {
        check_code(line);
    }
}

#[test]
fn loops_have_redirections() {
    check(
        "while read -r l; do echo \"$l\"; done < /a",
        "read /a, read echo",
        "{ while read -r portreeve_l; do echo \"${portreeve_l}\"; done; } < /a",
    );
    check(
        "for f in /a /b; do cat $f; done > /o",
        "write /o, read cat, read /a, read /b",
        "{ for portreeve_f in /a /b; do cat ${portreeve_f}; done; } > /o",
    );
    check(
        "if true; then cat /a; fi > /o",
        "write /o, read true, read cat, read /a",
        "{ if true; then cat /a; fi; } > /o",
    );
}
