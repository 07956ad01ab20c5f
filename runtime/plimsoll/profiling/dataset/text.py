"""Text datasets, which may be bigger than the memory: where not all is taken, they are read a second time."""

from __future__ import annotations

import contextlib
import shutil
import sys
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from plimsoll.profiling.dataset.envelope import Envelope
from plimsoll.profiling.dataset.sampling import Sampler

STDIN = Path("-")


@dataclass(frozen=True, slots=True)
class Text:
    """A file that can be read from its beginning as often as wanted; `name` is for messages."""

    name: str
    _file: IO[bytes]

    def lines(self) -> Iterator[bytes]:
        """Each with the LF that ends it."""
        self._file.seek(0)
        # Not `yield from`: whoever stops early would close the file.
        for line in self._file:  # noqa: UP028
            yield line


@contextlib.contextmanager
def open_text(path: Path) -> Iterator[Text]:
    """What comes through a pipe is copied into a file that has no name."""
    with contextlib.ExitStack() as stack:
        file: IO[bytes] = sys.stdin.buffer if path == STDIN else stack.enter_context(path.open("rb"))
        if path == STDIN or not file.seekable():
            copy = stack.enter_context(TemporaryFile())
            shutil.copyfileobj(file, copy)
            file = copy
        yield Text("stdin" if path == STDIN else str(path), file)


def sampled(read: Callable[[], Iterator[Envelope]], sampler: Sampler) -> list[Envelope]:
    """Kept in memory is never much more than what may be taken; `read` begins anew each time."""
    kept: list[Envelope] = []
    sizes_bytes, total_bytes, fits = array("Q"), 0, True
    for envelope in read():
        sizes_bytes.append(len(envelope.body.data))
        total_bytes += sizes_bytes[-1]
        fits = fits and len(sizes_bytes) <= sampler.most_rows and total_bytes <= sampler.most_bytes
        if fits:
            kept.append(envelope)
        else:
            kept.clear()
    chosen = frozenset(sampler.choose(sizes_bytes))
    return kept if fits else [envelope for place, envelope in enumerate(read()) if place in chosen]
