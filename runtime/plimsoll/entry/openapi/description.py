"""Descriptions of the scoring API: Swagger 2, OpenAPI 3.0 and 3.1, as plain dictionaries.

A worker builds them after init() with `documents`; the front keeps what it is sent and picks one with `chosen`.
Files of the user's in the application root take the place of what would be built.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plimsoll.entry.failures import BrokenScript, log_line
from plimsoll.entry.openapi.documents import Document, Service, openapi3, swagger2
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import NotFound

_ANYTHING = {"type": "object", "example": {}}
_DEFAULT = "2"


@dataclass(slots=True, frozen=True)
class _Version:
    """`files`: the user's, the first that exists; `registered`: the version's name in inference-schema."""

    files: tuple[str, ...]
    registered: str
    build: Callable[[Service], Document]


_VERSIONS = {
    "2": _Version(("swagger.json", "swagger2.json"), "2.0", swagger2),
    "3": _Version(("swagger3.json",), "3.0", lambda service: openapi3(service, "3.0.3")),
    "3.1": _Version(("swagger3.1.json",), "3.1", lambda service: openapi3(service, "3.1.0")),
}
_NAMES = {"2": "2", "2.0": "2", "3": "3", "3.0": "3", "3.1": "3.1"}


def documents(run: Callable[..., Any], spec: EntrySpec) -> dict[str, Document]:
    """By version, as far as the samples in the script's decorators can be described in that version."""
    service, possible = _described(run, spec)
    found: dict[str, Document] = {}
    for name, version in _VERSIONS.items():
        document = _users(spec.app_root, version.files)
        if document is None and version.registered in possible:
            document = version.build(service)
        if document is not None:
            found[name] = document
    return found


def chosen(available: Mapping[str, Document], version: str | None) -> Document:
    """The document for `?version=`; raises `NotFound` with a text for the client."""
    asked = _DEFAULT if version is None else version
    listed = f"[{', '.join(sorted(available))}]"
    if asked not in _NAMES:
        raise NotFound(f"Swagger version [{asked}] is not valid. Supported versions: {listed}.")
    if _NAMES[asked] not in available:
        raise NotFound(
            f"Swagger version [{asked}] is not supported for the scoring script. Supported swagger versions: {listed}."
        )
    return available[_NAMES[asked]]


def _described(run: Callable[..., Any], spec: EntrySpec) -> tuple[Service, list[str]]:
    prefix = spec.service_path_prefix.strip("/")
    names = (spec.service_name, spec.service_version, f"/{prefix}" if prefix else "")
    registry = sys.modules.get("inference_schema.schema_util")
    if registry is None or not registry.is_schema_decorated(run):
        return Service(*names, _ANYTHING, _ANYTHING), [version.registered for version in _VERSIONS.values()]
    service = Service(*names, registry.get_input_schema(run), registry.get_output_schema(run))
    return service, registry.get_supported_versions(run)


def _users(app_root: str, names: tuple[str, ...]) -> Any:
    """What the first of the files says that is not empty: it is served, whatever it is."""
    for name in names:
        path = Path(app_root, name)
        if path.exists() and (document := _loaded(path)):
            return document
    return None


def _loaded(path: Path) -> Any:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise BrokenScript(f"{path}: the API description cannot be read as JSON: {failure}") from None
    if not isinstance(document, dict):
        done = "served as it is" if document else "left out"
        log_line(f"{path}: the API description is not a JSON object, and is {done}: no client can be generated from it")
    return document
