//! The configuration of a connector: where gateways are, and the targets of its network.

use super::problem::ConfigError;
use super::scalar;
use super::section::{Reader, Section, as_list, as_text, listed};
use super::settings::{self, Settings};
use super::tree::Node;
use super::{parse_with, text_of};
use portreeve_link::{Proxy, is_authority};
use portreeve_model::{Manifest, defaults};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a connector is told.
#[derive(Clone, Debug)]
pub struct ConnectorConfig {
    /// Where it keeps its key, its certificate and its stream log.
    pub state_dir: PathBuf,
    /// Where gateways take connectors: `host:port`.
    pub gateways: Vec<String>,
    /// The proxy of its network, if it needs one.
    pub proxy: Option<Proxy>,
    /// The targets, by resource.
    pub resources: BTreeMap<String, ConnectorResource>,
    /// How long reaching a target and logging in there may take.
    pub target_connect_timeout: Duration,
    /// A gateway that says nothing for so long is gone.
    pub silence_max: Duration,
}

/// A target of a connector's network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConnectorResource {
    /// The protocol that it is reached by.
    pub protocol: &'static str,
    /// The target, as that protocol's manifest describes it.
    pub target: Settings,
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
    let mut limits = top.section(reader, "limits");
    let target_connect_timeout = {
        let default = defaults::TARGET_CONNECT_TIMEOUT;
        limits.duration(reader, "target_connect_timeout", default, "10m")
    };
    let silence_max =
        limits.duration(reader, "silence_max", defaults::CONNECTOR_SILENCE_MAX, "10m");
    limits.close(reader);
    top.close(reader);
    let config = ConnectorConfig {
        state_dir,
        gateways,
        proxy,
        resources,
        target_connect_timeout,
        silence_max,
    };
    Some(config)
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
            let target = settings::read(reader, target, manifest.target, &key.text);
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
