//! Files that a line names: read, written or changed one by one, or with all that is in them.

use super::parse::{Unreadable, unreadable};
use super::path::{canonical, file, holds_doors, lies_in, tells_programs};
use super::programs::{Use, Used};
use super::reader::Reader;
use super::value::Value;
use super::{Tree, host};
use portreeve_model::Action;

/// Names of the streams that a program has: what they lead to is told where that is said.
const STREAMS: [&str; 3] = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];

fn stream_is_a_door(name: &str) -> Result<(), Unreadable> {
    unreadable(format!("`{name}` is a door to what the stream leads to: write the file's name"))
}

impl Reader<'_> {
    /// Something happens to files, each of which is named.
    pub(super) fn files(&mut self, action: Action, value: &Value) -> Result<(), Unreadable> {
        let texts = match value {
            Value::Texts(texts) => texts,
            Value::Glob(begin) => {
                let folder = begin.rsplit_once('/').map_or("", |(folder, _)| folder);
                let is_root = begin.starts_with('/') && folder.is_empty();
                let folder = if is_root { "/" } else { folder };
                let is_door = |path: &String| {
                    lies_in(path, "/proc") || lies_in(path, "/dev") || path == "/" && !is_root
                };
                if self.paths(folder)?.iter().any(is_door) {
                    return unreadable("a pattern fits doors to other files there");
                }
                return self.tree(action, folder);
            }
            Value::Tree(folder) => return self.tree(action, folder),
            Value::Unknown => return unreadable("which file is meant is not known beforehand"),
        };
        for text in texts {
            match (action, text.as_str()) {
                (Action::Read, "/dev/null" | "/dev/stdin") => continue,
                (Action::Write, "/dev/stdout" | "/dev/stderr") => {
                    self.streams.is_everywhere = true;
                    // `tee /dev/stderr | head -n 1`: it is ended while it writes.
                    self.may_be_cut = true;
                }
                (_, text) if STREAMS.contains(&text) => return stream_is_a_door(text),
                _ => {}
            }
            for path in self.paths(text)? {
                self.touches(action, &path, false);
                // What is written to a folder fails, or is a file in it.
                if action == Action::Write && !lies_in(self.machine.home, &path) {
                    self.tells(&path);
                }
                self.need(action, file(self.machine.host, &path));
                self.note_bounded(action, true);
            }
        }
        Ok(())
    }

    /// Files that are read by a program that takes `-` for what it is fed.
    pub(super) fn fed(&mut self, value: &Value, is_tree: bool) -> Result<(), Unreadable> {
        // What it is fed may be a folder: a tree of it is more than was asked about.
        let value = value.without(|text| text == "-" || !is_tree && text == "/dev/stdin");
        match is_tree {
            true => self.trees(Action::Read, &value),
            false => self.files(Action::Read, &value),
        }
    }

    /// Files that are opened and written, and nothing else: never replaced, moved or removed.
    pub(super) fn opened(&mut self, value: &Value) -> Result<(), Unreadable> {
        let Value::Texts(texts) = value else { return self.files(Action::Write, value) };
        let mut files = Vec::new();
        for text in texts {
            match text.as_str() {
                "/dev/null" => {}
                // As `>&1` and `>&2`.
                "/dev/stdout" | "/dev/stderr" => self.streams.is_everywhere = true,
                _ => files.push(text.clone()),
            }
        }
        self.files(Action::Write, &Value::Texts(files))
    }

    /// The same for whatever is in folders.
    pub(super) fn trees(&mut self, action: Action, value: &Value) -> Result<(), Unreadable> {
        match value {
            Value::Texts(texts) => texts
                .iter()
                .filter(|text| action != Action::Read || *text != "/dev/null")
                .try_for_each(|text| self.tree(action, text)),
            Value::Glob(_) | Value::Tree(_) | Value::Unknown => self.files(action, value),
        }
    }

    /// A file is written, or files are written into a folder of that name.
    pub(super) fn write_place(&mut self, value: &Value) -> Result<(), Unreadable> {
        self.files(Action::Write, value)?;
        if let Value::Texts(texts) = value {
            for folder in texts {
                for folder in self.paths(folder)? {
                    self.touches(Action::Write, &folder, true);
                    self.trees.insert(Tree { action: Action::Write, folder });
                }
            }
        }
        Ok(())
    }

    fn tree(&mut self, action: Action, folder: &str) -> Result<(), Unreadable> {
        if STREAMS.contains(&folder) {
            return stream_is_a_door(folder);
        }
        for folder in self.paths(folder)? {
            self.touches(action, &folder, true);
            if action == Action::Write {
                self.tells(&folder);
            }
            self.need(action, file(self.machine.host, &folder));
            // In it are doors to every file there is: `/proc/self/task/…/root`, `/dev/fd`.
            let folder = if holds_doors(&folder) { "/".to_owned() } else { folder };
            self.need(action, file(self.machine.host, &folder));
            self.trees.insert(Tree { action, folder });
            self.note_bounded(action, false);
        }
        Ok(())
    }

    /// A path is written that may tell programs how to work: whoever writes it has them do that.
    pub(super) fn tells(&mut self, path: &str) {
        if tells_programs(path, self.machine.home) {
            self.need(Action::Execute, host(self.machine.host));
            self.why.get_or_insert(Unreadable(format!(
                "files in `{path}` tell programs how to work, so that writing one is `execute`"
            )));
        }
    }

    /// Files that are made.
    pub(super) fn made(&mut self, value: &Value) -> Result<(), Unreadable> {
        self.files(Action::Define, value)?;
        for text in value.texts().unwrap_or_default() {
            for path in self.paths(text)? {
                self.tells(&path);
            }
        }
        Ok(())
    }

    /// Files that are put into the home of the login, or a folder that it lies in: under which
    /// names, their own tell.
    pub(super) fn put_home(
        &mut self,
        arguments: &[Value],
        used: &Used<Value>,
    ) -> Result<(), Unreadable> {
        let home = self.machine.home;
        let merges = |text: &String| {
            text == "--no-target-directory"
                || text.starts_with('-') && !text.starts_with("--") && text.contains('T')
        };
        let merges = arguments.iter().filter_map(Value::texts).flatten().any(merges);
        let places = used.uses.iter().filter(|(wanted, _)| *wanted == Use::Into);
        for place in places.filter_map(|(_, value)| value.texts()).flatten() {
            for folder in self.paths(place)? {
                let Some(below) = home.strip_prefix(folder.trim_end_matches('/')) else {
                    continue;
                };
                let next = below.trim_start_matches('/').split('/').next().unwrap_or_default();
                let is_hidden = |name: &str| match next {
                    "" => name.starts_with('.') || name.is_empty(),
                    next => name == next || name.starts_with('.'),
                };
                let is_unsafe = |(wanted, value): &(Use, Value)| match (wanted, value) {
                    (Use::Copy | Use::CopyTree | Use::Move, Value::Texts(texts)) => {
                        texts.iter().any(|text| is_hidden(last_name(text)))
                    }
                    (Use::Copy | Use::CopyTree | Use::Move, Value::Glob(begin)) => {
                        let name = begin.rsplit('/').next().unwrap_or_default();
                        name.starts_with('.') || !next.is_empty()
                    }
                    (Use::Copy | Use::CopyTree | Use::Move, Value::Tree(_) | Value::Unknown) => {
                        true
                    }
                    _ => false,
                };
                if lies_in(home, &folder) && (merges || used.uses.iter().any(is_unsafe)) {
                    self.tells(&folder);
                }
            }
        }
        Ok(())
    }

    /// Where a name leads, from wherever the command may run.
    pub(super) fn paths(&mut self, text: &str) -> Result<Vec<String>, Unreadable> {
        let folders = self.folders.iter().flatten().map(String::len).sum::<usize>();
        self.spent.set(self.spent.get() + text.len() + folders);
        if self.is_too_much() {
            return unreadable("it names more files than anybody could look through");
        }
        if text.starts_with('/') {
            return Ok(vec![canonical(text, "")?]);
        }
        self.is_relative = true;
        match self.folders.clone() {
            Some(folders) => folders.iter().map(|folder| canonical(text, folder)).collect(),
            None => unreadable("in which folder it runs is not known beforehand"),
        }
    }
}

fn last_name(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}
