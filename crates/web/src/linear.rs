//! What a look costs grows with the length of the text, whatever is written in it: who sends a
//! body must not be able to keep a gateway busy with it. The same as the detectors' own test of
//! this, for names, escapes, paths, forms and credentials.

use crate::canonical::{CanonicalPath, CanonicalQuery, route_of};
use crate::credential::Hidden;
use crate::escapes::undone;
use crate::files::coded;
use crate::multipart::parts;
use crate::names::valued::{FoldedNames, ValueForm, valued, without_tags};
use crate::names::{named_fields, runs, spellings, words};
use portreeve_model::Secret;
use std::time::{Duration, Instant};

/// The longer of two texts, in bytes, and how many times it is as long as the other.
const LONG_BYTES: usize = 8 << 10;
const TIMES: usize = 4;
/// How much longer than that the longer text may take. What grows with the square takes
/// four times as long.
const GROWTH_MAX: f64 = 2.5;
/// What takes no longer is not measured: the clock of the system ticks.
const FLOOR: Duration = Duration::from_millis(12);
/// Most measurements, of which the best counts.
const MEASUREMENTS: usize = 4;

/// What parts words, values, escapes, parts and paths.
const TOKENS: [&str; 40] = [
    "a", "a ", " ", "\t", "\n", "[", "]", "<", ">", "a=", "=", "id=", "id=\"", "id='", "\"", "'",
    "? ", ":", "->", ",", ";", "|", "</", "<td>", "\\", "\\u{", "\\u", "\\ud800", "%", "%25", "%u",
    "&", "&#", "&#1", "&#x", "a.", ".php", "/", "--x\r\n", "name=",
];

type Look = (&'static str, fn(&str));

const LOOKS: [Look; 9] = [
    ("names", |text| assert!(named_fields(text).map(str::len).count() <= 9 * text.len())),
    ("escapes", |text| assert!(undone(text).len() <= 4 * text.len())),
    ("words", |text| {
        let found = words(text).count() + spellings(text).fold(0, |sum, it| sum + it.len());
        assert!(found <= 400 * text.len());
    }),
    ("runs", |text| assert!(runs(text).count() <= 4 * text.len())),
    ("a path", |text| {
        if let Ok(path) = CanonicalPath::read(&format!("/{text}")) {
            let _ = path.route();
            for segments in path.other_paths() {
                let _ = route_of(segments.into_iter());
            }
        }
        let _ = CanonicalQuery::read(text);
    }),
    ("a form", |text| {
        let form = format!("--x\r\ncontent-disposition: {text}\r\n\r\n{text}\r\n--x--");
        let _ = parts(form.as_bytes(), "x")
            .map(|parts| parts.iter().filter_map(|it| it.name()).count());
    }),
    ("files", |text| assert!(coded(text).len() <= text.len())),
    ("values of names", |text| {
        let names = FoldedNames::from([("a".to_owned(), ["a".to_owned()].into())]);
        assert!(valued(text, &names, |_| Some(ValueForm::Number)).len() <= 1);
        assert!(without_tags(text).is_none_or(|plain| plain.len() < text.len()));
    }),
    ("a credential", |text| {
        let _ = Hidden::of(&Secret::new("the-servers-token".to_owned())).without(text);
    }),
];

/// What this thread has had of a processor, which others use, too; the time of day where the system
/// does not say.
fn now(begin: Instant) -> Duration {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = said.split(' ').next().and_then(|number| number.parse().ok());
    nanoseconds.map_or_else(|| begin.elapsed(), Duration::from_nanos)
}

/// The best of several measurements.
fn took(look: fn(&str), text: &str, measurements: usize) -> Duration {
    let begin = Instant::now();
    let measured = (0..measurements).map(|_| {
        let before = now(begin);
        look(text);
        now(begin).saturating_sub(before)
    });
    measured.min().unwrap_or_default()
}

/// How long the longer and the shorter text take, where that grows with more than the length.
fn growth(look: fn(&str), text: &str, short: &str) -> Option<(Duration, Duration)> {
    if took(look, text, 1) < FLOOR {
        return None;
    }
    let (long, short) = (took(look, text, MEASUREMENTS), took(look, short, MEASUREMENTS));
    let is_more = long > FLOOR && long > short.mul_f64(GROWTH_MAX * TIMES as f64);
    is_more.then_some((long, short))
}

/// So many bytes of a beginning, a part of which is repeated, and another part behind that.
fn text(first: &str, second: &str, length: usize) -> String {
    let half = |token: &str, bytes: usize| token.repeat(bytes / token.len().max(1));
    half(first, length / 2) + &half(second, length / 2)
}

#[test]
fn a_look_takes_time_that_grows_with_the_length() {
    for first in TOKENS {
        for second in TOKENS {
            for begin in ["", "<"] {
                let long = begin.to_owned() + &text(first, second, LONG_BYTES);
                let short = begin.to_owned() + &text(first, second, LONG_BYTES / TIMES);
                for (name, look) in LOOKS {
                    let growth = growth(look, &long, &short);
                    assert_eq!(growth, None, "{name} of {begin:?} {first:?} {second:?}");
                }
            }
        }
    }
}
