"""A control group of version 2 to play in, and programs that run in it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from plimsoll.host.cgroups.limits import find_cgroup

TOP = Path("/sys/fs/cgroup")


def reason_against() -> str:
    """Empty where these tests can run."""
    if find_cgroup().cpu_version != 2:
        return "there is no cgroup v2 here"
    if os.geteuid() != 0 or not os.access(TOP / "cgroup.subtree_control", os.W_OK):
        return "cgroup v2 cannot be written here"
    return ""


@dataclass(frozen=True, slots=True)
class Box:
    """One group, as an administrator or a container engine would make it."""

    folder: Path

    def pids(self) -> list[int]:
        return [int(pid) for pid in (self.folder / "cgroup.procs").read_text().split()]

    def controllers(self) -> str:
        """Those that children get."""
        return (self.folder / "cgroup.subtree_control").read_text().strip()

    def children(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir())

    def delegate_to(self, user: int) -> None:
        """As cgroups(7) describes it."""
        for path in (self.folder, *(self.folder / f"cgroup.{name}" for name in ("procs", "subtree_control"))):
            os.chown(path, user, user)

    def start(self, arguments: list[str], **more: Any) -> subprocess.Popen[str]:
        """A program of this Python, in the group from its first instruction."""
        door = os.open(self.folder / "cgroup.procs", os.O_WRONLY)
        try:
            return subprocess.Popen(
                [sys.executable, *arguments],
                preexec_fn=lambda: os.write(door, b"0"),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                **more,
            )
        finally:
            os.close(door)

    def run(self, *arguments: str, **more: Any) -> tuple[int, str]:
        """Exit code and output."""
        process = self.start(list(arguments), **more)
        output, _ = process.communicate(timeout=1200)
        return process.returncode, output


@contextmanager
def box(name: str, controllers: str = "+cpu +memory") -> Iterator[Box]:
    """Gone at the end; whoever is still in it is killed."""
    (TOP / "cgroup.subtree_control").write_text("+cpu +memory +pids")
    above = TOP / f"above-{name}"
    above.mkdir()
    (above / "cgroup.subtree_control").write_text(controllers)
    made = Box(above / name)
    made.folder.mkdir()
    try:
        yield made
    finally:
        (above / "cgroup.kill").write_text("1")
        for folder in sorted(above.glob("**/"), reverse=True):
            _remove(folder)


def _remove(folder: Path) -> None:
    for _ in range(100):
        try:
            return folder.rmdir()
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{folder} cannot be removed: {(folder / 'cgroup.procs').read_text()!r}")


@dataclass(slots=True)
class Watch:
    """The limits that were really set on groups of a verification, as long as it ran: name of the file → contents."""

    folder: Path
    seen: dict[str, set[str]] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[Watch]:
        done = threading.Event()
        thread = threading.Thread(target=self._look, args=(done,))
        thread.start()
        try:
            yield self
        finally:
            done.set()
            thread.join()

    def _look(self, done: threading.Event) -> None:
        while not done.wait(0.5):
            for name in ("cpu.max", "memory.max", "memory.swap.max"):
                for path in self.folder.glob(f"plimsoll-*-0/{name}"):
                    try:
                        self.seen.setdefault(name, set()).add(path.read_text().strip())
                    except OSError:
                        continue
