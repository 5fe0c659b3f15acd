//! The configuration as the gateway uses it. The JSON schema is made from these
//! types; a test proves that its defaults are the reader's.

use super::anomalies::AnomaliesText;
use super::classify::Classification;
use super::evidence::{WITNESS_INTERVAL, WITNESSED_AGE_MAX, WitnessAddress};
use super::exports::{Export, ExportText};
use super::listen::Listen;
use super::read::TOKEN_LIFETIME_MAX;
use super::scalar::{duration_text, size_text};
use super::settings::Settings;
use portreeve_model::{Category, MaskMethod, SubjectColumn, Unclassified, defaults};
use portreeve_reports::anomalies::Rules;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The configuration of a Portreeve gateway.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Config {
    /// The file it was read from.
    #[schemars(skip)]
    pub file: PathBuf,
    /// Where the gateway keeps its control store, keys and evidence. Relative paths
    /// are relative to the configuration file, here and everywhere.
    #[schemars(with = "String", extend("default" = "portreeve-data"))]
    pub data_dir: PathBuf,
    /// Where the gateway listens. An address that other machines can reach needs `tls`. A
    /// protocol that no resource has and that is not named here is not listened for.
    #[schemars(extend("default" = {}))]
    pub listen: Listen,
    /// Whose tokens are accepted. At least one.
    #[schemars(length(min = 1))]
    pub issuers: Vec<Issuer>,
    /// What can be reached through the gateway, by the name that clients ask for. Each has
    /// the section of exactly one protocol.
    pub resources: BTreeMap<String, Resource>,
    /// How values are masked, by category. `default` is for every category not named. With
    /// `{ method: pseudonym, confidence_min: 80 }` a category also says from which confidence of
    /// the detectors on, in percent, what they find in unclassified texts counts (50 without it).
    #[schemars(
        with = "BTreeMap<String, MethodText>",
        extend("default" = {"default": "redact"})
    )]
    pub masking: Masking,
    /// Files of Cedar policies; `*` stands for any text in a file name. Without a
    /// policy that permits, everything is refused.
    #[schemars(with = "Vec<String>", extend("default" = []))]
    pub policies: Vec<PathBuf>,
    /// How commands are held until a person approves.
    #[schemars(extend("default" = {}))]
    pub reviews: Reviews,
    /// How the evidence is kept, and who may erase in it.
    #[schemars(extend("default" = {}))]
    pub evidence: Evidence,
    /// Who else gets what the log says: one section a receiver, by a name of yours. Read when
    /// the gateway starts.
    #[schemars(with = "BTreeMap<String, ExportText>", extend("default" = {}))]
    pub exports: BTreeMap<String, Export>,
    /// What counts as unlike what was before, and is told as an anomaly. Read when the gateway
    /// starts; other bounds have the whole log looked at once more.
    #[schemars(with = "AnomaliesText", extend("default" = {}))]
    pub anomalies: Rules,
    /// Bounds. Hitting one is a refusal, never a truncation.
    #[schemars(extend("default" = {}))]
    pub limits: Limits,
}

/// What a listener proves itself with.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ServerTls {
    /// PEM file with the certificate, then its intermediates.
    #[schemars(with = "String")]
    pub certificate: PathBuf,
    /// PEM file with the private key.
    #[schemars(with = "String")]
    pub key: PathBuf,
}

/// Who issues tokens.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Issuer {
    /// The embedded issuer: accounts in the control store, tokens from
    /// `portreeve token issue`.
    Local(LocalIssuer),
    /// An OpenID Connect provider.
    Oidc(Box<OidcIssuer>),
}

/// The embedded issuer.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct LocalIssuer {
    /// The audience that its tokens must name.
    #[schemars(extend("default" = "portreeve"))]
    pub audience: String,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct OidcIssuer {
    /// Its address, exactly as its tokens spell it in `iss`. `http` for loopback only.
    pub issuer: String,
    /// What its tokens must name in `aud`.
    #[schemars(extend("default" = "portreeve"))]
    pub audience: String,
    /// Signature algorithms that are accepted. Asymmetric ones only.
    #[schemars(extend("default" = ["RS256", "PS256", "ES256", "ES384", "EdDSA"]))]
    pub algorithms: Vec<SignatureAlgorithm>,
    /// The claim that lists the groups of a party.
    #[schemars(extend("default" = "groups"))]
    pub groups_claim: String,
    /// The claim that says why access is wanted.
    #[schemars(extend("default" = "purpose"))]
    pub purpose_claim: String,
    /// The claim that says which human being a person is, where several issuers know the
    /// same people: `email` (only where `email_verified` is true), an employee's number. Who
    /// asks cannot approve under another issuer's name then.
    pub person_claim: Option<String>,
    /// Clients that people have in their own hands (a login page, a command line). Every
    /// other client that a token was given to is an actor of its chain.
    #[schemars(extend("default" = []))]
    pub interactive_clients: Vec<String>,
    /// Clients whose logouts the issuer tells (`POST /v1/logout`), besides `audience` and the
    /// interactive ones: what its logout tokens may name in `aud`.
    #[schemars(extend("default" = []))]
    pub logout_clients: Vec<String>,
    /// The longest life of its tokens, from `iat` to `exp`. Some issuers make them for up
    /// to 90 minutes.
    #[schemars(with = "DurationText", extend("default" = duration_text(TOKEN_LIFETIME_MAX)))]
    pub token_lifetime_max: Duration,
    /// PEM file with the authorities to trust for its address. By default those of
    /// the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
}

