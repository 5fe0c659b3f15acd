//! What policies permit, asked of policies that a test knows by heart.

use super::*;
use portreeve_decide::policy::Policies;
use portreeve_model::{
    Action, Category, Chain, CommandRecord, Facts, Need, Object, Outcome, RefusalCode, Revealed,
    SessionId,
};
use serde_json::Value;

const POLICIES: &str = r#"
@id("connect") permit (principal, action == Action::"connect", resource);
@id("read") permit (principal in Group::"analysts", action == Action::"read", resource);
@id("ask") @review("officers")
forbid (principal, action == Action::"write", resource);
@id("write") permit (principal, action == Action::"write", resource);
@id("reveal") permit (principal in Group::"officers", action == Action::"reveal", resource);
"#;

fn event(review: &mut AccessReview, at_us: u64, event: Event) {
    let record = Record { at_us, session: None, seq: 0, salt: String::new(), event, payload: None };
    review.event(at_us, &record, None);
}

fn adopted(text: &str) -> Event {
    let read = Policies::from_source(text);
    let policy = read.map_or("unread".into(), |policies| policies.version().clone());
    Event::PolicyAdopted { policy, source: text.to_owned() }
}

fn session(name: &str, group: &str) -> SessionFacts {
    let mut principal = Party::new(PartyKind::Person, "portreeve", name);
    principal.groups = vec![group.to_owned()];
    SessionFacts {
        id: SessionId(uuid::Uuid::from_u128(name.len() as u128)),
        index: 0,
        opened_at_us: 0,
        chain: Chain::new(principal, Vec::new()),
        resource: "shop".into(),
        protocol: "postgres".into(),
        client: String::new(),
    }
}

/// An exchange of one command with these needs, which shows or compares an address.
fn exchange(review: &mut AccessReview, session: &SessionFacts, needs: &[Need], outcome: &Outcome) {
    let column = Object::column("public", "customers", "email");
    let category = Category("email".into());
    let is_read = needs.iter().any(|need| need.action == Action::Read);
    let command = CommandRecord {
        verb: "SELECT".into(),
        times: 1,
        runs_later: false,
        fingerprint: String::new(),
        shape: String::new(),
        needs: needs.to_vec(),
        facts: Facts::default(),
        before: portreeve_model::Usage::default(),
        categories: BTreeMap::new(),
        unknown: None,
        decision: None,
        revealed: is_read.then_some(Revealed { object: column, category }).into_iter().collect(),
    };
    review.exchange(&Exchange {
        session,
        number: 1,
        index: 0,
        last_index: 0,
        at_us: 0,
        last_at_us: 0,
        commands: &[command],
        rows: 1,
        bytes: 0,
        masked: &BTreeMap::new(),
        detected: &[],
        unrevealed: &[],
        disagreements: 0,
        reviews: &[],
        outcome: Some(outcome),
        withheld: None,
        people: &BTreeMap::new(),
    });
}

fn need(action: Action) -> Need {
    Need { action, object: Object::table("public", "customers") }
}

/// The report of an officer who has read, and of an analyst whose write was refused.
fn told(policies: &[&str]) -> Told {
    let mut review = AccessReview::new(Scope::default(), Inputs::default());
    for (at_us, text) in (1..).zip(policies) {
        event(&mut review, at_us, adopted(text));
    }
    let (ada, olga) = (session("ada", "analysts"), session("olga", "officers"));
    review.session(&ada);
    review.session(&olga);
    exchange(&mut review, &olga, &[need(Action::Read)], &Outcome::Completed);
    let refused = Outcome::Refused { code: RefusalCode::Denied, rule: None };
    exchange(&mut review, &ada, &[need(Action::Write)], &refused);
    Box::new(review).tell(&Walked::default()).unwrap()
}

fn permitted(told: &Told) -> Vec<String> {
    let rows = told.content["effective"]["permitted"].as_array().unwrap();
    let text = |row: &Value, name: &str| row[name].as_str().unwrap_or_default().to_owned();
    let line = |row: &Value| {
        let [who, action, verdict] = ["principal", "action", "verdict"].map(|name| text(row, name));
        format!("{who} {action} {verdict} {}", row["used"])
    };
    rows.iter().map(line).collect()
}

#[test]
fn policies_are_asked_for_everybody_about_everything_that_was_seen() {
    let told = told(&[POLICIES]);
    let expect = [
        "ada connect allow 1",
        "ada read allow 0",
        "ada write review 0",
        "olga connect allow 1",
        "olga write review 0",
        "olga reveal allow 1",
    ];
    assert_eq!(permitted(&told), expect);
    assert_eq!(told.content["effective"]["unused"], 3);
    assert!(told.gaps.iter().any(|gap| gap.contains("at its last hour")));
}

#[test]
fn those_that_were_adopted_last_decide() {
    let nothing = r#"@id("none") forbid (principal, action, resource);"#;
    assert_eq!(permitted(&told(&[POLICIES, nothing])), Vec::<String>::new());
    assert_eq!(permitted(&told(&[nothing, POLICIES])).len(), 6);
}

#[test]
fn a_text_that_is_not_that_of_its_version_decides_nothing() {
    let mut review = AccessReview::new(Scope::default(), Inputs::default());
    event(&mut review, 1, adopted(POLICIES));
    let Event::PolicyAdopted { policy, .. } = adopted(POLICIES) else { unreachable!() };
    let source = POLICIES.replace("analysts", "everybody");
    event(&mut review, 2, Event::PolicyAdopted { policy, source });
    review.session(&session("ada", "everybody"));
    let told = Box::new(review).tell(&Walked::default()).unwrap();
    assert_eq!(permitted(&told), Vec::<String>::new());
}

#[test]
fn without_policies_nothing_is_said_to_be_permitted() {
    for policies in [&[][..], &["no policy"]] {
        let told = told(policies);
        assert_eq!(permitted(&told), Vec::<String>::new());
        assert!(told.gaps.iter().any(|gap| gap.contains("no policies that can be read")));
    }
}
