"""Envelopes: everything that HTTP can carry comes through, everything that would break the connection is refused."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from plimsoll.errors import DatasetError
from plimsoll.profiling.dataset.envelope import looks_like_envelopes, read_envelopes
from plimsoll.profiling.dataset.rows import Row

# RFC 9110, section 5.6.2: tchar.
TOKEN = string.ascii_letters + string.digits + "!#$%&'*+-.^_`|~"
OWN = {"host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "content-type"}
NAME = st.text(TOKEN, min_size=1, max_size=8).filter(lambda name: name.lower() not in OWN)
# Section 5.5: visible characters, obs-text, and blanks between them.
VALUE = st.text([*map(chr, range(0x20, 0x7F)), *map(chr, range(0x80, 0x100)), "\t"], max_size=12)
JSON = st.none() | st.integers() | st.lists(st.text(max_size=4), max_size=3) | st.dictionaries(st.text(), st.booleans())


def read(*values: Any) -> list[Row]:
    lines = [value if isinstance(value, bytes) else json.dumps(value).encode() for value in values]
    return list(read_envelopes("d.jsonl", [Row(place, line) for place, line in enumerate(lines, 1)]))


@settings(deadline=None)
@given(
    body=st.text(),
    headers=st.dictionaries(NAME, VALUE, max_size=3),
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=st.none() | st.text([*map(chr, range(0x21, 0x7F))], max_size=20).map(lambda text: "/" + text),
    status=st.none() | st.integers(200, 599),
    content_type=st.none() | st.just("a/b"),
)
def test_what_may_be_said_comes_through(
    body: str, headers: dict[str, str], method: str, path: str | None, status: int | None, content_type: str | None
) -> None:
    value: dict[str, Any] = {"body": body, "headers": dict(headers), "method": method, "path": path}
    value |= {} if status is None else {"expect": {"status": status}}
    if content_type:
        value["headers"]["cOnTeNt-TyPe"] = content_type
    (found,) = read(value)
    assert found == Row(1, body.encode(), "", None, tuple(value["headers"].items()), method, path, status)
    typed = found.typed("x/y")
    assert (typed.content_type, typed.headers) == (content_type or "x/y", tuple(headers.items()))


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_bytes_travel_in_base64(data: bytes) -> None:
    (found,) = read({"body_b64": base64.b64encode(data).decode()})
    assert (found.body, found.content_type) == (data, "application/octet-stream")


@settings(deadline=None)
@given(JSON)
@example({"größe": True})
def test_any_other_body_is_sent_as_the_json_that_it_is(value: Any) -> None:
    (found,) = read({"body": value})
    assert json.loads(found.body) == value
    assert found.content_type == "", "what it looks like decides"


def test_characters_are_sent_as_themselves() -> None:
    """Not escaped: a script that counts bytes, or a limit on them, sees what a client would send."""
    (found,) = read({"body": {"größe": "𝄞"}})
    assert found.body == '{"größe": "𝄞"}'.encode()


@settings(deadline=None)
@given(st.characters(exclude_characters=TOKEN))
def test_a_name_with_any_other_character_is_refused(character: str) -> None:
    with pytest.raises(DatasetError, match="line 1: header"):
        read({"body": "x", "headers": {f"a{character}b": "v"}})


@settings(deadline=None)
@given(st.characters().filter(lambda one: one != "\t" and not 0x20 <= ord(one) < 0x7F and not 0x80 <= ord(one) < 0x100))
@example("\r")
@example("\n")
@example("\0")
@example("\x7f")
def test_a_value_with_any_other_character_is_refused(character: str) -> None:
    """RFC 9110, section 5.5: CR, LF and NUL are dangerous, other control characters no better."""
    with pytest.raises(DatasetError, match="line 1: header 'a'"):
        read({"body": "x", "headers": {"a": f"v{character}w"}})


@pytest.mark.parametrize("name", ["Host", "CONTENT-LENGTH", "Transfer-Encoding", "connection", "Expect", "upgrade"])
def test_what_frames_the_message_is_written_by_the_driver_alone(name: str) -> None:
    """RFC 9112, section 6: a second length, or a chunked body that is not, makes the server read the next request."""
    with pytest.raises(DatasetError, match="set by the load driver"):
        read({"body": "x", "headers": {name: "1"}})


@pytest.mark.parametrize(
    "path", ["", "score", "//\x7f", "/a b", "/a\tb", "/a\r\nX: y", "/größe", 3, ["/"], {"/": 1}], ids=repr
)
def test_a_target_that_would_break_the_request_line_is_refused(path: Any) -> None:
    with pytest.raises(DatasetError, match="line 1: path"):
        read({"body": "x", "path": path})


@pytest.mark.parametrize("method", ["get", "HEAD", "TRACE", "CONNECT", "", 1, None, ["GET"]], ids=repr)
def test_methods_whose_answers_the_driver_cannot_read_are_refused(method: Any) -> None:
    """RFC 9112, section 6.3: no body follows the head of an answer to HEAD, whatever length it states."""
    with pytest.raises(DatasetError, match="line 1: method"):
        read({"body": "x", "method": method})


@pytest.mark.parametrize(
    "expect", [199, "200", {}, {"status": 199}, {"status": 600}, {"status": "200"}, {"status": 200.0},
               {"status": 1, "a": 2}],
    ids=repr,
)  # fmt: skip
def test_an_expectation_is_a_final_status(expect: Any) -> None:
    with pytest.raises(DatasetError, match="line 1: expect"):
        read({"body": "x", "expect": expect})


@pytest.mark.parametrize("text", ["e", "eA", "eA=", "eA===", "e A==", "eA==\n", "ü", "-_=="], ids=repr)
def test_base64_is_that_of_rfc_4648_section_4(text: str) -> None:
    """Padded, with + and /, without blanks: a lenient decoder would send other bytes than were meant."""
    with pytest.raises(DatasetError, match="line 1: body_b64"):
        read({"body_b64": text})


@pytest.mark.parametrize("line", [b"", b"[]", b"1", b'"body"', b"{", b'{"body": 1', b"{'body': 1}"], ids=repr)
def test_a_line_that_is_no_object_is_named(line: bytes) -> None:
    with pytest.raises(DatasetError, match=r"^d\.jsonl, line 2: not "):
        read({"body": "x"}, line)


def looks(*values: Any) -> bool:
    return looks_like_envelopes(Row(1, json.dumps(value).encode()) for value in values)


def test_bodies_that_happen_to_have_a_body_are_not_taken_for_envelopes() -> None:
    """Guessing wrong would send something else than what lies in the file: one line that does not fit decides."""
    assert looks({"body": 1}, {"body_b64": "", "path": "/x"})
    assert not looks({"body": 1}, {"path": "/x"}), "an envelope without a body is one only where that was said"
    assert not looks({"body": 1}, {"body": 1, "id": 7})
    assert not looks({"body": 1}, ["body"])
    assert not looks({"body": 1}, "body")
    assert not looks({"Body": 1})
    assert not looks_like_envelopes([Row(1, b"{'body': 1}")])
    assert not looks_like_envelopes([Row(1, b"[" * 100_000)]), "too deep to be parsed"


def test_nothing_is_read_before_it_is_wanted() -> None:
    """A sample is drawn from files that are bigger than the memory."""
    lines = iter([Row(1, b'{"body": "a"}'), Row(2, b"broken")])
    found = read_envelopes("d.jsonl", lines)
    assert next(found).body == b"a"
    with pytest.raises(DatasetError, match="line 2"):
        next(found)
