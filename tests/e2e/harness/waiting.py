"""Waiting for a condition with a deadline. The only place that pauses."""

import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class TooLate(AssertionError):
    """The condition did not come true in time."""


def until(what: str, condition: Callable[[], T | None], seconds: float = 20.0) -> T:
    """Polls until the condition gives something true, and returns that."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TooLate(f"{what}: not within {seconds} s")
        pause.wait(0.02)


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
