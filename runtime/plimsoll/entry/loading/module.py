"""Executes the script's file as the module `entry_module`, with the import path that scripts expect."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

from plimsoll.entry.failures import BrokenScript, line_in, one_line, remedy_for, user_traceback
from plimsoll.entry.forked import end_if_forked
from plimsoll.entry.spec import EntrySpec

MODULE_NAME = "entry_module"


def prepare_path(spec: EntrySpec) -> None:
    """The working directory first, then application root, source directory and the script's own folder."""
    with suppress(OSError):
        _prepend(str(Path.cwd()))
    for folder in (spec.app_root, spec.source_dir, str(Path(spec.entry_script).parent)):
        if folder and folder not in sys.path:
            sys.path.append(folder)


def load_module(path: str) -> ModuleType:
    _must_be_readable(path)
    found = module_spec(path)
    module = module_from_spec(found)
    # Dataclasses and pickle look their module up by name.
    sys.modules[MODULE_NAME] = module
    try:
        found.loader.exec_module(module)  # type: ignore[union-attr]
    except BaseException as failure:
        end_if_forked(failure)
        del sys.modules[MODULE_NAME]
        report = user_traceback(failure)
        remedy = remedy_for(failure) or _packages_for(path, failure)
        raise BrokenScript(_why(path, failure), report=report, remedy=remedy) from None
    return module


def module_spec(path: str) -> ModuleSpec:
    found = ModuleSpec(MODULE_NAME, SourceFileLoader(MODULE_NAME, path), origin=path)
    # Gives the module its __file__.
    found.has_location = True
    return found


def _prepend(folder: str) -> None:
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)


def _must_be_readable(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as failure:
        message = f"{path}: the entry script cannot be read: {failure.strerror}"
        raise BrokenScript(message, remedy=remedy_for(failure)) from None
    if os.path.isdir(path):  # noqa: PTH112
        raise BrokenScript(f"{path}: the entry script is a directory, not a file")


def _packages_for(path: str, failure: BaseException) -> str:
    """SageMaker's images install what is listed beside the script when they start; here the image does."""
    listed = Path(path).with_name("requirements.txt")
    if not isinstance(failure, ModuleNotFoundError) or not listed.is_file():
        return ""
    return f"{listed} is not installed at the start: RUN plimsoll-install {listed.name} in the image"


def _why(path: str, failure: BaseException) -> str:
    line = line_in(path, failure)
    place = f"{path}, line {line}" if line else path
    return f"Failed to import user script {place}: {one_line(failure)}"
