"""A profile written in some format, and the variants that every format is tried in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from plimsoll.deploy.manifest.document import Document, write
from plimsoll.deploy.manifest.formats import FORMATS, check_taken
from plimsoll.deploy.manifest.options import Bounds, ManifestOptions
from plimsoll.deploy.manifest.values import Values, make_values
from plimsoll.deploy.needs import read_needs
from plimsoll.profiling.result.profile import Profile
from support.manifests import IMAGE, PROFILES, profile_file

VM = {"instance_type": "Standard_F4s_v2"}
ML = {"instance_type": "ml.c6i.xlarge"}
_WITH_GPU = {"azureml": "Standard_NC24ads_A100_v4", "sagemaker": "ml.g5.xlarge"}
VARIANTS: dict[str, dict[str, dict[str, Any]]] = {
    "kubernetes": {"plain": {}},
    "kustomize": {
        "component": {"container": "model", "environment": {"A": "1e3"}},
        "overlay": {"base": "../base", "replicas": 3, "node_selector": {"pool": "gpu"}, "port": 8080},
        "target": {"target_rps": 1000.0},
    },
    "helm": {
        "plain": {},
        "fixed": {"replicas": 2, "name": "scoring", "image": "registry.example:5000/model"},
        "all": {
            "target_rps": 300.0,
            "autoscale": Bounds(2, 40),
            "keys_secret": "keys",
            "tls_secret": "tls",
            "pull_secret": "registry",
            "model_claim": "models",
            "image": "registry.example/model@sha256:" + "0" * 64,
        },
    },
    "kserve": {
        "knative": {"keys_secret": "keys", "namespace": "prod", "labels": {"team": "a"}},
        "raw": {"scale": "hpa", "model_claim": "models", "pull_secret": "registry"},
        "fixed": {"replicas": 4, "model": "s3://bucket/model", "port": 8080},
    },
    "vpa": {"plain": {}, "other": {"container": "model", "namespace": "prod"}},
    "azureml": {
        "managed": VM | {"model": "azureml:digits:3"},
        "fixed": VM | {"replicas": 3, "port": 8080, "environment": {"LOG_LEVEL": "debug"}},
        "scaled": VM | {"target_rps": 150.0, "autoscale": Bounds(1, 9)},
        "kubernetes": {"compute": "kubernetes", "autoscale": Bounds(1, 9)},
        "kubernetes-fixed": {"compute": "kubernetes", "replicas": 2, "node_selector": {"pool": "cpu"}},
    },
    "sagemaker": {
        "plain": ML,
        "fixed": ML | {"replicas": 2, "model": "s3://bucket/model.tar.gz"},
        "target": ML | {"target_rps": 500.0, "environment": {"LOG_LEVEL": "debug"}},
    },
    "compose": {"plain": {}, "volume": {"model_claim": "models", "port": 8080, "environment": {"A": "yes"}}},
}
# What knows whole GPUs only cannot be written for a profile of a slice of one.
WHOLE_GPUS = {"azureml", "compose", "sagemaker"}
# Azure scales managed endpoints on the CPUs of a VM, which say nothing of a GPU's load: refused by name.
SCALED_ON_CPU = {("azureml", "scaled")}
CASES = [
    (format_name, variant, profile)
    for format_name, variants in VARIANTS.items()
    for variant in variants
    for profile in PROFILES
    if profile != "slice" or format_name not in WHOLE_GPUS
    if profile != "gpu" or (format_name, variant) not in SCALED_ON_CPU
]


@dataclass(frozen=True)
class Made:
    values: Values
    options: ManifestOptions
    documents: list[Document]

    @property
    def text(self) -> str:
        return write(self.documents)

    @property
    def contents(self) -> list[dict[str, Any]]:
        return [*yaml.safe_load_all(self.text)]

    @property
    def only(self) -> dict[str, Any]:
        (found,) = self.contents
        return found


def made_as(folder: Path, format_name: str, profile: Profile, **options: Any) -> Made:
    """As the command makes it, with its refusals."""
    asked = ManifestOptions(**{"image": IMAGE} | options)
    check_taken(format_name, asked)
    values = make_values(*read_needs(profile_file(folder, profile)), asked)
    return Made(values, asked, FORMATS[format_name].make(values, asked))


def variant(folder: Path, format_name: str, name: str, profile: str) -> Made:
    options = dict(VARIANTS[format_name][name])
    if profile == "gpu" and "instance_type" in options:
        options["instance_type"] = _WITH_GPU[format_name]
    return made_as(folder, format_name, PROFILES[profile], **options)
