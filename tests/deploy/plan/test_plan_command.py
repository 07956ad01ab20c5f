"""`plimsoll plan` as a user types it: what it prints and writes, and what it says to bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from support.chromium import visit
from support.operated import written
from support.planned import plannable_profile

SHORT = ("--rps", "20:200:10m")


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    return written(plannable_profile(), tmp_path)


def plan(profile: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "plimsoll", "plan", "--profile", str(profile), *flags]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def answered(profile: Path, *flags: str) -> dict[str, Any]:
    done = plan(profile, "--format", "json", *flags)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_the_cheapest_setting_that_keeps_the_objective_is_chosen(profile: Path) -> None:
    found = answered(profile, *SHORT, "--slo", "p99=200ms")
    settings = found["settings"]
    assert {setting["kind"] for setting in settings} == {"fixed", "hpa", "keda-rate", "keda-queue"}
    (chosen,) = (setting for setting in settings if setting["chosen"])
    assert chosen["kept"]
    assert chosen["withinObjective"] >= 0.99
    assert chosen["latencySeconds"]["p99"] <= 0.2
    assert chosen["cost"] == min(setting["cost"] for setting in settings if setting["kept"])
    assert all(setting["kept"] == (setting["withinObjective"] >= 0.99) for setting in settings)


def test_of_fixed_replicas_the_fewest_that_keep_it_are_found(profile: Path) -> None:
    found = answered(profile, *SHORT, "--slo", "p99=200ms")
    fewest = min(setting["value"] for setting in found["settings"] if setting["kind"] == "fixed" and setting["kept"])
    counts = [flag for count in (fewest - 1, fewest) for flag in ("--replicas", f"{count:g}")]
    fewer, same = answered(profile, *SHORT, "--slo", "p99=200ms", *counts)["settings"]
    assert (fewer["kept"], same["kept"]) == (False, True)


def test_only_what_is_asked_for_is_tried(profile: Path) -> None:
    flags = ("--replicas", "4", "--hpa", "70", "--keda-rate", "50", "--keda-queue", "2", "--autoscale", "2:9")
    found = answered(profile, *SHORT, *flags)
    assert [(setting["kind"], setting["value"]) for setting in found["settings"]] == [
        ("fixed", 4), ("hpa", 70), ("keda-rate", 50), ("keda-queue", 2),
    ]  # fmt: skip
    assert all(2 <= setting["leastReplicas"] <= setting["mostReplicas"] <= 9 for setting in found["settings"])


def test_prices_are_of_nodes_or_of_replicas(profile: Path) -> None:
    fixed = (*SHORT, "--replicas", "5")
    (hours,) = answered(profile, *fixed)["settings"]
    (replicas,) = answered(profile, *fixed, "--replica-price", "0.6")["settings"]
    (nodes,) = answered(profile, *fixed, "--node-price", "3", "--replicas-per-node", "2")["settings"]
    # Five replicas, three nodes, a sixth of an hour.
    assert [setting["cost"] for setting in (hours, replicas, nodes)] == pytest.approx([5 / 6, 0.5, 1.5])
    answers = nodes["requests"] - nodes["refused"]
    assert nodes["costPerMillionRequests"] == pytest.approx(1.5 / answers * 1e6)


def test_the_model_and_its_error_are_stated(profile: Path) -> None:
    replica = answered(profile, *SHORT, "--replicas", "4")["replica"]
    assert (replica["servers"], replica["slots"], replica["mostWaiting"]) == (1, 1, 256)
    assert replica["capacityRequestsPerSecond"] == pytest.approx(95.4)
    assert replica["measured"] == {"p50": 0.016, "p95": 0.046, "p99": 0.068}
    for name, measured in replica["measured"].items():
        assert replica["simulated"][name] == pytest.approx(measured, rel=0.2)


def test_the_same_seed_gives_the_same_bytes(profile: Path, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        done = plan(profile, *SHORT, "--slo", "p95=100ms", "--output", str(tmp_path / folder))
        assert done.returncode == 0, done.stderr
    for name in ("plan.json", "plan.html"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    other = answered(profile, *SHORT, "--slo", "p95=100ms", "--seed", "3")
    assert other["settings"] != json.loads((tmp_path / "a" / "plan.json").read_text())["settings"]


def test_the_page_shows_it_and_fetches_nothing(profile: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    rows = (f"2026-03-01T{minute // 60:02}:{minute % 60:02},{20 + minute % 90 * 2}" for minute in range(180))
    trace.write_text("\n".join(["time,rps", *rows]))
    flags = ("--slo", "p99=150ms", "--node-price", "0.4", "--replicas-per-node", "4", "--lose-node", "peak")
    done = plan(profile, "--traffic", str(trace), *flags, "--output", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    seen = visit(tmp_path / "out" / "plan.html", tmp_path)
    assert (seen.console, seen.requests) == ([], [])
    assert seen.dom.count("<svg") == 1 + 2 * 3
    for text in ("digits: a plan", "Replicas over time", "objective: 150 ms", "KEDA, ", "trace.csv"):
        assert text in seen.dom
    assert "cheapest" in done.stdout
    assert "lost after" in done.stdout


def test_a_plan_without_a_choice(profile: Path, tmp_path: Path) -> None:
    done = plan(profile, *SHORT, "--slo", "p99=5ms", "--output", str(tmp_path / "out"))
    assert done.returncode == 5
    assert done.stderr.startswith("plimsoll: error: --slo: no setting that was tried keeps p99 of 5 ms (")
    assert "choice:    none" in done.stdout
    page = visit(tmp_path / "out" / "plan.html", tmp_path)
    assert "No setting that was tried keeps the objective" in page.dom


def test_what_is_printed_is_a_table_with_every_setting(profile: Path) -> None:
    done = plan(profile, *SHORT, "--slo", "p99=200ms", "--hpa", "40", "--replicas", "1")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[2] == "objective: p99 of 200 ms"
    assert lines[3].startswith("choice:    HPA, 40 % CPU, with 1 to 8 replicas allowed; ")
    (fixed,) = (line for line in lines if line.startswith("1 replica "))
    assert fixed.split()[-1] == "failed"
    assert "refused" in fixed


def test_taking_turns_shortens_waits(profile: Path) -> None:
    flags = ("--rps", "200:200:10m", "--replicas", "3")
    ((at_random,), (in_turn,)) = (
        answered(profile, *flags, "--balance", balance)["settings"] for balance in ("random", "round-robin")
    )
    assert in_turn["latencySeconds"]["p95"] < 0.85 * at_random["latencySeconds"]["p95"]


def test_what_comes_after_the_clients_deadline_is_not_answered(profile: Path) -> None:
    """At 1.3 times what a replica can do the queue of 256 is 2.7 s long, without a deadline."""
    flags = ("--rps", "124:124:10m", "--replicas", "1")
    (patient,) = answered(profile, *flags)["settings"]
    found = answered(profile, *flags, "--request-timeout", "0.5")
    (hasty,) = found["settings"]
    assert found["assumptions"]["requestTimeoutSeconds"] == 0.5
    assert patient["latencySeconds"]["p50"] > 2
    assert hasty["latencySeconds"]["p50"] < 0.5
    # A call that is begun in time and answered too late has cost a run all the same.
    assert patient["refusedShare"] == pytest.approx(1 - 95.4 / 124, abs=0.02)
    assert hasty["refusedShare"] > patient["refusedShare"] + 0.02


def test_a_traffic_in_steps_of_seconds(profile: Path, tmp_path: Path) -> None:
    """Ten seconds of more than a replica can do, in each minute: of this a rate per minute says nothing."""
    found = []
    for name, step_s, rates in (("fine", 10, [115.0, *[20.0] * 5]), ("coarse", 60, [215 / 6])):
        table = tmp_path / f"{name}.csv"
        rows = (f"{number * step_s},{rates[number % len(rates)]}" for number in range(1800 // step_s))
        table.write_text("\n".join(["time,rps", *rows]))
        (setting,) = answered(profile, "--traffic", str(table), "--replicas", "1")["settings"]
        found.append(setting)
    fine, coarse = found
    assert fine["requests"] == pytest.approx(coarse["requests"], rel=0.03)
    assert fine["latencySeconds"]["p95"] > 5 * coarse["latencySeconds"]["p95"]


def test_a_full_node_is_another_measurement(profile: Path) -> None:
    done = plan(profile, *SHORT, "--full-node")
    assert done.returncode == 1
    assert "no latencies that were measured on a full node" in done.stderr


@pytest.mark.parametrize(
    ("flags", "code", "message"),
    [
        ((), 1, "--traffic is missing"),
        (("--rps", "1:2:1h", "--traffic", "t.csv"), 1, "--traffic and --rps exclude each other"),
        (("--traffic", "none.csv"), 2, "--traffic none.csv: cannot be read"),
        (("--rps", "5:1:1h"), 1, "--rps '5:1:1h': the high rate is not above 0, or below the low one"),
        ((*SHORT, "--slo", "fast"), 1, "--slo 'fast' is not a latency objective"),
        ((*SHORT, "--autoscale", "5:2"), 1, "--autoscale '5:2': not two numbers of replicas"),
        ((*SHORT, "--autoscale", "0:2", "--hpa", "70"), 1, "--autoscale 0 and --hpa exclude each other"),
        ((*SHORT, "--node-price", "1", "--replica-price", "1"), 1, "--node-price and --replica-price exclude"),
        ((*SHORT, "--node-price", "nan"), 1, "nan is not a number"),
        ((*SHORT, "--lose-node", "11m"), 1, "--lose-node '11m': no time within the traffic"),
        ((*SHORT, "--node-mtbf", "0"), 1, "--node-mtbf '0': no length of time above 0"),
    ],
)
def test_bad_input_gets_one_line(profile: Path, flags: tuple[str, ...], code: int, message: str) -> None:
    done = plan(profile, *flags)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("plimsoll: error: ")
    assert message in line


def test_a_trace_with_a_gap_names_the_line(profile: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("time,rps\n0,5\n60,5\n180,5\n")
    done = plan(profile, "--traffic", str(trace))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"--traffic {trace}: line 4: a gap: 120 s after the row before, where 60 s are expected" in line


def test_a_grade_can_be_required(tmp_path: Path) -> None:
    estimated = written(plannable_profile().model_copy(update={"grade": "estimated"}), tmp_path)
    assert plan(estimated, *SHORT, "--replicas", "3", "--require", "verified").returncode == 1
    warned = plan(estimated, *SHORT, "--replicas", "3")
    assert warned.returncode == 0
    assert "warning: the profile is estimated" in warned.stdout
