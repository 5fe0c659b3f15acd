//! The configuration file: what is accepted, what every mistake looks like, and that
//! the schema says the same as the reader.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use portreeve_control::config;
use portreeve_model::{Manifest, ObjectKind, SettingKind, defaults};
use portreeve_protocol_postgres::MANIFEST;
use portreeve_testkit::toy;
use std::path::{Path, PathBuf};

/// Every protocol that the binary has.
const MANIFESTS: [&Manifest; 4] = [
    &MANIFEST,
    &portreeve_protocol_http::MANIFEST,
    &portreeve_protocol_mcp::MANIFEST,
    &portreeve_protocol_ssh::MANIFEST,
];

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/config")
}

fn parse(text: &str) -> Result<config::Config, config::ConfigError> {
    config::parse(Path::new("x.yaml"), text, &MANIFESTS)
}

fn render(error: &config::ConfigError) -> String {
    let mut text = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::none())
        .with_width(100)
        .render_report(&mut text, error)
        .unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim().to_owned() + "\n"
}

/// Every `*.yaml` is loaded; `*.expected` beside it is what an operator sees.
/// `UPDATE=1` rewrites them.
#[test]
fn mistakes_look_like_this() {
    let folder = corpus();
    let mut seen = 0;
    let mut different = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|e| e == "yaml")) {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        // Paths in messages must not depend on the machine.
        let shown = match config::parse(Path::new(name), &text, &MANIFESTS) {
            Ok(_) => "accepted\n".to_owned(),
            Err(error) => render(&error),
        };
        let expected = file.with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &shown).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != shown {
            different.push(format!("--- {name}\n{shown}"));
        }
        seen += 1;
    }
    assert!(seen >= 12, "the corpus is there");
    assert!(different.is_empty(), "{}", different.join("\n"));
}

#[test]
fn the_committed_schema_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/portreeve.schema.json");
    let schema = serde_json::to_string_pretty(&config::schema(&MANIFESTS)).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), schema, "run with UPDATE=1");
}

/// Those that connectors serve.
const CONNECTOR_MANIFESTS: [&Manifest; 3] =
    [&MANIFEST, &portreeve_protocol_http::MANIFEST, &portreeve_protocol_mcp::MANIFEST];

#[test]
fn the_committed_schema_of_connectors_is_the_generated_one() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/connector.schema.json");
    let schema = config::connector_schema(&CONNECTOR_MANIFESTS);
    let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &schema).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), schema, "run with UPDATE=1");
}

/// Writes every default of a connector's schema into a file: it must be the file without them.
#[test]
fn the_defaults_of_a_connectors_schema_are_those_of_the_reader() {
    let folder = tempfile::TempDir::new().unwrap();
    let schema = config::connector_schema(&CONNECTOR_MANIFESTS);
    let read = |written: &serde_json::Value| {
        let file = folder.path().join("connector.yaml");
        std::fs::write(&file, written.to_string()).unwrap();
        let read = config::load_connector(&file, &MANIFESTS);
        let read = read.unwrap_or_else(|error| panic!("{}", render(&error)));
        format!("{read:?}")
    };
    let bare = serde_json::json!({
        "gateways": ["gateway.example.org:8445"],
        "resources": {
            "shop": {"postgres": {"host": "h", "user": "u"}}, "web": {"http": {"host": "h"}},
            "tools": {"mcp": {"host": "h"}},
        },
    });
    let mut written = bare.clone();
    let mut filled = 0;
    let mut fill = |target: &mut serde_json::Value, properties: &serde_json::Value| {
        for (name, property) in properties["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default")
                && target.get(name).is_none()
            {
                target[name] = default.clone();
                filled += 1;
            }
        }
    };
    fill(&mut written, &schema);
    fill(&mut written["limits"], &schema["$defs"]["ConnectorLimits"]);
    for (name, protocol) in [("shop", "postgres"), ("web", "http"), ("tools", "mcp")] {
        let definition = format!("{protocol}.target");
        fill(&mut written["resources"][name][protocol], &schema["$defs"][definition.as_str()]);
    }
    assert!(filled > 6, "{filled}");
    assert_eq!(read(&written), read(&bare));
    // What only a gateway has is not in it, and not read.
    assert!(schema["$defs"]["http.target"]["properties"]["serve_host"].is_null());
    assert!(schema["$defs"]["http.target"]["properties"]["http2"].is_object());
}

