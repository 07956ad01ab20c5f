"""A call as a WSGI environ, which Werkzeug's request and response objects are made of."""

from __future__ import annotations

import sys
from functools import lru_cache
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from plimsoll.entry.call import Call, Head
from plimsoll.entry.http.headers import merged


def environ_of(call: Call) -> dict[str, Any]:
    head = call.head
    environ = _request_line(head)
    for name, value in merged(head.headers).items():
        environ[_cgi_name(name)] = value
    environ["wsgi.input"] = BytesIO(call.body) if isinstance(call.body, bytes) else call.body.stream()
    environ.update(_server(head, environ.get("HTTP_HOST", "")))
    environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = _client(head.client)
    return environ


def _request_line(head: Head) -> dict[str, Any]:
    target = head.target.encode("latin-1", "replace")
    path, _, query = target.partition(b"?")
    return {
        "REQUEST_METHOD": head.method,
        "RAW_URI": target.decode("latin-1"),
        "REQUEST_URI": target.decode("latin-1"),
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": "HTTP/1.1",
    }


def _server(head: Head, host: str) -> dict[str, Any]:
    name, _, port = host.rpartition(":")
    if not port.isdigit():
        name, port = host, "443" if head.scheme == "https" else "80"
    return {
        "SERVER_NAME": name or "localhost",
        "SERVER_PORT": port,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": head.scheme,
        "wsgi.errors": sys.stderr,
        # The whole body is here, also of a chunked request that came without Content-Length.
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


@lru_cache(maxsize=256)
def _cgi_name(name: str) -> str:
    cgi = name.upper().replace("-", "_")
    return cgi if cgi in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{cgi}"


def _client(client: str) -> tuple[str, str]:
    address, _, port = client.rpartition(":")
    return address.strip("[]"), port
