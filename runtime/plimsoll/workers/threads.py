"""How many threads the numerical libraries of a worker may use.

Left alone they take every core of the machine, which in a container with a CPU limit means that the quota is
spent in a fraction of each period and everything stands still for the rest.
"""

from __future__ import annotations

from collections.abc import Mapping

_LIBRARIES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
OWN = "PLIMSOLL_CPU_THREADS"
"""Read by plimsoll.backends; ONNX Runtime knows no variable of its own."""


def thread_environment(usable_cores: float, workers: int, given: Mapping[str, str]) -> dict[str, str]:
    """One worker's share of the cores, at least one thread; what the user has set stays as it is."""
    share = str(max(1, int(usable_cores // workers)))
    return {name: share for name in (OWN, *_LIBRARIES) if not given.get(name)}
