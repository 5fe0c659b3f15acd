//! Which files a line names: patterns, streams, folders of the system, and calls that are not read.

use super::{MACHINE, check, check_code, check_known, shown};
use crate::shell::analyze;

/// A file may be called `-e1e…`, `--files0-from=…` or `-delete`.
#[test]
fn patterns_fit_no_options() {
    for line in [
        "sed -n 1p -*",
        "sed -n 1p ''-*",
        "sort -*",
        "wc \"-\"*",
        "find -*",
        "find -* -print",
        "head -?",
        "tail +*",
        "ls -[a-z]*",
        "X=-; ls $X*",
        "X=-; ls \"$X\"*",
        "X=; ls \"$X\"*",
        "grep x -*",
        "grep -e x -*",
        "echo -*",
        "sudo cat -*",
        "nice cat -*",
        "find /a -exec cat -* ';'",
        "sh -c 'cat -*'",
        "eval 'cat -*'",
        "printf '%s\\n' -*",
    ] {
        check_code(line);
    }
    check("ls *", "read /srv/d, read ls", "cd /srv/d && { ls ./*; }");
    check("ls ''*", "read /srv/d, read ls", "cd /srv/d && { ls ./*; }");
    check("ls \"\"?", "read /srv/d, read ls", "cd /srv/d && { ls ./?; }");
    check("wc -l [a-z]*", "read /srv/d, read wc", "cd /srv/d && { wc -l ./[a-z]*; }");
    check("ls ./-*", "read /srv/d, read ls", "cd /srv/d && { ls ./-*; }");
    check("cat -- *", "read /srv/d, read cat", "cd /srv/d && { cat -- ./*; }");
    check("cat a* /v/-*", "read /srv/d, read /v, read cat", "cd /srv/d && { cat a* /v/-*; }");
}

/// `-` is what a program is fed only where its row says so, and only to read.
#[test]
fn a_dash_is_a_file() {
    for (line, need) in [
        ("echo evil > -", "write /srv/d/-"),
        ("cat /a >> -", "write /srv/d/-"),
        ("cat < -", "read /srv/d/-"),
        ("cp /card -", "write /srv/d/-"),
        ("cp - q", "read /srv/d/-"),
        ("mv - q", "define /srv/d/-"),
        ("find - -delete", "define /srv/d/-"),
        ("chmod 777 -", "administer /srv/d/-"),
        ("truncate -s 0 -", "write /srv/d/-"),
        ("rm -f -", "define /srv/d/-"),
        ("tee -", "write /srv/d/-"),
        ("touch -", "define /srv/d/-"),
        ("du -", "read /srv/d/-"),
        ("[ -f - ]", "read /srv/d/-"),
        ("rm /dev/null", "define /dev/null"),
        ("mv /x /dev/null", "write /dev/null"),
        ("chmod 777 /dev/null", "administer /dev/null"),
        ("cp /x /dev/null", "write /dev/null"),
    ] {
        let needs = shown(line).0;
        assert!(
            needs.split([',', ' ']).collect::<Vec<_>>().join(" ").contains(need),
            "{line}: {needs}"
        );
    }
    for line in [
        "cp evil /dev/stdin < /v/key",
        "cat /dev/stdout >> /v/key",
        "chmod 777 /dev/stdout >> /v/key",
        "rm /dev/stdin",
        "grep -r x /dev/stdin",
        "truncate -s 0 /dev/stdin < /v/key",
    ] {
        check_code(line);
    }
    check("cat - /a", "read cat, read /a", "cat - /a");
    check(
        "cat /a | grep -f - /b",
        "read cat, read /a, read grep, read /b",
        "cat /a | grep -f - /b",
    );
    check("cat /a | diff - /b", "read cat, read /a, read diff, read /b", "cat /a | diff - /b");
    check("cat /a 2>/dev/null </dev/null", "read cat, read /a", "cat /a 2> /dev/null < /dev/null");
    check("grep x /a /dev/null", "read grep, read /a", "grep x /a /dev/null");
    check_known("sed -n 1p -");
}

/// Whoever goes through folders of the system goes through the doors in them.
#[test]
fn folders_of_the_system_lead_anywhere() {
    for (line, action) in [
        ("grep -Rh x /proc/self/task --include=key", "read"),
        ("grep -r x /proc", "read"),
        ("ls -RL /proc/self/task", "read"),
        ("find /dev -name x", "read"),
        ("find / -name x", "read"),
        ("cd /proc && grep -r x", "read"),
        ("rm -r /proc/self/task", "define"),
        ("chmod -R 777 /dev", "administer"),
    ] {
        let mut found = analyze(line, &MACHINE);
        found.ask_for_named("web", ["/v/key"].iter());
        let asks = |need: &portreeve_model::Need| {
            need.action.to_string() == action && need.object.path.last().unwrap() == "/v/key"
        };
        assert!(found.needs.iter().any(asks), "{line}: {:?}", found.needs);
    }
    for line in [
        "cp -rP /proc/self/task out",
        "cp -a /proc/self out",
        "cp -dr / out",
        "cp -r /dev out",
        "cd /proc; cp -r self out",
        "cp -r /* out",
        "find /proc -exec cp -r {} out ';'",
        "cat /proc/self/map_files/x",
    ] {
        check_code(line);
    }
    check_known("cat /proc/meminfo");
    check_known("cp -r /srv/a /srv/b");
}

