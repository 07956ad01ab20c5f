"""The command `plimsoll-install`: puts what a user's script needs into an image.

Used in a user's Dockerfile. Understands requirements files and conda environment files, keeps to the image's
constraints, names what it leaves out, and leaves no cache behind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

import click

from plimsoll.errors import ImageConflict, StartError, UsageError
from plimsoll.install.conda import Note, read_environment
from plimsoll.install.lines import Line, Place, parse_line, read_requirements
from plimsoll.install.pins import CONSTRAINTS, read_pins
from plimsoll.install.pip import install
from plimsoll.install.plan import InstallPlan, make_plan

_YAML = (".yml", ".yaml")
_EPILOG = """\b
Exit codes: 0 installed, 1 command line, or pip could not get or build a package, 2 a file cannot be read or
understood, 3 what is asked for and what the image serves with exclude each other.
"""


def main() -> NoReturn:
    try:
        sys.exit(_command().main(standalone_mode=False, prog_name="plimsoll-install"))
    except click.ClickException as error:
        _fail(UsageError(error.format_message(), remedy="see plimsoll-install --help"))
    except (click.exceptions.Abort, KeyboardInterrupt):
        sys.exit(130)
    except StartError as error:
        _fail(error)


def _fail(error: StartError) -> NoReturn:
    _say(f"error: {error}")
    sys.exit(error.exit_code)


def _say(line: str) -> None:
    sys.stderr.write(f"plimsoll-install: {line}\n")
    sys.stderr.flush()


def _command() -> click.Command:
    return click.Command(
        "plimsoll-install",
        params=[
            click.Option(["-r", "--requirement", "requirements"], multiple=True, metavar="FILE", help="Requirements."),
            click.Option(["-f", "--file", "environments"], multiple=True, metavar="FILE", help="Conda environment."),
            click.Argument(["rest"], nargs=-1, metavar="[FILE.yml | REQUIREMENT]..."),
        ],
        callback=_run,
        help="Install what a score.py needs into an image, without replacing what serves.",
        epilog=_EPILOG,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def _run(requirements: Sequence[str], environments: Sequence[str], rest: Sequence[str]) -> int:
    if not (requirements or environments or rest):
        raise UsageError("nothing to install", remedy="give -r requirements.txt or -f myenv.yml")
    constraints = _constraints(os.environ)
    if constraints is None:
        _say(f"note: there is no {CONSTRAINTS} here (it is part of the images), so no installed package is protected")
    pins = read_pins(constraints)
    plan = make_plan(_read(requirements, environments, rest), pins)
    for note in (*plan.notes, *plan.replaced):
        _say(f"note: {note}")
    _must_fit(plan)
    install(plan.lines, constraints, pins)
    return 0


def _read(requirements: Sequence[str], environments: Sequence[str], rest: Sequence[str]) -> Iterator[Line | Note]:
    for name in requirements:
        yield from read_environment(Path(name)) if name.endswith(_YAML) else read_requirements(Path(name))
    for name in environments:
        yield from read_environment(Path(name))
    for word in rest:
        if word.endswith(_YAML):
            yield from read_environment(Path(word))
        else:
            yield from parse_line(word, Place("command line", 0), Path())


def _constraints(environment: Mapping[str, str]) -> Path | None:
    named = environment.get("PIP_CONSTRAINT")
    path = Path(named) if named else CONSTRAINTS
    return path if path.is_file() else None


def _must_fit(plan: InstallPlan) -> None:
    """Names every conflict, not only the first: each build of an image takes its time."""
    if plan.conflicts:
        for conflict in plan.conflicts[:-1]:
            _say(f"error: {conflict}")
        raise ImageConflict(plan.conflicts[-1])


if __name__ == "__main__":
    main()
