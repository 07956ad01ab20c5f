"""What a memory limit leaves for the model, said at the start where it is hardly anything."""

from __future__ import annotations

import logging

from plimsoll.host.cgroup import find_cgroup

_LOG = logging.getLogger("plimsoll.server")
_SERVER_BYTES = 50 << 20
"""Master, front and guardian at rest: 49 MB by their proportional set sizes."""
_WORKER_BYTES = 11 << 20
"""An interpreter that has loaded an empty script."""
_LITTLE_BYTES = 32 << 20


def warn_of_little_memory(workers: int) -> None:
    """NumPy and ONNX Runtime alone take more than `_LITTLE_BYTES`: whoever has so little should know it beforehand."""
    limit_bytes = find_cgroup().memory_limit_bytes()
    if limit_bytes is None:
        return
    left_bytes = (limit_bytes - _SERVER_BYTES) // workers - _WORKER_BYTES
    if left_bytes < _LITTLE_BYTES:
        message = "the memory limit of %d MiB leaves %d MiB for the model in each of %d worker(s)"
        _LOG.warning(message, limit_bytes >> 20, max(0, left_bytes) >> 20, workers)
