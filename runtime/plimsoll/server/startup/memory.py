"""What a memory limit leaves: for large bodies, and for the model, said at the start where it is hardly anything."""

from __future__ import annotations

import logging

from plimsoll.host.cgroups.limits import find_cgroup
from plimsoll.settings.serving import ServeSettings

_LOG = logging.getLogger("plimsoll.server")
_SERVER_BYTES = 50 << 20
"""Master, front and guardian at rest: 49 MB by their proportional set sizes."""
_WORKER_BYTES = 11 << 20
"""An interpreter that has loaded an empty script."""
_LITTLE_BYTES = 32 << 20
_BUFFER_BYTES = 256 << 20
_BUFFER_PART = 4


def buffer_bytes(settings: ServeSettings) -> int:
    """Memory for bodies under way, in each direction; one of the largest must always find room."""
    wanted = settings.max_buffer_bytes
    if wanted is None:
        limit_bytes = find_cgroup().memory_limit_bytes()
        wanted = _BUFFER_BYTES if limit_bytes is None else min(_BUFFER_BYTES, limit_bytes // _BUFFER_PART)
    return max(wanted, settings.max_body_bytes)


def warn_of_little_memory(workers: int) -> None:
    """NumPy and ONNX Runtime alone take more than `_LITTLE_BYTES`: whoever has so little should know it beforehand."""
    limit_bytes = find_cgroup().memory_limit_bytes()
    if limit_bytes is None:
        return
    left_bytes = (limit_bytes - _SERVER_BYTES) // workers - _WORKER_BYTES
    if left_bytes < _LITTLE_BYTES:
        message = "the memory limit of %d MiB leaves %d MiB for the model in each of %d worker(s)"
        _LOG.warning(message, limit_bytes >> 20, max(0, left_bytes) >> 20, workers)
