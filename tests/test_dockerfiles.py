"""What the two Dockerfiles say of themselves is true, and what they share is the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from plimsoll.version import __version__

ROOT = Path(__file__).parents[1]
LABELLED = {
    "Dockerfile.cpu": ("cpu", {"TENSORFLOW": "tensorflow-cpu", "ONNXRUNTIME": "onnxruntime"}),
    "Dockerfile.gpu": (
        "gpu",
        {"TENSORFLOW": "tensorflow", "ONNXRUNTIME": "onnxruntime-gpu", "CUDA": "nvidia-cuda-runtime-cu12"},
    ),
}


def locked(lock: str) -> dict[str, str]:
    text = (ROOT / "images" / "locks" / f"{lock}.txt").read_text()
    return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))


def files(lock: str) -> dict[tuple[str, str], set[str]]:
    """Hashes by name and version; a package may be there in one version for each of several Pythons."""
    text = (ROOT / "images" / "locks" / f"{lock}.txt").read_text().replace("\\\n", " ")
    lines = re.findall(r"^([\w.-]+)==(\S+)(.*)", text, re.MULTILINE)
    return {(name, version): set(re.findall(r"sha256:\w+", rest)) for name, version, rest in lines}


def arguments(dockerfile: str) -> list[tuple[str, str]]:
    return re.findall(r"^ARG (\w+)=(\S*)$", (ROOT / dockerfile).read_text(), re.MULTILINE)


@pytest.mark.parametrize("dockerfile", LABELLED)
def test_labels_carry_the_versions_of_the_lock(dockerfile: str) -> None:
    lock, names = LABELLED[dockerfile]
    versions = locked(lock)
    found = [(name, value) for name, value in arguments(dockerfile) if name in names or name == "VERSION"]
    assert found
    for name, value in found:
        assert value == (__version__ if name == "VERSION" else versions[names[name]]), name


def test_both_are_built_the_same_way_up_to_their_packages() -> None:
    common = [
        (ROOT / name).read_text().split("\nARG PYTHON_IMAGE=", 1)[1].split("-packages\n", 1)[0].rpartition("\n")[0]
        for name in LABELLED
    ]
    assert "ENTRYPOINT" in common[0]
    assert common[0] == common[1]


def test_the_frameworks_of_the_gpu_image_share_one_cuda() -> None:
    """onnxruntime-gpu above 1.26 brings libraries of CUDA 13, and overwrites the cuDNN that TensorFlow uses."""
    versions = locked("gpu")
    assert versions["onnxruntime-gpu"] == "1.26.0"
    assert [name for name in versions if name.startswith("nvidia-") and not name.endswith("-cu12")] == ["nvidia-ml-py"]
    assert not {"onnxruntime", "tensorflow-cpu"} & set(versions)


@pytest.mark.parametrize("lock", ["slim", "cpu", "gpu", "build"])
def test_locks_agree_with_the_one_that_the_tests_run_with(lock: str) -> None:
    """The same versions with the same hashes: what `make install` proves for a Python holds for the images."""
    all_of_them, names = files("all"), locked("all")
    here = files(lock)
    assert here
    assert {one: hashes for one, hashes in here.items() if one[0] in names and all_of_them.get(one) != hashes} == {}


@pytest.mark.parametrize("lock", ["slim", "cpu", "gpu", "build"])
def test_every_package_of_a_lock_has_hashes(lock: str) -> None:
    text = (ROOT / "images" / "locks" / f"{lock}.txt").read_text().replace("\\\n", " ")
    for line in filter(None, text.splitlines()):
        assert "--hash=sha256:" in line, line[:80]


def test_slim_has_no_framework() -> None:
    assert not {"numpy", "tensorflow-cpu", "onnxruntime", "scikit-learn"} & set(locked("slim"))
