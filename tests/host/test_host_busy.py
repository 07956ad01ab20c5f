"""What is used of the machine, by whomever: /proc/stat beside what this process knows that it used."""

from __future__ import annotations

import time

import psutil

from plimsoll.host.procfs import busy_cpu_s


def test_what_is_used_is_seen() -> None:
    before_s = busy_cpu_s()
    end_s = time.process_time() + 0.2
    while time.process_time() < end_s:
        pass
    assert busy_cpu_s() - before_s >= 0.15, "less a tick or two of 10 ms"


def test_it_is_what_psutil_counts_without_idling() -> None:
    """User time holds that of guests already: proc_stat(5)."""
    before_s, times, after_s = busy_cpu_s(), psutil.cpu_times(), busy_cpu_s()
    busy_s = times.user + times.nice + times.system + times.irq + times.softirq + times.steal
    assert before_s - 0.01 <= busy_s <= after_s + 0.01
