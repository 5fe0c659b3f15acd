//! Each rule crosses its bound at the exchange at which it must, and not one before; and a watch
//! that was ended and begun anew finds what one finds that was not.

use super::{Finding, Rule, Rules, Watch};
use crate::walk::{Exchange, SessionFacts};
use portreeve_model::{
    Action, Category, Chain, CommandRecord, Facts, Need, Object, Outcome, Party, PartyKind,
    RefusalCode, Revealed, SessionId,
};
use std::collections::BTreeMap;

const HOUR_US: u64 = 3_600_000_000;
/// A Monday at noon.
const NOON: u64 = 24 * 20_000 + 12;

/// What somebody does, in a few words.
#[derive(Clone)]
struct Deed {
    who: &'static str,
    hour: u64,
    rows: u64,
    probes: u64,
    category: Option<&'static str>,
    is_masked: bool,
    is_refused: bool,
}

fn deed(hour: u64) -> Deed {
    let (who, category) = ("ada", None);
    Deed { who, hour, rows: 1, probes: 0, category, is_masked: true, is_refused: false }
}

fn chain(who: &str) -> Chain {
    let kind = if who == "nightly" { PartyKind::Service } else { PartyKind::Person };
    let agent = Party::new(PartyKind::Actor, "portreeve", "planner");
    Chain::new(Party::new(kind, "portreeve", who), vec![agent])
}

/// Shows a watch one deed, as the record `index`.
fn shown(watch: &mut Watch, index: u64, deed: &Deed) -> Vec<Finding> {
    let session = SessionFacts {
        id: SessionId(uuid::Uuid::from_u128(1)),
        index: 0,
        opened_at_us: 0,
        chain: chain(deed.who),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: "127.0.0.1:5".into(),
    };
    let column = Object::column("public", "people", "x");
    let category = |name: &str| Category(name.to_owned());
    let revealed = deed
        .category
        .filter(|_| !deed.is_masked)
        .map(|name| Revealed { object: column.clone(), category: category(name) });
    let command = CommandRecord {
        verb: "SELECT".into(),
        times: 1,
        runs_later: false,
        fingerprint: "f00d".into(),
        shape: String::new(),
        needs: vec![Need { action: Action::Read, object: column }],
        facts: Facts { probes: deed.probes, ..Facts::default() },
        before: portreeve_model::Usage::default(),
        categories: deed.category.map(|name| (category(name), vec![0])).into_iter().collect(),
        unknown: None,
        decision: None,
        revealed: revealed.into_iter().collect(),
    };
    let outcome = match deed.is_refused {
        true => Outcome::Refused { code: RefusalCode::Denied, rule: None },
        false => Outcome::Completed,
    };
    let masked: BTreeMap<Category, u64> = deed
        .category
        .filter(|_| deed.is_masked)
        .map(|name| (category(name), deed.rows))
        .into_iter()
        .collect();
    watch.exchange(&Exchange {
        session: &session,
        number: 1,
        index,
        last_index: index + 1,
        at_us: deed.hour * HOUR_US,
        last_at_us: deed.hour * HOUR_US,
        commands: &[command],
        rows: deed.rows,
        bytes: 0,
        masked: &masked,
        detected: &[],
        unrevealed: &[],
        disagreements: 0,
        reviews: &[],
        outcome: Some(&outcome),
        withheld: None,
        people: &BTreeMap::new(),
    })
}

/// What is found of each deed, in short.
fn found(rules: &Rules, deeds: &[Deed]) -> Vec<String> {
    let mut watch = Watch::new(rules.clone());
    let all = deeds.iter().enumerate().flat_map(|(at, deed)| {
        let findings = shown(&mut watch, at as u64 * 10, deed);
        findings.into_iter().map(move |found| {
            format!(
                "{at}: {} {} > {} by {:?}",
                found.rule.word(),
                found.found,
                found.bound,
                found.records
            )
        })
    });
    all.collect()
}

fn check(rules: &Rules, deeds: &[Deed], expect: &[&str]) {
    assert_eq!(found(rules, deeds), expect);
}

/// Who is known well enough to be compared.
fn known(who: &'static str) -> Deed {
    Deed { who, ..deed(NOON - 72) }
}

#[test]
fn a_category_is_new_once_and_to_whom_is_known() {
    let touches = |hour, category| Deed { category: Some(category), ..deed(hour) };
    check(
        &Rules::default(),
        &[
            touches(NOON - 72, "email"),
            touches(NOON - 1, "iban"),
            touches(NOON, "email"),
            touches(NOON, "health"),
            touches(NOON + 1, "health"),
            Deed { is_refused: true, ..touches(NOON + 1, "salary") },
            touches(NOON + 2, "salary"),
            Deed { who: "eve", ..touches(NOON + 2, "health") },
        ],
        &["3: new-category 1 > 0 by [30]", "6: new-category 1 > 0 by [60]"],
    );
}

