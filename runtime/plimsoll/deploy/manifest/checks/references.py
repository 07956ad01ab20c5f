"""References: names, selectors, ports and targets, from one document to another."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from plimsoll.deploy.manifest.checks.stream import Content, Stream, matches, name_of, place

_LABEL = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?")
_LABEL_LENGTH = 63
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SERVICE_NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")


def check_names(stream: Stream) -> Iterator[str]:
    named = [content for content in stream.contents if "kind" in content and "metadata" in content]
    counts = Counter((content["kind"], name_of(content)) for content in named)
    yield from (f"{kind} {name} comes twice" for (kind, name), count in counts.items() if count > 1)
    spaces = {content["metadata"].get("namespace") for content in named}
    if len(spaces) > 1:
        yield f"the documents are for different namespaces: {', '.join(sorted(map(str, spaces)))}"
    for content in named:
        pattern = _SERVICE_NAME if content["kind"] == "Service" else _NAME
        if not pattern.fullmatch(name_of(content)) or len(name_of(content)) > _LABEL_LENGTH:
            yield f"{place(content)}: no name for Kubernetes"
        yield from _labels(content)


def _labels(content: Content) -> Iterator[str]:
    for key, value in (content["metadata"].get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL.fullmatch(value) or len(value) > _LABEL_LENGTH:
            yield f"{place(content)}: {value!r} cannot be the value of label {key}"


def check_selectors(stream: Stream) -> Iterator[str]:
    pods = list(stream.pods())
    for content in stream.of("Deployment"):
        if "selector" not in content["spec"]:
            continue  # a patch: the cluster has the rest
        selector = content["spec"]["selector"]["matchLabels"]
        if not matches(selector, content["spec"]["template"]["metadata"].get("labels", {})):
            yield f"{place(content)}: its selector does not match its own pods"
    for content in stream.of("PodDisruptionBudget"):
        if not any(matches(content["spec"]["selector"]["matchLabels"], pod.labels) for pod in pods):
            yield f"{place(content)}: its selector matches no pod"
    for content in stream.of("Service"):
        yield from _service(content, stream)
    for content in stream.of("ServiceMonitor"):
        yield from _monitor(content, stream)


def _service(content: Content, stream: Stream) -> Iterator[str]:
    selected = [pod for pod in stream.pods() if matches(content["spec"]["selector"], pod.labels)]
    if len(selected) != 1:
        yield f"{place(content)}: its selector matches {len(selected)} kinds of pods"
    for port in content["spec"]["ports"]:
        target = port.get("targetPort", port["port"])
        if isinstance(target, str) and not all(target in pod.port_names for pod in selected):
            yield f"{place(content)}: its pods have no port {target}"


def _monitor(content: Content, stream: Stream) -> Iterator[str]:
    selector = content["spec"]["selector"]["matchLabels"]
    services = [one for one in stream.of("Service") if matches(selector, one["metadata"].get("labels", {}))]
    ports = {port["name"] for service in services for port in service["spec"]["ports"]}
    if not services:
        yield f"{place(content)}: its selector matches no Service"
    for endpoint in content["spec"]["endpoints"]:
        if services and endpoint["port"] not in ports:
            yield f"{place(content)}: the Service has no port {endpoint['port']}"


def check_scalers(stream: Stream) -> Iterator[str]:
    scaled: Counter[tuple[str, str]] = Counter()
    for kind, target, least, most in (
        ("HorizontalPodAutoscaler", "scaleTargetRef", "minReplicas", "maxReplicas"),
        ("ScaledObject", "scaleTargetRef", "minReplicaCount", "maxReplicaCount"),
    ):
        for content in stream.of(kind):
            spec = content["spec"]
            yield from _target(content, spec[target], stream)
            scaled[spec[target]["kind"], spec[target]["name"]] += 1
            if not 1 <= spec.get(least, 1) <= spec[most]:
                yield f"{place(content)}: {spec.get(least)} to {spec[most]} replicas are no bounds"
    for content in stream.of("VerticalPodAutoscaler"):
        yield from _target(content, content["spec"]["targetRef"], stream)
    for (kind, name), count in scaled.items():
        found = stream.find(kind, name)
        if count > 1:
            yield f"{kind} {name}: {count} autoscalers set its replicas"
        if found is not None and "replicas" in found["spec"]:
            yield f"{kind} {name}: its number of replicas fights with the autoscaler's"


def _target(content: Content, target: Content, stream: Stream) -> Iterator[str]:
    """What is not in the stream at all may be in the cluster; a name that misses its mark is a mistake."""
    found = stream.find(target["kind"], target["name"])
    if found is None and any(stream.of(target["kind"])):
        yield f"{place(content)}: its target {target['kind']} {target['name']} is not there"
    elif found is not None and target.get("apiVersion", found["apiVersion"]) != found["apiVersion"]:
        yield f"{place(content)}: its target is of {found['apiVersion']}, not {target['apiVersion']}"
