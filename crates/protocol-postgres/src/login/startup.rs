//! What a client may say before it is a session: encryption requests, a cancel request,
//! or a startup message whose every parameter is on an allow-list.
//!
//! SPEC: PostgreSQL "Start-up", "SSL Session Encryption", "Canceling Requests in Progress".

use crate::target::BEGINS_WITH;
use portreeve_wire::Cursor;
use std::collections::BTreeMap;

/// Longest startup packet; PostgreSQL's own limit.
pub(crate) const STARTUP_BYTES_MAX: usize = 10_000;
/// First byte of a TLS record with a handshake: direct TLS.
pub(crate) const TLS_HANDSHAKE: u8 = 0x16;

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;
const CANCEL_REQUEST: u32 = 80_877_102;
const MAJOR: u32 = 3;
/// The newest minor version spoken: 3.2, with long cancel keys.
const MINOR_MAX: u32 = 2;

/// The first packet.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    Ssl,
    Gss,
    Cancel { process: u32, key: Vec<u8> },
    Startup(Startup),
}

/// An accepted startup message.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Startup {
    pub(crate) minor: u32,
    /// The minor version asked for, when it is newer than what is spoken.
    pub(crate) minor_asked: u32,
    /// `_pq_.` options, none of which is known.
    pub(crate) unknown_options: Vec<String>,
    pub(crate) user: String,
    pub(crate) database: String,
    pub(crate) application: Option<String>,
    /// Settings for the target, already checked.
    pub(crate) settings: BTreeMap<String, String>,
    /// The others, in their order: decided like SET, once the session is there.
    pub(crate) later: Vec<(String, String)>,
    /// `portreeve.*` settings, for the gateway.
    pub(crate) own: BTreeMap<String, String>,
}

