//! The gateway's own words as PostgreSQL messages.

use crate::reply::Status;
use crate::request::{Ends, failing_query};
use crate::wire::{
    Refused, put, put_error, put_notice, put_ready, put_refusal, put_refused, query,
};
use bytes::Bytes;
use portreeve_decide::sql::Unknown;
use portreeve_model::Unit;
use portreeve_session::{Advice, DataForm, Ended, Notice, NoticeEncoder, SessionError, TargetWord};

/// Writes notices, and refusals where the client expects them.
#[derive(Clone, Debug)]
pub(crate) enum Notices {
    /// Between requests.
    Between,
    /// In place of the rest of a reply, which ends in this way.
    Reply(Ends, Status),
    /// In place of a whole reply, where the server was not asked; with what it would say.
    Local(Status, Option<Box<Unknown>>),
}

impl NoticeEncoder for Notices {
    fn encode(&self, notice: Notice<'_>) -> Bytes {
        let mut out = Vec::new();
        match notice {
            Notice::Held { text, hint } => put_notice(&mut out, text, hint),
            Notice::Refused(refusal) => match self {
                Self::Between | Self::Reply(Ends::Open, _) => put_refusal(&mut out, refusal),
                Self::Reply(Ends::SimpleReady | Ends::SyncReady, status) => {
                    put_refusal(&mut out, refusal);
                    put_ready(&mut out, status.byte());
                }
                Self::Local(status, unknown) => {
                    put_refused(&mut out, &Refused::boxed(refusal, unknown.as_deref()));
                    put_ready(&mut out, status.byte());
                }
            },
            Notice::SendData { form, parts } => put_copy_in(&mut out, form, parts),
            Notice::Ended(why) => put_farewell(&mut out, why),
        }
        out.into()
    }

    fn advise(&self, advice: Advice) -> &'static str {
        match advice {
            Advice::AskForLess(None | Some(Unit::Rows | Unit::Messages | Unit::Subjects)) => {
                "ask for fewer rows: add a WHERE clause, an aggregate or a LIMIT"
            }
            Advice::AskForLess(Some(Unit::Values | Unit::Bytes)) => {
                "ask for less: fewer columns, fewer or smaller rows"
            }
            Advice::AskForLess(Some(Unit::Probes)) => {
                "ask about fewer values, or ask for what you need by another key"
            }
            Advice::AskForLess(Some(Unit::Changes)) => {
                "change fewer rows at a time: add a WHERE clause"
            }
            Advice::AskPlainly => "send a statement that the gateway can analyse, one at a time",
        }
    }

    fn to_target(&self, word: TargetWord) -> Bytes {
        match word {
            TargetWord::Fail => failing_query(),
            TargetWord::Defer => query("BEGIN"),
            TargetWord::Keep => query("COMMIT"),
            TargetWord::TakeBack => query("ROLLBACK"),
        }
    }
}

/// CopyInResponse.
fn put_copy_in(out: &mut Vec<u8>, form: DataForm, columns: u16) {
    let format = match form {
        DataForm::Text => 0u16,
        DataForm::Binary => 1,
    };
    put(out, b'G', |out| {
        out.push(u8::from(form == DataForm::Binary));
        out.extend_from_slice(&columns.to_be_bytes());
        (0..columns).for_each(|_| out.extend_from_slice(&format.to_be_bytes()));
    });
}

/// The last words to the client, where there is anything to say.
fn put_farewell(out: &mut Vec<u8>, why: &SessionError) {
    let (sqlstate, message): (_, String) = match why {
        SessionError::ClientGone | SessionError::Unrecordable => return,
        SessionError::TargetGone => ("08006", "the target closed the connection".into()),
        SessionError::Client(fault) => ("08P01", fault.to_string()),
        SessionError::Target(_) => {
            ("XX000", "the target's reply could not be proven clean, so it is withheld".into())
        }
        SessionError::Timeout(what) => ("57P05", (*what).to_owned()),
        SessionError::Ended(Ended::Killed(by)) => {
            ("57P01", format!("the session was ended by `{by}`"))
        }
        SessionError::Ended(Ended::Expired) => {
            ("57P01", "the access token has expired: connect again with a fresh one".into())
        }
        SessionError::Ended(Ended::Revoked(why)) => ("57P01", why.clone()),
    };
    let message = format!("portreeve: {message}");
    put_error(out, "FATAL", sqlstate, &message, None, None);
}
