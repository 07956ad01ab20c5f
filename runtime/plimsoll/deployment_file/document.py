"""One YAML document from a file. Raises UsageError for what is none."""

from __future__ import annotations

from pathlib import Path

import yaml

from plimsoll.deployment_file.section import Section
from plimsoll.errors import UsageError


def read_document(file: Path, notes: list[str] | None = None) -> Section:
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError(f"deployment file {file}: not text in UTF-8") from None
    except OSError as error:
        raise UsageError(f"deployment file {file}: cannot be read ({error.strerror})") from None
    nodes = _composed(file, text)
    if not nodes:
        raise UsageError(f"deployment file {file}: empty", remedy="name a file with a deployment")
    if len(nodes) > 1:
        place = f"deployment file {file}, line {nodes[1].start_mark.line + 1}"
        raise UsageError(f"{place}: a second document", remedy="keep one deployment in each file")
    if not isinstance(nodes[0], yaml.MappingNode):
        raise UsageError(f"deployment file {file}: not a deployment: no mapping of keys to values")
    return Section(file, nodes[0], notes=notes)


def _composed(file: Path, text: str) -> list[yaml.Node]:
    try:
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or str(error).partition("\n")[0]
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"deployment file {file}{line}: not YAML: {reason}") from None
