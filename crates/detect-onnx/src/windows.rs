//! Windows over a text that is longer than a model can see, and what is made of the answers.

use crate::labels::Label;
use crate::tokens::Word;
use portreeve_detect::{Category, Evidence, Finding};
use std::ops::Range;

/// What a finding of this tier is called.
const RULE: &str = "onnx";

/// A stretch of words that the model sees at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Window {
    /// The words that it sees.
    pub(crate) seen: Range<usize>,
    /// The words that it answers for: the others are nearer to the middle of a neighbour.
    pub(crate) kept: Range<usize>,
}

/// Cuts words into windows of at most `room` tokens. Neighbours share about a quarter.
pub(crate) fn windows(words: &[Word], room: usize) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    let mut start = 0;
    while start < words.len() {
        let first = words[start].pieces.start;
        let fits = |word: &Word| word.pieces.end - first <= room;
        // A word alone may be too long; its end is then left out.
        let end = (start + words[start..].partition_point(fits)).max(start + 1);
        let from = match windows.last_mut() {
            Some(before) => {
                let middle = start.midpoint(before.seen.end);
                before.kept.end = middle;
                middle
            }
            None => 0,
        };
        windows.push(Window { seen: start..end, kept: from..end });
        if end == words.len() {
            break;
        }
        let shared = words[end - 1].pieces.end.saturating_sub(room / 4);
        let next = words[..end].partition_point(|word| word.pieces.start < shared);
        start = next.clamp(start + 1, end);
    }
    windows
}

/// What the model thinks of a word, by its first piece.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Guess {
    category: Category,
    /// Of the likeliest label of the category.
    name: usize,
    begins: bool,
    /// That it is anything at all.
    chance: f32,
}

/// Adds up the chances of the labels. Nothing below `least`.
pub(crate) fn guess(chances: &[f32], labels: &[Label], least: f32) -> Option<Guess> {
    let mut sums: Vec<(f32, Guess)> = Vec::new();
    for (label, chance) in labels.iter().zip(chances) {
        let Some(category) = label.category else { continue };
        let new = Guess { category, name: label.name, begins: label.begins, chance: *chance };
        match sums.iter_mut().find(|(_, best)| best.category == category) {
            Some((sum, best)) => {
                *sum += chance;
                if new.chance > best.chance {
                    *best = new;
                }
            }
            None => sums.push((*chance, new)),
        }
    }
    let chance: f32 = sums.iter().map(|(sum, _)| sum).sum();
    let (_, best) = sums.into_iter().reduce(|best, it| if it.0 > best.0 { it } else { best })?;
    (chance >= least).then_some(Guess { chance, ..best })
}

