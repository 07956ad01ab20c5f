"""Answers byte by byte, as RFC 9112 frames them: what each counts as, how many bytes it has, who closes then.

One load driver asks one server; the body of a request names the answer that it gets.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plimsoll.profiling.dataset.rows import TEXT_TYPE, Row
from plimsoll.profiling.load.client import DriverClient, RowAnswer
from support.raw_server import RawServer, Said, ok, raw_server

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
# Name: what the server says; the outcome and the size of the body that the driver makes of it.
ANSWERS: dict[str, tuple[Said, str, int]] = {
    "a length": (Said((ok(b"hello"),)), "200", 5),
    "an empty body": (Said((ok(b""),)), "200", 0),
    "no reason phrase": (Said((b"HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\nx",)), "200", 1),
    "an unknown reason phrase": (Said((b"HTTP/1.1 200 Fine by me\r\nContent-Length: 1\r\n\r\nx",)), "200", 1),
    "blanks around a length": (Said((b"HTTP/1.1 200 OK\r\ncontent-length: \t 3 \r\n\r\nabc",)), "200", 3),
    "chunks": (Said((CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",)), "200", 5),
    "chunks with extensions": (Said((CHUNKED + b'3;a="b"\r\nabc\r\n0;c\r\n\r\n',)), "200", 3),
    "chunks with a trailer": (Said((CHUNKED + b"1\r\na\r\n0\r\nx-sum: 1\r\n\r\n",)), "200", 1),
    "chunk sizes in capitals": (Said((CHUNKED + b"A\r\n0123456789\r\n0\r\n\r\n",)), "200", 10),
    "one byte after the other": (Said(tuple(bytes([byte]) for byte in ok(b"slowly"))), "200", 6),
    "a chunk cut in pieces": (Said((CHUNKED + b"1", b"0\r", b"\n0123456789", b"abcdef\r\n0", b"\r\n\r\n")), "200", 16),
    "a megabyte": (Said((ok(b"x" * 1_000_000),)), "200", 1_000_000),
    "a long head": (Said((ok(b"x", *(f"x-{number}: {'y' * 100}" for number in range(300))),)), "200", 1),
    "created": (Said((b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok",)), "201", 2),
    "no content": (Said((b"HTTP/1.1 204 No Content\r\n\r\n",)), "204", 0),
    "not modified, with the length of what it has not": (
        Said((b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",)), "304", 0,
    ),
    "continue first": (Said((b"HTTP/1.1 100 Continue\r\n\r\n" + ok(),)), "200", 2),
    "early hints first": (Said((b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", ok())), "200", 2),
    "two interim answers": (Said((b"HTTP/1.1 102 Processing\r\n\r\n" * 2, ok(b"x"))), "200", 1),
    "a failure": (Said((b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad",)), "500", 3),
    "too many": (Said((b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",)), "429", 0),
    "the last on its connection": (Said((ok(b"bye", "Connection: close"),), "close"), "200", 3),
    "the last, but the server waits": (Said((ok(b"bye", "Connection: close"),)), "200", 3),
    "HTTP/1.0": (Said((b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",), "close"), "200", 2),
    "half a head": (Said((b"HTTP/1.1 200 OK\r\nContent-Le",), "close"), "closed", 0),
    "half a body": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",), "close"), "closed", 0),
    "half a chunk": (Said((CHUNKED + b"a\r\nabc",), "close"), "closed", 0),
    "no last chunk": (Said((CHUNKED + b"3\r\nabc\r\n",), "close"), "closed", 0),
    "nothing": (Said((), "close"), "closed", 0),
    "a reset": (Said((), "reset"), "closed", 0),
    "half a body and a reset": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",), "reset"), "closed", 0),
    "no more to come, but it would listen": (Said((), "half"), "closed", 0),
    # Section 6.3 lets such an answer last until the connection ends. Plimsoll's server never sends one, and where the
    # end cannot be told from a breakdown it is counted as one.
    "no length": (Said((b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc",), "close"), "closed", 0),
    # What follows is no HTTP, or means different things to different readers.
    "no HTTP": (Said((b"220 ready\r\n",)), "closed", 0),
    "a page without a head": (Said((b"<html>hello</html>\r\n\r\n",)), "closed", 0),
    "two lengths": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk",)), "closed", 0),
    "a length below zero": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",)), "closed", 0),
    "a length in words": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nok",)), "closed", 0),
    "a length and chunks": (
        Said((b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",)), "closed", 0,
    ),
    "a chunk size that is none": (Said((CHUNKED + b"xyz\r\nabc\r\n0\r\n\r\n",)), "closed", 0),
    "a chunk longer than it says": (Said((CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",)), "closed", 0),
    "a status of two digits": (Said((b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",)), "closed", 0),
    "a blank in a name": (Said((b"HTTP/1.1 200 OK\r\nContent Length: 2\r\n\r\nok",)), "closed", 0),
    "another protocol": (
        Said((b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",)), "closed", 0,
    ),
    # The server keeps the connection, and the driver waits until the time of the request is up.
    "silence": (Said(()), "timeout", 0),
    "a body that stops coming": (Said((b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",)), "timeout", 0),
    "continue, and nothing more": (Said((b"HTTP/1.1 100 Continue\r\n\r\n",)), "timeout", 0),
}  # fmt: skip
NAMES = list(ANSWERS)
LASTING = ["a length", "chunks", "no content", "a failure", "continue first"]


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RawServer, DriverClient]]:
    """One driver for all answers: what one of them leaves behind must not harm the next."""
    log = tmp_path_factory.mktemp("driver") / "driver.log"
    rows = [Row(place, name.encode(), TEXT_TYPE) for place, name in enumerate(NAMES, 1)]
    with raw_server(lambda body: ANSWERS[body.decode()][0]) as server, DriverClient(log, None) as driver:
        driver.open(rows, server.port, 0.4, seed=1)
        yield server, driver


def ask(driver: DriverClient, name: str) -> RowAnswer:
    return driver.send_row(NAMES.index(name), lambda: None)


@pytest.mark.parametrize("name", NAMES)
def test_an_answer(driven: tuple[RawServer, DriverClient], name: str) -> None:
    _, outcome, size_bytes = ANSWERS[name]
    found = ask(driven[1], name)
    assert (found.outcome, found.response_bytes, found.driver_error) == (outcome, size_bytes, None)
    assert found.succeeded == outcome.startswith("2")
    after = ask(driven[1], "a length")
    assert (after.outcome, after.response_bytes) == ("200", 5), "whatever came before, the next request is fine"


@pytest.mark.parametrize("name", LASTING)
def test_a_connection_that_is_kept_is_used_again(driven: tuple[RawServer, DriverClient], name: str) -> None:
    server, driver = driven
    ask(driver, "a length")
    before = server.connections
    for _ in range(3):
        ask(driver, name)
    assert server.connections == before


@pytest.mark.parametrize(
    "name",
    ["the last on its connection", "the last, but the server waits", "HTTP/1.0", "two lengths", "no HTTP", "silence"],
)
def test_a_connection_that_is_over_is_not_used_again(driven: tuple[RawServer, DriverClient], name: str) -> None:
    """RFC 9112, section 9.3: `close` and HTTP/1.0 end it, and so does what cannot be read any further."""
    server, driver = driven
    ask(driver, "a length")
    before = server.connections
    ask(driver, name)
    assert server.connections == before
    ask(driver, "a length")
    assert server.connections == before + 1
