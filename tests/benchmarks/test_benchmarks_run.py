"""The whole command, tiny: Plimsoll against the bare server."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from benchmarks.folders import ENVIRONMENTS, ROOT
from benchmarks.measure.gate import Gate
from benchmarks.options import Options
from benchmarks.peers.bare import Bare
from benchmarks.peers.peer import Site, Start
from benchmarks.run import Run
from benchmarks.workloads import BY_NAME, Workload

NAMES = {"rate", "p50_ms", "p99_ms", "cpu_us"}
Found = dict[tuple[str, str, int], dict[str, float]]


@pytest.mark.timeout(1200)  # fifty seconds on a machine that is free, and the loads up to three times
def test_a_tiny_run_of_plimsoll_against_bare(tmp_path: Path) -> None:
    record = _record(tmp_path, "gil-5ms,stream,loading,batched")
    found = _figures(record)
    for peer in ("plimsoll", "bare"):
        assert NAMES | {"probe_p99_ms"} == found[peer, "gil-5ms", 32].keys()
        assert NAMES | {"first_ms"} == found[peer, "stream", 32].keys()
        assert found[peer, "loading", 0]["start_s"] > 3.0
        # The model holds the GIL for 5 ms of CPU time: the known cost that the accounts must find.
        assert 5_000 <= found[peer, "gil-5ms", 32]["cpu_us"] < 20_000
        # One call at a time; those that had begun before the client looked at its clock count too.
        assert found[peer, "gil-5ms", 32]["rate"] <= 200 + 32
    assert ("bare", "batched", 32) not in found
    assert [(one["peer"], one["workload"], one["known"]) for one in record["failures"]] == [("bare", "batched", True)]
    assert "- bare ASGI: does not batch" in (tmp_path / "benchmarks.md").read_text()
    assert (tmp_path / "benchmarks.svg").read_text().startswith("<svg")
    # In a load of one second a single moment in which the machine stands still decides: then it is measured anew.
    for workload, holds in (("gil-5ms", _answers_probes), ("loading", _answers_early), ("batched", _batches)):
        again = (_figures(_record(tmp_path, workload)) for _ in range(2))
        assert any(holds(one) for one in itertools.chain([found], again)), workload


def _answers_probes(found: Found) -> bool:
    """Plimsoll answers while its model computes, a server that computes inline does not."""
    return found["plimsoll", "gil-5ms", 32]["probe_p99_ms"] < found["bare", "gil-5ms", 32]["probe_p99_ms"]


def _answers_early(found: Found) -> bool:
    """While the model loads."""
    return found["plimsoll", "loading", 0]["health_s"] < found["bare", "loading", 0]["health_s"]


def _batches(found: Found) -> bool:
    """One by one there would be no more than 400: 2.5 ms each."""
    return found["plimsoll", "batched", 32]["rate"] > 400


def _record(output: Path, workloads: str) -> Any:
    done = _benchmarks("--workloads", workloads, "--rounds", "1", "--output", str(output))
    assert done.returncode == 0, done.stderr
    return json.loads((output / "benchmarks.json").read_text())


def _figures(record: Any) -> Found:
    return {(one["peer"], one["workload"], one["connections"]): one["figures"] for one in record["samples"]}


def test_a_name_that_is_none_is_refused(tmp_path: Path) -> None:
    done = _benchmarks("--workloads", "ecco", "--output", str(tmp_path))
    assert done.returncode == 2
    assert "ecco" in done.stderr


class _Variant(Bare):
    """The bare server under another name."""

    @property
    def home(self) -> Path:
        return Bare().home


class _Mute(_Variant):
    name = "mute"

    def start(self, site: Site, workload: Workload) -> Start:
        return Start(["sh", "-c", "echo no model here, modules compiled: ${PYTHONDONTWRITEBYTECODE-yes}; exit 4"])


class _Missing(_Variant):
    name = "missing"

    @property
    def home(self) -> Path:
        return self._folder

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def requirements(self) -> Path:
        path = self._folder / "requirements.txt"
        path.write_text(f"{self._folder}/no-such-package\n")
        return path


class _Wrong(_Variant):
    """Reads another value from its answers than the model's."""

    name = "wrong"

    def value(self, workload: Workload, answer: bytes) -> str:
        return answer.decode().upper()


def test_a_peer_that_fails_is_reported_and_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    peers = (_Missing(tmp_path), _Mute(), _Wrong(), Bare())
    results = Run(Options(peers, (BY_NAME["echo"],), 1, 1, Gate(1000.0, 1, 0.0), Path(), check=False))()
    reasons = {failure.peer: failure.reason for failure in results.failures}
    assert "no-such-package" in reasons["missing"]
    assert "code 4" in reasons["mute"]
    assert "no model here, modules compiled: yes" in reasons["mute"]
    assert "expected" in reasons["wrong"]
    assert {sample.peer for sample in results.samples} == {"bare"}
    assert reasons.keys() == {"missing", "mute", "wrong"}
    assert [failure.workload for failure in results.failures] == [None, None, None]
    shutil.rmtree(ENVIRONMENTS / tmp_path.name)


def _benchmarks(*flags: str) -> subprocess.CompletedProcess[str]:
    quick = ["--seconds", "1", "--attempts", "1", "--patience", "0"]
    command = [sys.executable, "-m", "benchmarks", "--peers", "plimsoll,bare", *quick, *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
