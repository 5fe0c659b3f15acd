//! Made-up traffic: months of sessions, written through the real writer, and what is known of
//! them, kept beside it without reading the log. Whoever reads the log is compared with that.

use portreeve_evidence::{EvidenceLog, Options, SessionRecorder, request_events};
use portreeve_model::{
    Action, Chain, CommandRecord, Custodian, Decision, Detected, Direction, Event, Facts, Held,
    Need, Object, Outcome, Party, PartyKind, RefusalCode, Revealed, RevealedBy, ReviewOutcome,
    SessionId, SubjectCount, Usage, Verdict,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// When it begins: 2026-01-05T00:00:00Z
pub const BEGIN_US: u64 = 1_767_571_200_000_000;
const HOUR_US: u64 = 3_600_000_000;

/// A small generator: the same traffic for the same seed, on every machine.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// For a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `sides`.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.roll(words.len() as u64) as usize]
    }
}

/// One exchange as it was made: the truth.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each is what its name says, for tests only")]
pub struct Truth {
    pub session: SessionId,
    pub at_us: u64,
    pub resource: String,
    pub purpose: Option<String>,
    pub principal: String,
    pub actor: Option<String>,
    pub acting: String,
    pub table: String,
    pub column: String,
    pub category: String,
    pub statements: u64,
    pub shape: String,
    pub rows: u64,
    pub masked: BTreeMap<String, u64>,
    pub found_masked: u64,
    pub found_revealed: u64,
    pub is_revealed: bool,
    pub is_compared: bool,
    pub refused_by: Option<String>,
    pub is_aggregated: bool,
    pub is_withheld: bool,
    pub review: Option<(ReviewOutcome, String, u64)>,
    pub named: BTreeSet<[u8; 16]>,
    pub derived: BTreeSet<[u8; 16]>,
    pub unresolved: u64,
}

/// Everything that was made.
#[derive(Debug, Default)]
pub struct World {
    /// Every exchange, in the order of their ends.
    pub truths: Vec<Truth>,
    /// Sessions whose recordings were destroyed.
    pub shredded: Vec<SessionId>,
    /// Holds in force.
    pub holds_open: u64,
}

/// Stands for a person.
#[must_use]
pub fn token(person: u64) -> [u8; 16] {
    let mut token = [0; 16];
    token[..8].copy_from_slice(&person.to_be_bytes());
    token
}

/// Writes `sessions` sessions into a log in `dir`.
pub fn write(dir: &Path, seed: u64, sessions: u64) -> World {
    let now = Arc::new(AtomicU64::new(BEGIN_US));
    let clock = now.clone();
    let mut options = Options::new(dir).with_clock(move || clock.load(Ordering::Relaxed));
    options.segment_bytes = 1 << 20;
    let log = EvidenceLog::open(options).unwrap();
    let mut maker = Maker { dice: Dice::new(seed), now, world: World::default() };
    // Up to four sessions go on at the same time.
    let mut open: Vec<Open> = Vec::new();
    let mut begun = 0;
    while begun < sessions || !open.is_empty() {
        let roll = maker.dice.roll(10);
        if begun < sessions && (open.is_empty() || (roll < 3 && open.len() < 4)) {
            open.push(maker.begin(&log, begun));
            begun += 1;
        } else if roll == 9 {
            let place = maker.dice.roll(open.len() as u64) as usize;
            maker.end(open.swap_remove(place));
        } else {
            let place = maker.dice.roll(open.len() as u64) as usize;
            maker.exchange(&mut open[place]);
        }
    }
    maker.custody(&log);
    log.close();
    maker.world
}

struct Maker {
    dice: Dice,
    now: Arc<AtomicU64>,
    world: World,
}

struct Open {
    recorder: SessionRecorder,
    session: SessionId,
    chain: Chain,
    resource: &'static str,
    exchanges: u64,
    rows: u64,
}

impl Maker {
    fn pass(&mut self, us_max: u64) -> u64 {
        let step = 1 + self.dice.roll(us_max);
        self.now.fetch_add(step, Ordering::Relaxed) + step
    }