/// A call that is understood less asks for more, not for less.
#[test]
fn a_call_that_is_not_read_asks_for_whatever_it_could_name() {
    for (line, path) in [
        ("base64 --frob vault/key", "/srv/d/vault/key"),
        ("strings --frob=/v/key", "/v/key"),
        ("xxd -cols 30 vault/key", "/srv/d/vault/key"),
        ("gzip --stdout --rsyncable /v/key", "/v/key"),
        ("cat --squeeze /v/key", "/v/key"),
        ("uniq /a /v/key", "/v/key"),
        ("ls -lQ@/v/key", "/v/key"),
        ("shuf -O/v/key", "/v/key"),
        ("rm --frob /v/*", "/v"),
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute") && needs.contains("opaque"), "{line}: {needs}");
        for action in ["read", "write"] {
            assert!(needs.contains(&format!("{action} {path}")), "{line}: {needs}");
        }
        assert!(analyze(line, &MACHINE).unread.is_some(), "{line}: it says why");
    }
    // Files, and programs, that stand in files.
    for line in [
        "sort --files0-from /a",
        "wc --files0-fr=/a",
        "du --files0-from=/a",
        "sort --compress-prog=/x /a",
        "diff --from-file=/a /b",
        "ping -f db1",
        "dig -f /v/key",
        "curl --frob /v/key",
    ] {
        check_code(line);
    }
    let needs = shown("useradd --frob x").0;
    assert!(needs.contains("administer @web"), "{needs}");
    for (line, why) in [
        ("cat --frob /a", "`--frob`"),
        ("ls -lJ /a", "`-J`"),
        ("uniq /a /b /c", "`uniq` is given more"),
    ] {
        let said = analyze(line, &MACHINE).unread.unwrap().0;
        assert!(said.contains(why), "{line}: {said}");
    }
    let needs = shown("wget http://db1/x").0;
    assert!(needs.contains("write /srv/d"), "{needs}");
    assert!(!shown("wget -O /o/x http://db1/x").0.contains("/srv/d"));
    check("sort -o /o /a", "read sort, write /o, read /a", "sort -o /o /a");
}

/// What the login has exported under a script's name stays as it is.
#[test]
fn variables_have_names_of_our_own() {
    let own = |line: &str| line.replace('@', "portreeve_");
    for (line, wire) in [
        ("http_proxy=x; curl db1", "@http_proxy=x; curl db1"),
        (
            "for F in a; do echo \"$F $HOME\"; done",
            "for @F in a; do echo \"${@F}\"' '\"${HOME}\"; done",
        ),
        ("read -r x < /a; echo \"$x\"", "read -r @x < /a; echo \"${@x}\""),
        ("unset http_proxy", "unset @http_proxy"),
        ("X=1; sh -c 'X=2; echo \"$X\"'", "@X=1; sh -c '@X=2; echo \"${@X}\"'"),
        ("LC_ALL=C ls /a", "LC_ALL=C ls /a"),
    ] {
        let found = shown(line);
        assert_eq!(found.1, own(wire), "{line}");
        assert_eq!(shown(&found.1).1, found.1, "{line}: it is the same again");
    }
    check_code("eval 'X=1'; curl db1");
    check_code("eval 'read X'; curl db1");
}

#[test]
fn machines_have_one_spelling() {
    for (line, machine) in [
        ("ping -c 1 DB1.Example.", "@db1.example"),
        ("ssh Deploy@DB1 true", "@db1"),
        ("dig @NS1 Ok.ORG", "@ns1"),
        ("getent hosts DB1", "@db1"),
        ("ping 10.0.0.1", "@10.0.0.1"),
        ("ping FE80::1", "@fe80::1"),
    ] {
        let needs = shown(line).0;
        assert!(
            needs.split(' ').any(|word| word.trim_end_matches(',') == machine),
            "{line}: {needs}"
        );
    }
    for line in ["ping 127.1", "ping 2130706433", "ping 0x7f.1", "ssh 0177.0.0.1 true", "ping a.."]
    {
        check_code(line);
    }
}

/// Which files are found tells of what they are compared with.
#[test]
fn what_compares_is_no_reading() {
    for line in [
        "find . -newermt \"$(cat /a)\"",
        "find . -name \"$(cat /a)\"",
        "find . -size \"$(cat /a)\"",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute find") && needs.contains("opaque"), "{line}: {needs}");
    }
    check_known("find . -newermt '2026-01-01' -name '*.log'");
    check_code("env");
    check_code("env LC_ALL=C");
    check_code("find . -ls");
}

