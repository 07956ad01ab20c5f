"""Awaits what an `async def` gave, on the event loop of the thread that asks.

Every slot of a worker is a thread, so every slot has its own loop, kept for the thread's life: a client session
that run() opens stays usable in the next call. init() runs in the first slot's thread. Between calls a loop
stands still, background tasks with it. asyncio loads with the first awaitable, not before.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import suppress
from typing import Any

_END = object()
_threads = threading.local()


class _Loop:
    def __init__(self) -> None:
        import asyncio

        # For its careful closing only: its run() looks after Ctrl-C on every call, at three times the cost.
        self._runner = asyncio.Runner()
        self._loop = self._runner.get_loop()
        self.closed = False

    def wait_for(self, awaitable: Awaitable[Any]) -> Any:
        return self._loop.run_until_complete(_as_coroutine(awaitable))

    def close(self) -> None:
        self.closed = True
        self._runner.close()

    def __del__(self) -> None:
        # Thread-local values go when their thread ends: tasks are cancelled there, not left to the interpreter's end.
        with suppress(BaseException):
            self.close()


def resolved(result: Any) -> Any:
    """What `await result` gives, or `result` itself where that is not possible."""
    return _loop().wait_for(result) if hasattr(type(result), "__await__") else result


def iterated(chunks: AsyncGenerator[Any, None]) -> Iterator[Any]:
    """An async generator as a plain one; the loop runs only while the next value is asked for."""
    loop = _loop()
    try:
        while (chunk := loop.wait_for(anext(chunks, _END))) is not _END:
            yield chunk
    finally:
        # A loop that closes ends its generators itself.
        if not loop.closed:
            loop.wait_for(chunks.aclose())


def _loop() -> _Loop:
    loop: _Loop | None = getattr(_threads, "loop", None)
    if loop is None:
        loop = _threads.loop = _Loop()
        if threading.current_thread() is threading.main_thread():
            atexit.register(loop.close)
    return loop


async def _as_coroutine(awaitable: Awaitable[Any]) -> Any:
    return await awaitable
