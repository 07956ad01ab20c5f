"""Collecting under bad circumstances: answers go on, what is lost is counted, and the log says so once."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from textwrap import dedent

from support.collected import events, files
from support.server import Server, wait_for

ECHO = """
    def init(): pass
    def run(data): return data
"""
COLLECTS = """
    from azureml.monitoring import ModelDataCollector
    def init():
        global collector
        collector = ModelDataCollector("best", "predictions")
    def run(data):
        size, _, times = data.partition("x")
        for _ in range(int(times)):
            collector.collect(["x" * int(size)])
        return True
"""
_LOST = "records are not collected"
_ENTER = 'exec unshare --map-root-user --mount sh -c \'{}; exec "$@"\' sh "$@";'


def script(folder: Path, text: str = ECHO) -> Path:
    path = folder / "score.py"
    path.write_text(dedent(text))
    return path


def test_no_record_is_lost_on_sigterm_under_load(tmp_path: Path) -> None:
    out, answered = tmp_path / "out", []

    def send(sender: int) -> None:
        for number in range(10_000):
            try:
                reply = server.post("/score", b"body", x_request_id=f"{sender}-{number}")
            except OSError:
                return
            answered.append((reply.headers["x-request-id"], reply.status))

    with Server(script(tmp_path), "--collect", str(out)) as server:
        senders = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for sender in senders:
            sender.start()
        wait_for(lambda: len(answered) > 400, "the load")
        server.signal(signal.SIGTERM)
        server.wait_exit()
        for sender in senders:
            sender.join()
    collected = [(one["xrequestid"], one["status"]) for one in events(out, "response")]
    assert sorted(collected) == sorted(answered)
    assert sorted(one["xrequestid"] for one in events(out, "request")) == sorted(name for name, _ in answered)


def test_a_full_disk(tmp_path: Path) -> None:
    """The files are read through the root of the server's process, which has the disk mounted."""
    mount = "mount -t tmpfs -o size=64k tmpfs /var/tmp"
    with Server(script(tmp_path), "--collect", "/var/tmp/out", before=_ENTER.format(mount)) as server:
        for _ in range(400):
            assert server.post("/score", b"x" * 1000).status == 200
        wait_for(lambda: server.metric("plimsoll_collect_buffer_bytes") == 0, "the writing")
        dropped = server.metric("plimsoll_collect_dropped_total", reason="write_failed")
        written = server.metric("plimsoll_collect_records_total")
        assert dropped > 0
        assert written + dropped == 800
        out = Path(f"/proc/{server.front().pid}/root/var/tmp/out")
        assert len(events(out, "request")) + len(events(out, "response")) == written
        assert server.log().count(_LOST) == 1
        assert "No space left on device" in server.log()


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with Server(script(tmp_path), "--collect", str(tmp_path / "file" / "out")) as server:
        for _ in range(3):
            assert server.post("/score", b"1").status == 200
        wait_for(lambda: server.metric("plimsoll_collect_dropped_total", reason="write_failed") == 6, "the count")
        assert server.log().count(_LOST) == 1
        assert "Not a directory" in server.log()


def test_a_disk_that_stands_still(tmp_path: Path) -> None:
    """A named pipe that nobody reads, in place of a file: the thread that opens it waits for ever."""
    out = tmp_path / "out"
    with Server(script(tmp_path), "--collect", str(out), "--collect-file-bytes", "1") as server:
        server.post("/score", b"1")
        wait_for(lambda: events(out, "request") and events(out, "response"), "the first records")
        for path in (*files(out, "request"), *files(out, "response")):
            os.mkfifo(path.with_name(f"{path.stem}_1.jsonl"))
        for _ in range(200):
            assert server.post("/score", b"1").status == 200
        assert server.metric("plimsoll_collect_buffer_bytes") > 0
        server.signal(signal.SIGTERM)
        assert server.wait_exit() == 0
        assert "are lost: the disk is too slow" in server.log()


def test_a_buffer_that_is_full_drops_and_counts(tmp_path: Path) -> None:
    body = b'"' + b"x" * 40_000 + b'"'
    with Server(script(tmp_path), "--collect", str(tmp_path / "out"), "--collect-buffer-bytes", "65536") as server:
        replies = [server.post("/score", body) for _ in range(40)]
        assert all(reply.status == 200 for reply in replies)
        wait_for(lambda: server.metric("plimsoll_collect_buffer_bytes") == 0, "the writing")
        dropped = server.metric("plimsoll_collect_dropped_total", reason="buffer_full")
        assert dropped > 0
        assert server.metric("plimsoll_collect_records_total") + dropped == 80
        assert server.post("/score", b"x" * 100_000).status == 200
        assert server.metric("plimsoll_collect_dropped_total", reason="too_large") == 2
        assert server.log().count(_LOST) == 2


def test_records_of_a_script_large_and_many(tmp_path: Path) -> None:
    out = tmp_path / "out"
    flags = ("--collect", str(out), "--collections", "best-predictions")
    with Server(script(tmp_path, COLLECTS), *flags) as server:
        for wanted in (b"10x5000", b"1000000x5", b"70000x3"):
            assert server.post("/score", wanted).status == 200
        server.signal(signal.SIGTERM)
        server.wait_exit()
    sizes = [len(one["data"][0][0]) for one in events(out, "best-predictions")]
    assert sizes == [10] * 5000 + [1_000_000] * 5 + [70_000] * 3


def test_a_script_that_collects_too_much_is_not_held_up(tmp_path: Path) -> None:
    """A record that is larger than what a worker may hold is dropped there."""
    out = tmp_path / "out"
    flags = ("--collect", str(out), "--collections", "best-predictions", "--threads", "1")
    with Server(script(tmp_path, COLLECTS), *flags) as server:
        assert server.post("/score", b"20000000x3").status == 200
        assert server.post("/score", b"10x1").status == 200
        wait_for(lambda: server.metric("plimsoll_collect_dropped_total", reason="worker_full") == 3, "the count")
        wait_for(lambda: len(events(out, "best-predictions")) == 1, "the record")


def test_records_survive_the_worker_that_made_them(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = COLLECTS.replace("return True", "import os; os._exit(1)")
    with Server(script(tmp_path, text), "--collect", str(out)) as server:
        assert server.post("/score", b"10x20").status == 502
        wait_for(lambda: len(events(out, "best-predictions")) == 20, "the records")
        wait_for(lambda: events(out, "response"), "the answer")
        assert events(out, "response")[0]["status"] == 502
