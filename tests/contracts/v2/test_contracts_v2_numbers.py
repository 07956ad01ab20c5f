"""Lists of plain numbers take a short way to an array: it must say what the long one says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plimsoll.entry.tensors import arrays
from plimsoll.entry.tensors.declared import NUMPY_NAMES

EDGES = [
    0,
    -1,
    True,
    1.5,
    2.0,
    -0.0,
    127,
    128,
    255,
    256,
    -129,
    65504,
    70000.0,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    2**64,
]
OTHERS = [1e39, 1e308, float("inf"), None, "1", "x", [1], {}]


def said(datatype: str, values: list[Any]) -> tuple[Any, ...]:
    try:
        found = arrays.from_json("x", datatype, [len(values)], values)
    except arrays.BadTensor as refusal:
        return (str(refusal),)
    return found.dtype, found.shape, [repr(one) for one in found.tolist()], found.flags.writeable


@given(st.sampled_from(list(NUMPY_NAMES)), st.lists(st.sampled_from(EDGES + OTHERS), max_size=4))
@example("FP32", [1.5, "1"])
@example("INT8", [300, 1])
def test_short_and_long_way_agree(datatype: str, values: list[Any]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        short = said(datatype, values)
        patch.setattr(arrays, "_numbers", lambda *_: None)
        assert said(datatype, values) == short
