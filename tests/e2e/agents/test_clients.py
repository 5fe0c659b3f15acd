"""The official client and official servers, unmodified, in both eras of the protocol."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from harness.gateway import Account, Gateway
from harness.paths import NODE_MODULES, node
from harness.waiting import free_port, until
from harness.world import World
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

POLICY = """\
@id("all") permit(principal, action in [Action::"connect", Action::"read", Action::"write"], resource);
"""

CONFIG = """\
data_dir: $data_dir
listen:
  mcp: {{ address: "127.0.0.1:$port" }}
  api: {{ address: "127.0.0.1:$api_port" }}
issuers: [ {{ local: {{}} }} ]
resources:
  everything: {{ mcp: {{ host: localhost, command: "{node} {modules}/server-everything/dist/index.js stdio" }} }}
  files: {{ mcp: {{ host: localhost, command: "{node} {modules}/server-filesystem/dist/index.js {folder}" }} }}
  official:
    mcp: {{ host: 127.0.0.1, port: {official}, tls: {{ mode: disable }} }}
    classify: {{ "*.*.full_name": name }}
masking: {{ email: redact, default: redact }}
policies: [ "{directory}/all.cedar" ]
"""

Talk = Callable[[Client], Awaitable[Any]]


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def gateway(world: World) -> Iterator[Gateway]:
    directory = world.directory / "mcp-clients"
    folder = directory / "files"
    folder.mkdir(parents=True)
    (folder / "letter.txt").write_text("Please call erika@example.org.\n")
    (directory / "all.cedar").write_text(POLICY)
    port = free_port()
    official = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "official.py"), str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    config = CONFIG.format(
        node=node(), modules=NODE_MODULES / "@modelcontextprotocol", folder=folder, official=port, directory=directory
    )
    gateway = Gateway(directory, config, (Account("alice", "person", ()),))
    world.gateways.append(gateway)
    gateway.start()
    try:
        until("the official server answers", lambda: answers(port))
        yield gateway
    finally:
        gateway.stop()
        official.kill()
        official.wait()


def talk(gateway: Gateway, resource: str, mode: Any, say: Talk) -> Any:
    async def run() -> Any:
        head = {"authorization": f"Bearer {gateway.token('alice')}"}
        async with httpx2.AsyncClient(headers=head, timeout=30) as http:
            url = f"http://127.0.0.1:{gateway.port}/{resource}/mcp"
            async with Client(streamable_http_client(url, http_client=http), mode=mode) as client:
                return await say(client)

    return asyncio.run(run())


def test_everything_works_as_a_program(gateway: Gateway) -> None:
    async def say(client: Client) -> None:
        names = {tool.name for tool in (await client.list_tools()).tools}
        assert {"echo", "get-sum", "get-structured-content", "trigger-long-running-operation"} <= names
        said = await client.call_tool("echo", {"message": "write to erika@example.org"})
        assert "erika@example.org" not in said.content[0].text and "[email]" in said.content[0].text
        total = await client.call_tool("get-sum", {"a": 2, "b": 40})
        assert "42" in total.content[0].text
        image = await client.call_tool("get-tiny-image", {})
        assert all(part.type == "text" for part in image.content)
        seen: list[float] = []

        async def progress(done: float, _total: float | None, _message: str | None) -> None:
            seen.append(done)

        await client.call_tool("trigger-long-running-operation", {"duration": 0.2, "steps": 2}, progress_callback=progress)
        assert seen == [1, 2]
        resources = (await client.list_resources()).resources
        assert resources and (await client.read_resource(resources[0].uri)).contents
        assert "simple-prompt" in {prompt.name for prompt in (await client.list_prompts()).prompts}
        wrong = await client.call_tool("get-sum", {"a": "x"})
        assert wrong.is_error

    talk(gateway, "everything", "legacy", say)


def test_files_are_read_masked_and_written(gateway: Gateway) -> None:
    async def say(client: Client) -> None:
        folder = gateway.directory / "files"
        letter = await client.call_tool("read_text_file", {"path": str(folder / "letter.txt")})
        assert letter.content[0].text.startswith("Please call") and "erika@example.org" not in str(letter)
        await client.call_tool("write_file", {"path": str(folder / "new.txt"), "content": "all is well"})
        assert (folder / "new.txt").read_text() == "all is well"
        outside = await client.call_tool("read_text_file", {"path": "/etc/passwd"})
        assert outside.is_error

    talk(gateway, "files", "auto", say)


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
def test_both_eras_end_to_end(gateway: Gateway, mode: str, version: str) -> None:
    async def say(client: Client) -> None:
        assert client.protocol_version == version
        found = await client.call_tool("find_person", {"id": 7})
        assert found.structured_content == {"full_name": "[name]", "email": "[email]", "id": "7"}
        assert json.loads(found.content[0].text) == found.structured_content
        assert (await client.call_tool("count", {"words": ["a", "b"]})).structured_content == {"result": 2}
        text = (await client.read_resource("notes://today")).contents[0].text
        assert text.startswith("today: call") and "erika@example.org" not in text

    talk(gateway, "official", mode, say)
