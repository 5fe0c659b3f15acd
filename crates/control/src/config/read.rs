//! From the tree to the configuration: every section, every rule between them.

use super::problem::closest;
use super::scalar;
use super::section::{Reader, Section, as_list, as_text, listed};
use super::tree::{Node, Value};
use super::types::{Config, Issuer, Limits, LocalIssuer, OidcIssuer, Reviews, SignatureAlgorithm};
use super::{anomalies, evidence, exports, listen, masking, policies, resources, settings};
use portreeve_model::{Manifest, defaults};
use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use std::time::Duration;

/// Reads the whole document; problems are left in the reader.
pub(crate) fn config(reader: &mut Reader<'_>, file: &Path, root: Node) -> Option<Config> {
    if !matches!(root.value, Value::Mapping(_) | Value::Null) {
        let message =
            format!("the file must be a mapping of keys to values, not {}", root.value.kind());
        reader.problems.add(root.span, message);
        return None;
    }
    let mut top = Section::open(reader, "", 0..0, Some(root));
    let data_dir = top.file(reader, "data_dir");
    let data_dir = data_dir.unwrap_or_else(|| reader.folder.join("portreeve-data"));
    let listen = top.section(reader, "listen");
    let issuers = read_issuers(reader, &mut top);
    let resources = resources::read(reader, &mut top);
    let listen = listen::read(reader, listen, &resources);
    let section = top.section(reader, "masking");
    let masking = masking::read(reader, section);
    let policies = policies::read(reader, &mut top);
    let mut section = top.section(reader, "reviews");
    let reviews = Reviews {
        timeout: section.duration(reader, "timeout", defaults::REVIEW_TIMEOUT, "7d"),
        examples: section.number(reader, "examples", defaults::REVIEW_EXAMPLES, 0..=20),
    };
    section.close(reader);
    let section = top.section(reader, "evidence");
    let evidence = evidence::read(reader, section, &resources, &masking);
    let section = top.section(reader, "exports");
    let exports = exports::read(reader, section);
    let section = top.section(reader, "anomalies");
    let anomalies = anomalies::read(reader, section);
    let section = top.section(reader, "limits");
    let limits = read_limits(reader, section);
    top.close(reader);
    let file = file.to_owned();
    Some(Config {
        file,
        data_dir,
        listen,
        issuers,
        resources,
        masking,
        policies,
        reviews,
        evidence,
        exports,
        anomalies,
        limits,
    })
}

fn read_issuers(reader: &mut Reader<'_>, top: &mut Section) -> Vec<Issuer> {
    let Some((key, node)) = top.take("issuers") else {
        reader.problems.add_with_help(
            top.span(),
            "`issuers` is missing: nobody could log in",
            "add `issuers: [ { local: {} } ]` to begin with the embedded issuer",
        );
        return Vec::new();
    };
    let items = as_list(reader, "issuers", node);
    if items.is_empty() {
        let message = "`issuers` must name at least one issuer";
        reader.problems.add_with_help(key.span, message, "add `- local: {}`");
    }
    let mut issuers: Vec<Issuer> = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let span = item.span.clone();
        let Some(issuer) = read_issuer(reader, index, item) else {
            continue;
        };
        let twice = issuers.iter().any(|earlier| match (earlier, &issuer) {
            (Issuer::Local(_), Issuer::Local(_)) => true,
            (Issuer::Oidc(earlier), Issuer::Oidc(issuer)) => earlier.issuer == issuer.issuer,
            (Issuer::Local(_), Issuer::Oidc(_)) | (Issuer::Oidc(_), Issuer::Local(_)) => false,
        });
        if twice {
            reader.problems.add(span, format!("`issuers[{index}]` is the same as an earlier one"));
        }
        issuers.push(issuer);
    }
    issuers
}

