"""run() as a generator: each str or bytes it yields is one chunk of the body, sent before the next is produced."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import AsyncGeneratorType, GeneratorType
from typing import Any

from plimsoll.entry.failures import log_failure
from plimsoll.entry.outputs.answers import SCRIPT_FAILED
from plimsoll.entry.outputs.awaiting import iterated
from plimsoll.errors import ScriptFailed


class Begun:
    """Chunks of which the first is produced at once: a script that fails before it can still have its own status."""

    def __init__(self, chunks: Generator[bytes, None, None]) -> None:
        self._chunks = chunks
        self._first = next(chunks, b"")

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._first:
            first, self._first = self._first, b""
            return first
        return next(self._chunks)

    def close(self) -> None:
        self._first = b""
        self._chunks.close()


class Stream(Begun):
    """The chunks of a generator as bytes; what goes wrong after the first is logged."""

    def __init__(self, chunks: Iterator[Any]) -> None:
        super().__init__(_encoded(chunks))

    def __next__(self) -> bytes:
        try:
            return super().__next__()
        except StopIteration:
            raise
        except BaseException as failure:
            log_failure("The stream of run() failed:", failure)
            raise ScriptFailed(SCRIPT_FAILED) from None

    def close(self) -> None:
        """Ends the user's generator, its `finally` blocks included; what they raise is only logged."""
        try:
            super().close()
        except BaseException as failure:
            log_failure("The stream of run() could not be closed:", failure)


def streamed(result: Any) -> Any:
    """A generator as a `Stream`; everything else as it is."""
    if isinstance(result, GeneratorType):
        return Stream(result)
    if isinstance(result, AsyncGeneratorType):
        return Stream(iterated(result))
    return result


def _encoded(chunks: Iterator[Any]) -> Generator[bytes, None, None]:
    try:
        for chunk in chunks:
            # An empty chunk would end a chunked body.
            if encoded := _as_bytes(chunk):
                yield encoded
    finally:
        chunks.close()  # type: ignore[attr-defined]


def _as_bytes(chunk: Any) -> bytes:
    if isinstance(chunk, str):
        return chunk.encode()
    if isinstance(chunk, (bytes, bytearray, memoryview)):
        return bytes(chunk)
    raise TypeError(f"run() yields {type(chunk).__name__}, not str or bytes")
