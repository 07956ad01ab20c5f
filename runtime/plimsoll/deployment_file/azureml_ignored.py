"""Keys of an Azure ML deployment that mean nothing without Azure: read as strictly as there, and named."""

from __future__ import annotations

from plimsoll.deployment_file.found import Deployment
from plimsoll.deployment_file.section import Section

_PROBE = ("initial_delay", "period", "timeout", "success_threshold", "failure_threshold")
_SILENT = ("$schema", "id", "provisioning_state", "creation_context")


def read_ignored(file: Section, found: Deployment) -> None:
    for key in _SILENT:
        file.any(key)
    _read_probes(file, found)
    _read_scale(file, found)
    _read_switches(file, found)
    for key in ("tags", "properties"):
        if file.section(key) is not None:
            found.ignore(file.place(key), "nothing here has them")
    if found.target.instance_type or found.target.instances or found.target.resources.given:
        _name_the_target(file, found)


def _read_probes(file: Section, found: Deployment) -> None:
    for key in ("liveness_probe", "readiness_probe"):
        probe = file.section(key)
        if probe is not None:
            for name in _PROBE:
                probe.whole(name)
            probe.close()
            found.ignore(file.place(key), "nobody probes here; /health/live and /health/ready answer")


def _read_scale(file: Section, found: Deployment) -> None:
    scale = file.section("scale_settings")
    if scale is None:
        return
    kind = scale.text("type") or ""
    if kind.lower() == "target_utilization":
        for key in ("polling_interval", "target_utilization_percentage", "min_instances", "max_instances"):
            scale.whole(key)
    elif kind.lower() != "default":
        raise scale.error("type", f"{kind!r} is not one of default, target_utilization")
    scale.close()
    if kind.lower() != "default":
        found.ignore(file.place("scale_settings"), "one server runs; plimsoll plan simulates several")


def _read_switches(file: Section, found: Deployment) -> None:
    if file.truth("app_insights_enabled"):
        found.ignore(file.place("app_insights_enabled"), "/metrics has the figures, --tracing sends spans")
    if found.target.instance_type is not None:
        access = file.text("egress_public_network_access")
        if access is not None and access.lower() not in ("enabled", "disabled"):
            raise file.error("egress_public_network_access", f"{access!r} is not one of enabled, disabled")
        if access is not None and access.lower() == "disabled":
            found.ignore(file.place("egress_public_network_access"), "the script may reach whatever this machine can")
        if file.truth("private_network_connection"):
            found.ignore(file.place("private_network_connection"), "the network is that of this machine")
    if file.text("model_mount_path"):
        found.ignore(file.place("model_mount_path"), "the script finds the model's folder in AZUREML_MODEL_DIR")


def _name_the_target(file: Section, found: Deployment) -> None:
    keys = ("instance_type", "instance_count", *(("resources",) if found.target.resources.given else ()))
    for key in keys:
        if key in file:
            found.ignore(file.place(key), "this machine serves; --profile says whether that would be enough")
