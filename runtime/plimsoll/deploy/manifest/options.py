"""What the user wants of a manifest, checked as far as it can be without the profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from plimsoll.deploy.flags import parse_bounds
from plimsoll.errors import UsageError
from plimsoll.profiling.options import NAMED_BUDGETS_S
from plimsoll.profiling.result.files import write_whole

Scaler = Literal["hpa", "keda"]
LoadMetric = Literal["rate", "queue"]
Compute = Literal["managed", "kubernetes"]

DEFAULT_PORT = 5001
PROMETHEUS_URL = "http://prometheus-operated.monitoring.svc:9090"
"""The service that the Prometheus operator makes, in the namespace that its charts suggest."""

OWN_LABELS = ("app.kubernetes.io/name", "app.kubernetes.io/managed-by")
"""The first is what pods are found by."""
LABEL_LENGTH = 63
_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""RFC 1035, which Kubernetes wants for the name of a Service."""
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_SUBDOMAIN_LENGTH = 253
"""RFC 1123, for most other objects."""
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LABEL = re.compile(r"([a-z0-9]([-.a-z0-9]*[a-z0-9])?/)?[A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?")
_NAMES = {
    VARIABLE: "names have letters, digits and _, and do not begin with a digit, as in LOG_LEVEL=debug",
    LABEL: "names have letters, digits, -, _ and ., perhaps behind a domain, as in example.com/team=ml",
}
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")
TLS_CERT, TLS_KEY = "PLIMSOLL_TLS_CERT", "PLIMSOLL_TLS_KEY"
_MIG = re.compile(r"[1-7]g\.[1-9]\d*gb(\+[a-z.]+)?")
_HOST = r"[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?"
_PART = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"({_HOST}(\.{_HOST})*(:\d+)?/)?{_PART}(/{_PART})*(:\w[\w.-]{{0,127}})?(@[a-z0-9]+:[0-9a-f]{{32,}})?", re.ASCII
)
"""The grammar of github.com/distribution/reference: registry, path, tag, digest."""
_LONGEST_BUDGET_S = 7 * 86400
_BASE = re.compile(r"[^/\s].*")
_INSTANCE_TYPE = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Bounds:
    """Least and most replicas of an autoscaler."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> Bounds:
        """`2:10`. Raises UsageError."""
        return cls(*parse_bounds(text, 1))


@dataclass(frozen=True, kw_only=True)
class ManifestOptions:
    """Raises UsageError for values that no manifest could have, and for options that exclude each other."""

    image: str
    name: str | None = None
    namespace: str | None = None
    replicas: int | None = None
    target_rps: float | None = None
    autoscale: Bounds | None = None
    scale: Scaler | None = None
    scale_on: LoadMetric | None = None
    prometheus: str | None = None
    gpu: int | None = None
    mig: str | None = None
    keys_secret: str | None = None
    tls_secret: str | None = None
    pull_secret: str | None = None
    model_claim: str | None = None
    model: str | None = None
    container: str | None = None
    base: str | None = None
    compute: Compute | None = None
    instance_type: str | None = None
    port: int = DEFAULT_PORT
    environment: Mapping[str, str] = field(default_factory=dict)
    node_selector: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    monitor: bool = False
    dashboard: bool = False
    startup_boost: bool = False
    job: bool = False
    requests: str | None = None
    data_claim: str | None = None
    budget: str | None = None

    def __post_init__(self) -> None:
        self._check_texts()
        self._check_names()
        self._check_tls()
        self._check_scaling()
        self._check_job()

    def _check_texts(self) -> None:
        if not _IMAGE.fullmatch(self.image):
            raise UsageError(
                f"--image {self.image!r}: not the name of an image",
                remedy="as in registry/model:1.2; lower case behind the registry, and a digest is whole",
            )
        if self.mig is not None and not _MIG.fullmatch(self.mig):
            raise UsageError(f"--mig {self.mig!r}: not a MIG profile", remedy="as nvidia-smi mig -lgip lists: 1g.10gb")
        if self.instance_type is not None and not _INSTANCE_TYPE.fullmatch(self.instance_type):
            raise UsageError(f"--instance-type {self.instance_type!r}: not a type", remedy="as in Standard_F4s_v2")
        if self.base is not None and not _BASE.fullmatch(self.base):
            raise UsageError(
                f"--base {self.base!r}: not a path that Kustomize takes", remedy="relative to -o, as in ../base"
            )

    def _check_names(self) -> None:
        for flag, name in (("--name", self.name), ("--namespace", self.namespace), ("--container", self.container)):
            if name is not None:
                _check_label(flag, name)
        for flag, name in self._others().items():
            if name is not None:
                _check_subdomain(flag, name)
        own = next((name for name in self.labels if name in OWN_LABELS), None)
        if own is not None:
            raise UsageError(f"--label {own}: the manifest sets it already", remedy="--name gives the name")

    @property
    def serves_tls(self) -> bool:
        """Then whoever asks the server has to encrypt: probes, and Prometheus."""
        return self.tls_secret is not None or TLS_CERT in self.environment

    def _check_tls(self) -> None:
        given = [name for name in (TLS_CERT, TLS_KEY) if name in self.environment]
        if self.tls_secret is not None and given:
            raise UsageError(
                f"--tls-secret and --env {given[0]} exclude each other", remedy="the secret holds certificate and key"
            )
        if len(given) == 1:
            raise UsageError(f"--env {given[0]}: {TLS_CERT} and {TLS_KEY} belong together", remedy="give both")

    def _others(self) -> dict[str, str | None]:
        """Names of what is in the cluster already."""
        return {
            "--keys-secret": self.keys_secret,
            "--tls-secret": self.tls_secret,
            "--pull-secret": self.pull_secret,
            "--model-claim": self.model_claim,
            "--data-claim": self.data_claim,
        }

    def _check_scaling(self) -> None:
        if self.replicas is not None:
            others = {"--target-rps": self.target_rps, "--autoscale": self.autoscale, "--scale": self.scale}
            given = next((flag for flag, value in others.items() if value is not None), None)
            if given:
                raise UsageError(f"--replicas and {given} exclude each other", remedy="a fixed number, or a rate")
        keda_only = {"--scale-on": self.scale_on, "--prometheus": self.prometheus}
        given = next((flag for flag, value in keda_only.items() if value is not None), None)
        if given and self.scale != "keda":
            raise UsageError(f"{given} is for --scale keda", remedy="the HorizontalPodAutoscaler scales on CPU")
        if self.prometheus is not None and not re.fullmatch(r"https?://[^\s/]+\S*", self.prometheus):
            raise UsageError(f"--prometheus {self.prometheus!r}: not an address", remedy=f"as in {PROMETHEUS_URL}")

    def _check_job(self) -> None:
        given = {"--requests": self.requests, "--data-claim": self.data_claim, "--budget": self.budget}
        without = next((flag for flag, value in given.items() if value is not None), None)
        if without and not self.job:
            raise UsageError(f"{without} is for --job", remedy="nothing else sends requests")
        if self.requests is not None and not self.requests.startswith("/"):
            raise UsageError(f"--requests {self.requests!r}: not a path in the container", remedy="begin it with /")
        budget_s(self.budget)


def _check_label(flag: str, name: str) -> None:
    if not _LABEL.fullmatch(name) or len(name) > LABEL_LENGTH:
        raise UsageError(
            f"{flag} {name!r}: no name for Kubernetes",
            remedy=f"at most {LABEL_LENGTH} of a-z, 0-9 and -, beginning with a letter, not ending with -",
        )


def _check_subdomain(flag: str, name: str) -> None:
    if not _SUBDOMAIN.fullmatch(name) or len(name) > _SUBDOMAIN_LENGTH:
        raise UsageError(
            f"{flag} {name!r}: no name for Kubernetes", remedy="a-z, 0-9, - and ., as kubectl get lists it"
        )


def name_of(profile_name: str) -> str:
    """A name for the objects, made of that of the profile. Raises UsageError where nothing is left of it."""
    name = re.sub(r"[^a-z0-9]+", "-", profile_name.lower()).lstrip("-0123456789")[:LABEL_LENGTH].rstrip("-")
    if not name:
        raise UsageError(f"the profile's name {profile_name!r} has no letter for a name", remedy="give --name NAME")
    return name


def pairs(flag: str, key: re.Pattern[str], given: tuple[str, ...]) -> dict[str, str]:
    """`NAME=VALUE`, repeated. Raises UsageError."""
    found: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not key.fullmatch(name):
            raise UsageError(f"{flag} {text!r}: not NAME=VALUE", remedy=_NAMES[key])
        domain, _, last = name.rpartition("/")
        if key is LABEL and (len(last) > LABEL_LENGTH or len(domain) > _SUBDOMAIN_LENGTH):
            remedy = f"at most {LABEL_LENGTH} characters, and {_SUBDOMAIN_LENGTH} of a domain before them"
            raise UsageError(f"{flag} {text!r}: too long a name for a label", remedy=remedy)
        if key is LABEL and not _LABEL_VALUE.fullmatch(value):
            remedy = f"at most {LABEL_LENGTH} of letters, digits, -, _ and .; a letter or digit first and last"
            raise UsageError(f"{flag} {text!r}: no value for a label", remedy=remedy)
        if name in found:
            raise UsageError(f"{flag} {name}: given twice", remedy="leave one of them out")
        found[name] = value
    return found


def write_to(path: Path, text: str) -> None:
    """As a whole or not at all. Raises UsageError."""
    try:
        write_whole(path, text)
    except OSError as error:
        raise UsageError(f"--output {path}: {error.strerror}") from error


def budget_s(text: str | None) -> float:
    """Seconds of a profile. Raises UsageError."""
    if text is None or text in NAMED_BUDGETS_S:
        return NAMED_BUDGETS_S[text or "default"]
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= _LONGEST_BUDGET_S:
        raise UsageError(
            f"--budget {text!r}: neither one of {', '.join(NAMED_BUDGETS_S)} nor a number of seconds",
            remedy=f"above 0, and at most {_LONGEST_BUDGET_S}, which is a week",
        )
    return seconds
