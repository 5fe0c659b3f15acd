//! Asking a person, while an exchange is held.

use super::{Hold, Running};
use crate::engine::{ReviewMode, Step};
use crate::protocol::{Notice, sha256};
use crate::session::Snapshot;
use crate::{Answer, ApprovalError, Claim, ReviewAsk, SessionError};
use portreeve_model::{
    ApprovalContent, Decision, Event, Refusal, RefusalCode, RequestContent, RequestId, ReviewId,
    ReviewOutcome, RuleId,
};
use std::collections::BTreeSet;
use std::time::{Instant, SystemTime};
use tokio::time::sleep;

/// Who has to be asked, and by which rule.
#[derive(Clone, Debug)]
pub(super) struct Question {
    /// The rule that the question is put by.
    pub(super) rule: RuleId,
    /// Every rule that an approval lifts.
    pub(super) rules: BTreeSet<RuleId>,
    pub(super) reason: String,
    /// Who may answer; nobody where it is refused.
    pub(super) groups: Vec<String>,
    /// What a client reads where nobody can be asked.
    pub(super) refusal: (RefusalCode, String, Option<String>),
}

impl Question {
    pub(super) fn into_refusal(self, running: &Running) -> Refusal {
        let (code, message, hint) = self.refusal;
        running.session.refusal(running.number, code, message, Some(self.rule), hint)
    }
}

impl From<&Decision> for Question {
    fn from(decision: &Decision) -> Self {
        let reason = decision.reasons.first();
        Self {
            rule: reason.map_or_else(|| "review".into(), |reason| reason.rule.clone()),
            rules: decision.reasons.iter().map(|reason| reason.rule.clone()).collect(),
            reason: reason.and_then(|reason| reason.advice.clone()).unwrap_or_default(),
            groups: decision.review_groups.clone(),
            refusal: (RefusalCode::Denied, "denied by policy".into(), None),
        }
    }
}

/// Holds the running exchange until a person has answered. `None` is an approval.
///
/// The request's record is durable before anyone is asked, and the answer before anything
/// moves.
pub(super) async fn review<H: Hold>(
    running: &Running,
    snapshot: &Snapshot,
    question: Question,
    content: RequestContent,
    hold: &mut H,
) -> Result<Option<Refusal>, SessionError> {
    let session = &running.session;
    if session.review_mode() == ReviewMode::Tell {
        session.commit().await?;
        return Ok(Some(told(running, question)));
    }
    let ask = review_ask(running, snapshot, question, content);
    session.commit().await?;
    let (mut differences, mut open) = (Vec::new(), None);
    match session.engine().approvals.claim(&ask).await {
        Ok(Claim::Approved { review, by }) => {
            stage_closed(running, &review, ReviewOutcome::Approved, Some(by));
            return Ok(None);
        }
        Ok(Claim::Pending(review)) if session.review_mode() == ReviewMode::Refuse => {
            return Ok(Some(pending(running, &review, &ask, &differences)));
        }
        Ok(Claim::Different { differences: found, .. }) => differences = found,
        // Whoever asks again goes on waiting for the answer to what was asked.
        Ok(Claim::Pending(review)) if hold.wait_max().is_some() => open = Some(review),
        Ok(Claim::Pending(_) | Claim::None) => {}
        Err(error) => return Ok(Some(unavailable(running, &error))),
    }
    let review = match open {
        Some(review) => review,
        None => match session.engine().approvals.open(ask.clone()).await {
            Ok(review) => {
                session.stage(Event::ReviewOpened {
                    exchange: running.number,
                    review: review.clone(),
                    groups: ask.groups.clone(),
                    rule: ask.rule.clone(),
                    content: ask.content,
                    examples: ask.examples.as_ref().map_or(0, |some| some.rows.len() as u64),
                });
                review
            }
            Err(error) => return Ok(Some(unavailable(running, &error))),
        },
    };
    if session.review_mode() == ReviewMode::Refuse {
        return Ok(Some(pending(running, &review, &ask, &differences)));
    }
    // One that waits for a while may be gone, and come back.
    let abandon = Abandon { running, review: &review, is_over: hold.wait_max().is_some() };
    wait(abandon, &ask, hold).await
}

/// Abandons a review unless it has ended, whatever ends the wait.
struct Abandon<'a> {
    running: &'a Running,
    review: &'a ReviewId,
    is_over: bool,
}

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        if !self.is_over {
            self.running.session.engine().approvals.abandon(self.review);
            stage_closed(self.running, self.review, ReviewOutcome::Abandoned, None);
        }
    }
}

