//! Files that a client writes. Nothing of what was there may stay beside what is new: the rest of a
//! value would be no value that anybody finds.

use super::files::{APPENDS, Answered, Files, Handle, NOTHING};
use super::notices::Answers;
use crate::sftp::{Answer, Ask, Attributes, BadPacket, Failed, Shown, Status, kind, unexpected};
use portreeve_model::{Action, RefusalCode};
use portreeve_session::{SessionError, Stop};

/// Flags of an open request.
const CREATES: u32 = 8;
const EMPTIES: u32 = 0x10;
/// There must be none.
const EXCLUDES: u32 = 0x20;
/// What a file is emptied by.
const EMPTY: Attributes = Attributes { size: Some(0), owner: None, mode: None, times: None };

/// What is in a file that is being written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Held {
    /// It was not there before; all of it comes from the client.
    Created,
    /// All of it comes from the client.
    Emptied,
    /// What was there stays, and what comes is put behind it.
    Appended,
    /// What was there, until the first bytes come.
    Before,
}

impl Files {
    /// A file is written, piece by piece as it comes.
    pub(super) async fn upload(
        &mut self,
        id: u32,
        path: &str,
        flags: u32,
        attributes: &Attributes,
    ) -> Answered {
        let path = self.real(path).await?;
        let handle = self.fresh_handle()?;
        if !attributes.is_plain() {
            return Err(Failed::Answered(Status::PermissionDenied));
        }
        // Whether it was there shows in whether it can be made.
        let may_be_new = flags & CREATES != 0;
        let first = if may_be_new { flags | EXCLUDES } else { flags };
        let ask = Ask::open(&path, first, attributes);
        let (mut exchange, permit) =
            match self.admit(id, "put", &[(Action::Write, &path)], &ask, attributes).await? {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused),
            };
        let mut answer = self.remote.begin(permit).await?;
        let mut held = if may_be_new { Held::Created } else { held_by(flags) };
        if may_be_new && flags & EXCLUDES == 0 && matches!(answer, Answer::Status(_)) {
            held = held_by(flags);
            answer = self.remote.ask(&mut exchange, &Ask::open(&path, flags, attributes)).await?;
        }
        let remote = match self.opened(&mut exchange, id, &path, answer).await? {
            Ok(remote) => remote,
            Err(told) => return Ok(told),
        };
        let content = self.content(&path);
        let upload = Handle::Upload { exchange: Box::new(exchange), content, remote, held };
        self.handles.insert(handle, upload);
        Ok(self.say(id, Shown::Handle(handle)).await?)
    }

    pub(super) async fn write(
        &mut self,
        id: u32,
        handle: u32,
        offset: u64,
        data: &[u8],
    ) -> Answered {
        let Some(Handle::Upload { exchange, remote, held, .. }) = self.handles.get_mut(&handle)
        else {
            return Err(Failed::Answered(Status::Failure));
        };
        if *held == Held::Before {
            if offset > 0 {
                let refusal = exchange.refusal_of(
                    RefusalCode::Unmaskable,
                    "a part of a file that is there would stay beside what is new".to_owned(),
                    Some("write all of it, or append to it".to_owned()),
                );
                return Ok(exchange.refuse(refusal, &Answers(id)).await?);
            }
            // `scp` writes over a file from its beginning.
            let ask = Ask::handle(kind::FSETSTAT, remote).with(&EMPTY);
            match self.remote.ask(exchange, &ask).await? {
                Answer::Status(Status::Done) => *held = Held::Emptied,
                other => return Err(unexpected(other)),
            }
        }
        let ask = Ask::write(remote, offset, data);
        match self.remote.ask(exchange, &ask).await {
            Ok(Answer::Status(status)) => Ok(self.say(id, Shown::Status(status)).await?),
            Ok(_) => Err(SessionError::from(BadPacket).into()),
            Err(Failed::Stopped(Stop::Refused(refusal))) => {
                Ok(exchange.refuse(*refusal, &Answers(id)).await?)
            }
            Err(failed) => Err(failed),
        }
    }

    /// What is set of a file by its handle. Rights of one that was there are set as they are by its
    /// name.
    pub(super) async fn handle_set_stat(
        &mut self,
        id: u32,
        handle: u32,
        attributes: &Attributes,
    ) -> Answered {
        let Some(Handle::Upload { exchange, content, remote, held }) =
            self.handles.get_mut(&handle)
        else {
            return Err(Failed::Answered(Status::Failure));
        };
        let stays = matches!(held, Held::Appended | Held::Before);
        if !attributes.is_plain() || stays && attributes.size.is_some_and(|size| size > 0) {
            return Err(Failed::Answered(Status::PermissionDenied));
        }
        let ask = Ask::handle(kind::FSETSTAT, remote).with(attributes);
        let mut sets_rights = attributes.mode.is_some() && *held != Held::Created;
        if sets_rights
            && let Answer::Attributes(now) =
                self.remote.ask(exchange, &Ask::handle(kind::FSTAT, remote)).await?
        {
            sets_rights = !attributes.has_rights_of(&now);
        }
        if sets_rights {
            let path = content.object.path.last().cloned().unwrap_or_default();
            let ask = ask.about(&path);
            return self
                .change_to(id, "setstat", &[(Action::Administer, &path)], ask, &NOTHING)
                .await;
        }
        if attributes.size.is_some() && *held == Held::Before {
            *held = Held::Emptied;
        }
        match self.remote.ask(exchange, &ask).await? {
            Answer::Status(status) => Ok(self.say(id, Shown::Status(status)).await?),
            other => Err(unexpected(other)),
        }
    }
}

/// What is in a file that was there, once it is open.
fn held_by(flags: u32) -> Held {
    match () {
        () if flags & EMPTIES != 0 => Held::Emptied,
        () if flags & APPENDS != 0 => Held::Appended,
        () => Held::Before,
    }
}
