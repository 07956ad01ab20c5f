"""Traffic from a table or between two rates; what is wrong with a table is said with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.deploy.plan.cluster.traffic import Traffic, parse_swing, read_traffic
from plimsoll.deploy.plan.cluster.trial import step_of
from plimsoll.errors import TableError, UsageError

MINUTES = "time,rps\n2026-03-01T00:00,10\n2026-03-01T00:01,12.5\n2026-03-01T00:02,0\n"


def table(folder: Path, text: str) -> Traffic:
    path = folder / "trace.csv"
    path.write_text(text)
    return read_traffic(path)


def test_a_rate_per_minute(tmp_path: Path) -> None:
    traffic = table(tmp_path, MINUTES)
    assert (traffic.step_s, traffic.rates_rps, traffic.seconds) == (60.0, (10.0, 12.5, 0.0), 180.0)
    assert [traffic.rate_rps(at_s) for at_s in (0, 59.9, 60, 179, 500)] == [10, 10, 12.5, 0, 0]
    assert (traffic.most_rps, traffic.mean_rps, traffic.peak_s) == (12.5, 7.5, 90.0)
    assert traffic.begin is not None
    assert traffic.begin.isoformat() == "2026-03-01T00:00:00+00:00"


def test_a_rate_per_hour_in_seconds_with_other_columns(tmp_path: Path) -> None:
    traffic = table(tmp_path, "\ufeffRPS, note ,Time\n5,night,0\n\n7,day,3600\n")
    assert (traffic.step_s, traffic.rates_rps, traffic.begin) == (3600.0, (5.0, 7.0), None)


@pytest.mark.parametrize(("step_s", "simulated_s"), [(1, 1.0), (5, 5.0), (7, 3.5), (300, 5.0), (3600, 5.0)])
def test_any_regular_step_is_simulated_in_parts_of_five_seconds_at_most(
    tmp_path: Path, step_s: int, simulated_s: float
) -> None:
    traffic = table(tmp_path, f"time,rps\n0,5\n{step_s},7\n{2 * step_s},6\n")
    assert (traffic.step_s, step_of(traffic)) == (step_s, simulated_s)


def test_steps_are_counted_though_seconds_are_floats(tmp_path: Path) -> None:
    """0.9 to 1.9 is a little less than 1 s, and the ninth row of 13 s begins a little before 117."""
    path = tmp_path / "trace.csv"
    path.write_text("time,rps\n0.9,1\n1.9,2\n2.9,3\n")
    assert read_traffic(path).rates_rps == (1.0, 2.0, 3.0)
    path.write_text("time,rps\n" + "".join(f"{13 * row},{row}\n" for row in range(12)))
    assert read_traffic(path).rate_rps(27 * (13 / 3)) == 9.0


def test_dates_with_an_offset(tmp_path: Path) -> None:
    # An hour is missing on the clock, but not in time.
    traffic = table(tmp_path, "time,rps\n2026-03-29T01:00+01:00,5\n2026-03-29T03:00+02:00,6\n")
    assert traffic.step_s == 3600.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: no column time and no column rps, but nothing"),
        ("when,rps\n0,1\n60,1\n", "line 1: no column time, but when, rps"),
        ("time,rps\n0,1\n", "line 1: there are fewer than two rows below it"),
        ("time,rps\n0,1\n60,-3\n", "line 3: rps -3 is not a rate of 0 or more"),
        ("time,rps\n0,1\n60,nan\n", "line 3: rps nan is not a rate of 0 or more"),
        ("time,rps\n0,1\n60,inf\n", "line 3: rps inf is not a rate of 0 or more"),
        ("time,rps\n0,1\n60,1e300\n", "line 3: rps 1e300 is not a rate of 0 or more, at most 1e+12"),
        ("time,rps,rps\n0,1,5\n60,2,90\n", "line 1: the column rps is there twice"),
        ("time,rps\n0,1\n60,many\n", "line 3: rps 'many' is not a number"),
        ("time,rps\n0,1\n60,1\n180,1\n", "line 4: a gap: 120 s after the row before, where 60 s are expected"),
        ("time,rps\n0,1\n3600,1\n3660,1\n", "line 4: a gap: 60 s after the row before, where 3600 s are expected"),
        ("time,rps\n0,1\n7200,1\n", "line 3: it comes 7200 s after the row before, not 1 s to 3600 s"),
        ("time,rps\n0,1\n0.5,1\n", "line 3: it comes 0.5 s after the row before, not 1 s to 3600 s"),
        ("time,rps\n0,1\n5,1\n11,1\n", "line 4: a gap: 6 s after the row before, where 5 s are expected"),
        ("time,rps\n0,1\n60,1\n60,1\n", "line 4: it is not later than the row before"),
        ("time,rps\n60,1\n0,1\n", "line 3: it is not later than the row before"),
        ("time,rps\n0,1\nnoon,1\n", "line 3: time 'noon' is neither a number of seconds nor a date such as"),
        ("time,rps\n0,1\n2026-01-01,1\n", "line 3: time is a date in one row and a number of seconds in another"),
        ("time,rps\n0,1\n60,1,1\n", "line 3: 3 cells under 2 columns"),
        ('time,rps\n0,1\n60,"1\n120,1\n', "line 3: no line of CSV (unexpected end of data)"),
        ("time,rps\n0,0\n60,0\n", "line 3: up to here, which is the end, every rate is 0"),
        ("time,rps\n" + "".join(f"{3600 * hour},1\n" for hour in range(745)), "it is longer than 31 days"),
        ("time,rps\n" + "".join(f"{second},1\n" for second in range(44_641)), "line 44642: more than 44640 rows"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TableError) as raised:
        table(tmp_path, text)
    assert raised.value.exit_code == 2
    assert message in raised.value.message
    assert "trace.csv" in raised.value.message
    assert raised.value.hint


def test_a_table_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "bytes.csv").write_bytes(b"time,rps\n0,\xff\n")
    for name in ("none.csv", "bytes.csv"):
        with pytest.raises(TableError, match=name):
            read_traffic(tmp_path / name)


def test_a_swing_goes_up_and_comes_back() -> None:
    traffic = parse_swing("50:400:24h")
    assert (traffic.seconds, traffic.step_s, len(traffic.rates_rps)) == (86400.0, 60.0, 1440)
    assert traffic.rates_rps[0] == pytest.approx(50, abs=0.01)
    assert traffic.most_rps == pytest.approx(400, abs=0.01)
    assert traffic.mean_rps == pytest.approx(225)
    assert traffic.rates_rps == pytest.approx(traffic.rates_rps[::-1])


@pytest.mark.parametrize("text", ["50:400:60", "1e6:1e+6:1d", "0:0.5:90m"])
def test_forms_of_a_swing(text: str) -> None:
    assert parse_swing(text).most_rps > 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "50",
        "50:400",
        "50:400:",
        "a:b:c",
        "-1:5:24h",
        "400:50:24h",
        "0:0:24h",
        "50:400:30s",
        "50:400:32d",
        "1:2e12:1h",
    ],
)
def test_what_is_no_swing(text: str) -> None:
    with pytest.raises(UsageError, match="--rps"):
        parse_swing(text)
