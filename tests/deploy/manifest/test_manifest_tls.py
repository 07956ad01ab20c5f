"""HTTPS: whoever asks the server follows it there, or the manifest is not written."""

from __future__ import annotations

import ssl
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.errors import UsageError
from support.fixtures import Serve
from support.manifests import IMAGE, SMALL, Made, made
from support.platforms.made import ML, VM, made_as
from support.prometheus import prometheus
from support.scraped import scrape_config
from support.server import wait_for

PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
BY_HAND = {"environment": {"PLIMSOLL_TLS_CERT": "/c.pem", "PLIMSOLL_TLS_KEY": "/k.pem"}}
ECHO = """
    def init(): pass
    def run(data): return data
"""


def variables(found: Made) -> dict[str, str]:
    return {one["name"]: one["value"] for one in found.container["env"]}


@pytest.mark.parametrize("options", [{"tls_secret": "digits-tls"}, BY_HAND], ids=["secret", "variables"])
def test_probes_service_and_monitor_speak_https(tmp_path: Path, options: dict[str, Any]) -> None:
    found = made(tmp_path, SMALL, monitor=True, namespace="prod", **options)
    assert {found.container[kind]["httpGet"]["scheme"] for kind in PROBES} == {"HTTPS"}
    (port,) = found.one("Service")["spec"]["ports"]
    assert (port["name"], port["port"]) == ("https", 443)
    (endpoint,) = found.one("ServiceMonitor")["spec"]["endpoints"]
    assert (endpoint["port"], endpoint["scheme"]) == ("https", "https")


def test_without_it_nothing_speaks_https(tmp_path: Path) -> None:
    found = made(tmp_path, SMALL, monitor=True)
    assert "scheme" not in found.text
    assert found.one("Service")["spec"]["ports"][0]["name"] == "http"


def test_a_real_server_with_the_secret_is_probed_and_scraped(serve: Serve, tmp_path: Path) -> None:
    """The secret lies in a folder, as the kubelet mounts it; neither it nor Prometheus checks the name."""
    found = made(tmp_path, SMALL, monitor=True, namespace="prod", tls_secret="digits-tls")
    (mount,) = (one for one in found.container["volumeMounts"] if one["name"] == "tls")
    given = {name: text.replace(mount["mountPath"], str(tmp_path)) for name, text in variables(found).items()}
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=digits.prod.svc"]
    files = ["-keyout", str(tmp_path / "tls.key"), "-out", str(tmp_path / "tls.crt")]
    subprocess.run([*make, *files], check=True, capture_output=True)
    tls = {name: text for name, text in given.items() if "TLS" in name}
    server = serve(ECHO, env=tls, wait=False)
    wait_for(lambda: _passes(found.container["readinessProbe"], server.port), "the readiness probe")
    target = scrape_config(found.one("ServiceMonitor"), found.one("Service"), f"127.0.0.1:{server.port}", "pod")
    with prometheus(tmp_path / "prometheus", {"scrape_configs": [target | {"scrape_interval": "1s"}]}) as running:
        wait_for(lambda: [one["health"] for one in running.targets()] == ["up"], "a scrape over TLS")


def _passes(probe: dict[str, Any], port: int) -> bool:
    address = f"{probe['httpGet']['scheme'].lower()}://127.0.0.1:{port}{probe['httpGet']['path']}"
    unchecked = ssl._create_unverified_context()
    try:
        with urllib.request.urlopen(address, context=unchecked, timeout=probe["timeoutSeconds"]) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def test_patches_and_charts_follow(tmp_path: Path) -> None:
    _, patch = made_as(tmp_path, "kustomize", SMALL, **BY_HAND).contents
    (container,) = patch["spec"]["template"]["spec"]["containers"]
    chart = made_as(tmp_path, "helm", SMALL, tls_secret="digits-tls").only
    for found in (container, chart):
        assert {found[kind]["httpGet"]["scheme"] for kind in PROBES} == {"HTTPS"}


@pytest.mark.parametrize(("format_name", "more"), [("kserve", {}), ("azureml", VM), ("sagemaker", ML)])
def test_platforms_that_speak_http_alone_refuse_it(tmp_path: Path, format_name: str, more: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"--env PLIMSOLL_TLS_CERT: --format {format_name} speaks plain HTTP"):
        made_as(tmp_path, format_name, SMALL, **more, **BY_HAND)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"environment": {"PLIMSOLL_TLS_CERT": "/c.pem"}}, "PLIMSOLL_TLS_CERT and PLIMSOLL_TLS_KEY belong together"),
        ({"tls_secret": "tls"} | BY_HAND, "--tls-secret and --env PLIMSOLL_TLS_CERT exclude each other"),
    ],
)
def test_half_of_it_or_twice(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ManifestOptions(image=IMAGE, **options)