/// A signature algorithm of RFC 7518 or RFC 8037. There is no symmetric one and no
/// `none`: a key that can verify must not be able to sign.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, JsonSchema)]
pub enum SignatureAlgorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// Ed25519.
    EdDSA,
}

impl SignatureAlgorithm {
    /// Every one there is.
    pub const ALL: [Self; 9] = [
        Self::RS256,
        Self::RS384,
        Self::RS512,
        Self::PS256,
        Self::PS384,
        Self::PS512,
        Self::ES256,
        Self::ES384,
        Self::EdDSA,
    ];

    /// The name that stands in `alg`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::EdDSA => "EdDSA",
        }
    }

    /// Finds one by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }
}

/// Something that can be reached.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Resource {
    /// The protocol that it is reached by: the name of the one section that it has.
    #[schemars(skip)]
    pub protocol: &'static str,
    /// The target, as that protocol's manifest describes it.
    #[schemars(skip)]
    pub target: Settings,
    /// Who reaches the target and logs in there: `gateway`, or `connector`, which has the
    /// credentials then. A connector's own configuration must describe the same target.
    #[schemars(with = "ViaWord", extend("default" = "gateway"))]
    pub via: Via,
    /// What tokens must name in `aud` to come here. By default the audience of their
    /// issuer. A token that names this alone opens nothing else.
    pub audience: Option<String>,
    /// Which columns hold personal data: `schema.table.column` with `*` in any part,
    /// and the category. The most specific pattern wins.
    /// `{ clear: "reason" }` instead of a category says that nobody's data is in the column, so
    /// that it is not looked through.
    #[schemars(with = "BTreeMap<String, SaidText>", extend("default" = {}))]
    pub classify: Classification,
    /// What becomes of texts that `classify` says nothing of: `detect` looks through them and
    /// masks what it finds, `mask` masks them whole, `{ clear: "reason" }` lets them pass.
    #[schemars(with = "UnlistedText", extend("default" = "detect"))]
    pub unclassified: Unlisted,
    /// File with the columns that somebody has looked at, written by `portreeve discover
    /// RESOURCE --adopt`. A column that is neither in it nor in `classify` has appeared since:
    /// it is masked whole, as of category `unknown`, until somebody decides.
    #[schemars(with = "Option<String>")]
    pub known_columns: Option<PathBuf>,
    /// The columns that identify people: `schema.table.column`, one for a table, and the
    /// kind of identifier (`email`, `customer-id`). Whom released rows are about is then
    /// recorded as keyed hashes. Each must be classified, too.
    #[schemars(with = "BTreeMap<String, String>", extend("default" = {}))]
    pub subjects: Vec<SubjectColumn>,
    /// Functions of the target that you have looked at: `schema.name(arguments)`, and the
    /// SHA-256 of the whole definition in hexadecimal. Such a function needs no `execute`, and
    /// what it gives is computed from its arguments and nothing else. One whose definition has
    /// another digest is a function like any other, and the log says so.
    #[schemars(extend("default" = {}))]
    pub harmless_functions: BTreeMap<String, String>,
}

/// Who reaches a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Via {
    /// The gateway itself.
    #[default]
    Gateway,
    /// A connector that is invited for the resource.
    Connector,
}

/// Who reaches a target.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum ViaWord {
    /// The gateway itself.
    Gateway,
    /// A connector.
    Connector,
}

/// What becomes of texts that nobody has classified.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unlisted {
    /// What.
    pub mode: Unclassified,
    /// Why they pass, where they do.
    pub reason: Option<String>,
}

/// A category, or that there is none and why.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum SaidText {
    /// A category of personal data.
    Holds(String),
    /// Nobody's data.
    Clear(ClearText),
}

