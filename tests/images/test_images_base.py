"""The base is the official Python image, or like it: a stand-in that differs would hide what users meet.

What it is compared with is the recipe, docker-library/python's Dockerfile-linux.template, and the list of packages that
docker-library/repo-info publishes for python:3.11-slim-bookworm (engine/official-packages.txt). The tests hold for the
official image too, and run on it where it can be pulled.
"""

from __future__ import annotations

import pytest
from image_base import Base
from image_engine import SCRIPTS, Engine

pytestmark = pytest.mark.images

_RELEASE = "bookworm"
"""Of the published list of packages; a machine with another Debian makes a stand-in of that one."""
# What the rule keeps for the sake of one extension module, which CPython does not always have: nis left it with 3.13,
# and _gdbm is built only where libgdbm-dev was installed.
_PACKAGES_OF = {
    "_gdbm": {"libgdbm6"},
    "nis": {"libnsl2", "libtirpc3", "libtirpc-common", "libkeyutils1", "libgssapi-krb5-2", "libk5crypto3"}
    | {"libkrb5-3", "libkrb5support0"},
}


def shell(engine: Engine, base: Base, script: str) -> list[str]:
    """The lines that it prints in a container of the base."""
    result = engine.once(base.name, "sh", "-euc", script)
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


def has_module(engine: Engine, base: Base, name: str) -> bool:
    return engine.once(base.name, "python", "-W", "ignore", "-c", f"import {name}").returncode == 0


def test_the_base_has_the_packages_of_the_official_image(engine: Engine, base: Base) -> None:
    release = shell(engine, base, '. /etc/os-release && echo "$VERSION_CODENAME"')
    if release != [_RELEASE]:
        pytest.skip(f"the published list is {_RELEASE}'s, this machine's Debian is {release[0]}")
    wanted = set((SCRIPTS / "official-packages.txt").read_text().split())
    for module, packages in _PACKAGES_OF.items():
        if not has_module(engine, base, module):
            wanted -= packages
    assert set(shell(engine, base, "dpkg-query --show --showformat '${Package}\\n'")) == wanted


def test_tkinter_is_there_and_tk_is_not(engine: Engine, base: Base) -> None:
    """The recipe leaves it out when it collects libraries: `import tkinter` fails in every slim image."""
    assert shell(
        engine, base, "ls -d /usr/local/lib/python3.*/tkinter /usr/local/lib/python3.*/lib-dynload/_tkinter*.so"
    )
    refused = engine.once(base.name, "python", "-c", "import tkinter")
    assert refused.returncode == 1
    assert "ImportError: libtk8.6.so: cannot open shared object file" in refused.stderr


def test_owners_and_modes_are_debians(engine: Engine, base: Base) -> None:
    """A file system that is copied as a folder becomes root's, and group 0 could write to what is the mail group's."""
    folders = "/var/mail /var/local /tmp /etc/shadow /usr/local /usr/local/bin /usr/local/lib/python3.*/os.py"
    assert shell(engine, base, f"stat --format '%U:%G %a' {folders}") == [
        *("root:mail 2775", "root:staff 2775", "root:root 1777", "root:shadow 640"),
        *("root:root 755", "root:root 755", "root:root 644"),
    ]
    assert shell(engine, base, "find / -xdev -group 0 -perm -g+w ! -type l ! -perm -1000") == []


def test_what_the_recipe_removes_is_removed(engine: Engine, base: Base) -> None:
    unwanted = "-name test -o -name tests -o -name idle_test -o -name '*.py[co]' -o -name 'libpython*.a'"
    # These come after the removal.
    later = " -o ".join(f"-path '*/site-packages/{name}'" for name in ("setuptools", "pkg_resources", "wheel"))
    assert shell(engine, base, rf"find /usr/local \( {later} \) -prune -o \( {unwanted} \) -print") == []
    assert shell(engine, base, "find /var/lib/apt/lists /var/cache/apt -type f ! -name lock") == []


def test_commands_and_packages_of_python_are_those_of_the_recipe(engine: Engine, base: Base) -> None:
    for command in ("idle", "pip", "pydoc", "python", "python-config"):
        link = shell(engine, base, f"readlink /usr/local/bin/{command}")
        assert link == [command.replace("-config", "3-config") if "-" in command else f"{command}3"]
    distributions = {"pip", "setuptools", "wheel"} if base.version == "3.11" else {"pip"}
    listed = shell(engine, base, "pip list --disable-pip-version-check --format freeze")
    assert {line.partition("==")[0] for line in listed} == distributions
    assert shell(engine, base, "ls /usr/local/lib/libpython3.*.so*"), "it is built with --enable-shared"


def test_the_environment_is_that_of_the_recipe(engine: Engine, base: Base) -> None:
    environment = dict(line.partition("=")[::2] for line in shell(engine, base, "env"))
    assert environment["PATH"].startswith("/usr/local/bin:")
    assert environment.get("LANG") == ("C.UTF-8" if base.version in {"3.11", "3.12"} else None)
    assert environment["PYTHON_VERSION"].startswith(f"{base.version}.")
