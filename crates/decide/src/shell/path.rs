//! Names of files, in one spelling.

use super::parse::{Unreadable, unreadable};
use portreeve_model::{Family, Object, ObjectKind};

/// A file of a machine as an object, by its canonical path.
#[must_use]
pub fn file(host: &str, path: &str) -> Object {
    Object { kind: ObjectKind::FILE, path: vec![host.to_owned(), path.to_owned()] }
}

/// Whether a path is a folder's or lies in it; both canonical.
#[must_use]
pub fn lies_in(path: &str, folder: &str) -> bool {
    match path.strip_prefix(folder) {
        Some(rest) => rest.is_empty() || rest.starts_with('/') || folder == "/",
        None => false,
    }
}

/// The one spelling of a path, which may begin in a folder.
///
/// # Errors
/// It cannot be said what it names: `..` leads out of whatever a link points to, and some files
/// of the system are doors to all others.
pub fn canonical(path: &str, folder: &str) -> Result<String, Unreadable> {
    let whole = match path.starts_with('/') {
        true => path.to_owned(),
        false => format!("{folder}/{path}"),
    };
    let mut names: Vec<&str> = Vec::new();
    for name in whole.split('/') {
        match name {
            "" | "." => {}
            ".." => {
                return unreadable(format!("`..` in `{path}` can lead anywhere: write the path"));
            }
            name => names.push(name),
        }
    }
    if let ["proc" | "dev", rest @ ..] = names.as_slice() {
        let is_door = |name: &&str| DOORS.contains(name);
        if rest.iter().any(is_door) {
            return unreadable(format!("`{path}` is a door to something else"));
        }
    }
    let path = format!("/{}", names.join("/"));
    if path.len() > Family::Shell.name_bytes_max() {
        return unreadable("a path is too long");
    }
    Ok(path)
}

/// Names in folders of the system behind which other files are.
const DOORS: [&str; 7] = ["root", "cwd", "fd", "tcp", "udp", "exe", "map_files"];

/// Whether something in a folder is a door to other files: whoever goes through all of it goes
/// through those.
pub(super) fn holds_doors(folder: &str) -> bool {
    lies_in(folder, "/proc") || lies_in("/dev/fd", folder)
}

/// Whether a file, or what lies in it, tells programs how to work that know it by its place in a
/// login's home: whoever writes it has them run, or show, something else. Both canonical.
#[must_use]
pub fn tells_programs(path: &str, home: &str) -> bool {
    let below = path.strip_prefix(home.trim_end_matches('/')).and_then(|it| it.strip_prefix('/'));
    match below {
        Some(below) if !below.is_empty() => {
            let first = below.split('/').next().unwrap_or_default();
            TELLING.contains(&first)
        }
        // The home itself, and folders that it lies in.
        _ => lies_in(home, path),
    }
}

/// Files, and folders of such, by which shells and programs of the table are told how to work.
const TELLING: [&str; 67] = [
    ".Xresources",
    ".aliases",
    ".aws",
    ".bash_aliases",
    ".bash_login",
    ".bash_logout",
    ".bash_profile",
    ".bashrc",
    ".config",
    ".cshrc",
    ".curlrc",
    ".digrc",
    ".dircolors",
    ".docker",
    ".emacs",
    ".emacs.d",
    ".exrc",
    ".forward",
    ".gdbinit",
    ".gitconfig",
    ".gnupg",
    ".hgrc",
    ".inputrc",
    ".kshrc",
    ".kube",
    ".less",
    ".lessfilter",
    ".lesskey",
    ".local",
    ".login",
    ".logout",
    ".lynxrc",
    ".magic",
    ".magic.mgc",
    ".mailcap",
    ".mailrc",
    ".my.cnf",
    ".mylogin.cnf",
    ".nanorc",
    ".netrc",
    ".npmrc",
    ".nslookuprc",
    ".pam_environment",
    ".perldb",
    ".pg_service.conf",
    ".pgpass",
    ".pip",
    ".procps",
    ".profile",
    ".psqlrc",
    ".pypirc",
    ".rhosts",
    ".screenrc",
    ".shosts",
    ".shrc",
    ".sqliterc",
    ".ssh",
    ".tcshrc",
    ".tmux.conf",
    ".toprc",
    ".vim",
    ".vimrc",
    ".wgetrc",
    ".zlogin",
    ".zprofile",
    ".zshenv",
    ".zshrc",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_home_tell_programs_how_to_work() {
        let check = |path, expect| assert_eq!(tells_programs(path, "/srv/d"), expect, "{path}");
        for path in ["/srv/d/.gitconfig", "/srv/d/.magic", "/srv/d/.ssh", "/srv/d/.config/git/x"] {
            check(path, true);
        }
        check("/srv/d", true);
        check("/srv", true);
        check("/", true);
        for path in ["/srv/d/out", "/srv/d/out/.magic", "/srv/dd", "/srv/d2/.magic", "/srv/d/.env"]
        {
            check(path, false);
        }
        assert!(TELLING.is_sorted());
        assert!(tells_programs("/.bashrc", "/"));
    }

    #[test]
    fn paths_have_one_spelling() {
        let check = |path: &str, expect: &str| {
            assert_eq!(canonical(path, "/srv/d").unwrap(), expect, "{path}");
        };
        check("/etc/passwd", "/etc/passwd");
        check("//etc/./passwd/", "/etc/passwd");
        check("a/b", "/srv/d/a/b");
        check("./a", "/srv/d/a");
        check("/", "/");
        check("", "/srv/d");
        check("/dev/null", "/dev/null");
        for path in ["..", "/a/../b", "/proc/self/root/etc/passwd", "/dev/fd/3", "/dev/tcp/h/1"] {
            assert!(canonical(path, "/srv/d").is_err(), "{path}");
        }
    }

    #[test]
    fn folders_hold_what_begins_with_their_whole_names() {
        let check = |path, folder, expect| assert_eq!(lies_in(path, folder), expect, "{path}");
        check("/a/b", "/a", true);
        check("/a", "/a", true);
        check("/ab", "/a", false);
        check("/a", "/", true);
    }
}
