"""A gateway's configuration in two: its own, and that of a connector which reaches its targets and
has what opens them."""

import json
from pathlib import Path
from typing import Any

import yaml

from .gateway import Account, Gateway
from .waiting import free_port
from .world import World

# What a connector has of a target, and a gateway does not.
OPENS = ("tls", "token", "user", "password", "header", "oauth", "aws", "http2", "key", "host_key", "host_ca", "certificate")
# What a gateway has, and a connector does not.
SERVES = ("serve_host", "outgoing", "openapi", "undocumented", "graphql", "name", "home", "programs")


def through(config: str, port: int, *protocols: str) -> tuple[str, str]:
    """The gateway's half, which takes connectors on the port, and the connector's, in which
    `@directory` and `@name` are still to be filled in. JSON is YAML."""
    whole: dict[str, Any] = yaml.safe_load(config)
    whole["listen"]["connectors"] = {"address": f"127.0.0.1:{port}"}
    theirs: dict[str, Any] = {}
    for name, resource in whole["resources"].items():
        for protocol in protocols:
            target = resource.get(protocol)
            if target is None or "command" in target:
                continue
            resource["via"] = "connector"
            theirs[name] = {protocol: {key: value for key, value in target.items() if key not in SERVES}}
            kept = {key: value for key, value in target.items() if key not in OPENS or key == "user"}
            resource[protocol] = kept
    connector = {
        "state_dir": "@directory/connector-@name",
        "gateways": [f"127.0.0.1:{port}"],
        "resources": theirs,
    }
    return json.dumps(whole), json.dumps(connector)


def halves(config: str, port: int, directory: Path, *protocols: str) -> tuple[str, str]:
    """The same for a gateway's folder."""
    gateway, connector = through(config, port, *protocols)
    return gateway, connector.replace("@directory", str(directory))


def begun(
    world: World, directory: Path, config: str, accounts: tuple[Account, ...], port: int, *protocols: str
) -> Gateway:
    """A gateway that reaches these targets through a connector, which is still to come to the port."""
    half, theirs = halves(config, port, directory, *protocols)
    gateway = Gateway(directory, half, accounts)
    gateway.connector_config = theirs
    world.gateways.append(gateway)
    return gateway.start()


def started(
    world: World, directory: Path, config: str, accounts: tuple[Account, ...], *protocols: str
) -> Gateway:
    """A gateway that reaches these targets itself, or through a connector, as the tests are told."""
    if world.via == "connector":
        gateway = begun(world, directory, config, accounts, free_port(), *protocols)
        gateway.stays = True
        world.connector(gateway, "eu").enroll().start()
        return gateway
    gateway = Gateway(directory, config, accounts)
    gateway.stays = True
    world.gateways.append(gateway)
    return gateway.start()
