"""A receiver for whoever awaits a call instead of being called back."""

from __future__ import annotations

import asyncio

from plimsoll.errors import RequestError
from plimsoll.workers.frames import Flag, Frame


class Awaited:
    """`answer` becomes the ANSWER frame, or raises what the call failed with; CHUNKs follow in `chunks`."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self.chunks: asyncio.Queue[Frame] = asyncio.Queue()

    def on_frame(self, frame: Frame) -> None:
        if self.answer.done():
            self.chunks.put_nowait(frame)
        else:
            self.answer.set_result(frame)

    def on_failed(self, error: RequestError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)

    async def to_the_end(self) -> tuple[Frame, Frame]:
        """The ANSWER and the last frame: the same one unless the answer was streamed. Raises RequestError."""
        last = first = await self.answer
        while last.flags & Flag.MORE:
            last = await self.chunks.get()
        return first, last
