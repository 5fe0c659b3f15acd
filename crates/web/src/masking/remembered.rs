//! What is known of the fields of an answer is asked once for each path, however often it comes.

use super::{Known, Names};
use crate::room::Work;
use portreeve_model::{Category, Object};
use std::cell::RefCell;
use std::collections::HashMap;

/// As much as is remembered of one answer.
const REMEMBERED_BYTES_MAX: usize = 128 << 10;
/// What an entry takes up beside its path.
const ENTRY_BYTES: usize = 64;

/// What is known of the paths of one answer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub struct KnownPaths {
    by_path: HashMap<String, Known>,
    bytes: usize,
}

impl KnownPaths {
    fn insert(&mut self, path: &str, known: Known) {
        let bytes = path.len() + ENTRY_BYTES;
        if self.bytes + bytes > REMEMBERED_BYTES_MAX {
            // What comes again is what came last.
            *self = Self::default();
        }
        self.bytes += bytes;
        self.by_path.insert(path.to_owned(), known);
    }
}

/// Names that are asked once.
///
/// SECURITY: what a path costs is the asker's to choose: by how deep it is, and by how many fields
/// an alias stands for. So it is paid for each path, not for each row, and where nobody waits.
pub struct Remembered<'a> {
    names: &'a dyn Names,
    paths: RefCell<&'a mut KnownPaths>,
    work: Work,
    /// How many names a path stands for, each of which is looked up.
    lookups: usize,
}

impl std::fmt::Debug for Remembered<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remembered").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl<'a> Remembered<'a> {
    /// Asks these, for each path so many times at most.
    pub fn new(names: &'a dyn Names, paths: &'a mut KnownPaths, lookups: usize) -> Self {
        Self { names, paths: RefCell::new(paths), work: Work::default(), lookups }
    }
}

impl Names for Remembered<'_> {
    fn known(&self, path: &str) -> Known {
        if let Some(known) = self.paths.borrow().by_path.get(path) {
            return known.clone();
        }
        let bytes = path.len().saturating_mul(self.lookups);
        let known = self.work.more(bytes, || self.names.known(path));
        self.paths.borrow_mut().insert(path, known.clone());
        known
    }

    fn named_in(&self, text: &str) -> Option<Category> {
        self.work.more(text.len(), || self.names.named_in(text))
    }

    fn reveals(&self, object: &Object, category: &Category) -> bool {
        self.names.reveals(object, category)
    }

    fn passes_opaque(&self) -> bool {
        self.names.passes_opaque()
    }

    fn without_credential(&self, text: &str) -> Option<String> {
        self.names.without_credential(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[derive(Default)]
    struct Counted(Cell<usize>);

    impl Names for Counted {
        fn known(&self, _: &str) -> Known {
            self.0.set(self.0.get() + 1);
            Known::Nothing
        }

        fn named_in(&self, _: &str) -> Option<Category> {
            None
        }

        fn reveals(&self, _: &Object, _: &Category) -> bool {
            false
        }

        fn passes_opaque(&self) -> bool {
            false
        }

        fn without_credential(&self, _: &str) -> Option<String> {
            None
        }
    }

    #[test]
    fn a_path_is_asked_once_and_what_is_remembered_has_a_bound() {
        let (counted, mut paths) = (Counted::default(), KnownPaths::default());
        for _ in 0..2 {
            let names = Remembered::new(&counted, &mut paths, 1);
            for _ in 0..1000 {
                names.known("a.b");
            }
        }
        assert_eq!(counted.0.get(), 1);
        let names = Remembered::new(&counted, &mut paths, 1);
        for row in 0..10_000 {
            names.known(&format!("a.{row}"));
        }
        assert!(paths.bytes <= REMEMBERED_BYTES_MAX && paths.by_path.len() < 2_000);
    }
}
