"""What a request of the storm can have the script do: ``<action> <token> <argument>`` is the first line of its body.

Every answer is made from the request's own token, so that nobody else's can pass for it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import harm
from tokens import transformed


def echo(token: str, argument: int, data: str) -> dict[str, Any]:
    return {"token": transformed(token), "size": len(data), "crc": zlib.crc32(data.encode())}


def work(token: str, argument: int, data: str) -> str:
    time.sleep(argument / 1e3)
    return transformed(token)


def big(token: str, argument: int, data: str) -> bytes:
    return transformed(token).encode() * argument


def fail(token: str, argument: int, data: str) -> str:
    raise ValueError(f"as {token} wants it")


def stream(token: str, argument: int, data: str) -> Iterator[str]:
    for number in range(argument):
        yield f"{transformed(token)} {number}\n"


def drip(token: str, argument: int, data: str) -> Iterator[str]:
    """So slow that its client can leave in the middle."""
    for piece in stream(token, argument, data):
        time.sleep(0.01)
        yield piece


def break_off(token: str, argument: int, data: str) -> Iterator[str]:
    yield from stream(token, argument, data)
    raise ValueError(f"as {token} wants it")


def say(token: str, argument: int, data: str) -> str:
    for number in range(argument):
        print(f"{token} says {number}")
    return transformed(token)


_ACTIONS: dict[str, Callable[[str, int, str], Any]] = {
    one.__name__: one for one in (echo, work, big, fail, stream, drip, break_off, say)
}


def act(data: str) -> Any:
    action, token, argument = data[: data.index("\n")].split(" ")
    if action in _ACTIONS:
        return _ACTIONS[action](token, int(argument), data)
    return harm.HARM[action](transformed(token), argument)
