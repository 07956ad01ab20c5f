"""The watch over the GPUs: what it adds up of its readings, what it does where a driver stalls, fails or loses one."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.host.gpu.nvml import THROTTLING, Gpu, GpuProcess, GpuReading
from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.measure.gpu_watch import GpuWatch, Use
from support.patience import best_of_three
from support.server import wait_for

GB = 10**9
ONE, OTHER = Gpu(0, "GPU-0", "One", 80 * GB), Gpu(1, "GPU-1", "Other", 80 * GB)
OPTIONAL_SHARE = st.none() | st.floats(0, 1)
PROCESS = st.builds(GpuProcess, st.integers(1, 5), st.none() | st.integers(0, 10 * GB))
READING = st.builds(
    GpuReading,
    used_bytes=st.none() | st.integers(0, 80 * GB),
    utilisation=OPTIONAL_SHARE,
    power_w=st.none() | st.floats(0, 700),
    temperature_c=st.none() | st.floats(0, 110),
    throttle_reasons=st.none() | st.lists(st.sampled_from(sorted(THROTTLING.values())), unique=True).map(tuple),
    processes=st.none() | st.lists(PROCESS, max_size=4, unique_by=lambda one: one.pid).map(tuple),
)


def known(values: list[float | None]) -> list[float]:
    return [value for value in values if value is not None]


@settings(deadline=None)
@given(readings=st.lists(READING, max_size=8), tree=st.frozensets(st.integers(1, 5)))
def test_a_use_is_the_sum_of_its_readings(readings: list[GpuReading], tree: frozenset[int]) -> None:
    """What a device does not tell at one moment is left out of the mean, and is never a zero."""
    use = Use()
    for reading in readings:
        use.add(reading, tree)
    busy = known([reading.utilisation for reading in readings])
    power = known([reading.power_w for reading in readings])
    used, heat = [one.used_bytes for one in readings], known([one.temperature_c for one in readings])
    lists = [reading.processes for reading in readings if reading.processes is not None]
    assert (use.readings, use.lists) == (len(readings), len(lists))
    assert use.used_bytes == max((size for size in used if size is not None), default=None)
    assert (use.busy, use.power_w, use.heat_c) == (busy, power, heat)
    assert use.slowed == Counter(reason for one in readings for reason in one.throttle_reasons or ())
    seen = {process.pid for processes in lists for process in processes}
    assert (set(use.process_bytes), use.own) == (seen, seen & tree)
    for pid, most in use.process_bytes.items():
        sizes = [process.used_bytes for processes in lists for process in processes if process.pid == pid]
        assert most == max((size for size in sizes if size is not None), default=None)


class Driver:
    """Says what the test wants at the moment, by device."""

    def __init__(self, **used_bytes: int) -> None:
        self.used: dict[str, int | None] = {"GPU-0": 0, "GPU-1": 0} | {
            f"GPU-{name[1:]}": size for name, size in used_bytes.items()
        }
        self.lost: set[str] = set()
        self.before_each: Callable[[], object] = lambda: None

    def read(self, gpu: Gpu) -> GpuReading:
        self.before_each()
        if gpu.uuid in self.lost:
            return GpuReading(lost=True)
        return GpuReading(used_bytes=self.used[gpu.uuid], processes=(GpuProcess(7, self.used[gpu.uuid]),))


class Peaks(Driver):
    """One GB more for a while, now and then; a glance may take its time."""

    glance_takes_s = 0.0

    def used_bytes(self, gpu: Gpu) -> int | None:
        time.sleep(self.glance_takes_s)
        return self.used[gpu.uuid]

    def peak(self, length_s: float) -> None:
        self.used["GPU-0"] = GB
        time.sleep(length_s)
        self.used["GPU-0"] = 0


def seen_share(length_s: float, count: int = 20) -> float:
    driver, chance = Peaks(), random.Random(7)
    with GpuWatch(driver, [ONE]) as watch:
        watch.begin_server(Configuration(1), False, frozenset)
        for _ in range(count):
            watch.begin("peak")
            time.sleep(0.02 + chance.random() / 10)
            driver.peak(length_s)
            time.sleep(0.01)
    return sum(phase.uses["GPU-0"].used_bytes == GB for phase in watch.servers[0].phases) / count


def test_peaks_of_fifty_milliseconds_are_seen() -> None:
    """Ten whole readings a second, alone, saw 9 of 15."""

    def measure() -> None:
        assert seen_share(0.05) >= 0.95

    best_of_three(measure)


def test_a_driver_that_takes_long_is_asked_less_often() -> None:
    quick, slow = Peaks(), Peaks()
    slow.glance_takes_s = 0.002
    with GpuWatch(quick, [ONE]) as often, GpuWatch(slow, [ONE]) as seldom:
        wait_for(lambda: often.glances >= 20, "twenty glances")
    assert seldom.glances <= often.glances / 3


def test_the_rise_is_that_of_all_devices_and_never_below_nothing() -> None:
    driver = Driver(_0=3 * GB, _1=1 * GB)
    with GpuWatch(driver, [ONE, OTHER], interval_s=0.002) as watch:
        assert watch.rise_bytes() == 0
        driver.used |= {"GPU-0": 5 * GB, "GPU-1": 2 * GB}
        watch.settle()
        assert watch.rise_bytes() == 3 * GB
        driver.used |= {"GPU-0": 0}
        watch.settle()
        assert watch.rise_bytes() == 0, "another program's memory that was given back is not ours"


def test_what_is_in_use_is_known_only_where_every_device_tells_it() -> None:
    driver = Driver(_0=3 * GB, _1=1 * GB)
    with GpuWatch(driver, [ONE, OTHER], interval_s=0.002) as watch:
        assert watch.used_bytes() == 4 * GB
        driver.used |= {"GPU-1": None}
        watch.settle()
        assert watch.used_bytes() is None
        assert watch.rise_bytes() == 0


def test_readings_go_to_the_phase_that_is_on() -> None:
    driver, tree = Driver(), [frozenset({7}), frozenset[int]()]
    with GpuWatch(driver, [ONE], interval_s=0.002) as watch:
        watch.begin("nobody's")
        watch.begin_server(Configuration(2), False, lambda: tree[0])
        for phase, size in (("start", 2 * GB), ("capacity", 9 * GB), ("growth", 4 * GB)):
            driver.used["GPU-0"] = size
            watch.settle()
            watch.begin(phase)
            watch.settle()
        watch.begin_server(Configuration(1), True, lambda: tree[1])
        watch.begin("start")
        watch.settle()
    first, second = watch.servers
    assert (first.configuration, first.trial, second.trial) == (Configuration(2), False, True)
    assert [phase.name for phase in first.phases] == ["start", "capacity", "growth"]
    assert [phase.uses["GPU-0"].used_bytes for phase in first.phases] == [9 * GB, 9 * GB, 4 * GB], "each until the next"
    assert first.phases[1].uses["GPU-0"].own == {7}
    assert second.phases[0].uses["GPU-0"].own == set(), "the list of a server's processes is its own"
    assert watch.after["GPU-0"].used_bytes == 4 * GB


def test_a_device_that_is_lost_ends_the_watch_and_is_named_once() -> None:
    driver = Driver(_1=2 * GB)
    with GpuWatch(driver, [ONE, OTHER], interval_s=0.002) as watch:
        watch.begin_server(Configuration(1), False, frozenset)
        watch.begin("capacity")
        watch.settle()
        driver.lost = {"GPU-1"}
        wait_for(lambda: watch.lost is not None and not watch.hangs, "the end of the watch")
    assert watch.lost is not None
    assert "Other" in watch.lost
    assert "GPU-1" in watch.lost
    assert watch.servers[0].phases[0].uses["GPU-1"].used_bytes == 2 * GB, "what it said until then stands"
    assert watch.after == {}
    assert watch.trouble is None


def test_waiting_for_a_driver_that_hangs_has_an_end() -> None:
    driver, released = Driver(), threading.Event()
    watch = GpuWatch(driver, [ONE], interval_s=0.001)
    driver.before_each = lambda: released.wait(30)
    watch._thread.start()
    begun_s = time.monotonic()
    watch.settle(longest_s=0.1)
    assert time.monotonic() - begun_s < 20, "not until the driver is back"
    assert watch.hangs
    released.set()
    watch.__exit__(None, None, None)
    assert not watch.hangs


def test_how_often_it_really_looked() -> None:
    """A driver that takes its time makes it less often; what it cost this process is counted."""
    watch = GpuWatch(Driver(), [ONE], interval_s=0.01)
    assert watch.looks_per_s is None
    begun_s = time.monotonic()
    with watch:
        wait_for(lambda: watch.looks >= 10, "ten looks")
        watch.settle()
    assert watch.looks_per_s is not None
    assert 0 < watch.looks_per_s <= 101
    assert 0 <= watch.cpu_s <= time.monotonic() - begun_s


def test_a_watch_without_servers_writes_nothing_down() -> None:
    with GpuWatch(Driver(), [ONE], interval_s=0.002) as watch:
        watch.settle()
    assert watch.servers == []
    assert watch.before["GPU-0"].used_bytes == watch.after["GPU-0"].used_bytes == 0
