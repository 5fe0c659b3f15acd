//! One place where cases are asked: at the target itself, and through the gateway.

use super::client::{Client, Login};
use portreeve_selftest::{
    Answer, Asked, Case, Controls, Finding, Mode, Report, Subject, Traces, Verdict, judge,
};

/// Where cases are asked.
pub(super) struct Place {
    /// What the report calls it.
    pub(super) name: String,
    /// What a session is told first, on both sides.
    pub(super) prepare: String,
    /// How a transaction begins.
    pub(super) begin: &'static str,
    /// A plain use of each right.
    pub(super) controls: Vec<(&'static str, Asked)>,
    pub(super) work: Vec<Work>,
    /// What may not show.
    pub(super) traces: Traces,
}

/// A case, and what it is about there.
pub(super) struct Work {
    pub(super) case: &'static Case,
    pub(super) asked: Asked,
    pub(super) subject: Subject,
    pub(super) modes: &'static [Mode],
}

/// Both ways to ask.
pub(super) struct Ways {
    pub(super) direct: Login,
    pub(super) through: Login,
}

/// What a session through the gateway is asked: what policies count in one does not stop a run.
const CASES_OF_A_SESSION: usize = 20;

/// One end of the comparison: a session, opened anew when it is used up.
struct End<'a> {
    login: &'a Login,
    prepare: &'a str,
    session: Option<Client>,
    asked: usize,
}

impl End<'_> {
    async fn session(&mut self) -> anyhow::Result<&Client> {
        let is_used_up = self.asked >= CASES_OF_A_SESSION;
        if is_used_up || !self.session.as_ref().is_some_and(Client::is_open) {
            let fresh = Client::open(self.login).await?;
            fresh.run(self.prepare).await?;
            (self.session, self.asked) = (Some(fresh), 0);
        }
        self.asked += 1;
        self.session.as_ref().ok_or_else(|| anyhow::anyhow!("no session"))
    }

    /// Asks; what cannot be asked is no answer.
    async fn ask(
        &mut self,
        place: &Place,
        asked: &Asked,
        mode: Mode,
    ) -> anyhow::Result<Option<Answer>> {
        let session = self.session().await?;
        let answer = session.ask(asked, mode, place.begin, &place.traces).await;
        if answer.as_ref().is_some_and(|answer| answer.broken.is_some()) {
            // What it was about to say belongs to no other case.
            self.session = None;
        }
        Ok(answer)
    }
}

/// Asks everything that a place has.
///
/// # Errors
/// The target or the gateway cannot be reached.
pub(super) async fn ask_all(
    place: &Place,
    ways: &Ways,
    report: &mut Report,
    done: &(dyn Fn() + Send + Sync),
) -> anyhow::Result<()> {
    let end = |login| End { login, prepare: &place.prepare, session: None, asked: 0 };
    let (mut direct, mut through) = (end(&ways.direct), end(&ways.through));
    let mut controls = Controls::default();
    for (action, asked) in &place.controls {
        let answer = through.ask(place, asked, Mode::Simple).await?.unwrap_or_default();
        controls.note(action, answer.failed.is_none() && answer.broken.is_none());
    }
    for work in &place.work {
        for mode in work.modes {
            let Some(known) = at_the_target(&mut direct, place, work, *mode).await? else {
                continue;
            };
            let Some(answer) = through.ask(place, &work.asked, *mode).await? else { continue };
            let (verdict, why) = judge(&work.asked, &known, &answer, &controls, &work.subject);
            report.add(Finding {
                place: place.name.clone(),
                case: work.case.name.clone(),
                channels: vec![mode.name()],
                verdict,
                why,
                remedy: (verdict == Verdict::Leaked).then(|| work.subject.remedy()),
            });
        }
        done();
    }
    Ok(())
}

/// What is refused whoever asks is not asked of the target: it can be about anybody's values.
async fn at_the_target(
    direct: &mut End<'_>,
    place: &Place,
    work: &Work,
    mode: Mode,
) -> anyhow::Result<Option<Answer>> {
    let expectation = &work.asked.expectation;
    if expectation.masked.is_empty() && expectation.needs.is_empty() && !expectation.whole {
        return Ok(Some(Answer::default()));
    }
    direct.ask(place, &work.asked, mode).await
}
