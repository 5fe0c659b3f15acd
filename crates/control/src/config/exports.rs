//! The `exports` section: who else gets what the log says.

use super::problem::closest;
use super::scalar;
use super::secrets::read_secret;
use super::section::{Reader, Section, listed};
use super::types::SizeText;
use crate::secrets::SecretSource;
use schemars::JsonSchema;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// How events are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Encoding {
    /// JSON of the Open Cybersecurity Schema Framework 1.8.
    #[default]
    Ocsf,
    /// JSON of the Elastic Common Schema.
    Ecs,
    /// ArcSight's Common Event Format.
    Cef,
}

impl Encoding {
    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
        }
    }
}

/// What is left out of events.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Redaction {
    /// Nothing. Values of the target's data are in no event anyway.
    #[default]
    None,
    /// Names of people and addresses; agents and services stay.
    People,
    /// Names of objects and rules and shapes of statements, too: what is left is counts.
    Objects,
}

impl Redaction {
    /// The word in the configuration.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::People => "people",
            Self::Objects => "objects",
        }
    }
}

/// Another system that gets events of the log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Export {
    /// How events are written.
    pub format: Encoding,
    /// What is left out.
    pub redact: Redaction,
    /// Where they go.
    pub sink: ExportSink,
}

/// Another system that gets events of the log: by exactly one of the sections.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, rename = "Export")]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) struct ExportText {
    /// How events are written: `ocsf` (1.8), `ecs`, `cef`.
    #[schemars(extend("default" = "ocsf"))]
    format: Encoding,
    /// What is left out: nothing, names of `people` and addresses, or `objects`, too.
    #[schemars(extend("default" = "none"))]
    redact: Redaction,
    /// A file, one event a line.
    file: Option<FileExport>,
    /// Syslog (RFC 5424).
    syslog: Option<SyslogExport>,
    /// An address that signed batches are posted to.
    webhook: Option<WebhookExport>,
    /// Splunk's HTTP Event Collector.
    splunk_hec: Option<SplunkExport>,
    /// Elasticsearch's or OpenSearch's bulk API.
    elasticsearch: Option<ElasticsearchExport>,
    /// OpenTelemetry logs over HTTP, JSON.
    otlp: Option<OtlpExport>,
    /// Objects in a bucket of S3, or of what speaks like it.
    s3: Option<S3Export>,
    /// A stream of NATS `JetStream`.
    nats: Option<NatsExport>,
}

/// Where events go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ExportSink {
    /// A file, one event a line.
    File(FileExport),
    /// Syslog (RFC 5424).
    Syslog(SyslogExport),
    /// An address that signed batches are posted to.
    Webhook(WebhookExport),
    /// Splunk's HTTP Event Collector.
    SplunkHec(SplunkExport),
    /// Elasticsearch's or OpenSearch's bulk API.
    Elasticsearch(ElasticsearchExport),
    /// OpenTelemetry logs over HTTP, JSON.
    Otlp(OtlpExport),
    /// Objects in a bucket of S3, or of what speaks like it.
    S3(S3Export),
    /// A stream of NATS `JetStream`.
    Nats(NatsExport),
}

/// A file, one event a line.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FileExport {
    /// The file.
    #[schemars(with = "String")]
    pub path: PathBuf,
    /// A file that would become larger is rotated.
    #[schemars(with = "SizeText", extend("default" = "64MiB"))]
    pub size_max: u64,
    /// How many rotated files stay: `PATH.1` is the newest.
    #[schemars(extend("default" = FILES_KEPT))]
    pub keep: u32,
}

/// Syslog (RFC 5424).
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SyslogExport {
    /// `host:port`.
    pub address: String,
    /// `tls` (RFC 5425), `tcp` (RFC 6587), `udp` (RFC 5426). Without `tls` for loopback only.
    #[schemars(extend("default" = "tls"))]
    pub transport: SyslogTransport,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// What carries syslog.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum SyslogTransport {
    /// TLS over TCP.
    Tls,
    /// TCP.
    Tcp,
    /// UDP: what gets lost on the way is lost.
    Udp,
}