    fn begin(&mut self, log: &EvidenceLog, number: u64) -> Open {
        self.pass(HOUR_US);
        let session = SessionId(uuid::Uuid::from_u128(u128::from(number) + 1));
        let chain = self.chain();
        let (resource, protocol) =
            if self.dice.roll(3) == 0 { ("crm-api", "http") } else { ("shop", "postgres") };
        let mut recorder = log.session(session).unwrap();
        recorder.stage(Event::SessionOpened {
            chain: chain.clone(),
            resource: resource.into(),
            protocol: protocol.into(),
            client: "127.0.0.1:5".into(),
            application: None,
            tls: "none".into(),
            hour: 0,
            decision: Box::new(decision(Verdict::Allow)),
        });
        Open { recorder, session, chain, resource, exchanges: 0, rows: 0 }
    }

    fn chain(&mut self) -> Chain {
        let person = self.dice.one_of(&["ada", "bob", "eve"]);
        let mut principal = Party::new(PartyKind::Person, "portreeve", person);
        principal.groups = vec!["analysts".into()];
        let actors = match self.dice.roll(3) {
            0 => Vec::new(),
            1 => vec![Party::new(PartyKind::Actor, "portreeve", "planner")],
            _ => {
                let mut worker = Party::new(PartyKind::Actor, "portreeve", "worker");
                worker.groups = vec!["workers".into(), "agents".into()];
                vec![Party::new(PartyKind::Actor, "portreeve", "planner"), worker]
            }
        };
        let mut chain = Chain::new(principal, actors);
        match self.dice.roll(4) {
            0 => {}
            1 => chain.stated_purpose = Some("curiosity".into()),
            _ => chain.purpose = Some("billing".into()),
        }
        chain
    }

    fn end(&mut self, mut open: Open) {
        self.pass(HOUR_US / 60);
        let why = "the client left".into();
        let (exchanges, rows) = (open.exchanges, open.rows);
        open.recorder.stage(Event::SessionClosed { why, exchanges, rows });
        open.recorder.submit().wait().unwrap();
    }

    fn exchange(&mut self, open: &mut Open) {
        open.exchanges += 1;
        let number = open.exchanges;
        let mut truth = self.draw(open);
        truth.at_us = self.pass(HOUR_US / 60);
        truth.shape = shape(&truth);
        let command = command(&truth, open.resource);
        let commands = vec![command; usize::from(truth.statements > 1) + 1];
        truth.statements = commands.iter().map(|command| command.times).sum();
        for event in request_events(number, 0, Usage::default(), Vec::new(), commands) {
            open.recorder.stage_payload(event, Direction::FromClient, b"select");
        }
        if let Some((outcome, by, wait_us)) = truth.review.clone() {
            self.review(open, number, outcome, &by, wait_us);
        }
        if truth.refused_by.is_none() {
            self.reply(open, number, &truth);
        }
        if truth.is_withheld {
            // One more part, which the client never got.
            self.part(open, number, 7, &truth, 1_000_000);
            open.recorder.stage(Event::ReplyWithheld { exchange: number, rule: "fence".into() });
        }
        let outcome = match &truth.refused_by {
            Some(rule) => {
                Outcome::Refused { code: RefusalCode::Denied, rule: Some(rule.as_str().into()) }
            }
            None => Outcome::Completed,
        };
        open.recorder.stage(Event::ExchangeClosed {
            exchange: number,
            outcome,
            rows: truth.rows,
            changes: 0,
        });
        open.recorder.submit().wait().unwrap();
        open.rows += truth.rows;
        self.world.truths.push(truth);
    }

