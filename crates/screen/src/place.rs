//! Where a text stands, as policy is asked about it and as it is recorded.

use portreeve_model::Object;
use std::sync::Arc;

/// A place in a reply.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The column that the texts are verbatim copies of; the resource where nobody knows one.
    pub object: Arc<Object>,
    /// What the reply calls it.
    pub name: Arc<str>,
}

/// Names are the client's to choose; of longer ones this much is recorded.
const NAME_BYTES_MAX: usize = 63;

impl Place {
    /// Texts of a column.
    #[must_use]
    pub fn of(object: Arc<Object>, name: &str) -> Self {
        let name = name.get(..name.floor_char_boundary(NAME_BYTES_MAX)).unwrap_or_default();
        Self { object, name: name.into() }
    }

    /// Texts that are no copies of a column: computed ones, messages.
    #[must_use]
    pub fn unnamed(name: &str) -> Self {
        Self::of(Arc::new(Object::resource()), name)
    }
}
