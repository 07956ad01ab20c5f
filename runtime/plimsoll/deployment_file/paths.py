"""Files and folders that a deployment file names: relative to the file, and on this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plimsoll.deployment_file.section import Section

# As in azureml:name:1, azureml://…, https://…, s3://…, git@…; a drive letter of Windows is none.
_ELSEWHERE = re.compile(r"azureml:|git@|[a-z][\w+.-]+://", re.IGNORECASE)


def is_elsewhere(text: str) -> bool:
    """Whether it names something in a cloud."""
    return bool(_ELSEWHERE.match(text))


@contextmanager
def looking_up(section: Section, key: str, text: str) -> Iterator[None]:
    """Raises UsageError for a name that no file can have, a loop of links, and a folder that may not be read."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise section.error(key, f"{text!r} cannot be looked up ({reason})") from None


def local_path(section: Section, key: str, text: str, remedy: str) -> Path:
    """An existing file or folder; raises UsageError with the remedy."""
    if is_elsewhere(text):
        raise section.error(key, f"{text!r} is not on this machine", remedy)
    with looking_up(section, key, text):
        path = (section.file.parent / text).resolve()
        exists = path.exists()
    if not exists:
        raise section.error(key, f"{text!r}: {path} does not exist", f"paths are relative to the file; or {remedy}")
    return path