    /// What happens in an exchange, before anything of it is written.
    fn draw(&mut self, open: &Open) -> Truth {
        let (table, column, category) = match open.resource {
            "crm-api" => ("crm.GET /people/{id}", "email", "email"),
            _ => match self.dice.roll(3) {
                0 => ("public.customers", "email", "email"),
                1 => ("public.customers", "iban", "iban"),
                _ => ("public.patients", "diagnosis", "health"),
            },
        };
        let is_refused = self.dice.roll(6) == 0;
        let is_reviewed = self.dice.roll(8) == 0;
        let rows = if is_refused { 0 } else { self.dice.roll(40) };
        let is_revealed = self.dice.roll(5) == 0;
        let mut masked = BTreeMap::new();
        if rows > 0 && !is_revealed {
            masked.insert(category.to_owned(), rows);
        }
        let is_found = rows > 0 && self.dice.roll(4) == 0;
        if is_found {
            *masked.entry("phone".to_owned()).or_default() += 2;
        }
        let named = match rows {
            0 => BTreeSet::new(),
            _ => (0..1 + self.dice.roll(5)).map(|_| token(self.dice.roll(200))).collect(),
        };
        let derived: BTreeSet<_> = if rows > 0 && self.dice.roll(3) == 0 {
            [token(self.dice.roll(300))].into()
        } else {
            BTreeSet::new()
        };
        let derived = derived.difference(&named).copied().collect();
        let chain = &open.chain;
        let outcome = if is_refused { ReviewOutcome::Denied } else { ReviewOutcome::Approved };
        Truth {
            session: open.session,
            at_us: 0,
            resource: open.resource.into(),
            purpose: chain.purpose.clone().or_else(|| chain.stated_purpose.clone()),
            principal: chain.principal.subject.clone(),
            actor: chain.actors.last().map(|actor| actor.subject.clone()),
            acting: match chain.actors.last().map(|actor| actor.subject.as_str()) {
                None => "people themselves".into(),
                Some("worker") => "agents in agents, workers".into(),
                Some(actor) => format!("agent {actor}"),
            },
            table: table.into(),
            column: column.into(),
            category: category.into(),
            statements: 1 + self.dice.roll(2),
            shape: String::new(),
            rows,
            masked,
            found_masked: if is_found { 2 } else { 0 },
            found_revealed: if is_found { 1 } else { 0 },
            is_revealed: is_revealed && !is_refused,
            is_compared: self.dice.roll(3) == 0,
            refused_by: is_refused.then(|| self.dice.one_of(&["no-iban", "no-night"]).to_owned()),
            is_aggregated: rows > 0 && self.dice.roll(9) == 0,
            is_withheld: !is_refused && self.dice.roll(20) == 0,
            review: is_reviewed.then(|| {
                let by = self.dice.one_of(&["olga", "oscar"]).to_owned();
                (outcome, by, (1 + self.dice.roll(600)) * 1_000_000)
            }),
            named,
            derived,
            unresolved: if rows > 0 { self.dice.roll(3) } else { 0 },
        }
    }

    fn review(
        &mut self,
        open: &mut Open,
        exchange: u64,
        decision: ReviewOutcome,
        by: &str,
        us: u64,
    ) {
        let review = portreeve_model::ReviewId(format!("rv-{}-{exchange}", open.session));
        open.recorder.stage(Event::ReviewOpened {
            exchange,
            review: review.clone(),
            groups: vec!["officers".into()],
            rule: "ask-first".into(),
            content: portreeve_model::Digest([1; 32]),
            examples: 0,
        });
        self.now.fetch_add(us, Ordering::Relaxed);
        let by = Some(by.to_owned());
        open.recorder.stage(Event::ReviewClosed { exchange, review, decision, by });
    }

    /// The reply in one or two parts.
    fn reply(&mut self, open: &mut Open, exchange: u64, truth: &Truth) {
        let first = truth.rows / 2;
        self.part(
            open,
            exchange,
            first,
            &Truth {
                masked: BTreeMap::new(),
                found_masked: 0,
                found_revealed: 0,
                named: BTreeSet::new(),
                derived: BTreeSet::new(),
                unresolved: 0,
                ..truth.clone()
            },
            10,
        );
        self.part(open, exchange, truth.rows - first, truth, 20);
    }

