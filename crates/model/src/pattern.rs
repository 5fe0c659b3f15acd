//! Names with `*` in them.

/// Whether the pieces stand in a name in their order, the first at its beginning and the last at
/// its end: the pieces are what a pattern holds between its `*`, each of which stands for any text.
///
/// ```
/// use portreeve_model::holds_pieces;
///
/// let pieces: Vec<&str> = "crm-*-eu".split('*').collect();
/// assert!(holds_pieces(&pieces, "crm-2-eu"));
/// assert!(!holds_pieces(&pieces, "crm-2-us"));
/// ```
#[must_use]
pub fn holds_pieces<Piece: AsRef<str>>(pieces: &[Piece], name: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return false;
    };
    let Some(mut left) = name.strip_prefix(first.as_ref()) else {
        return false;
    };
    let Some((last, middle)) = rest.split_last() else {
        return left.is_empty();
    };
    for piece in middle {
        let Some(at) = left.find(piece.as_ref()) else {
            return false;
        };
        left = left.get(at + piece.as_ref().len()..).unwrap_or_default();
    }
    left.ends_with(last.as_ref())
}
