//! What the control store is asked, by noun, and the plain data that it answers with.
//!
//! Every change that an auditor must know of takes an [`Administration`]: who does it, and
//! when. It is journalled together with the change, or not made.

use super::StoreError;
use portreeve_model::{
    Administrator, Attestation, Chain, ContentField, Digest, Event, Examples, KeyUse, Party,
    PartyKind, ReviewId, RuleId, Secret, SessionId, TokenOrigin, Usage,
};
use portreeve_session::{Answer, Claim, ReviewAsk, UsageKey};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt;
use std::time::SystemTime;

/// Who changes something, and when.
#[derive(Clone, Debug)]
pub struct Administration {
    /// Who.
    pub by: Administrator,
    /// When.
    pub at: SystemTime,
}

impl Administration {
    /// By somebody, now.
    #[must_use]
    pub fn now(by: Administrator) -> Self {
        Self { by, at: SystemTime::now() }
    }
}

/// What an account is for.
pub type AccountKind = PartyKind;

/// A name that the local issuer vouches for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Account {
    /// The `sub` of its tokens.
    pub name: String,
    /// Person, service or actor.
    pub kind: AccountKind,
    /// Its groups.
    pub groups: Vec<String>,
    /// Which human being it is, as other issuers know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Whether its tokens are refused, in every place of a chain.
    pub disabled: bool,
    /// When it was made. Tokens from before are refused.
    #[serde(skip)]
    pub created: SystemTime,
}

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The name.
    pub name: String,
    /// What it is for.
    pub kind: AccountKind,
    /// Its groups.
    pub groups: Vec<String>,
    /// Which human being it is, as other issuers know it.
    pub person: Option<String>,
}

impl NewAccount {
    /// An account in some groups, of which nothing else is known.
    #[must_use]
    pub fn new(name: &str, kind: AccountKind, groups: &[&str]) -> Self {
        let groups = groups.iter().map(|&group| group.to_owned()).collect();
        Self { name: name.to_owned(), kind, groups, person: None }
    }
}

/// Whether an account's tokens are refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Disabled {
    /// They are.
    Yes,
    /// They are not.
    No,
}

/// Names that the local issuer vouches for.
pub trait Accounts: Send + Sync {
    /// Makes one.
    ///
    /// # Errors
    /// The name is taken, or a name cannot be one.
    fn add(&self, account: &NewAccount, how: &Administration) -> Result<Account, StoreError>;

    /// All of them, by name.
    ///
    /// # Errors
    /// The store fails.
    fn list(&self) -> Result<Vec<Account>, StoreError>;

    /// One, where there is one of the name.
    ///
    /// # Errors
    /// The store fails.
    fn find(&self, name: &str) -> Result<Option<Account>, StoreError>;

    /// Removes one; its tokens are refused from now on.
    ///
    /// # Errors
    /// There is none of the name.
    fn remove(&self, name: &str, how: &Administration) -> Result<(), StoreError>;

    /// Refuses (or accepts again) the tokens of one.
    ///
    /// # Errors
    /// There is none of the name.
    fn disable(
        &self,
        name: &str,
        disabled: Disabled,
        how: &Administration,
    ) -> Result<Account, StoreError>;

    /// Puts one into other groups. Sessions that were opened with the old ones end.
    ///
    /// # Errors
    /// There is none of the name, or a name cannot be one.
    fn regroup(
        &self,
        name: &str,
        groups: &[String],
        how: &Administration,
    ) -> Result<Account, StoreError>;

    /// Lets whoever holds the private half of an Ed25519 key log in as one.
    ///
    /// # Errors
    /// There is none of the name, or it has too many keys.
    fn enrol(&self, name: &str, key: &[u8; 32], how: &Administration) -> Result<(), StoreError>;

    /// The keys of one.
    ///
    /// # Errors
    /// The store fails.
    fn keys_of(&self, name: &str) -> Result<Vec<[u8; 32]>, StoreError>;
}

