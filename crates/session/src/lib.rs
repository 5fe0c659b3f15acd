//! The engine (floor 3): nothing reaches a target without a permit, nothing reaches a
//! client without a release.
//!
//! A protocol's whole body is this loop:
//!
//! ```no_run
//! # use portreeve_session::{
//! #     Admitted, ClientSide, Permitted, Reply, Request, Session, SessionError, Stop,
//! # };
//! # trait Target {
//! #     fn send(&mut self, permit: Permitted);
//! #     async fn read(&mut self) -> Result<Option<impl Reply>, SessionError>;
//! # }
//! # async fn body(
//! #     session: &Session,
//! #     request: impl Request,
//! #     client: &mut ClientSide,
//! #     target: &mut impl Target,
//! # ) -> Result<(), Stop> {
//! let snapshot = session.snapshot();                            // planned with it, decided by it
//! let Admitted { mut exchange, permit, .. } = session.admit(request, &snapshot, client).await?;
//! target.send(permit);                                          // takes Permitted only
//! while let Some(reply) = target.read().await? {
//!     let released = exchange.release(reply, client).await?;
//!     client.send(released).await?;                             // takes Released only
//! }
//! exchange.close();                                 // dropped without close = recorded as aborted
//! # Ok(())
//! # }
//! ```
//!
//! [`Permitted`] and [`Released`] have private fields and are made here only, after the evidence is
//! durable (a permit of what is proven to only read: after it is staged). The sockets are inside
//! [`ClientSide`] and [`TargetSide`], which take nothing else. So forgetting to decide, to mask or
//! to record does not compile:
//! `tests/proofs/` has what somebody could write by mistake, and the errors that it gives.
//!
//! What is deliberately absent: a list of plug-ins, a control that can be "not
//! registered", a way to pass bytes that were not understood, a function that makes a
//! proof from arbitrary bytes.
//!
//! | room | idea |
//! |---|---|
//! | `engine` | what all sessions share; how a client gets one; which are open |
//! | `session` | one client's time at one resource; the snapshot that requests are decided by |
//! | `exchange` | one request and its whole reply: admit, release, forward, close |
//! | `protocol` | what a protocol supplies |
//! | `sides` | the two ends, and bodies for libraries that own the socket |
//! | `approvals`, `authenticator` | the ports: who is asked, who is let in |

mod approvals;
mod authenticator;
mod engine;
mod error;
mod exchange;
mod proof;
mod protocol;
mod session;
mod sides;
mod usage_store;

pub use approvals::{Answer, ApprovalError, ApprovalService, BoxFuture, Claim, ReviewAsk};
pub use authenticator::{Authenticator, Identity, IdentityEnd, NotAdmitted};
pub use engine::{
    Engine, EngineParts, Limits, Live, LiveSession, NoObserver, Observer, OpenRequest, ReviewMode,
    Step,
};
pub use error::{Ended, Fault, SessionError};
pub use exchange::{Admitted, Asked, Exchange, Hold, Interrupt, Silent, Stop, WaitsFor};
pub use proof::{Permitted, Released};
pub use protocol::{
    Advice, CommandUse, DataForm, End, Fence, Fenced, Masked, Notice, NoticeEncoder, OwnQuestion,
    Piece, Reply, Request, Stage, TargetRequest, TargetWord, Unmaskable, Upload, shown_digest,
    shown_text,
};
pub use session::{Classify, Session, Snapshot};
pub use sides::{
    BodySender, ClientSide, CutOff, Driven, PermittedBody, PermittedWriter, ReleasedBody,
    ReleasedWriter, TargetSide, UnreadableHead, permitted_body, permitted_head, permitted_request,
    put_stream, released_body, released_head, released_note, released_streams,
};
pub use usage_store::{UsageError, UsageKey, UsageStore};
