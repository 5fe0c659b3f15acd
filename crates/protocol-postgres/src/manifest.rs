//! What the rest of the gateway knows of PostgreSQL: keys of the configuration, ports,
//! bounds, the client.

use crate::NAME;
use portreeve_model::{ClientCommand, Encryption, Family, Manifest, Setting, SettingKind};

/// The manifest.
pub const MANIFEST: Manifest = Manifest {
    name: NAME,
    title: "PostgreSQL",
    family: Family::Sql,
    listen_port: 15432,
    encryption: Encryption::Tls,
    target: &TARGET,
    gateway_settings: &[],
    connector_settings: &[],
    limits: &LIMITS,
    client: ClientCommand {
        program: "psql",
        arguments: &["host={host} port={port} dbname={resource} user={user}"],
        token_variable: "PGPASSWORD",
    },
};

const TARGET: [Setting; 6] = [
    Setting { name: "host", about: "Host name or address.", kind: SettingKind::Host },
    Setting { name: "port", about: "Port.", kind: SettingKind::Port { default: 5432 } },
    Setting {
        name: "database",
        about: "Database. By default the resource's name.",
        kind: SettingKind::ResourceName,
    },
    Setting {
        name: "tls",
        about: "How the connection to it is protected.",
        kind: SettingKind::Tls,
    },
    Setting { name: "user", about: "The role that the gateway uses.", kind: SettingKind::Text },
    Setting {
        name: "password",
        about: "The password of the role. Clients never see it.",
        kind: SettingKind::Secret,
    },
];

const LIMITS: [Setting; 3] = [
    Setting {
        name: "message_bytes_max",
        about: "The longest message of a client.",
        kind: SettingKind::Size {
            default_bytes: MESSAGE_BYTES_MAX,
            smallest_bytes: 16 << 10,
            largest_bytes: 1 << 30,
        },
    },
    Setting {
        name: "reply_message_bytes_max",
        about: "The longest message of a target.",
        kind: SettingKind::Size {
            default_bytes: REPLY_MESSAGE_BYTES_MAX,
            smallest_bytes: 16 << 10,
            largest_bytes: 1 << 30,
        },
    },
    Setting {
        name: "statement_bytes_max",
        about: "The longest text of a statement.",
        kind: SettingKind::Size {
            default_bytes: STATEMENT_BYTES_MAX,
            smallest_bytes: 1 << 10,
            largest_bytes: 256 << 20,
        },
    },
];

/// Where the configuration does not say another.
pub(crate) const MESSAGE_BYTES_MAX: u64 = 64 << 20;
/// Likewise.
pub(crate) const REPLY_MESSAGE_BYTES_MAX: u64 = 128 << 20;
/// Likewise.
pub(crate) const STATEMENT_BYTES_MAX: u64 = 1 << 20;
