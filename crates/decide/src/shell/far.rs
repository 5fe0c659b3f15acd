//! Far ends of `rsync` and `git`, which speak protocols of their own: which folders they work on,
//! and in which spelling they can do no more than that.

use super::parse::{Unreadable, unreadable};
use super::reader::Reader;
use super::syntax::{Piece, Word};
use super::value::{Part, Value};
use portreeve_model::{Action, Change};

impl Reader<'_> {
    /// The far end of `rsync`: it sends a folder, or writes one. Options that it does not need to
    /// hear could take the next word, or name other files.
    pub(super) fn synchronize(&mut self, words: &[Word]) -> Result<(), Unreadable> {
        let texts: Option<Vec<String>> = words.iter().skip(1).map(Word::literal).collect();
        let mut texts = texts.unwrap_or_default();
        // As it is sent.
        let mut has = Vec::new();
        while let Some(last) = texts.pop_if(|last| RSYNC_ADDED.contains(&last.as_str())) {
            has.push(last);
        }
        let (sends, rest) = match texts.as_slice() {
            [server, sender, rest @ ..] if server == "--server" && sender == "--sender" => {
                (true, rest)
            }
            [server, rest @ ..] if server == "--server" => (false, rest),
            _ => {
                self.unknown("rsync");
                self.code();
                return Ok(());
            }
        };
        let Some(behind) = rest.iter().position(|text| text == ".") else {
            return unreadable("`rsync` is not called as `rsync` calls it");
        };
        let (options, folders) = rest.split_at(behind);
        let is_letters = |text: &String| {
            // Behind `e` stands what the other end can do.
            let letters = text.strip_prefix('-').unwrap_or("-");
            let own = letters.split('e').next().unwrap_or_default();
            !own.is_empty()
                && own.chars().all(|it| "vlogDtprzcHAXSWunxRdqmhbOJ".contains(it))
                && letters.chars().all(|it| it.is_ascii_alphanumeric() || it == '.')
        };
        let is_known = |text: &String| RSYNC_OPTIONS.contains(&text.as_str()) || is_letters(text);
        let folders = folders.get(1..).unwrap_or_default();
        if !options.iter().all(is_known) || folders.iter().any(|text| text.starts_with('-')) {
            return unreadable("an option of `rsync` is not read");
        }
        // INVARIANT: what is sent names no files in filters, and makes no links that lead anywhere.
        let added = if sends { &RSYNC_ADDED[..1] } else { &RSYNC_ADDED[..] };
        let word = |text: &&str| Word(vec![Piece::Text((*text).to_owned())]);
        let missing = added.iter().filter(|text| !has.iter().any(|has| has == **text));
        self.added = missing.map(word).collect();
        self.unknown("rsync");
        self.speaks("rsync");
        let folders = Value::Texts(folders.to_vec());
        if options.iter().any(|text| text.starts_with("--delete") || text == "--force") {
            self.note_change(Change::Drop);
            self.trees(Action::Define, &folders)?;
        }
        let action = if sends { Action::Read } else { Action::Write };
        self.trees(action, &folders)
    }

    /// A repository of `git` is the folder that is named, with all in it: by itself `git` would
    /// also try the name with `.git` behind it, and other homes for `~`.
    ///
    /// What receives runs hooks of the repository, and both run programs that its configuration
    /// names: it is a program itself, in the folder where it lies. `git-upload-pack` is made for
    /// repositories that nobody trusts.
    pub(super) fn repository(&mut self, name: &str, words: &mut [Word]) -> Result<(), Unreadable> {
        let [_, options @ .., word] = words else { return Ok(()) };
        let value = self.value(word);
        let is_option = |word: &Word| word.literal().is_some_and(|text| text.starts_with('-'));
        let is_operand = value.part() == Some(Part::Operand);
        let path = value.only().filter(|_| is_operand && options.iter().all(is_option));
        let Some(path) = path else {
            return unreadable("which repository is meant is not known beforehand");
        };
        if path.starts_with('~') {
            return unreadable("homes are not read here: write the path of the repository");
        }
        if name != "git-upload-pack" {
            for path in self.paths(path)? {
                self.unknown(&path);
            }
        }
        if !path.ends_with("/.") {
            word.0.push(Piece::Text("/.".to_owned()));
        }
        Ok(())
    }
}

/// Options that the far end of `rsync` gets behind its own. Rules of what is left out come over the
/// protocol, and newer ones read files (`merge FILE`); what `-l` makes is a link to anywhere, and
/// leads nowhere so.
const RSYNC_ADDED: [&str; 2] = ["--protocol=28", "--munge-links"];
/// Options of the far end of `rsync` that name no file and take no other word.
const RSYNC_OPTIONS: [&str; 17] = [
    "--delete",
    "--delete-after",
    "--delete-before",
    "--delete-delay",
    "--delete-during",
    "--delete-excluded",
    "--existing",
    "--ignore-existing",
    "--ignore-errors",
    "--inplace",
    "--no-implied-dirs",
    "--numeric-ids",
    "--partial",
    "--size-only",
    "--stats",
    "--force",
    "--safe-links",
];
