//! The settings that protocols bring: read, checked and described as their manifests list
//! them. No protocol is known here by name.

use super::problem::closest;
use super::scalar;
use super::secrets::read_secret;
use super::section::{Reader, Section};
use super::types::{TargetTls, TlsMode};
use crate::secrets::SecretSource;
use portreeve_model::{Manifest, Setting, SettingKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was read of a list of settings, by key.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Settings {
    values: BTreeMap<&'static str, SettingValue>,
}

/// One value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SettingValue {
    /// Of a host, a text or a resource's name.
    Text(String),
    /// Of a port, or a size in bytes.
    Number(u64),
    /// Of a length of time.
    Duration(Duration),
    /// Where a credential is kept, if there is one.
    Secret(Option<SecretSource>),
    /// A file, if one is named.
    File(Option<PathBuf>),
    /// How a connection is protected.
    Tls(TargetTls),
    /// Keys of a section of their own, if it is there.
    Section(Option<Settings>),
}

/// A setting was asked for that the manifest does not list so: a fault of the wiring.
#[derive(Debug, thiserror::Error)]
#[error("no setting `{0}` of that kind was read")]
pub struct NoSetting(&'static str);

impl Settings {
    /// A host, a text or a resource's name; empty where it may be absent, and is.
    ///
    /// # Errors
    /// The manifest lists none of the name.
    pub fn text(&self, name: &'static str) -> Result<&str, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Text(text)) => Ok(text),
            _ => Err(NoSetting(name)),
        }
    }

    /// A port.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn port(&self, name: &'static str) -> Result<u16, NoSetting> {
        self.number(name)?.try_into().map_err(|_| NoSetting(name))
    }

    /// A size in bytes.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn bytes(&self, name: &'static str) -> Result<usize, NoSetting> {
        self.number(name)?.try_into().map_err(|_| NoSetting(name))
    }

    /// A length of time.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn duration(&self, name: &'static str) -> Result<Duration, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Duration(duration)) => Ok(*duration),
            _ => Err(NoSetting(name)),
        }
    }

    fn number(&self, name: &'static str) -> Result<u64, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Number(number)) => Ok(*number),
            _ => Err(NoSetting(name)),
        }
    }

    /// Where a credential is kept, if there is one.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn secret(&self, name: &'static str) -> Result<Option<&SecretSource>, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Secret(source)) => Ok(source.as_ref()),
            _ => Err(NoSetting(name)),
        }
    }

    /// How a connection is protected.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn tls(&self, name: &'static str) -> Result<&TargetTls, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Tls(tls)) => Ok(tls),
            _ => Err(NoSetting(name)),
        }
    }

    /// What says where a target is and as whom it is reached, by key: everything that is no
    /// secret, was said, and is not one end's alone.
    #[must_use]
    pub fn facts(&self, manifest: &Manifest) -> BTreeMap<String, String> {
        let Manifest { gateway_settings, connector_settings, .. } = manifest;
        let is_shared =
            |name: &str| !gateway_settings.contains(&name) && !connector_settings.contains(&name);
        let values = self.values.iter().filter(|(name, _)| is_shared(name));
        let facts = values.filter_map(|(name, value)| {
            let text = match value {
                SettingValue::Text(text) if !text.is_empty() => text.clone(),
                SettingValue::Number(number) => number.to_string(),
                // What opens a target is its own business.
                SettingValue::Text(_)
                | SettingValue::Duration(_)
                | SettingValue::Secret(_)
                | SettingValue::Tls(_)
                | SettingValue::File(_)
                | SettingValue::Section(_) => return None,
            };
            Some(((*name).to_owned(), text))
        });
        facts.collect()
    }

    /// A file, if one is named.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn file(&self, name: &'static str) -> Result<Option<&Path>, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::File(file)) => Ok(file.as_deref()),
            _ => Err(NoSetting(name)),
        }
    }

    /// A section, if it is there.
    ///
    /// # Errors
    /// Like [`Settings::text`].
    pub fn section(&self, name: &'static str) -> Result<Option<&Self>, NoSetting> {
        match self.values.get(name) {
            Some(SettingValue::Section(section)) => Ok(section.as_ref()),
            _ => Err(NoSetting(name)),
        }
    }

    /// Every key with its value.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &SettingValue)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }
}

/// Which part of a target's description a configuration has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// All of it: the gateway reaches the target.
    Whole,
    /// The gateway's, where a connector reaches the target and has what opens it.
    Gateways,
    /// The connector's.
    Connectors,
}

impl Part {
    /// Who has a setting instead of this part's owner, and what is to be done about it.
    fn foreign(
        self,
        manifest: &Manifest,
        setting: &Setting,
    ) -> Option<(&'static str, &'static str)> {
        let is_secret = matches!(
            setting.kind,
            SettingKind::Secret | SettingKind::Tls | SettingKind::Section(_)
        );
        match self {
            Self::Gateways if is_secret || manifest.connector_settings.contains(&setting.name) => {
                Some((
                    "the connector's, which logs in at the target",
                    "move it into the connector's configuration, or remove `via: connector`",
                ))
            }
            Self::Connectors if manifest.gateway_settings.contains(&setting.name) => Some((
                "the gateway's, which serves clients",
                "move it into the gateway's configuration",
            )),
            Self::Whole | Self::Gateways | Self::Connectors => None,
        }
    }
}

