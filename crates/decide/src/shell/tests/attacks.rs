//! Lines by which somebody has got round the reader, each for a whole class of them.

use super::{MACHINE, check, check_code, check_known, check_unread, shown};
use crate::shell::analyze;
use std::time::{Duration, Instant};

#[track_caller]
fn check_hides(line: &str) {
    let needs = shown(line).0;
    assert!(needs.contains("execute") && needs.contains("opaque"), "{line}: {needs}");
}

/// What doubles with each word is given up before it is put together: a limit on numbers of values
/// alone lets 700 bytes take all memory.
#[test]
fn no_line_makes_more_than_can_be_held() {
    let doubled = "A=\"$A$A\"; ".repeat(40);
    let found = shown(&format!("A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; {doubled}echo \"$A\""));
    assert_eq!(found.0, "execute echo opaque", "the value is not known any more");
    check_unread(&format!("A=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; {doubled}cat $A"));
    // Many values, many variables, many uses, and files of `find` times words of a program.
    let words = "x".repeat(1500);
    let mut many: String = (0..60).map(|n| format!("if true; then V{n}={words}; fi; ")).collect();
    many.truncate(60_000);
    shown(&many);
    let long = format!("A={}; ", "a".repeat(30_000));
    for use_of in ["echo \"$A$A$A$A\"; ", "B=\"$A$A$A\"; ", "for f in $A $A $A; do echo; done; "] {
        shown(&format!("{long}{}", use_of.repeat(30_000 / use_of.len())));
    }
    let script = "true; ".repeat(4000);
    shown(&format!("S='{script}'; {}", "sh -c \"$S\"; ".repeat(2500)));
    check_unread(&format!("find {} -exec cat {} ';'", "a ".repeat(12_000), "{} ".repeat(12_000)));
    // Quotes within quotes: four times as long with each script in a script.
    let mut nested = "echo \"'\"".to_owned();
    for _ in 0..7 {
        let outer = format!("sh -c '{}'", nested.replace('\'', "'\\''"));
        nested = if outer.len() < 60_000 { outer } else { nested };
    }
    assert!(shown(&nested).1.len() <= 140_000);
}

/// Each of these took the square of its length.
#[test]
fn reading_takes_time_as_a_line_is_long() {
    let chain: String = (0..4000).map(|n| format!("A{n}=$A{};", n + 1)).collect();
    let chain = format!("{chain}A4000=9$(date);whoami");
    let filled = |text: &str| text.repeat(63_000 / text.len());
    for line in [
        chain,
        filled("{"),
        filled("["),
        format!("echo {}", filled("{a")),
        filled("$("),
        filled("`"),
        filled("A=1;"),
        filled("A=$A;"),
        filled("for A in $A;do A=$A;done;"),
        filled("if A=1;then A=2;fi;"),
        filled("true||"),
        filled("cd /a;"),
        filled("<<E "),
        format!(
            "A={};{}",
            filled("a").get(..30_000).unwrap(),
            filled("cat $A;").get(..30_000).unwrap()
        ),
        format!("if true;then :;{} fi", "elif true;then cd /b;".repeat(2500)),
    ] {
        let began = Instant::now();
        let _ = analyze(&line, &MACHINE);
        let begins: String = line.chars().take(30).collect();
        assert!(began.elapsed() < Duration::from_secs(4), "{begins}: {:?}", began.elapsed());
    }
}

#[test]
fn what_is_pasted_is_followed_through_variables_and_scripts() {
    check_hides("A=$B; B=$C; C=9$(cat /a); A=$B; echo \"$A\"");
    check_hides("eval 'X=9$(cat /a)'; Y=$X; echo \"$Y\"");
    check_hides("echo \"9:$(cat /a)\"");
    check_hides("echo \"$(cat /a):$(cat /b)\"");
    check_hides("printf '1:%s\\n' \"$(cat /a)\"");
    check_hides("echo \"ffff:$(cat /a)\"");
    check_known("echo \"lines: $(cat /a)\"");
    check_known("echo \"lines '$(cat /a)' end\"".replace("'$", "' $").as_str());
    check_unread(&(0..3000).map(|n| format!("A{n}=1;")).collect::<String>());
}

#[test]
fn services_have_names_and_no_paths() {
    for line in [
        "service ../../srv/d/out/evil status",
        "service /srv/d/out/evil status",
        "service a..b status",
        "service \"$X\" status",
        "service ../x restart",
        "service x start ../y",
        "systemctl status ../x",
        "systemctl enable /srv/d/out/x.service",
        "systemctl status \"$(cat /a)\"",
        "systemctl edit nginx",
        "systemctl --root=/x status nginx",
        "systemctl -H host status",
        "systemctl set-environment LD_PRELOAD=/x",
    ] {
        check_code(line);
    }
    check("service ssh status", "read service", "service ssh status");
    check(
        "systemctl status getty@tty1.service",
        "read systemctl",
        "systemctl status getty@tty1.service",
    );
    check("systemctl restart nginx", "read systemctl, administer @web", "systemctl restart nginx");
    check_known("service --status-all");
}