#[test]
fn rsync_names_no_other_files() {
    check(
        "rsync --server -vlogDtpre.iLsfxCIvu . /l",
        "execute rsync, write /l opaque",
        "rsync --server -vlogDtpre.iLsfxCIvu . /l --protocol=28 --munge-links",
    );
    let sent = shown("sudo rsync --server --sender -re.x . /l").1;
    assert_eq!(sent, "sudo rsync --server --sender -re.x . /l --protocol=28");
    assert_eq!(shown(&sent).1, sent);
    for line in [
        "rsync --server -vlKe.x . /l",
        "rsync --server --sender -vlke.x . /l",
        "rsync --server --protocol=31 -re.x . /l",
    ] {
        super::check_unread(line);
    }
}

/// A program that finds no file of a name tries others: a rule on those holds for it, too.
#[test]
fn names_that_a_program_guesses_are_asked_for() {
    for (line, path) in [
        ("zcat salaries", "/srv/d/salaries.gz"),
        ("zcat salaries", "/srv/d/salaries"),
        ("zcat -f /v/salaries", "/v/salaries-gz"),
        ("bzcat /v/salaries", "/v/salaries.bz2"),
        ("xzcat /v/salaries", "/v/salaries.xz"),
        ("zcat --frob /v/salaries", "/v/salaries.Z"),
        ("gunzip /v/salaries", "/v/salaries.gz"),
        ("gzip -dc /v/salaries", "/v/salaries_z"),
    ] {
        let needs = shown(line).0;
        assert!(
            needs
                .split(", ")
                .any(|need| need.trim_end_matches(" opaque") == format!("read {path}")),
            "{line}: {needs}"
        );
    }
    assert!(shown("gunzip /v/x.gz").0.contains("write /v/x opaque"));
    check("zcat /v/x.gz", "read zcat, read /v/x.gz", "zcat /v/x.gz");
    check("cat /a | zcat", "read cat, read /a, read zcat", "cat /a | zcat");
}

/// Of programs whose operands name nothing, an option may name a file all the same, and others
/// take no word.
#[test]
fn options_of_programs_without_files_name_files() {
    for (line, path) in [
        ("lscpu -s /v", "read /v"),
        ("lscpu -s/v", "read /v"),
        ("lsmem -s /v", "read /v"),
        ("lspci -i /v/key", "read /v/key"),
        ("lspci -p /v/key", "read /v/key"),
        ("lspci -F /v/key", "read /v/key"),
        ("lsusb -D /v/key", "read /v/key"),
        ("findmnt -F /v/key", "read /v/key"),
    ] {
        let needs = shown(line).0;
        assert!(needs.contains(path), "{line}: {needs}");
    }
    for line in [
        "lsblk --sysroot /v",
        "journalctl -D /v",
        "journalctl --file=/v/key",
        "journalctl -i /v/key",
        "dmesg -F /v/key",
        "dmesg --file /v/key",
        "last -f /v/key",
        "date -f /v/key",
        "date -r /v/key",
        "ss -F /v/key",
        "hostname -F /v/key",
        "pgrep -F /v/key",
        "lastlog -R /v",
        "getconf -f /v/key",
        "locale -f /v/key",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute"), "{line}: {needs}");
    }
    for line in [
        "lscpu",
        "lsblk -f",
        "lsblk -o NAME,SIZE",
        "lspci -nnk",
        "lsusb -t",
        "findmnt -T /v",
        "locale -a",
        "getconf -a",
        "findmnt --json",
    ] {
        check_known(line);
    }
}

/// Known programs are told by files of the home what to run, and how to show it.
#[test]
fn who_writes_what_tells_programs_executes() {
    for line in [
        "cat /a > ~/.gitconfig",
        "cat /a >> .magic",
        "tee .bashrc",
        "cp /a .profile",
        "cp /a .config/git/config",
        "cp /x/.magic ~",
        "cp /x/.magic /y ~/",
        "cp -t ~ /x/.magic",
        "cp -r /x/. ~",
        "cp -rT /x ~",
        "cp -r --no-target-directory /x ~",
        "cp /x/.m* ~",
        "cp -r /x/d /srv",
        "mv /x/.ssh ~",
        "mv out/x .config",
        "mv out/x .ssh/authorized_keys",
        "mkdir -p .config/git",
        "touch .hushlogin .pgpass",
        "find /x -exec cp {} /srv/d ';'",
        "sort -o .curlrc /a",
        "curl -o .wgetrc http://db1/x",
        "psql -X -o .psqlrc -c 'TABLE public.t'",
        "rsync --server -vlogDtpre.iLsfxCIvu . /srv/d",
        "rsync --server -vlogDtpre.iLsfxCIvu . /srv/d/.config",
        "wget http://db1/.magic",
        "cd .ssh && tee authorized_keys",
    ] {
        let needs = shown(line).0;
        assert!(needs.contains("execute @web"), "{line}: {needs}");
    }
    for line in [
        "cp /a ~",
        "cp /a/* ~",
        "cp -r /x/logs ~",
        "mv /x/logs ~",
        "cp /a out/.magic",
        "cat /a > notes.txt",
        "cat .gitconfig",
        "cp .bashrc out/x",
        "ls -la ~",
        "mkdir -p out/.config",
        "cp /a /srv",
        "touch .env",
    ] {
        check_known(line);
    }
}
