//! Packets: read strictly, within bounds.

use thiserror::Error;

/// The longest packet, as OpenSSH has it.
const PACKET_BYTES_MAX: usize = 256 << 10;

/// Numbers of packets.
pub(crate) mod kind {
    pub(crate) const INIT: u8 = 1;
    pub(crate) const VERSION: u8 = 2;
    pub(crate) const OPEN: u8 = 3;
    pub(crate) const CLOSE: u8 = 4;
    pub(crate) const READ: u8 = 5;
    pub(crate) const WRITE: u8 = 6;
    pub(crate) const LSTAT: u8 = 7;
    pub(crate) const FSTAT: u8 = 8;
    pub(crate) const SETSTAT: u8 = 9;
    pub(crate) const FSETSTAT: u8 = 10;
    pub(crate) const OPENDIR: u8 = 11;
    pub(crate) const READDIR: u8 = 12;
    pub(crate) const REMOVE: u8 = 13;
    pub(crate) const MKDIR: u8 = 14;
    pub(crate) const RMDIR: u8 = 15;
    pub(crate) const REALPATH: u8 = 16;
    pub(crate) const STAT: u8 = 17;
    pub(crate) const RENAME: u8 = 18;
    pub(crate) const READLINK: u8 = 19;
    pub(crate) const SYMLINK: u8 = 20;
    pub(crate) const STATUS: u8 = 101;
    pub(crate) const HANDLE: u8 = 102;
    pub(crate) const DATA: u8 = 103;
    pub(crate) const NAME: u8 = 104;
    pub(crate) const ATTRS: u8 = 105;
    pub(crate) const EXTENDED: u8 = 200;
}

/// How an operation ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    Done,
    End,
    NoSuchFile,
    PermissionDenied,
    Failure,
    BadMessage,
    Unsupported,
}

impl Status {
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Done => 0,
            Self::End => 1,
            Self::NoSuchFile => 2,
            Self::PermissionDenied => 3,
            Self::Failure => 4,
            Self::BadMessage => 5,
            Self::Unsupported => 8,
        }
    }

    pub(crate) fn of(number: u32) -> Self {
        match number {
            0 => Self::Done,
            1 => Self::End,
            2 => Self::NoSuchFile,
            3 => Self::PermissionDenied,
            5 => Self::BadMessage,
            8 => Self::Unsupported,
            _ => Self::Failure,
        }
    }

    /// What is said of it: the target's own words could quote anything.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Done => "Success",
            Self::End => "End of file",
            Self::NoSuchFile => "No such file",
            Self::PermissionDenied => "Permission denied",
            Self::Failure => "Failure",
            Self::BadMessage => "Bad message",
            Self::Unsupported => "Operation unsupported",
        }
    }
}

/// The packet breaks the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("a packet of SFTP cannot be read")]
pub(crate) struct BadPacket;

/// What is known of a file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) size: Option<u64>,
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) mode: Option<u32>,
    pub(crate) times: Option<(u32, u32)>,
}

/// The bits of a mode that say what a file is.
const TYPE_BITS: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// As records and reviewers read what is set: ` size=0 owner=0:0 mode=0644 times=1,2`.
impl std::fmt::Display for Attributes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(size) = self.size {
            write!(f, " size={size}")?;
        }
        if let Some((user, group)) = self.owner {
            write!(f, " owner={user}:{group}")?;
        }
        if let Some(mode) = self.mode {
            write!(f, " mode={:04o}", mode & 0o7777)?;
        }
        if let Some((read, changed)) = self.times {
            write!(f, " times={read},{changed}")?;
        }
        Ok(())
    }
}

impl Attributes {
    /// Whether it is a file with content of its own.
    pub(crate) fn is_regular(&self) -> bool {
        self.mode.is_some_and(|mode| mode & TYPE_BITS == REGULAR)
    }

    /// Whether it gives the rights that a file has.
    pub(crate) fn has_rights_of(&self, now: &Self) -> bool {
        let rights = |of: &Self| of.mode.map(|mode| mode & !TYPE_BITS);
        rights(self) == rights(now)
    }

    /// Whether a file that had these has not changed since.
    pub(crate) fn is_as(&self, now: &Self) -> bool {
        let changed_at = |of: &Self| of.times.map(|(_, changed)| changed);
        self.size == now.size && self.mode == now.mode && changed_at(self) == changed_at(now)
    }

