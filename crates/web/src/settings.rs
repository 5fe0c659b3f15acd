//! Keys of the configuration that every protocol over HTTP has.

use portreeve_model::{Setting, SettingKind};

/// How the connection to a target is protected.
pub const TLS: Setting = Setting {
    name: "tls",
    about: "How the connection to it is protected.",
    kind: SettingKind::Tls,
};

/// What clients call a target.
pub const SERVE_HOST: Setting = Setting {
    name: "serve_host",
    about: "The host name that clients ask for it by. By default the resource's name; the \
            prefix `/RESOURCE/` of a path means it, too.",
    kind: SettingKind::ResourceName,
};

/// The name of basic authentication.
pub const USER: Setting = Setting {
    name: "user",
    about: "With a password, the name of basic authentication; without one, nothing.",
    kind: SettingKind::OptionalText,
};

/// The password of basic authentication.
pub const PASSWORD: Setting = Setting {
    name: "password",
    about: "The password of basic authentication. Clients never see it.",
    kind: SettingKind::Secret,
};

/// A field of the service's own.
pub const HEADER: Setting = Setting {
    name: "header",
    about: "Opens the target with a field of the head of its own.",
    kind: SettingKind::Section(&[
        Setting {
            name: "name",
            about: "The name of the field, as `x-api-key`.",
            kind: SettingKind::Text,
        },
        Setting {
            name: "value",
            about: "What it says. Clients never see it.",
            kind: SettingKind::Secret,
        },
    ]),
};

/// Tokens of an authorization server.
pub const OAUTH: Setting = Setting {
    name: "oauth",
    about: "Opens the target with a bearer token that an authorization server gives for the \
            gateway's own credential (client credentials, RFC 6749). It is kept, and renewed \
            before its end.",
    kind: SettingKind::Section(&[
        Setting {
            name: "url",
            about: "The token endpoint. `http` for loopback only.",
            kind: SettingKind::Text,
        },
        Setting { name: "client_id", about: "Who the gateway is there.", kind: SettingKind::Text },
        Setting {
            name: "client_secret",
            about: "Its credential there. Without it, the certificate of `tls` is (RFC 8705).",
            kind: SettingKind::Secret,
        },
        Setting {
            name: "client_auth",
            about: "How both are said: `basic` (without it), or `post`, in the body.",
            kind: SettingKind::OptionalText,
        },
        Setting {
            name: "scope",
            about: "What is asked for, with spaces between.",
            kind: SettingKind::OptionalText,
        },
        Setting {
            name: "audience",
            about: "For whom the token is to be, where the server wants to hear that.",
            kind: SettingKind::OptionalText,
        },
        Setting {
            name: "tls",
            about: "How the connection to it is protected.",
            kind: SettingKind::Tls,
        },
    ]),
};

/// Signatures of AWS.
pub const AWS: Setting = Setting {
    name: "aws",
    about: "Opens the target with a signature of each request (AWS Signature Version 4).",
    kind: SettingKind::Section(&[
        Setting {
            name: "region",
            about: "The region that the target is in, as `eu-central-1`.",
            kind: SettingKind::Text,
        },
        Setting {
            name: "service",
            about: "What the target is called in signatures, as `execute-api` or `s3`.",
            kind: SettingKind::Text,
        },
        Setting { name: "access_key_id", about: "The name of the key.", kind: SettingKind::Text },
        Setting {
            name: "secret_access_key",
            about: "The key. Clients never see it.",
            kind: SettingKind::Secret,
        },
        Setting {
            name: "session_token",
            about: "What temporary keys come with. It is read again with the configuration.",
            kind: SettingKind::Secret,
        },
    ]),
};

/// Which version of HTTP a target is asked over.
pub const HTTP2: Setting = Setting {
    name: "http2",
    about: "Whether the target is asked over HTTP/2: `offered` where its TLS offers it (without \
            it), `always` for one that is known to speak it (without TLS, too), `never`.",
    kind: SettingKind::OptionalText,
};

/// The bound of heads, both ways.
pub const HEAD_BYTES_MAX: Setting = Setting {
    name: "head_bytes_max",
    about: "The longest head of a request or an answer.",
    kind: SettingKind::Size {
        default_bytes: 64 << 10,
        smallest_bytes: 8 << 10,
        largest_bytes: 1 << 20,
    },
};
