//! The engine (floor 3): nothing reaches a target without a permit, nothing reaches a
//! client without a release.
//!
//! A protocol's whole body is this loop:
//!
//! ```text
//! let (mut exchange, request) = session.admit(request, &mut client).await?;
//! target.send(request);                                         // takes Permitted only
//! while let Some(reply) = target.read().await? {
//!     client.send(exchange.release(reply, &mut client).await?).await?;   // takes Released only
//! }
//! exchange.close();                                 // dropped without close = recorded as aborted
//! ```
//!
//! [`Permitted`] and [`Released`] have private fields and are made here only, after the
//! evidence is durable. The sockets are inside [`ClientSide`] and [`TargetSide`], which
//! take nothing else. So forgetting to decide, to mask or to record does not compile:
//!
//! ```compile_fail,E0451
//! # use portreeve_session::Released;
//! // A release cannot be forged: its field is private.
//! let forged = Released { bytes: bytes::Bytes::from_static(b"raw") };
//! ```
//!
//! ```compile_fail,E0451
//! # use portreeve_session::Permitted;
//! // Neither can a permit.
//! let forged = Permitted { wire: bytes::Bytes::from_static(b"DROP TABLE customers") };
//! ```
//!
//! ```compile_fail,E0308
//! # async fn f(client: &mut portreeve_session::ClientSide) {
//! // Raw bytes cannot be sent to a client.
//! client.send(bytes::Bytes::from_static(b"raw")).await.unwrap();
//! # }
//! ```
//!
//! ```compile_fail,E0308
//! # fn f(target: &mut portreeve_session::TargetSide) {
//! // Raw bytes cannot be sent to a target.
//! target.send(bytes::Bytes::from_static(b"DROP TABLE customers"));
//! # }
//! ```
//!
//! ```compile_fail,E0616
//! # fn f(client: portreeve_session::ClientSide) {
//! // The socket cannot be taken out.
//! let socket = client.writer;
//! # }
//! ```
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
mod usage_store;

pub use desk::{Answer, BoxFuture, Claim, DeskError, ReviewAsk, ReviewDesk};
pub use engine::{Engine, EngineParts, NoObserver, Observer, OpenRequest, ReviewMode};
pub use error::Broken;
pub use exchange::{Exchange, Stop};
pub use gate::{Gatekeeper, Identity, IdentityEnd, NotAdmitted};
pub use limits::Limits;
pub use live::{Live, LiveSession, Signals};
pub use proof::{Permitted, Released};
pub use protocol::{
    Asked, Masked, Reply, Request, Revealed, Stage, SubjectTally, Subjects, Unmaskable,
};
pub use session::{Classify, Ruling, Session};
pub use sides::{ClientSide, Driven, Lobby, Stream, TargetSide, Voice};
pub use usage_store::{Amounts, Unit, UsageError, UsageKey, UsageStore};
