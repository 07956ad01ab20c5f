"""KServe's InferenceService (serving.kserve.io/v1beta1), where its predictor names a model folder of this machine.

Keys are those of KServe's Go types (PredictorSpec with ComponentExtensionSpec) and of a pod. A predictor names no
script: a format that we have a script for is served with that, any other needs `--entry-script`.
"""

from __future__ import annotations

from plimsoll.deployment_file.found import Deployment, Said, Target
from plimsoll.deployment_file.paths import local_path
from plimsoll.deployment_file.resources import read_any_resources
from plimsoll.deployment_file.section import Section
from plimsoll.deployment_file.variables import OF_THE_CONTAINER, check_variable

API_GROUP = "serving.kserve.io/"
_VERSION = "serving.kserve.io/v1beta1"
_CONTAINER = "kserve-container"
_FILE = "file://"
_IN_PLACE = 11
"""Times containerConcurrency are running or waiting before Knative's queue answers 503: as many at once, and ten times
as many in its queue (its cmd/queue, buildBreaker)."""
_FORMATS = (
    "sklearn",
    "xgboost",
    "tensorflow",
    "pytorch",
    "triton",
    "onnx",
    "huggingface",
    "pmml",
    "lightgbm",
    "paddle",
)
_BUILTIN = ("mlflow", "onnx", "sklearn", "tensorflow")
_OF_THE_MODEL = ("runtime", "runtimeVersion", "protocolVersion", "storage")
_OF_A_CONTAINER = (
    "image", "command", "args", "envFrom", "ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle",
    "imagePullPolicy", "securityContext", "workingDir", "volumeMounts", "volumeDevices", "terminationMessagePath",
    "terminationMessagePolicy", "stdin", "tty",
)  # fmt: skip
_OF_THE_SERVICE = (
    "minReplicas", "maxReplicas", "scaleTarget", "scaleMetric", "scaleMetricType", "autoScaling", "logger",
    "canaryTrafficPercent", "batcher", "labels", "annotations", "deploymentStrategy", "workerSpec", "storageUris",
)  # fmt: skip
_OF_A_POD = (
    "serviceAccountName", "nodeSelector", "nodeName", "tolerations", "affinity", "imagePullSecrets", "initContainers",
    "volumes", "securityContext", "runtimeClassName", "schedulerName", "priorityClassName", "hostNetwork", "hostIPC",
    "terminationGracePeriodSeconds", "topologySpreadConstraints", "dnsPolicy", "dnsConfig", "hostAliases",
    "restartPolicy", "automountServiceAccountToken", "enableServiceLinks", "shareProcessNamespace", "subdomain",
    "hostname", "activeDeadlineSeconds",
)  # fmt: skip
_MODEL_REMEDY = "download it and name its folder with --model-dir"
_HERE = "this machine serves it, with what is installed here"


def read_kserve(file: Section, given: frozenset[str]) -> Deployment:
    """`given` are the settings that take precedence. Raises UsageError."""
    file.leave_out_nulls()  # as Kubernetes does
    if file.required("apiVersion") != _VERSION or file.required("kind") != "InferenceService":
        raise file.error("kind", f"not an InferenceService of {_VERSION}", "only those can be served")
    found = Deployment(target=Target(file=str(file.file)), notes=file.notes)
    _read_metadata(file, found)
    spec = file.section("spec")
    predictor = spec.section("predictor") if spec else None
    if spec is None or predictor is None:
        raise file.error("spec", "no predictor", "an InferenceService has spec.predictor")
    _name(spec, ("transformer", "explainer"), found, "only the predictor is served")
    file.any("status")
    spec.close()
    file.close()
    _read_predictor(predictor, found, given)
    return found


def _read_metadata(file: Section, found: Deployment) -> None:
    metadata = file.section("metadata")
    if metadata is None:
        raise file.error("metadata", "missing", "Kubernetes requires it, with a name")
    metadata.names()
    for setting in ("name", "service_name", "model_name"):
        found.settings[setting] = Said(metadata.required("name"), metadata.place("name"))


