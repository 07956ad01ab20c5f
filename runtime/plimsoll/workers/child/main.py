"""A model worker: a fresh interpreter that imports score.py, runs init() once, then one slot loop per thread.

Started by the front as ``python -m plimsoll.workers.child.main PARENT_PID MARK CONTROL_FD CANCEL_FD BODIES_FD ROOMS_FD
SLOT_FD…``. It never restarts, times out or cancels anything itself: the front decides, and kills. Slot 0 runs in the
main thread, where init() ran, because scripts keep thread-bound things (SQLite handles, signal handlers).

The sockets are this process's alone: what the script starts does not inherit them, and a process that it forks
closes its copies at once (see plimsoll.entry.forked for how such a process ends).
"""

from __future__ import annotations

import faulthandler
import json
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn, Protocol

from plimsoll.backends.placement import placements
from plimsoll.contracts import names
from plimsoll.entry.bodies import SharedBody
from plimsoll.entry.call import Answer, Call, Head
from plimsoll.entry.failures import BrokenScript
from plimsoll.entry.forked import end_if_forked, settle
from plimsoll.entry.loading.spawned import offer_script
from plimsoll.entry.loading.user_logging import configure_logging
from plimsoll.entry.script import Script
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError, InternalError
from plimsoll.host.descriptors import restore_descriptor_limit
from plimsoll.host.family.entrance import enter_group
from plimsoll.host.family.marks import Mark, put_on
from plimsoll.host.oom import offer_to_die_first
from plimsoll.host.parent import die_with
from plimsoll.workers import frames
from plimsoll.workers.child.allocator_report import EVENT, AllocatorReport
from plimsoll.workers.child.marked_lines import end_request, set_request_id, tag_output
from plimsoll.workers.frames import Flag, Frame, Kind, Place
from plimsoll.workers.shared.cancel import NO_MORE, CancelBoard
from plimsoll.workers.shared.memory import WorkerMemory
from plimsoll.workers.spec import DUMP_SIGNAL

_PLAIN_HEAD = Head()


class Closing(Protocol):
    def close(self) -> None: ...


def main(arguments: list[str]) -> int:
    parent_pid, mark, *descriptors = map(int, arguments)
    die_with(parent_pid)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    if (known := Mark.of_number(mark)) is not None:
        put_on(known)
        enter_group(known, parent_pid)
    settle()
    offer_to_die_first()  # the front must live on, to say what has happened
    tag_output()
    faulthandler.enable()
    faulthandler.register(DUMP_SIGNAL, chain=False)
    control_fd, cancel_fd, bodies_fd, rooms_fd, *slot_fds = descriptors
    control = socket.socket(fileno=control_fd)
    board = CancelBoard(cancel_fd, len(slot_fds))
    memory = WorkerMemory(bodies_fd, rooms_fd)
    report = AllocatorReport(lambda size_bytes: _say(control, event=EVENT, bytes=size_bytes))
    ends = [socket.socket(fileno=one) for one in slot_fds]
    slots = [_WorkerSlot(number, end, board, memory, report) for number, end in enumerate(ends)]
    os.register_at_fork(after_in_child=partial(_let_go, [control, board, *slots]))
    _say(control, event="hello")
    orders = _orders(control)
    records = _channel(orders["records"]) if orders is not None and orders["records"] is not None else None
    script = _loaded(control, orders) if orders is not None else None
    if script is not None:
        _serve(slots, script)
    if records is not None:
        records.close()
    return EntryError.exit_code if script is None else 0


def _channel(orders: dict[str, Any]) -> Closing:
    """For what run() collects; who collects nothing does not pay for the import."""
    from plimsoll.workers.child.records import collect_records

    return collect_records(orders)


def _let_go(owned: Iterable[Closing]) -> None:
    """In a process that the script has forked: the calls are its parent's."""
    for one in owned:
        with suppress(OSError):
            one.close()


def _orders(control: socket.socket) -> dict[str, Any] | None:
    first = frames.receive(control, bytearray(frames.MESSAGE_BYTES))
    return None if first is None else json.loads(first.body)


def _loaded(control: socket.socket, orders: dict[str, Any]) -> Script | None:
    if orders["descriptor_limit"] is not None:
        restore_descriptor_limit(orders["descriptor_limit"])
    try:
        spec = EntrySpec(**orders["entry"])
        configure_logging(spec)
        contracts = orders["contracts"]
        script = Script.load(spec, scoring_timeout_ms=orders["scoring_timeout_ms"], openers=names.openers(contracts))
        end_if_forked()
        script.init()
        end_if_forked()
        metadata = {names.DEFAULT: script.swaggers(), **script.speak(names.codecs(contracts))}
    except BrokenScript as error:
        sys.stderr.write(error.report)
        sys.stderr.flush()
        _say(control, event="load_failed", message=str(error))
        return None
    batch = {"max_size": script.batch.max_size, "max_wait_s": script.batch.max_wait_ms / 1e3} if script.batch else None
    _say(control, event="loaded", needs_head=script.needs_head, batch=batch, metadata=metadata)
    return script


def _say(control: socket.socket, **message: object) -> None:
    frames.send(control, Frame(Kind.CONTROL, 0, body=json.dumps(message).encode()))


def _serve(slots: list[_WorkerSlot], script: Script) -> None:
    threads = [threading.Thread(target=slot.serve, args=(script,), name=slot.name) for slot in slots[1:]]
    for thread in threads:
        thread.start()
    slots[0].serve(script)
    for thread in threads:
        thread.join()