/// What is kept of the local issuer.
#[derive(Clone)]
pub struct StoredIssuer {
    /// Its `iss`.
    pub name: String,
    /// The `kid` of its key.
    pub key_id: String,
    /// The private key.
    pub pkcs8: Secret<Vec<u8>>,
}

/// Keys of the installation. They belong to nobody's directory: every gateway of one store
/// has the same.
pub trait IssuerKeys: Send + Sync {
    /// Reads the local issuer; the first caller ever gives it its key.
    ///
    /// # Errors
    /// The store fails.
    fn issuer_or(&self, fresh: StoredIssuer) -> Result<StoredIssuer, StoreError>;

    /// The local issuer, where it has been made.
    ///
    /// # Errors
    /// The store fails.
    fn issuer(&self) -> Result<Option<StoredIssuer>, StoreError>;

    /// Reads a key of the installation; the first caller ever gives it.
    ///
    /// # Errors
    /// The store fails.
    fn key_or(
        &self,
        key_use: KeyUse,
        fresh: &Secret<[u8; 32]>,
    ) -> Result<Secret<[u8; 32]>, StoreError>;
}

/// A token that the local issuer is about to give away.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Its `jti`.
    pub id: String,
    /// How it comes to be.
    pub origin: TokenOrigin,
    /// Whom it names.
    pub chain: Chain,
    /// When it ends.
    pub expires_at: SystemTime,
}

/// Whether something of the journal is in the evidence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Recorded {
    /// It is.
    Yes,
    /// Not yet.
    No,
}

/// A token that the local issuer gave away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IssuedToken {
    /// How it came to be.
    pub origin: TokenOrigin,
    /// Whether its issue is in the evidence.
    pub recorded: Recorded,
}

/// Tokens that the local issuer made. One that is not here was made by nobody.
pub trait Tokens: Send + Sync {
    /// Keeps one, before anybody gets it.
    ///
    /// # Errors
    /// The store fails.
    fn register(&self, token: &NewToken, how: &Administration) -> Result<(), StoreError>;

    /// What is known of one.
    ///
    /// # Errors
    /// The store fails.
    fn find(&self, id: &str) -> Result<Option<IssuedToken>, StoreError>;

    /// Uses up the name of a login's assertion until it has expired; false when it was used.
    ///
    /// # Errors
    /// The store fails.
    fn use_assertion(
        &self,
        id: &str,
        until: SystemTime,
        at: SystemTime,
    ) -> Result<bool, StoreError>;
}

/// What is known of a description.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Looked {
    /// It is the one that was first seen, or last approved.
    Approved,
    /// Another one is.
    Changed,
    /// Its name looks like that of another tool: `resource.tool`.
    LooksLike(String),
}

/// Whether a tool may be used as its server describes it now.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DescriptionState {
    /// It may.
    Approved,
    /// It has changed.
    Changed,
    /// Its name looks like that of another one.
    LooksLike,
}

/// What a server says of a tool.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Described {
    /// The server.
    pub resource: String,
    /// The tool.
    pub tool: String,
    /// Whether it may be used.
    pub state: DescriptionState,
    /// SHA-256 of what is approved; empty where nothing is.
    pub digest: String,
    /// What is approved.
    pub text: String,
    /// SHA-256 of what was seen last.
    pub seen_digest: String,
    /// What was seen last.
    pub seen_text: String,
    /// The tool that its name looks like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks_like: Option<String>,
    /// When it was first seen, microseconds since 1970.
    pub first_seen_us: i64,
    /// When what is seen has last changed, microseconds since 1970.
    pub changed_us: i64,
}

impl From<Described> for Looked {
    fn from(described: Described) -> Self {
        match (described.state, described.looks_like) {
            (DescriptionState::Approved, _) => Self::Approved,
            (DescriptionState::LooksLike, Some(other)) => Self::LooksLike(other),
            (DescriptionState::Changed | DescriptionState::LooksLike, _) => Self::Changed,
        }
    }
}

