"""The console answer for a profile that succeeded and for one that failed; the last lines are the three numbers."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.console import answer_lines, print_profile
from plimsoll.reports.units import UNKNOWN, cores, megabytes, milliseconds, number, replicas_for_target
from support.finished import HEAVY_ROW, failed_profile, profile_with, verified_profile


def shown(profile: Profile, width: int = 100) -> str:
    stream = io.StringIO()
    print_profile(profile, Console(file=stream, width=width, force_terminal=False))
    return stream.getvalue()


def test_the_last_lines_are_the_answer() -> None:
    assert shown(profile_with()).splitlines()[-3:] == [
        "cpu:    limit 2 cores, request 1.25 cores",
        "memory: 192 Mi (0.20 GB)",
        "rate:   up to 63.6 requests/s per replica, 3 replicas for the target; grade estimated",
    ]


def test_what_no_trial_has_confirmed_is_said_before_any_number() -> None:
    assert answer_lines(profile_with())[0] == "grade:  estimated, not verified"
    assert answer_lines(verified_profile())[0].startswith("cpu: ")


def test_each_number_of_cores_has_the_latency_that_was_measured_with_it() -> None:
    line = answer_lines(verified_profile())[0]
    assert line == "cpu:    limit 2 cores (p95 21 ms), request 1.25 cores (p95 74 ms on a full node)"


def test_flags_that_the_answer_holds_with_come_before_it() -> None:
    whole = profile_with().model_dump(by_alias=True)
    fit = {"secondsPerCall": 0.002, "secondsPerBatch": 0.02, "largestSize": 64, "bestSize": 8}
    measurements = whole["measurements"] | {"batchFit": fit}

    def first_line(**advice: int) -> str:
        changed = profile_with(recommendation=whole["recommendation"] | advice, measurements=measurements)
        return answer_lines(changed)[1]

    assert first_line(workers=2) == "serve:  with --workers 2"
    assert first_line(threads=4, maxBatchSize=8) == "serve:  with --threads 4 --max-batch-size 8"
    assert first_line(maxBatchSize=64) == "cpu:    limit 2 cores, request 1.25 cores", "as the script says"


def test_everything_that_matters_is_on_it() -> None:
    text = " ".join(shown(profile_with()).split())
    for words in (
        "Profile digits: Succeeded in 20 s",
        "10.4 10.7 – 12.4 1 0.99 10.3 56",  # noqa: RUF001
        "model 10 ms, server 0.3 ms",
        "row 2 (b[red].jpg) failed: 500",
        "One request costs 10.3 ms of CPU.",
        "It needs up to 56 MB.",
        "warning: 1 of 3 rows failed",
        "estimated: not verified",
    ):
        assert words in text


def test_what_only_longer_runs_find_out() -> None:
    whole = profile_with().model_dump(by_alias=True)
    latency = {"p50": 0.0123, "p95": 0.02, "p99": None, "max": 0.5}
    point = {"requestsPerSecond": 50.0, "utilisation": 0.5, "latencySeconds": latency}
    growth = {"verdict": "saturating", "bytesPer1000Requests": 1.25e6}
    profile = profile_with(
        recommendation=whole["recommendation"] | {"operatingPoint": point},
        measurements=whole["measurements"] | {"growth": growth},
    )
    text = " ".join(shown(profile, 200).split())
    assert "12.3 ms p50; p95 20 ms, p99 – ms, max 500 ms, at 50 requests/s at random instants" in text  # noqa: RUF001
    assert "+1.25 MB per 1000 requests: saturating" in text


def test_names_of_rows_are_no_markup() -> None:
    measurements = profile_with().model_dump(by_alias=True)["measurements"]
    rows = measurements["rows"] | {"heaviest": [HEAVY_ROW | {"name": "a[/b].jpg", "bodyBytes": 12_000}]}
    assert "4 a[/b].jpg 12,000" in " ".join(shown(profile_with(measurements=measurements | {"rows": rows})).split())


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_answer_is_never_broken_by_a_narrow_console(width: int) -> None:
    lines = shown(profile_with(), width).splitlines()
    assert lines[-4:] == answer_lines(profile_with())
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
    assert [cores(count) for count in (0.5, 1.0, 1.5)] == ["0.5 cores", "1 core", "1.5 cores"]
    assert [replicas_for_target(count) for count in (None, 1, 3)] == [
        "", ", 1 replica for the target", ", 3 replicas for the target",
    ]  # fmt: skip
