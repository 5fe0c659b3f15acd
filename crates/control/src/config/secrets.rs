//! Where secrets are, as the configuration says it.

use super::scalar;
use super::section::{Reader, Section};
use super::tree::{Key, Node, Value};
use crate::secrets::{AppRole, AwsSecret, Kept, LocalSecret, SecretSource, VaultSecret};
use std::ops::Range;
use std::time::Duration;

/// Reads where a secret is.
pub(crate) fn read_secret(
    reader: &mut Reader<'_>,
    name: String,
    entry: (Key, Node),
) -> Option<SecretSource> {
    let mut section = opened(reader, &name, entry)?;
    let local = take_local(reader, &mut section);
    let vault = section.take("vault").map(|(key, node)| {
        let own = Section::open(reader, section.path("vault"), key.span, Some(node));
        read_vault(reader, own).map(|asked| SecretSource::Vault(Kept::new(asked)))
    });
    let aws = section.take("aws_secret").map(|(key, node)| {
        let own = Section::open(reader, section.path("aws_secret"), key.span, Some(node));
        read_aws(reader, own).map(|asked| SecretSource::AwsSecret(Kept::new(asked)))
    });
    let local = local.into_iter().map(|found| {
        Some(match found {
            LocalSecret::Env(name) => SecretSource::Env(name),
            LocalSecret::File(file) => SecretSource::File(file),
            LocalSecret::Systemd(name) => SecretSource::Systemd(name),
        })
    });
    let found = local.chain(vault).chain(aws).collect();
    let known = "`env`, `file`, `systemd`, `vault` and `aws_secret`";
    one_of(reader, section, &name, known, found).flatten()
}

/// Reads where a secret is on this machine: what opens a store of secrets is not in another one.
fn read_local(reader: &mut Reader<'_>, name: String, entry: (Key, Node)) -> Option<LocalSecret> {
    let mut section = opened(reader, &name, entry)?;
    let found = take_local(reader, &mut section);
    one_of(reader, section, &name, "`env`, `file` and `systemd`", found)
}

fn opened(reader: &mut Reader<'_>, name: &str, (key, node): (Key, Node)) -> Option<Section> {
    if matches!(node.value, Value::Text(_)) {
        // SECURITY: a credential is never shown, not even in its own file.
        reader.problems.hide(node.span);
        reader.problems.add_with_help(
            key.span,
            format!("`{name}` must say where the {} is, not what it is", key.text),
            "write `{ env: NAME }` or `{ file: PATH }`",
        );
        return None;
    }
    Some(Section::open(reader, name, key.span, Some(node)))
}

fn take_local(reader: &mut Reader<'_>, section: &mut Section) -> Vec<LocalSecret> {
    let variable = section.text(reader, "env").map(|(name, _)| LocalSecret::Env(name));
    let file = section.file(reader, "file").map(LocalSecret::File);
    let systemd = section.text(reader, "systemd").map(|(name, _)| LocalSecret::Systemd(name));
    [variable, file, systemd].into_iter().flatten().collect()
}

/// The one that there is.
fn one_of<T>(
    reader: &mut Reader<'_>,
    section: Section,
    name: &str,
    known: &str,
    mut found: Vec<T>,
) -> Option<T> {
    let span = section.span();
    section.close(reader);
    if found.len() == 1 {
        return found.pop();
    }
    if reader.problems_free_of(&span) {
        reader.problems.add(span, format!("`{name}` must be one of {known}"));
    }
    None
}