/// Reads what is known of a target; `None` where something that must be there is not.
pub(crate) fn read_target(
    reader: &mut Reader<'_>,
    mut section: Section,
    manifest: &'static Manifest,
    resource: &str,
    part: Part,
) -> Option<Settings> {
    for setting in manifest.target {
        let Some((whose, help)) = part.foreign(manifest, setting) else { continue };
        let path = section.path(setting.name);
        if let Some((key, node)) = section.take(setting.name) {
            reader.problems.hide(node.span);
            reader.problems.add_with_help(key.span, format!("`{path}` is {whose}"), help);
        }
    }
    read(reader, section, manifest.target, resource)
}

/// Reads a section as a list of settings has it; `None` where something that must be there is not.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    mut section: Section,
    settings: &'static [Setting],
    resource: &str,
) -> Option<Settings> {
    let mut values = BTreeMap::new();
    let mut is_whole = true;
    let mut host = None;
    // Hosts first: whether a connection may go unprotected depends on where it goes.
    let (hosts, others): (Vec<_>, Vec<_>) =
        settings.iter().partition(|setting| matches!(setting.kind, SettingKind::Host));
    for setting in hosts.into_iter().chain(others) {
        match read_one(reader, &mut section, setting, resource, host.as_deref()) {
            Some(value) => {
                if let (SettingKind::Host, SettingValue::Text(name)) = (setting.kind, &value) {
                    host = Some(name.clone());
                }
                values.insert(setting.name, value);
            }
            None => is_whole = false,
        }
    }
    section.close(reader);
    is_whole.then_some(Settings { values })
}

fn read_one(
    reader: &mut Reader<'_>,
    section: &mut Section,
    setting: &'static Setting,
    resource: &str,
    host: Option<&str>,
) -> Option<SettingValue> {
    let name = setting.name;
    Some(match setting.kind {
        SettingKind::Host => SettingValue::Text(read_host(reader, section, name)?),
        SettingKind::Text => SettingValue::Text(section.required_text(reader, name)?.0),
        SettingKind::OptionalText => {
            let text = section.text(reader, name).map(|(text, _)| text);
            SettingValue::Text(text.unwrap_or_default())
        }
        SettingKind::ResourceName => SettingValue::Text(section.text_or(reader, name, resource)),
        SettingKind::Port { default } => {
            SettingValue::Number(section.number(reader, name, default, 1..=65535).into())
        }
        SettingKind::Size { default_bytes, smallest_bytes, largest_bytes } => {
            let bounds = smallest_bytes..=largest_bytes;
            SettingValue::Number(section.size(reader, name, default_bytes, bounds))
        }
        SettingKind::Duration { default, longest } => {
            SettingValue::Duration(section.duration(reader, name, default, longest))
        }
        SettingKind::Secret => {
            let path = section.path(name);
            let taken = section.take(name);
            SettingValue::Secret(taken.and_then(|taken| read_secret(reader, path, taken)))
        }
        SettingKind::File => SettingValue::File(section.file(reader, name)),
        SettingKind::Tls => {
            let tls = section.section(reader, name);
            SettingValue::Tls(read_target_tls(reader, tls, host))
        }
        SettingKind::Section(settings) => {
            let path = section.path(name);
            let Some((key, node)) = section.take(name) else {
                return Some(SettingValue::Section(None));
            };
            let inner = Section::open(reader, path, key.span, Some(node));
            SettingValue::Section(Some(read(reader, inner, settings, resource)?))
        }
    })
}

fn read_host(reader: &mut Reader<'_>, section: &mut Section, name: &'static str) -> Option<String> {
    let (host, span) = section.required_text(reader, name)?;
    if host.contains(|c: char| c.is_whitespace() || c == '/' || c == '@') {
        reader.problems.add(span, format!("`{host}` is not a host name or address"));
    }
    Some(host)
}

fn read_target_tls(reader: &mut Reader<'_>, mut section: Section, host: Option<&str>) -> TargetTls {
    let mut tls = TargetTls { mode: TlsMode::VerifyFull, ca: None, certificate: None, key: None };
    if let Some((word, span)) = section.text(reader, "mode") {
        match word.as_str() {
            "verify-full" => {}
            "disable" => {
                if host.is_none_or(|host| !scalar::is_loopback(host)) {
                    reader.problems.add_with_help(
                        span,
                        "`disable` is for targets on loopback only",
                        "use `verify-full`, with `ca` for an authority of your own",
                    );
                }
                tls.mode = TlsMode::Disable;
            }
            other => {
                let known = ["verify-full", "disable"];
                let help = match closest(other, &known) {
                    Some(meant) => format!("did you mean `{meant}`?"),
                    None => "use `verify-full`; there is no mode that encrypts without checking"
                        .to_owned(),
                };
                reader.problems.add_with_help(span, format!("`{other}` is not a TLS mode"), help);
            }
        }
    }
    tls.ca = section.file(reader, "ca");
    tls.certificate = section.file(reader, "certificate");
    tls.key = section.file(reader, "key");
    match (&tls.certificate, &tls.key) {
        (Some(_), None) => section.missing(reader, "key"),
        (None, Some(_)) => section.missing(reader, "certificate"),
        (Some(_), Some(_)) if tls.mode == TlsMode::Disable => reader.problems.add_with_help(
            section.span(),
            "a certificate is shown over TLS only",
            "leave `mode` out, or `certificate` and `key`",
        ),
        _ => {}
    }
    section.close(reader);
    tls
}
