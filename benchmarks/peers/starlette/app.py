"""The model behind a Starlette route."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from functools import partial

import anyio.to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.served import work


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    app.state.model = work.load_from_bytes()
    app.state.limiter = anyio.CapacityLimiter(work.slots())
    yield


async def _score(request: Request) -> Response:
    state = request.app.state
    call = partial(state.model, await request.body())
    value = await anyio.to_thread.run_sync(call, limiter=state.limiter) if work.slots() > 1 else call()
    if work.workload_name() == "stream":
        return StreamingResponse(_each(value), media_type="text/plain")
    return Response(work.encoded(value), media_type="application/json")


async def _each(chunks: work.Chunks) -> AsyncIterator[str]:
    """An asynchronous iterator: Starlette runs any other on a thread, chunk by chunk."""
    for chunk in chunks:
        yield chunk


async def _health(request: Request) -> Response:
    return Response()


app = Starlette(routes=[Route("/score", _score, methods=["POST"]), Route("/health", _health)], lifespan=_lifespan)
