"""A body that is lent: one copy for text and bytes, none for getbuffer(), and nothing that changes under the script."""

from __future__ import annotations

import gc
import json
import mmap
import threading
from io import BufferedReader, BytesIO, TextIOWrapper

import numpy as np
import pytest

from plimsoll.entry.bodies import SharedBody
from plimsoll.entry.call import Call, Head
from plimsoll.entry.http.request import Request
from plimsoll.entry.inputs.arguments import PlainReader
from plimsoll.entry.inputs.signature import Signature

TEXT = "Plimsoll, Höchstlast\n" * 5
BYTES = TEXT.encode()


class Lender:
    """Memory that a body is lent from, and that is used again as soon as it may be."""

    def __init__(self, content: bytes = BYTES) -> None:
        self.memory = mmap.mmap(-1, len(content))
        self.memory[:] = content

    def body(self, *, lends: bool = True) -> SharedBody:
        return SharedBody(memoryview(self.memory).toreadonly(), lends=lends)

    def end(self, body: SharedBody) -> bool:
        """Whether the script has kept the memory; if not, the next body comes."""
        kept = body.end()
        if not kept:
            self.memory[:] = b"!" * len(self.memory)
        return kept


def request_of(body: SharedBody, content_type: str = "application/json") -> Request:
    return Request.of(Call(Head(headers=[("content-type", content_type)]), body))


def test_text_is_copied_and_a_body_that_is_no_utf8_is_refused() -> None:
    lender = Lender()
    body = lender.body()
    read = PlainReader(Signature("data", False, {}))
    arguments = read(Call(Head(), body))
    assert not lender.end(body)
    assert arguments == {"data": TEXT}
    answer = read(Call(Head(), Lender(b"\xff\xff").body()))
    assert not isinstance(answer, dict)
    assert answer.status == 400
    assert b"Input cannot be decoded as UTF-8: 'utf-8' codec can't decode byte 0xff" in bytes(answer.body)  # type: ignore[arg-type]


@pytest.mark.parametrize("lends", [True, False])
def test_a_raw_request_gives_bytes_that_are_the_scripts_own(lends: bool) -> None:
    lender = Lender()
    body = lender.body(lends=lends)
    request = request_of(body)
    data = request.get_data()
    assert type(data) is bytes
    assert not lender.end(body)
    assert (data, request.get_data()) == (BYTES, BYTES)


def test_the_buffer_is_the_memory_itself_and_read_only() -> None:
    lender = Lender()
    body = lender.body()
    view = request_of(body).stream.getbuffer()
    assert (bytes(view), view.readonly) == (BYTES, True)
    lender.memory[:1] = b"p"
    assert view[:1] == b"p", "no copy was made"
    view.release()
    assert not lender.end(body)


KEEPERS = {
    "the view": lambda view: view,
    "a slice": lambda view: view[3:9],
    "an array": lambda view: np.frombuffer(view, np.uint8),
    "a part of an array": lambda view: np.frombuffer(view, np.uint8)[5:].reshape(-1, 1),
    "a cast": lambda view: view.cast("b"),
}


@pytest.mark.parametrize("keeper", KEEPERS)
def test_what_the_script_keeps_is_found_out_and_never_changes(keeper: str) -> None:
    lender = Lender()
    body = lender.body()
    kept = KEEPERS[keeper](request_of(body).stream.getbuffer())
    before = bytes(kept)
    assert lender.end(body)
    gc.collect()
    assert bytes(kept) == before


def test_a_body_that_is_not_to_be_lent_is_copied() -> None:
    lender = Lender()
    body = lender.body(lends=False)
    kept = np.frombuffer(request_of(body).stream.getbuffer(), np.uint8)
    assert not kept.flags.writeable
    assert not lender.end(body)
    assert kept.tobytes() == BYTES


@pytest.mark.parametrize("read_before", [True, False])
def test_a_request_that_is_kept_can_be_read_after_its_call(read_before: bool) -> None:
    """As by a thread that goes on when run() has returned."""
    lender = Lender()
    body = lender.body()
    request = request_of(body)
    if read_before:
        assert request.stream.read(8) == BYTES[:8]
    assert not lender.end(body)
    seen: list[bytes] = []
    thread = threading.Thread(target=lambda: seen.append(request.stream.read()))
    thread.start()
    thread.join()
    assert seen == [BYTES[8:] if read_before else BYTES]


def test_a_request_is_not_kept_by_itself() -> None:
    """A cycle would hold bodies until the collector runs, and have each of them copied."""
    gc.disable()
    try:
        body = Lender().body()
        request = request_of(body)
        reference = body._streams
        request.get_data(cache=False)
        del request
        body.stream()
        assert [found() for found in reference] == [None, None]
    finally:
        gc.enable()


def test_the_stream_is_a_file_like_any_other() -> None:
    def stream() -> BytesIO:
        return request_of(Lender().body()).stream  # type: ignore[return-value]

    plain = BytesIO(BYTES)
    assert stream().readlines() == plain.readlines() == list(stream())
    assert stream().getvalue() == BYTES
    assert (stream().readable(), stream().seekable(), stream().writable()) == (True, True, False)
    file = stream()
    assert (file.seek(-4, 2), file.tell(), file.read1(), file.read()) == (
        len(BYTES) - 4,
        len(BYTES) - 4,
        BYTES[-4:],
        b"",
    )
    into = bytearray(6)
    assert (stream().readinto(into), bytes(into)) == (6, BYTES[:6])
    assert stream().readline() == BYTES.splitlines(keepends=True)[0]
    assert TextIOWrapper(stream(), "utf-8").read() == TEXT  # type: ignore[arg-type]
    assert BufferedReader(stream()).read() == BYTES  # type: ignore[arg-type]
    with stream() as file:
        assert file.read(3) == BYTES[:3]
    assert bytes(stream().getbuffer()) == BYTES


def test_json_and_forms_are_read_as_ever() -> None:
    assert request_of(Lender(json.dumps({"a": [1, 2]}).encode()).body()).json == {"a": [1, 2]}
    form = request_of(Lender(b"a=1&b=%20").body(), "application/x-www-form-urlencoded")
    assert form.form.to_dict() == {"a": "1", "b": " "}
