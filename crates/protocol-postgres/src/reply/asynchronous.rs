//! Messages that a server may send at any time, and what its texts may hold.

use super::expect::Expect;
use super::machine::{Audience, ReplyMachine, Step, Touched, malformed};
use super::parameters::{is_free_parameter, is_plain_parameter};
use crate::look::{MessageLook, Report, Trust, pass};
use crate::wire::{Frame, put, put_parameter, put_text};
use portreeve_model::Unclassified;
use portreeve_screen::Masking;
use portreeve_session::{Masked, Unmaskable};
use portreeve_wire::Cursor;
use std::borrow::Cow;

impl ReplyMachine {
    fn has_touched(&self) -> bool {
        self.touched != Touched::Never
    }

    /// Whether texts of the server may hold values of classified columns.
    fn trust(&self) -> Trust {
        let front = self.pending.front();
        let plans = || front.into_iter().flat_map(Expect::plans);
        let touches = || plans().any(|plan| plan.touches_hidden());
        // Deferred constraints and triggers speak at the end of a transaction, about rows
        // that earlier statements have touched.
        let ends = || self.has_touched() && plans().any(|plan| plan.runs_deferred());
        let is_tainted = match front {
            Some(Expect::Query(_)) => self.touched == Touched::Now || touches() || ends(),
            Some(Expect::Execute(_)) => touches() || ends(),
            Some(Expect::Parse(_) | Expect::Bind(_)) => touches(),
            _ => self.has_touched(),
        };
        let is_elsewhere = plans().any(|plan| plan.snapshot().has_rules());
        match (is_tainted, is_elsewhere) {
            (true, _) => Trust::Tainted,
            (false, true) => Trust::OutOfReach,
            (false, false) => Trust::Clean,
        }
    }

    /// Writes an error or a notice as it may pass.
    pub(super) fn report(
        &self,
        frame: &Frame,
        audience: Audience<'_>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Result<Report, Unmaskable> {
        let place = if frame.tag == b'E' { "error" } else { "notice" };
        self.looking(place, audience, masked, |look| {
            pass(frame.tag, frame.body(), self.trust(), look, out)
        })
        .map_err(|error| malformed(frame, error))
    }

    /// Shows a message with a look at its texts, if anybody will see it.
    fn looking<T>(
        &self,
        place: &str,
        audience: Audience<'_>,
        masked: &mut Masked,
        show: impl FnOnce(Option<&mut MessageLook<'_>>) -> T,
    ) -> T {
        let Audience::Client(masker) = audience else { return show(None) };
        let plan = self.pending.front().and_then(Expect::plan);
        let reveals =
            |object: &_, category: &_| plan.is_some_and(|plan| plan.reveals(object, category));
        let masking = Masking { masker, reveals: &reveals };
        let mut look = MessageLook { screen: self.screening.message(place), masking };
        let shown = show(Some(&mut look));
        look.finish(&mut masked.detected);
        shown
    }

    pub(super) fn parameter(
        &self,
        frame: &Frame,
        audience: Audience<'_>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let mut cursor = Cursor::new(frame.body());
        let (name, value) = cursor
            .text()
            .and_then(|name| cursor.text().map(|value| (name, value)))
            .and_then(|setting| cursor.finish().map(|()| setting))
            .map_err(|error| malformed(frame, error))?;
        // SECURITY: both change what the bytes of a statement mean.
        if (name == "standard_conforming_strings" && value != "on")
            || (name == "client_encoding" && value != "UTF8")
        {
            return Err(Unmaskable(format!("`{name}` is `{value}`")));
        }
        if self.trust() == Trust::Tainted && !is_plain_parameter(name, value) {
            return Ok(());
        }
        self.looking("setting", audience, masked, |look| {
            let look = look.filter(|_| is_free_parameter(name));
            let shown = look.map_or(Cow::Borrowed(value), |look| look.text(value));
            put_parameter(out, name, &shown);
        });
        Ok(())
    }

    /// Payloads come from other sessions: nobody here has decided on them. They are looked
    /// through, or masked whole where nobody looks.
    pub(super) fn notification(
        &self,
        frame: &Frame,
        audience: Audience<'_>,
        out: &mut Vec<u8>,
        masked: &mut Masked,
    ) -> Step {
        let mut cursor = Cursor::new(frame.body());
        let (process, channel) = cursor
            .u32()
            .and_then(|process| cursor.text().map(|channel| (process, channel)))
            .map_err(|error| malformed(frame, error))?;
        let payload = cursor
            .text()
            .and_then(|payload| cursor.finish().map(|()| payload))
            .map_err(|error| malformed(frame, error))?;
        self.looking("notification", audience, masked, |look| {
            let is_looked_through = self.screening.screen.mode() != Unclassified::Clear;
            let shown = match look.filter(|_| is_looked_through) {
                Some(look) => look.text(payload),
                None if payload.is_empty() => Cow::Borrowed(""),
                None => Cow::Borrowed("[masked]"),
            };
            put(out, b'A', |out| {
                out.extend_from_slice(&process.to_be_bytes());
                put_text(out, channel);
                put_text(out, &shown);
            });
        });
        Ok(())
    }
}
