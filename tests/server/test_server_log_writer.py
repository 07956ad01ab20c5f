"""The log stream: real pipes and devices, a reader that stands still, a disk that is full and is not any more."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from plimsoll.server.logs.writer import LogWriter
from support.server import wait_for

LINE = "x" * 99 + "\n"


@dataclass
class Pipe:
    reader: int
    writer: int

    def read(self) -> str:
        """What is there now."""
        os.set_blocking(self.reader, False)
        parts = []
        while True:
            try:
                part = os.read(self.reader, 65536)
            except BlockingIOError:
                break
            if not part:
                break
            parts.append(part)
        return b"".join(parts).decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    reader, writer = os.pipe()
    ends = Pipe(reader, writer)
    yield ends

    def nobody_writes() -> bool:
        ends.read()
        return all(thread.name != "log" for thread in threading.enumerate())

    wait_for(nobody_writes, "the writers' ends: the next test's pipe has the same number")
    for descriptor in (reader, writer):
        os.close(descriptor)


def fill(writer: LogWriter, lines: int) -> None:
    for _ in range(lines):
        writer.write(LINE)


@pytest.mark.parametrize("started", [False, True])
def test_a_reader_that_stands_still_blocks_nobody_and_what_finds_no_room_is_counted(pipe: Pipe, started: bool) -> None:
    writer = LogWriter(pipe.writer, max_bytes=50_000)
    if started:
        writer.start()
    done = threading.Thread(target=fill, args=(writer, 5_000), daemon=True)
    done.start()
    done.join(20)
    assert not done.is_alive(), "the caller is blocked"
    assert writer.dropped > 0
    said = ""

    def everything_is_read() -> bool:
        nonlocal said
        said += pipe.read()
        return said.count("\n") + writer.dropped == 5_000

    wait_for(everything_is_read, "what was held")
    assert set(said.splitlines()) == {LINE.strip()}, "only whole lines"
    writer.write("and on\n")
    wait_for(lambda: pipe.read() == "and on\n", "the line after")
    writer.close(5)


@pytest.mark.parametrize("started", [False, True])
def test_a_disk_that_was_full_is_written_to_again(started: bool, pipe: Pipe) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    target = os.dup(full)
    writer = LogWriter(target)
    if started:
        writer.start()
    fill(writer, 3)
    wait_for(lambda: writer.dropped == 3, "three lost lines")
    os.dup2(pipe.writer, target)
    writer.write("there is room\n")
    wait_for(lambda: pipe.read() == "there is room\n", "the line after")
    assert writer.dropped == 3
    writer.close(5)
    os.close(full)
    os.close(target)


def test_lines_keep_their_order_and_the_end_waits_for_them(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer)
    writer.start()
    for number in range(500):
        writer.write(f"{number}\n")
    writer.close(20)
    assert pipe.read().split() == [str(number) for number in range(500)]
    writer.write("last words\n")
    assert pipe.read() == "last words\n"
    assert writer.dropped == 0


def test_the_end_does_not_wait_for_a_reader_that_stands_still(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer)
    writer.start()
    fill(writer, 2_000)
    began = time.monotonic()
    writer.close(0.2)
    assert time.monotonic() - began < 10


def test_a_line_that_was_torn_is_not_run_together_with_the_next(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer)
    writer.start()
    target = os.dup(pipe.writer)
    os.set_blocking(target, False)
    torn = LogWriter(target)
    torn.start()
    fill(torn, 2_000)  # the pipe takes 65,536 bytes: part of a line is the last that fits
    wait_for(lambda: torn.dropped > 0, "lines that found no room")
    first = pipe.read()
    torn.write("next\n")
    rest = ""

    def the_next_is_there() -> bool:
        nonlocal rest
        rest += pipe.read()
        return rest.endswith("next\n")

    wait_for(the_next_is_there, "the line after")
    assert not first.endswith("\n")
    assert "next" in (first + rest).splitlines()
    torn.close(5)
    writer.close(5)
    os.close(target)


def test_what_cannot_be_encoded_is_written_all_the_same(pipe: Pipe) -> None:
    writer = LogWriter(pipe.writer)
    writer.write("\udc80 é\n")
    assert pipe.read() == "\\udc80 é\n"
