"""Where a measured server collects: what it writes is measured, and never lies beside real requests.

A folder of the run's own, removed with the server. Meanwhile every file is removed again soon after it was made, and
the server makes a new one: at a thousand requests per second a long run would otherwise fill the disk.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from plimsoll.settings.resolution import as_flags

_SWEEP_S = 1.0
_PREFIX = ".collected-"


@contextmanager
def collecting_aside(output: Path, wanted: bool) -> Iterator[list[str]]:
    """The flags that have a server collect there, if that is `wanted`. `output` is where a profile may write."""
    if not wanted:
        yield []
        return
    with tempfile.TemporaryDirectory(prefix=_PREFIX, dir=output, ignore_cleanup_errors=True) as name:
        over = threading.Event()
        sweeper = threading.Thread(target=_sweep, args=(Path(name), over), daemon=True)
        sweeper.start()
        try:
            yield as_flags("collect", name)
        finally:
            over.set()
            sweeper.join()


def _sweep(folder: Path, over: threading.Event) -> None:
    while not over.wait(_SWEEP_S):
        for file in folder.rglob("*.jsonl"):
            file.unlink(missing_ok=True)
