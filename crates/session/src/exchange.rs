//! One request and its whole reply: the second half of the loop, *release* and *close*.

use crate::proof::{Permitted, Released};
use crate::protocol::{Masked, Reply};
use crate::session::{Question, RowLimit, Session, rows_free};
use crate::{Broken, ClientSide};
use bytes::{Bytes, BytesMut};
use portreeve_decide::policy::{Beyond, Threshold};
use portreeve_model::{Direction, Event, Need, Outcome, Refusal, RefusalCode, Unit};

/// Why nothing more of a reply may be released.
#[derive(Debug)]
pub enum Stop {
    /// The reply is refused. The protocol stops the target, drops what is left of the
    /// reply, and says the refusal with [`Exchange::refuse`].
    Refused(Box<Refusal>),
    /// The session must end.
    Broken(Broken),
}

impl<T: Into<Broken>> From<T> for Stop {
    fn from(error: T) -> Self {
        Self::Broken(error.into())
    }
}

/// Whether rows wait for a threshold or pass as they come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Flow {
    /// Kept back until the reply has ended, or someone was asked.
    Held,
    /// Someone was asked and approved: only a further rule stops it.
    Flowing,
}

/// Obligations and counters of one request while its reply passes.
pub struct Exchange<'s> {
    session: &'s mut Session,
    number: u64,
    refusal: Option<Refusal>,
    threshold: Threshold,
    needs: Vec<Need>,
    content: String,
    rows_before: u64,
    rows: u64,
    flow: Flow,
    held: BytesMut,
    held_masked: Masked,
    is_closed: bool,
}

impl std::fmt::Debug for Exchange<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Exchange").field("number", &self.number).finish_non_exhaustive()
    }
}

impl<'s> Exchange<'s> {
    pub(crate) fn new(
        session: &'s mut Session,
        refusal: Option<Refusal>,
        limit: RowLimit,
        content: String,
    ) -> Self {
        Self {
            number: session.exchange,
            session,
            refusal,
            threshold: limit.threshold,
            needs: limit.needs,
            rows_before: limit.rows_before,
            content,
            rows: 0,
            flow: Flow::Held,
            held: BytesMut::new(),
            held_masked: Masked::default(),
            is_closed: false,
        }
    }