/// An address that signed batches are posted to.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct WebhookExport {
    /// The address. `http` for loopback only.
    pub url: String,
    /// What batches are signed with (Standard Webhooks). By default they are not.
    pub secret: Option<SecretSource>,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// Splunk's HTTP Event Collector.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct SplunkExport {
    /// The address, before `/services/collector`. `http` for loopback only.
    pub url: String,
    /// The collector's token.
    pub token: SecretSource,
    /// The index. By default the token's.
    pub index: Option<String>,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// Elasticsearch's or OpenSearch's bulk API.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ElasticsearchExport {
    /// The address, before `/_bulk`. `http` for loopback only.
    pub url: String,
    /// The index or data stream.
    pub index: String,
    /// The API key, encoded. By default none is sent.
    pub api_key: Option<SecretSource>,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// OpenTelemetry logs over HTTP, JSON.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OtlpExport {
    /// The address, before `/v1/logs`. `http` for loopback only.
    pub url: String,
    /// A bearer token. By default none is sent.
    pub token: Option<SecretSource>,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// Objects in a bucket of S3, or of what speaks like it: JSON lines.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct S3Export {
    /// The address, without the bucket. `http` for loopback only.
    pub url: String,
    /// The bucket.
    pub bucket: String,
    /// The region that requests are signed for.
    #[schemars(extend("default" = S3_REGION))]
    pub region: String,
    /// What names of objects begin with.
    #[schemars(extend("default" = S3_PREFIX))]
    pub prefix: String,
    /// The access key's id.
    pub access_key: SecretSource,
    /// The secret access key.
    pub secret_key: SecretSource,
    /// How long events are gathered for one object.
    #[schemars(with = "String", extend("default" = "60s"))]
    pub every: Duration,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// A stream of NATS `JetStream`: a message for each event.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct NatsExport {
    /// The server: `tls://host:4222`. `nats://` for loopback only.
    pub url: String,
    /// The subject, which a stream must take.
    #[schemars(extend("default" = NATS_SUBJECT))]
    pub subject: String,
    /// A token. By default none is sent.
    pub token: Option<SecretSource>,
    /// A user, with `password`.
    pub user: Option<String>,
    /// The user's password.
    pub password: Option<SecretSource>,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

impl NatsExport {
    /// Whether the connection has to be TLS.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.url.starts_with("tls://")
    }
}

const NATS_SUBJECT: &str = "portreeve.events";
const S3_REGION: &str = "us-east-1";
const S3_PREFIX: &str = "portreeve/";
const S3_EVERY: Duration = Duration::from_secs(60);
const FILES_KEPT: u32 = 5;
const FILE_BYTES: u64 = 64 << 20;
/// Exports of one gateway: each reads the log for itself.
const EXPORTS_MAX: usize = 16;
const SINKS: [&str; 8] =
    ["file", "syslog", "webhook", "splunk_hec", "elasticsearch", "otlp", "s3", "nats"];

impl ExportSink {
    /// Its word in the configuration.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::File(_) => "file",
            Self::Syslog(_) => "syslog",
            Self::Webhook(_) => "webhook",
            Self::SplunkHec(_) => "splunk_hec",
            Self::Elasticsearch(_) => "elasticsearch",
            Self::Otlp(_) => "otlp",
            Self::S3(_) => "s3",
            Self::Nats(_) => "nats",
        }
    }
}

/// Reads the section.
pub(crate) fn read(reader: &mut Reader<'_>, mut section: Section) -> BTreeMap<String, Export> {
    let mut exports = BTreeMap::new();
    for (key, node) in section.take_all() {
        let name = section.path(&key.text);
        if !scalar::is_resource(&key.text) {
            let message = format!("`{}` cannot name an export", key.text);
            let help = "use letters, digits, `_`, `-` and `.`, at most 63";
            reader.problems.add_with_help(key.span, message, help);
            continue;
        }
        if exports.len() >= EXPORTS_MAX {
            let message = format!("there are more than {EXPORTS_MAX} exports");
            reader.problems.add(key.span, message);
            break;
        }
        let export = Section::open(reader, name, key.span, Some(node));
        if let Some(export) = read_one(reader, export) {
            exports.insert(key.text, export);
        }
    }
    section.close(reader);
    exports
}

