"""What SageMaker sets: its port and folders, and the variables that its inference toolkit reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from plimsoll.contracts.platform import Said
from plimsoll.errors import UsageError

_NAME = "SageMaker"
_PORT = 8080
_DRAIN_S, _GRACE_S = 5, 8
"""With a call that hangs the server has ended 26 s after SIGTERM; at 30 SageMaker kills it."""
_BASE = "/opt/ml"
_SCRIPTS = ("inference.py", "score.py")
_SERVER = "SAGEMAKER_MODEL_SERVER_"
_VARIABLES = {
    "port": "SAGEMAKER_BIND_TO_PORT",
    "workers": f"{_SERVER}WORKERS",
    "max_body_bytes": "SAGEMAKER_MAX_REQUEST_SIZE",
    "log_level": "SAGEMAKER_CONTAINER_LOG_LEVEL",
}
"""Of the same meaning and unit as ours."""
_SCALED = {
    "scoring_timeout_ms": (
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT_SECONDS", 1000),
        ("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60_000),
    ),
    "max_body_bytes": (("SAGEMAKER_MAX_PAYLOAD_IN_MB", 2**20),),
}
"""In other units than ours; the first that is set counts. The plain timeout is in minutes (multi-model server)."""


def defaults(environment: Mapping[str, str]) -> dict[str, Said]:
    """Raises UsageError for what only AWS's own server can do."""
    if environment.get("SAGEMAKER_MULTI_MODEL", "").lower() == "true":
        raise UsageError(
            "environment SAGEMAKER_MULTI_MODEL: one server serves one model", remedy="make an endpoint for each model"
        )
    fixed = {"port": _PORT, "host": "0.0.0.0", "drain_seconds": _DRAIN_S, "grace_seconds": _GRACE_S}  # noqa: S104
    found = {name: Said(value, _NAME) for name, value in fixed.items()}
    return found | dict(_from_variables(environment)) | dict(_from_folders(environment))


def _from_variables(environment: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    for name, variable in _VARIABLES.items():
        if environment.get(variable):
            yield name, Said(environment[variable], f"environment {variable}")
    for name, choices in _SCALED.items():
        variable, factor = next(((one, factor) for one, factor in choices if environment.get(one)), ("", 0))
        if variable:
            yield name, Said(_times(environment[variable], factor, variable), f"environment {variable}")


def _times(text: str, factor: int, variable: str) -> int:
    try:
        return int(text) * factor
    except ValueError:
        raise UsageError(f"environment {variable} = {text!r}: input should be a valid integer") from None


def _from_folders(environment: Mapping[str, str]) -> Iterator[tuple[str, Said]]:
    """The model where there is one, and the script beside it; else both are where they are without SageMaker."""
    model = Path(environment.get("SAGEMAKER_BASE_DIR") or _BASE) / "model"
    if _holds_something(model):
        yield "model_dir", Said(str(model), _NAME)
    code = Path(_local(environment.get("SAGEMAKER_SUBMIT_DIRECTORY", "")) or model / "code")
    named = environment.get("SAGEMAKER_PROGRAM", "")
    script = _script(code, named, environment)
    if script is not None:
        yield "entry_script", Said(str(script), "environment SAGEMAKER_PROGRAM" if named else _NAME)
        yield "app_root", Said(str(script.parent), _NAME)


def _script(code: Path, named: str, environment: Mapping[str, str]) -> Path | None:
    """The one that is named; else the usual one beside the model, or the one of the image that is no score.py."""
    if named:
        return (code / (named if named.endswith(".py") else f"{named}.py")).absolute()
    image = Path(environment.get("AML_APP_ROOT") or ".")
    candidates = [code / name for name in _SCRIPTS] + [image / name for name in reversed(_SCRIPTS)]
    found = next((script for script in candidates if script.is_file()), None)
    return None if found is None or found == image / "score.py" else found.absolute()


def _local(folder: str) -> str:
    """SageMaker's SDK names an archive in S3 here, which the platform has unpacked into the model's folder."""
    return "" if "://" in folder else folder


def _holds_something(folder: Path) -> bool:
    try:
        return next(folder.iterdir(), None) is not None
    except OSError:
        return False
