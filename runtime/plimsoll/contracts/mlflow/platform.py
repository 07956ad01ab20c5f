"""What `mlflow models serve` takes from the environment, and its port."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.contracts.platform import Said
from plimsoll.errors import UsageError

_PORT = 5000
_TIMEOUT = "MLFLOW_SCORING_SERVER_REQUEST_TIMEOUT"


def defaults(environment: Mapping[str, str]) -> dict[str, Said]:
    """Raises UsageError for a variable that is no whole number above 0."""
    found = {"port": Said(_PORT, "contract mlflow")}
    if host := environment.get("MLFLOW_HOST"):
        found["host"] = Said(host, "environment MLFLOW_HOST")
    for name, setting, factor in (
        ("MLFLOW_PORT", "port", 1),
        ("MLFLOW_MODELS_WORKERS", "workers", 1),
        (_TIMEOUT, "scoring_timeout_ms", 1000),
    ):
        if text := environment.get(name):
            found[setting] = Said(_number(name, text) * factor, f"environment {name}")
    return found


def _number(name: str, text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 10**6:
        raise UsageError(f"{name}={text} is not a whole number above 0")
    return int(text)