/// An option that takes nothing must not swallow the file behind it.
#[test]
fn options_take_what_they_take() {
    for (line, need) in [
        ("du -ax /v", "read /v"),
        ("du -x /v", "read /v"),
        ("host -w db1", "write @db1"),
        ("dig db1", "write @db1"),
        ("dig ok.org db1 MX +short @ns1", "write @db1"),
        ("dig ok.org MX @ns1", "write @ns1"),
        ("nslookup ok.org ns1", "write @ns1"),
        ("ping -c 1 ok.org db1", "write @db1"),
        ("traceroute -q 3 db1", "write @db1"),
        ("od -c /v/key", "read /v/key"),
        ("xxd -e /v/key", "read /v/key"),
        ("cut -s /v/key", "read /v/key"),
        ("fold -s /v/key", "read /v/key"),
        ("iconv -f utf-8 -o /o /a", "write /o"),
        ("shuf -o /o /a", "write /o"),
        ("who /v/key", "read /v/key"),
    ] {
        let needs = shown(line).0;
        assert!(
            needs.split([',', ' ']).collect::<Vec<_>>().join(" ").contains(need),
            "{line}: {needs}"
        );
    }
    assert!(!shown("dig ok.org MX +short").0.contains("@MX"));
    check_hides("nslookup");
    check_hides("dig");
}

/// What cuts or glues what it shows is no reading.
#[test]
fn programs_that_cut_are_not_known() {
    for line in [
        "tail +2c /a",
        "head +2 /a",
        "if true; then F=/a; else F=+2c; fi; tail $F /b",
        "basename names/x .org",
        "basename names/* .org",
        "basename -a -s ple.org names/*",
        "basename names/*",
        "find names -exec basename {} ple.org ';'",
        "find names -exec basename {} +",
        "find cards -printf '%P'",
        "find cards -printf '%s%f\\n'",
        "find cards -printf '%f9\\n'",
        "find cards -printf 9",
        "find cards -printf '%f\\c\\n'",
        "find cards -exec echo -n {} ';'",
        "stat -c '%s%n' /a",
        "stat -c '%A%n' /a",
        "stat -c '9%n' /a",
        "COLUMNS=30 ps axo args",
        "COLUMNS=30; ps axo args",
        "ps axo args:30",
        "ps axoargs:30",
        "ps axeww",
        "ps auxe",
        "ps -au e",
        "ps C e",
        "ps -o pid,environ",
        "ps -o args=PROGRAM",
        "ps -o args=",
        "ps -o args,pid",
        "ps -o args -o pid",
        "ps -O args",
        "ps axo args,pid",
        "ps --format args,pid",
        "ps -eo pid,comm,user",
        "diff -p /a /b",
        "tac -b /a",
        "tac --before /a",
        "dir /a",
        "TZ=\"<9$(cat /a)>0\" date +%Z",
        "LC_ALL=\"9$(cat /a)\" locale",
        "LC_ALL=\"$(cat /a)\"; date +9%Z",
        "for LC_ALL in \"9$(cat /a)\"; do locale; done",
        "read LC_ALL < /a; locale",
        "env TZ=\"$(cat /a)\" date +9%Z",
        "truncate -s 15 /a",
        "truncate --size=-1 /a",
        "truncate -s \"$X\" /a",
    ] {
        check_hides(line);
    }
    for line in [
        "tail -n +2 /a",
        "tail -20 /a",
        "basename /a/b",
        "find names -exec basename {} ';'",
        "find cards -printf '%s %p\\n'",
        "find cards -printf '%TY-%Tm-%Td %p\\n'",
        "stat -c '%a %n' /a",
        "stat -c %a:%U /a",
        "ps aux",
        "ps auxf",
        "ps -ef",
        "ps -eo pid,etime,args",
        "ps axo pid,etime",
        "ps -u deploy -o args",
        "ps -eo pid,ppid,%mem,%cpu,cmd",
        "stat --printf '%a %n\\n' /a",
        "cp -t /o /a",
        "mount",
        "kill -l",
        "zcat /a | head",
        "df --output=source,pcent",
        "ls -I '*.o' /a",
        "grep --line-buffered -T x /a",
        "systemctl --failed",
        "systemctl list-timers",
        "systemctl is-system-running",
        "systemctl show nginx -p MainPID",
        "systemctl list-units --type=service --state=failed,active",
        "ip addr show eth0",
        "ip -4 addr show dev eth0",
        "journalctl --disk-usage",
        "journalctl -k -b",
        "ps -p 1",
        "LC_ALL=C ls -l --sort=time",
        "TZ=UTC date +%F",
        "truncate -s 0 /a",
        "echo $PATH $HOME",
        "git --version",
        "python3 --version",
        "bash --version",
        "kill -0 123",
    ] {
        check_known(line);
    }
    check("kill -0 123", "read kill", "kill -0 123");
    check_unread("python3 --version x");
}

