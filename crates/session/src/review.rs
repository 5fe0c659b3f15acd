//! Asking a person, while the command is held.

use crate::engine::ReviewMode;
use crate::protocol::Masked;
use crate::session::{Question, Session};
use crate::{Answer, Broken, Claim, ClientSide, ReviewAsk};
use bytes::Bytes;
use portreeve_model::{Digest, Event, Refusal, RefusalCode, RequestId, ReviewId, ReviewOutcome};
use std::time::SystemTime;

impl Session {
    /// Holds the running exchange until a person has answered. `None` is an approval.
    ///
    /// The request's record is durable before anyone is asked, and the answer before
    /// anything moves.
    pub(crate) async fn review(
        &mut self,
        question: Question,
        statement: String,
        client: &mut ClientSide,
    ) -> Result<Option<Refusal>, Broken> {
        let ask = self.review_ask(question, statement);
        self.recorder.submit().durable().await?;
        match self.engine.desk.claim(&ask).await {
            Ok(Claim::Approved { review, by }) => {
                self.stage_review_closed(&review, ReviewOutcome::Approved, Some(by));
                return Ok(None);
            }
            Ok(Claim::Pending(review)) if self.review_mode == ReviewMode::Refuse => {
                return Ok(Some(self.pending(review, &ask)));
            }
            Ok(Claim::Pending(_) | Claim::None) => {}
            Err(error) => return Ok(Some(self.desk_failed(&error))),
        }
        let review = match self.engine.desk.open(ask.clone()).await {
            Ok(review) => review,
            Err(error) => return Ok(Some(self.desk_failed(&error))),
        };
        self.recorder.stage(Event::ReviewOpened {
            exchange: self.exchange,
            review: review.clone(),
            groups: ask.groups.clone(),
            rule: ask.rule.clone(),
            content: ask.content,
        });
        if self.review_mode == ReviewMode::Refuse {
            return Ok(Some(self.pending(review, &ask)));
        }
        let result = self.wait(&review, &ask, client).await;
        if result.is_err() {
            self.engine.desk.abandon(&review);
            self.stage_review_closed(&review, ReviewOutcome::Abandoned, None);
        }
        result
    }

    fn review_ask(&self, question: Question, statement: String) -> ReviewAsk {
        // INVARIANT: an approval is bound to all of this; approve A, run B cannot be.
        let bound = join_exactly(&[
            &statement,
            &format!("{:?}", self.chain()),
            self.resource(),
            &self.policy_version().0,
            &question.rule.0,
        ]);
        ReviewAsk {
            request: RequestId { session: self.id(), exchange: self.exchange },
            chain: self.chain().clone(),
            resource: self.resource().to_owned(),
            statement,
            reason: question.reason,
            rule: question.rule,
            groups: question.groups,
            approvers: 1,
            content: sha256(&bound),
            deadline: SystemTime::now() + self.engine.limits.review_timeout,
        }
    }

    async fn wait(
        &mut self,
        review: &ReviewId,
        ask: &ReviewAsk,
        client: &mut ClientSide,
    ) -> Result<Option<Refusal>, Broken> {
        let text = format!("held for review `{review}`: {}", ask.reason);
        let hint = format!(
            "waiting up to {} s for a member of {}; a reviewer runs: portreeve reviews approve {review}",
            self.engine.limits.review_timeout.as_secs(),
            ask.groups.join(" or "),
        );
        let notice = Masked { bytes: client.notice(&text, &hint), ..Masked::default() };
        let notice = self.release_masked(self.exchange, notice).await?;
        client.send(notice).await?;

        let engine = self.engine.clone();
        let signals = self.signals.clone();
        let answer = tokio::select! {
            answer = engine.desk.answer(review) => answer,
            () = client.gone() => return Err(Broken::ClientGone),
            by = signals.killed() => return Err(Broken::Killed(by)),
            () = signals.cancel.notified() => {
                engine.desk.abandon(review);
                Answer::Abandoned
            }
        };
        Ok(self.answered(review, ask, answer))
    }

    fn answered(&mut self, review: &ReviewId, ask: &ReviewAsk, answer: Answer) -> Option<Refusal> {
        let (outcome, by, text, comment) = match answer {
            Answer::Approved { by, .. } => (ReviewOutcome::Approved, Some(by), "", None),
            Answer::Denied { by, comment } => {
                (ReviewOutcome::Denied, Some(by), "was denied", comment)
            }
            Answer::Expired => (ReviewOutcome::Expired, None, "was not answered in time", None),
            Answer::Abandoned => (ReviewOutcome::Abandoned, None, "was cancelled", None),
        };
        self.stage_review_closed(review, outcome, by.clone());
        if outcome == ReviewOutcome::Approved {
            return None;
        }
        let by = by.map(|by| format!(" by `{by}`")).unwrap_or_default();
        let comment = comment.map(|comment| format!(": {comment}")).unwrap_or_default();
        let mut refusal = self.refusal(
            RefusalCode::NotApproved,
            format!("review `{review}` {text}{by}{comment}"),
            Some(ask.rule.clone()),
            Some("nothing was released; ask for less, or ask the reviewers why".into()),
        );
        refusal.review = Some(review.clone());
        Some(refusal)
    }

    fn stage_review_closed(
        &mut self,
        review: &ReviewId,
        decision: ReviewOutcome,
        by: Option<String>,
    ) {
        let (exchange, review) = (self.exchange, review.clone());
        self.recorder.stage(Event::ReviewClosed { exchange, review, decision, by });
    }

    fn pending(&self, review: ReviewId, ask: &ReviewAsk) -> Refusal {
        let mut refusal = self.refusal(
            RefusalCode::ReviewPending,
            format!("needs approval; review `{review}` is open"),
            Some(ask.rule.clone()),
            Some(format!(
                "send the same command again once `{review}` is approved: it will then run once"
            )),
        );
        refusal.review = Some(review);
        refusal
    }

    fn desk_failed(&self, error: &crate::DeskError) -> Refusal {
        tracing::error!(%error, "review could not be opened");
        self.refusal(
            RefusalCode::NotApproved,
            "needs approval, and no review could be opened".into(),
            None,
            Some("an operator must look at the gateway".into()),
        )
    }
}

fn sha256(bytes: &[u8]) -> Digest {
    let mut digest = Digest([0; 32]);
    digest.0.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    digest
}

/// Joins texts so that no two different lists give the same bytes.
fn join_exactly(parts: &[&str]) -> Bytes {
    let mut joined = Vec::new();
    for part in parts {
        joined.extend_from_slice(&(part.len() as u64).to_be_bytes());
        joined.extend_from_slice(part.as_bytes());
    }
    joined.into()
}