fn read_one(reader: &mut Reader<'_>, mut section: Section) -> Option<Export> {
    let formats = [Encoding::Ocsf, Encoding::Ecs, Encoding::Cef];
    let levels = [Redaction::None, Redaction::People, Redaction::Objects];
    let format = word(reader, &mut section, "format", &formats.map(|it| (it.word(), it)));
    let redact = word(reader, &mut section, "redact", &levels.map(|it| (it.word(), it)));
    let there: Vec<&'static str> =
        SINKS.into_iter().filter(|sink| section.keys().any(|key| key == *sink)).collect();
    let [sink] = there.as_slice() else {
        let message = format!("`{}` must have exactly one of {}", section.path(""), listed(&SINKS));
        reader.problems.add(section.span(), message.replace(".`", "`"));
        return None;
    };
    let sink = *sink;
    // The others are known, and not there.
    SINKS.iter().filter(|word| **word != sink).for_each(|word| drop(section.take(word)));
    let own = section.section(reader, sink);
    let sink = read_sink(reader, sink, own);
    section.close(reader);
    Some(Export { format, redact, sink: sink? })
}

fn word<T: Copy + Default>(
    reader: &mut Reader<'_>,
    section: &mut Section,
    field: &'static str,
    words: &[(&'static str, T)],
) -> T {
    let Some((text, span)) = section.text(reader, field) else { return T::default() };
    match words.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => *value,
        None => {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let message = format!("`{text}` is no {field}");
            let help = match closest(&text, &names) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known here: {}", listed(&names)),
            };
            reader.problems.add_with_help(span, message, help);
            T::default()
        }
    }
}

fn read_sink(reader: &mut Reader<'_>, word: &str, mut section: Section) -> Option<ExportSink> {
    let sink = match word {
        "file" => {
            let path = section.required_text(reader, "path");
            let size_max = section.size(reader, "size_max", FILE_BYTES, 64 << 10..=1 << 40);
            let keep = section.number(reader, "keep", FILES_KEPT, 0..=1_000);
            path.map(|(path, _)| {
                ExportSink::File(FileExport { path: reader.folder.join(path), size_max, keep })
            })
        }
        "syslog" => read_syslog(reader, &mut section),
        "webhook" => {
            let url = url(reader, &mut section);
            let secret = secret(reader, &mut section, "secret");
            let ca = section.file(reader, "ca");
            url.map(|url| ExportSink::Webhook(WebhookExport { url, secret, ca }))
        }
        "splunk_hec" => {
            let url = url(reader, &mut section);
            let token = secret(reader, &mut section, "token");
            if token.is_none() {
                section.missing(reader, "token");
            }
            let index = section.text(reader, "index").map(|(index, _)| index);
            let ca = section.file(reader, "ca");
            url.zip(token)
                .map(|(url, token)| ExportSink::SplunkHec(SplunkExport { url, token, index, ca }))
        }
        "elasticsearch" => {
            let url = url(reader, &mut section);
            let index = section.required_text(reader, "index");
            let api_key = secret(reader, &mut section, "api_key");
            let ca = section.file(reader, "ca");
            url.zip(index).map(|(url, (index, _))| {
                ExportSink::Elasticsearch(ElasticsearchExport { url, index, api_key, ca })
            })
        }
        "s3" => read_s3(reader, &mut section),
        "nats" => read_nats(reader, &mut section),
        _ => {
            let url = url(reader, &mut section);
            let token = secret(reader, &mut section, "token");
            let ca = section.file(reader, "ca");
            url.map(|url| ExportSink::Otlp(OtlpExport { url, token, ca }))
        }
    };
    section.close(reader);
    sink
}

fn read_s3(reader: &mut Reader<'_>, section: &mut Section) -> Option<ExportSink> {
    let url = url(reader, section);
    let bucket = section.required_text(reader, "bucket").map(|(bucket, _)| bucket);
    let mut text = |field, default: &str| {
        section.text(reader, field).map_or_else(|| default.to_owned(), |(text, _)| text)
    };
    let (region, prefix) = (text("region", S3_REGION), text("prefix", S3_PREFIX));
    let access_key = secret(reader, section, "access_key");
    let secret_key = secret(reader, section, "secret_key");
    for (field, found) in [("access_key", &access_key), ("secret_key", &secret_key)] {
        if found.is_none() {
            section.missing(reader, field);
        }
    }
    let every = section.duration(reader, "every", S3_EVERY, "1d");
    let ca = section.file(reader, "ca");
    let (url, bucket, access_key, secret_key) = (url?, bucket?, access_key?, secret_key?);
    let s3 = S3Export { url, bucket, region, prefix, access_key, secret_key, every, ca };
    Some(ExportSink::S3(s3))
}