/// Writes every default of the schema into a file: it must be the file without them.
#[test]
fn the_defaults_of_the_schema_are_those_of_the_reader() {
    let schema = config::schema(&MANIFESTS);
    let mut written = serde_json::json!({
        "issuers": [{"local": {}}, {"oidc": {"issuer": "https://id.example.org"}}],
        "resources": {
            "shop": {"postgres": {"host": "h", "user": "u"}}, "web": {"http": {"host": "h"}},
            "tools": {"mcp": {"host": "h"}},
            "machine": {"ssh": {"host": "h", "host_key": "k", "user": "u"}},
        },
        "evidence": {"witnesses": [], "quorum": 1},
    });
    let bare = written.clone();
    let top = schema["properties"].clone();
    let mut filled = 0;
    let mut fill = |target: &mut serde_json::Value, properties: &serde_json::Value| {
        for (name, property) in properties.as_object().unwrap() {
            if let Some(default) = property.get("default")
                && target.get(name).is_none()
            {
                target[name] = default.clone();
                filled += 1;
            }
        }
    };
    let definition = |name: &str| schema["$defs"][name]["properties"].clone();
    fill(&mut written, &top);
    fill(&mut written["limits"], &definition("Limits"));
    fill(&mut written["reviews"], &definition("Reviews"));
    fill(&mut written["evidence"], &definition("Evidence"));
    fill(&mut written["evidence"]["retention"], &definition("Retention"));
    fill(&mut written["listen"], &definition("Listen"));
    fill(&mut written["issuers"][0]["local"], &definition("LocalIssuer"));
    fill(&mut written["issuers"][1]["oidc"], &definition("OidcIssuer"));
    fill(&mut written["resources"]["shop"], &definition("Resource"));
    fill(&mut written["resources"]["shop"]["postgres"], &definition("postgres.target"));
    fill(&mut written["limits"]["postgres"], &definition("postgres.limits"));
    fill(&mut written["resources"]["web"]["http"], &definition("http.target"));
    fill(&mut written["limits"]["http"], &definition("http.limits"));
    fill(&mut written["resources"]["tools"]["mcp"], &definition("mcp.target"));
    fill(&mut written["limits"]["mcp"], &definition("mcp.limits"));
    fill(&mut written["resources"]["machine"]["ssh"], &definition("ssh.target"));
    fill(&mut written["limits"]["ssh"], &definition("ssh.limits"));
    assert!(filled > 25, "{filled}");
    let load = |value: &serde_json::Value| {
        let config = parse(&value.to_string()).unwrap();
        format!("{config:#?}")
    };
    similar(&load(&bare), &load(&written));
}

/// What is not configured has one set of numbers, whoever needs them.
#[test]
fn the_defaults_of_the_engine_are_those_of_the_configuration() {
    let config =
        parse("issuers: [{local: {}}]\nresources: {shop: {postgres: {host: h, user: u}}}\n")
            .unwrap();
    let (limits, engine) = (&config.limits, portreeve_session::Limits::default());
    let own = portreeve_protocol_postgres::ProtocolLimits::default();
    let of_protocol = &limits.protocols[MANIFEST.name];
    let size = |name| of_protocol.bytes(name).unwrap();
    assert_eq!(engine.sessions_max, limits.sessions_max as usize);
    let of_one = limits.sessions_per_principal_max;
    assert_eq!(engine.sessions_per_principal_max, of_one as usize);
    assert_eq!(engine.evidence_per_principal_max, limits.evidence_per_principal_max);
    assert_eq!(engine.held_bytes_max, usize::try_from(limits.held_bytes_max).unwrap());
    assert_eq!(engine.write_timeout, limits.client_write_timeout);
    assert_eq!(engine.review_timeout, config.reviews.timeout);
    assert_eq!(own.login_timeout, limits.login_timeout);
    assert_eq!(own.client_idle_timeout, limits.client_idle_timeout);
    assert_eq!(own.message_bytes_max, size("message_bytes_max"));
    assert_eq!(own.reply_message_bytes_max, size("reply_message_bytes_max"));
    assert_eq!(own.statement_bytes_max, size("statement_bytes_max"));
    assert_eq!(limits.groups_max, defaults::GROUPS_MAX);
}

