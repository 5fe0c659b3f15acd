//! Why a token is not accepted, in an operator's words. Clients are told less.

/// Why a token is not accepted. Holds no part of the token beyond names that its
/// verified issuer vouches for.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// More than [`super::TOKEN_BYTES_MAX`].
    #[error("the token is longer than 16 KiB")]
    TooLong,
    /// Not a signed JWT.
    #[error("the token is not a signed JWT: {0}")]
    Malformed(&'static str),
    /// `alg` is not allowed.
    #[error("the token's algorithm is not allowed: {0}")]
    Algorithm(&'static str),
    /// A `crit` header: what it demands is not understood.
    #[error("the token has a `crit` header, which is not supported")]
    Critical,
    /// `typ` says it is something else.
    #[error("the token's `typ` is neither `JWT` nor `at+jwt`")]
    Type,
    /// No configured issuer has the name in `iss`.
    #[error("the token's `iss` is none of the configured issuers; hint: `portreeve token inspect`")]
    UnknownIssuer,
    /// No key of the issuer has the `kid`, or fits the algorithm.
    #[error("`{issuer}` has no key that fits the token's `kid` and `alg`")]
    UnknownKey {
        /// The issuer.
        issuer: String,
    },
    /// The signature is wrong.
    #[error("the token's signature does not verify with the key of `{issuer}`")]
    Signature {
        /// The issuer.
        issuer: String,
    },
    /// `exp` is past.
    #[error("the token expired {0} s ago; hint: get a new one")]
    Expired(u64),
    /// `nbf` or `iat` is to come.
    #[error("the token is not valid yet (`{0}` is in the future)")]
    NotYet(&'static str),
    /// It lives for longer than its issuer's tokens may.
    #[error(
        "the token lives longer than {seconds_max} s; hint: ask the issuer for shorter ones, or \
         raise `token_lifetime_max`"
    )]
    Lifetime {
        /// The longest life that is accepted.
        seconds_max: u64,
    },
    /// It is an ID token, or something else that is not meant to open anything.
    #[error("the token is not an access token: {0}")]
    NotAccessToken(&'static str),
    /// `aud` does not name us.
    #[error("the token's `aud` does not name `{expected}`")]
    Audience {
        /// What it must name.
        expected: String,
    },
    /// A claim is missing or has the wrong shape.
    #[error("the token's `{claim}` {why}")]
    Claim {
        /// Which.
        claim: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A party has more groups than are accepted.
    #[error(
        "the token names {named} groups; {most} are accepted; hint: let the issuer send fewer, or \
         raise `limits.groups_max`"
    )]
    Groups {
        /// In the token.
        named: usize,
        /// The bound.
        most: usize,
    },
    /// The `act` chain cannot be.
    #[error("the token's delegation chain {0}")]
    Delegation(&'static str),
    /// A name of a local token is no account any more.
    #[error("the account `{name}` {why}")]
    Account {
        /// Which.
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A certificate is genuine, and of no use here.
    #[error("the certificate {0}")]
    Certificate(&'static str),
    /// A certificate is none that this installation has given to anybody.
    #[error("the certificate is forged: {0}")]
    ForgedCertificate(&'static str),
    /// The issuer of the token that a certificate stands for is not trusted any more.
    #[error("the issuer of the certificate's token, `{issuer}`, is not trusted any more")]
    IssuerGone {
        /// The issuer.
        issuer: String,
    },
    /// It was sent to end a login, and is no logout token.
    #[error("the token is not a logout token: {0}")]
    NotLogoutToken(&'static str),
    /// It was revoked, or everything of a name in it was.
    #[error("the token was revoked")]
    Revoked,
    /// The local issuer knows nothing of it, or its issue is not on record.
    #[error("the token's issue is not on record")]
    Unrecorded,
    /// The evidence cannot be written, so that what is new cannot be accepted.
    #[error("the issue of the token cannot be recorded: {0}")]
    Unrecordable(String),
    /// The issuer's keys cannot be had.
    #[error("cannot get the keys of `{issuer}`: {why}")]
    Unavailable {
        /// The issuer.
        issuer: String,
        /// Why.
        why: String,
    },
    /// The control store failed.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
}

impl AuthError {
    /// Whether it is nobody's fault who holds the token: then it says nothing about
    /// the client, and must not count against it.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Unrecordable(_) | Self::Store(_))
    }

    /// Whether it looks like guessing: bytes that no issuer of ours signed. A genuine token
    /// that is expired, or meant for somebody else, is a mistake and no attack.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        match self {
            Self::TooLong
            | Self::Malformed(_)
            | Self::Algorithm(_)
            | Self::Critical
            | Self::Type
            | Self::UnknownIssuer
            | Self::UnknownKey { .. }
            | Self::Signature { .. }
            | Self::ForgedCertificate(_)
            | Self::Unrecorded => true,
            Self::Certificate(_)
            | Self::IssuerGone { .. }
            | Self::Expired(_)
            | Self::NotYet(_)
            | Self::Lifetime { .. }
            | Self::NotAccessToken(_)
            | Self::NotLogoutToken(_)
            | Self::Audience { .. }
            | Self::Claim { .. }
            | Self::Groups { .. }
            | Self::Delegation(_)
            | Self::Account { .. }
            | Self::Revoked
            | Self::Unrecordable(_)
            | Self::Unavailable { .. }
            | Self::Store(_) => false,
        }
    }

    /// What a client may be told.
    #[must_use]
    pub fn client_text(&self) -> (&'static str, &'static str) {
        match self {
            Self::Expired(_) => {
                ("the access token has expired", "get a new token and connect again")
            }
            Self::NotYet(_) => ("the access token is not valid yet", "check the clocks"),
            Self::Audience { .. } => (
                "the access token is meant for someone else",
                "ask your issuer for a token whose audience is this gateway",
            ),
            Self::Unavailable { .. } | Self::Unrecordable(_) | Self::Store(_) => {
                ("the access token cannot be checked now", "try again in a moment")
            }
            Self::Lifetime { .. } => (
                "the access token is valid for too long",
                "ask your issuer for a shorter one; the operator sets the limit",
            ),
            Self::Groups { .. } => (
                "the access token names too many groups",
                "ask your issuer for one that names fewer; the operator sets the limit",
            ),
            Self::NotAccessToken(_) => (
                "that is not an access token",
                "send the access token of your issuer, not its ID token",
            ),
            Self::NotLogoutToken(_) => {
                ("the logout token is not accepted", "the gateway's log says why")
            }
            Self::Revoked => ("the access token was revoked", "get a new token and connect again"),
            Self::Account { .. } => (
                "an account named in the access token is not allowed",
                "ask the operator of the gateway",
            ),
            Self::Certificate(_) | Self::ForgedCertificate(_) | Self::IssuerGone { .. } => {
                ("the certificate is not accepted", "get a new one for your token")
            }
            Self::TooLong
            | Self::Malformed(_)
            | Self::Algorithm(_)
            | Self::Critical
            | Self::Type
            | Self::UnknownIssuer
            | Self::UnknownKey { .. }
            | Self::Signature { .. }
            | Self::Unrecorded
            | Self::Claim { .. }
            | Self::Delegation(_) => (
                "the access token is not accepted",
                "send an access token of a trusted issuer as the password",
            ),
        }
    }
}
