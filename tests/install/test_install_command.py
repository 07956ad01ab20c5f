"""`plimsoll-install` with the real pip: what it installs, skips and refuses, and what pip itself cannot replace."""

from __future__ import annotations

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from little_image import LittleImage

STARLETTE = version("starlette")


@pytest.fixture
def tensorflow() -> str:
    """The version in the image."""
    return version("tensorflow-cpu")


def test_requirements_and_an_environment_in_one_go(image: LittleImage) -> None:
    for name in ("acme-one", "acme-two", "acme-three"):
        image.wheel(name, "1.2.3")
    (image.folder / "requirements.txt").write_text("acme-one>=1\nstarlette\nclick>=8\n")
    (image.folder / "myenv.yml").write_text("dependencies:\n- acme-two=1.2\n- openssl\n- pip:\n  - acme-three\n")
    code, _, said = image.install("-r", "requirements.txt", "myenv.yml")
    assert code == 0, said
    assert image.has("acme-one")
    assert image.has("acme-two")
    assert image.has("acme-three")
    assert not image.has("starlette")
    assert said.count("\n") == 1
    assert "note: openssl (myenv.yml, line 3): a conda-only package: a library" in said


def test_nothing_is_left_behind(image: LittleImage) -> None:
    image.wheel("acme-one", "1.0")
    assert image.install("acme-one")[0] == 0
    assert list(image.temporary.iterdir()) == []
    assert not (image.folder / ".cache").exists()
    assert all(path.stat().st_mode & 0o004 for path in image.packages.rglob("acme_one*"))


def test_a_pin_against_what_serves_is_refused_before_anything_is_installed(image: LittleImage) -> None:
    image.wheel("starlette", "0.13.0")
    image.wheel("acme-one", "1.0")
    (image.folder / "requirements.txt").write_text("acme-one\nstarlette==0.13.0\ngunicorn<20\n")
    code, last, said = image.install("-r", "requirements.txt")
    assert code == 3
    remedy = "(the server needs it: allow this version, or remove the line)"
    served = f"the image serves with starlette {STARLETTE} {remedy}"
    assert f"plimsoll-install: error: starlette==0.13.0 (requirements.txt, line 2): {served}\n" in said
    assert last.startswith(
        "plimsoll-install: error: gunicorn<20 (requirements.txt, line 3): the image serves with gunicorn"
    )
    assert not image.has("acme-one")


def test_a_requirement_of_a_requirement_is_refused_in_one_line(image: LittleImage) -> None:
    image.wheel("starlette", "0.13.0")
    image.wheel("acme-old", "1.0", "starlette<0.14")
    code, last, _ = image.install("acme-old==1.0")
    assert code == 3
    assert last.startswith(
        "plimsoll-install: error: acme-old 1.0 needs starlette<0.14: the image serves with starlette "
    )
    assert STARLETTE in last
    assert "allow this version" in last
    assert not image.has("starlette")


def test_plain_pip_cannot_replace_what_serves_either(image: LittleImage) -> None:
    image.wheel("starlette", "0.13.0")
    image.wheel("acme-old", "1.0", "starlette<0.14")
    for wanted in ("starlette==0.13.0", "acme-old"):
        refused = image.pip("install", "--dry-run", wanted)
        assert refused.returncode == 1
        assert f"The user requested (constraint) starlette=={STARLETTE}" in refused.stdout + refused.stderr
        assert image.pip("install", "--dry-run", wanted, constrained=False).returncode == 0


@pytest.mark.parametrize("wanted", ["onnxruntime-gpu", pytest.param("tensorflow-intel", marks=pytest.mark.tensorflow)])
def test_plain_pip_cannot_overwrite_a_framework_by_its_rival(image: LittleImage, wanted: str) -> None:
    image.wheel(wanted, "9.0")
    assert image.pip("install", "--dry-run", wanted).returncode == 1
    assert image.pip("install", "--dry-run", wanted, constrained=False).returncode == 0


@pytest.mark.tensorflow
def test_the_general_name_of_a_framework_is_there(image: LittleImage, tensorflow: str) -> None:
    image.wheel("tensorflow", "9.0")
    image.wheel("acme-keras", "1.0", "tensorflow>=2")
    code, _, said = image.install("acme-keras", f"tensorflow=={tensorflow}")
    assert code == 0, said
    provided = f"the image provides it with tensorflow-cpu {tensorflow}"
    assert f"note: tensorflow=={tensorflow} (command line): skipped, {provided}" in said
    assert image.pip("show", "tensorflow").stdout.splitlines()[1] == f"Version: {tensorflow}"
    assert image.pip("check").returncode == 0


