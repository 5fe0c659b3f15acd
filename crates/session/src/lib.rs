//! The engine (floor 3): nothing reaches a target without a permit, nothing reaches a
//! client without a release.
//!
//! A protocol's whole body is this loop:
//!
//! ```no_run
//! # use portreeve_session::{Broken, ClientSide, Permitted, Reply, Request, Session, Stop};
//! # trait Target {
//! #     fn send(&mut self, permitted: Permitted);
//! #     async fn read(&mut self) -> Result<Option<impl Reply>, Broken>;
//! # }
//! # async fn body(
//! #     session: &mut Session,
//! #     request: impl Request,
//! #     mut client: ClientSide,
//! #     target: &mut impl Target,
//! # ) -> Result<(), Stop> {
//! let (mut exchange, request) = session.admit(request, &mut client).await?;
//! target.send(request);                                         // takes Permitted only
//! while let Some(reply) = target.read().await? {
//!     let released = exchange.release(reply, &mut client).await?;
//!     client.send(released).await?;                             // takes Released only
//! }
//! exchange.close();                                 // dropped without close = recorded as aborted
//! # Ok(())
//! # }
//! ```
//!
//! [`Permitted`] and [`Released`] have private fields and are made here only, after the
//! evidence is durable. The sockets are inside [`ClientSide`] and [`TargetSide`], which
//! take nothing else. So forgetting to decide, to mask or to record does not compile:
//! `tests/proofs/` has what somebody could write by mistake, and the errors that it gives.
//!
//! What is deliberately absent: a list of plug-ins, a control that can be "not
//! registered", a way to pass bytes that were not understood.

mod desk;
mod engine;
mod error;
mod exchange;
mod gate;
mod limits;
mod live;
mod proof;
mod protocol;
mod review;
mod session;
mod sides;

pub use desk::{Answer, BoxFuture, Claim, DeskError, ReviewAsk, ReviewDesk};
pub use engine::{Engine, EngineParts, NoObserver, Observer, OpenRequest, ReviewMode};
pub use error::Broken;
pub use exchange::{Exchange, Stop};
pub use gate::{Gatekeeper, Identity, NotAdmitted};
pub use limits::Limits;
pub use live::{Live, LiveSession, Signals};
pub use proof::{Permitted, Released};
pub use protocol::{
    Asked, Masked, Reply, Request, Revealed, Stage, SubjectTally, Subjects, Unmaskable,
};
pub use session::{Classify, Ruling, Session};
pub use sides::{ClientSide, Driven, Lobby, Stream, TargetSide, Voice};
