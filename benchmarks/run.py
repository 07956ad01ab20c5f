"""A whole run: environments first, then every workload, in rounds that visit the peers by turns."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import digits
from benchmarks.answers import WrongAnswer
from benchmarks.folders import PEERS
from benchmarks.load.figures import LoadFailed
from benchmarks.measure.environment import NotInstalled, install, run_in, version_of
from benchmarks.measure.server import NotStarted
from benchmarks.options import Options
from benchmarks.peers.peer import Peer
from benchmarks.sample import Failure, Sample
from benchmarks.visit import Visit
from benchmarks.workloads import BY_NAME, Workload


@dataclass(slots=True)
class Results:
    """What the report is made of; `versions` by peer."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def failed(self, peer: Peer, workload: Workload) -> bool:
        return any(one.peer == peer.name and one.workload in {workload.name, None} for one in self.failures)


class Run:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._pythons: dict[str, Path] = {}
        self.results = Results()

    def __call__(self) -> Results:
        _require_wrk()
        digits.make()
        for peer in self._options.peers:
            self._prepare(peer)
        for workload in self._options.workloads:
            for visit in self._visits(workload):
                self._take(visit)
        return self.results

    def _prepare(self, peer: Peer) -> None:
        """Installs a peer and starts it once: the first start compiles modules and fills the page cache."""
        _say(f"{peer.name}: installing")
        try:
            python = install(peer)
            folder = PEERS / peer.name
            folder.mkdir(parents=True, exist_ok=True)
            for command in peer.prepare(python, folder):
                run_in(command)
            self.results.versions[peer.name] = version_of(peer, python)
            rehearsal = Visit(peer, python, BY_NAME["echo"], 0, False, 0, self._options.gate)
            rehearsal.rehearse()
        except (NotInstalled, NotStarted, WrongAnswer, OSError) as error:
            self._fail(Failure(peer.name, None, str(error)))
        else:
            self._pythons[peer.name] = python

    def _visits(self, workload: Workload) -> Iterator[Visit]:
        for peer in self._options.peers:
            if reason := peer.lacks.get(workload.name):
                self._fail(Failure(peer.name, workload.name, reason, known=True))
        for number in range(1, self._options.rounds + 1):
            for peer in self._options.peers:
                if not self.results.failed(peer, workload):
                    last = number == self._options.rounds
                    python = self._pythons[peer.name]
                    yield Visit(peer, python, workload, number, last, self._options.seconds, self._options.gate)

    def _take(self, visit: Visit) -> None:
        """All samples of a visit, or none: what came before a wrong answer counts no more than what followed."""
        try:
            samples = list(self._samples(visit))
        except (NotStarted, WrongAnswer, LoadFailed, OSError) as error:
            self._fail(Failure(visit.peer.name, visit.workload.name, str(error)))
            return
        self.results.samples += samples
        _say("\n".join(map(str, samples)) or f"{visit.workload.name} {visit.peer.name}: right answers")

    def _samples(self, visit: Visit) -> Iterator[Sample]:
        if self._options.check:
            visit.rehearse()
        else:
            yield from visit.samples()

    def _fail(self, failure: Failure) -> None:
        self.results.failures.append(failure)
        # Figures of other rounds are those of a server that fails now and then.
        kept = [one for one in self.results.samples if (one.peer, one.workload) != (failure.peer, failure.workload)]
        self.results.samples = kept
        _say(str(failure))


def _require_wrk() -> None:
    if not shutil.which("wrk"):
        raise SystemExit("wrk is not installed: on Debian and Ubuntu, apt install wrk")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