@pytest.mark.parametrize(
    "wanted", ["onnxruntime-gpu", pytest.param("tensorflow-gpu==2.4", marks=pytest.mark.tensorflow)]
)
def test_rivals_of_the_frameworks(image: LittleImage, wanted: str) -> None:
    code, last, _ = image.install(wanted)
    assert code == 3
    assert f"{wanted} (command line): the image serves with" in last
    assert "and both own the same files (build on plimsoll:gpu)" in last


@pytest.mark.tensorflow
def test_another_version_under_the_general_name(image: LittleImage, tensorflow: str) -> None:
    code, last, _ = image.install("tensorflow==1.15")
    assert code == 3
    serves = f"the image serves with tensorflow-cpu {tensorflow}, and both own the same files"
    assert f"tensorflow==1.15 (command line): {serves} (let the line allow this version" in last


def test_rivals_side_by_side_are_found_where_nothing_rules_them_out(tmp_path: Path) -> None:
    image = LittleImage(tmp_path, sealed=False)
    wheel = image.wheel("onnxruntime-gpu", "9.0")
    code, last, said = image.install(f"./wheels/{wheel.name}")
    assert code == 3
    assert "so no installed package is protected" in said
    assert "onnxruntime and onnxruntime-gpu are both installed, and own the same files" in last


def test_what_plimsoll_serves_itself_is_skipped(image: LittleImage) -> None:
    image.wheel("inference-schema", "1.8")
    image.wheel("azureml-defaults", "1.60")
    code, _, said = image.install("azureml-defaults==1.60", "azureml-contrib-services")
    assert code == 0, said
    assert "azureml-defaults==1.60 (command line): skipped, Plimsoll serves in its place; inference-schema" in said
    assert "azureml-contrib-services (command line): skipped, Plimsoll serves in its place\n" in said
    assert image.has("inference-schema")
    assert not image.has("azureml-defaults")


def test_mlflow_comes_without_a_server_that_excludes_the_images(image: LittleImage) -> None:
    image.wheel("mlflow", "3.17.2", "gunicorn<27")
    image.wheel("mlflow-skinny", "3.17.2")
    image.wheel("pandas", "3.1.1")
    (image.folder / "requirements.txt").write_text("mlflow==3.17.2\n")
    code, _, said = image.install("-r", "requirements.txt")
    assert code == 0, said
    assert "mlflow==3.17.2 (requirements.txt, line 1): mlflow-skinny and pandas are installed" in said
    assert [image.has(name) for name in ("mlflow", "mlflow-skinny", "pandas")] == [False, True, True]


def test_another_scikit_learn_may_take_the_place_of_the_images(image: LittleImage) -> None:
    """A pickled model wants the version that made it."""
    image.wheel("scikit-learn", "1.5.2")
    code, _, said = image.install("scikit-learn==1.5.2")
    assert code == 0, said
    assert image.has("scikit-learn")


def test_markers_that_do_not_hold_are_passed_over(image: LittleImage) -> None:
    assert image.install("starlette==0.1; python_version < '3'")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 1, "nothing to install (give -r requirements.txt or -f myenv.yml)"),
        (["--frobnicate"], 1, "No such option"),
        (["-r", "gone.txt"], 2, "gone.txt: cannot be read: No such file or directory"),
        (["-f", "gone.yml"], 2, "gone.yml: cannot be read: No such file or directory"),
        (["acme-nowhere==1"], 1, "there is no acme-nowhere==1 for this Python (check name and version"),
    ],
)
def test_exit_codes(image: LittleImage, arguments: list[str], code: int, said: str) -> None:
    found, last, _ = image.install(*arguments)
    assert (found, said in last) == (code, True), last


def test_the_seal_pins_what_serves_and_leaves_the_rest_to_the_user(image: LittleImage) -> None:
    lines = image.constraints.read_text().splitlines()
    assert f"starlette=={STARLETTE}  # plimsoll-runtime" in lines
    assert "onnxruntime-gpu<0" in lines
    names = {re.split("[=<]", line)[0] for line in lines}
    assert not names & {"scikit-learn", "scipy", "pytest", "setuptools", "pip", "plimsoll-runtime"}


@pytest.mark.tensorflow
def test_the_seal_pins_tensorflow(image: LittleImage, tensorflow: str) -> None:
    assert f"tensorflow-cpu=={tensorflow}  # tensorflow-cpu" in image.constraints.read_text().splitlines()
