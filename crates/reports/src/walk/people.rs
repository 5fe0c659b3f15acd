//! Whom a part of a reply was about: counts, and the people where their list can be opened.

use portreeve_evidence::{Error, Opener, Token};
use portreeve_model::{Record, SubjectCount};
use std::collections::{BTreeMap, BTreeSet};

/// Whom rows of one object were about.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct People {
    /// The kind of identifier.
    pub kind: String,
    /// How many people rows named, each part of a reply for itself.
    pub named_count: u64,
    /// Those whom rows named, where the list could be opened.
    pub named: BTreeSet<Token>,
    /// Others whom rows may have been about.
    pub derived: BTreeSet<Token>,
    /// Rows of which nobody can say whom they are about.
    pub unresolved: u64,
    /// People on lists that could not be opened, each list for itself.
    pub unread: u64,
}

impl People {
    /// Adds others of the same object.
    pub fn add(&mut self, more: Self) {
        self.kind = more.kind;
        self.named_count += more.named_count;
        self.named.extend(more.named);
        self.derived.extend(more.derived);
        self.unresolved += more.unresolved;
        self.unread += more.unread;
    }
}

/// The people of a record of the index, by object.
pub(super) fn read(
    objects: &BTreeMap<String, SubjectCount>,
    opener: Option<&mut Opener>,
    record: &Record,
    sealed: Option<&[u8]>,
) -> Result<BTreeMap<String, People>, Error> {
    let opened = match opener.map(|opener| opener.open_subjects(record, sealed)) {
        None => None,
        Some(Ok(bytes)) => Some(bytes.unwrap_or_default()),
        Some(Err(Error::Unreadable { .. } | Error::Shredded { .. } | Error::Erased)) => None,
        Some(Err(error)) => return Err(error),
    };
    let mut tokens = opened.as_deref().unwrap_or_default().chunks_exact(size_of::<Token>());
    let mut people = BTreeMap::new();
    for (object, count) in objects {
        let mut take = |many: u64| -> BTreeSet<Token> {
            let many = usize::try_from(many).unwrap_or(usize::MAX);
            tokens.by_ref().take(many).filter_map(|token| token.try_into().ok()).collect()
        };
        let (named, derived) = (take(count.people), take(count.derived));
        let unread = if opened.is_some() { 0 } else { count.people + count.derived };
        let (kind, unresolved) = (count.kind.clone(), count.unresolved);
        let named_count = count.people;
        let seen = People { kind, named_count, named, derived, unresolved, unread };
        people.insert(object.clone(), seen);
    }
    Ok(people)
}
