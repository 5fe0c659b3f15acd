//! What the rest of the gateway knows of MCP: keys of the configuration, ports, bounds, the
//! client.

use crate::NAME;
use portreeve_model::{ClientCommand, Encryption, Family, Manifest, Setting, SettingKind};
use portreeve_web::settings::{
    AWS, HEAD_BYTES_MAX, HEADER, HTTP2, OAUTH, PASSWORD, SERVE_HOST, TLS, USER,
};

/// The manifest.
pub const MANIFEST: Manifest = Manifest {
    name: NAME,
    title: "MCP",
    family: Family::Tools,
    listen_port: 18081,
    encryption: Encryption::Tls,
    target: &TARGET,
    gateway_settings: &["serve_host", "command", "token_variable"],
    connector_settings: &["http2"],
    limits: &LIMITS,
    client: ClientCommand {
        // The token comes over standard input: arguments can be seen by others.
        program: "sh",
        arguments: &[
            "-c",
            "printf 'Authorization: Bearer %s' \"$PORTREEVE_TOKEN\" | \
             curl -sS -H @- -H 'Content-Type: application/json' \
             -H 'Accept: application/json, text/event-stream' \"$@\" \
             http://{host}:{port}/{resource}/mcp",
            "curl",
        ],
        token_variable: "PORTREEVE_TOKEN",
    },
};

const TARGET: [Setting; 14] = [
    Setting {
        name: "host",
        about: "Host name or address of a server that answers over HTTP; `localhost` for a \
                program that the gateway runs.",
        kind: SettingKind::Host,
    },
    Setting { name: "port", about: "Port.", kind: SettingKind::Port { default: 443 } },
    Setting {
        name: "path",
        about: "The path of the server's endpoint. By default `/mcp`.",
        kind: SettingKind::OptionalText,
    },
    TLS,
    Setting {
        name: "command",
        about: "Instead of a server over HTTP, a program that the gateway runs for each \
                session, and talks to over its standard input and output: its path and \
                arguments, with spaces between them. No shell reads it; quotes keep spaces \
                together.",
        kind: SettingKind::OptionalText,
    },
    SERVE_HOST,
    USER,
    PASSWORD,
    Setting {
        name: "token",
        about: "The bearer token that opens the server, or what a program is given in \
                `token_variable`. Clients never see it.",
        kind: SettingKind::Secret,
    },
    Setting {
        name: "token_variable",
        about: "The environment variable in which a program expects its token.",
        kind: SettingKind::OptionalText,
    },
    HEADER,
    OAUTH,
    AWS,
    HTTP2,
];

const LIMITS: [Setting; 3] = [
    Setting {
        name: "request_bytes_max",
        about: "The longest message of a client.",
        kind: SettingKind::Size {
            default_bytes: 4 << 20,
            smallest_bytes: 1 << 10,
            largest_bytes: 64 << 20,
        },
    },
    Setting {
        name: "message_bytes_max",
        about: "The longest message of a server.",
        kind: SettingKind::Size {
            default_bytes: 16 << 20,
            smallest_bytes: 1 << 10,
            largest_bytes: 256 << 20,
        },
    },
    HEAD_BYTES_MAX,
];
