//! What the rest of the gateway knows of HTTP: keys of the configuration, ports, bounds, the
//! client.

use crate::NAME;
use portreeve_model::{ClientCommand, Encryption, Family, Manifest, Setting, SettingKind};
use portreeve_web::settings::{
    AWS, HEAD_BYTES_MAX, HEADER, HTTP2, OAUTH, PASSWORD, SERVE_HOST, TLS, USER,
};

/// The manifest.
pub const MANIFEST: Manifest = Manifest {
    name: NAME,
    title: "HTTP",
    family: Family::Http,
    listen_port: 18080,
    encryption: Encryption::Tls,
    target: &TARGET,
    gateway_settings: &[
        "serve_host",
        "outgoing",
        "pass_fields",
        "encoded_slash",
        "openapi",
        "undocumented",
        "graphql",
    ],
    connector_settings: &["http2"],
    limits: &LIMITS,
    client: ClientCommand {
        // The token comes over standard input: arguments can be seen by others.
        program: "sh",
        arguments: &[
            "-c",
            "printf 'Authorization: Bearer %s' \"$PORTREEVE_TOKEN\" | \
             curl -sS -H @- \"$@\" http://{host}:{port}/{resource}/",
            "curl",
        ],
        token_variable: "PORTREEVE_TOKEN",
    },
};

const TARGET: [Setting; 17] = [
    Setting { name: "host", about: "Host name or address.", kind: SettingKind::Host },
    Setting { name: "port", about: "Port.", kind: SettingKind::Port { default: 443 } },
    TLS,
    SERVE_HOST,
    USER,
    PASSWORD,
    Setting {
        name: "token",
        about: "The bearer token that opens the target. Clients never see it.",
        kind: SettingKind::Secret,
    },
    HEADER,
    OAUTH,
    AWS,
    HTTP2,
    Setting {
        name: "outgoing",
        about: "What becomes of personal data in requests that policy does not let them write: \
                `refuse` (without it), or `mask`: it is redacted, and what is left is decided, \
                recorded and sent.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "pass_fields",
        about: "Fields of a request's head that go on although their names say who somebody is, \
                with commas between, as `x-user-id`. The target believes them whoever writes them: \
                name none that give rights.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "openapi",
        about: "A document that describes the service (OpenAPI 3.0 or 3.1, JSON or YAML): routes \
                are its paths, operations do what it says (`x-portreeve-effect`), and fields hold \
                what it says (`x-portreeve-category`). Read with the configuration.",
        kind: SettingKind::File,
    },
    Setting {
        name: "undocumented",
        about: "What becomes of requests that the document has not: `refuse` (without it), or \
                `allow`: they are decided by their method and a learnt route, as without a \
                document.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "graphql",
        about: "The path that takes operations of GraphQL, as `/graphql`: each is decided by what \
                it does and by the fields that it asks for (`/graphql/query/customers`).",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "encoded_slash",
        about: "What `%2F` in a path is: `refuse` (without it: servers differ in it), or `name`: \
                the service takes it for a letter of a name, as GitLab (`group%2Fproject`) and npm \
                do.",
        kind: SettingKind::OptionalText,
    },
];

const LIMITS: [Setting; 3] = [
    Setting {
        name: "request_bytes_max",
        about: "The longest body of a request.",
        kind: SettingKind::Size {
            default_bytes: 16 << 20,
            smallest_bytes: 1 << 10,
            largest_bytes: 1 << 30,
        },
    },
    Setting {
        name: "value_bytes_max",
        about: "The longest single value of a JSON answer, and the longest answer that is not \
                JSON.",
        kind: SettingKind::Size {
            default_bytes: 16 << 20,
            smallest_bytes: 1 << 10,
            largest_bytes: 1 << 30,
        },
    },
    HEAD_BYTES_MAX,
];
