"""The images, built once a session, and what tests put into containers; the end of the run says what was found."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from image_base import OTHER_VERSIONS, Base, base_image, default_version
from image_engine import REPOSITORY, Engine, NoEngine, engine_folder, find_engine

_NOTES = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """One line, said at once and again at the end of the run."""
    config = request.config
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    capture = config.pluginmanager.get_plugin("capturemanager")

    def say(text: str) -> None:
        config.stash.setdefault(_NOTES, []).append(text)
        with capture.global_and_fixture_disabled():
            reporter.ensure_newline()
            reporter.write_line(f"  {text}")

    return say


@pytest.fixture(scope="session")
def engine(note: Callable[[str], None]) -> Engine:
    try:
        found = find_engine(engine_folder(), note)
    except NoEngine as error:
        # Without an engine nothing here can be said: one line instead of as many failures as there are tests.
        pytest.exit(str(error), returncode=3)
    note(f"container engine: {found.call('--version').stdout.strip()}")
    return found


def _versions() -> list[Any]:
    marks = {version: [pytest.mark.images_pythons] for version in OTHER_VERSIONS}
    return [pytest.param(version, marks=marks.get(version, ())) for version in (default_version(), *OTHER_VERSIONS)]


@pytest.fixture(scope="session", params=_versions())
def base(engine: Engine, note: Callable[[str], None], request: pytest.FixtureRequest) -> Base:
    try:
        return base_image(engine, request.param, note)
    except NoEngine as error:
        pytest.exit(str(error), returncode=3)


@pytest.fixture(scope="session")
def slim(engine: Engine, base: Base, note: Callable[[str], None]) -> str:
    """The image without TensorFlow and ONNX Runtime, on a base that is named by its digest."""
    return built(engine, base, note, "slim", "cpu", {"PYTHON_IMAGE": base.reference, "BASE_DIGEST": base.digest})


@pytest.fixture(scope="session")
def cpu(engine: Engine, base: Base, slim: str, note: Callable[[str], None]) -> str:
    return built(engine, base, note, "cpu", "cpu")


@pytest.fixture(scope="session")
def gpu(engine: Engine, base: Base, note: Callable[[str], None]) -> str:
    return built(engine, base, note, None, "gpu")


def built(
    engine: Engine,
    base: Base,
    note: Callable[[str], None],
    target: str | None,
    name: str,
    args: Mapping[str, str] | None = None,
) -> str:
    suffix = f"-{base.version}" if base.version in OTHER_VERSIONS else ""
    tag = f"localhost/plimsoll:{target or name}{suffix}"
    begin_s = time.monotonic()
    dockerfile = REPOSITORY / f"Dockerfile.{name}"
    result = engine.build(dockerfile, tag, target=target, args=args or {"PYTHON_IMAGE": base.name})
    if result.returncode:
        said = "\n".join((result.stdout + result.stderr).splitlines()[-20:])
        pytest.fail(f"{dockerfile.name} does not build: …\n{said}", pytrace=False)
    note(f"built {tag} in {time.monotonic() - begin_s:.0f} s")
    return tag


@pytest.fixture(scope="session")
def made(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """The folder that the maker of an entry script has filled; kept between sessions."""
    assert pytestconfig.cache is not None
    cache = pytestconfig.cache

    def make(name: str) -> Path:
        out = cache.mkdir("images-models") / name
        maker = REPOSITORY / "entry_scripts" / name / "make_model.py"
        result = subprocess.run([sys.executable, str(maker), str(out)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return out

    return make


@pytest.fixture
def app(tmp_path: Path) -> Callable[[str], Path]:
    """A folder with a score.py that any user may read; what pytest makes belongs to its user alone."""

    def write(source: str) -> Path:
        folder = tmp_path / "app"
        folder.mkdir(mode=0o755, exist_ok=True)
        (folder / "score.py").write_text(textwrap.dedent(source))
        return folder

    return write


@pytest.fixture
def play(engine: Engine, tmp_path: Path) -> Iterator[Callable[[dict[str, Any]], str]]:
    """Plays one document; gives the id of its container."""
    file = tmp_path / "played.yaml"

    def start(content: dict[str, Any]) -> str:
        file.write_text(yaml.safe_dump(content))
        done = engine.call("kube", "play", str(file))
        assert done.returncode == 0, done.stderr
        lines = done.stdout.split()
        return lines[lines.index("Container:") + 1]

    yield start
    engine.call("kube", "down", str(file))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    notes = config.stash.get(_NOTES, [])
    if notes:
        terminalreporter.section("images")
        for text in notes:
            terminalreporter.write_line(text)
