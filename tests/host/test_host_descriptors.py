"""Each case in a process of its own: a limit that was lowered for a test would stay lowered."""

from __future__ import annotations

import subprocess
import sys

HEAD = """
import os, resource
from plimsoll.host.descriptors import *
from plimsoll.host.descriptors import open_descriptors
"""


def said(code: str, soft: int, hard: int) -> list[int]:
    limits = f"resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))\n"
    done = subprocess.run([sys.executable, "-c", HEAD + limits + code], capture_output=True, text=True, check=True)
    return [int(word) for word in done.stdout.split()]


def test_the_soft_limit_becomes_the_hard_one_and_can_be_set_back() -> None:
    code = """
found = raise_descriptor_limit()
print(found, descriptor_limit(), descriptor_limit(os.getpid()))
restore_descriptor_limit(found)
print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    assert said(code, 256, 900) == [256, 900, 900, 256, 900]


def test_a_limit_that_is_the_highest_already_stays() -> None:
    assert said("print(raise_descriptor_limit(), descriptor_limit())", 300, 300) == [300, 300]


def test_what_is_open_is_counted() -> None:
    code = """
before = open_descriptors()
held = [os.open("/dev/null", os.O_RDONLY) for _ in range(7)]
print(open_descriptors() - before)
"""
    assert said(code, 256, 900) == [7]