/// A text that does not end its line stands in front of what others write.
#[test]
fn who_writes_beside_others_ends_the_line() {
    for line in [
        "printf 9; cat /a",
        "echo -n 9; cat /a",
        "{ cat /a; printf 9; } | tac",
        "printf '%s' \"$(cat /a)\"; printf 9",
        "printf '%s' \"$(cat /a)\"; echo 9",
        "printf 9 >&2; cat /a >&2",
        "printf 9 | cat - /a",
        "printf 9 | { cat; cat /a; }",
        "sh -c 'printf 9'; cat /a",
        "sh -c 'printf 9; cat /a'",
        "eval 'printf 9'; cat /a",
        "for f in 1 2; do printf '%s' \"$(cat /a)\"; done",
        "{ printf 9; cat /a; } > /o",
        "echo \"$(printf 9; cat /a)\"",
        "if printf 9; then cat /a; fi",
        "echo '9\\c'; cat /a",
        "F=-n; echo $F 9; cat /a",
        "timeout 5 printf 9; cat /a",
        // What is ended while it writes has no end of a line.
        "timeout 1 cat /a; echo",
        "{ timeout 1 cat /a; echo; } | tail -n 2",
        "timeout 1 cat /a > /o",
        "{ timeout 1 cat /a; } > /o",
        "timeout 1 sh -c 'cat /a; cat /b'",
        "cat /a & pkill cat; echo x",
    ] {
        check_hides(line);
        assert!(analyze(line, &MACHINE).unread.is_some(), "{line}: it says why");
    }
    for line in [
        "printf 'n: '; wc -l /a",
        "printf '%s' x > /o; cat /a",
        "printf '%s' \"$(cat /a)\"",
        "printf abc | wc -c; cat /a",
        "echo -n a; echo b",
        "echo -n done; exit 0",
        "cat /a; printf 'done\\n'",
        "for f in 1 2; do printf '%s ' \"$f\"; done; cat /a",
    ] {
        check_known(line);
    }
}

#[test]
fn what_files_hold_is_read_as_files() {
    check("getent passwd deploy", "read getent, read /etc/passwd", "getent passwd deploy");
    check("getent shadow", "read getent, read /etc/shadow", "getent shadow");
    check("getent hosts db1", "read getent, write @db1, read /etc/hosts", "getent hosts db1");
    check_code("getent frob");
    check_code("find /a -exec getent shadow ';'");
}

#[test]
fn who_sets_the_clock_or_mounts_administers() {
    let is_administered = |line: &str| shown(line).0.contains("administer @web");
    for line in ["date 13990000", "date -s tomorrow", "date --set=x", "date -u 1399"] {
        assert!(is_administered(line), "{line}: {}", shown(line).0);
    }
    assert!(!is_administered("date -u +%F"));
    for (line, need) in [
        ("ip netns exec atk cat /v/key", "read /v/key"),
        ("ip -4 vrf exec blue cat /v/key", "read /v/key"),
        ("mount -o bind /v /o/mnt", "read /v"),
        ("mount --bind /v /o/mnt", "define /o/mnt"),
    ] {
        let needs = shown(line).0;
        assert!(needs.contains(need) && is_administered(line), "{line}: {needs}");
    }
    for line in [
        "ip net exec atk cat /v/key",
        "ip netns e atk cat /v/key",
        "ip -all netns exec cat /v/key",
        "ip -n atk netns exec b cat /v/key",
        "ip -b /v/key",
        "ip link set eth0 xdp obj /x.o",
        "mount -t overlay -o lowerdir=/v none /o",
        "mount -t fuse 'x#y' /o",
    ] {
        check_hides(line);
    }
    for line in ["systemctl -p show stop nginx", "systemctl stop -p show", "ip link set dev eth0"] {
        assert!(is_administered(line), "{line}");
    }
    check("ip addr show", "read ip", "ip addr show");
    check("ip link set eth0 down", "read ip, administer @web", "ip link set eth0 down");
}

#[cfg(feature = "sql")]
#[test]
fn catalogs_of_secrets_are_closed() {
    for line in [
        "psql -X -c 'SELECT rolname, rolpassword FROM pg_catalog.pg_authid'",
        "psql -X -c 'TABLE pg_catalog.pg_stats'",
        "psql -X -c 'TABLE pg_catalog.pg_statistic'",
        "psql -X -c 'TABLE pg_catalog.pg_largeobject'",
        "psql -X -c 'TABLE information_schema.sql_frob'",
        "psql -X -c 'TABLE pg_toast.pg_toast_1'",
        "psql -XAt -F : -c 'TABLE public.t'",
    ] {
        check_hides(line);
    }
    check_known("psql -X -c 'SELECT relname FROM pg_catalog.pg_class'");
}
