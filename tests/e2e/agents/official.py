"""A server of tools made with the official Python package: `official.py PORT`."""

import sys

from mcp.server import MCPServer

server = MCPServer("official")


@server.tool()
def find_person(id: int) -> dict[str, str]:
    """Finds a person."""
    return {"full_name": "Erika Mustermann", "email": "erika@example.org", "id": str(id)}


@server.tool()
def count(words: list[str]) -> int:
    """Counts."""
    return len(words)


@server.resource("notes://{name}")
def note(name: str) -> str:
    """A note."""
    return f"{name}: call erika@example.org"


if __name__ == "__main__":
    server.run("streamable-http", port=int(sys.argv[1]))
