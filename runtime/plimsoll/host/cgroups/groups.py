"""Control groups of our own: a process that joins one is held to its CPU quota and its memory limit.

Version 1 wants a folder in each controller's tree, version 2 has one tree (see plimsoll.host.cgroups.unified).
Where the files cannot be written, as in most containers, `delegate` says why.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from plimsoll.host.cgroups.limits import Cgroup, find_cgroup, read_int, read_table
from plimsoll.host.cgroups.names import GroupName
from plimsoll.host.cgroups.stale import leave_stale, remove_stale
from plimsoll.host.cgroups.unified import LimitsUnavailable as LimitsUnavailable
from plimsoll.host.cgroups.unified import controllers_for_children, kill, remove

_PERIOD_US = 100_000
_SMALLEST_QUOTA_US = 1000
# Version 1 limits memory and swap together, version 2 swap alone.
_V1_MEMORY = ("memory.limit_in_bytes", "memory.memsw.limit_in_bytes", None)
_V2_MEMORY = ("memory.max", "memory.swap.max", 0)
# What a group has by itself, and the least and most that the kernel takes.
_V1_SHARES, _V2_WEIGHT = (1024, 2, 1 << 18), (100, 1, 10_000)


@dataclass(frozen=True, slots=True)
class GroupUse:
    """What a limited group went through so far; None where the kernel does not tell.

    `memory_peak_bytes` is charged memory, file cache included. A period is 100 ms.
    """

    oom_kills: int
    memory_peak_bytes: int | None
    periods: int
    throttled_periods: int
    throttled_s: float

    def since(self, before: GroupUse) -> GroupUse:
        """Only what came after `before`; the peak stays that of the whole life."""
        return GroupUse(
            self.oom_kills - before.oom_kills,
            self.memory_peak_bytes,
            self.periods - before.periods,
            self.throttled_periods - before.throttled_periods,
            self.throttled_s - before.throttled_s,
        )

    @property
    def throttled_share(self) -> float:
        """Of the periods in which the group had work, those in which its quota ran out."""
        return self.throttled_periods / self.periods if self.periods else 0.0


@dataclass(frozen=True, slots=True)
class LimitedGroup:
    """One group; in version 2 all folders are the same."""

    version: int
    cpu: Path
    memory: Path
    others: tuple[Path, ...] = ()

    @property
    def doors(self) -> list[Path]:
        """A process joins by writing its pid, or 0 for itself, into each of these files."""
        return [folder / "cgroup.procs" for folder in self._folders()]

    def limit_cpu(self, cores: float) -> None:
        """May be changed while processes run."""
        quota_us = max(_SMALLEST_QUOTA_US, round(cores * _PERIOD_US))
        if self.version == 2:
            (self.cpu / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
            return
        (self.cpu / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (self.cpu / "cpu.cfs_quota_us").write_text(str(quota_us))

    def weigh(self, weight: float) -> None:
        """Its part of CPUs that more is wanted of than there is; 1 is what a group, or a process beside it, has anyway.

        What Kubernetes makes of `requests.cpu`: it counts only while others want the same CPUs.
        """
        usual, least, most = _V2_WEIGHT if self.version == 2 else _V1_SHARES
        name = "cpu.weight" if self.version == 2 else "cpu.shares"
        (self.cpu / name).write_text(str(min(max(least, round(weight * usual)), most)))

    def limit_memory(self, size_bytes: int) -> None:
        """Swap must not make up for it; a kernel that does not count swap is left alone."""
        name, swap, swap_bytes = _V1_MEMORY if self.version == 1 else _V2_MEMORY
        (self.memory / name).write_text(str(size_bytes))
        with contextlib.suppress(OSError):
            (self.memory / swap).write_text(str(size_bytes if swap_bytes is None else swap_bytes))

    def use(self) -> GroupUse:
        """Counters since the group was made."""
        cpu = read_table(self.cpu / "cpu.stat")
        kills = read_table(self.memory / ("memory.events" if self.version == 2 else "memory.oom_control"))
        peak = read_int(self.memory / ("memory.peak" if self.version == 2 else "memory.max_usage_in_bytes"))
        throttled_s = cpu.get("throttled_usec", 0) / 1e6 if self.version == 2 else cpu.get("throttled_time", 0) / 1e9
        return GroupUse(
            kills.get("oom_kill", 0), peak, cpu.get("nr_periods", 0), cpu.get("nr_throttled", 0), throttled_s
        )

    def remove(self) -> None:
        """A folder can go when the last process in it is gone, which takes the kernel a moment."""
        for folder in self._folders():
            remove(folder)

    def _folders(self) -> list[Path]:
        return list(dict.fromkeys((self.cpu, self.memory, *self.others)))


@dataclass(frozen=True, slots=True)
class Delegation:
    """The folders below which this process may create control groups, for each controller that is needed."""

    version: int
    cpu: Path
    memory: Path
    others: tuple[Path, ...]

    @contextlib.contextmanager
    def group(self, name: str, weight: float = 1.0) -> Iterator[LimitedGroup]:
        """A new group without limits, which has the weight of one process unless told; it is removed at the end.

        Then its processes must be gone in version 1; version 2 kills those that are not, where it can.
        """
        made = LimitedGroup(self.version, self.cpu / name, self.memory / name, tuple(o / name for o in self.others))
        try:
            for folder in dict.fromkeys((made.cpu, made.memory, *made.others)):
                folder.mkdir(exist_ok=True)
            if weight != 1.0:  # which it has by itself
                made.weigh(weight)
            yield made
        finally:
            kill(made.cpu)
            made.remove()


@contextlib.contextmanager
def delegate(root: Path = Path("/")) -> Iterator[Delegation]:
    """Makes sure that groups can be made below our own; raises LimitsUnavailable. What was moved is moved back."""
    own = _tidy(find_cgroup(root), root)
    if own.cpu is None or own.memory is None:
        raise LimitsUnavailable("no control group with CPU and memory controllers was found")
    for folder in (own.cpu, own.memory):
        if not os.access(folder, os.W_OK):
            raise LimitsUnavailable("the control groups are read-only here")
    if own.cpu_version != own.memory_version:
        raise LimitsUnavailable("CPU and memory are controlled by different versions of control groups")
    try:
        with _prepared(own) as delegation:
            _try_out(delegation)
            yield delegation
    except PermissionError as error:
        raise LimitsUnavailable(f"the control groups cannot be written ({error.strerror})") from error


def _tidy(own: Cgroup, root: Path) -> Cgroup:
    """Profilers that were killed leave groups behind, and may have left us in one."""
    if own.cpu is not None and own.cpu_version == 2 and leave_stale(own.cpu):
        own = find_cgroup(root)
    for folder in (own.cpu, own.memory, own.cpu_account):
        if folder is not None:
            remove_stale(folder)
    return own


@contextlib.contextmanager
def _prepared(own: Cgroup) -> Iterator[Delegation]:
    if own.cpu is None or own.memory is None:
        raise LimitsUnavailable("no control group with CPU and memory controllers was found")
    if own.cpu_version == 1:
        others = () if own.cpu_account in (None, own.cpu) else (own.cpu_account,)
        yield Delegation(1, own.cpu, own.memory, tuple(folder for folder in others if folder is not None))
        return
    with controllers_for_children(own.cpu):
        yield Delegation(2, own.cpu, own.cpu, ())


def _try_out(delegation: Delegation) -> None:
    """A quota above that of a group above us is refused by version 1; so is everything on a read-only mount."""
    try:
        with delegation.group(str(GroupName(os.getpid(), "try"))) as group:
            group.limit_cpu(0.1)
            group.limit_memory(1 << 30)
    except OSError as error:
        raise LimitsUnavailable(f"a control group cannot be given limits ({error.strerror})") from error


@contextlib.contextmanager
def enforcement() -> Iterator[tuple[Delegation | None, str | None]]:
    """Where limited groups can be made; else None and the reason."""
    with contextlib.ExitStack() as stack:
        delegation, why_not = None, None
        try:
            delegation = stack.enter_context(delegate())
        except LimitsUnavailable as reason:
            why_not = str(reason)
        yield delegation, why_not


@contextlib.contextmanager
def limited_group(delegation: Delegation | None, name: str, weight: float = 1.0) -> Iterator[LimitedGroup | None]:
    """A new group of that weight, or None where there can be none."""
    if delegation is None:
        yield None
        return
    with delegation.group(str(GroupName(os.getpid(), name)), weight) as group:
        yield group
