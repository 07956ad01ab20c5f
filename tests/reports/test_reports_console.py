"""The console answer for a profile that succeeded and for one that failed; the last lines are the three numbers."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from plimsoll.profiling.result import Profile
from plimsoll.reports.console import answer_lines, print_profile
from plimsoll.reports.units import UNKNOWN, megabytes, milliseconds, number

LATENCY = {"mean": 0.0105, "p50": 0.0104, "p90": 0.0106, "p95": 0.0107, "p99": None, "p999": None, "max": 0.0124}
LEVEL = {
    "connections": 1,
    "requests": 288,
    "successes": 287,
    "outcomes": {"200": 287, "500": 1},
    "seconds": 3.0,
    "requestsPerSecond": 95.4,
    "latencySeconds": LATENCY,
    "cpuSecondsPerRequest": 0.01035,
    "coresUsed": {"mean": 0.99, "p95": 1.0, "max": 1.02},
    "memory": {"pssBytes": 55_000_000, "peakBytes": 56_000_000, "highWaterSumBytes": 98_000_000},
    "wholePasses": True,
    "driverCores": 0.01,
    "elsewhereCores": 0.0,
    "littleRatio": 1.0,
}
HOST = {
    "cpuModel": "A CPU",
    "logicalCpus": 2,
    "allowedCpus": [0, 1],
    "cpuLimitCores": None,
    "usableCores": 2.0,
    "serverCpus": None,
    "driverCpus": None,
    "memoryTotalBytes": 1 << 34,
    "memoryLimitBytes": None,
    "cgroupVersion": 2,
    "kernel": "6.1",
    "python": "3.11.7",
}
DATASET = {
    "path": "d.txt",
    "rows": 3,
    "distinct": 3,
    "bytes": 30,
    "largestBytes": 20,
    "contentTypes": {"text/plain": 3},
}
SETTINGS = {
    "budgetSeconds": 45.0,
    "serverArguments": [],
    "targetRequestsPerSecond": 150.0,
    "maxCpuCores": None,
    "maxMemoryGB": None,
    "workers": 1,
    "threads": 1,
}
FAILED_ROW = {"row": 2, "name": "b[red].jpg", "outcome": "500", "latencySeconds": 0.1, "failuresUnderLoad": 1}
HEAVY_ROW = {
    "row": 4,
    "name": None,
    "bodyBytes": 20,
    "latencySeconds": 0.0107,
    "cpuSeconds": 0.0105,
    "peakMemoryBytes": 4096,
}


def profile_with(**changes: Any) -> Profile:
    content: dict[str, Any] = {
        "name": "digits",
        "description": None,
        "state": "Succeeded",
        "createdTime": "2026-01-01T00:00:00+00:00",
        "elapsedSeconds": 20.4,
        "error": None,
        "gradeReasons": ["not verified"],
        "warnings": ["1 of 3 rows failed"],
        "azureml": {},
        "recommendation": {
            "cpu": {"requestCores": 1.25, "limitCores": 2.0, "reason": "One request costs 10.3 ms of CPU."},
            "memory": {"requestBytes": 192 << 20, "limitBytes": 192 << 20, "reason": "The most it needs is 56 MB."},
            "workers": 1,
            "threads": 1,
            "maxRequestsPerSecond": 63.6,
            "replicas": 3,
        },
        "measurements": {
            "startup": {"secondsToReady": 0.4, "cpuSeconds": 0.34, "firstRequestSeconds": 0.0116},
            "request": {"cpuSeconds": {"mean": 0.01035}, "latencySeconds": LATENCY},
            "concurrencyLevels": [LEVEL],
            "memory": {"peakBytes": 56_000_000, "perWorkerPrivateBytes": 9_000_000},
            "rows": {"count": 3, "distinct": 3, "measured": 3, "failed": [FAILED_ROW], "heaviest": [HEAVY_ROW]},
        },
        "processes": {
            "front": {"cpuSecondsPerRequest": 0.0003},
            "workers": [{"cpuSecondsPerRequest": 0.01}],
            "driver": {"cpuSecondsPerRequest": 0.0001},
        },
        "host": HOST,
        "dataset": DATASET,
        "driver": {"seed": 1, "requestTimeoutSeconds": 15.0, "warmupWindows": 3, "capacityStopped": "flat"},
        "settings": SETTINGS,
    }
    return Profile.model_validate(content | changes)


def failed_profile() -> Profile:
    nothing = {"startup": {}, "request": {"cpuSeconds": {}, "latencySeconds": {}}, "concurrencyLevels": []}
    nothing |= {"memory": {}, "rows": {"count": 3, "distinct": 3, "measured": 0, "failed": [], "heaviest": []}}
    error = {"code": "entry", "message": "init() failed: no model", "exitCode": 3, "details": ["last line"]}
    return profile_with(
        state="Failed",
        error=error,
        measurements=nothing,
        recommendation={"workers": 1, "threads": 1},
        processes={"front": {}, "workers": [], "driver": {}},
    )


def shown(profile: Profile, width: int = 100) -> str:
    stream = io.StringIO()
    print_profile(profile, Console(file=stream, width=width, force_terminal=False))
    return stream.getvalue()


def test_the_last_lines_are_the_answer() -> None:
    assert shown(profile_with()).splitlines()[-3:] == [
        "cpu:    1.25 cores (limit 2)",
        "memory: 192 Mi (0.20 GB)",
        "rate:   up to 63.6 requests/s per replica, 3 replica(s) for the target; grade estimated",
    ]


def test_everything_that_matters_is_on_it() -> None:
    text = " ".join(shown(profile_with()).split())
    for words in (
        "Profile digits: Succeeded in 20 s",
        "10.4 10.7 – 1 0.99 10.3 56",  # noqa: RUF001
        "model 10 ms, server 0.3 ms",
        "row 2 (b[red].jpg) failed: 500",
        "One request costs 10.3 ms of CPU.",
        "The most it needs is 56 MB.",
        "warning: 1 of 3 rows failed",
        "estimated: not verified",
    ):
        assert words in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_answer_is_never_broken_by_a_narrow_console(width: int) -> None:
    lines = shown(profile_with(), width).splitlines()
    assert lines[-3:] == answer_lines(profile_with())
    assert all(len(line) <= width for line in lines[:-3])


def test_a_failed_profile_says_why_and_recommends_nothing() -> None:
    text = shown(failed_profile())
    assert "Failed" in text
    assert "last line" in text
    assert text.splitlines()[-1] == "no recommendation: init() failed: no model"
    assert failed_profile().exit_code == 3


def test_no_colour_codes_where_there_is_no_terminal() -> None:
    assert "\x1b" not in shown(profile_with())


def test_numbers_as_people_read_them() -> None:
    assert [number(value) for value in (0.0, 0.01234, 1.0, 63.595, 123.4, 31234.0, None)] == [
        "0", "0.0123", "1", "63.6", "123", "31234", UNKNOWN,
    ]  # fmt: skip
    assert milliseconds(0.00038) == "0.38"
    assert megabytes(55_704_576) == "56"
    assert (milliseconds(None), megabytes(None)) == (UNKNOWN, UNKNOWN)