fn read_vault(reader: &mut Reader<'_>, mut section: Section) -> Option<VaultSecret> {
    let address = section.required_text(reader, "address");
    let address = address.and_then(|found| secure(reader, found));
    let path = section.required_text(reader, "path");
    let path = path.and_then(|(path, span)| {
        let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
        let is_plain = !path.is_empty() && path.chars().all(is_path) && !path.contains("..");
        if !is_plain {
            let message = format!("`{path}` is no path of a store");
            let help = "as its API has it, without `v1/`: `secret/data/shop`";
            reader.problems.add_with_help(span, message, help);
        }
        is_plain.then(|| path.trim_matches('/').to_owned())
    });
    let field = section.text_or(reader, "field", "password");
    let user_field = section.text(reader, "user_field").map(|(field, _)| field);
    let token = local(reader, &mut section, "token");
    let app_role = match section.take("app_role") {
        None => Ok(None),
        Some((key, node)) => {
            let own = Section::open(reader, section.path("app_role"), key.span, Some(node));
            read_role(reader, own).map(Some).ok_or(Unread)
        }
    };
    if let (Ok(None), Ok(None)) | (Ok(Some(_)), Ok(Some(_))) = (&token, &app_role) {
        let (one, other) = (section.path("token"), section.path("app_role"));
        let message = format!("one of `{one}` and `{other}` opens the store");
        reader.problems.add(section.span(), message);
        return None;
    }
    let namespace = section.text(reader, "namespace").map(|(namespace, _)| namespace);
    let ca = section.file(reader, "ca");
    let keep = section.duration(reader, "keep", KEEP, KEEP_LONGEST);
    section.close(reader);
    let (address, path, token, app_role) = (address?, path?, token.ok()?, app_role.ok()?);
    Some(VaultSecret { address, path, field, user_field, token, app_role, namespace, ca, keep })
}

fn read_role(reader: &mut Reader<'_>, mut section: Section) -> Option<AppRole> {
    let mount = section.text_or(reader, "mount", "approle");
    let role_id = section.required_text(reader, "role_id").map(|(id, _)| id);
    let secret_id = local(reader, &mut section, "secret_id");
    if let Ok(None) = secret_id {
        section.missing(reader, "secret_id");
    }
    section.close(reader);
    Some(AppRole { mount, role_id: role_id?, secret_id: secret_id.ok()?? })
}

fn read_aws(reader: &mut Reader<'_>, mut section: Section) -> Option<AwsSecret> {
    let id = section.required_text(reader, "id").map(|(id, _)| id);
    let region = section.required_text(reader, "region");
    let region = region.and_then(|(region, span)| {
        let is_plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if !is_plain {
            reader.problems.add(span, format!("`{region}` is no region"));
        }
        is_plain.then_some(region)
    });
    let field = section.text(reader, "field").map(|(field, _)| field);
    let user_field = section.text(reader, "user_field").map(|(field, _)| field);
    let endpoint = section.text(reader, "endpoint").map(|found| secure(reader, found));
    let variable = |name: &str| LocalSecret::Env(name.to_owned());
    let access_key_id = local(reader, &mut section, "access_key_id");
    let secret_access_key = local(reader, &mut section, "secret_access_key");
    let session_token = local(reader, &mut section, "session_token");
    let keep = section.duration(reader, "keep", KEEP, KEEP_LONGEST);
    section.close(reader);
    Some(AwsSecret {
        id: id?,
        region: region?,
        field,
        user_field,
        endpoint: match endpoint {
            None => None,
            Some(endpoint) => Some(endpoint?),
        },
        access_key_id: access_key_id.ok()?.unwrap_or_else(|| variable("AWS_ACCESS_KEY_ID")),
        secret_access_key: secret_access_key
            .ok()?
            .unwrap_or_else(|| variable("AWS_SECRET_ACCESS_KEY")),
        session_token: session_token.ok()?,
        keep,
    })
}

/// A field is there and cannot be read; the problem is told.
struct Unread;

fn local(
    reader: &mut Reader<'_>,
    section: &mut Section,
    field: &'static str,
) -> Result<Option<LocalSecret>, Unread> {
    match section.take(field) {
        None => Ok(None),
        Some(entry) => read_local(reader, section.path(field), entry).map(Some).ok_or(Unread),
    }
}

/// An address that may be believed.
fn secure(reader: &mut Reader<'_>, (address, span): (String, Range<usize>)) -> Option<String> {
    if let Err(why) = scalar::secure_url(&address) {
        reader.problems.add(span, format!("`{address}` {why}"));
        return None;
    }
    Some(address)
}

const KEEP: Duration = Duration::from_secs(60);
const KEEP_LONGEST: &str = "1h";