fn read_issuer(reader: &mut Reader<'_>, index: usize, item: Node) -> Option<Issuer> {
    let name = format!("issuers[{index}]");
    let span = first_byte(&item.span);
    let mut section = Section::open(reader, name.as_str(), span.clone(), Some(item));
    let local = section.take("local");
    let oidc = section.take("oidc");
    section.close(reader);
    match (local, oidc) {
        (Some((key, node)), None) => {
            let mut section = Section::open(reader, format!("{name}.local"), key.span, Some(node));
            let audience = section.text_or(reader, "audience", "portreeve");
            section.close(reader);
            Some(Issuer::Local(LocalIssuer { audience }))
        }
        (None, Some((key, node))) => {
            let section = Section::open(reader, format!("{name}.oidc"), key.span, Some(node));
            read_oidc(reader, section).map(|issuer| Issuer::Oidc(Box::new(issuer)))
        }
        (None, None) => {
            reader.problems.add(span, format!("`{name}` must be `local` or `oidc`"));
            None
        }
        (Some(_), Some(_)) => {
            let message = format!("`{name}` cannot be both `local` and `oidc`");
            reader.problems.add_with_help(span, message, "make two list items of it");
            None
        }
    }
}

fn read_oidc(reader: &mut Reader<'_>, mut section: Section) -> Option<OidcIssuer> {
    let issuer = section.required_text(reader, "issuer");
    let audience = section.text_or(reader, "audience", "portreeve");
    let algorithms = match section.take("algorithms") {
        Some((key, node)) => read_algorithms(reader, &section, key.span, node),
        None => DEFAULT_ALGORITHMS.to_vec(),
    };
    let groups_claim = section.text_or(reader, "groups_claim", "groups");
    let purpose_claim = section.text_or(reader, "purpose_claim", "purpose");
    let person_claim = section.text(reader, "person_claim").map(|(claim, _)| claim);
    let interactive_clients = read_texts(reader, &mut section, "interactive_clients");
    let logout_clients = read_texts(reader, &mut section, "logout_clients");
    let token_lifetime_max =
        section.duration(reader, "token_lifetime_max", TOKEN_LIFETIME_MAX, "1d");
    let ca = section.file(reader, "ca");
    let name = section.path("issuer");
    section.close(reader);
    let (issuer, span) = issuer?;
    if let Err(why) = scalar::secure_url(&issuer) {
        reader.problems.add(span, format!("`{name}` {why}"));
        return None;
    }
    Some(OidcIssuer {
        issuer,
        audience,
        algorithms,
        groups_claim,
        purpose_claim,
        person_claim,
        interactive_clients,
        logout_clients,
        token_lifetime_max,
        ca,
    })
}

fn read_texts(reader: &mut Reader<'_>, section: &mut Section, field: &'static str) -> Vec<String> {
    let Some((_, node)) = section.take(field) else { return Vec::new() };
    let name = section.path(field);
    let items = as_list(reader, &name, node);
    items.into_iter().filter_map(|item| Some(as_text(reader, &name, item)?.0)).collect()
}

fn read_algorithms(
    reader: &mut Reader<'_>,
    section: &Section,
    span: Range<usize>,
    node: Node,
) -> Vec<SignatureAlgorithm> {
    let name = section.path("algorithms");
    let items = as_list(reader, &name, node);
    if items.is_empty() {
        reader.problems.add(span, format!("`{name}` must name at least one algorithm"));
    }
    let mut algorithms = Vec::new();
    for item in items {
        let Some((text, span)) = as_text(reader, &name, item) else {
            continue;
        };
        if let Some(algorithm) = SignatureAlgorithm::from_name(&text) {
            algorithms.push(algorithm);
            continue;
        }
        let known: Vec<&str> = SignatureAlgorithm::ALL.iter().map(|known| known.name()).collect();
        let symmetric = text.to_ascii_uppercase().starts_with("HS");
        let help = match closest(&text, &known) {
            _ if symmetric || text.eq_ignore_ascii_case("none") => {
                "a token must be signed with a key that only its issuer has; \
                 use `RS256`, `ES256` or `EdDSA`"
                    .to_owned()
            }
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known: {}", listed(&known)),
        };
        reader.problems.add_with_help(span, format!("`{text}` is not accepted"), help);
    }
    algorithms
}

