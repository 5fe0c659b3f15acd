//! The `listen` section: one listener for each protocol that is used, and one for the API.

use super::section::{Reader, Section, as_list, as_text};
use super::tree::{Node, Value};
use super::types::{Resource, ServerTls, Via};
use portreeve_model::{Encryption, Manifest};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

/// Where the gateway listens.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Listen {
    /// For clients, by protocol.
    #[schemars(skip)]
    pub protocols: BTreeMap<&'static str, Listener>,
    /// Connectors, which dial in. Listened for where a resource is reached `via: connector`, or
    /// this is here. Both ends prove themselves with certificates of the gateway's own
    /// authority. The default address is `127.0.0.1:8445`.
    pub connectors: Option<Listener>,
    /// The HTTP API, with health and metrics. The default address is `127.0.0.1:8440`.
    #[schemars(extend("default" = {"address": "127.0.0.1:8440"}))]
    pub api: Listener,
}

/// One listener: one certificate, and one or more addresses.
#[derive(Clone, PartialEq, Eq, Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Listener {
    /// `address:port`, as numbers: `127.0.0.1:15432`, `0.0.0.0:15432`, `[::1]:15432`; or a
    /// list of them.
    #[schemars(rename = "address", with = "AddressText", extend("default" = "by listener"))]
    pub addresses: Vec<SocketAddr>,
    /// The certificate. Without one, loopback only.
    pub tls: Option<ServerTls>,
    /// Addresses or networks (`10.0.0.0/8`) of balancers that begin every connection with a
    /// PROXY header, version 1 or 2: the client is then who the header says. Such a header
    /// from anybody else is refused, and so is a connection from one of these without it.
    #[schemars(with = "Vec<String>", extend("default" = []))]
    pub proxy_protocol_from: Vec<Network>,
}

impl Listen {
    /// Every listener with its name.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &Listener)> {
        let protocols = self.protocols.iter().map(|(name, listener)| (*name, listener));
        let connectors = self.connectors.iter().map(|listener| (CONNECTORS, listener));
        protocols.chain(connectors).chain([(API, &self.api)])
    }
}

/// Some addresses of one family: those that begin with the same bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `fd00::/8`, or one address.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            // Not `+8`, `08` or ` 8`.
            Some(bits) if bits == bits.parse::<u8>().ok()?.to_string() => bits.parse().ok()?,
            Some(_) => return None,
            None => most,
        };
        (bits <= most).then_some(Self { address, bits })
    }

    /// Whether an address is one of them. An IPv4 address counts as one, however it came.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = |width: u8| u32::from(width.saturating_sub(self.bits));
        match (self.address.to_canonical(), address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let apart = u32::from(own) ^ u32::from(other);
                apart.checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let apart = u128::from(own) ^ u128::from(other);
                apart.checked_shr(shift(128)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

/// An address or a list of them, for the schema.
struct AddressText;

impl JsonSchema for AddressText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Address".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": ["string", "array"], "items": {"type": "string"}, "minItems": 1})
    }
}

pub(crate) fn read(
    reader: &mut Reader<'_>,
    mut section: Section,
    resources: &BTreeMap<String, Resource>,
) -> Listen {
    let mut taken = Vec::new();
    let mut protocols = BTreeMap::new();
    for manifest in reader.protocols {
        let is_named = section.keys().any(|key| key == manifest.name);
        let is_used = resources.values().any(|resource| resource.protocol == manifest.name);
        let own = section.section(reader, manifest.name);
        let (address, encryption) = (default_address(manifest), manifest.encryption);
        let listener = read_listener(reader, own, (address, encryption), &mut taken);
        if is_named || is_used {
            protocols.insert(manifest.name, listener);
        }
    }
    let is_named = section.keys().any(|key| key == CONNECTORS);
    let is_used = resources.values().any(|resource| resource.via == Via::Connector);
    let own = section.section(reader, CONNECTORS);
    let default = (loopback(CONNECTORS_PORT), Encryption::Own);
    let connectors = read_listener(reader, own, default, &mut taken);
    let connectors = (is_named || is_used).then_some(connectors);
    let own = section.section(reader, API);
    let api = read_listener(reader, own, (loopback(API_PORT), Encryption::Tls), &mut taken);
    let listen = Listen { protocols, connectors, api };
    taken.retain(|place| listen.all().any(|(name, _)| place.listener == format!("listen.{name}")));
    refuse_twice(reader, &taken);
    section.close(reader);
    listen
}

