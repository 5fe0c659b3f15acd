//! Files: one request of a client after the other, each a command of its own.

use super::exec::Work;
use super::lane::ClientChannel;
use super::notices::Answers;
use super::uploads::Held;
use super::{Caller, Room, is_stuck};
use crate::inbox::{Event, Inbox};
use crate::sftp::{
    Answer, Ask, Attributes, BadPacket, CUT, Content, Entry, Failed, FileCommand, Packets, Remote,
    ReplyPacket, Request, SftpStart, Shown, Status, kind, unexpected,
};
use portreeve_decide::shell::{Unreadable, file, lies_in};
use portreeve_model::{
    Action, Category, Command, Need, Object, ObjectKind, Refusal, RefusalCode, Revealed,
};
use portreeve_session::{
    Admitted, End, Exchange, Masked, Permitted, Released, Reply, SessionError, Snapshot, Stop,
    Unmaskable,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Handles that one channel may have open.
const HANDLES_MAX: usize = 64;
/// Names that are read of one folder.
const NAMES_MAX: usize = 100_000;
/// Names in one answer.
const NAMES_AT_ONCE: usize = 100;
/// Of what is not set.
pub(super) const NOTHING: Attributes =
    Attributes { size: None, owner: None, mode: None, times: None };
/// As much of a file as one answer holds.
const DATA_BYTES_MAX: usize = 128 << 10;

/// Flags of an open request.
const READS: u32 = 1;
const WRITES: u32 = 2;
pub(super) const APPENDS: u32 = 4;

/// A client's files.
pub(super) struct Files {
    pub(super) caller: Arc<Caller>,
    pub(super) client: ClientChannel,
    inbox: Arc<Inbox>,
    packets: Packets,
    pub(super) remote: Remote,
    pub(super) handles: HashMap<u32, Handle>,
    last_handle: u32,
    /// What was looked through last, where a client asked how long it is before it reads it.
    looked: Option<Looked>,
}

/// A file that was looked through.
struct Looked {
    path: String,
    attributes: Attributes,
    content: Vec<u8>,
    room: Room,
}

/// Something that is open.
pub(super) enum Handle {
    Download {
        attributes: Attributes,
        content: Content,
        shown: Vec<u8>,
        #[expect(dead_code, reason = "the room is taken as long as the file is open")]
        room: Room,
    },
    Upload {
        exchange: Box<Exchange>,
        content: Content,
        remote: Vec<u8>,
        held: Held,
    },
    Folder {
        content: Content,
        entries: Vec<Entry>,
    },
}

/// A request that was answered, or why it was not.
pub(super) type Answered = Result<Released, Failed>;

/// An upload may say more than its bytes; what it says is no data.
struct Nothing;

impl Reply for Nothing {
    fn mask(self, _: &portreeve_decide::mask::Masker) -> Result<Masked, Unmaskable> {
        Ok(Masked { end: Some(End::Completed), ..Masked::default() })
    }
}

impl Work {
    /// Serves files over this channel.
    pub(super) async fn files(self) {
        let caller = self.caller.clone();
        let mut client = self.client();
        let snapshot = caller.session.snapshot();
        let request = SftpStart::new(caller.target.machine().host);
        let admitted = match caller.session.admit(request, &snapshot, &mut client).await {
            Ok(admitted) => admitted,
            Err(error) => return super::exec::ended(&caller, client, error).await,
        };
        let Admitted { mut exchange, permit, .. } = admitted;
        if let Some(refusal) = exchange.refusal().cloned() {
            return super::exec::refused(&caller, &mut exchange, client, refusal).await;
        }
        let remote = match self.remote(permit).await {
            Ok(remote) => remote,
            Err(error) => {
                tracing::warn!(%error, "a target serves no files");
                let why = "the target serves no files";
                return super::exec::unanswered(&caller, exchange, client, why).await;
            }
        };
        exchange.close();
        let files = Files {
            caller,
            client,
            inbox: self.inbox.clone(),
            packets: Packets::default(),
            remote,
            handles: HashMap::new(),
            last_handle: 0,
            looked: None,
        };
        files.run().await;
    }

    async fn remote(&self, hello: Permitted) -> Result<Remote, SessionError> {
        let gone = |_| SessionError::TargetGone;
        let channel = self.caller.line().await.map_err(gone)?.open().await?;
        Remote::start(channel, self.caller.limits.write_timeout, hello).await
    }
}

impl Files {
    async fn run(mut self) {
        let session = self.caller.session.clone();
        let served = tokio::select! {
            served = self.serve() => served,
            ended = session.ended() => Err(ended.into()),
        };
        if let Err(error) = served {
            tracing::debug!(%error, "files were cut off");
            if is_stuck(&error) {
                self.caller.cut();
                return;
            }
        }
        self.client.end(0).await;
        self.client.close().await;
    }

    async fn serve(&mut self) -> Result<(), SessionError> {
        loop {
            let bad = |bad: BadPacket| SessionError::Client(Box::new(bad));
            while let Some((found, body)) = self.packets.next().map_err(bad)? {
                let (id, request) = Request::read(found, &body).map_err(bad)?;
                let released = self.answer(id, request).await?;
                self.client.send(released).await?;
            }
            match self.inbox.next().await {
                Event::Data { bytes, .. } => self.packets.push(&bytes),
                Event::End | Event::Closed => return Ok(()),
                Event::Signal(_)
                | Event::Window(_)
                | Event::Status(_)
                | Event::Accepted
                | Event::Refused => {}
            }
        }
    }

    /// Answers one request: whatever goes wrong with it is an answer, too.
    async fn answer(&mut self, id: u32, request: Request) -> Result<Released, SessionError> {
        match self.asked(id, request).await {
            Ok(released) => Ok(released),
            Err(Failed::Answered(status)) => self.say(id, Shown::Status(status)).await,
            Err(Failed::TooLong) => self.say(id, Shown::Status(Status::Failure)).await,
            Err(Failed::Moved) => self.say(id, Shown::Status(Status::PermissionDenied)).await,
            // A refusal of an exchange was said in it.
            Err(Failed::Stopped(Stop::Refused(_))) => {
                self.say(id, Shown::Status(Status::PermissionDenied)).await
            }
            Err(Failed::Stopped(Stop::Session(error))) => Err(error),
        }
    }

    /// Says something in which there is no data.
    pub(super) async fn say(&self, id: u32, shown: Shown<'_>) -> Result<Released, SessionError> {
        let content = self.content("/");
        self.caller.session.release(ReplyPacket { id, content: &content, shown }).await
    }

    pub(super) fn content(&self, path: &str) -> Content {
        Content {
            screen: self.caller.target.screen().clone(),
            snapshot: self.caller.session.snapshot(),
            object: self.object(path),
        }
    }

    fn object(&self, path: &str) -> Object {
        file(self.caller.target.machine().host, path)
    }

    /// A client's path in its one spelling. `..` goes back by names: nothing was asked of the
    /// target yet, and where links lead is looked at before anything is done.
    fn path(&self, path: &str) -> Result<String, Failed> {
        let home = self.caller.target.machine().home;
        let whole = if path.starts_with('/') { path.to_owned() } else { format!("{home}/{path}") };
        let mut names: Vec<&str> = Vec::new();
        for name in whole.split('/') {
            match name {
                "" | "." => {}
                ".." => drop(names.pop()),
                name => names.push(name),
            }
        }
        let unread = |_: Unreadable| Failed::Answered(Status::PermissionDenied);
        portreeve_decide::shell::canonical(&format!("/{}", names.join("/")), "/").map_err(unread)
    }

    async fn asked(&mut self, id: u32, request: Request) -> Answered {
        match request {
            Request::Init => Ok(self.say(id, Shown::Version).await?),
            Request::RealPath { path } => {
                let path = self.path(&path)?;
                Ok(self.say(id, Shown::Path(&path)).await?)
            }
            Request::Stat { path, follows } => self.stat(id, &path, follows).await,
            Request::Open { path, flags, attributes } => {
                let (reads, writes) = (flags & READS != 0, flags & WRITES != 0);
                match (reads, writes || flags & APPENDS != 0) {
                    (true, false) => self.download(id, &path).await,
                    (false, true) => self.upload(id, &path, flags, &attributes).await,
                    (true, true) | (false, false) => Err(Failed::Answered(Status::Unsupported)),
                }
            }
            Request::Read { handle, offset, length } => self.read(id, handle, offset, length).await,
            Request::Write { handle, offset, data } => self.write(id, handle, offset, &data).await,
            Request::HandleStat { handle } => self.handle_stat(id, handle).await,
            Request::HandleSetStat { handle, attributes } => {
                self.handle_set_stat(id, handle, &attributes).await
            }
            Request::Close { handle } => self.close(id, handle).await,
            Request::OpenFolder { path } => self.open_folder(id, &path).await,
            Request::ReadFolder { handle } => self.read_folder(id, handle).await,
            Request::SetStat { path, attributes } => {
                let action = match attributes.owner.is_some() || attributes.mode.is_some() {
                    true => Action::Administer,
                    false => Action::Write,
                };
                // The target follows links here.
                let path = self.real(&path).await?;
                let ask = Ask::path(kind::SETSTAT, &path).with(&attributes);
                self.change_to(id, "setstat", &[(action, &path)], ask, &attributes).await
            }
            Request::Remove { path } => {
                let path = self.real_name(&path).await?;
                let ask = Ask::path(kind::REMOVE, &path);
                self.change(id, "remove", &[(Action::Define, &path)], ask).await
            }
            Request::MakeFolder { path, attributes } => {
                let path = self.real_name(&path).await?;
                let ask = Ask::path(kind::MKDIR, &path).with(&attributes);
                self.change_to(id, "mkdir", &[(Action::Define, &path)], ask, &attributes).await
            }
            Request::RemoveFolder { path } => {
                let path = self.real_name(&path).await?;
                let ask = Ask::path(kind::RMDIR, &path);
                self.change(id, "rmdir", &[(Action::Define, &path)], ask).await
            }
            Request::Rename { from, to, replaces } => {
                let (from, to) = (self.real_name(&from).await?, self.real_name(&to).await?);
                let (out, into) = (self.named_in(&from), self.named_in(&to));
                let mut needs =
                    vec![(Action::Read, &*from), (Action::Define, &*from), (Action::Write, &*to)];
                // A folder takes what is in it along.
                for path in &out {
                    needs.extend([(Action::Read, path.as_str()), (Action::Define, path.as_str())]);
                }
                needs.extend(into.iter().map(|path| (Action::Write, path.as_str())));
                self.change(id, "rename", &needs, Ask::rename(&from, &to, replaces)).await
            }
            Request::ReadLink { .. } | Request::Other(_) => {
                Err(Failed::Answered(Status::Unsupported))
            }
        }
    }

    /// Decides a command; what it is refused for is its answer.
    pub(super) async fn admit(
        &mut self,
        id: u32,
        verb: &str,
        needs: &[(Action, &str)],
        ask: &Ask,
        sets: &Attributes,
    ) -> Result<Result<(Exchange, Permitted), Released>, Failed> {
        let snapshot = self.caller.session.snapshot();
        let target = self.caller.target.clone();
        let category = Category::from(crate::request::OPAQUE);
        let revealed = needs.iter().filter(|_| verb == "get").map(|(_, path)| self.object(path));
        let revealed = revealed.filter(|object| snapshot.reveals(object, &category));
        let revealed =
            revealed.map(|object| Revealed { object, category: category.clone() }).collect();
        let place = (&target.machine(), target.user());
        let wire = self.remote.packet_for(ask);
        let hidden = needs.first().map(|(_, path)| self.object(path)).filter(|object| {
            let is_cut = verb == "setstat" && sets.size.is_some_and(|size| size > 0);
            is_cut && !snapshot.reveals(object, &category)
        });
        let request = FileCommand::new(verb, place, needs, revealed, (ask.to_string(), wire));
        let request = request.hiding(hidden.map(|_| CUT.to_owned()));
        let admitted = self.caller.session.admit(request, &snapshot, &mut self.client).await?;
        let Admitted { mut exchange, permit, .. } = admitted;
        match exchange.refusal().cloned() {
            None => Ok(Ok((exchange, permit))),
            Some(refusal) => Ok(Err(exchange.refuse(refusal, &Answers(id)).await?)),
        }
    }

    /// Where a path leads, links followed. It is asked under a command of its own: whoever may not
    /// read a file by its name does not learn where it leads.
    pub(super) async fn real(&mut self, path: &str) -> Result<String, Failed> {
        let path = self.path(path)?;
        let ask = Ask::path(kind::REALPATH, &path);
        let (exchange, permit) = match self.admit_silently(&ask).await? {
            Some(admitted) => admitted,
            // Nothing was asked: the name is decided as it stands.
            None => return Ok(path),
        };
        let answer = self.remote.begin(permit).await?;
        exchange.close();
        match answer {
            Answer::Names(names) => {
                let name = names.into_iter().next().ok_or(SessionError::from(BadPacket))?;
                let name = String::from_utf8(name.name);
                let name = name.map_err(|_| Failed::Answered(Status::Failure))?;
                let unread = |_: Unreadable| Failed::Answered(Status::PermissionDenied);
                portreeve_decide::shell::canonical(&name, "/").map_err(unread)
            }
            // Policy speaks of it first, as it is named.
            Answer::Status(_) => Ok(path),
            Answer::Handle(_) | Answer::Data(_) | Answer::Attributes(_) => {
                Err(SessionError::from(BadPacket).into())
            }
        }
    }

    /// A command that touches nothing: where a name leads is not told to the client.
    async fn admit_silently(&mut self, ask: &Ask) -> Result<Option<(Exchange, Permitted)>, Failed> {
        let snapshot = self.caller.session.snapshot();
        let target = self.caller.target.clone();
        let place = (&target.machine(), target.user());
        let wire = self.remote.packet_for(ask);
        let request = FileCommand::new("realpath", place, &[], Vec::new(), (ask.to_string(), wire));
        let admitted = self.caller.session.admit(request, &snapshot, &mut self.client).await?;
        let Admitted { exchange, permit, .. } = admitted;
        Ok(exchange.refusal().is_none().then_some((exchange, permit)))
    }

    /// The same for what is named itself, not what it leads to: the folder's real name, and it.
    async fn real_name(&mut self, path: &str) -> Result<String, Failed> {
        let path = self.path(path)?;
        let Some((folder, name)) = path.rsplit_once('/').filter(|(_, name)| !name.is_empty())
        else {
            return Ok(path);
        };
        let folder = self.real(if folder.is_empty() { "/" } else { folder }).await?;
        Ok(format!("{}/{name}", folder.trim_end_matches('/')))
    }

    /// Files below a path that policies name.
    fn named_in(&self, folder: &str) -> Vec<String> {
        let snapshot = self.caller.session.snapshot();
        let host = self.caller.target.machine().host.to_owned();
        let path = |object: &Object| match object.path.as_slice() {
            [of, path] if object.kind == ObjectKind::FILE && *of == host => Some(path.clone()),
            _ => None,
        };
        let named = snapshot.objects_named().filter_map(path);
        named.filter(|path| path != folder && lies_in(path, folder)).collect()
    }

    async fn change(
        &mut self,
        id: u32,
        verb: &str,
        needs: &[(Action, &str)],
        ask: Ask,
    ) -> Answered {
        self.change_to(id, verb, needs, ask, &Attributes::default()).await
    }

    /// Something that changes, and answers with nothing but how it went.
    pub(super) async fn change_to(
        &mut self,
        id: u32,
        verb: &str,
        needs: &[(Action, &str)],
        ask: Ask,
        sets: &Attributes,
    ) -> Answered {
        let (mut exchange, permit) = match self.admit(id, verb, needs, &ask, sets).await? {
            Ok(admitted) => admitted,
            Err(refused) => return Ok(refused),
        };
        let answer = self.remote.begin(permit).await?;
        let Answer::Status(status) = answer else {
            return Err(SessionError::from(BadPacket).into());
        };
        let path = needs.first().map_or("/", |(_, path)| path);
        self.reply(&mut exchange, id, path, Shown::Status(status)).await
    }

    pub(super) async fn reply(
        &mut self,
        exchange: &mut Exchange,
        id: u32,
        path: &str,
        shown: Shown<'_>,
    ) -> Answered {
        let content = self.content(path);
        let packet = ReplyPacket { id, content: &content, shown };
        let refusal = match exchange.release(packet, &mut self.client).await {
            Ok(released) => return Ok(released),
            Err(Stop::Refused(refusal)) => *refusal,
            Err(Stop::Session(SessionError::Target(fault))) => exchange.refusal_of(
                RefusalCode::Unmaskable,
                format!("`{path}` is withheld: {fault}"),
                Some("let a policy reveal the file as `opaque`".to_owned()),
            ),
            Err(Stop::Session(error)) => return Err(error.into()),
        };
        self.refuse(exchange, id, refusal).await
    }

    async fn refuse(&self, exchange: &mut Exchange, id: u32, refusal: Refusal) -> Answered {
        Ok(exchange.refuse(refusal, &Answers(id)).await?)
    }

    /// The handle of what the target has opened, if its name still leads where it was decided; else
    /// what the client is told.
    pub(super) async fn opened(
        &mut self,
        exchange: &mut Exchange,
        id: u32,
        path: &str,
        answer: Answer,
    ) -> Result<Result<Vec<u8>, Released>, Failed> {
        let remote = match answer {
            Answer::Handle(remote) => remote,
            Answer::Status(status) => {
                return self.reply(exchange, id, path, Shown::Status(status)).await.map(Err);
            }
            other => return Err(unexpected(other)),
        };
        if !self.remote.stays(exchange, path).await? {
            self.remote.ask(exchange, &Ask::handle(kind::CLOSE, &remote)).await?;
            return self.moved(exchange, id, path).await.map(Err);
        }
        Ok(Ok(remote))
    }

    /// What was opened is not what was decided.
    async fn moved(&mut self, exchange: &mut Exchange, id: u32, path: &str) -> Answered {
        let refusal = exchange.refusal_of(
            RefusalCode::Denied,
            format!("`{path}` leads elsewhere since it was decided"),
            Some("try again once nobody changes the folders on the way to it".to_owned()),
        );
        self.refuse(exchange, id, refusal).await
    }

    async fn stat(&mut self, id: u32, path: &str, follows: bool) -> Answered {
        let path = match follows {
            true => self.real(path).await?,
            false => self.real_name(path).await?,
        };
        let ask = Ask::path(kind::LSTAT, &path);
        let (mut exchange, permit) =
            match self.admit(id, "stat", &[(Action::Read, &path)], &ask, &NOTHING).await? {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused),
            };
        let attributes = match self.remote.begin(permit).await? {
            Answer::Attributes(attributes) => attributes,
            Answer::Status(status) => {
                return self.reply(&mut exchange, id, &path, Shown::Status(status)).await;
            }
            Answer::Handle(_) | Answer::Data(_) | Answer::Names(_) => {
                return Err(SessionError::from(BadPacket).into());
            }
        };
        let Some(raw) = self.look_into(&mut exchange, &path, &attributes).await? else {
            return self.reply(&mut exchange, id, &path, Shown::Attributes(&attributes)).await;
        };
        let mut content = Vec::new();
        let shown =
            Shown::FileAttributes { attributes: &attributes, raw: &raw, into: &mut content };
        let released = self.reply(&mut exchange, id, &path, shown).await?;
        self.looked = None;
        let room = self.caller.take_room(raw.len());
        self.looked = room.map(|room| Looked { path, attributes, content: raw, room });
        Ok(released)
    }

    /// A file's content, where it is one that would be looked through.
    async fn look_into(
        &mut self,
        exchange: &mut Exchange,
        path: &str,
        attributes: &Attributes,
    ) -> Result<Option<Vec<u8>>, Failed> {
        let bytes_max = self.caller.limits.file_bytes_max;
        let is_short = attributes.size.is_some_and(|size| size <= bytes_max as u64);
        if !attributes.is_regular() || !is_short {
            return Ok(None);
        }
        match self.load(exchange, path).await {
            Ok((_, raw)) => Ok(Some(raw)),
            Err(Failed::Answered(_) | Failed::TooLong | Failed::Moved) => Ok(None),
            Err(stopped @ Failed::Stopped(_)) => Err(stopped),
        }
    }

    /// Opens a file at the target, reads all of it, and closes it.
    async fn load(
        &mut self,
        exchange: &mut Exchange,
        path: &str,
    ) -> Result<(Attributes, Vec<u8>), Failed> {
        let ask = Ask::open(path, READS, &Attributes::default());
        let handle = match self.remote.ask(exchange, &ask).await? {
            Answer::Handle(handle) => handle,
            other => return Err(unexpected(other)),
        };
        let attributes = match self.remote.ask(exchange, &Ask::handle(kind::FSTAT, &handle)).await?
        {
            Answer::Attributes(attributes) => attributes,
            other => return Err(unexpected(other)),
        };
        let bytes_max = self.caller.limits.file_bytes_max;
        let content = match self.remote.stays(exchange, path).await? {
            true => self.remote.read_all(exchange, &handle, bytes_max).await,
            false => Err(Failed::Moved),
        };
        self.remote.ask(exchange, &Ask::handle(kind::CLOSE, &handle)).await?;
        Ok((attributes, content?))
    }

    /// A file is read: all of it is looked through before anything of it is shown.
    async fn download(&mut self, id: u32, path: &str) -> Answered {
        let path = self.real(path).await?;
        let handle = self.fresh_handle()?;
        let ask = Ask::path(kind::LSTAT, &path);
        let (mut exchange, permit) =
            match self.admit(id, "get", &[(Action::Read, &path)], &ask, &NOTHING).await? {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused),
            };
        let found = match self.remote.begin(permit).await? {
            Answer::Attributes(attributes) => attributes,
            other => {
                let Failed::Answered(status) = unexpected(other) else {
                    return Err(SessionError::from(BadPacket).into());
                };
                return self.reply(&mut exchange, id, &path, Shown::Status(status)).await;
            }
        };
        let known = self.looked.take();
        let known = known.filter(|known| known.path == path && known.attributes.is_as(&found));
        let loaded = match known {
            Some(known) => Ok((known.attributes, known.content, Some(known.room))),
            None => self.load(&mut exchange, &path).await.map(|(attributes, raw)| {
                let room = self.caller.take_room(raw.len());
                (attributes, raw, room)
            }),
        };
        let (mut attributes, raw, room) = match loaded {
            Ok(loaded) => loaded,
            Err(Failed::Answered(status)) => {
                return self.reply(&mut exchange, id, &path, Shown::Status(status)).await;
            }
            Err(Failed::TooLong) => {
                let max = self.caller.limits.file_bytes_max;
                let refusal = exchange.refusal_of(
                    RefusalCode::LimitExceeded,
                    format!("`{path}` is longer than {max} bytes (`limits.ssh.file_bytes_max`)"),
                    Some("read it line by line: `ssh … cat`".to_owned()),
                );
                return self.refuse(&mut exchange, id, refusal).await;
            }
            Err(Failed::Moved) => return self.moved(&mut exchange, id, &path).await,
            Err(stopped) => return Err(stopped),
        };
        let Some(room) = room else {
            let refusal = exchange.refusal_of(
                RefusalCode::LimitExceeded,
                "too much of files is open at once".to_owned(),
                Some("read fewer files at a time".to_owned()),
            );
            return self.refuse(&mut exchange, id, refusal).await;
        };
        let mut shown = Vec::new();
        let file = Shown::File { handle, raw: &raw, into: &mut shown };
        let released = self.reply(&mut exchange, id, &path, file).await?;
        if exchange.refusal().is_none() {
            attributes.size = Some(shown.len() as u64);
            let content = self.content(&path);
            self.handles.insert(handle, Handle::Download { attributes, content, shown, room });
        }
        Ok(released)
    }

    async fn read(&mut self, id: u32, handle: u32, offset: u64, length: u32) -> Answered {
        let Some(Handle::Download { content, shown, .. }) = self.handles.get(&handle) else {
            return Err(Failed::Answered(Status::Failure));
        };
        let now = self.caller.session.snapshot();
        if !Arc::ptr_eq(&now, &content.snapshot) && !may_read(&now, &content.object) {
            self.handles.remove(&handle);
            return Err(Failed::Answered(Status::PermissionDenied));
        }
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(shown.len());
        let length = usize::try_from(length).unwrap_or(usize::MAX).min(DATA_BYTES_MAX);
        let rest = shown.get(start..).unwrap_or_default();
        let data = rest.get(..length.min(rest.len())).unwrap_or_default();
        let shown = match data.is_empty() {
            true => Shown::Status(Status::End),
            false => Shown::Data(data),
        };
        Ok(self.caller.session.release(ReplyPacket { id, content, shown }).await?)
    }

    async fn handle_stat(&mut self, id: u32, handle: u32) -> Answered {
        match self.handles.get_mut(&handle) {
            Some(Handle::Download { attributes, content, .. }) => {
                let shown = Shown::Attributes(attributes);
                Ok(self.caller.session.release(ReplyPacket { id, content, shown }).await?)
            }
            Some(Handle::Upload { exchange, content, remote, .. }) => {
                let ask = Ask::handle(kind::FSTAT, remote);
                match self.remote.ask(exchange, &ask).await? {
                    Answer::Attributes(attributes) => {
                        let shown = Shown::Attributes(&attributes);
                        Ok(self.caller.session.release(ReplyPacket { id, content, shown }).await?)
                    }
                    other => Err(unexpected(other)),
                }
            }
            Some(Handle::Folder { .. }) | None => Err(Failed::Answered(Status::Failure)),
        }
    }

    async fn close(&mut self, id: u32, handle: u32) -> Answered {
        match self.handles.remove(&handle) {
            Some(Handle::Upload { mut exchange, remote, .. }) => {
                let ask = Ask::handle(kind::CLOSE, &remote);
                let answer = self.remote.ask(&mut exchange, &ask).await?;
                let Answer::Status(status) = answer else { return Err(unexpected(answer)) };
                let _ =
                    exchange.release(Nothing, &mut self.client).await.map_err(Failed::Stopped)?;
                exchange.close();
                Ok(self.say(id, Shown::Status(status)).await?)
            }
            Some(Handle::Download { .. } | Handle::Folder { .. }) => {
                Ok(self.say(id, Shown::Status(Status::Done)).await?)
            }
            None => Err(Failed::Answered(Status::Failure)),
        }
    }

    async fn open_folder(&mut self, id: u32, path: &str) -> Answered {
        let path = self.real(path).await?;
        let handle = self.fresh_handle()?;
        let ask = Ask::path(kind::OPENDIR, &path);
        let (mut exchange, permit) =
            match self.admit(id, "ls", &[(Action::Read, &path)], &ask, &NOTHING).await? {
                Ok(admitted) => admitted,
                Err(refused) => return Ok(refused),
            };
        let answer = self.remote.begin(permit).await?;
        let remote = match self.opened(&mut exchange, id, &path, answer).await? {
            Ok(remote) => remote,
            Err(told) => return Ok(told),
        };
        let mut entries = Vec::new();
        loop {
            match self.remote.ask(&mut exchange, &Ask::handle(kind::READDIR, &remote)).await? {
                Answer::Names(names) => entries.extend(names),
                Answer::Status(Status::End) => break,
                other => return Err(unexpected(other)),
            }
            if entries.len() > NAMES_MAX {
                return Err(Failed::Answered(Status::Failure));
            }
        }
        self.remote.ask(&mut exchange, &Ask::handle(kind::CLOSE, &remote)).await?;
        let mut names = Vec::new();
        let folder = Shown::Folder { handle, raw: &entries, into: &mut names };
        let released = self.reply(&mut exchange, id, &path, folder).await?;
        if exchange.refusal().is_none() {
            let content = self.content(&path);
            self.handles.insert(handle, Handle::Folder { content, entries: names });
        }
        Ok(released)
    }

    async fn read_folder(&mut self, id: u32, handle: u32) -> Answered {
        let Some(Handle::Folder { content, entries }) = self.handles.get_mut(&handle) else {
            return Err(Failed::Answered(Status::Failure));
        };
        let now: Vec<Entry> = entries.drain(..entries.len().min(NAMES_AT_ONCE)).collect();
        let shown = match now.is_empty() {
            true => Shown::Status(Status::End),
            false => Shown::Names(&now),
        };
        Ok(self.caller.session.release(ReplyPacket { id, content, shown }).await?)
    }

    pub(super) fn fresh_handle(&mut self) -> Result<u32, Failed> {
        if self.handles.len() >= HANDLES_MAX {
            return Err(Failed::Answered(Status::Failure));
        }
        self.last_handle = self.last_handle.wrapping_add(1);
        Ok(self.last_handle)
    }
}

/// Whether policy, as it is now, lets a file be read without asking anybody.
fn may_read(snapshot: &Snapshot, file: &Object) -> bool {
    snapshot.allows(&Command {
        verb: "get".to_owned(),
        fingerprint: "get".to_owned(),
        needs: vec![Need { action: Action::Read, object: file.clone() }],
        ..Command::default()
    })
}
