"""A library that is missing: excused where the base image lacked it, found wherever a layer came later.

What is missing here is made from the base's own _tkinter, which lacks Tk: under other names, so that no list of names
could tell the difference.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from image_base import Base
from image_engine import REPOSITORY, Engine

pytestmark = pytest.mark.images

CHECK = ("python", "/opt/plimsoll/steps/libraries.py")


def incomplete(path: str) -> str:
    """A step that puts a library there which needs libzz8.6.so."""
    return f"RUN sed s/libtk8.6/libzz8.6/ /usr/local/lib/python3.*/lib-dynload/_tkinter*.so > {path}\n"


def built(
    engine: Engine, folder: Path, dockerfile: str, tag: str, *, context: Path | None = None, base: str = ""
) -> subprocess.CompletedProcess[str]:
    path = folder / "Dockerfile"
    path.write_text(dockerfile)
    arguments = {"PYTHON_IMAGE": base} if base else {}
    target = "slim" if base else None
    return engine.build(
        path, f"localhost/plimsoll-libraries:{tag}", target=target, context=context or folder, args=arguments
    )


def checked(engine: Engine, image: str) -> subprocess.CompletedProcess[str]:
    return engine.once(image, CHECK[1], flags=("--entrypoint", CHECK[0]))


def test_what_the_base_lacks_is_excused(engine: Engine, slim: str) -> None:
    result = checked(engine, slim)
    assert result.returncode == 0, result.stdout
    assert ": 0 missing, 2 missing in the base image already" in result.stderr
    record = engine.once(slim, "/opt/plimsoll/base-lacks.txt", flags=("--entrypoint", "cat")).stdout
    assert re.findall(r"_tkinter\S+ needs (\S+)", record) == ["libtk8.6.so", "libtcl8.6.so"]


def test_a_base_that_lacks_something_else_is_excused_too(engine: Engine, base: Base, tmp_path: Path) -> None:
    steps = f"FROM {base.name}\n{incomplete('/usr/local/lib/libextra.so')}"
    own = built(engine, tmp_path, steps, "base")
    assert own.returncode == 0, own.stderr
    dockerfile = (REPOSITORY / "Dockerfile.cpu").read_text()
    result = built(
        engine, tmp_path, dockerfile, "on-base", context=REPOSITORY, base="localhost/plimsoll-libraries:base"
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_layer_of_ours_that_lacks_a_library_fails_the_build(engine: Engine, base: Base, tmp_path: Path) -> None:
    before = "RUN python -m plimsoll.install.seal"
    dockerfile = (REPOSITORY / "Dockerfile.cpu").read_text()
    assert before in dockerfile
    broken = dockerfile.replace(before, incomplete("/usr/local/lib/ours.so") + before, 1)
    result = built(engine, tmp_path, broken, "ours", context=REPOSITORY, base=base.name)
    assert result.returncode != 0
    assert "smoke: /usr/local/lib/ours.so needs libzz8.6.so, which is not found" in result.stdout + result.stderr
    assert "libtcl8.6.so, which" in result.stdout + result.stderr, "the base lacks it, but ours.so is not the base's"
    assert "_tkinter" not in re.sub(r"STEP.*", "", result.stdout + result.stderr).partition("smoke: ")[2]


def test_a_users_layer_that_lacks_a_library_fails_its_build(engine: Engine, slim: str, tmp_path: Path) -> None:
    check = f"RUN {' '.join(CHECK)}\n"
    whole = built(engine, tmp_path, f"FROM {slim}\nRUN pip install --quiet cowsay\n{check}", "user")
    assert whole.returncode == 0, whole.stdout + whole.stderr
    for place in ("/opt/plimsoll/user/theirs.so", "/var/azureml-app/theirs.so"):
        result = built(engine, tmp_path, f"FROM {slim}\n{incomplete(place)}{check}", "user")
        assert result.returncode != 0, place
        assert f"{place} needs libzz8.6.so, which is not found" in result.stdout + result.stderr
