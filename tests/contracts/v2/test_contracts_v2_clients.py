"""The real clients against a real server: Triton's and KServe's.

They are in an environment of their own, whose Python PLIMSOLL_V2_CLIENTS names (docs/contracts-v2.md).
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from v2_served import IDENTITY

from support.fixtures import Serve

_PYTHON = os.environ.get("PLIMSOLL_V2_CLIENTS", "")

pytestmark = pytest.mark.skipif(
    not _PYTHON, reason="PLIMSOLL_V2_CLIENTS names no Python with tritonclient[http] and kserve"
)


@pytest.mark.parametrize("client", ["triton", "kserve"])
def test_what_a_client_sees(client: str, serve: Serve) -> None:
    server = serve(IDENTITY, "--contract", "v2")
    command = [_PYTHON, Path(__file__).with_name("clients.py"), client, str(server.port)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout.splitlines()[-1])
    assert found.pop("version")
    assert found.pop("ready")[:2] == [True, True]
    if client == "triton":
        assert found.pop("server") == ["binary_tensor_data"]
        assert found.pop("model") == "model"
        assert found.pop("error") == ["404", "Model nobody not found"]
    wrong = {name: value for name, value in found.items() if value not in (True, [True, "7"])}
    assert wrong == {}
