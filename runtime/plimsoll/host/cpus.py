"""What this machine gives to this process: cores, memory, kernel."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

from plimsoll.host.cgroups.limits import find_cgroup
from plimsoll.host.procfs import parse_kilobytes


@dataclass(frozen=True, slots=True)
class Host:
    """The machine as this process sees it; `usable_cores` is what affinity and the CPU quota both allow."""

    cpu_model: str | None
    logical_cpus: int
    allowed_cpus: tuple[int, ...]
    cpu_limit_cores: float | None
    usable_cores: float
    memory_total_bytes: int
    memory_limit_bytes: int | None
    cgroup_version: int | None
    kernel: str
    python: str


def describe_host(root: Path = Path("/")) -> Host:
    """Reads the machine once; nothing in it changes while a program runs, or it is not noticed."""
    cgroup = find_cgroup(root)
    allowed, limit_cores = tuple(sorted(os.sched_getaffinity(0))), cgroup.cpu_limit_cores()
    memory = parse_kilobytes((root / "proc/meminfo").read_text())
    return Host(
        cpu_model=_cpu_model(root),
        logical_cpus=os.cpu_count() or len(allowed),
        allowed_cpus=allowed,
        cpu_limit_cores=limit_cores,
        usable_cores=usable_cores(len(allowed), limit_cores),
        memory_total_bytes=memory["MemTotal"],
        memory_limit_bytes=cgroup.memory_limit_bytes(),
        cgroup_version=cgroup.cpu_version,
        kernel=platform.release(),
        python=platform.python_version(),
    )


def usable_cores(allowed_cpus: int, limit_cores: float | None) -> float:
    """Cores that can be busy at once on average."""
    return float(allowed_cpus) if limit_cores is None else min(float(allowed_cpus), limit_cores)


def _cpu_model(root: Path) -> str | None:
    for line in (root / "proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() in {"model name", "Model"}:
            return value.strip()
    return None