/// Every key that the schema knows is known to the reader.
#[test]
fn the_keys_of_the_schema_are_those_of_the_reader() {
    fn names(value: &serde_json::Value, found: &mut Vec<String>) {
        if let Some(properties) = value.get("properties").and_then(|p| p.as_object()) {
            found.extend(properties.keys().cloned());
        }
        match value {
            serde_json::Value::Object(map) => map.values().for_each(|inner| names(inner, found)),
            serde_json::Value::Array(all) => all.iter().for_each(|inner| names(inner, found)),
            _ => {}
        }
    }
    let mut known = Vec::new();
    names(&config::schema(&MANIFESTS), &mut known);
    // A file with a wrong key in every section lists, in its hints, every right one.
    let text = "zzzz1: 1\nlisten: {zzzz2: 1, api: {zzzz3: 1, tls: {zzzz4: 1}}}\n\
        reviews: {zzzz5: 1}\nlimits: {zzzz6: 1, postgres: {zzzz17: 1}, http: {zzzz18: 1}, \
        mcp: {zzzz22: 1}, ssh: {zzzz31: 1}}\n\
        evidence: {zzzz14: 1, retention: {zzzz15: 1}, witnesses: [{zzzz16: 1}]}\n\
        masking: {email: {zzzz19: 1}}\n\
        issuers: [{local: {zzzz7: 1}}, {oidc: {zzzz8: 1, issuer: \"https://x\"}}, {zzzz9: 1}]\n\
        resources: {shop: {zzzz10: 1, unclassified: {zzzz20: 1}, postgres: {zzzz11: 1, host: h, \
        user: u, password: {zzzz12: 1}, tls: {zzzz13: 1}}}, web: {http: {zzzz21: 1, host: h, \
        header: {zzzz33: 1, name: n}, oauth: {zzzz34: 1, url: u, client_id: c}, \
        aws: {zzzz35: 1, region: r, service: s, access_key_id: a}}}, \
        tools: {mcp: {zzzz23: 1, host: h}}, \
        kept: {postgres: {host: h, user: u, password: {vault: {zzzz38: 1, address: \"https://x\", \
        path: p, app_role: {zzzz39: 1, role_id: r, secret_id: {zzzz40: 1, env: S}}}}}}, \
        managed: {postgres: {host: h, user: u, password: {aws_secret: {zzzz41: 1, id: i, \
        region: r}}}}, \
        machine: {ssh: {zzzz32: 1, host: h, host_key: k, user: u, \
        certificate: {zzzz37: 1}}}}\n\
        exports: {a: {zzzz24: 1, file: {zzzz25: 1, path: p}}, \
        b: {syslog: {zzzz26: 1, address: \"127.0.0.1:1\"}}, \
        c: {webhook: {zzzz27: 1, url: \"https://x\"}}, \
        d: {splunk_hec: {zzzz28: 1, url: \"https://x\", token: {env: T}}}, \
        e: {elasticsearch: {zzzz29: 1, url: \"https://x\", index: i}}, \
        f: {otlp: {zzzz30: 1, url: \"https://x\"}}, \
        g: {s3: {zzzz34: 1, url: \"https://x\", bucket: b, access_key: {env: A}, \
        secret_key: {env: B}}}, \
        h: {nats: {zzzz36: 1, url: \"tls://x:4222\"}}}\n\
        anomalies: {zzzz33: 1}\n";
    let error = parse(text).unwrap_err();
    let hints: Vec<_> = error.problems().iter().filter_map(|p| p.help.clone()).collect();
    let listed: Vec<_> = hints.iter().filter(|hint| hint.starts_with("known here")).collect();
    assert_eq!(listed.len(), 43, "{hints:#?}");
    for name in known {
        assert!(listed.iter().any(|hint| hint.contains(&format!("`{name}`"))), "{name}");
    }
    let in_schema =
        |word: &&str| config::schema(&MANIFESTS).to_string().contains(&format!("\"{word}\":"));
    for hint in listed {
        let words: Vec<&str> = hint.split('`').skip(1).step_by(2).collect();
        assert!(words.iter().all(in_schema), "{hint}");
    }
}

