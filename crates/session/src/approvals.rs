//! Where people are asked. The engine opens reviews; control stores and answers them.

use portreeve_model::{Chain, ContentField, Digest, Examples, RequestId, ReviewId, RuleId};
use std::future::Future;
use std::pin::Pin;
use std::time::SystemTime;
use thiserror::Error;

/// A boxed future, for traits that are used as objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A question for a person.
#[derive(Clone, Debug)]
pub struct ReviewAsk {
    /// The request that is held.
    pub request: RequestId,
    /// Who wants it.
    pub chain: Chain,
    /// Where.
    pub resource: String,
    /// What, in the client's own words.
    pub text: String,
    /// Why a person is asked: the rule's advice.
    pub reason: String,
    /// The rule.
    pub rule: RuleId,
    /// Who may answer.
    pub groups: Vec<String>,
    /// How many different people must approve, at least 1.
    pub approvers: u32,
    /// Everything that the approval is bound to.
    pub fields: Vec<ContentField>,
    /// SHA-256 of its encoding ([`portreeve_model::ApprovalContent::encoding`]).
    pub content: Digest,
    /// Some of the rows that it would touch, masked.
    pub examples: Option<Examples>,
    /// When the question lapses.
    pub deadline: SystemTime,
}

/// How a review ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Go on.
    Approved {
        /// The reviewer.
        by: String,
        /// What the reviewer said.
        comment: Option<String>,
    },
    /// Do not.
    Denied {
        /// The reviewer.
        by: String,
        /// What the reviewer said.
        comment: Option<String>,
    },
    /// Nobody answered in time.
    Expired,
    /// The requester went away, or the gateway stopped.
    Abandoned,
    /// It was approved once, and somebody else who has sent the same runs by it.
    Used,
}

/// What is known of an earlier review of the same content by the same chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claim {
    /// It was approved, and is used up by this claim.
    Approved {
        /// The review.
        review: ReviewId,
        /// The reviewer.
        by: String,
    },
    /// It is still open.
    Pending(ReviewId),
    /// There is none, but the same chain has an approval of something else.
    Different {
        /// The review of it.
        review: ReviewId,
        /// In what it differs, in words without values.
        differences: Vec<String>,
    },
    /// There is none.
    None,
}

/// The approval service could not do its work; the command is not run.
#[derive(Debug, Error)]
#[error("reviews are unavailable: {0}")]
pub struct ApprovalError(pub String);

/// Opens, waits for and claims reviews.
pub trait ApprovalService: Send + Sync {
    /// Asks.
    fn open(&self, ask: ReviewAsk) -> BoxFuture<'_, Result<ReviewId, ApprovalError>>;
    /// Waits until the review is decided, lapses or is abandoned.
    fn answer(&self, review: &ReviewId) -> BoxFuture<'_, Answer>;
    /// The requester is gone.
    fn abandon(&self, review: &ReviewId);
    /// Uses up an approval that was given while the requester did not wait.
    fn claim(&self, ask: &ReviewAsk) -> BoxFuture<'_, Result<Claim, ApprovalError>>;
}
