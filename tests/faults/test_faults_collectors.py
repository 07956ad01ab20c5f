"""Collectors in scripts while workers come and go: a request that was answered has all of its records."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from support.collected import events, files
from support.server import Server, wait_for

EACH = 3
COLLECTS = f"""
    from azureml.monitoring import ModelDataCollector
    def init():
        global collector
        collector = ModelDataCollector("best", "predictions")
    def run(data):
        for number in range({EACH}):
            collector.collect([number, "x" * 500])
        return True
"""
Answered = dict[str, int]


def script(folder: Path, text: str = COLLECTS) -> Path:
    path = folder / "score.py"
    path.write_text(dedent(text))
    return path


class Load:
    """Clients that send until their server is gone, or until enough; `answered` has ids and statuses."""

    def __init__(self, server: Server, most: int, clients: int = 6) -> None:
        self.answered: Answered = {}
        self._server, self._most = server, most // clients
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(clients)]
        for thread in self._threads:
            thread.start()

    def _send(self, sender: int) -> None:
        for number in range(self._most):
            try:
                reply = self._server.post("/score", b"1", x_request_id=f"{self._server.port}-{sender}-{number}")
            except OSError:
                return
            self.answered[reply.headers["x-request-id"]] = reply.status

    def join(self) -> Answered:
        for thread in self._threads:
            thread.join()
        return self.answered


def ended(server: Server) -> None:
    server.signal(signal.SIGTERM)
    assert server.wait_exit() == 0


def check(out: Path, answered: Answered, killed: bool = False) -> None:
    """`killed`: of a request whose worker has died any number of records may be there, but whole ones."""
    counted = Counter(event["xrequestid"] for event in events(out, "best-predictions"))
    good = {name for name, status in answered.items() if status == 200}
    assert {name: counted[name] for name in good} == dict.fromkeys(good, EACH)
    assert all(counted[name] <= EACH for name in counted)
    assert killed or counted.keys() == good
    for collection in ("request", "response"):
        names = Counter(event["xrequestid"] for event in events(out, collection))
        assert names == dict.fromkeys(answered, 1)
    ids = [event["id"] for path in out.glob("*/*/*") for event in events(out, path.name)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("limit", ["40", "1"])
def test_workers_that_are_replaced(tmp_path: Path, limit: str) -> None:
    out, most = tmp_path / "out", 600 if limit == "40" else 30
    flags = ("--collect", str(out), "--workers", "3", "--max-requests", limit)
    with Server(script(tmp_path), *flags) as server:
        answered = Load(server, most).join()
        ended(server)
    assert Counter(answered.values()) == {200: most}
    check(out, answered)


def test_sigterm_under_load(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--workers", "3") as server:
        load = Load(server, 60_000)
        wait_for(lambda: len(load.answered) > 600, "the load")
        ended(server)
        answered = load.join()
    check(out, answered)


def test_workers_that_are_killed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--workers", "3") as server:
        load = Load(server, 60_000)
        for number in range(1, 4):
            wait_for(lambda: len(load.answered) > 200 * number, "the load")  # noqa: B023
            server.workers()[0].kill()
        wait_for(lambda: len(load.answered) > 1000, "the load")
        assert server.metric("plimsoll_collect_dropped_total") == 0
        ended(server)
        answered = load.join()
    assert set(answered.values()) <= {200, 502, 503}
    check(out, answered, killed=True)


def test_two_servers_in_one_folder(tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ("--collect", str(out), "--collect-file-bytes", "20000")
    with Server(script(tmp_path), *flags) as one, Server(script(tmp_path), *flags) as two:
        loads = [Load(one, 300), Load(two, 300)]
        answered = {name: status for load in loads for name, status in load.join().items()}
        for server in (one, two):
            ended(server)
    assert Counter(answered.values()) == {200: 600}
    check(out, answered)
    assert len({path.name.partition("_")[0].removesuffix(".jsonl") for path in files(out, "request")}) == 2


WAYS = """
    import asyncio, threading
    from azureml.monitoring import ModelDataCollector
    from plimsoll.entry import batch
    def init():
        global collector
        collector = ModelDataCollector("best", "predictions")
        collector.collect(["init"])
    {head}
"""
BODIES = {
    "async": """
    async def run(data):
        await asyncio.sleep(0)
        collector.collect([data])
        return data
    """,
    "threads": """
    def run(data):
        others = [threading.Thread(target=collector.collect, args=([data],)) for _ in range(4)]
        for other in others: other.start()
        for other in others: other.join()
        return data
    """,
    "batch": """
    @batch(max_size=4)
    def run(batch):
        collector.collect(batch)
        return batch
    """,
    "stream": """
    from plimsoll.entry import rawhttp, Response
    @rawhttp
    def run(request):
        def pieces():
            collector.collect(["stream"])
            yield b"1"
        return Response(pieces())
    """,
}


@pytest.mark.parametrize("way", BODIES)
def test_ways_to_run(tmp_path: Path, way: str) -> None:
    """Records of init(), of threads of the script's own and of a batch belong to no single request."""
    out, most = tmp_path / "out", 60
    text = dedent(WAYS).replace("{head}", dedent(BODIES[way]))
    with Server(script(tmp_path, text), "--collect", str(out), "--threads", "2") as server:
        answered = Load(server, most).join()
        ended(server)
    assert Counter(answered.values()) == {200: most}
    first, *found = events(out, "best-predictions")
    assert (first["data"], first["xrequestid"]) == ([["init"]], "")
    ids = Counter(event["xrequestid"] for event in found)
    if way == "threads":
        assert ids == {"": 4 * most}
    elif way == "batch":
        assert sorted(name for joined in ids for name in joined.split(",")) == sorted(answered)
        assert sum(len(event["data"][0]) for event in found) == most
    else:
        assert ids == dict.fromkeys(answered, 1)