def _read_predictor(predictor: Section, found: Deployment, given: frozenset[str]) -> None:
    if (timeout_s := predictor.whole("timeout")) is not None:
        found.settings["scoring_timeout_ms"] = Said(1000 * timeout_s, predictor.place("timeout"))
    if at_once := predictor.whole("containerConcurrency", least=0):
        found.requests_at_once = Said(_IN_PLACE * at_once, predictor.place("containerConcurrency"))
    _read_implementation(predictor, found, given)
    _name(predictor, (*_OF_THE_SERVICE, *_OF_A_POD), found, _HERE)
    predictor.close()


def _read_implementation(predictor: Section, found: Deployment, given: frozenset[str]) -> None:
    """A model, a model of an older form, or a container; a second container stands beside it and is not run."""
    containers = predictor.sections("containers")
    kinds = [key for key in ("model", *_FORMATS) if predictor.node(key) is not None]
    if len(kinds) > 1:
        raise predictor.error(kinds[1], f"{kinds[0]} is there too", "a predictor has one model")
    model = predictor.section(kinds[0]) if kinds else None
    if model is None:
        named = [one for one in containers if one.text("name") == _CONTAINER]
        model = next(iter((*named, *containers)), None)
    if model is None:
        raise predictor.error("model", "missing", "a predictor has a model or containers")
    for other in containers:
        if other is not model:
            found.ignore(other.place("name"), "one process serves")
    name = _format(model) if kinds == ["model"] else (kinds[0] if kinds else None)
    _read_model(model, found, given)
    _read_script(model, name, found, given)
    model.close()


def _format(model: Section) -> str | None:
    section = model.section("modelFormat")
    if section is None:
        return None
    name = section.required("name")
    section.any("version")
    section.close()
    return name


def _read_model(model: Section, found: Deployment, given: frozenset[str]) -> None:
    uri = model.text("storageUri")
    if uri is not None and {"model_dir", "model"} & given:
        found.ignore(model.place("storageUri"), "another model folder takes precedence")
    elif uri is not None:
        path = local_path(model, "storageUri", uri.removeprefix(_FILE), _MODEL_REMEDY)
        found.settings["model_dir"] = Said(str(path if path.is_dir() else path.parent), model.place("storageUri"))
    _read_env(model, found)
    model.text("name")
    found.target = Target(file=found.target.file, resources=read_any_resources(model, "resources"))
    if found.target.resources.given:
        found.ignore(model.place("resources"), "this machine serves; --profile says whether that would be enough")
    _name(model, (*_OF_THE_MODEL, *_OF_A_CONTAINER), found, _HERE)


def _read_script(model: Section, name: str | None, found: Deployment, given: frozenset[str]) -> None:
    """A variable of the container may name it, as it does in images of ours."""
    if "entry_script" in given or {"PLIMSOLL_ENTRY_SCRIPT"} & set(found.variables):
        return
    if name not in _BUILTIN:
        what = f"the format {name!r} has" if name else "a container has"
        raise model.error("modelFormat", f"{what} no script here", "name one with --entry-script")
    found.settings["entry_script"] = Said(f"builtin:{name}", model.place("modelFormat"))
    found.notes.append(f"{model.place('modelFormat')}: builtin:{name} serves it, at /score and not at KServe's routes")


def _read_env(model: Section, found: Deployment) -> None:
    values: dict[str, Said] = {}
    for one in model.sections("env"):
        name, source = one.required("name"), one.any("valueFrom")
        value = one.text("value")
        one.close()
        if source is not None:
            found.ignore(one.place("valueFrom"), f"the cluster knows it; set {name} yourself")
        elif name in OF_THE_CONTAINER:
            found.ignore(one.place("name"), f"{name} is a path inside the container")
        else:
            check_variable(one, "value" if value else "name", name, value or "")
            values[name] = Said(value or "", one.place("value"))
    found.variables = values


def _name(section: Section, keys: tuple[str, ...], found: Deployment, why: str) -> None:
    for key in keys:
        if section.any(key) is not None:
            found.ignore(section.place(key), why)
