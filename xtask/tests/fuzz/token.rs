//! Access tokens: whatever is changed in a valid one, it is refused.

use crate::campaign::{Campaign, Folder};
use portreeve_control::administration::AdminLog;
use portreeve_control::identity::TokenRequest;
use portreeve_control::store::{AccountKind, Administration, NewAccount};
use portreeve_control::{Identities, Store, config};
use portreeve_evidence::{EvidenceLog, Options};
use portreeve_model::{Administrator, Secret};
use portreeve_protocol_postgres::MANIFEST;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

const CONFIG: &str = "issuers: [ { local: {} } ]\n\
                      resources: { a: { postgres: { host: 127.0.0.1, user: u } } }\n\
                      policies: [ a.cedar ]\n";

#[test]
fn changed_tokens() {
    let folder = Folder::new("token");
    std::fs::write(folder.0.join("a.cedar"), "").unwrap();
    let config = config::parse(&folder.0.join("portreeve.yaml"), CONFIG, &[&MANIFEST]).unwrap();
    let store = Store::open(Path::new(&folder.0)).unwrap();
    let now = SystemTime::now();
    let how = Administration { by: Administrator::Gateway, at: now };
    let add = |name: &str, kind, groups: &[&str]| {
        store.accounts.add(&NewAccount::new(name, kind, groups), &how).unwrap();
    };
    add("ada", AccountKind::Person, &["analysts"]);
    add("planner", AccountKind::Actor, &[]);
    let log = EvidenceLog::open(Options::new(folder.0.join("evidence"))).unwrap();
    let log = AdminLog::new(store.journal.clone(), Arc::new(log));
    let identities = Identities::new(&config, store).unwrap().recorded_by(log);
    let request = TokenRequest {
        principal: "ada".into(),
        actors: vec!["planner".into()],
        purpose: Some("support".into()),
        ttl: Duration::from_secs(900),
        may_act: None,
    };
    let issued = identities.local().unwrap().issue(&request, &how).unwrap();
    let token = issued.token.reveal().to_owned();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let accepted = |text: &str| {
        runtime.block_on(identities.authenticate(&Secret::new(text.to_owned()), now)).is_ok()
    };
    assert!(accepted(&token), "unchanged");
    let words = [".", "..", "=", "eyJhbGciOiJub25lIn0", "e30", "\n", "bnVsbA"];
    let seeds = vec![token.clone().into_bytes()];
    Campaign { target: "token", inputs: 400, seeds, words: &words }.run(|input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        assert!(text == token || !accepted(text), "a changed token was accepted");
    });
}