#[test]
fn events_leave_for_nats_encrypted_and_under_a_subject() {
    let check = |nats: &str, expect: &str| {
        let text = format!(
            "issuers: [{{local: {{}}}}]\n\
             resources: {{shop: {{postgres: {{host: h, user: u, password: {{env: P}}}}}}}}\n\
             exports: {{a: {{nats: {{{nats}}}}}}}\n"
        );
        let said = parse(&text).map_or_else(|error| render(&error), |_| "fine".to_owned());
        assert!(said.contains(expect), "{nats}: {said}");
    };
    for url in ["tls://nats.example:4222", "nats://127.0.0.1:4222", "nats://[::1]:4222"] {
        check(&format!("url: \"{url}\""), "fine");
    }
    check("url: \"nats://nats.example:4222\"", "would get events in the clear");
    for url in ["nats.example:4222", "tls://", "https://x", "tls://u:p@x:4222", "tls://a,nats://b"]
    {
        check(&format!("url: \"{url}\""), "is no address");
    }
    let url = "url: \"tls://x:4222\"";
    check(&format!("{url}, subject: audit.portreeve"), "fine");
    for subject in ["audit.>", "a..b", "a b", ".a", "a."] {
        check(&format!("{url}, subject: {subject}"), "is no subject of NATS");
    }
    check(&format!("{url}, user: u"), "password");
    check(&format!("{url}, password: {{env: P}}"), "user");
}

#[track_caller]
fn similar(left: &str, right: &str) {
    let differ: Vec<_> = left.lines().zip(right.lines()).filter(|(l, r)| l != r).collect();
    assert!(left == right, "{differ:#?}");
}

#[test]
fn a_password_in_the_file_is_never_shown() {
    let text = "issuers: [{local: {}}]\nresources: {shop: {postgres: {host: h, user: u, \
        password: hunter2, odd: 1}}}\n";
    let error = parse(text).unwrap_err();
    assert_eq!(error.problems().len(), 2);
    assert!(!render(&error).contains("hunter2"), "{}", render(&error));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn secrets_are_read_when_they_are_needed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    let write = |text: &[u8]| {
        std::fs::write(&file, text).unwrap();
        config::SecretSource::File(file.clone()).resolve().map(|secret| secret.reveal().clone())
    };
    assert_eq!(write(b"hunter2\n").unwrap(), "hunter2");
    assert_eq!(write(b" a b ").unwrap(), " a b ");
    assert!(write(b"").is_err() && write(b"\n").is_err() && write(b"\xff").is_err());
    assert!(write(&vec![b'x'; 70_000]).is_err());
    folder.close().unwrap();
    assert!(config::SecretSource::File(file).resolve().is_err());
    assert!(config::SecretSource::Env("PORTREEVE_NO_SUCH_THING".into()).resolve().is_err());
}

/// The tables of docs/configuration.md are made from the schema.
#[test]
fn the_documentation_lists_every_key() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, rest) = text.split_once("<!-- reference: begin").unwrap();
    let (marker, rest) = rest.split_once("-->\n").unwrap();
    let (_, tail) = rest.split_once("<!-- reference: end -->").unwrap();
    let reference = reference(&MANIFESTS);
    let fresh =
        format!("{head}<!-- reference: begin{marker}-->\n{reference}<!-- reference: end -->{tail}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&file, &fresh).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    assert!(committed == fresh, "docs/configuration.md is old: run with UPDATE=1");
}

/// The example of docs/configuration.md is accepted, with the policies of this tree.
#[test]
fn the_example_of_the_documentation_is_accepted() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
    let (_, rest) = text.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let config = config::parse(&root.join("portreeve.yaml"), example, &MANIFESTS);
    let config = config.unwrap_or_else(|error| panic!("{}", render(&error)));
    let shop = &config.resources["shop"];
    assert_eq!(shop.protocol, "postgres");
    assert_eq!(shop.target.text("database").unwrap(), "shop");
    let category = shop.classify.category_of(ObjectKind::COLUMN, &["public", "customers", "email"]);
    assert_eq!(category, Some(&"email".into()));
    assert!(!config.policies.is_empty());
}

/// The sections of the reference, in its order: the title, and the name in the schema.
fn sections(protocols: &[&'static Manifest]) -> Vec<(String, String)> {
    let listeners = protocols.iter().map(|it| it.name).chain(["api"]);
    let listeners: Vec<String> = listeners.map(|name| format!("`listen.{name}`")).collect();
    let own = |place: &str, part: &str| {
        let section = |it: &&'static Manifest| {
            (format!("`{place}.{}`: {}", it.name, it.title), format!("{}.{part}", it.name))
        };
        protocols.iter().map(section).collect::<Vec<_>>()
    };
    let section = |title: &str, name: &str| vec![(title.to_owned(), name.to_owned())];
    let settings = protocols.iter().flat_map(|it| it.target);
    let inner = settings.filter(|it| matches!(it.kind, SettingKind::Section(_)));
    let mut inner: Vec<_> =
        inner.map(|it| (format!("`resources.NAME.….{}`", it.name), it.name.to_owned())).collect();
    inner.sort();
    inner.dedup();
    [
        section("The file", ""),
        section(&listeners.join(", "), "Listener"),
        section("`listen.….tls`", "ServerTls"),
        section("`issuers[].local`", "LocalIssuer"),
        section("`issuers[].oidc`", "OidcIssuer"),
        section("`resources.NAME`", "Resource"),
        own("resources.NAME", "target"),
        inner,
        section("`resources.NAME.….tls`", "TargetTls"),
        section("`….vault`", "VaultSecret"),
        section("`….vault.app_role`", "AppRole"),
        section("`….aws_secret`", "AwsSecret"),
        section("`reviews`", "Reviews"),
        section("`evidence`", "Evidence"),
        section("`evidence.retention`", "Retention"),
        section("`evidence.witnesses[]`", "WitnessAddress"),
        section("`limits`", "Limits"),
        own("limits", "limits"),
    ]
    .concat()
}

