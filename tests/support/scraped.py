"""How the Prometheus operator scrapes what a ServiceMonitor names (its pkg/prometheus/promcfg.go).

Its discovery needs an API server; what that would have found is given here as the same labels, and then relabelled by
the operator's own rules.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def scrape_config(monitor: Mapping[str, Any], service: Mapping[str, Any], address: str, pod: str) -> Json:
    """One endpoint of the Service, at `address`."""
    spec = monitor["spec"]
    (endpoint,) = spec["endpoints"]
    found: Json = {
        "job_name": f"serviceMonitor/{monitor['metadata']['namespace']}/{monitor['metadata']['name']}/0",
        "metrics_path": endpoint["path"],
        "scrape_interval": endpoint["interval"],
        "scheme": endpoint.get("scheme", "http"),
        "static_configs": [{"targets": [address], "labels": _discovered(service, pod)}],
        "relabel_configs": [*_kept(spec["selector"]["matchLabels"], endpoint["port"]), *_named(endpoint["port"])],
    }
    if "tlsConfig" in endpoint:
        found["tls_config"] = {"insecure_skip_verify": endpoint["tlsConfig"]["insecureSkipVerify"]}
    return found


def _discovered(service: Mapping[str, Any], pod: str) -> dict[str, str]:
    """As kubernetes_sd_configs with the role `endpoints` describes a target."""
    metadata, (port,) = service["metadata"], service["spec"]["ports"]
    labels = {f"__meta_kubernetes_service_label_{_label(name)}": text for name, text in metadata["labels"].items()}
    present = {f"__meta_kubernetes_service_labelpresent_{_label(name)}": "true" for name in metadata["labels"]}
    return labels | present | {
        "__meta_kubernetes_namespace": metadata["namespace"],
        "__meta_kubernetes_service_name": metadata["name"],
        "__meta_kubernetes_endpoint_port_name": port["name"],
        "__meta_kubernetes_pod_name": pod,
        "__meta_kubernetes_pod_container_name": "server",
        "__meta_kubernetes_pod_phase": "Running",
    }  # fmt: skip


def _label(name: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", name)


def _kept(selector: Mapping[str, str], port: str) -> list[Json]:
    kept: list[Json] = [
        {
            "action": "keep",
            "source_labels": [
                f"__meta_kubernetes_service_label_{_label(name)}",
                f"__meta_kubernetes_service_labelpresent_{_label(name)}",
            ],
            "regex": f"({text});true",
        }
        for name, text in selector.items()
    ]
    return [*kept, {"action": "keep", "source_labels": ["__meta_kubernetes_endpoint_port_name"], "regex": port}]


def _named(port: str) -> list[Json]:
    sources = {
        "namespace": "namespace",
        "service": "service_name",
        "pod": "pod_name",
        "container": "pod_container_name",
        "job": "service_name",
    }
    found: list[Json] = [
        {"source_labels": [f"__meta_kubernetes_{source}"], "target_label": name} for name, source in sources.items()
    ]
    return [*found, {"target_label": "endpoint", "replacement": port}]
