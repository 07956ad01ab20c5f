"""Kernels that tell less: PSS by kind from the single mappings, and nothing at all."""

from __future__ import annotations

import os

import pytest

from plimsoll.host import procfs
from plimsoll.host.memory import read_anonymous, read_memory
from plimsoll.host.processes import ProcessTree
from plimsoll.profiling.measure.meter import ServerMeter

SMAPS = """\
00400000-00452000 r-xp 00000000 08:02 173521  /usr/bin/python3
Rss:  400 kB
Pss:  200 kB
Anonymous:  12 kB
7f0000000000-7f0000200000 rw-p 00000000 00:00 0
Rss:  1000 kB
Pss:  900 kB
Anonymous:  1000 kB
7f1000000000-7f1000200000 rw-s 00000000 00:05 4026  /dev/shm/pool
Rss:  64 kB
Pss:  32 kB
Anonymous:  0 kB
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0  [stack]
Rss:  20 kB
Pss:  20 kB
Anonymous:  20 kB
"""


def old_kernel(monkeypatch: pytest.MonkeyPatch, rollup: bool) -> None:
    read = procfs.read_text

    def text(path: str) -> str | None:
        if path.endswith("smaps_rollup"):
            return "Rss:  1484 kB\nPss:  1152 kB\nAnonymous:  1032 kB\n" if rollup else None
        return SMAPS if path.endswith("smaps") else read(path)

    monkeypatch.setattr(procfs, "read_text", text)


def test_pss_by_kind_is_added_up_where_the_kernel_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    old_kernel(monkeypatch, rollup=True)
    memory = read_memory(os.getpid())
    assert memory is not None
    assert memory.private_bytes == (12 + 900 + 20) * 1024
    assert memory.shmem_bytes == 32 * 1024
    assert read_anonymous(os.getpid()) == 1032 * 1024


def test_the_sums_agree_with_a_kernel_that_tells() -> None:
    told = procfs.read_sizes(os.getpid(), "smaps_rollup")
    if "Pss_Anon" not in told:
        pytest.skip("this kernel does not split PSS")
    assert procfs.read_pss_kinds(os.getpid())["Pss_Anon"] == pytest.approx(told["Pss_Anon"], rel=0.05)


def test_memory_that_is_not_told_is_unknown_and_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    old_kernel(monkeypatch, rollup=False)
    assert read_memory(os.getpid()) is None
    assert read_anonymous(os.getpid()) is None
    meter = ServerMeter(ProcessTree(os.getpid()))
    meter.memory()
    assert meter.memory_unknown is not None
    assert "smaps_rollup" in meter.memory_unknown
    assert meter.anonymous_bytes() is None
