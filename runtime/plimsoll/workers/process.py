"""One model worker process, seen from the front: spawned, listened to, watched, killed.

Knows nothing of calls. It reports what happens to it to an `Owner`, on the event loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from typing import IO, Any, Protocol

from plimsoll.host.family.marks import Mark
from plimsoll.workers import frames
from plimsoll.workers.child import allocator_report
from plimsoll.workers.dispatch.slot import Slot
from plimsoll.workers.features import Features
from plimsoll.workers.frames import Frame, Kind
from plimsoll.workers.lifecycle import WORKER_TABLE, WorkerEvent, WorkerState, advance
from plimsoll.workers.output import LineSink, OutputPipe
from plimsoll.workers.records import RecordsReader
from plimsoll.workers.shared.buffers import BufferPool
from plimsoll.workers.shared.cancel import CancelBoard
from plimsoll.workers.spec import DUMP_SIGNAL, PoolSpec


class Owner(Protocol):
    def on_loaded(self, worker: WorkerProcess) -> None: ...
    def on_broken_protocol(self, worker: WorkerProcess, reason: str) -> None: ...
    def on_exit(self, worker: WorkerProcess) -> None: ...

    on_record: Callable[[str, bytes], None]
    on_dropped_records: Callable[[int], None]


class WorkerProcess:
    """`slots` exist from the start; the worker reads them once its script is loaded. It puts `mark` on itself.

    `bodies` is the memory that it finds large request bodies in; that for its answers is its own.
    """

    def __init__(
        self, index: int, spec: PoolSpec, owner: Owner, sink: LineSink, bodies: BufferPool, mark: Mark | None = None
    ) -> None:
        self.index = index
        self.mark = mark
        self.state = WorkerState.STARTING
        self.features = Features()
        self.load_error: str | None = None
        self.exit_status: int | None = None
        self.started_at = time.monotonic()
        self.ready_at: float | None = None
        self.gpu_allocator_bytes: int | None = None
        self._most_per_batch = spec.max_batch_size
        self._records: RecordsReader | None = None
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        # Whatever fails from here on is undone: a server out of descriptors tries again and again.
        with contextlib.ExitStack() as undo:
            self._open(spec, sink, bodies, undo)
            undo.pop_all()

    def _open(self, spec: PoolSpec, sink: LineSink, bodies: BufferPool, undo: contextlib.ExitStack) -> None:
        self._control, child_control = _socket_pair(undo)
        pairs = [_socket_pair(undo) for _ in range(spec.threads)]
        board = self._board = CancelBoard.create(spec.threads)
        undo.callback(board.close)
        rooms = self._rooms = BufferPool(spec.max_buffer_bytes // spec.workers, self._loop, worker_writes=True)
        undo.callback(rooms.close)
        self.slots = [Slot(*ends, partial(board.cancel, number), rooms) for number, ends in enumerate(pairs)]
        memories = [bodies.memory.descriptor, rooms.memory.descriptor]
        ends = [worker_end.fileno() for _, worker_end in pairs]
        descriptors = [child_control.fileno(), board.descriptor, *memories, *ends]
        with child_control, contextlib.ExitStack() as handed_over:
            channel = self._records_channel(spec, undo, handed_over)
            handed_over.callback(rooms.memory.close_descriptor)
            # Not made by Popen, which loses the first when the second cannot be had.
            pipes = [_pipe(undo, handed_over) for _ in range(2)]
            writers = [writer for _, writer in pipes]
            self._process = self._spawn(descriptors, channel, writers, spec.environment_of(self.index))
        undo.callback(self._process.wait)
        undo.callback(self._process.kill)
        self._pidfd = os.pidfd_open(self.pid)
        undo.callback(os.close, self._pidfd)
        self._control.setblocking(False)
        first = {
            "entry": asdict(spec.entry),
            "scoring_timeout_ms": round(spec.limits.scoring_timeout_s * 1000),
            "descriptor_limit": spec.descriptor_limit,
            "contracts": spec.contracts,
            "records": asdict(spec.records) | {"descriptor": channel[0]} if spec.records else None,
        }
        frames.send(self._control, Frame(Kind.CONTROL, 0, body=json.dumps(first).encode()))
        self._outputs = [
            OutputPipe(reader, f"worker-{self.index}", stream, sink)
            for (reader, _), stream in zip(pipes, ("stdout", "stderr"), strict=True)
        ]
        self._loop.add_reader(self._control.fileno(), self._on_control)
        self._loop.add_reader(self._pidfd, self._on_exit)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def name(self) -> str:
        return f"worker-{self.index} (pid {self.pid})"

    def note(self, event: WorkerEvent) -> None:
        self.state = advance(WORKER_TABLE, self.state, event)

    def take_up(self) -> None:
        """The worker is warm and becomes ready to take calls."""
        self.note(WorkerEvent.WARMED)
        self.ready_at = time.monotonic()

    def refuse(self, reason: str) -> None:
        """It is loaded and must not serve; its interpreter ends by itself."""
        self.load_error = reason
        self.note(WorkerEvent.WARM_FAILED)
        for slot in self.slots:
            slot.end_input()

    def stop(self) -> None:
        """Lets the calls under way finish, then the interpreter end by itself."""
        self.note(WorkerEvent.STOP)
        for slot in self.slots:
            slot.end_input()

    def dump_stacks(self) -> None:
        self._signal(DUMP_SIGNAL)

    def kill(self) -> None:
        """Ends the worker. What it has started is ended after it, by whoever owns it."""
        self._signal(signal.SIGKILL)

    def ending(self) -> str:
        """How the process ended, for logs and answers."""
        status = self.exit_status
        if status is None:
            return "is running"
        if status < 0:
            return f"was killed by signal {-status} ({signal.Signals(-status).name})"
        return f"exited with code {status}"

    def _records_channel(
        self, spec: PoolSpec, undo: contextlib.ExitStack, handed_over: contextlib.ExitStack
    ) -> list[int]:
        """The worker's end, where records are wanted."""
        if spec.records is None:
            return []
        ours, theirs = _socket_pair(undo)
        handed_over.callback(theirs.close)
        self._records = RecordsReader(ours, self._owner)
        undo.callback(self._loop.remove_reader, ours.fileno())
        return [theirs.fileno()]

    def _spawn(
        self, descriptors: list[int], channel: list[int], outputs: list[int], environment: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        number = self.mark.number if self.mark else 0
        stdout, stderr = outputs
        with open(os.devnull, "rb") as nothing:
            return subprocess.Popen(
                [sys.executable, "-m", "plimsoll.workers.child.main", *map(str, [os.getpid(), number, *descriptors])],
                stdin=nothing,
                stdout=stdout,
                stderr=stderr,
                pass_fds=[*descriptors, *channel],
                env=dict(environment),
                # A session of its own: Ctrl-C and a group-wide SIGTERM reach the front, which decides.
                start_new_session=True,
            )

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _on_control(self) -> None:
        """What cannot be understood is the end of this worker, not of those who listen to it."""
        try:
            if self._read_control():
                return
        except Exception as failure:
            self._owner.on_broken_protocol(self, f"{type(failure).__name__}: {failure}")
        self._loop.remove_reader(self._control.fileno())

    def _read_control(self) -> bool:
        """Handles all messages that have come; False when the worker has closed its side."""
        buffer = bytearray(frames.MESSAGE_BYTES)
        try:
            while (frame := frames.receive(self._control, buffer)) is not None:
                self._on_message(json.loads(frame.body))
        except BlockingIOError:
            return True
        except ConnectionResetError:
            pass
        return False

    def _on_message(self, message: dict[str, Any]) -> None:
        if message["event"] == allocator_report.EVENT:
            self.gpu_allocator_bytes = int(message["bytes"])
            return
        event = WorkerEvent(message["event"])
        was = self.state
        self.note(event)
        if event is WorkerEvent.LOAD_FAILED:
            self.load_error = str(message["message"])
        elif was is WorkerState.LOADING and self.state is WorkerState.WARMING:
            self.features = Features.from_message(message, self._most_per_batch)
            self._owner.on_loaded(self)

    def _on_exit(self) -> None:
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        if self.mark is None:
            # Without a mark its process group is all that is known of it, until it is waited for.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.exit_status = self._process.wait()
        try:
            self._let_go()
        finally:
            self.note(WorkerEvent.EXITED)
            self._owner.on_exit(self)

    def _let_go(self) -> None:
        """Reads what it has said last, and closes what led to it."""
        self._on_control()
        self._loop.remove_reader(self._control.fileno())
        self._control.close()
        self._board.close()
        self._rooms.close()
        if self._records is not None:
            self._records.close()
        for output in self._outputs:
            output.close()


def _socket_pair(undo: contextlib.ExitStack) -> tuple[socket.socket, socket.socket]:
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for end in pair:
        undo.callback(end.close)
    return pair


def _pipe(undo: contextlib.ExitStack, handed_over: contextlib.ExitStack) -> tuple[IO[bytes], int]:
    """The end that is read here, and the one that the worker writes to."""
    read, write = os.pipe()
    handed_over.callback(os.close, write)
    reader = open(read, "rb", buffering=0)  # noqa: SIM115  closed by its OutputPipe
    undo.callback(reader.close)
    return reader, write
