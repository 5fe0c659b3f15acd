//! Variables of a script get names of our own. One that the login has exported under the script's
//! name (`SetEnv http_proxy …`) would else tell programs how to work once the script sets it, and
//! no list of such names is complete. What a script only reads keeps its name.

use super::syntax::{Met, Piece, Script, Simple, Word, each_met};
use super::variables::{is_harmless, may_be_set};
use std::collections::BTreeSet;

/// What the names of a script's own variables begin with on the target.
const OWN_BEGIN: &str = "portreeve_";

/// Names that a script sets, wherever in it, and that are not ours yet.
pub(super) fn own_names(script: &mut Script) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    each_name(script, &mut |name, sets| {
        if sets && !name.starts_with(OWN_BEGIN) && may_be_set(name) && !is_harmless(name) {
            names.insert(name.clone());
        }
    });
    names
}

/// Gives these their own names, where they are set and where they are used.
pub(super) fn rename(script: &mut Script, names: &BTreeSet<String>) {
    each_name(script, &mut |name, _| {
        if names.contains(name) {
            name.insert_str(0, OWN_BEGIN);
        }
    });
}

/// Goes through every name of a variable, and says whether it is set there.
fn each_name(script: &mut Script, see: &mut impl FnMut(&mut String, bool)) {
    each_met(script, &mut |met| match met {
        Met::For(name) => see(name, true),
        Met::Simple(simple) => each_set(simple, see),
        Met::Word(word) => {
            for piece in &mut word.0 {
                if let Piece::Variable { name, .. } = piece {
                    see(name, false);
                }
            }
        }
    });
}

/// The names that a command sets by itself.
fn each_set(simple: &mut Simple, see: &mut impl FnMut(&mut String, bool)) {
    simple.assignments.iter_mut().for_each(|(name, _)| see(name, true));
    // Builtins take names as words.
    let is_before = |word: &&mut Word| {
        matches!(word.literal().as_deref(), Some("command" | "builtin" | "time"))
    };
    let mut words = simple.words.iter_mut().skip_while(is_before);
    let names_variables =
        |word: &mut Word| matches!(word.literal().as_deref(), Some("read" | "unset"));
    if !words.next().is_some_and(names_variables) {
        return;
    }
    for word in words {
        if let [Piece::Text(text)] = word.0.as_mut_slice()
            && !text.starts_with('-')
        {
            see(text, true);
        }
    }
}
