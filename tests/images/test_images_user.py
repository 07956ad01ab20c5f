"""What users build on top: the example serves, and requirements that fight the server's own stop the build."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from image_container import Limits
from image_engine import REPOSITORY, Engine

pytestmark = pytest.mark.images

EXAMPLE = REPOSITORY / "images" / "example"
IRIS = json.dumps({"data": [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]}).encode()
INSTALLS = """
ARG PLIMSOLL
FROM ${PLIMSOLL}
COPY requirements.txt /tmp/
RUN plimsoll-install -r /tmp/requirements.txt
"""


def test_the_example_of_a_users_image_serves_its_model(engine: Engine, cpu: str) -> None:
    tag = "localhost/plimsoll-example:test"
    result = engine.build(EXAMPLE / "Dockerfile", tag, context=EXAMPLE, args={"PLIMSOLL": cpu})
    assert result.returncode == 0, result.stdout + result.stderr
    with engine.run(tag, limits=Limits(hardened=True)) as container:
        assert container.post("/score", IRIS).json() == {"species": ["setosa", "virginica"]}
        assert container.exec("plimsoll", "healthcheck").returncode == 0


def install(engine: Engine, image: str, folder: Path, requirements: str) -> tuple[int, list[str]]:
    """Exit status of the build, and what plimsoll-install said in it."""
    (folder / "Dockerfile").write_text(INSTALLS)
    (folder / "requirements.txt").write_text(requirements)
    result = engine.build(
        folder / "Dockerfile", "localhost/plimsoll-user:test", context=folder, args={"PLIMSOLL": image}
    )
    lines = (result.stdout + result.stderr).splitlines()
    return result.returncode, [
        line.partition("plimsoll-install: ")[2] for line in lines if "plimsoll-install: " in line
    ]


def test_requirements_that_replace_what_serves_fail_the_build(engine: Engine, slim: str, tmp_path: Path) -> None:
    code, said = install(engine, slim, tmp_path, "cowsay\nstarlette==0.40.0\n")
    assert code != 0
    # BuildKit repeats at its end what a step said that failed.
    (error,) = {line for line in said if line.startswith("error: ")}
    assert "requirements.txt, line 2" in error
    assert "starlette==0.40.0" in error


def test_requirements_that_fit_are_installed(engine: Engine, slim: str, tmp_path: Path) -> None:
    code, said = install(engine, slim, tmp_path, "cowsay\n")
    assert code == 0, said
    result = engine.once("localhost/plimsoll-user:test", "-c", "import cowsay", flags=("--entrypoint", "python"))
    assert result.returncode == 0, result.stderr