    fn part(&mut self, open: &mut Open, exchange: u64, rows: u64, truth: &Truth, bytes: usize) {
        if !truth.named.is_empty() || !truth.derived.is_empty() || truth.unresolved > 0 {
            let count = SubjectCount {
                kind: "email".into(),
                people: truth.named.len() as u64,
                derived: truth.derived.len() as u64,
                unresolved: truth.unresolved,
            };
            let tokens: Vec<u8> =
                truth.named.iter().chain(&truth.derived).flatten().copied().collect();
            let objects = [(truth.table.clone(), count)].into();
            let event = Event::Subjects { exchange, objects };
            open.recorder.stage_payload(event, Direction::Subjects, &tokens);
        }
        let is_found = truth.found_masked > 0;
        let detected = is_found.then(|| Detected {
            category: "phone".into(),
            object: Object::resource(),
            place: "note".into(),
            masked: truth.found_masked,
            revealed: truth.found_revealed,
        });
        let masked = truth.masked.iter().map(|(name, count)| (name.as_str().into(), *count));
        let event = Event::Response {
            exchange,
            rows,
            masked: masked.collect(),
            detected: detected.into_iter().collect(),
            revealed_by: is_found.then(|| RevealedBy { policy: "p".into(), hour: 0 }),
        };
        open.recorder.stage_payload(event, Direction::ToClient, &vec![7; bytes.min(20)]);
    }

    /// Some recordings are destroyed, and a hold is placed.
    fn custody(&mut self, log: &EvidenceLog) {
        let by = Custodian::Principal { issuer: "portreeve".into(), subject: "cleo".into() };
        let sessions: BTreeSet<SessionId> =
            self.world.truths.iter().map(|truth| truth.session).collect();
        for of in sessions.into_iter().step_by(7) {
            self.pass(1_000_000);
            log.shred(of, "request 4711", by.clone()).unwrap();
            self.world.shredded.push(of);
        }
        log.hold(Held::Resource("shop".into()), "case 12", by).unwrap();
        self.world.holds_open = 1;
    }
}

fn decision(verdict: Verdict) -> Decision {
    Decision { verdict, policy: "p".into(), reasons: Vec::new(), review_groups: Vec::new() }
}

/// The statement in words, without its constants.
fn shape(truth: &Truth) -> String {
    let (table, column) = (&truth.table, &truth.column);
    match (truth.resource.as_str(), truth.is_compared) {
        ("crm-api", _) => "GET /people/{id}".to_owned(),
        (_, true) => format!("SELECT _ FROM {table} WHERE {column} = ?"),
        (_, false) => format!("SELECT _ FROM {table}"),
    }
}

fn command(truth: &Truth, resource: &str) -> CommandRecord {
    let (table, column) = match resource {
        "crm-api" => {
            let host = "crm".to_owned();
            let route = "GET /people/{id}".to_owned();
            (
                Object { kind: kind("route"), path: vec![host.clone(), route.clone()] },
                Object { kind: kind("field"), path: vec![host, route, truth.column.clone()] },
            )
        }
        _ => {
            let name = truth.table.trim_start_matches("public.");
            (Object::table("public", name), Object::column("public", name, &truth.column))
        }
    };
    let mut needs = vec![Need { action: Action::Read, object: table }];
    let mut places = Vec::new();
    if truth.is_compared {
        places.push(needs.len());
        needs.push(Need { action: Action::Probe, object: column.clone() });
    }
    let category = portreeve_model::Category(truth.category.clone());
    let verdict = if truth.refused_by.is_some() { Verdict::Deny } else { Verdict::Allow };
    CommandRecord {
        verb: if resource == "crm-api" { "GET" } else { "SELECT" }.into(),
        times: 1,
        runs_later: false,
        fingerprint: match resource {
            "crm-api" => truth.shape.clone(),
            _ => format!("f00d {}", truth.shape.len()),
        },
        // What is no SQL has a fingerprint that says it.
        shape: if resource == "crm-api" { String::new() } else { truth.shape.clone() },
        needs,
        facts: Facts { aggregated: truth.is_aggregated, ..Facts::default() },
        before: portreeve_model::Usage::default(),
        categories: if places.is_empty() {
            BTreeMap::new()
        } else {
            [(category.clone(), places)].into()
        },
        unknown: None,
        decision: Some(decision(verdict)),
        revealed: if truth.is_revealed {
            vec![Revealed { object: column, category }]
        } else {
            Vec::new()
        },
    }
}

fn kind(word: &str) -> portreeve_model::ObjectKind {
    portreeve_model::ObjectKind::named(word).expect("there is such a kind")
}
