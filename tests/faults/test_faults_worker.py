"""What may happen to a worker while it works costs the calls that it runs, and nobody else's.

Each case is a fault of tests/storm/faults.py, struck under a load that checks every answer; the promise is that of
tests/storm/audit.py: a right answer, a reason, and at the end the same descriptors, processes and counts as before.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from storm.alone import alone
from storm.round import Extent, play
from storm.scripts.harm import GARBAGE
from storm.shapes import Shape
from support.fixtures import Serve
from support.server import wait_for


@pytest.mark.parametrize("fault", ["kill", "term", "hangup", "leave", "segfault", "exec", "close_all"])
def test_a_worker_that_ends_costs_the_calls_that_it_ran(tmp_path: Path, fault: str) -> None:
    assert alone("workers", fault, tmp_path).deaths == 2


@pytest.mark.parametrize("fault", ["freeze", "hold_lock"])
def test_a_worker_that_stands_still_for_a_while_costs_nothing(tmp_path: Path, fault: str) -> None:
    result = alone("workers", fault, tmp_path)
    assert result.deaths == 0


@pytest.mark.parametrize("fault", ["freeze_long", "hang", "hang_in_c"])
def test_a_worker_that_stands_still_too_long_is_replaced(tmp_path: Path, fault: str) -> None:
    assert alone("threads", fault, tmp_path, strikes=1).deaths == 1


@pytest.mark.parametrize("fault", ["exhaust", "threads", "threads_without_end", "signals", "shout", "long_line"])
def test_a_script_that_wears_out_its_process_costs_nobody_else(tmp_path: Path, fault: str) -> None:
    assert alone("workers", fault, tmp_path).deaths == 0


@pytest.mark.parametrize("fault", ["fork"])
def test_a_forked_child_that_returns_from_run_answers_nobody(tmp_path: Path, fault: str) -> None:
    assert alone("workers", fault, tmp_path).deaths == 0


@pytest.mark.parametrize("fault", ["fork_and_exec", "daemon", "program"])
def test_what_a_script_starts_ends_with_the_server(tmp_path: Path, fault: str) -> None:
    alone("workers", fault, tmp_path)


def test_garbage_on_a_workers_sockets_is_its_own_end_and_nobody_elses(tmp_path: Path) -> None:
    alone("workers", "garbage", tmp_path, strikes=4)


NONSENSE = """
    import sys
    sys.path.insert(0, {scripts!r})
    import harm, os

    def init(): pass

    def run(data):
        if data.startswith("and leave"):
            for _ in range(20):
                harm.write_garbage("", data.split()[-1])
            os._exit(3)
        if data:
            return harm.write_garbage("fine", data)
        return "fine"
"""


@pytest.mark.parametrize("form", GARBAGE)
def test_no_form_of_garbage_leaves_a_call_without_an_end(serve: Serve, form: str) -> None:
    """The call itself gets an answer or a reason, the next one is run, and so it is when the worker ends as well."""
    scripts = str(Path(__file__).parents[1] / "storm" / "scripts")
    server = serve(NONSENSE.format(scripts=scripts))
    for body in (form, f"and leave {form}"):
        reply = server.post("/score", body.encode(), x_request_timeout_ms="20000")
        assert reply.status == 200 or reply.json()["code"] in ("worker_broke", "worker_died", "answer_lost")
        wait_for(lambda: server.is_ready() and server.workers(), "a worker in office")
        assert server.post("/score", b"", x_request_timeout_ms="20000").json() == "fine"
    assert "Traceback" not in server.log()


def test_a_storm_of_exceptions_is_answered_one_by_one(tmp_path: Path) -> None:
    shape = Shape("exceptions", only=("fail",), departures=0.0, lanes=16)
    result = play(shape, "exceptions", tmp_path, Extent(requests=3_000))
    assert not result.complaints, "\n".join(result.complaints)
    assert result.outcomes == {"fail: right 500 script_failed": 3_000}