/// Joins the guesses of neighbouring words into findings.
pub(crate) fn join(words: &[Word], guesses: &[Option<Guess>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let mut open: Option<(Guess, Range<usize>, Vec<f32>)> = None;
    let mut close = |open: &mut Option<(Guess, Range<usize>, Vec<f32>)>| {
        if let Some((guess, range, chances)) = open.take() {
            let mean = chances.iter().sum::<f32>() / chances.len() as f32;
            findings.push(Finding {
                start: range.start,
                end: range.end,
                category: guess.category,
                score: (mean * 100.0).round().clamp(0.0, 100.0) as u8,
                evidence: Evidence::Model,
                rule: RULE,
                disguised: false,
            });
        }
    };
    for (word, guess) in words.iter().zip(guesses) {
        match (&mut open, guess) {
            (Some((last, range, chances)), Some(guess))
                if last.category == guess.category
                    && !(guess.begins && guess.name == last.name) =>
            {
                last.name = guess.name;
                range.end = word.range.end;
                chances.push(guess.chance);
            }
            (_, Some(guess)) => {
                close(&mut open);
                open = Some((*guess, word.range.clone(), vec![guess.chance]));
            }
            (_, None) => close(&mut open),
        }
    }
    close(&mut open);
    findings
}

/// Puts findings together so that none overlap. What has structure stays as it is; of the rest
/// the surer one stays, and what sticks out of another is kept, cut: no letter that somebody
/// has found gets lost.
pub(crate) fn merge(text: &str, found: &mut Vec<Finding>, more: Vec<Finding>) {
    let mut all = std::mem::take(found);
    all.extend(more);
    let is_model = |it: &Finding| it.evidence == Evidence::Model;
    all.sort_by_key(|it| (is_model(it), std::cmp::Reverse(it.score), it.start, it.end));
    let mut kept: Vec<Finding> = Vec::with_capacity(all.len());
    for finding in all {
        let mut start = finding.start;
        let mut parts = Vec::new();
        // Kept spans are sorted and disjoint.
        let first = kept.partition_point(|it| it.end <= finding.start);
        for other in kept[first..].iter().take_while(|it| it.start < finding.end) {
            parts.push(start..other.start.max(start));
            start = other.end;
        }
        parts.push(start..finding.end.max(start));
        for part in parts {
            let Some(whole) = text.get(part.clone()) else { continue };
            let mut piece = finding;
            if part != finding.range() {
                let is_sign = |c: char| !c.is_alphanumeric();
                let front = whole.len() - whole.trim_start_matches(is_sign).len();
                let value = whole.trim_matches(is_sign);
                if value.is_empty() {
                    continue;
                }
                piece.start = part.start + front;
                piece.end = piece.start + value.len();
            }
            let at = kept.partition_point(|it| it.start < piece.start);
            kept.insert(at, piece);
        }
    }
    *found = kept;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of so many tokens each.
    fn words(counts: &[usize]) -> Vec<Word> {
        let mut at = 0;
        let mut word = |(index, count): (usize, &usize)| {
            let pieces = at..at + count;
            at = pieces.end;
            Word { range: index * 2..index * 2 + 1, pieces }
        };
        counts.iter().enumerate().map(&mut word).collect()
    }

    #[test]
    fn every_word_is_answered_for_once_from_where_it_is_seen_best() {
        for room in [14, 30, 62] {
            for counts in [vec![1; 100], vec![3; 50], vec![20, 1, 1, 40, 2, 200, 1]] {
                let words = words(&counts);
                let windows = windows(&words, room);
                let mut next = 0;
                for window in &windows {
                    assert_eq!(window.kept.start, next, "{windows:?}");
                    assert!(window.seen.start <= window.kept.start);
                    assert!(window.kept.end <= window.seen.end);
                    let tokens = words[window.seen.end - 1].pieces.end
                        - words[window.seen.start].pieces.start;
                    assert!(tokens <= room || window.seen.len() == 1);
                    next = window.kept.end;
                }
                assert_eq!(next, words.len());
            }
        }
        assert!(windows(&[], 14).is_empty());
    }

    #[test]
    fn neighbours_overlap_and_share_the_overlap() {
        let windows = windows(&words(&[1; 20]), 12);
        let shown: Vec<_> = windows.iter().map(|it| (it.seen.clone(), it.kept.clone())).collect();
        assert_eq!(shown, [(0..12, 0..10), (9..20, 10..20)]);
    }

    fn label(category: Option<Category>, begins: bool) -> Label {
        Label { category, begins, name: usize::from(category == Some(Category::Location)) }
    }

    #[test]
    fn chances_of_one_category_add_up() {
        let person = Some(Category::PersonName);
        let labels = [
            label(None, false),
            label(person, true),
            label(person, false),
            label(Some(Category::Location), true),
        ];
        let found = guess(&[0.4, 0.2, 0.15, 0.25], &labels, 0.5).unwrap();
        assert_eq!((found.category, found.begins), (Category::PersonName, true));
        assert!((found.chance - 0.6).abs() < 1e-6);
        assert_eq!(guess(&[0.6, 0.2, 0.1, 0.1], &labels, 0.5), None);
    }

    #[test]
    fn spans_end_where_another_begins() {
        let named = |category, name, begins| Some(Guess { category, name, begins, chance: 0.9 });
        let guess = |category, begins| named(category, 0, begins);
        let (person, place) = (Category::PersonName, Category::Location);
        let guesses = [
            guess(person, true),
            guess(person, false),
            guess(person, true),
            guess(place, false),
            None,
            guess(place, false),
        ];
        let found = join(&words(&[1; 6]), &guesses);
        let found: Vec<_> = found.iter().map(|it| (it.start, it.end, it.category)).collect();
        assert_eq!(found, [(0, 3, person), (4, 5, person), (6, 7, place), (10, 11, place)]);
        // A surname that begins goes on with the given name, another given name does not.
        let guesses = [named(person, 1, true), named(person, 2, true), named(person, 2, true)];
        let found = join(&words(&[1; 3]), &guesses);
        let found: Vec<_> = found.iter().map(|it| (it.start, it.end)).collect();
        assert_eq!(found, [(0, 3), (4, 5)]);
    }

    /// Checks a merge in `text`, findings written as (value, score, whether of a model).
    #[track_caller]
    fn check(own: &[(&str, u8, bool)], more: &[(&str, u8)], expect: &[&str]) {
        let text = "von Anna Maria Ede an anna@ede.org, Berlin";
        let finding = |value: &str, score, is_model: bool, rule| {
            let start = text.find(value).unwrap();
            Finding {
                start,
                end: start + value.len(),
                category: Category::PersonName,
                score,
                evidence: if is_model { Evidence::Model } else { Evidence::Shape },
                rule,
                disguised: false,
            }
        };
        let mut found: Vec<_> = own.iter().map(|it| finding(it.0, it.1, it.2, "own")).collect();
        let more = more.iter().map(|it| finding(it.0, it.1, true, RULE)).collect();
        merge(text, &mut found, more);
        let found: Vec<_> =
            found.iter().map(|it| format!("{}:{}", it.rule, &text[it.range()])).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn structure_wins_and_nothing_found_is_lost() {
        check(
            &[("anna@ede.org", 96, false)],
            &[("anna@ede.org, Berlin", 99)],
            &["own:anna@ede.org", "onnx:Berlin"],
        );
        check(&[("anna@ede.org", 40, false)], &[("ede", 99)], &["own:anna@ede.org"]);
        check(&[("Maria", 60, true)], &[("Anna Maria Ede", 99)], &["onnx:Anna Maria Ede"]);
        check(&[("Maria Ede", 90, true)], &[("Anna Maria", 70)], &["onnx:Anna", "own:Maria Ede"]);
        check(
            &[("Maria", 90, true)],
            &[("Anna Maria Ede", 70)],
            &["onnx:Anna", "own:Maria", "onnx:Ede"],
        );
        check(&[("von Anna", 60, true)], &[("Anna", 99)], &["own:von", "onnx:Anna"]);
    }
}
