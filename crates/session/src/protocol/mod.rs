//! What a protocol supplies: how its requests and replies are read, and how the gateway's
//! own words look in it.

mod fence;
mod notice;
mod reply;
mod request;
mod shown;

pub use fence::{Fence, Fenced};
pub use notice::{Advice, DataForm, Notice, NoticeEncoder, OwnQuestion, TargetWord};
pub use reply::{End, Masked, Reply, Unmaskable};
pub use request::{CommandUse, Piece, Request, Stage, TargetRequest, Upload};
pub(crate) use shown::sha256;
pub use shown::{shown_digest, shown_text};
