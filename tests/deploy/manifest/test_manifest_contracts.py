"""A pod as the manifest describes it, of a profile under each contract: its variables alone start the real server."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from plimsoll.contracts.spoken import spoken
from plimsoll.settings.serving import ServeSettings
from support.manifests import SMALL, made
from support.server import Client, free_port, wait_for

ECHO = "def init(): pass\ndef run(data): return 1\n"
BODIES = {"v2": b'{"inputs": []}'}
ROUTES = {"vertex": {"AIP_PREDICT_ROUTE": "/v1/it:predict", "AIP_HEALTH_ROUTE": "/v1/it"}}
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


@pytest.mark.parametrize("contract", ["azureml", "sagemaker", "vertex", "mlflow", "v2", "azureml,v2"])
def test_a_pod_speaks_what_was_profiled_at_the_port_of_its_probes(contract: str, tmp_path: Path) -> None:
    said = spoken(ServeSettings(contract=contract, model_name="my iris"), ROUTES.get(contract, {}))
    about = SMALL.settings.model_copy(update={"contract": contract, "contract_variables": dict(said.variables)})
    container = made(tmp_path, SMALL.model_copy(update={"settings": about}), port=free_port()).container
    (port,) = container["ports"]
    with pod(tmp_path, {one["name"]: one["value"] for one in container["env"]}, port["containerPort"]) as client:
        for probe in (container[name]["httpGet"] for name in PROBES):
            assert probe["port"] == port["name"]
            assert client.get(probe["path"]).status == 200
        assert client.post(said.path, BODIES.get(contract, b"{}")).status == 200
        for route in ROUTES.get(contract, {}).values():
            assert client.get(route).status != 404


@contextmanager
def pod(folder: Path, variables: Mapping[str, str], port: int) -> Iterator[Client]:
    (folder / "score.py").write_text(ECHO)
    client = Client()
    client.port = port
    server = subprocess.Popen([sys.executable, "-m", "plimsoll"], cwd=folder, env=os.environ | variables)
    try:
        wait_for(lambda: client.is_ready() or server.poll() is not None, "readiness")
        yield client
    finally:
        server.kill()  # it would drain as long as the manifest says
        server.wait()
