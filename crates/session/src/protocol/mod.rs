//! What a protocol supplies: how its requests and replies are read, and how the gateway's
//! own words look in it.

mod notice;
mod reply;
mod request;

pub use notice::{Notice, NoticeEncoder};
pub use reply::{End, Masked, Reply, Unmaskable};
pub use request::{CommandUse, Piece, Request, Stage, TargetRequest, Upload};
