//! Variables of a script get names of our own. One that the login has exported under the script's
//! name (`SetEnv http_proxy …`) would else tell programs how to work once the script sets it, and
//! no list of such names is complete. What a script only reads keeps its name.

use super::syntax::{Node, Piece, Place, Redirect, Script, Simple, Word};
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
    script.0.iter_mut().for_each(|(node, _)| each_in_node(node, see));
}

fn each_in_node(node: &mut Node, see: &mut impl FnMut(&mut String, bool)) {
    match node {
        Node::Simple(simple) => each_in_simple(simple, see),
        Node::Pipe(nodes) => nodes.iter_mut().for_each(|node| each_in_node(node, see)),
        Node::Not(node) => each_in_node(node, see),
        Node::Group { script, redirects, .. } => {
            each_name(script, see);
            redirects.iter_mut().for_each(|redirect| each_in_redirect(redirect, see));
        }
        Node::If { arms, otherwise } => {
            for (condition, then) in arms {
                each_name(condition, see);
                each_name(then, see);
            }
            each_name(otherwise, see);
        }
        Node::Loop { condition, body, .. } => {
            each_name(condition, see);
            each_name(body, see);
        }
        Node::For { name, words, body } => {
            see(name, true);
            words.iter_mut().for_each(|word| each_in_word(word, see));
            each_name(body, see);
        }
    }
}

fn each_in_simple(simple: &mut Simple, see: &mut impl FnMut(&mut String, bool)) {
    let Simple { assignments, words, redirects } = simple;
    for (name, value) in assignments {
        see(name, true);
        each_in_word(value, see);
    }
    redirects.iter_mut().for_each(|redirect| each_in_redirect(redirect, see));
    words.iter_mut().for_each(|word| each_in_word(word, see));
    // Builtins take names as words.
    let is_before = |word: &&mut Word| {
        matches!(word.literal().as_deref(), Some("command" | "builtin" | "time"))
    };
    let mut words = words.iter_mut().skip_while(is_before);
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

fn each_in_redirect(redirect: &mut Redirect, see: &mut impl FnMut(&mut String, bool)) {
    match &mut redirect.to {
        Place::Read(word) | Place::Write(word) | Place::Append(word) | Place::HereWord(word) => {
            each_in_word(word, see);
        }
        Place::Same(_) | Place::Closed | Place::Here(_) => {}
    }
}

fn each_in_word(word: &mut Word, see: &mut impl FnMut(&mut String, bool)) {
    for piece in &mut word.0 {
        match piece {
            Piece::Variable { name, .. } => see(name, false),
            Piece::Output { script, .. } => each_name(script, see),
            Piece::Text(_) | Piece::Glob(_) | Piece::Home => {}
        }
    }
}
