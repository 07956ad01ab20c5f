"""What the platforms say about the container that serves, in forms that several of them share."""

from __future__ import annotations

from collections.abc import Mapping

from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.kubernetes.container import asked, confined
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values

MODEL_VARIABLE = "AZUREML_MODEL_DIR"


def pre_stop(values: Values) -> dict[str, Tree]:
    return {"preStop": pause(values)}


def pause(values: Values) -> dict[str, Tree]:
    """What is done before SIGTERM is sent."""
    seconds = values.ending.pre_stop
    return {"exec": {"command": ["sleep", Noted(str(seconds.value), seconds.reason)]}}


def confined_alone() -> dict[str, Tree]:
    """As `confined`, with what is otherwise said of the pod: not every platform lets one speak of that."""
    return confined() | {
        "runAsNonRoot": Noted(True, "the image's user is 10001"),
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def variables(values: Values, options: ManifestOptions, own: Mapping[str, Tree], dollar: str = "$") -> dict[str, Tree]:
    """By name, for platforms that take a mapping. `own` are the platform's, and go before those of the profile.

    `dollar` as in `asked`. Raises UsageError.
    """
    found: dict[str, Tree] = {**values.environment, **own}
    return found | asked(options, found, dollar)
