"""Times: probes against what was measured, and the end of a pod against what the server does in it."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.deploy.manifest.checks.stream import Content, Pod, Stream
from plimsoll.deploy.manifest.probes import START_MARGIN
from plimsoll.deploy.manifest.values import Values
from plimsoll.settings.serving import HEARTBEAT_TIMEOUT_S, ServeSettings, longest_stop_s

_KUBERNETES = {"periodSeconds": 10, "timeoutSeconds": 1, "failureThreshold": 3, "initialDelaySeconds": 0}
_GRACE_S = 30
"""Defaults of Kubernetes, for what is not written."""


def check_times(stream: Stream, values: Values) -> Iterator[str]:
    for pod in stream.pods():
        for container in pod.containers:
            where = f"{pod.where}: container {container['name']}"
            yield from (f"{where}: {problem}" for problem in _probes(container, values))
            yield from (f"{where}: {problem}" for problem in _end(pod, container))


def _probes(container: Content, values: Values) -> Iterator[str]:
    if (startup := container.get("startupProbe")) is not None:
        needed_s = START_MARGIN * values.probes.ready_s
        if budget_s(startup) < needed_s:
            yield f"the startup probe gives up after {budget_s(startup)} s, {needed_s:.3g} s may be needed"
    if (liveness := container.get("livenessProbe")) is not None:
        needed_s = max(HEARTBEAT_TIMEOUT_S, values.needs.longest_call_s)
        if budget_s(liveness) < needed_s:
            yield f"the liveness probe gives up after {budget_s(liveness)} s, {needed_s:.3g} s are no failure yet"
        if startup is None:
            yield "a liveness probe without a startup probe kills what is slow to start"


def budget_s(probe: Content) -> int:
    """How long a probe may fail until it counts."""
    found = {**_KUBERNETES, **probe}
    return int(found["initialDelaySeconds"] + found["periodSeconds"] * found["failureThreshold"])


def _end(pod: Pod, container: Content) -> Iterator[str]:
    """Of containers that serve, which is those that have probes."""
    if "readinessProbe" not in container:
        return
    variables = {one["name"]: one.get("value") for one in container.get("env", [])}
    drain_s = float(variables.get("PLIMSOLL_DRAIN_SECONDS") or ServeSettings.drain_seconds)
    grace_s = float(variables.get("PLIMSOLL_GRACE_SECONDS") or ServeSettings.grace_seconds)
    needed_s = _pre_stop_s(container) + longest_stop_s(drain_s, grace_s)
    given_s = pod.spec.get("terminationGracePeriodSeconds", _GRACE_S)
    if given_s < needed_s:
        yield f"it is killed {given_s} s after its end began, preStop, drain and grace may take {needed_s:g} s"


def _pre_stop_s(container: Content) -> float:
    command = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", [])
    return float(command[1]) if command[:1] == ["sleep"] else 0.0