fn read_limits(reader: &mut Reader<'_>, mut s: Section) -> Limits {
    let sessions_max = s.number(reader, "sessions_max", defaults::SESSIONS_MAX, 1..=1_000_000);
    let mut limits = Limits {
        sessions_max,
        sessions_per_principal_max: {
            let default = defaults::sessions_per_principal_max(sessions_max);
            s.number(reader, "sessions_per_principal_max", default, 1..=1_000_000)
        },
        evidence_per_principal_max: {
            let default = defaults::EVIDENCE_PER_PRINCIPAL_MAX;
            s.size(reader, "evidence_per_principal_max", default, EVIDENCE_BYTES)
        },
        logins_max: s.number(reader, "logins_max", defaults::LOGINS_MAX, 1..=100_000),
        logins_per_address_max: {
            let default = defaults::LOGINS_PER_ADDRESS_MAX;
            s.number(reader, "logins_per_address_max", default, 1..=100_000)
        },
        login_timeout: s.duration(reader, "login_timeout", defaults::LOGIN_TIMEOUT, "10m"),
        client_idle_timeout: {
            s.duration(reader, "client_idle_timeout", defaults::CLIENT_IDLE_TIMEOUT, "30d")
        },
        client_write_timeout: {
            s.duration(reader, "client_write_timeout", defaults::CLIENT_WRITE_TIMEOUT, "1d")
        },
        target_connect_timeout: {
            s.duration(reader, "target_connect_timeout", defaults::TARGET_CONNECT_TIMEOUT, "10m")
        },
        connector_wait: s.duration(reader, "connector_wait", defaults::CONNECTOR_WAIT, "10m"),
        connector_certificate_lifetime: {
            let default = defaults::CONNECTOR_CERTIFICATE_LIFETIME;
            s.duration(reader, "connector_certificate_lifetime", default, "1y")
        },
        connector_silence_max: {
            s.duration(reader, "connector_silence_max", defaults::CONNECTOR_SILENCE_MAX, "10m")
        },
        held_bytes_max: { s.size(reader, "held_bytes_max", defaults::HELD_BYTES_MAX, HELD_BYTES) },
        groups_max: s.number(reader, "groups_max", defaults::GROUPS_MAX, 1..=10_000),
        auth_failures_max: {
            s.number(reader, "auth_failures_max", defaults::AUTH_FAILURES_MAX, 1..=1_000_000)
        },
        auth_refusal_time: {
            s.duration(reader, "auth_refusal_time", defaults::AUTH_REFUSAL_TIME, "1d")
        },
        protocols: BTreeMap::new(),
    };
    let protocols = reader.protocols;
    for manifest in protocols {
        let own = s.section(reader, manifest.name);
        if let Some(read) = settings::read(reader, own, manifest.limits, "") {
            limits.protocols.insert(manifest.name, read);
        }
    }
    s.close_with(reader, |key| {
        let owner = |manifest: &&&'static Manifest| {
            manifest.limits.iter().any(|setting| setting.name == key)
        };
        let manifest = protocols.iter().find(owner)?;
        Some(format!("every protocol has its own: write `limits.{}.{key}`", manifest.name))
    });
    limits
}

impl Reader<'_> {
    /// Whether nothing was said about a place yet: one mistake, one message.
    pub(crate) fn problems_free_of(&self, span: &Range<usize>) -> bool {
        !self.problems.mentions(span)
    }
}

fn first_byte(span: &Range<usize>) -> Range<usize> {
    span.start..span.start
}

/// Whether a value is the bare word `null`, which YAML takes for nothing.
pub(crate) fn is_bare_null(text: &str, node: &Node) -> bool {
    matches!(node.value, Value::Null)
        && text.get(node.span.clone()).is_some_and(|word| word.trim() == "null")
}

const HELD_BYTES: RangeInclusive<u64> = 64 << 10..=1 << 30;
const EVIDENCE_BYTES: RangeInclusive<u64> = 1 << 20..=1 << 50;
/// Some issuers make tokens for up to 90 minutes.
pub(crate) const TOKEN_LIFETIME_MAX: Duration = Duration::from_secs(2 * 60 * 60);
const DEFAULT_ALGORITHMS: [SignatureAlgorithm; 5] = [
    SignatureAlgorithm::RS256,
    SignatureAlgorithm::PS256,
    SignatureAlgorithm::ES256,
    SignatureAlgorithm::ES384,
    SignatureAlgorithm::EdDSA,
];