/// Where a protocol's clients are served unless the configuration says otherwise.
pub(crate) fn default_address(manifest: &Manifest) -> SocketAddr {
    loopback(manifest.listen_port)
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

/// An address of a listener, and where the file says so.
struct Taken {
    listener: String,
    address: SocketAddr,
    span: Range<usize>,
}

/// One place for two listeners would leave one of them without.
fn refuse_twice(reader: &mut Reader<'_>, taken: &[Taken]) {
    for (at, later) in taken.iter().enumerate() {
        let Some(earlier) = taken.iter().take(at).find(|earlier| overlap(earlier, later)) else {
            continue;
        };
        let message = match (earlier.listener == later.listener, later.address) {
            (true, address) => format!("`{}` names `{address}` twice", later.listener),
            (false, address) if earlier.address == address => {
                format!("`{}` and `{}` are both on `{address}`", earlier.listener, later.listener)
            }
            (false, address) => format!(
                "`{}` on `{}` leaves no room for `{}` on `{address}`",
                earlier.listener, earlier.address, later.listener
            ),
        };
        reader.problems.add_with_help(later.span.clone(), message, "give each a port of its own");
    }
}

fn overlap(earlier: &Taken, later: &Taken) -> bool {
    let (one, other) = (earlier.address, later.address);
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (one.ip() == other.ip() || is_any)
}

fn read_listener(
    reader: &mut Reader<'_>,
    mut section: Section,
    (default, encryption): (SocketAddr, Encryption),
    taken: &mut Vec<Taken>,
) -> Listener {
    let (listener, section_span) =
        (section.path("").trim_end_matches('.').to_owned(), section.span());
    let written = match section.take("address") {
        None => vec![(default, section_span)],
        Some((_, node)) => read_addresses(reader, &section.path("address"), node),
    };
    let tls = match section.take("tls") {
        None => None,
        Some((key, _)) if encryption == Encryption::Own => {
            let what = format!("`{listener}` is encrypted by its protocol, and has no certificate");
            reader.problems.add_with_help(key.span, what, "remove `tls`");
            None
        }
        Some((key, node)) => {
            let name = section.path("tls");
            let section = Section::open(reader, name, key.span, Some(node));
            read_server_tls(reader, section)
        }
    };
    let mut addresses = Vec::new();
    for (address, span) in written {
        let is_open = tls.is_none() && encryption == Encryption::Tls;
        if is_open && !address.ip().is_loopback() {
            reader.problems.add_with_help(
                span.clone(),
                format!("`{address}` can be reached from other machines, but has no certificate"),
                "add `tls: { certificate: …, key: … }`, or listen on `127.0.0.1`",
            );
        }
        taken.push(Taken { listener: listener.clone(), address, span });
        addresses.push(address);
    }
    let proxy_protocol_from = read_networks(reader, &mut section);
    section.close(reader);
    Listener { addresses, tls, proxy_protocol_from }
}

fn read_addresses(
    reader: &mut Reader<'_>,
    name: &str,
    node: Node,
) -> Vec<(SocketAddr, Range<usize>)> {
    let items = match node.value {
        Value::Sequence(items) if items.is_empty() => {
            reader.problems.add(node.span, format!("`{name}` must name at least one address"));
            return Vec::new();
        }
        Value::Sequence(items) => items,
        Value::Null
        | Value::Bool
        | Value::Integer(_)
        | Value::Float
        | Value::Text(_)
        | Value::Mapping(_) => vec![node],
    };
    let mut addresses = Vec::new();
    for item in items {
        let Some((text, span)) = as_text(reader, name, item) else { continue };
        match text.parse() {
            Ok(address) => addresses.push((address, span)),
            Err(_) => {
                let message = format!("`{name}` is not an address with a port");
                let help = "write numbers: `127.0.0.1:15432`, `0.0.0.0:15432`, `[::1]:15432`";
                reader.problems.add_with_help(span, message, help);
            }
        }
    }
    addresses
}

fn read_networks(reader: &mut Reader<'_>, section: &mut Section) -> Vec<Network> {
    let Some((_, node)) = section.take(PROXIES) else {
        return Vec::new();
    };
    let name = section.path(PROXIES);
    let mut networks = Vec::new();
    for item in as_list(reader, &name, node) {
        let Some((text, span)) = as_text(reader, &name, item) else { continue };
        match Network::parse(&text) {
            Some(network) if network.bits > 0 => networks.push(network),
            Some(_) => {
                let message = format!("`{text}` is everybody: any client could say who it is");
                let help = "name the balancers that stand in front of the gateway";
                reader.problems.add_with_help(span, message, help);
            }
            None => {
                let message = format!("`{text}` is no address and no network");
                let help = "write numbers: `10.0.0.7`, `10.0.0.0/8`, `fd00::/8`";
                reader.problems.add_with_help(span, message, help);
            }
        }
    }
    networks
}

fn read_server_tls(reader: &mut Reader<'_>, mut section: Section) -> Option<ServerTls> {
    let certificate = section.required_text(reader, "certificate");
    let key = section.required_text(reader, "key");
    section.close(reader);
    let (certificate, _) = certificate?;
    let (key, _) = key?;
    Some(ServerTls { certificate: reader.folder.join(certificate), key: reader.folder.join(key) })
}

/// The listeners that are no protocol's.
const API: &str = "api";
pub(crate) const CONNECTORS: &str = "connectors";
const CONNECTORS_PORT: u16 = 8445;
const API_PORT: u16 = 8440;
const PROXIES: &str = "proxy_protocol_from";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks() {
        let check = |network: &str, address: &str, expect: bool| {
            let network = Network::parse(network).unwrap();
            let address = address.parse().unwrap();
            assert_eq!(network.contains(address), expect, "{network} {address}");
        };
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("10.0.0.7", "10.0.0.7", true);
        check("10.0.0.7", "10.0.0.6", false);
        check("10.0.0.7", "::ffff:10.0.0.7", true);
        check("192.168.1.9/25", "192.168.1.127", true);
        check("192.168.1.9/25", "192.168.1.128", false);
        check("0.0.0.0/0", "255.255.255.255", true);
        check("0.0.0.0/0", "::1", false);
        check("fd00::/8", "fdff::1", true);
        check("fd00::/8", "fe00::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::1", "2001:db8::2", false);
        for text in ["", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "10/8", "::/129", "a", "/8"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
