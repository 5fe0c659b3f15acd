//! The canary suite over answers: a marked value in every form of body and in the fields of heads,
//! the body cut at every byte. What is tested is the reply side as exchanges run it.

use super::{Body, Classified, Part, ReplyHead};
use crate::request::{Head, Outgoing, Plan};
use crate::target::{Target, TargetParts};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use portreeve_model::{Category, ObjectKind};
use portreeve_screen::{Place, TextScreen};
use portreeve_session::{Answer, Reply};
use portreeve_testkit::canary::{CANARY, Case, Ends, check};
use portreeve_testkit::world::{World, masker};
use portreeve_transport::{TargetTls, TcpTarget};
use portreeve_web::masking::KnownPaths;
use portreeve_web::{
    Address, CanonicalPath, Credential, Fields, FieldsParts, Http2, More, Rooms, Service,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

const CONNECT: &str = r#"@id("connect") permit(principal, action == Action::"connect", resource);"#;

/// A request that was planned for somebody to whom nothing is revealed.
struct Asked {
    target: Target,
    plan: Plan,
    classified: Classified,
}

/// Of a service whose `email` is classified, or nothing.
async fn asked(classified: Classified) -> Asked {
    let world = World::new(CONNECT, Answer::Expired).await;
    let snapshot = world.session("api").await.unwrap().snapshot();
    let target = target(classified == Classified::Something);
    let path = CanonicalPath::read("/people").unwrap();
    let head = Head::new((Method::GET, path, None), &HeaderMap::new(), ("api.example", &[]), None);
    let (head, body) = (head.unwrap(), Bytes::new());
    let plan = Plan::new(&Outgoing { head, body, masked: BTreeSet::new() }, &target, &snapshot);
    Asked { target, plan, classified }
}

fn target(has_any: bool) -> Target {
    let is_email = move |path: &[&str; 3]| has_any && path[2] == "email";
    let fields = Fields::new(FieldsParts {
        kind: ObjectKind::FIELD,
        owner: "api.example".into(),
        category_of: Arc::new(move |path: &[&str; 3]| {
            is_email(path).then(|| Category::from("email"))
        }),
        clears: Arc::new(|_: &[&str; 3]| false),
        category_apart: Arc::new(|_: &[&str; 3], _: &str| None),
        named: if has_any { vec!["email".into()] } else { Vec::new() },
        named_of: BTreeMap::new(),
        has_any,
    });
    let (tls, timeout) = (TargetTls::Disabled, Duration::from_secs(1));
    let place = TcpTarget { host: "api.example".into(), port: 80, tls, timeout };
    Target::new(TargetParts {
        name: "api".into(),
        serve_host: "api.gateway.example".into(),
        address: Address::new(Service::new(place, Http2::Never, Credential::Open)),
        fields,
        screen: Arc::default(),
        passed: Vec::new(),
        takes_slashes: false,
        description: None,
        graphql: String::new(),
        outgoing: None,
    })
}

impl Asked {
    /// Gives an answer in pieces of its body, and adds what the client sees of it to `seen`.
    fn give(&self, fields: &HeaderMap, pieces: &[&[u8]], seen: &mut Vec<u8>) -> Result<(), String> {
        let (status, prefix) = (StatusCode::OK, String::new());
        let passes = (self.classified, self.plan.passes_opaque);
        let mut body = Body::of(status, fields, passes, (1 << 16, Rooms::default()));
        let mut screen = TextScreen::new(self.target.screen(), Place::unnamed("body"), &[]);
        let mut paths = KnownPaths::default();
        let mut head = Some(ReplyHead { status, fields: fields.clone(), prefix });
        for (at, piece) in pieces.iter().enumerate() {
            let part = Part {
                target: &self.target,
                plan: &self.plan,
                screen: &mut screen,
                paths: &mut paths,
                body: &mut body,
                head: head.take(),
                data: Bytes::copy_from_slice(piece),
                more: if at + 1 == pieces.len() { More::Ended } else { More::Follows },
            };
            seen.extend_from_slice(&part.mask(&masker()).map_err(|why| why.0)?.bytes);
        }
        Ok(())
    }

    fn check(&self, kind: &'static str, spelled: &str, body: &str, ends: Ends) {
        let fields = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        let case = Case { name: kind, stream: body.as_bytes(), spelled, ends };
        check(case, |pieces, seen| self.give(&fields, pieces, seen));
    }

    fn masked(&self, kind: &'static str, body: &str) {
        self.check(kind, CANARY, body, Ends::Masked);
    }

    fn withheld(&self, kind: &'static str, body: &str) {
        self.check(kind, CANARY, body, Ends::Withheld);
    }
}

const JSON: &str = "application/json";

#[tokio::test(flavor = "multi_thread")]
async fn json_wherever_a_value_stands_and_however_it_is_spelled() {
    let asked = asked(Classified::Something).await;
    for body in [
        format!(r#"{{"email":"{CANARY}","note":"harmless"}}"#),
        format!(r#"[{{"note":"ask {CANARY}"}},["harmless"]]"#),
        format!(r#"{{"{CANARY}":1,"note":"harmless"}}"#),
        format!(r#"{{"email":[{{"{CANARY}":["{CANARY}"]}}],"note":"harmless"}}"#),
        format!(r#"{{"inner":"{{\"email\":\"{CANARY}\"}}","note":"harmless"}}"#),
    ] {
        asked.masked(JSON, &body);
        asked.masked("application/problem+json", &body);
        asked.masked("application/x-ndjson", &format!("{body}\n[7]\n"));
        asked.masked("text/plain", &body);
    }
    let spelled = r"canary-7f3a\u0040leak.example";
    for name in ["email", "note"] {
        let body = format!(r#"{{"{name}":"{spelled}","rest":"harmless"}}"#);
        asked.check(JSON, spelled, &body, Ends::Masked);
    }
    asked.withheld(JSON, &format!(r#"{{"email":"{CANARY}""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn events_forms_and_texts() {
    let asked = asked(Classified::Something).await;
    for event in [
        format!("data: {{\"email\":\"{CANARY}\"}}"),
        format!("data: {CANARY}"),
        format!("event: email\ndata: {CANARY}"),
        format!("id: {CANARY}\ndata: x"),
        format!(": {CANARY}\ndata: x"),
    ] {
        // In front: what follows a field's name may be its value.
        asked.masked("text/event-stream", &format!("data: harmless\n\n{event}\n\n"));
    }
    asked.masked("text/plain", &format!("harmless\nask {CANARY}\n"));
    asked.withheld("text/plain", &format!("email: {CANARY}\n"));
    let folded = "canary-7f3a@le\r\n ak.example";
    let calendar = format!("SUMMARY:harmless\r\nATTENDEE:{folded}\r\n");
    asked.check("text/calendar", folded, &calendar, Ends::Masked);
    for name in ["email", "note"] {
        let part = |name: &str, value: &str| {
            format!("--b\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = format!("{}{}--b--\r\n", part(name, CANARY), part("rest", "harmless"));
        asked.masked("multipart/form-data; boundary=b", &body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_records_pass_only_where_nothing_is_classified() {
    let (something, nothing) =
        (asked(Classified::Something).await, asked(Classified::Nothing).await);
    for (kind, body) in [
        ("text/csv", format!("id,mail\nharmless,{CANARY}\n")),
        ("application/xml", format!("<a><b>{CANARY}</b><c>harmless</c></a>")),
        ("application/yaml", format!("mail: {CANARY}\nrest: harmless\n")),
        ("application/x-www-form-urlencoded", format!("rest=harmless&mail={CANARY}")),
    ] {
        nothing.masked(kind, &body);
        something.withheld(kind, &body);
    }
    for kind in ["image/png", "application/octet-stream", "text/rtf"] {
        nothing.withheld(kind, CANARY);
    }
}

/// Stored, not packed, so that the canary stands there as it is.
#[tokio::test(flavor = "multi_thread")]
async fn codings_are_undone() {
    let asked = asked(Classified::Something).await;
    let body = format!(r#"{{"email":"{CANARY}","note":"harmless"}}"#);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(body.as_bytes()).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::none());
    zlib.write_all(body.as_bytes()).unwrap();
    for (coding, stream, ends) in [
        ("gzip", gzip.finish().unwrap(), Ends::Masked),
        ("deflate", zlib.finish().unwrap(), Ends::Masked),
        ("unheard-of", body.clone().into_bytes(), Ends::Withheld),
    ] {
        let fields = HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(JSON)),
            (CONTENT_ENCODING, HeaderValue::from_static(coding)),
        ]);
        let case = Case::plain(coding, &stream, ends);
        check(case, |pieces, seen| asked.give(&fields, pieces, seen));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_of_heads() {
    let asked = asked(Classified::Something).await;
    let check_field = |name: &'static str, text: &str| {
        check(Case::plain(name, text.as_bytes(), Ends::Masked), |pieces, seen| {
            let value = HeaderValue::from_bytes(&pieces.concat()).unwrap();
            let fields = HeaderMap::from_iter([
                (CONTENT_TYPE, HeaderValue::from_static(JSON)),
                (HeaderName::from_static(name), value),
            ]);
            asked.give(&fields, &[b"{}"], seen)
        });
    };
    for name in ["x-note", "link", "location", "date", "retry-after", "warning"] {
        check_field(name, &format!("harmless {CANARY}"));
    }
    // What is masked whole, and what is not shown at all.
    for name in ["email", "x-user-email", "set-cookie", "etag", "vary", "cache-control"] {
        check_field(name, CANARY);
    }
}