    /// The refusal, when a command of the request was refused.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        self.refusal.as_ref()
    }

    /// Masks a part of the reply, asks policy (and people) with the counters so far,
    /// records, and only then releases.
    ///
    /// Nothing is released while a row threshold is open: up to it, rows are kept back
    /// until the reply has ended.
    pub async fn release<P: Reply>(
        &mut self,
        reply: P,
        client: &mut ClientSide,
    ) -> Result<Released, Stop> {
        let masked = reply.mask(&self.session.engine.masker)?;
        self.rows += masked.rows;
        let Some(limit) = rows_free(&self.threshold) else {
            return Ok(self.record(masked).await?);
        };
        let is_last = masked.outcome.is_some();
        self.keep(masked);
        let is_too_long = self.held.len() > self.session.engine.limits.held_bytes_max;
        if self.total_rows() > limit || (is_too_long && self.flow == Flow::Held) {
            self.ask(limit, client).await?;
            self.flow = Flow::Flowing;
        }
        // An approval may end at a further rule that these very rows have passed already.
        while let Some(limit) = rows_free(&self.threshold).filter(|free| self.total_rows() > *free)
        {
            self.ask(limit, client).await?;
        }
        if self.flow == Flow::Held && !is_last {
            return Ok(Released { bytes: Bytes::new() });
        }
        let masked = self.unkeep();
        Ok(self.record(masked).await?)
    }

    fn total_rows(&self) -> u64 {
        self.rows_before.saturating_add(self.rows)
    }

    fn keep(&mut self, masked: Masked) {
        self.held.extend_from_slice(&masked.bytes);
        self.held_masked.rows += masked.rows;
        for (category, count) in masked.masked {
            *self.held_masked.masked.entry(category).or_default() += count;
        }
        self.held_masked.disagreements.extend(masked.disagreements);
        self.held_masked.subjects.merge(masked.subjects);
        self.held_masked.outcome = masked.outcome;
    }

    fn unkeep(&mut self) -> Masked {
        let mut masked = std::mem::take(&mut self.held_masked);
        masked.bytes = std::mem::take(&mut self.held).freeze();
        masked
    }

    /// The threshold is crossed: a person is asked. An approval holds until a further
    /// rule objects.
    async fn ask(&mut self, rows_free: u64, client: &mut ClientSide) -> Result<(), Stop> {
        let threshold = std::mem::take(&mut self.threshold);
        let over = format!("more than {rows_free} rows");
        let question = match threshold.limit(Unit::Rows).map(|limit| limit.beyond.clone()) {
            None | Some(Beyond::Ask) => {
                self.threshold = self.threshold_after(rows_free);
                return Ok(());
            }
            Some(Beyond::Deny { rule, .. }) => {
                self.drop_held();
                return Err(Stop::Refused(Box::new(self.session.refusal(
                    RefusalCode::LimitExceeded,
                    format!("the result has {over}"),
                    Some(rule.unwrap_or_else(|| "rows".into())),
                    Some("ask for fewer rows: add a WHERE clause, an aggregate or a LIMIT".into()),
                ))));
            }
            Some(Beyond::Review { rule, advice, groups }) => {
                let reason =
                    advice.map_or_else(|| over.clone(), |advice| format!("{over}: {advice}"));
                Question { rule, reason, groups }
            }
        };
        match self.session.review(question, self.content.clone(), client).await? {
            None => {
                self.threshold = self.threshold_after(rows_free);
                Ok(())
            }
            Some(refusal) => {
                self.drop_held();
                Err(Stop::Refused(Box::new(refusal)))
            }
        }
    }

    /// The threshold from the first row on that was asked about, not from the last: what
    /// refuses a row between them has still to be found.
    fn threshold_after(&self, rows_free: u64) -> Threshold {
        let total = self.total_rows();
        let others =
            (self.session.rows.saturating_add(self.held_masked.rows)).saturating_sub(total);
        self.session.threshold(&self.needs, total.min(rows_free.saturating_add(1)), others)
    }

    /// Nothing that was kept back is ever released after a refusal.
    fn drop_held(&mut self) {
        self.held.clear();
        self.held_masked = Masked::default();
    }

    async fn record(&mut self, mut masked: Masked) -> Result<Released, Broken> {
        let outcome = masked.outcome.take();
        self.session.stage_release(self.number, &masked);
        if let Some(outcome) = outcome {
            self.stage_closed(outcome);
        }
        self.session.commit().await?;
        Ok(Released { bytes: masked.bytes })
    }

    /// Records the refusal, then releases its words.
    pub async fn refuse(&mut self, refusal: &Refusal, words: Bytes) -> Result<Released, Broken> {
        self.drop_held();
        let code = refusal.code;
        let outcome = Some(Outcome::Refused { code, rule: refusal.rule.clone() });
        self.record(Masked { bytes: words, outcome, ..Masked::default() }).await
    }

    /// More of the request's own data (a bulk load): durable before it is forwarded.
    pub async fn admit_data(&mut self, received: Bytes, wire: Bytes) -> Result<Permitted, Broken> {
        self.session.engine.observer.received(self.session.resource(), received.len() as u64);
        self.session.recorder.stage_payload(
            Event::RequestData { exchange: self.number },
            Direction::FromClient,
            &received,
        );
        self.session.commit().await?;
        Ok(Permitted { wire })
    }

    /// A refusal of this exchange, for the protocol's own reasons.
    #[must_use]
    pub fn refusal_of(&self, code: RefusalCode, message: String, hint: Option<String>) -> Refusal {
        self.session.refusal(code, message, None, hint)
    }

    /// Rows released in this exchange.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the exchange. One that is dropped instead is recorded as aborted.
    pub fn close(mut self) {
        self.stage_closed(Outcome::Completed);
    }

    fn stage_closed(&mut self, outcome: Outcome) {
        if !self.is_closed {
            self.is_closed = true;
            let (exchange, rows) = (self.number, self.rows);
            self.session.recorder.stage(Event::ExchangeClosed { exchange, outcome, rows });
        }
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        self.stage_closed(Outcome::Aborted { why: "not completed".into() });
    }
}
