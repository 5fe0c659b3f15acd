//! The configuration of a connector: where gateways are, and the targets of its network.

use super::problem::ConfigError;
use super::scalar::{self, duration_text};
use super::section::{Reader, Section, as_list, as_text, listed};
use super::settings::{self, Part, Settings};
use super::tree::Node;
use super::types::DurationText;
use super::{parse_with, text_of};
use portreeve_link::{Proxy, is_authority};
use portreeve_model::{Manifest, defaults};
use schemars::JsonSchema;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a connector is told.
#[derive(Clone, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ConnectorConfig {
    /// Folder in which it keeps its key, its certificate and its stream log.
    #[schemars(with = "String", extend("default" = STATE_DIR))]
    pub state_dir: PathBuf,
    /// Where gateways take connectors: `host:port`.
    pub gateways: Vec<String>,
    /// The proxy of its network, if it needs one: `http://host:port`, or
    /// `http://user:password@host:port`.
    #[schemars(with = "Option<String>")]
    pub proxy: Option<Proxy>,
    /// The targets, by the names that gateways have for them.
    pub resources: BTreeMap<String, ConnectorResource>,
    /// Bounds.
    #[schemars(extend("default" = {}))]
    pub limits: ConnectorLimits,
}

/// A target of a connector's network.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ConnectorResource {
    /// The protocol that it is reached by: the name of the one section that it has.
    #[schemars(skip)]
    pub protocol: &'static str,
    /// The target, as that protocol's manifest describes it.
    #[schemars(skip)]
    pub target: Settings,
}

/// Bounds of a connector.
#[derive(Clone, Copy, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ConnectorLimits {
    /// Until a target has accepted the connection and the login.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::TARGET_CONNECT_TIMEOUT))
    )]
    pub target_connect_timeout: Duration,
    /// How long a gateway may say nothing before the link to it is over.
    #[schemars(
        with = "DurationText",
        extend("default" = duration_text(defaults::CONNECTOR_SILENCE_MAX))
    )]
    pub silence_max: Duration,
}

/// Reads a connector's configuration file.
///
/// # Errors
/// [`ConfigError::Invalid`] holds every problem of the file, in its order.
pub fn load_connector(
    path: &Path,
    protocols: &[&'static Manifest],
) -> Result<ConnectorConfig, ConfigError> {
    parse_with(path, &text_of(path)?, protocols, |reader, _, root| read(reader, root))
}

fn read(reader: &mut Reader<'_>, root: Node) -> Option<ConnectorConfig> {
    let mut top = Section::open(reader, "", 0..0, Some(root));
    let state_dir = top.file(reader, "state_dir");
    let state_dir = state_dir.unwrap_or_else(|| reader.folder.join(STATE_DIR));
    let gateways = read_gateways(reader, &mut top);
    let proxy = read_proxy(reader, &mut top);
    let resources = read_resources(reader, &mut top);
    let limits = read_limits(reader, &mut top);
    top.close(reader);
    Some(ConnectorConfig { state_dir, gateways, proxy, resources, limits })
}

fn read_limits(reader: &mut Reader<'_>, top: &mut Section) -> ConnectorLimits {
    let mut own = top.section(reader, "limits");
    let connect = defaults::TARGET_CONNECT_TIMEOUT;
    let silence = defaults::CONNECTOR_SILENCE_MAX;
    let limits = ConnectorLimits {
        target_connect_timeout: own.duration(reader, "target_connect_timeout", connect, "10m"),
        silence_max: own.duration(reader, "silence_max", silence, "10m"),
    };
    own.close(reader);
    limits
}

fn read_gateways(reader: &mut Reader<'_>, top: &mut Section) -> Vec<String> {
    let Some((key, node)) = top.take("gateways") else {
        top.missing(reader, "gateways");
        return Vec::new();
    };
    let mut gateways = Vec::new();
    for item in as_list(reader, "gateways", node) {
        let Some((text, span)) = as_text(reader, "gateways", item) else { continue };
        if is_authority(&text) {
            gateways.push(text);
        } else {
            let message = format!("`{text}` is not where a gateway takes connectors");
            reader.problems.add_with_help(span, message, "write `host:port`: the gateway's 8445");
        }
    }
    if gateways.is_empty() && reader.problems_free_of(&key.span) {
        reader.problems.add(key.span, "`gateways` must name at least one");
    }
    gateways
}

fn read_proxy(reader: &mut Reader<'_>, top: &mut Section) -> Option<Proxy> {
    let (text, span) = top.text(reader, "proxy")?;
    match text.parse() {
        Ok(proxy) => Some(proxy),
        Err(error) => {
            reader.problems.add(span, format!("`proxy` cannot be used: {error}"));
            None
        }
    }
}

fn read_resources(
    reader: &mut Reader<'_>,
    top: &mut Section,
) -> BTreeMap<String, ConnectorResource> {
    let mut resources = BTreeMap::new();
    let Some((key, node)) = top.take("resources") else {
        top.missing(reader, "resources");
        return resources;
    };
    let mut section = Section::open(reader, "resources", key.span.clone(), Some(node));
    let entries = section.take_all();
    if entries.is_empty() {
        reader.problems.add(key.span, "`resources` must name at least one resource");
    }
    for (key, node) in entries {
        if !scalar::is_resource(&key.text) {
            let message = format!("`{}` cannot name a resource", key.text);
            reader.problems.add_with_help(key.span.clone(), message, "as the gateway calls it");
        }
        let name = section.path(&key.text);
        let mut own = Section::open(reader, name.clone(), key.span.clone(), Some(node));
        let mut found = None;
        for manifest in reader.protocols {
            let Some((at, node)) = own.take(manifest.name) else { continue };
            let path = own.path(manifest.name);
            let target = Section::open(reader, path, at.span, Some(node));
            let target =
                settings::read_target(reader, target, manifest, &key.text, Part::Connectors);
            found = Some((manifest.name, target));
        }
        if found.is_none() {
            let names: Vec<&str> = reader.protocols.iter().map(|it| it.name).collect();
            let help = format!("add a section that says how it is reached: {}", listed(&names));
            reader.problems.add_with_help(key.span, format!("`{name}` names no protocol"), help);
        }
        own.close(reader);
        if let Some((protocol, Some(target))) = found {
            resources.insert(key.text, ConnectorResource { protocol, target });
        }
    }
    resources
}

const STATE_DIR: &str = "portreeve-connector";
