//! Files over SSH: SFTP, version 3 (draft-ietf-secsh-filexfer-02), as OpenSSH speaks it.
//!
//! The gateway is the server that a client sees, and the client that a target sees: every
//! operation is a command on files, and nothing of a file passes that was not looked through as a
//! whole. What a target is asked is made here, packet by packet, from what was decided; what it
//! answers is never passed on as it came.

mod packet;
mod remote;
mod reply;
mod request;

pub(crate) use packet::{
    Attributes, BadPacket, Entry, Packets, Request, Status, kind, packet, put_number,
};
pub(crate) use remote::{Answer, Ask, Failed, Remote, unexpected};
pub(crate) use reply::{Content, ReplyPacket, Shown, put_status};
pub(crate) use request::{CUT, FileCommand, SftpStart, ToTarget};

/// The version that is spoken.
pub(crate) const VERSION: u32 = 3;
