"""All checks at once: over every stream before it is printed."""

from __future__ import annotations

from collections.abc import Sequence

from plimsoll.deploy.manifest.checks.pods import check_elsewhere, check_pods
from plimsoll.deploy.manifest.checks.references import check_names, check_scalers, check_selectors
from plimsoll.deploy.manifest.checks.stream import Content, Stream
from plimsoll.deploy.manifest.checks.times import check_times
from plimsoll.deploy.manifest.values import Values

_CHECKS = (check_names, check_pods, check_elsewhere, check_selectors, check_scalers)


def problems(contents: Sequence[Content], values: Values | None) -> list[str]:
    """A sentence for each; none where all is well. `values` are None where nothing has been measured yet."""
    stream = Stream(contents)
    found = [sentence for check in _CHECKS for sentence in check(stream)]
    return found if values is None else [*found, *check_times(stream, values)]
