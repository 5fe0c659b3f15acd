//! What a protocol says about itself, as plain data.
//!
//! From one manifest follow the protocol's sections of the configuration, their schema and
//! reference, where it listens, what `status` shows and how `connect` starts a client. The
//! protocol itself is not here; neither is how a setting is read or checked.

use crate::Family;
use std::time::Duration;

/// A protocol as the rest of the gateway knows it.
#[derive(Clone, Copy, Debug)]
pub struct Manifest {
    /// Its name in the configuration, in records and in metrics: lower-case letters.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Which kinds of objects it knows.
    pub family: Family,
    /// The port on loopback where its clients are served unless the configuration says
    /// otherwise.
    pub listen_port: u16,
    /// How connections to its listener are encrypted.
    pub encryption: Encryption,
    /// What must be known of a target, in the order of the reference.
    pub target: &'static [Setting],
    /// Of these, what only the gateway has where a connector reaches the target: how clients are
    /// served.
    pub gateway_settings: &'static [&'static str],
    /// Of these, what only the connector has then, beside secrets, `tls` and sections: how the
    /// target is spoken with.
    pub connector_settings: &'static [&'static str],
    /// Its own bounds, in the order of the reference. These defaults are the only ones.
    pub limits: &'static [Setting],
    /// How a client is started.
    pub client: ClientCommand,
}

/// How the connections of clients are encrypted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Encryption {
    /// By TLS, with a certificate of the configuration.
    Tls,
    /// By the protocol itself.
    Own,
}

/// One key of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key.
    pub name: &'static str,
    /// What it is for: sentences, for the reference and for editors.
    pub about: &'static str,
    /// What may stand there.
    pub kind: SettingKind,
}

/// What may stand under a key, and what holds where it is absent.
#[derive(Clone, Copy, Debug)]
pub enum SettingKind {
    /// The target's host name or address. Must be there.
    Host,
    /// Text that must be there.
    Text,
    /// Text; may be absent.
    OptionalText,
    /// Text; by default the resource's name.
    ResourceName,
    /// A TCP port.
    Port {
        /// Where it is absent.
        default: u16,
    },
    /// A number of bytes, written `64KiB`, `16MiB`, `1GiB`.
    Size {
        /// Where it is absent.
        default_bytes: u64,
        /// The smallest that is accepted.
        smallest_bytes: u64,
        /// The largest that is accepted.
        largest_bytes: u64,
    },
    /// A length of time, written `90s`, `15m`, `8h`.
    Duration {
        /// Where it is absent.
        default: Duration,
        /// The longest that is accepted, as it is written.
        longest: &'static str,
    },
    /// Where a credential is kept. May be absent.
    Secret,
    /// A file beside the configuration. May be absent.
    File,
    /// How the connection to the target's `Host` is protected. By default verified TLS.
    Tls,
    /// Keys that belong together, in a section of their own. May be absent as a whole. A name
    /// stands for the same keys in every protocol that has it.
    Section(&'static [Setting]),
}

/// How a client of the protocol is started. `{host}`, `{port}`, `{resource}`, `{user}` and
/// `{data_dir}` stand for what they say.
#[derive(Clone, Copy, Debug)]
pub struct ClientCommand {
    /// The program.
    pub program: &'static str,
    /// Its arguments.
    pub arguments: &'static [&'static str],
    /// The environment variable from which the program takes the access token.
    pub token_variable: &'static str,
}

/// What stands for the places of a [`ClientCommand`].
#[derive(Clone, Copy, Debug)]
pub struct ClientPlaces<'a> {
    /// Where the gateway serves the protocol.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// What is asked for.
    pub resource: &'a str,
    /// What the client calls itself; the token says who it is.
    pub user: &'a str,
    /// Where the gateway keeps what it has made.
    pub data_dir: &'a str,
}

impl ClientCommand {
    /// The arguments with their places filled in.
    ///
    /// ```
    /// use portreeve_model::{ClientCommand, ClientPlaces};
    ///
    /// let command =
    ///     ClientCommand { program: "x", arguments: &["{host}:{port}"], token_variable: "T" };
    /// let (host, resource) = ("::1", "{port}");
    /// let places = ClientPlaces { host, port: 5, resource, user: "u", data_dir: "" };
    /// assert_eq!(command.arguments_for(&places), ["::1:5"]);
    /// ```
    #[must_use]
    pub fn arguments_for(&self, places: &ClientPlaces<'_>) -> Vec<String> {
        self.arguments.iter().map(|argument| filled(argument, places)).collect()
    }
}

/// One pass from left to right: what was filled in is not looked at again.
fn filled(template: &str, places: &ClientPlaces<'_>) -> String {
    let mut text = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((place, after)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match place {
            "host" => text.push_str(places.host),
            "port" => text.push_str(&places.port.to_string()),
            "resource" => text.push_str(places.resource),
            "user" => text.push_str(places.user),
            "data_dir" => text.push_str(places.data_dir),
            other => text.push_str(&format!("{{{other}}}")),
        }
        rest = after;
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_filled_in_once() {
        let check = |template: &str, expect: &str| {
            let (resource, data_dir) = ("{user}", "/d");
            let places = ClientPlaces { host: "h", port: 1, resource, user: "u", data_dir };
            assert_eq!(filled(template, &places), expect, "{template}");
        };
        check("", "");
        check("plain", "plain");
        check("{host}:{port}", "h:1");
        check("dbname={resource}", "dbname={user}");
        check("{data_dir}/file", "/d/file");
        check("{other}{user}", "{other}u");
        check("{host", "{host");
        check("a{b{user}", "a{b{user}");
    }
}