    /// Whether all that is said is what every writer may say of a file of theirs.
    pub(crate) fn is_plain(&self) -> bool {
        self.owner.is_none() && self.mode.is_none_or(|mode| mode & 0o7000 == 0)
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let bit = |is_there: bool, bit: u32| if is_there { bit } else { 0 };
        let flags = bit(self.size.is_some(), 1)
            | bit(self.owner.is_some(), 2)
            | bit(self.mode.is_some(), 4)
            | bit(self.times.is_some(), 8);
        put_number(flags, out);
        if let Some(size) = self.size {
            out.extend_from_slice(&size.to_be_bytes());
        }
        let pairs = [self.owner, self.times];
        let numbers = |pair: Option<(u32, u32)>| pair.into_iter().flat_map(|(a, b)| [a, b]);
        let [owner, times] = pairs.map(numbers);
        owner.chain(self.mode).chain(times).for_each(|number| put_number(number, out));
    }
}

/// A name in a folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    pub(crate) line: Vec<u8>,
    pub(crate) attributes: Attributes,
}

/// What a client asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Request {
    Init,
    Open {
        path: String,
        flags: u32,
        attributes: Attributes,
    },
    Close {
        handle: u32,
    },
    Read {
        handle: u32,
        offset: u64,
        length: u32,
    },
    Write {
        handle: u32,
        offset: u64,
        data: Vec<u8>,
    },
    /// `follows` says whether the last name may be a link.
    Stat {
        path: String,
        follows: bool,
    },
    HandleStat {
        handle: u32,
    },
    SetStat {
        path: String,
        attributes: Attributes,
    },
    HandleSetStat {
        handle: u32,
        attributes: Attributes,
    },
    OpenFolder {
        path: String,
    },
    ReadFolder {
        handle: u32,
    },
    Remove {
        path: String,
    },
    MakeFolder {
        path: String,
        attributes: Attributes,
    },
    RemoveFolder {
        path: String,
    },
    RealPath {
        path: String,
    },
    Rename {
        from: String,
        to: String,
        replaces: bool,
    },
    ReadLink {
        path: String,
    },
    /// Something that is not offered, by its name.
    Other(&'static str),
}

/// Bytes cut into packets.
#[derive(Debug, Default)]
pub(crate) struct Packets(Vec<u8>);

impl Packets {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next whole packet: what it is, and what is in it.
    pub(crate) fn next(&mut self) -> Result<Option<(u8, Vec<u8>)>, BadPacket> {
        let Some(length) = self.0.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| BadPacket)?;
        if length == 0 || length > PACKET_BYTES_MAX {
            return Err(BadPacket);
        }
        if self.0.len() < 4 + length {
            return Ok(None);
        }
        let packet: Vec<u8> = self.0.drain(..4 + length).skip(4).collect();
        let (kind, body) = packet.split_first().ok_or(BadPacket)?;
        Ok(Some((*kind, body.to_vec())))
    }
}

/// Reads what stands in a packet, from the front.
pub(crate) struct Fields<'p> {
    rest: &'p [u8],
    /// Whether there was a name that is no text.
    has_odd_name: bool,
}

impl<'p> Fields<'p> {
    pub(crate) fn new(rest: &'p [u8]) -> Self {
        Self { rest, has_odd_name: false }
    }

    pub(crate) fn number(&mut self) -> Result<u32, BadPacket> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(BadPacket)?;
        self.rest = rest;
        Ok(u32::from_be_bytes(*head))
    }

    fn long(&mut self) -> Result<u64, BadPacket> {
        let (head, rest) = self.rest.split_first_chunk().ok_or(BadPacket)?;
        self.rest = rest;
        Ok(u64::from_be_bytes(*head))
    }

    pub(crate) fn bytes(&mut self) -> Result<&'p [u8], BadPacket> {
        let length = usize::try_from(self.number()?).map_err(|_| BadPacket)?;
        let (head, rest) = self.rest.split_at_checked(length).ok_or(BadPacket)?;
        self.rest = rest;
        Ok(head)
    }

    fn text(&mut self) -> Result<String, BadPacket> {
        let text = std::str::from_utf8(self.bytes()?).ok().filter(|text| !text.contains('\0'));
        self.has_odd_name |= text.is_none();
        Ok(text.unwrap_or_default().to_owned())
    }

    /// A handle of the gateway's: its number.
    fn handle(&mut self) -> Result<u32, BadPacket> {
        let bytes: [u8; 4] = self.bytes()?.try_into().map_err(|_| BadPacket)?;
        Ok(u32::from_be_bytes(bytes))
    }

    pub(crate) fn attributes(&mut self) -> Result<Attributes, BadPacket> {
        let flags = self.number()?;
        let has = |bit: u32| flags & bit != 0;
        let attributes = Attributes {
            size: if has(1) { Some(self.long()?) } else { None },
            owner: if has(2) { Some((self.number()?, self.number()?)) } else { None },
            mode: if has(4) { Some(self.number()?) } else { None },
            times: if has(8) { Some((self.number()?, self.number()?)) } else { None },
        };
        if has(0x8000_0000) {
            for _ in 0..self.number()? {
                self.bytes()?;
                self.bytes()?;
            }
        }
        Ok(attributes)
    }
}

