"""A model worker: a fresh interpreter that imports score.py, runs init() once, then one slot loop per thread.

Started by the front as ``python -m plimsoll.workers.main PARENT_PID CONTROL_FD SLOT_FD…``. It never
restarts, times out or cancels anything itself: the front decides, and kills. Slot 0 runs in the main
thread, where init() ran, because scripts keep thread-bound things (SQLite handles, signal handlers).
"""

from __future__ import annotations

import faulthandler
import json
import socket
import sys
import threading
import traceback
from collections.abc import Iterator

from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError
from plimsoll.host.parent import die_with
from plimsoll.workers import frames
from plimsoll.workers.frames import Flag, Frame, Kind
from plimsoll.workers.spec import DUMP_SIGNAL

_PLAIN_HEAD = Head()


def main(arguments: list[str]) -> int:
    parent_pid, control_fd, *slot_fds = map(int, arguments)
    die_with(parent_pid)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    faulthandler.enable()
    faulthandler.register(DUMP_SIGNAL, chain=False)
    control = socket.socket(fileno=control_fd)
    slots = [socket.socket(fileno=descriptor) for descriptor in slot_fds]
    _say(control, event="hello")
    script = _loaded(control, **json.loads(control.recv(frames.MESSAGE_BYTES)))
    if script is None:
        return EntryError.exit_code
    _serve(slots, script)
    return 0


def _loaded(control: socket.socket, entry: dict[str, str], scoring_timeout_ms: int) -> Script | None:
    try:
        script = Script.load(EntrySpec(**entry), scoring_timeout_ms=scoring_timeout_ms)
        script.init()
    except BrokenScript as error:
        sys.stderr.write(error.report)
        sys.stderr.flush()
        _say(control, event="load_failed", message=str(error))
        return None
    _say(control, event="loaded", needs_head=script.needs_head)
    return script


def _say(control: socket.socket, **message: object) -> None:
    control.send(json.dumps(message).encode())


def _serve(slots: list[socket.socket], script: Script) -> None:
    threads = [
        threading.Thread(target=_serve_slot, args=(slot, script), name=f"slot-{number}")
        for number, slot in enumerate(slots[1:], start=1)
    ]
    for thread in threads:
        thread.start()
    _serve_slot(slots[0], script)
    for thread in threads:
        thread.join()


def _serve_slot(slot: socket.socket, script: Script) -> None:
    """Runs calls until the front closes its end."""
    buffer = bytearray(frames.MESSAGE_BYTES)
    while (frame := frames.receive(slot, buffer)) is not None:
        head = frames.decode_head(frame.head) if frame.head else _PLAIN_HEAD
        _reply(slot, frame.call_id, script.run(Call(head, frame.body)))


def _reply(slot: socket.socket, call_id: int, answer: Answer) -> None:
    bits, body = _flags(answer), answer.body
    more = not isinstance(body, bytes)
    frames.send(
        slot,
        Frame(
            Kind.ANSWER,
            call_id,
            frames.encode_headers(answer.headers),
            b"" if more else body,  # type: ignore[arg-type]
            bits | Flag.MORE if more else bits,
            answer.status,
            int((answer.run_s or 0.0) * 1e9),
        ),
    )
    if not isinstance(body, bytes):
        _stream(slot, call_id, body)


def _stream(slot: socket.socket, call_id: int, chunks: Iterator[bytes]) -> None:
    """Sends each chunk as it is produced; a front that does not read holds the script back."""
    last = Flag.NONE
    try:
        for chunk in chunks:
            frames.send(slot, Frame(Kind.CHUNK, call_id, body=chunk, flags=Flag.MORE))
    except Exception:
        traceback.print_exc()
        last = Flag.ABORTED
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
    frames.send(slot, Frame(Kind.CHUNK, call_id, flags=last))


def _flags(answer: Answer) -> int:
    bits = Flag.RUN_RETURNED if answer.run_s is not None else Flag.NONE
    if answer.run_function_failed is None:
        return bits | Flag.RUN_FAILED_UNKNOWN
    return bits | Flag.RUN_FAILED if answer.run_function_failed else bits


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
