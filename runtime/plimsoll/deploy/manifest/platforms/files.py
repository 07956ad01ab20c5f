"""Documents that different tools read, and so lie in files of their own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from plimsoll.deploy.flags import put_out
from plimsoll.deploy.manifest.document import Document, comment, write
from plimsoll.deploy.manifest.options import write_to
from plimsoll.errors import UsageError


@dataclass(frozen=True, slots=True)
class File(Document):
    """`path` is relative to the folder that `--output` names."""

    path: str = ""


@dataclass(frozen=True, slots=True)
class JsonFile(File):
    """For tools that read JSON alone; in a stream its head stands above it as in YAML, of which JSON is a part."""

    def lines(self) -> Iterator[str]:
        yield from comment(self.head)
        yield from json.dumps(self.content, indent=2).splitlines()


def put(documents: Sequence[Document], output: Path | None) -> None:
    """One stream, to a file or to standard output; or each file by itself, into a folder. Raises UsageError."""
    files = [document for document in documents if isinstance(document, File)]
    if output is not None and files:
        _into_folder(files, output)
    else:
        put_text(write(documents if output else [_titled(document) for document in documents]), output)


def put_text(text: str, output: Path | None) -> None:
    """To a file or to standard output. Raises UsageError."""
    if output is None:
        put_out(text)
    else:
        write_to(output, text)


def _titled(document: Document) -> Document:
    if not isinstance(document, File):
        return document
    return replace(document, head=f"File {document.path}. {document.head}")


def _into_folder(files: Sequence[File], folder: Path) -> None:
    names = ", ".join(file.path for file in files)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--output {folder}: {error.strerror}", remedy=f"name a folder: this format has the files {names}"
        ) from error
    for file in files:
        write_to(folder / file.path, write([replace(file, head="") if isinstance(file, JsonFile) else file]))