fn read_nats(reader: &mut Reader<'_>, section: &mut Section) -> Option<ExportSink> {
    let url = section.required_text(reader, "url");
    let subject = section.text(reader, "subject");
    let token = secret(reader, section, "token");
    let user = section.text(reader, "user").map(|(user, _)| user);
    let password = secret(reader, section, "password");
    let ca = section.file(reader, "ca");
    if user.is_some() != password.is_some() {
        section.missing(reader, if user.is_some() { "password" } else { "user" });
    }
    let subject = match subject {
        None => NATS_SUBJECT.to_owned(),
        // SPEC: https://docs.nats.io/nats-concepts/subjects; what is published has no wildcards.
        Some((subject, span)) => {
            let is_token = |token: &str| {
                !token.is_empty()
                    && token.bytes().all(|b| b.is_ascii_graphic() && !b"*>".contains(&b))
            };
            if !subject.split('.').all(is_token) {
                let message = format!("`{subject}` is no subject of NATS");
                reader.problems.add_with_help(span, message, "words with points between them");
                return None;
            }
            subject
        }
    };
    let (url, span) = url?;
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let host = rest.rsplit_once(':').map_or(rest, |(host, _)| host);
    let problem = match scheme {
        _ if rest.is_empty() || rest.contains(['@', '/', ',', '?', '#']) => "is no address",
        "tls" => "",
        "nats" if scalar::is_loopback(host.trim_matches(['[', ']'])) => "",
        "nats" => "would get events in the clear",
        _ => "is no address",
    };
    if !problem.is_empty() {
        let help = "write `tls://host:4222`, or `nats://` for a server on loopback";
        reader.problems.add_with_help(span, format!("`{url}` {problem}"), help);
        return None;
    }
    Some(ExportSink::Nats(NatsExport { url, subject, token, user, password, ca }))
}

fn read_syslog(reader: &mut Reader<'_>, section: &mut Section) -> Option<ExportSink> {
    let address = section.required_text(reader, "address");
    let transport = section.text(reader, "transport");
    let ca = section.file(reader, "ca");
    let transport = match transport {
        None => SyslogTransport::Tls,
        Some((word, span)) => match word.as_str() {
            "tls" => SyslogTransport::Tls,
            "tcp" => SyslogTransport::Tcp,
            "udp" => SyslogTransport::Udp,
            _ => {
                let message = format!("`{word}` is no transport of syslog");
                reader.problems.add_with_help(span, message, "`tls`, `tcp` or `udp`");
                return None;
            }
        },
    };
    let (address, span) = address?;
    let Some((host, _)) = address.rsplit_once(':') else {
        reader.problems.add_with_help(
            span,
            format!("`{address}` has no port"),
            "write `host:port`",
        );
        return None;
    };
    let is_plain = transport != SyslogTransport::Tls;
    if is_plain && !scalar::is_loopback(host.trim_matches(['[', ']'])) {
        let message = format!("`{address}` would get events in the clear");
        reader.problems.add_with_help(
            span,
            message,
            "use `transport: tls`, or a relay on loopback",
        );
        return None;
    }
    Some(ExportSink::Syslog(SyslogExport { address, transport, ca }))
}

fn url(reader: &mut Reader<'_>, section: &mut Section) -> Option<String> {
    let (url, span) = section.required_text(reader, "url")?;
    if let Err(why) = scalar::secure_url(&url) {
        reader.problems.add(span, format!("`{url}` {why}"));
        return None;
    }
    Some(url)
}

fn secret(
    reader: &mut Reader<'_>,
    section: &mut Section,
    field: &'static str,
) -> Option<SecretSource> {
    let entry = section.take(field)?;
    read_secret(reader, section.path(field), entry)
}
