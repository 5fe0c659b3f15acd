//! Texts that hold no name and no address, told by a walk over their words: most sentences are so,
//! and taking a text apart is most of what a look at it costs.
//!
//! INVARIANT: a plain text has no finding when it is taken apart. A property test compares.

use crate::context::scene::Scene;
use crate::names::sentences::Capitals;
use crate::places::counts;

/// Whether a text, in which nothing was found yet, has capital letters and numbers only where names
/// and addresses cannot have them.
pub(super) fn is_plain(scene: &Scene<'_>) -> bool {
    let Some(capitals) = Capitals::of(scene) else { return false };
    let is_without_place = match scene.traits.digits {
        // `s/n` stands for a house without a number.
        0 => memchr::memchr(b'/', scene.text.as_bytes()).is_none(),
        _ => capitals.count == 1 && counts::are_counts(scene),
    };
    is_without_place && capitals.are_plain(scene)
}

#[cfg(test)]
mod tests {
    use super::super::look_for_names_and_places;
    use super::*;
    use crate::text::traits::Traits;
    use proptest::prelude::*;

    fn is_plain(text: &str) -> bool {
        let traits = Traits::of(text.as_bytes());
        super::is_plain(&Scene::bare(text, &traits))
    }

    fn found(text: &str) -> usize {
        let traits = Traits::of(text.as_bytes());
        let mut found = Vec::new();
        look_for_names_and_places(&Scene::bare(text, &traits), 0, &mut found);
        found.len()
    }

    #[test]
    fn sentences_are_plain_and_names_and_addresses_are_not() {
        for text in [
            "The customer asked about the late delivery of an order 12345; answered.",
            "It rang twice before noon. They came back, and left the keys with us. Nothing else.",
            "We have looked at all of it again because the parcel was late 3 times, not 12.",
        ] {
            assert!(is_plain(text), "{text}");
        }
        for text in [
            "",
            "all small letters",
            "The customer is Elena Rossi.",
            "The customer asked Elena. It was late.",
            "The man lives at number 12, and has done so for all of the last years",
            "The customer of whom we have spoken before lives at rue longue 12",
            "The customer of whom we have spoken before lives in the avenue 12",
            "The customer of whom we have spoken before lives at hauptweg 12a",
            "The customer of whom we have spoken before lives at av. mayor s/n",
            "The customer of whom we have spoken befo\u{301}re lives there",
            "O'Neill of whom we have spoken before lives there",
            "Anna-lena of whom we have spoken before lives there",
        ] {
            assert!(!is_plain(text), "{text}");
        }
    }

    /// Words of sentences, beside them what names, streets and disguises are made of.
    fn piece() -> impl Strategy<Value = String> {
        let common = "customer|asked|about|the|late|delivery|of|an|order|answered|and|closed|same|\
                      day|in|it|was|not|at|to|we|had|seen|before|by|which|place|number|van|der|de";
        let rare = "rue|via|calle|avenue|av|am|im|ul|ul\\.|nr|no|bl|suite|floor|herr|mevrouw|\
                    weg|hauptstrasse|katarzyna|kowalska|s/n|'s|-|/|\\.|\\. |,|;|!|\\?|\\(|\"|\n|\\.{9}";
        let capital =
            "The|We|It|They|Order|Anna|Elena Rossi|Berlin|Turun|Dr|Herr|May|A|NATO|McLeod";
        prop_oneof![
            12 => common,
            3 => rare,
            2 => capital,
            2 => "[0-9]{1,7}",
            1 => "[0-9]{1,5}[a-zA-Z]?|[A-Z]{1,2}[0-9]{1,2} [0-9][A-Z]{2}|D-[0-9]{5}",
            1 => "[\u{660}-\u{669}]{1,4}|é|Ж|Ana\u{301}|ｅｖａ|“|\u{200b}|\u{a0}",
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn what_is_plain_has_neither_names_nor_addresses(
            first in "(The |We |It |Order |Anna |Please |May |Van |)",
            head in prop::collection::vec("(customer|asked|about|the|late|delivery|of|an|order)", 0..12),
            rest in prop::collection::vec((piece(), "( | | | |)"), 0..16),
        ) {
            let rest: String = rest.into_iter().flat_map(|(piece, gap)| [piece, gap]).collect();
            let text = format!("{first}{} {rest}", head.join(" "));
            prop_assert!(!is_plain(&text) || found(&text) == 0, "{}", text);
        }
    }
}
