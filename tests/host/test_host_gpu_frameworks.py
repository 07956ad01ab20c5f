"""What the installed frameworks need of a driver, read from their packages without importing them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from plimsoll.host.gpu.frameworks import Framework, gpu_frameworks, overwritten, too_old

CUDA_12, CUDA_13 = Framework("tensorflow", (12, 5)), Framework("onnxruntime", (13, 0))
FILES = {
    "onnxruntime/capi/build_and_package_info.py": "package_name = 'onnxruntime-gpu'\ncuda_version = '12.8'\n",
    "tensorflow/python/platform/build_info.py": "build_info = OrderedDict([('cuda_version', '12.5.1'), ('x', '9')])\n",
    "torch/version.py": "__version__ = '2.9.0+cu130'\ndebug = False\ncuda: Optional[str] = '13.0'\nhip = None\n",
}


def install(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        (folder / name.partition("/")[0] / "__init__.py").write_text("raise SystemExit('imported')")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages that hides those of this machine."""
    for name in ("onnxruntime", "tensorflow", "torch"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_each_framework_says_what_it_is_built_with(site: Path) -> None:
    install(site, FILES)
    assert [str(one) for one in gpu_frameworks()] == [
        "onnxruntime (CUDA 12.8)",
        "tensorflow (CUDA 12.5)",
        "torch (CUDA 13.0)",
    ]


def test_builds_for_the_cpu_say_nothing(site: Path) -> None:
    cpu = {"torch/version.py": "cuda: Optional[str] = None\ngit_version = '12.5'\n"}
    cpu["onnxruntime/capi/build_and_package_info.py"] = "package_name = 'onnxruntime'\n__version__ = '1.31.1'\n"
    install(site, cpu | {"tensorflow/python/platform/build_info.py": "build_info = OrderedDict([])"})
    assert gpu_frameworks() == ()


@pytest.mark.parametrize(
    ("driver", "cuda", "frameworks", "text"),
    [
        ("580.82.07", (13, 0), [CUDA_12, CUDA_13], None),
        ("525.60.13", (12, 0), [CUDA_12], None),
        ("535.104", (12, 2), [CUDA_12, CUDA_13], None),  # one of them can run
        ("535.104", (13, 0), [CUDA_13], None),  # a compatibility package is installed
        ("470.82.01", (11, 4), [CUDA_12], "tensorflow (CUDA 12.5) needs 525 or newer"),
        ("535.104", (12, 2), [CUDA_13], "onnxruntime (CUDA 13.0) needs 580 or newer"),
        ("470.82.01", (11, 4), [], None),
        ("unknown", (0, 0), [CUDA_12], None),
    ],
)
def test_drivers(driver: str, cuda: tuple[int, int], frameworks: list[Framework], text: str | None) -> None:
    said = too_old(driver, cuda, frameworks)
    assert said == (text and f"the NVIDIA driver {driver} is too old: {text}")


def distribution(site: Path, name: str, file: str) -> None:
    """From Python 3.12 on, a file that a package names and does not have is not counted as one of its files."""
    folder = site / f"{name.replace('-', '_')}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "RECORD").write_text(f"{file},,\n")
    (site / file).parent.mkdir(parents=True, exist_ok=True)
    (site / file).touch()


def test_two_builds_in_one_folder(site: Path) -> None:
    assert overwritten() is None
    distribution(site, "onnxruntime-gpu", "onnxruntime/capi/x.so")
    distribution(site, "onnxruntime", "onnxruntime/capi/x.so")
    assert "the last one installed is what runs" in (overwritten() or "")


def test_an_alias_overwrites_nothing(site: Path) -> None:
    distribution(site, "onnxruntime-gpu", "onnxruntime/capi/x.so")
    distribution(site, "onnxruntime", "onnxruntime-1.0.dist-info/METADATA")
    assert overwritten() is None