#[test]
fn the_sections_of_a_protocol_are_those_of_its_manifest() {
    let check = |protocols: &[&'static Manifest], expect: &[&str]| {
        let titles: Vec<String> = sections(protocols).into_iter().map(|(title, _)| title).collect();
        let own = ["listen.", "resources.NAME.", "limits."];
        let own = |title: &&String| own.iter().any(|part| title.contains(part));
        let own: Vec<&String> = titles.iter().filter(own).filter(|it| !it.contains('…')).collect();
        assert_eq!(own, expect);
        let schema = config::schema(protocols);
        for (title, name) in sections(protocols).iter().filter(|(_, name)| !name.is_empty()) {
            assert!(schema["$defs"][name]["properties"].is_object(), "{title}");
        }
    };
    check(
        &[&MANIFEST],
        &[
            "`listen.postgres`, `listen.api`",
            "`resources.NAME.postgres`: PostgreSQL",
            "`limits.postgres`: PostgreSQL",
        ],
    );
    check(
        &[&MANIFEST, &toy::MANIFEST],
        &[
            "`listen.postgres`, `listen.toy`, `listen.api`",
            "`resources.NAME.postgres`: PostgreSQL",
            "`resources.NAME.toy`: Toy",
            "`limits.postgres`: PostgreSQL",
            "`limits.toy`: Toy",
        ],
    );
}

/// Where the next protocol goes: its manifest is all that the configuration needs.
#[test]
fn a_protocol_that_nobody_here_knows_is_configured_by_its_manifest() {
    let protocols: [&'static Manifest; 2] = [&MANIFEST, &toy::MANIFEST];
    let parse = |target: &str| {
        let text = format!(
            "issuers: [{{local: {{}}}}]\nlisten: {{toy: {{}}}}\n\
             limits: {{toy: {{line_bytes_max: 8KiB}}}}\nresources: {{box: {{toy: {{{target}}}}}}}\n"
        );
        config::parse(Path::new("portreeve.yaml"), &text, &protocols)
    };
    let config = parse("host: h").unwrap_or_else(|error| panic!("{}", render(&error)));
    assert_eq!(config.listen.protocols["toy"].addresses[0].port(), 10007);
    let place = &config.resources["box"];
    assert_eq!((place.protocol, place.target.port("port").unwrap()), ("toy", 7));
    assert_eq!(config.limits.protocols["toy"].bytes("line_bytes_max").unwrap(), 8 << 10);
    let error = render(&parse("hots: h").unwrap_err());
    assert!(error.contains("`hots`") && error.contains("`host`"), "{error}");
    assert!(reference(&protocols).contains("| `line_bytes_max` | `4KiB` | The longest line. |"));
}

fn reference(protocols: &[&'static Manifest]) -> String {
    let schema = config::schema(protocols);
    let mut text = String::new();
    for (title, name) in sections(protocols) {
        let section = if name.is_empty() { &schema } else { &schema["$defs"][name.as_str()] };
        text.push_str(&format!("\n### {title}\n\n| key | default | |\n|---|---|---|\n"));
        let required = section["required"].as_array().unwrap();
        for (key, property) in section["properties"].as_object().unwrap() {
            let default = match property.get("default") {
                Some(serde_json::Value::String(word)) => format!("`{word}`"),
                Some(value) => format!("`{value}`"),
                None if required.iter().any(|name| name == key) => "**required**".to_owned(),
                None => String::new(),
            };
            let about = property["description"].as_str().unwrap().replace('\n', " ");
            text.push_str(&format!("| `{key}` | {default} | {about} |\n"));
        }
    }
    text.push('\n');
    text
}
