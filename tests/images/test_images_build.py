"""How the images are built: what goes to the engine, and a base that is named by its digest."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from image_base import Base
from image_engine import REPOSITORY, Engine

pytestmark = pytest.mark.images

_CONTEXT_MB = 5


def test_the_context_holds_what_the_images_are_made_of_and_nothing_else(
    engine: Engine, base: Base, tmp_path: Path
) -> None:
    """Neither what is big (virtual environments, models, results) nor what is secret leaves the checkout."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM {base.name}\nCOPY . /context\n")
    result = engine.build(dockerfile, "localhost/plimsoll-context:test", context=REPOSITORY)
    assert result.returncode == 0, result.stderr
    script = (
        "cd /context; find . -mindepth 1 -maxdepth 2 ! -path './runtime/*' | sort; du --summarize --bytes . | cut -f1"
    )
    *found, size = engine.once("localhost/plimsoll-context:test", "sh", "-c", script).stdout.splitlines()
    top = ["./LICENSE", "./README.md", "./images", "./images/locks", "./images/smoke.py", "./images/steps"]
    assert found == [*top, "./pyproject.toml", "./runtime"]
    assert int(size) < _CONTEXT_MB * 1_000_000
    compiled = engine.once("localhost/plimsoll-context:test", "find", "/context", "-name", "*.pyc").stdout
    assert compiled == ""


def test_a_base_that_is_named_by_its_digest(engine: Engine, base: Base, slim: str) -> None:
    """What builds do that can be repeated: the slim image of these tests is built so, the others by the base's name."""
    if not base.digest:
        pytest.skip("Docker gives no digest to an image that was neither pulled nor pushed")
    labels = json.loads(engine.call("image", "inspect", "--format", "{{json .Config.Labels}}", slim).stdout)
    assert labels["org.opencontainers.image.base.name"] == base.reference
    assert labels["org.opencontainers.image.base.digest"] == base.digest
    assert base.reference.endswith(f"@{base.digest}")
