"""CPU and memory limits of the control group that this process is in, version 1, version 2 or both.

Where the group's files lie is read from /proc/self/cgroup and /proc/self/mountinfo; a limit on any group above
counts as well. `root` stands for `/` and lets a test bring its own tree. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

# Version 1 says "no limit" with the greatest page-aligned number.
_NO_LIMIT_BYTES = 1 << 60


@dataclass(frozen=True, slots=True)
class Cgroup:
    """Folders of the controllers; None where the controller is not there."""

    cpu_version: int | None
    cpu: Path | None
    cpu_account: Path | None
    memory_version: int | None
    memory: Path | None
    top: tuple[Path, ...]

    def cpu_limit_cores(self) -> float | None:
        """The smallest CPU quota from this group up, in cores."""
        quotas = (self._quota(folder) for folder in self._upwards(self.cpu))
        return min((quota for quota in quotas if quota is not None), default=None)

    def memory_limit_bytes(self) -> int | None:
        """The smallest memory limit from this group up."""
        name = "memory.max" if self.memory_version == 2 else "memory.limit_in_bytes"
        limits = (read_int(folder / name) for folder in self._upwards(self.memory))
        return min((limit for limit in limits if limit is not None and limit < _NO_LIMIT_BYTES), default=None)

    def throttled_s(self) -> float | None:
        """How long the group's tasks have waited for a new quota period, in all."""
        if self.cpu is None:
            return None
        name, unit_s = ("throttled_usec", 1e-6) if self.cpu_version == 2 else ("throttled_time", 1e-9)
        throttled = read_table(self.cpu / "cpu.stat").get(name)
        return None if throttled is None else throttled * unit_s

    def oom_kills(self) -> int | None:
        """Processes of this group, and in version 2 of groups below it, that the kernel killed for want of memory."""
        if self.memory is None:
            return None
        name = "memory.events" if self.memory_version == 2 else "memory.oom_control"
        return read_table(self.memory / name).get("oom_kill")

    def _quota(self, folder: Path) -> float | None:
        if self.cpu_version == 2:
            words = _read_words(folder / "cpu.max")
            return None if len(words) != 2 or words[0] == "max" else int(words[0]) / int(words[1])
        quota_us, period_us = read_int(folder / "cpu.cfs_quota_us"), read_int(folder / "cpu.cfs_period_us")
        return None if not quota_us or not period_us or quota_us < 0 else quota_us / period_us

    def _upwards(self, folder: Path | None) -> Iterator[Path]:
        while folder is not None:
            yield folder
            folder = None if folder in self.top or folder == folder.parent else folder.parent


def find_cgroup(root: Path = Path("/")) -> Cgroup:
    """The control group of this process; a controller that version 1 holds is taken from there."""
    groups, mounts = _own_groups(root), _mounts(root)
    unified = _unified(root, mounts, groups)
    cpu, account, memory = (_folder(root, mounts.get(c), groups.get(c)) for c in ("cpu", "cpuacct", "memory"))
    return Cgroup(
        cpu_version=_version(cpu, unified),
        cpu=cpu or unified,
        cpu_account=account if cpu else unified,
        memory_version=_version(memory, unified),
        memory=memory or unified,
        top=tuple(_under(root, mount.point) for mount in mounts.values()),
    )


def find_unified(root: Path = Path("/")) -> Path | None:
    """This process's group in the tree of version 2, which may have no controllers: version 1 may hold them."""
    return _unified(root, _mounts(root), _own_groups(root))


def _unified(root: Path, mounts: dict[str, _Mount], groups: dict[str, str]) -> Path | None:
    return _folder(root, mounts.get(""), groups.get(""))


def _version(v1: Path | None, v2: Path | None) -> int | None:
    if v1:
        return 1
    return 2 if v2 else None


@dataclass(frozen=True, slots=True)
class _Mount:
    root: str
    point: str


def _own_groups(root: Path) -> dict[str, str]:
    """Controller → path of the group; the empty name is version 2."""
    groups: dict[str, str] = {}
    for line in _read_lines(root / "proc/self/cgroup"):
        _, controllers, path = line.split(":", 2)
        groups.update(dict.fromkeys(controllers.split(","), path))
    return groups


def _mounts(root: Path) -> dict[str, _Mount]:
    """Controller → where its hierarchy is mounted; the fields are those of proc_pid_mountinfo(5)."""
    mounts: dict[str, _Mount] = {}
    for line in _read_lines(root / "proc/self/mountinfo"):
        before, _, after = line.partition(" - ")
        fields, (kind, _, *options) = before.split(), after.split()
        names = {"cgroup2": [""], "cgroup": options[-1].split(",") if options else []}.get(kind, [])
        for name in names:
            mounts.setdefault(name, _Mount(fields[3], fields[4]))
    return mounts


def _folder(root: Path, mount: _Mount | None, group: str | None) -> Path | None:
    if mount is None or group is None:
        return None
    top = _under(root, mount.point)
    inside = PurePosixPath(group)
    # A container often sees its own group mounted as the top while the path is still the host's.
    relative = inside.relative_to(mount.root) if inside.is_relative_to(mount.root) else PurePosixPath()
    folder = top / relative
    return folder if folder.is_dir() else top if top.is_dir() else None


def _under(root: Path, path: str) -> Path:
    return root / path.lstrip("/")


def _read_lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _read_words(path: Path) -> list[str]:
    return " ".join(_read_lines(path)).split()


def read_int(path: Path) -> int | None:
    """A file that holds one number; None for anything else and for no file."""
    words = _read_words(path)
    return int(words[0]) if words and words[0].lstrip("-").isdigit() else None


def read_table(path: Path) -> dict[str, int]:
    """Lines of a name and a number; empty where there is no such file."""
    pairs = (line.split() for line in _read_lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}
