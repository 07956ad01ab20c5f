"""A body that is one tensor's bytes and nothing else (`Inference-Header-Content-Length: 0`): what the model takes says
the rest, as with Triton.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from plimsoll.contracts.v2.refusals import Refusal
from plimsoll.contracts.v2.request import InferRequest, SentTensor
from plimsoll.entry.tensors.declared import ANY_SIZE, NUMPY_NAMES, Tensor


def framed(request: InferRequest, inputs: Sequence[Tensor]) -> InferRequest:
    """The request that a client would have written in full. Raises Refusal."""
    body = request.unframed
    assert body is not None
    if len(inputs) != 1:
        raise Refusal(f"A request of bytes alone is for a model with one input, this one has {len(inputs)}.")
    (wanted,) = inputs
    if wanted.datatype == "BYTES":
        body = memoryview(struct.pack("<I", len(body)) + bytes(body))
    sent = SentTensor(wanted.name, wanted.datatype, _shape(wanted, len(body)), raw=body)
    return replace(request, inputs=(sent,), unframed=None)


def _shape(wanted: Tensor, size: int) -> tuple[int, ...]:
    """Of BYTES the body is one element; else one size at most follows from its length."""
    if wanted.datatype == "BYTES":
        return (1,) * max(len(wanted.shape), 1)
    if not wanted.shape or list(wanted.shape).count(ANY_SIZE) > 1:
        raise Refusal(f"The tensor {wanted.name!r} may have several shapes: its size alone does not say which.")
    known = math.prod(one for one in wanted.shape if one != ANY_SIZE)
    row = known * np.dtype(NUMPY_NAMES[wanted.datatype]).itemsize
    return tuple(size // row if one == ANY_SIZE and row else max(one, 0) for one in wanted.shape)