/// What servers say of their tools. What changes waits for a person: a model does what a
/// description tells it to.
pub trait Descriptions: Send + Sync {
    /// Looks at a description (digest and text) of a tool of a resource, and pins it where
    /// nothing is pinned.
    ///
    /// # Errors
    /// The store fails.
    fn look(
        &self,
        of: (&str, &str),
        description: (&str, &str),
        at: SystemTime,
    ) -> Result<Looked, StoreError>;

    /// All of them, or those of one resource.
    ///
    /// # Errors
    /// The store fails.
    fn list(&self, resource: Option<&str>) -> Result<Vec<Described>, StoreError>;

    /// Whether a description is the one that is approved.
    ///
    /// # Errors
    /// The store fails.
    fn is_approved(&self, of: (&str, &str), digest: &str) -> Result<bool, StoreError>;

    /// Approves what was seen of a tool of a resource: what begins with this digest, which
    /// whoever approves has looked at.
    ///
    /// # Errors
    /// Nothing was seen of it, or something else meanwhile.
    fn approve(
        &self,
        of: (&str, &str),
        digest: &str,
        how: &Administration,
    ) -> Result<Described, StoreError>;
}

/// What changes are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Topic {
    /// Accounts and revocations.
    Identity,
    /// Reviews.
    Reviews,
    /// Connectors.
    Connectors,
}

/// A connector to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewInvite {
    /// The invitation's name.
    pub id: String,
    /// SHA-256 of what is shown once.
    pub secret_digest: [u8; 32],
    /// The connector's name.
    pub name: String,
    /// What it may serve: names of resources, with `*` for any text.
    pub resources: Vec<String>,
    /// Until when it is good.
    pub expires_at: SystemTime,
    /// What becomes of a connector that has the name now.
    pub namesake: Namesake,
}

/// What becomes of a connector that has the name of another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Namesake {
    /// It stays: nobody else is invited under its name.
    Stays,
    /// It is revoked when the other one enrols.
    IsReplaced,
}

/// A connector, or what was one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EnrolledConnector {
    /// Its name.
    pub name: String,
    /// Its public key.
    pub key: [u8; 32],
    /// What it may serve.
    pub resources: Vec<String>,
    /// When its key became its key.
    pub enrolled_at: SystemTime,
    /// Since when it is nobody's.
    pub revoked_at: Option<SystemTime>,
}

/// Programs in other networks that reach targets for gateways.
pub trait Connectors: Send + Sync {
    /// Lets somebody enrol one.
    ///
    /// # Errors
    /// There is one of the name, or it cannot be a name.
    fn invite(&self, invite: &NewInvite, how: &Administration) -> Result<(), StoreError>;

    /// Uses up an invitation: the key is the connector's from now on. `None` where the
    /// invitation is not good, whatever the reason.
    ///
    /// # Errors
    /// The store fails.
    fn enrol(
        &self,
        invite: &str,
        secret_digest: &[u8; 32],
        key: &[u8; 32],
        from: &str,
    ) -> Result<Option<EnrolledConnector>, StoreError>;

    /// All of them, those that were revoked too, by name.
    ///
    /// # Errors
    /// The store fails.
    fn list(&self) -> Result<Vec<EnrolledConnector>, StoreError>;

    /// Whose key this is or was.
    ///
    /// # Errors
    /// The store fails.
    fn find(&self, key: &[u8; 32]) -> Result<Option<EnrolledConnector>, StoreError>;

    /// Ends one, and every invitation under its name.
    ///
    /// # Errors
    /// There is none of the name.
    fn revoke(&self, name: &str, why: &str, how: &Administration) -> Result<(), StoreError>;
}

/// Something that has to be in the evidence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JournalEntry {
    /// Its number.
    pub number: i64,
    /// What happened.
    pub event: Event,
}