/// Why a startup packet is not accepted: SQLSTATE and message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct StartupError {
    pub(crate) sqlstate: &'static str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl StartupError {
    fn new(sqlstate: &'static str, message: impl Into<String>) -> Self {
        Self { sqlstate, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Reads a packet without its length.
pub(crate) fn read(packet: &[u8]) -> Result<Opening, StartupError> {
    let broken = |_| StartupError::new("08P01", "invalid startup packet");
    let mut cursor = Cursor::new(packet);
    match cursor.u32().map_err(broken)? {
        SSL_REQUEST => cursor.finish().map_err(broken).map(|()| Opening::Ssl),
        GSS_REQUEST => cursor.finish().map_err(broken).map(|()| Opening::Gss),
        CANCEL_REQUEST => {
            let process = cursor.u32().map_err(broken)?;
            let key = cursor.rest();
            if !(4..=256).contains(&key.len()) {
                return Err(StartupError::new("08P01", "invalid cancel request"));
            }
            Ok(Opening::Cancel { process, key: key.to_vec() })
        }
        version if version >> 16 == MAJOR => {
            parameters(cursor, version & 0xffff).map(Opening::Startup)
        }
        version => Err(StartupError::new(
            "0A000",
            format!("unsupported frontend protocol {}.{}", version >> 16, version & 0xffff),
        )
        .hint("the gateway speaks protocol 3.0 and 3.2")),
    }
}

fn parameters(mut cursor: Cursor<'_>, minor: u32) -> Result<Startup, StartupError> {
    let mut startup =
        Startup { minor: minor.min(MINOR_MAX), minor_asked: minor, ..Startup::default() };
    loop {
        let mut text = || {
            cursor.text().map_err(|_| StartupError::new("08P01", "invalid startup packet layout"))
        };
        let name = text()?;
        if name.is_empty() {
            break;
        }
        let value = text()?;
        startup.set(name, value)?;
    }
    cursor.finish().map_err(|_| StartupError::new("08P01", "data after the startup packet"))?;
    if startup.user.is_empty() {
        return Err(StartupError::new("28000", "no user name in the startup packet"));
    }
    if startup.database.is_empty() {
        // SPEC: the database defaults to the user name.
        startup.database.clone_from(&startup.user);
    }
    Ok(startup)
}

impl Startup {
    fn set(&mut self, name: &str, value: &str) -> Result<(), StartupError> {
        match name {
            "user" => self.user = value.into(),
            "database" => self.database = value.into(),
            "options" => return self.options(value),
            "replication" => {
                if !matches!(value, "false" | "off" | "no" | "0") {
                    return Err(StartupError::new("0A000", "replication is not offered")
                        .hint("the gateway passes SQL only"));
                }
            }
            name if name.starts_with("_pq_.") => self.unknown_options.push(name.into()),
            name => return self.setting(name, value),
        }
        Ok(())
    }

    fn setting(&mut self, name: &str, value: &str) -> Result<(), StartupError> {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("portreeve.") {
            self.own.insert(lower, value.into());
            return Ok(());
        }
        match lower.as_str() {
            // As the target would say it.
            "client_encoding" if !is_encoding(value) => {
                return Err(StartupError::new(
                    "22023",
                    format!("invalid value for parameter \"client_encoding\": \"{value}\""),
                ));
            }
            "client_encoding" if !is_utf8_name(value) => {
                return Err(StartupError::new(
                    "0A000",
                    format!("client encoding `{value}` is not offered"),
                )
                .hint("set client_encoding to UTF8 (PGCLIENTENCODING=UTF8)"));
            }
            "client_encoding" => {}
            "standard_conforming_strings" if value != "on" => {
                return Err(StartupError::new(
                    "0A000",
                    "standard_conforming_strings can only be on",
                ));
            }
            "standard_conforming_strings" => {}
            "application_name" => {
                self.application = Some(value.into());
                self.settings.insert(lower, value.into());
            }
            known if BEGINS_WITH.contains(&known) => {
                self.settings.insert(lower, value.into());
            }
            _ if is_setting_name(&lower) => self.later.push((lower, value.into())),
            _ => {
                return Err(StartupError::new(
                    "42704",
                    format!("unrecognized configuration parameter \"{name}\""),
                ));
            }
        }
        Ok(())
    }

    /// `options`: only `-c name=value` and `--name=value`, with backslash escapes.
    fn options(&mut self, text: &str) -> Result<(), StartupError> {
        let mut words = split_options(text).into_iter();
        while let Some(word) = words.next() {
            let pair = if word == "-c" {
                words.next()
            } else if let Some(rest) = word.strip_prefix("--") {
                Some(rest.to_owned())
            } else {
                word.strip_prefix("-c").map(str::to_owned)
            };
            let Some((name, value)) = pair.as_deref().and_then(|pair| pair.split_once('=')) else {
                return Err(StartupError::new(
                    "0A000",
                    format!("command-line option `{word}` is not offered"),
                )
                .hint("only `-c name=value` may be in `options`"));
            };
            self.setting(&name.replace('-', "_"), value)?;
        }
        Ok(())
    }
}

/// Whether a name can be written in a statement as it is.
fn is_setting_name(name: &str) -> bool {
    name.split('.').all(|part| {
        part.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

fn split_options(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.extend(chars.next()),
            c if c.is_ascii_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            c => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

fn plain_name(value: &str) -> String {
    value.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

/// Whether PostgreSQL knows an encoding of this name (SPEC: `pg_encname_tbl`).
fn is_encoding(value: &str) -> bool {
    let plain = plain_name(value);
    let numbered = |start: &str| {
        plain.strip_prefix(start).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()))
    };
    is_utf8_name(value)
        || ENCODINGS.contains(&plain.as_str())
        || ["latin", "iso8859", "win", "windows", "koi8"].into_iter().any(numbered)
}

/// Names of UTF-8; SQL_ASCII means "as it comes", which is UTF-8 here.
fn is_utf8_name(value: &str) -> bool {
    matches!(plain_name(value).as_str(), "utf8" | "unicode" | "sqlascii")
}

/// Encodings without a number at their end.
const ENCODINGS: &[&str] = &[
    "abc",
    "alt",
    "big5",
    "euccn",
    "eucjis2004",
    "eucjp",
    "euckr",
    "euctw",
    "gb18030",
    "gbk",
    "johab",
    "koi8r",
    "koi8u",
    "mskanji",
    "muleinternal",
    "shiftjis",
    "shiftjis2004",
    "sjis",
    "tcvn",
    "tcvn5712",
    "uhc",
    "vscii",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packet(pairs: &[(&str, &str)]) -> Vec<u8> {
        let mut bytes = 196_608_u32.to_be_bytes().to_vec();
        for (name, value) in pairs {
            bytes.extend_from_slice(name.as_bytes());
            bytes.push(0);
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(0);
        }
        bytes.push(0);
        bytes
    }

    fn check(pairs: &[(&str, &str)], expect: Result<&[(&str, &str)], &str>) {
        let mut all = vec![("user", "u"), ("database", "d")];
        all.extend(pairs);
        match (read(&packet(&all)), expect) {
            (Ok(Opening::Startup(startup)), Ok(expect)) => {
                let later =
                    startup.later.iter().map(|(name, value)| (format!("{name} later"), value));
                let at_once = startup.settings.iter().map(|(name, value)| (name.clone(), value));
                let got: Vec<_> = at_once.chain(later).collect();
                let expect: Vec<_> = expect.iter().map(|(a, b)| ((*a).to_owned(), *b)).collect();
                let got: Vec<_> = got.iter().map(|(a, b)| (a.clone(), b.as_str())).collect();
                assert_eq!(got, expect);
            }
            (Err(error), Err(expect)) => assert_eq!(error.message, expect),
            (got, expect) => panic!("{got:?}, not {expect:?}"),
        }
    }

    #[test]
    fn parameters_are_an_allow_list() {
        check(&[("DateStyle", "ISO")], Ok(&[("datestyle", "ISO")]));
        check(&[("client_encoding", "'UTF-8'")], Ok(&[]));
        check(&[("client_encoding", "SJIS")], Err("client encoding `SJIS` is not offered"));
        check(&[("client_encoding", "latin1")], Err("client encoding `latin1` is not offered"));
        let unknown = "invalid value for parameter \"client_encoding\": \"KLINGON\"";
        check(&[("client_encoding", "KLINGON")], Err(unknown));
        check(&[("replication", "database")], Err("replication is not offered"));
        check(&[("role", "postgres")], Ok(&[("role later", "postgres")]));
        check(
            &[("options", "-c statement_timeout=5s -cjit=off")],
            Ok(&[("jit", "off"), ("statement_timeout later", "5s")]),
        );
        check(&[("options", "--search-path=a\\ b")], Ok(&[("search_path", "a b")]));
        check(
            &[("options", "-c standard_conforming_strings=off")],
            Err("standard_conforming_strings can only be on"),
        );
        check(&[("options", "-d 5")], Err("command-line option `-d` is not offered"));
        check(
            &[("options", "-c session_preload_libraries=x")],
            Ok(&[("session_preload_libraries later", "x")]),
        );
    }

    proptest! {
        #[test]
        fn any_packet_is_read_or_refused(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&[&196_608_u32.to_be_bytes()[..], &bytes].concat());
        }
    }
}
