"""Who may call: API keys, TLS, other origins."""

from __future__ import annotations

import ssl
import subprocess
import urllib.request
from pathlib import Path

import pytest

from support.fixtures import Serve
from support.server import wait_for

ECHO = """
    import json
    def init(): pass
    def run(data): return json.loads(data)
"""
OLD, NEW = "old-key-0123456789", "new-key-0123456789"


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "keys"
    path.write_text(f"# rotation: two at a time\n{OLD}\n\n{NEW}\n")
    return path


def test_score_wants_one_of_the_keys(serve: Serve, keys: Path) -> None:
    server = serve(ECHO, "--api-keys-file", str(keys))
    refused = [
        server.post("/score", b"1"),
        server.post("/score", b"1", authorization=OLD),
        server.post("/score", b"1", authorization=f"Bearer {OLD}x"),
        server.post("/score", b"1", authorization="Bearer "),
    ]
    for reply in refused:
        assert (reply.status, reply.json()["code"]) == (401, "unauthorized")
        assert reply.headers["www-authenticate"] == "Bearer"
    for key in (OLD, NEW):
        assert server.post("/score", b"1", authorization=f"Bearer {key}").status == 200
    for path in ("/", "/health/live", "/health/ready", "/metrics"):
        assert server.get(path).status == 200
    assert server.metric("plimsoll_requests_total", outcome="unauthorized", status="401") == 4


def test_keys_change_without_a_restart(serve: Serve, keys: Path) -> None:
    server = serve(ECHO, "--api-keys-file", str(keys))
    replacement = keys.with_suffix(".new")
    replacement.write_text(NEW + "\n")
    replacement.replace(keys)
    wait_for(lambda: server.post("/score", b"1", authorization=f"Bearer {OLD}").status == 401, "the old key refused")
    assert server.post("/score", b"1", authorization=f"Bearer {NEW}").status == 200
    keys.write_text("")
    wait_for(lambda: server.post("/score", b"1") and "the keys read before stay valid" in server.log(), "a complaint")
    assert server.post("/score", b"1", authorization=f"Bearer {NEW}").status == 200


def test_matching_origins_are_echoed(serve: Serve) -> None:
    server = serve(ECHO, "--cors-origins", "https://a.example, https://b.example")
    for path in ("/score?a=1", "/", "/swagger.json"):
        reply = server.get(path, origin="https://b.example")
        assert reply.headers["access-control-allow-origin"] == "https://b.example"
        assert reply.headers["vary"] == "Origin"
        assert "access-control-allow-origin" not in server.get(path, origin="https://c.example").headers
    assert "access-control-allow-origin" not in server.get("/nowhere", origin="https://a.example").headers


def test_a_preflight_needs_no_key_and_asks_no_script(serve: Serve, keys: Path) -> None:
    server = serve(ECHO, "--cors-origins", "*", "--api-keys-file", str(keys))
    headers = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }
    reply = server.request("OPTIONS", "/score", None, headers)
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["access-control-allow-methods"] == "GET, POST"
    assert reply.headers["access-control-allow-headers"] == "authorization"


def test_tls(serve: Serve, tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([*make, *names, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    server = serve(ECHO, "--tls-cert", str(cert), "--tls-key", str(key), wait=False)
    context = ssl.create_default_context(cafile=str(cert))

    def call() -> bytes:
        request = urllib.request.Request(f"https://127.0.0.1:{server.port}/score", b"[1]")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, context=context, timeout=30) as response:
            return response.read()

    def answered() -> bytes | None:
        try:
            return call()
        except OSError:
            return None

    assert wait_for(answered, "an answer over TLS") == b"[1]"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--api-keys-file", "gone"], "API key file gone: No such file or directory"),
        (["--api-keys-file", "empty"], "API key file empty holds no key (put one key on each line)"),
        (["--api-keys-file", "short"], "API key file short: key 1 has fewer than 16 characters"),
        (["--tls-cert", "empty"], "--tls-cert and --tls-key belong together (give both, or neither)"),
        (["--tls-cert", "gone", "--tls-key", "gone"], "--tls-cert gone, --tls-key gone: "),
    ],
)
def test_unusable_files_end_with_1_before_anything_starts(
    serve: Serve, tmp_path: Path, flags: list[str], message: str
) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "short").write_text("short\n")
    server = serve(ECHO, *flags, wait=False)
    assert server.wait_exit() == 1
    server.wait_log(message)
    assert server.log().count("\n") == 1
