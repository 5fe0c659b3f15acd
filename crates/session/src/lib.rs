//! The engine (floor 3): nothing reaches a target without a permit, nothing reaches a
//! client without a release.
//!
//! A protocol's whole body is this loop:
//!
//! ```
//! use portreeve_session::*;
//!
//! # async fn one<R: Request, P: Reply>(
//! #     session: &Session, request: R, client: &mut ClientSide, target: &mut TargetSide,
//! #     read: impl AsyncFn(&mut TargetSide) -> Option<P>,
//! # ) -> Result<(), Stop> {
//! let snapshot = session.snapshot();                        // planned with, decided by
//! let mut admitted = session.admit(request, &snapshot, client).await?;
//! target.send(admitted.permit);                             // takes Permitted only
//! while let Some(reply) = read(target).await {
//!     let released = admitted.exchange.release(reply, client).await?;
//!     client.send(released).await?;                         // takes Released only
//! }
//! admitted.exchange.close();               // dropped without close = recorded as aborted
//! # Ok(())
//! # }
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
//! | `desk`, `gate` | the ports: who is asked, who is let in |

mod desk;
mod engine;
mod error;
mod exchange;
mod gate;
mod proof;
mod protocol;
mod session;
mod sides;

pub use desk::{Answer, BoxFuture, Claim, DeskError, ReviewAsk, ReviewDesk};
pub use engine::{
    Barrier, Engine, EngineParts, Limits, Live, LiveSession, NoObserver, Observer, OpenRequest,
    ReviewMode,
};
pub use error::{Ended, Fault, SessionError};
pub use exchange::{Admitted, Asked, Exchange, Hold, Interrupt, Stop};
pub use gate::{Gatekeeper, Identity, NotAdmitted};
pub use proof::{Permitted, Released};
pub use protocol::{
    CommandUse, End, Masked, Notice, NoticeEncoder, Piece, Reply, Request, Stage, TargetRequest,
    Unmaskable, Upload,
};
pub use session::{Classify, Session, Snapshot};
pub use sides::{
    BodySender, ClientSide, Driven, PermittedBody, ReleasedBody, ReleasedWriter, TargetSide,
    permitted_body, released_body,
};