async fn wait<H: Hold>(
    mut open: Abandon<'_>,
    ask: &ReviewAsk,
    hold: &mut H,
) -> Result<Option<Refusal>, SessionError> {
    let (running, review) = (open.running, open.review);
    let session = &running.session;
    let text = format!("held for review `{review}`: {}", ask.reason);
    let hint = format!(
        "waiting up to {} s for a member of {}; a reviewer runs: portreeve reviews approve {review}",
        session.engine().limits().review_timeout.as_secs(),
        ask.groups.join(" or "),
    );
    let notice = session.say(running.number, Notice::Held { text: &text, hint: &hint }).await?;
    hold.tell(notice).await?;
    let began = Instant::now();
    let wait_max = hold.wait_max();
    let patience = async {
        match wait_max {
            Some(wait_max) => sleep(wait_max).await,
            None => std::future::pending().await,
        }
    };
    let answer = tokio::select! {
        biased;
        answer = session.engine().approvals.answer(review) => answer,
        () = patience => return Ok(Some(pending(running, review, ask, &[]))),
        () = hold.gone() => return Err(SessionError::ClientGone),
        ended = session.ended() => return Err(ended.into()),
        () = running.cancel.notified() => {
            session.engine().approvals.abandon(review);
            Answer::Abandoned
        }
    };
    open.is_over = true;
    session.engine().observer.took(session.resource(), Step::Review, began.elapsed());
    Ok(answered(running, review, ask, answer))
}

fn review_ask(
    running: &Running,
    snapshot: &Snapshot,
    question: Question,
    request: RequestContent,
) -> ReviewAsk {
    let session = &running.session;
    let (text, examples) = (request.text(), request.examples.clone());
    // INVARIANT: an approval is bound to all of this; approve A, run B cannot be.
    let content = ApprovalContent {
        resource: session.resource().to_owned(),
        chain: session.chain().clone(),
        policy: snapshot.policy().clone(),
        rule: question.rule.clone(),
        request,
    };
    ReviewAsk {
        request: RequestId { session: session.id(), exchange: running.number },
        chain: session.chain().clone(),
        resource: session.resource().to_owned(),
        text,
        reason: question.reason,
        rule: question.rule,
        groups: question.groups,
        approvers: 1,
        fields: content.fields(),
        content: sha256(&content.encoding()),
        examples,
        deadline: SystemTime::now() + session.engine().limits().review_timeout,
    }
}

fn answered(
    running: &Running,
    review: &ReviewId,
    ask: &ReviewAsk,
    answer: Answer,
) -> Option<Refusal> {
    let (outcome, by, text, comment) = match answer {
        Answer::Approved { by, .. } => (ReviewOutcome::Approved, Some(by), "", None),
        Answer::Denied { by, comment } => (ReviewOutcome::Denied, Some(by), "was denied", comment),
        Answer::Expired => (ReviewOutcome::Expired, None, "was not answered in time", None),
        Answer::Abandoned => (ReviewOutcome::Abandoned, None, "was cancelled", None),
        Answer::Used => {
            let text = "was approved, and the same command, sent another time, has run by it";
            (ReviewOutcome::Used, None, text, None)
        }
    };
    stage_closed(running, review, outcome, by.clone());
    if outcome == ReviewOutcome::Approved {
        return None;
    }
    let by = by.map(|by| format!(" by `{by}`")).unwrap_or_default();
    let comment = comment.map(|comment| format!(": {comment}")).unwrap_or_default();
    let hint = match outcome {
        ReviewOutcome::Used => {
            "look at what it did before you send it again: that opens a review anew"
        }
        _ => "nothing was released; ask for less, or ask the reviewers why",
    };
    let refusal = running.session.refusal(
        running.number,
        RefusalCode::NotApproved,
        format!("review `{review}` {text}{by}{comment}"),
        Some(ask.rule.clone()),
        Some(hint.into()),
    );
    Some(Refusal { review: Some(review.clone()), ..refusal })
}

fn stage_closed(running: &Running, review: &ReviewId, decision: ReviewOutcome, by: Option<String>) {
    let (exchange, review) = (running.number, review.clone());
    running.session.stage(Event::ReviewClosed { exchange, review, decision, by });
}

fn pending(
    running: &Running,
    review: &ReviewId,
    ask: &ReviewAsk,
    differences: &[String],
) -> Refusal {
    let other = match differences {
        [] => String::new(),
        some => format!("; what was approved is something else: {}", some.join(", ")),
    };
    let refusal = running.session.refusal(
        running.number,
        RefusalCode::ReviewPending,
        format!("needs approval; review `{review}` is open{other}"),
        Some(ask.rule.clone()),
        Some(format!(
            "send the same command again once `{review}` is approved: it will then run once"
        )),
    );
    Refusal { review: Some(review.clone()), ..refusal }
}

/// What a client reads that wants to know, and not to ask.
fn told(running: &Running, question: Question) -> Refusal {
    let groups = question.groups.join(" or ");
    running.session.refusal(
        running.number,
        RefusalCode::NotApproved,
        format!("needs approval by a member of {groups}; nobody was asked"),
        Some(question.rule),
        Some("send it to be run: a review is opened then".into()),
    )
}

fn unavailable(running: &Running, error: &ApprovalError) -> Refusal {
    tracing::error!(%error, "review could not be opened");
    running.session.refusal(
        running.number,
        RefusalCode::NotApproved,
        "needs approval, and no review could be opened".into(),
        None,
        Some("an operator must look at the gateway".into()),
    )
}
