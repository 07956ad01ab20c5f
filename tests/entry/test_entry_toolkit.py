"""What the toolkit's decoders refuse; their answers to ordinary bodies are compared in tests/contracts/sagemaker."""

from __future__ import annotations

import io
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

from plimsoll.entry.toolkit.content_types import NPY, NPZ
from plimsoll.entry.toolkit.decoder import MOST_UNPACKED_BYTES, decode


def test_an_archive_that_unpacks_to_too_much() -> None:
    body, chunk = io.BytesIO(), bytes(2**20)
    with ZipFile(body, "w", ZIP_DEFLATED) as archive, archive.open("data.npy", "w", force_zip64=True) as member:
        for _ in range(MOST_UNPACKED_BYTES // len(chunk) + 1):
            member.write(chunk)
    assert len(body.getvalue()) < MOST_UNPACKED_BYTES / 500
    with pytest.raises(ValueError, match=f"more than {MOST_UNPACKED_BYTES}"):
        decode(body.getvalue(), NPZ)


def test_an_array_that_says_it_is_larger_than_its_body() -> None:
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000000000,), }"
    body = b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + b"12345678"
    with pytest.raises((ValueError, MemoryError)):
        decode(body, NPY)