/// What happened and is on its way into the evidence, in order.
pub trait Journal: Send + Sync {
    /// Adds something that no change of the store goes with.
    ///
    /// # Errors
    /// The store fails.
    fn add(&self, event: &Event, at: SystemTime) -> Result<(), StoreError>;

    /// Takes what is not recorded yet and nobody else has in hand. Whoever takes it and is
    /// gone by `until` leaves it to others: an event may be recorded twice, never not at all.
    ///
    /// # Errors
    /// The store fails.
    fn take(&self, at: SystemTime, until: SystemTime) -> Result<Vec<JournalEntry>, StoreError>;

    /// It could not be recorded: others may try at once.
    ///
    /// # Errors
    /// The store fails.
    fn release(&self, numbers: &[i64]) -> Result<(), StoreError>;

    /// It is recorded, durably.
    ///
    /// # Errors
    /// The store fails.
    fn recorded(&self, numbers: &[i64], at: SystemTime) -> Result<(), StoreError>;

    /// Whether something waits, whoever has it in hand.
    ///
    /// # Errors
    /// The store fails.
    fn is_settled(&self) -> Result<bool, StoreError>;

    /// A number that grows with every change of a topic, by whatever process.
    ///
    /// # Errors
    /// The store fails.
    fn epoch(&self, topic: Topic) -> Result<i64, StoreError>;
}

/// Which gateway of an installation: the name of its log, which no other process writes.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct GatewayId(pub String);

/// Where a review is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReviewState {
    /// Nobody answered yet.
    Pending,
    /// Enough reviewers approved.
    Approved,
    /// A reviewer said no.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// The requester went away, or its gateway stopped.
    Abandoned,
}

impl ReviewState {
    /// The word in the API and the store.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Abandoned => "abandoned",
        }
    }

    /// Finds a state by its word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Approved, Self::Denied, Self::Expired, Self::Abandoned]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A review as people see it. Times are microseconds since 1970.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Review {
    /// Its name.
    pub id: ReviewId,
    /// Where it is in its life.
    pub state: ReviewState,
    /// The session that asked.
    pub session: SessionId,
    /// The exchange that is held.
    pub exchange: u64,
    /// Who asks.
    pub chain: Chain,
    /// The resource.
    pub resource: String,
    /// What is to be done, in the client's own words.
    pub statement: String,
    /// Why a person is asked.
    pub reason: String,
    /// The rule that asks.
    pub rule: RuleId,
    /// Who may answer.
    pub groups: Vec<String>,
    /// How many different people must approve.
    pub approvers: u32,
    /// Who approved so far.
    pub approvals: Vec<Attestation>,
    /// What the approval is bound to, field by field; empty in lists.
    pub fields: Vec<ContentField>,
    /// Some of the rows that it would touch, masked; absent in lists, where they were not looked
    /// for, and once the statement is forgotten.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub examples: Option<Examples>,
    /// SHA-256 of the encoding of the fields.
    pub content: Digest,
    /// When it was opened.
    pub opened_at_us: i64,
    /// When it lapses.
    pub deadline_us: i64,
    /// Who closed it by their answer.
    pub by: Option<Reviewer>,
    /// What they said.
    pub comment: Option<String>,
    /// When it was closed.
    pub closed_at_us: Option<i64>,
    /// When the approval was used up.
    pub used_at_us: Option<i64>,
}

/// Who answered a review.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct Reviewer {
    /// The `iss` that vouches for the name.
    pub issuer: String,
    /// The name.
    pub subject: String,
}

/// What a reviewer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// It may happen.
    Approve,
    /// It may not.
    Deny,
}

/// A reviewer's answer.
#[derive(Clone, Debug)]
pub struct AnswerGiven {
    /// What they say.
    pub said: Decision,
    /// Who they are.
    pub reviewer: Party,
    /// How that is known.
    pub attestation: Attestation,
    /// What the requester and the record should know.
    pub comment: Option<String>,
}

