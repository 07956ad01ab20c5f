"""The container that serves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from plimsoll.deploy.manifest.document import Noted, Tree
from plimsoll.deploy.manifest.kubernetes.volumes import (
    KEYS_FILE,
    KEYS_FOLDER,
    MODEL_FOLDER,
    TLS_FILES,
    TLS_FOLDER,
    Volume,
)
from plimsoll.deploy.manifest.options import DEFAULT_PORT, TLS_CERT, TLS_KEY, ManifestOptions
from plimsoll.deploy.manifest.probes import Probe
from plimsoll.deploy.manifest.values import Values
from plimsoll.errors import UsageError
from plimsoll.settings.declarations import declared
from plimsoll.settings.resolution import environment_names
from plimsoll.settings.serving import ServeSettings

SERVER = "server"


def container(values: Values, options: ManifestOptions, mounted: Iterable[Volume]) -> dict[str, Tree]:
    probes = values.probes
    return {
        "name": SERVER,
        "image": options.image,
        "ports": [{"name": port_name(options), "containerPort": port(options)}],
        "env": environment(values.environment, options),
        "resources": resources(values),
        "resizePolicy": _resize_policy() if values.boost else None,
        "startupProbe": http_probe(probes.startup, port_name(options), options),
        "readinessProbe": http_probe(probes.readiness, port_name(options), options),
        "livenessProbe": http_probe(probes.liveness, port_name(options), options),
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", _as_text(values.ending.pre_stop)]}}},
        "securityContext": confined(),
        "volumeMounts": [volume.mount for volume in mounted],
    }


def port(options: ManifestOptions) -> Noted:
    return Noted(options.port, "the image's own" if options.port == DEFAULT_PORT else "as asked")


def port_name(options: ManifestOptions) -> str:
    """By which service meshes tell what is spoken there."""
    return "https" if options.serves_tls else "http"


def environment(measured: Mapping[str, Noted], options: ManifestOptions) -> list[Tree]:
    """Variables rather than arguments: those would replace the image's own command line. The user's come last."""
    found: dict[str, Tree] = dict(measured)
    if not options.job:
        found["PLIMSOLL_PORT"] = Noted(str(options.port), "so that it is the port above, whatever the image sets")
    if options.model_claim:
        found["AZUREML_MODEL_DIR"] = MODEL_FOLDER
    if options.keys_secret:
        found["PLIMSOLL_API_KEYS_FILE"] = f"{KEYS_FOLDER}/{KEYS_FILE}"
    if options.tls_secret:
        found |= {name: f"{TLS_FOLDER}/{file}" for name, file in zip((TLS_CERT, TLS_KEY), TLS_FILES, strict=True)}
    # Kubernetes takes `$(NAME)` for another variable, and `$$` for a `$`.
    found |= asked(options, taken=found, dollar="$$")
    return [{"name": name, "value": value} for name, value in found.items()]


def asked(options: ManifestOptions, taken: Collection[str], dollar: str = "$") -> dict[str, Tree]:
    """Raises UsageError for a variable that is not the user's to set: the limits were proved with the profile's.

    Some settings have two variables, of which the server heeds only one. `dollar` is how the platform has a `$` written
    that stands for itself.
    """
    own = _own_variables()
    written = {own.get(name, name): name for name in taken}
    for name in options.environment:
        if (clash := written.get(own.get(name, name))) is not None:
            set_by = "it already" if clash == name else f"{clash}, which is the same setting"
            raise UsageError(
                f"--env {name}: the manifest sets {set_by}, as profiled", remedy="profile with another value"
            )
    return {name: Noted(value.replace("$", dollar), "as asked") for name, value in options.environment.items()}


def _own_variables() -> dict[str, str]:
    """Our own variable of a setting by each name that Azure ML has for it."""
    names = (environment_names(name, setting) for name, setting in declared(ServeSettings).items())
    return {alias: own for own, *azures in names for alias in azures}


def resources(values: Values) -> dict[str, Tree]:
    own, gpu = values.resources, values.accelerator
    limits: dict[str, Tree] = {"cpu": own.cpu_limit, "memory": own.memory_limit}
    if gpu is not None:
        limits[gpu.resource] = _as_text(gpu.count)
    return {"requests": {"cpu": own.cpu_request, "memory": own.memory_request}, "limits": limits}


def confined() -> dict[str, Tree]:
    """What the standard `restricted` asks for, and a root file system that cannot be written to."""
    return {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def http_probe(probe: Probe, port: Tree, options: ManifestOptions) -> dict[str, Tree]:
    """By number, where nobody knows what the container's author has called the port. The kubelet checks no name."""
    return {
        "httpGet": {"path": probe.path, "port": port, "scheme": "HTTPS" if options.serves_tls else None},
        "periodSeconds": probe.period,
        "timeoutSeconds": probe.timeout,
        "failureThreshold": probe.failures,
    }


def _as_text(figure: Noted) -> Noted:
    return Noted(str(figure.value), figure.reason)


def _resize_policy() -> list[Tree]:
    return [
        {"resourceName": "cpu", "restartPolicy": Noted("NotRequired", "the boost ends without a restart")},
        {"resourceName": "memory", "restartPolicy": Noted("RestartContainer", "its limit is read at the start")},
    ]
