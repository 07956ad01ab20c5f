"""Made-up finished profiles: one that succeeded, one that failed."""

from __future__ import annotations

from typing import Any

from plimsoll.profiling.result.profile import Profile

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
CURVES = {
    "timeline": {
        "phases": [
            {"name": name, "beginSeconds": begin, "endSeconds": end}
            for name, begin, end in (("start", 0, 2), ("census", 2, 2.4), ("warm-up", 2.4, 8), ("percentiles", 19, 20))
        ],
        "seconds": [0.5 * step for step in range(1, 41)],
        "cores": [1 + 0.01 * (step % 7) for step in range(1, 41)],
        "memoryBytes": [20_000_000 + 1_000_000 * min(step, 30) for step in range(1, 41)],
    },
    "latencyCurves": [{"connections": 1, "requests": 400, "shares": [0.5, 0.9, 1.0], "seconds": [0.010, 0.011, 0.02]}],
    "rowCosts": {"rows": [1, 2, 3], "bodyBytes": [10, 400, 9000], "cpuSeconds": [0.01, 0.011, 0.05]},
    "levelWindows": [
        {
            "connections": 1,
            "requestsPerSecond": [95.0, 96.0, 95.2],
            "cpuSecondsPerRequest": [0.0103, 0.0104, 0.01035],
        }
    ],
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
        "azureml": {"latencyPercentile99InMs": 40.0, "successRate": 0.999},
        "recommendation": {
            "cpu": {"requestCores": 1.25, "limitCores": 2.0, "reason": "One request costs 10.3 ms of CPU."},
            "memory": {"requestBytes": 192 << 20, "limitBytes": 192 << 20, "reason": "It needs up to 56 MB."},
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
            **CURVES,
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


def verified_profile() -> Profile:
    """Both numbers of cores passed a trial."""
    nothing = {"latencySeconds": {}, "failures": [], "passed": True, "secondsToReady": 0.5, "coresUsed": 0.9}
    nothing |= dict.fromkeys(("requests", "successes", "requestsPerSecond", "throttledShare", "throttledSeconds"), 1)
    nothing |= dict.fromkeys(("oomKills", "memoryPeakBytes", "elsewhereCores"), 0)
    limits = {"cpuCores": 2.0, "memoryBytes": 192 << 20}
    trials = [{"kind": "limit", "limits": limits}, {"kind": "request", "limits": limits, "weightCores": 1.25}]
    evidence = {"targetRequestsPerSecond": 63.6, "seconds": 10.0, "tightness": {"cpu": 0.9, "memory": 0.8}}
    evidence |= {"unlimitedP95Seconds": 0.020, "limitedP95Seconds": 0.021, "fullNodeP95Seconds": 0.074}
    evidence |= {"unlimitedP99Seconds": 0.030, "limitedP99Seconds": 0.031, "fullNodeP99Seconds": 0.099}
    verification = {
        "method": "cgroup v2",
        "whyNotEnforced": None,
        "limits": limits,
        "requestCores": 1.25,
        "passed": True,
        "attempts": [nothing | trial for trial in trials],
        "evidence": evidence | {"p95Ratio": 1.05, "p99Ratio": 1.03},
    }
    return profile_with(grade="verified", gradeReasons=["it passed"], verification=verification)


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
