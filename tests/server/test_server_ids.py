"""The id table of Azure ML's server, row by row."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.errors import IdTooLong
from plimsoll.server.ids import new_id, request_ids

A, B, C = b"x-request-id", b"x-ms-request-id", b"x-ms-client-request-id"
NEW = b"?"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({}, {A: NEW, B: NEW}),
        ({A: b"a"}, {A: b"a", B: b"a"}),
        ({B: b"b"}, {A: NEW, B: b"b", C: b"b"}),
        ({C: b"c"}, {A: NEW, B: b"c", C: b"c"}),
        ({A: b"a", B: b"b"}, {A: b"a", B: b"b", C: b"b"}),
        ({B: b"b", C: b"c"}, {A: NEW, B: b"b", C: b"c"}),
        ({A: b"a", C: b"c"}, {A: b"a", B: b"c", C: b"c"}),
        ({A: b"a", B: b"b", C: b"c"}, {A: b"a", B: b"b", C: b"c"}),
    ],
)
def test_ids(sent: dict[bytes, bytes], expected: dict[bytes, bytes]) -> None:
    ids = request_ids(sent)
    assert ids[0][0] == A
    invented = ids[0][1]
    assert dict(ids) == {name: invented if value == NEW else value for name, value in expected.items()}
    if expected[A] == NEW:
        assert UUID(invented.decode()).version == 4


@given(st.binary(min_size=101), st.sampled_from([A, B, C]))
def test_long_ids_are_refused(value: bytes, name: bytes) -> None:
    with pytest.raises(IdTooLong):
        request_ids({name: value})


def test_new_ids_do_not_repeat() -> None:
    assert len({new_id() for _ in range(10_000)}) == 10_000
