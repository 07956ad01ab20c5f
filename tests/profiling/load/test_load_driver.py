"""The driver as its own process: JSON lines in, one JSON line out for each, and it never outlives whom it works for."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.dataset.rows import TEXT_TYPE, Row
from plimsoll.profiling.latency import decode_distribution
from plimsoll.profiling.load.requests import spooled
from support.patience import best_of_three
from support.raw_server import RawServer, Said, ok, raw_server
from support.server import wait_for

ROWS = [Row(1, b"a", TEXT_TYPE), Row(2, b"b", TEXT_TYPE), Row(3, b"c", TEXT_TYPE)]
RATE = {"command": "rate", "rate": 100.0, "seconds": 0.5, "seed": 3, "connections": 4, "mostInFlight": 50}


def listen_to_interrupts() -> None:
    """What a shell starts in the background ignores them, and so does all that is started by it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Driver:
    """What the profiler's own client stands on, without it."""

    def __init__(self, log: Path) -> None:
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "plimsoll.profiling.load.driver"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                preexec_fn=listen_to_interrupts,
            )

    def write(self, *messages: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(json.dumps(message).encode() + b"\n" for message in messages))
        self.process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        self.write(message)
        return self.read()


@contextmanager
def driven(folder: Path) -> Iterator[tuple[Driver, RawServer]]:
    """A driver that has three rows."""
    driver = Driver(folder / "driver.log")
    with raw_server(lambda body: Said((ok(body * 3),))) as server, spooled(ROWS) as path, driver.process:
        target = {"host": "127.0.0.1", "port": server.port, "path": "/score", "timeoutSeconds": 2.0}
        opened = driver.ask(
            {"command": "open", "rows": str(path), "seed": 1, "sameAnswers": False, "slots": 1, **target}
        )
        assert opened["rows"] == 3
        assert opened["mostConnections"] > 0
        yield driver, server
        assert driver.process.stdin is not None
        driver.process.stdin.close()


def test_one_answer_for_each_command_in_turn(tmp_path: Path) -> None:
    """Written all at once: they are obeyed one after the other, none is lost, none is mixed up."""
    load = {"command": "load", "connections": 1, "seconds": 0.1, "maxSeconds": 1.0, "wholePasses": True}
    with driven(tmp_path) as (driver, _):
        driver.write({"command": "row", "row": 1}, load, {"command": "choose", "rows": [2], "seed": 1}, load)
        row, all_rows, chosen, one_row = (driver.read() for _ in range(4))
    assert (row["outcome"], row["responseBytes"], row["driverError"]) == ("200", 3, None)
    assert all_rows["requests"] % 3 == 0
    assert chosen == {"rows": 1}
    assert one_row["requests"] > 0


def test_what_a_stretch_says_of_itself(tmp_path: Path) -> None:
    with driven(tmp_path) as (driver, server):
        answer = driver.ask(
            {"command": "load", "connections": 2, "seconds": 0, "maxSeconds": 9, "wholePasses": False, "requests": 60}
        )
    assert answer["requests"] == answer["successes"] == len(server.requests) == 60
    assert answer["outcomes"] == {"200": 60}
    assert (answer["failedRows"], answer["differing"], answer["driverError"]) == ({}, 0, None)
    assert answer["responseBytes"] == 180
    latency = decode_distribution(answer["latency"], answer["latencySumSeconds"])
    assert latency.count == 60
    assert 0 < answer["latencySumSeconds"] < 2 * answer["elapsedSeconds"], "two connections, never more in flight"
    # The greater of two estimates; the other one misses the last answers, which may come late on a busy machine.
    assert answer["throughput"] >= 0.999 * 60 / answer["elapsedSeconds"]
    assert answer["driverCpuSeconds"] > 0


def test_throughput_is_answers_by_time(tmp_path: Path) -> None:
    load = {"command": "load", "connections": 2, "seconds": 0, "maxSeconds": 9, "wholePasses": False, "requests": 2000}
    with driven(tmp_path) as (driver, _):

        def measure() -> None:
            answer = driver.ask(load)
            assert answer["throughput"] == pytest.approx(2000 / answer["elapsedSeconds"], rel=0.1)

        best_of_three(measure)


def test_what_an_open_loop_says_besides(tmp_path: Path) -> None:
    with driven(tmp_path) as (driver, server):
        answer = driver.ask(RATE | {"mostConnections": 32})
        again = driver.ask(RATE | {"mostConnections": 32})
    assert answer["offered"] == again["offered"] == answer["requests"] == 50
    assert (answer["overrun"], answer["waited"]) == (False, 0)
    assert len(answer["inFlight"]) == 20
    assert answer["mostInFlight"] >= max(answer["inFlight"])
    assert decode_distribution(answer["lateness"], answer["latenessSumSeconds"]).count == 50
    assert len(server.requests) == 100


def test_a_row_is_sent_whatever_was_chosen(tmp_path: Path) -> None:
    with driven(tmp_path) as (driver, server):
        driver.ask({"command": "choose", "rows": [0], "seed": 1})
        for row in (2, 1, 0):
            driver.ask({"command": "row", "row": row})
    assert server.requests == [b"c", b"b", b"a"]


@pytest.mark.parametrize("line", [b'{"command": "sing"}\n', b"not JSON\n", b'{"command": "row", "row": 99}\n'])
def test_a_command_that_makes_no_sense_ends_it_at_once(tmp_path: Path, line: bytes) -> None:
    """Only our own profiler talks to it: a mistake has to show, with its cause, and never as a wait."""
    driver = Driver(tmp_path / "driver.log")
    with driver.process:
        assert driver.process.stdin is not None
        driver.process.stdin.write(line)
        driver.process.stdin.flush()
        assert driver.process.wait(20) != 0
    assert "Error" in (tmp_path / "driver.log").read_text().splitlines()[-1]


def test_the_end_of_its_orders_ends_it_in_the_middle_of_a_load(tmp_path: Path) -> None:
    with driven(tmp_path) as (driver, server):
        driver.write(RATE | {"seconds": 600.0, "mostConnections": 8})
        wait_for(lambda: len(server.requests) > 3, "load")
        assert driver.process.stdin is not None
        driver.process.stdin.close()
        assert driver.process.wait(20) == 0


def test_an_interrupt_from_the_terminal_is_not_for_the_driver(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group; the profiler decides when its driver ends."""
    with driven(tmp_path) as (driver, _):
        os.kill(driver.process.pid, signal.SIGINT)
        assert driver.ask({"command": "row", "row": 0})["outcome"] == "200"


def test_all_rows_that_a_big_dataset_has_fit_in_a_line(tmp_path: Path) -> None:
    """70,000 indexes are more than the 64 kB that an asyncio reader takes by itself."""
    with driven(tmp_path) as (driver, _):
        assert driver.ask({"command": "choose", "rows": [0, 1, 2] * 70_000, "seed": 1}) == {"rows": 210_000}
