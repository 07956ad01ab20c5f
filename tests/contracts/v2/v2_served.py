"""What the tests of the contract v2 serve and send."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from typing import Any

from support.server import Client, Reply, Server

Builtin = Callable[..., Server]
IDENTITY = """
from plimsoll.entry import signature

def init():
    pass

@signature()
def run(tensors):
    return tensors
"""


def tensor(name: str, datatype: str, shape: list[int], data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


def infer(server: Client, *inputs: dict[str, Any], model: str = "model", **more: Any) -> Reply:
    return server.post(f"/v2/models/{model}/infer", json.dumps({"inputs": inputs, **more}).encode())


def infer_bytes(server: Client, content: Any, *chunks: bytes, model: str = "model", length: Any = None) -> Reply:
    """`length`: what the header says, if not the truth."""
    head = json.dumps(content).encode() if content is not None else b""
    said = str(len(head) if length is None else length)
    path, body = f"/v2/models/{model}/infer", b"".join([head, *chunks])
    return server.post(path, body, content_type="application/octet-stream", inference_header_content_length=said)


def outputs(reply: Reply) -> dict[str, tuple[str, list[int], Any]]:
    """By name: datatype, shape, and data: values of JSON, or bytes."""
    length = reply.headers.get("inference-header-content-length")
    body, rest = (reply.body, b"") if length is None else (reply.body[: int(length)], reply.body[int(length) :])
    found = {}
    for one in json.loads(body)["outputs"]:
        size = one.get("parameters", {}).get("binary_data_size")
        data, rest = (one["data"], rest) if size is None else (rest[:size], rest[size:])
        found[one["name"]] = (one["datatype"], one["shape"], data)
    assert not rest
    return found


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.json()["error"]


def elements(*items: bytes) -> bytes:
    return b"".join(struct.pack("<I", len(item)) + item for item in items)