class _WorkerSlot:
    """One slot of this worker, seen from inside."""

    def __init__(
        self, number: int, sock: socket.socket, board: CancelBoard, memory: WorkerMemory, report: AllocatorReport
    ) -> None:
        self.name = f"slot-{number}"
        self._number = number
        self._sock = sock
        self._board = board
        self._memory = memory
        self._report = report

    def close(self) -> None:
        self._sock.close()

    def serve(self, script: Script) -> None:
        """Runs calls until the front closes its end. What the script's code cannot cause in run() ends the worker.

        A slot that stood still alone would keep its calls waiting, and the front would believe it busy.
        """
        try:
            self._run_calls(script)
        except BaseException as failure:
            _end_broken(f"{self.name} can no longer speak with the front", failure)

    def _run_calls(self, script: Script) -> None:
        buffer = bytearray(frames.MESSAGE_BYTES)
        while (frame := frames.receive(self._sock, buffer)) is not None:
            self._run(script, frame)
            del frame  # its body, 64 MB perhaps, must not stay until the next one comes
            end_request()
            self._report.after_call()

    def _run(self, script: Script, frame: Frame) -> None:
        if frame.kind == Kind.BATCH:
            self._run_batch(script, frame)
        elif frame.kind == Kind.BUNDLE:
            self._run_bundle(script, frame)
        elif frame.kind == Kind.CONTROL:
            self._say_placements(frame.call_id)
        else:
            set_request_id(frame.tag)
            body = self._body(frame)
            self._reply(frame, body, script.run(_call(frame, body)))

    def _run_batch(self, script: Script, frame: Frame) -> None:
        items = frames.decode_batch(frame.body)
        set_request_id(b",".join(item.tag for item in items))
        bodies = [self._body(item) for item in items]
        answers = script.run_batch([_call(item, body) for item, body in zip(items, bodies, strict=True)])
        for item, body, answer in zip(items, bodies, answers, strict=True):
            self._reply(item, body, answer)

    def _run_bundle(self, script: Script, frame: Frame) -> None:
        for item in frames.decode_batch(frame.body):
            if self._board.is_cancelled(self._number, NO_MORE):
                break
            set_request_id(item.tag)
            self._reply(item, item.body, script.run(_call(item, item.body)))
            end_request()

    def _say_placements(self, call_id: int) -> None:
        body = json.dumps([asdict(one) for one in placements()]).encode()
        frames.send(self._sock, Frame(Kind.ANSWER, call_id, body=body, status=200))

    def _body(self, frame: Frame) -> bytes | SharedBody:
        if frame.place is None:
            return frame.body
        return SharedBody(self._memory.body(*frame.place), lends=bool(frame.flags & Flag.LEND))

    def _reply(self, frame: Frame, given: bytes | SharedBody, answer: Answer) -> None:
        end_if_forked()
        body, head = answer.body, frames.encode_headers(answer.headers)
        reply = Frame(Kind.ANSWER, frame.call_id, head, b"", _flags(answer), answer.status)
        reply.run_ns = int((answer.run_s or 0.0) * 1e9)
        if not isinstance(body, bytes):
            reply.flags |= Flag.MORE
            frames.send(self._sock, reply)
            self._stream(frame.call_id, body, given)
            return
        reply.flags |= _ended(given)
        if not answer.is_error and len(body) > frames.INLINE_BYTES >= len(head):
            reply.place = self._put(body, frame.room)
        if reply.place is None:
            reply.body = body
        frames.send(self._sock, reply)

    def _put(self, body: bytes, room: Place | None) -> Place | None:
        """Where `body` lies from now on; None where the front has given no room for so much."""
        if room is None or len(body) > room.length:
            return None
        self._memory.put(room.offset, body)
        return Place(room.offset, len(body))

    def _stream(self, call_id: int, chunks: Iterator[bytes], given: bytes | SharedBody) -> None:
        """Sends each chunk as it is produced; a front that does not read holds the script back."""
        last = Flag.NONE
        try:
            for chunk in chunks:
                end_if_forked()
                frames.send(self._sock, Frame(Kind.CHUNK, call_id, body=chunk, flags=Flag.MORE))
                if self._board.is_cancelled(self._number, call_id):
                    break
        except Exception:
            last = Flag.ABORTED  # the entry package has logged the script's traceback
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()
        end_if_forked()
        frames.send(self._sock, Frame(Kind.CHUNK, call_id, flags=last | _ended(given)))


def _call(frame: Frame, body: bytes | SharedBody) -> Call:
    return Call(frames.decode_head(frame.head) if frame.head else _PLAIN_HEAD, body)


def _ended(given: bytes | SharedBody) -> int:
    """The script is done with the body of a request: the flag that says whether it really is."""
    return Flag.BODY_KEPT if isinstance(given, SharedBody) and given.end() else Flag.NONE


def _flags(answer: Answer) -> int:
    bits = Flag.RUN_RETURNED if answer.run_s is not None else Flag.NONE
    if answer.is_error:
        bits |= Flag.ERROR
    if answer.run_function_failed is None:
        return bits | Flag.RUN_FAILED_UNKNOWN
    return bits | Flag.RUN_FAILED if answer.run_function_failed else bits


def _end_broken(what: str, failure: BaseException) -> NoReturn:
    hint = " (has the script closed descriptors that it had not opened?)" if isinstance(failure, OSError) else ""
    with suppress(BaseException):
        sys.stderr.write(f"{what}, and its worker ends: {type(failure).__name__}: {failure}{hint}\n")
        sys.stderr.flush()
    os._exit(InternalError.exit_code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
elif __name__ == "__mp_main__":  # multiprocessing imports its parent's main module under this name
    offer_script()