impl Request {
    /// Reads a client's packet: its number, and what it asks.
    pub(crate) fn read(kind: u8, body: &[u8]) -> Result<(u32, Self), BadPacket> {
        let mut fields = Fields::new(body);
        let id = fields.number()?;
        let it = &mut fields;
        let request = match kind {
            kind::INIT => Self::Init,
            kind::OPEN => {
                let (path, flags) = (it.text()?, it.number()?);
                Self::Open { path, flags, attributes: it.attributes()? }
            }
            kind::CLOSE => Self::Close { handle: it.handle()? },
            kind::READ => {
                Self::Read { handle: it.handle()?, offset: it.long()?, length: it.number()? }
            }
            kind::WRITE => {
                let (handle, offset) = (it.handle()?, it.long()?);
                Self::Write { handle, offset, data: it.bytes()?.to_vec() }
            }
            kind::LSTAT => Self::Stat { path: it.text()?, follows: false },
            kind::STAT => Self::Stat { path: it.text()?, follows: true },
            kind::FSTAT => Self::HandleStat { handle: it.handle()? },
            kind::SETSTAT => Self::SetStat { path: it.text()?, attributes: it.attributes()? },
            kind::FSETSTAT => {
                Self::HandleSetStat { handle: it.handle()?, attributes: it.attributes()? }
            }
            kind::OPENDIR => Self::OpenFolder { path: it.text()? },
            kind::READDIR => Self::ReadFolder { handle: it.handle()? },
            kind::REMOVE => Self::Remove { path: it.text()? },
            kind::MKDIR => Self::MakeFolder { path: it.text()?, attributes: it.attributes()? },
            kind::RMDIR => Self::RemoveFolder { path: it.text()? },
            kind::REALPATH => Self::RealPath { path: it.text()? },
            kind::RENAME => Self::Rename { from: it.text()?, to: it.text()?, replaces: false },
            kind::READLINK => Self::ReadLink { path: it.text()? },
            kind::SYMLINK => Self::Other("symlink"),
            kind::EXTENDED => match it.text()?.as_str() {
                "posix-rename@openssh.com" => {
                    Self::Rename { from: it.text()?, to: it.text()?, replaces: true }
                }
                _ => Self::Other("extended"),
            },
            _ => Self::Other("unknown"),
        };
        let request = if fields.has_odd_name { Self::Other("a name") } else { request };
        Ok((id, request))
    }
}

pub(crate) fn put_number(number: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(&number.to_be_bytes());
}

pub(crate) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_number(u32::try_from(bytes.len()).expect("packets are bounded"), out);
    out.extend_from_slice(bytes);
}

/// A whole packet.
pub(crate) fn packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 5);
    put_number(u32::try_from(body.len() + 1).expect("packets are bounded"), &mut out);
    out.push(kind);
    out.extend_from_slice(body);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_read_as_they_were_written() {
        let every = [None, Some(7_u32)];
        for size in [None, Some(1 << 40)] {
            for one in every {
                for mode in [None, Some(0o100_644)] {
                    let owner = one.map(|one| (one, 8));
                    let it = Attributes { size, owner, mode, times: owner };
                    let mut bytes = Vec::new();
                    it.put(&mut bytes);
                    assert_eq!(Fields::new(&bytes).attributes(), Ok(it.clone()), "{it:?}");
                }
            }
        }
    }

    #[test]
    fn packets_are_cut_wherever_they_come_in_two() {
        let mut body = Vec::new();
        put_number(9, &mut body);
        put_bytes(b"/a", &mut body);
        let bytes = packet(kind::REMOVE, &body);
        for at in 0..bytes.len() {
            let mut packets = Packets::default();
            packets.push(&bytes[..at]);
            assert_eq!(packets.next(), Ok(None), "{at}");
            packets.push(&bytes[at..]);
            let (kind, body) = packets.next().unwrap().unwrap();
            let expect = (9, Request::Remove { path: "/a".into() });
            assert_eq!(Request::read(kind, &body), Ok(expect));
        }
        for length in 0..body.len() {
            assert!(Request::read(kind::REMOVE, &body[..length]).is_err());
        }
    }

    #[test]
    fn what_is_too_long_is_bad_and_what_is_no_name_is_told_so() {
        let mut packets = Packets::default();
        packets.push(&[0xff; 8]);
        assert_eq!(packets.next(), Err(BadPacket));
        let mut body = Vec::new();
        put_number(9, &mut body);
        put_bytes(b"/a\xff", &mut body);
        assert_eq!(Request::read(kind::REMOVE, &body), Ok((9, Request::Other("a name"))));
    }
}
