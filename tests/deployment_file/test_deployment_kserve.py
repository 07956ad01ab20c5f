"""KServe's InferenceService: what is honoured where it names a model folder of this machine, and what is named."""

from __future__ import annotations

import math
import textwrap
from pathlib import Path
from typing import Any

import pytest

from plimsoll.deployment_file.found import Deployment, Resources
from plimsoll.deployment_file.read import read_deployment
from plimsoll.errors import UsageError

HEAD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: digits
  annotations: {a: b}
spec:
"""


def read(folder: Path, predictor: str, *given: str, head: str = HEAD, more: str = "") -> Deployment:
    (folder / "model").mkdir(exist_ok=True)
    file = folder / "service.yaml"
    spec = f"predictor:\n{textwrap.indent(textwrap.dedent(predictor), '  ')}{more}"
    file.write_text(head + textwrap.indent(spec, "  "))
    return read_deployment(file, frozenset(given))


def values(found: Deployment) -> dict[str, Any]:
    return {name: said.value for name, said in found.settings.items()}


def named(found: Deployment) -> list[str]:
    return [
        note.partition("service.yaml: ")[2].split()[0].rstrip(":").removeprefix("spec.predictor.")
        for note in found.notes
    ]


def test_a_model_of_a_known_format(tmp_path: Path) -> None:
    model = """
        minReplicas: 1
        containerConcurrency: 4
        timeout: 30
        serviceAccountName: reader
        model:
          modelFormat: {name: sklearn, version: "1"}
          protocolVersion: v2
          storageUri: model
          env: [{name: OMP_NUM_THREADS, value: "2"}]
          resources:
            requests: {cpu: 1, memory: 512Mi}
            limits: {cpu: 1500m, memory: 1Gi, nvidia.com/gpu: 1}
        """
    found = read(tmp_path, model, more="transformer:\n  containers: []\n")
    assert values(found) == {
        "name": "digits",
        "service_name": "digits",
        "model_name": "digits",
        "scoring_timeout_ms": 30_000,
        "model_dir": str(tmp_path / "model"),
        "entry_script": "builtin:sklearn",
    }
    assert found.requests_at_once is not None
    assert found.requests_at_once.value == 44
    assert {name: said.value for name, said in found.variables.items()} == {"OMP_NUM_THREADS": "2"}
    assert found.target.resources == Resources(
        request_cores=1.0, request_bytes=2**29, limit_cores=1.5, limit_bytes=2**30, gpus={"nvidia.com/gpu": 1.0}
    )
    assert named(found) == [
        "spec.transformer", "model.resources", "model.protocolVersion", "model.modelFormat", "minReplicas",
        "serviceAccountName",
    ]  # fmt: skip


@pytest.mark.parametrize("uri", ["file://{}/model", "{}/model", "./model", "{}/model/w.joblib"])
def test_a_folder_of_this_machine_in_every_spelling(tmp_path: Path, uri: str) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "w.joblib").touch()
    found = read(tmp_path, f"onnx:\n  storageUri: {uri.format(tmp_path)}\n")
    assert values(found)["model_dir"] == str(tmp_path / "model")
    assert values(found)["entry_script"] == "builtin:onnx"


def test_a_model_of_mlflow(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    found = read(tmp_path, f"model:\n  modelFormat: {{name: mlflow}}\n  storageUri: {tmp_path}/model\n")
    assert values(found)["entry_script"] == "builtin:mlflow"


def test_a_container_of_ones_own(tmp_path: Path) -> None:
    containers = """
        containerConcurrency: 0
        containers:
        - {name: sidecar, image: other}
        - name: kserve-container
          image: registry.example/digits:1
          args: [serve]
          env:
          - {name: PLIMSOLL_ENTRY_SCRIPT, value: score.py}
          - {name: AZUREML_MODEL_DIR, value: /mnt/models}
          - {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}
        """
    found = read(tmp_path, containers)
    assert "entry_script" not in found.settings  # the variable gives it
    assert found.requests_at_once is None
    assert set(found.variables) == {"PLIMSOLL_ENTRY_SCRIPT"}
    assert named(found) == [
        "containers[0].name", "containers[1].env[1].name", "containers[1].env[2].valueFrom", "containers[1].image",
        "containers[1].args",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("predictor", "message"),
    [
        (
            "model: {modelFormat: {name: sklearn}, storageUri: 's3://b/m'}",
            "'s3://b/m' is not on this machine (download",
        ),
        ("model: {modelFormat: {name: sklearn}, storageUri: 'pvc://c/m'}", "'pvc://c/m' is not on this machine"),
        ("model: {modelFormat: {name: sklearn}, storageUri: gone}", "storageUri: 'gone': "),
        ("model: {modelFormat: {name: lightgbm}, storageUri: model}", "'lightgbm' has no script here (name one with"),
        ("containers: [{name: c, image: i}]", "a container has no script here (name one with --entry-script)"),
        ("{}", "spec.predictor.model: missing (a predictor has a model or containers)"),
        ("model: {}\nsklearn: {}", "spec.predictor.sklearn: model is there too (a predictor has one model)"),
        ("model: {storageURI: model, modelFormat: {name: onnx}}", "storageURI: unknown key (did you mean storageUri?)"),
        ("onnx: {}\ncontainerConcurency: 1", "unknown key (did you mean containerConcurrency?)"),
        ("onnx: {}\ntimeout: soon", "spec.predictor.timeout: 'soon' is not a whole number"),
        ("onnx: {resources: {limits: {cpu: lots}}}", "spec.predictor.onnx.resources.limits.cpu: 'lots' is not a"),
        ("onnx: {resources: {limits: {cpu: [1]}}}", "limits.cpu: a list or a mapping is not a value"),
        ('onnx: {env: [{name: A, value: "\\uD800"}]}', "onnx.env[0].value: '\\ud800' has half a character"),
        ('onnx: {env: [{name: A, value: "\\0"}]}', "onnx.env[0].value: not a name and value"),
        ("onnx: {env: [{name: A=B}]}", "onnx.env[0].name: not a name and value"),
        ('onnx: {storageUri: "a\\0b"}', "storageUri: 'a\\x00b' cannot be looked up (embedded null byte)"),
        ("containers: {}", "spec.predictor.containers: not a list of mappings"),
    ],
)
def test_what_cannot_be_used_is_named_with_a_remedy(tmp_path: Path, predictor: str, message: str) -> None:
    with pytest.raises(UsageError) as failed:
        read(tmp_path, predictor + "\n")
    assert f"deployment file {tmp_path / 'service.yaml'}, line " in str(failed.value)
    assert message in str(failed.value)


def test_a_key_without_a_value_counts_as_absent(tmp_path: Path) -> None:
    """As the API of Kubernetes treats it."""
    predictor = """
        timeout: null
        minReplicas: ~
        sklearn: null
        containers:
        onnx: {storageUri: model, env: [{name: A, value: null}], resources: {limits: {cpu: null, nvidia.com/gpu: }}}
        """
    found = read(tmp_path, predictor, more="transformer:\n")
    assert set(found.settings) == {"name", "service_name", "model_name", "model_dir", "entry_script"}
    assert found.variables["A"].value == ""
    assert found.target.resources == Resources()
    assert named(found) == ["onnx.modelFormat"]
    with pytest.raises(UsageError, match=r"metadata\.name is missing"):
        read(tmp_path, "onnx: {}\n", head=HEAD.replace("digits", "null"))
    with pytest.raises(UsageError, match="unknown key"):
        read(tmp_path, "onnx: {storageURI: null}\n")


@pytest.mark.parametrize(
    ("text", "cores"),
    [("1E3", 1000), ("1e3", 1000), ("+1", 1), ("+1.5e-1", 0.15), ("2E", 2e18), ("500m", 0.5), ("5e8n", None),
     ("250000u", 0.25), ("1e400", math.inf)],
)  # fmt: skip
def test_quantities_as_kubernetes_writes_them(tmp_path: Path, text: str, cores: float | None) -> None:
    predictor = f"onnx: {{resources: {{limits: {{cpu: {text}}}}}}}\n"
    if cores is None:
        with pytest.raises(UsageError, match="is not a quantity"):
            read(tmp_path, predictor)
    else:
        assert read(tmp_path, predictor).target.resources.limit_cores == pytest.approx(cores)


def test_what_flags_give_may_be_in_the_cloud(tmp_path: Path) -> None:
    predictor = "model: {modelFormat: {name: lightgbm}, storageUri: 's3://bucket/model'}\n"
    found = read(tmp_path, predictor, "model_dir", "entry_script")
    assert set(found.settings) == {"name", "service_name", "model_name"}
    assert named(found) == ["model.storageUri"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("v1beta1", "v1alpha1", "kind: not an InferenceService of serving.kserve.io/v1beta1"),
        ("InferenceService", "ServingRuntime", "kind: not an InferenceService"),
        ("  name: digits\n", "", "metadata.name is missing"),
        ("metadata:\n  name: digits\n  annotations: {a: b}\n", "", "metadata: missing (Kubernetes requires it"),
        ("spec:\n", "spec: {}\nstatus:\n", "spec: no predictor"),
    ],
)
def test_another_kind_of_object_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    with pytest.raises(UsageError) as failed:
        read(tmp_path, "onnx: {}\n", head=HEAD.replace(old, new))
    assert message in str(failed.value)