#[test]
fn an_hour_is_compared_with_the_busiest_one_before() {
    let gets = |hour, rows| Deed { rows, ..deed(hour) };
    check(
        &Rules::default(),
        &[
            gets(NOON - 72, 300),
            gets(NOON - 30, 100),
            gets(NOON, 1_400),
            gets(NOON, 100),
            gets(NOON, 1),
            gets(NOON, 5_000),
            // The hour before is history now.
            gets(NOON + 1, 5_001),
            gets(NOON + 2, 32_505),
            gets(NOON + 3, 162_526),
        ],
        &["4: volume 1501 > 1500 by [20, 30, 40]", "8: volume 162526 > 162525 by [80]"],
    );
    // Who is new has no history, and a little is never far above anything.
    check(&Rules::default(), &[gets(NOON, 1_000_000)], &[]);
    check(&Rules::default(), &[gets(NOON - 72, 1), gets(NOON, 1_000)], &[]);
}

#[test]
fn refusals_and_probes_are_counted_by_the_hour() {
    let rules = Rules { refusals_per_hour: 3, probes_per_hour: 10, ..Rules::default() };
    let refused = |hour| Deed { is_refused: true, rows: 0, ..deed(hour) };
    check(
        &rules,
        &[
            refused(NOON),
            refused(NOON),
            refused(NOON + 1),
            refused(NOON + 1),
            deed(NOON + 1),
            refused(NOON + 1),
            refused(NOON + 1),
        ],
        &["5: refusals 3 > 2 by [20, 30, 50]"],
    );
    let probes = |probes| Deed { probes, ..deed(NOON) };
    check(
        &rules,
        &[probes(9), deed(NOON), probes(1), probes(90)],
        &["2: probing 10 > 9 by [0, 20]"],
    );
    let off = Rules { refusals_per_hour: 0, probes_per_hour: 0, ..Rules::default() };
    check(&off, &[probes(1_000), refused(NOON)], &[]);
}

#[test]
fn people_are_told_to_work_at_night_once_a_night_and_programs_are_not() {
    let rules = Rules::default();
    let at = |hour| deed(hour);
    check(
        &rules,
        &[known("ada"), at(NOON + 11), at(NOON + 13), at(NOON + 35), at(NOON + 38)],
        &["1: night 1 > 0 by [10]", "4: night 1 > 0 by [40]"],
    );
    let service = Deed { who: "nightly", ..at(NOON + 12) };
    check(&rules, &[known("nightly"), service], &[]);
}

#[test]
fn a_masked_share_that_falls_is_told_once_a_day() {
    let day = |day: u64, rows, is_masked| Deed {
        category: Some("email"),
        rows,
        is_masked,
        ..deed(NOON + 24 * day)
    };
    check(
        &Rules { learning_hours: 10_000, ..Rules::default() },
        &[
            day(0, 100, true),
            day(1, 99, false),
            day(1, 1, false),
            day(1, 50, false),
            // 100 of 250 were masked before: 40 %, and no more than 20 % now.
            day(2, 19, true),
            day(2, 76, false),
            day(2, 9, false),
        ],
        &["2: masked-share 0 > 80 by [10, 20]", "6: masked-share 18 > 20 by [50, 60]"],
    );
}

#[test]
fn what_is_remembered_is_what_was_kept() {
    let mut dice = 7_u64;
    let mut roll = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut hour = NOON;
    let deeds: Vec<Deed> = (0..2_000)
        .map(|at| {
            hour += roll(3);
            Deed {
                who: ["ada", "bob", "eve"][roll(3) as usize],
                hour,
                rows: {
                    let digits = roll(4) as u32;
                    roll(10_u64.pow(1 + digits))
                },
                probes: roll(40),
                // Something new comes late.
                category: [None, Some("email"), Some(if at < 1_500 { "iban" } else { "health" })]
                    [roll(3) as usize],
                is_masked: roll(3) > 0,
                is_refused: roll(3) == 0,
            }
        })
        .collect();
    let rules =
        Rules { refusals_per_hour: 2, probes_per_hour: 60, volume_factor: 1, ..Rules::default() };
    let mut whole = Watch::new(rules.clone());
    let mut watch = Watch::new(rules.clone());
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut count = BTreeMap::<Rule, u64>::new();
    for (at, deed) in deeds.iter().enumerate() {
        let expect = shown(&mut whole, at as u64, deed);
        assert_eq!(shown(&mut watch, at as u64, deed), expect, "{at}");
        expect.iter().for_each(|found| *count.entry(found.rule).or_default() += 1);
        for (name, history) in watch.changes() {
            match history {
                Some(text) => drop(kept.insert(name, text)),
                None => drop(kept.remove(&name)),
            }
        }
        if at % 17 == 0 {
            watch = Watch::new(rules.clone());
            assert!(kept.iter().all(|(name, text)| watch.remember(name, text)));
        }
    }
    assert!(Rule::ALL.iter().all(|rule| count.get(rule) > Some(&0)), "{count:?}");
}

#[test]
fn one_chain_and_all_of_them_take_no_more_than_their_room() {
    let mut watch = Watch::new(Rules::default());
    let names: Vec<String> = (0..100).map(|at| format!("c{at}")).collect();
    let names: Vec<&'static str> = names.into_iter().map(|name| &*name.leak()).collect();
    for at in 0..50_000_u64 {
        let category = Some(names[(at % 100) as usize]);
        drop(shown(&mut watch, at, &Deed { category, rows: 3, probes: 2, ..deed(NOON + at / 20) }));
    }
    let changes = watch.changes();
    let longest = changes.iter().filter_map(|(_, text)| text.as_ref()).map(String::len).max();
    assert!(longest < Some(4_096), "{longest:?}");
}
