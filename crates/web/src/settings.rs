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
