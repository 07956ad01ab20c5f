"""Whether it was the memory limit that ended a worker: the process that the kernel kills never hears of it."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from plimsoll.host.cgroups.limits import find_cgroup


@dataclass(frozen=True, slots=True)
class Verdict:
    """`cause` continues a sentence about the worker's end; both are empty where memory has nothing to do with it."""

    cause: str = ""
    remedy: str = ""


class MemoryLimit:
    """Watches the kernel's count of out-of-memory kills in the control group of this process."""

    def __init__(self) -> None:
        self._group = find_cgroup()
        self._seen = self._group.oom_kills()

    def verdict(self, exit_status: int | None) -> Verdict:
        """On a worker that has just ended; asked once for each, for it sees what was counted since the last one."""
        if exit_status != -signal.SIGKILL:
            return Verdict()
        before, self._seen = self._seen, self._group.oom_kills()
        limit_bytes = self._group.memory_limit_bytes()
        limit = "" if limit_bytes is None else f"the memory limit of {limit_bytes / 2**20:.0f} MiB"
        if before is not None and self._seen is not None and self._seen > before:
            return Verdict(
                f": out of memory, {limit or 'the memory of the machine'} was reached",
                "give the container more memory; every worker loads the model once",
            )
        return Verdict(f" ({limit} was not reached)" if limit else "", "possibly out of memory")