/// What became of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decided {
    /// It closed the review.
    Closed,
    /// It counts, and more people must approve.
    Counted,
    /// The same person has approved already.
    SamePerson,
    /// It came too late.
    TooLate,
}

/// Where a review is, for the one who waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Not decided, or the decision is not in the evidence yet.
    Open {
        /// When it lapses.
        deadline: SystemTime,
    },
    /// Over.
    Closed(Answer),
}

/// Held commands. A row belongs to the gateway that holds the command, and lives no longer
/// than that gateway's lease.
pub trait ReviewRows: Send + Sync {
    /// A gateway begins: what it asked in an earlier run is abandoned. Gives how many that
    /// were. Nothing of another gateway is touched.
    ///
    /// # Errors
    /// The store fails.
    fn begin(
        &self,
        gateway: &GatewayId,
        at: SystemTime,
        lease_until: SystemTime,
    ) -> Result<usize, StoreError>;

    /// Renews a gateway's lease.
    ///
    /// # Errors
    /// The store fails.
    fn renew(&self, gateway: &GatewayId, lease_until: SystemTime) -> Result<(), StoreError>;

    /// Opens one.
    ///
    /// # Errors
    /// Too many are open.
    fn open(
        &self,
        gateway: &GatewayId,
        ask: &ReviewAsk,
        at: SystemTime,
    ) -> Result<ReviewId, StoreError>;

    /// One of them.
    ///
    /// # Errors
    /// The store fails.
    fn find(&self, id: &ReviewId, at: SystemTime) -> Result<Option<Review>, StoreError>;

    /// The newest, with the first 500 characters of their statements.
    ///
    /// # Errors
    /// The store fails.
    fn list(
        &self,
        state: Option<ReviewState>,
        rows_max: u32,
        at: SystemTime,
    ) -> Result<Vec<Review>, StoreError>;

    /// Takes an answer, if the review is open in time. What was answered is journalled.
    ///
    /// # Errors
    /// The store fails.
    fn decide(
        &self,
        id: &ReviewId,
        answer: &AnswerGiven,
        at: SystemTime,
    ) -> Result<Decided, StoreError>;

    /// Looks at one for the one who waits for it. An approval is used up by this, and is
    /// none before it is in the evidence.
    ///
    /// # Errors
    /// The store fails.
    fn answer(&self, id: &ReviewId, at: SystemTime) -> Result<Progress, StoreError>;

    /// Uses up an approval of the same content for the same chain, or finds the open review.
    ///
    /// An approval can be claimed for as long after it was given as the review was open at
    /// most.
    ///
    /// # Errors
    /// The store fails.
    fn claim(&self, ask: &ReviewAsk, at: SystemTime) -> Result<Claim, StoreError>;

    /// The requester is gone.
    ///
    /// # Errors
    /// The store fails.
    fn abandon(&self, id: &ReviewId, at: SystemTime) -> Result<(), StoreError>;

    /// How many wait for a person.
    ///
    /// # Errors
    /// The store fails.
    fn pending_count(&self, at: SystemTime) -> Result<u64, StoreError>;
}

/// What principals have used, by day. Totals are those of all gateways.
pub trait Counters: Send + Sync {
    /// Adds to a total, durably, and gives it.
    ///
    /// # Errors
    /// The store fails.
    fn take(&self, key: &UsageKey, amounts: &Usage) -> Result<Usage, StoreError>;

    /// Takes from a total what was added to it and not used.
    ///
    /// # Errors
    /// The store fails.
    fn put_back(&self, key: &UsageKey, amounts: &Usage) -> Result<(), StoreError>;

    /// Forgets the totals of days before one.
    ///
    /// # Errors
    /// The store fails.
    fn forget(&self, before_day: u32) -> Result<(), StoreError>;
}
