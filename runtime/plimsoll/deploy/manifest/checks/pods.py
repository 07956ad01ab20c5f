"""Pods: volumes, limits, variables, ports, and what they may do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from plimsoll.deploy.manifest.checks.quantities import amount
from plimsoll.deploy.manifest.checks.stream import Content, Pod, Stream, parts, place

_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_SHARED = ("cpu", "cpus", "memory", "ephemeral-storage")
"""What Kubernetes gives in parts; everything else, as GPUs, comes whole."""


def check_pods(stream: Stream) -> Iterator[str]:
    for pod in stream.pods():
        yield from _volumes(pod)
        if pod.whole:
            yield from _privileges(pod)
        for container in pod.containers:
            where = f"{pod.where}: container {container['name']}"
            yield from (f"{where}: {problem}" for problem in _container(container))


def _volumes(pod: Pod) -> Iterator[str]:
    declared = [volume["name"] for volume in pod.spec.get("volumes", [])]
    mounted = {mount["name"] for one in pod.containers for mount in one.get("volumeMounts", [])}
    yield from (f"{pod.where}: volume {name} is declared twice" for name in _repeated(declared))
    yield from (f"{pod.where}: volume {name} is mounted and not declared" for name in sorted(mounted - {*declared}))
    yield from (f"{pod.where}: volume {name} is declared and not mounted" for name in sorted({*declared} - mounted))


def _privileges(pod: Pod) -> Iterator[str]:
    """The standard `restricted` (Pod Security Standards), and a root file system that is read-only."""
    own = pod.spec.get("securityContext", {})
    if own.get("runAsNonRoot") is not True:
        yield f"{pod.where}: may run as root"
    if own.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield f"{pod.where}: has no seccomp profile"
    for container in pod.containers:
        context = container.get("securityContext", {})
        if context.get("allowPrivilegeEscalation") is not False:
            yield f"{pod.where}: container {container['name']} may gain privileges"
        if context.get("capabilities", {}).get("drop") != ["ALL"]:
            yield f"{pod.where}: container {container['name']} keeps capabilities"
        if context.get("readOnlyRootFilesystem") is not True:
            yield f"{pod.where}: container {container['name']} can write to its root file system"


def _container(container: Content) -> Iterator[str]:
    variables = [variable["name"] for variable in container.get("env", [])]
    yield from (f"variable {name} is set twice" for name in _repeated(variables))
    paths = [mount["mountPath"] for mount in container.get("volumeMounts", [])]
    yield from (f"two volumes are mounted at {path}" for path in _repeated(paths))
    names = [port["name"] for port in container.get("ports", []) if "name" in port]
    yield from (f"port {name} is declared twice" for name in _repeated(names))
    for kind in _PROBES:
        port = container.get(kind, {}).get("httpGet", {}).get("port")
        if isinstance(port, str) and port not in names:
            yield f"{kind} asks port {port}, which is not declared"
    yield from check_resources(container.get("resources", {}))


def check_elsewhere(stream: Stream) -> Iterator[str]:
    """Requests and limits in what has no pods of its own: values of a chart, other platforms' deployments."""
    own = {pod.where for pod in stream.pods()}
    for content in stream.contents:
        if place(content) not in own:
            sizes = (_sizes(part.get("resources")) for part in parts(content))
            yield from (f"{place(content)}: {problem}" for found in sizes for problem in check_resources(found))


def _sizes(found: Any) -> Content:
    """Nothing where `resources` means something else, as in a Kustomization."""
    sized = isinstance(found, Mapping) and all(
        isinstance(found.get(kind, {}), Mapping) for kind in ("requests", "limits")
    )
    return found if sized else {}


def check_resources(resources: Content) -> Iterator[str]:
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    for kind, given in [*requests.items(), *limits.items()]:
        if (size := amount(given)) is None or size <= 0:
            yield f"{kind}: {given} is no quantity"
        elif kind not in _SHARED and size != int(size):
            yield f"{kind}: {given} is not whole"
    for kind, given in requests.items():
        least, most = amount(given), amount(limits.get(kind, given))
        if least is None or most is None:
            continue
        if least > most:
            yield f"{kind}: the request {given} is above the limit {limits[kind]}"
        elif kind not in _SHARED and (kind not in limits or least != most):
            yield f"{kind}: request and limit differ, and it cannot be shared"


def _repeated(names: Iterable[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]