/// What becomes of texts that nobody has classified.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum UnlistedText {
    /// A word.
    Word(UnlistedWord),
    /// They pass.
    Clear(ClearText),
}

/// What becomes of texts that nobody has classified.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum UnlistedWord {
    /// Detectors look through them, and what they find is masked.
    Detect,
    /// They are masked whole.
    Mask,
}

/// Why something is not looked through.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) struct ClearText {
    /// How it is known that nobody's data is in it.
    clear: String,
}

/// How a connection to a target is protected.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct TargetTls {
    /// Whether and how the target's certificate is checked.
    #[schemars(extend("default" = "verify-full"))]
    pub mode: TlsMode,
    /// PEM file with the authorities to trust. By default those of the machine.
    #[schemars(with = "Option<String>")]
    pub ca: Option<PathBuf>,
    /// PEM file with the certificate that the gateway shows to the target, then its
    /// intermediates. Without it none is shown.
    #[schemars(with = "Option<String>")]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    #[schemars(with = "Option<String>")]
    pub key: Option<PathBuf>,
}

/// Whether the target's certificate is checked. There is no mode in between.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(rename_all = "kebab-case")]
pub enum TlsMode {
    /// The certificate must be valid and name the host.
    VerifyFull,
    /// No encryption; for targets on loopback only.
    Disable,
}

/// How values are masked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Masking {
    /// By category.
    pub methods: BTreeMap<Category, MaskMethod>,
    /// For every other category.
    pub default: MaskMethod,
    /// From which confidence on, in percent, a finding of a category counts.
    pub confidence_min: BTreeMap<Category, u8>,
}

/// How values of a category are masked, and found.
#[derive(JsonSchema)]
#[schemars(untagged, inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum MethodText {
    /// A method, or `null`.
    Word(Option<MethodWord>),
    /// A method with what detectors must be sure of.
    Rule(MethodRule),
}

/// How values of a category are masked, and found.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) struct MethodRule {
    /// How they are masked. By default as `default` says.
    method: Option<MethodWord>,
    /// Findings of detectors count from this confidence on, in percent.
    confidence_min: u8,
}

/// How values of a category are masked.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase", inline)]
#[expect(dead_code, reason = "exists for its schema only")]
pub(crate) enum MethodWord {
    /// A fixed text that names the category, or NULL where the type has none.
    Redact,
    /// A keyed pseudonym: equal values stay equal.
    Pseudonym,
    /// A little of the value stays readable.
    Partial,
    /// NULL.
    Null,
}

/// How commands are held until a person approves.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Reviews {
    /// How long a command waits for an answer, and how long an approval can be used
    /// by a client that asks again.
    #[schemars(with = "DurationText", extend("default" = duration_text(defaults::REVIEW_TIMEOUT)))]
    pub timeout: Duration,
    /// Rows that a reviewer is shown of those that a held write would touch, masked as for
    /// somebody to whom nothing is revealed; 0 shows none.
    #[schemars(range(max = 20), extend("default" = defaults::REVIEW_EXAMPLES))]
    pub examples: u32,
}

/// How the evidence is kept, and who may erase in it.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Evidence {
    /// Groups whose members may shred recordings, hold them, and begin another log in an
    /// emergency (two of them). Without one, nobody may through the API.
    #[schemars(extend("default" = []))]
    pub custodians: Vec<String>,
    /// How long recordings and records are kept.
    #[schemars(extend("default" = {}))]
    pub retention: Retention,
    /// Who is shown the log's checkpoints, so that it cannot be cut or rewritten unseen:
    /// C2SP witnesses, such as `portreeve witness` in another department.
    #[schemars(extend("default" = []))]
    pub witnesses: Vec<WitnessAddress>,
    /// How many witnesses must have cosigned a checkpoint before it counts as witnessed.
    /// By default all.
    #[schemars(extend("default" = "as many as there are witnesses"))]
    pub quorum: u32,
    /// How often the witnesses are asked.
    #[schemars(with = "DurationText", extend("default" = duration_text(WITNESS_INTERVAL)))]
    pub interval: Duration,
    /// How old the last witnessed checkpoint may be before the gateway warns.
    #[schemars(with = "DurationText", extend("default" = duration_text(WITNESSED_AGE_MAX)))]
    pub max_age: Duration,
}

