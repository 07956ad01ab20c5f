"""The shapes behind the numbers of `profile.json`, for charts and for comparing two profiles.

Lists that belong together have the same length: the n-th entries are one point.
"""

from __future__ import annotations

from pydantic import Field

from plimsoll.profiling.result.base import Model


class PhaseSpan(Model):
    """One phase; seconds since the server was started."""

    name: str
    begin_seconds: float
    end_seconds: float


class Timeline(Model):
    """Cores and memory of the server's tree. `cores` is the mean since the point before.

    `memory_bytes` is for the shape: resident memory, of which what several processes map was taken off in the
    proportion of the last exact reading. The exact figures are in `memory` and in the levels. `gpu_memory_bytes`
    is what was in use on the GPUs above what it was before the start; empty where none was watched.
    """

    phases: list[PhaseSpan] = Field(default_factory=list)
    seconds: list[float] = Field(default_factory=list)
    cores: list[float] = Field(default_factory=list)
    memory_bytes: list[int] = Field(default_factory=list)
    gpu_memory_bytes: list[int] = Field(default_factory=list)


class LatencyCurve(Model):
    """`shares[n]` of the `requests` took at most `seconds[n]`; successful ones of one level, all windows pooled."""

    connections: int
    requests: int
    shares: list[float]
    seconds: list[float]


class RowCosts(Model):
    """What rows cost alone on the server: all of them or, of many, some spread evenly over the sizes of the bodies."""

    rows: list[int] = Field(default_factory=list)
    body_bytes: list[int] = Field(default_factory=list)
    cpu_seconds: list[float] = Field(default_factory=list)


class LevelWindows(Model):
    """The windows of one level, one by one: their spread is the interval of what is stated as a mean."""

    connections: int
    requests_per_second: list[float]
    cpu_seconds_per_request: list[float]
