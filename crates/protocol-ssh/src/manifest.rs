//! What the rest of the gateway knows of SSH: keys of the configuration, ports, bounds, the
//! client.

use crate::NAME;
use portreeve_model::{ClientCommand, Encryption, Family, Manifest, Setting, SettingKind};
use std::time::Duration;

/// The manifest.
pub const MANIFEST: Manifest = Manifest {
    name: NAME,
    title: "SSH",
    family: Family::Shell,
    listen_port: 12222,
    encryption: Encryption::Own,
    target: &TARGET,
    gateway_settings: &["name", "home", "programs"],
    connector_settings: &["host_key", "host_ca"],
    limits: &LIMITS,
    client: ClientCommand {
        // The client asks a program for the token: arguments can be seen by others.
        program: "sh",
        arguments: &[
            "-c",
            "ask=$(mktemp) && printf '#!/bin/sh\\nprintenv PORTREEVE_TOKEN\\n' >\"$ask\" && \
             chmod 700 \"$ask\" && SSH_ASKPASS=$ask SSH_ASKPASS_REQUIRE=force ssh \
             -o PubkeyAuthentication=no -o HostKeyAlias=portreeve -o StrictHostKeyChecking=yes \
             -o UserKnownHostsFile={data_dir}/ssh-known-hosts \
             -p {port} {resource}@{host} \"$@\"; code=$?; rm -f \"$ask\"; exit $code",
            "ssh",
        ],
        token_variable: "PORTREEVE_TOKEN",
    },
};

const TARGET: [Setting; 11] = [
    Setting { name: "host", about: "Host name or address.", kind: SettingKind::Host },
    Setting { name: "port", about: "Port.", kind: SettingKind::Port { default: 22 } },
    Setting {
        name: "host_key",
        about: "The public key that the machine proves itself with, as `ssh-keyscan` shows it \
                (`ssh-ed25519 AAAA…`), or its fingerprint (`SHA256:…`). Another key is refused. \
                One of this and `host_ca` must be there.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "host_ca",
        about: "The public key of the authority that certifies the machine's host key \
                (`ssh-ed25519 AAAA…`). The certificate must name `host`, and nothing but a \
                certificate is accepted.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "name",
        about: "What policies call the machine. By default the resource's name.",
        kind: SettingKind::ResourceName,
    },
    Setting { name: "user", about: "As whom commands run there.", kind: SettingKind::Text },
    Setting {
        name: "home",
        about: "The folder in which commands begin: names of files that do not begin with `/` \
                are read as names in it. By default `/root` of `root`, and the folder of the user's name in \
                `/home`.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "programs",
        about: "Programs that the machine has beside those that every machine has, one a line: \
                `names | operands | options | notes`, as `docs/ssh.md` says.",
        kind: SettingKind::OptionalText,
    },
    Setting {
        name: "key",
        about: "The private key of that user, as OpenSSH writes it. Clients never see it.",
        kind: SettingKind::Secret,
    },
    Setting {
        name: "password",
        about: "The password of that user. Clients never see it.",
        kind: SettingKind::Secret,
    },
    Setting {
        name: "certificate",
        about: "In the place of a key or a password: for each session a certificate of its own, \
                signed by the gateway's authority for targets (`portreeve ssh ca`), which the \
                machine has to trust (`TrustedUserCAKeys`). `{}` is enough.",
        kind: SettingKind::Section(&CERTIFICATE),
    },
];

const CERTIFICATE: [Setting; 2] = [PRINCIPAL, AUTHORITY];

const AUTHORITY: Setting = Setting {
    name: "authority",
    about: "The private key that signs the certificates (`ssh-keygen -t ed25519 -N ''`). By \
            default the gateway's own authority; a connector has none, and needs this one.",
    kind: SettingKind::Secret,
};

const PRINCIPAL: Setting = Setting {
    name: "principal",
    about: "The principal of the certificates. By default `user`; another name needs \
            `AuthorizedPrincipalsFile` at the machine.",
    kind: SettingKind::OptionalText,
};

const LIMITS: [Setting; 3] = [
    Setting {
        name: "line_bytes_max",
        about: "The longest command line.",
        kind: SettingKind::Size {
            default_bytes: 64 << 10,
            smallest_bytes: 1 << 10,
            largest_bytes: 64 << 10,
        },
    },
    Setting {
        name: "file_bytes_max",
        about: "The longest file that a client can read over SFTP: it is looked through as a \
                whole.",
        kind: SettingKind::Size {
            default_bytes: 16 << 20,
            smallest_bytes: 1 << 10,
            largest_bytes: 1 << 30,
        },
    },
    Setting {
        name: "certificate_lifetime",
        about: "The longest life of a certificate that a client gets for its token, at most 8h. \
                None outlives its token.",
        kind: SettingKind::Duration { default: CERTIFICATE_LIFETIME, longest: "8h" },
    },
];

const CERTIFICATE_LIFETIME: Duration = Duration::from_secs(15 * 60);