/// How long recordings are kept after their session's end. The shortest that applies
/// decides; what nothing applies to is kept for ever, and so is what a legal hold covers.
#[derive(Clone, Debug, Default, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Retention {
    /// Every recording.
    #[schemars(with = "Option<DurationText>")]
    pub default: Option<Duration>,
    /// Recordings at a resource, by its name.
    #[schemars(with = "BTreeMap<String, DurationText>", extend("default" = {}))]
    pub resources: BTreeMap<String, Duration>,
    /// Recordings in which values of a category passed, masked or revealed, by category.
    #[schemars(with = "BTreeMap<String, DurationText>", extend("default" = {}))]
    pub categories: BTreeMap<Category, Duration>,
    /// The records themselves: segments of the log that are older are pruned, and what
    /// recordings they hold are destroyed before. The hashes stay.
    #[schemars(with = "Option<DurationText>")]
    pub log: Option<Duration>,
}

/// Bounds. Durations are `500ms`, `10s`, `10m`, `8h`; sizes are `64KiB`, `16MiB`, `1GiB`.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Limits {
    /// Sessions open at once. A session takes two file descriptors; where the system gives
    /// fewer, fewer sessions are let in, and the gateway says so.
    #[schemars(extend("default" = defaults::SESSIONS_MAX))]
    pub sessions_max: u32,
    /// Sessions open at once of one principal, whatever agents act for it.
    #[schemars(extend("default" = "seven eighths of `sessions_max`"))]
    pub sessions_per_principal_max: u32,
    /// How much evidence is recorded of one principal on one day (UTC). Beyond it nothing more
    /// of it passes. Where the disk becomes short, those who have used most of it are refused
    /// before that.
    #[schemars(
        with = "SizeText",
        extend("default" = size_text(defaults::EVIDENCE_PER_PRINCIPAL_MAX))
    )]
    pub evidence_per_principal_max: u64,
    /// Connections to one listener that have not logged in yet. Beyond it newcomers are
    /// closed at once.
    #[schemars(extend("default" = defaults::LOGINS_MAX))]
    pub logins_max: u32,
    /// The same from one client address, or one /64 network of IPv6.
    #[schemars(extend("default" = defaults::LOGINS_PER_ADDRESS_MAX))]
    pub logins_per_address_max: u32,
    /// From a client's connection until it is authenticated.
    #[schemars(with = "DurationText", extend("default" = duration_text(defaults::LOGIN_TIMEOUT)))]
    pub login_timeout: Duration,
    /// How long a client may be silent between commands.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::CLIENT_IDLE_TIMEOUT))
    )]
    pub client_idle_timeout: Duration,
    /// How long a client may take to accept what is sent to it.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::CLIENT_WRITE_TIMEOUT))
    )]
    pub client_write_timeout: Duration,
    /// Until a target has accepted the connection and the login.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::TARGET_CONNECT_TIMEOUT))
    )]
    pub target_connect_timeout: Duration,
    /// How long a session to come waits for a connector that is away.
    #[schemars(with = "DurationText", extend("default" = duration_text(defaults::CONNECTOR_WAIT)))]
    pub connector_wait: Duration,
    /// How long a connector's certificate lives. It is renewed when half of that is over.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::CONNECTOR_CERTIFICATE_LIFETIME))
    )]
    pub connector_certificate_lifetime: Duration,
    /// How long a connector may say nothing before its link is over. It is asked three times
    /// as often.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::CONNECTOR_SILENCE_MAX))
    )]
    pub connector_silence_max: Duration,
    /// What is kept of a reply while a person decides about its rows.
    #[schemars(with = "SizeText", extend("default" = size_text(defaults::HELD_BYTES_MAX)))]
    pub held_bytes_max: u64,
    /// Groups that a token may name for one party. A token is at most 16 KiB long, whatever
    /// this says.
    #[schemars(extend("default" = defaults::GROUPS_MAX))]
    pub groups_max: u32,
    /// Bad tokens from one client address in a minute, before it is refused unheard.
    #[schemars(extend("default" = defaults::AUTH_FAILURES_MAX))]
    pub auth_failures_max: u32,
    /// For how long it is refused then.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::AUTH_REFUSAL_TIME))
    )]
    pub auth_refusal_time: Duration,
    /// What each protocol bounds itself, by its name.
    #[schemars(skip)]
    pub protocols: BTreeMap<&'static str, Settings>,
}

/// A duration as it is written, for the schema.
pub(crate) struct DurationText;

impl JsonSchema for DurationText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d|y)$"})
    }
}

/// A size in bytes as it is written, for the schema.
pub(crate) struct SizeText;

impl JsonSchema for SizeText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer"],
            "pattern": "^[0-9]+(B|KiB|MiB|GiB)?$",
            "minimum": 0
        })
    }
}
