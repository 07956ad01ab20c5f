"""The model as a deployment of Ray Serve."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from benchmarks.served import work


@serve.deployment(num_replicas=work.slots(), max_ongoing_requests=300, ray_actor_options={"num_cpus": 0})
class Single:
    def __init__(self) -> None:
        self._model = work.load_from_bytes()

    async def __call__(self, request: Request) -> Response:
        value = self._model(await request.body())
        if work.workload_name() == "stream":
            return StreamingResponse(_each(value), media_type="text/plain")
        return Response(work.encoded(value), media_type="application/json")


@serve.deployment(num_replicas=1, max_ongoing_requests=300, ray_actor_options={"num_cpus": 0})
class Batched:
    def __init__(self) -> None:
        self._model = work.load_from_env()

    @serve.batch(max_batch_size=work.MOST_IN_BATCH, batch_wait_timeout_s=work.BATCH_WAIT_MS / 1000)
    async def _run(self, texts: list[str]) -> list[int]:
        values: list[int] = self._model(texts)
        return values

    async def __call__(self, request: Request) -> Response:
        value: Any = await self._run((await request.body()).decode())
        return Response(work.encoded(value), media_type="application/json")


async def _each(chunks: work.Chunks) -> AsyncIterator[str]:
    for chunk in chunks:
        yield chunk


if __name__ == "__main__":
    # Short, for the paths of Unix sockets are, and always the same, for Ray does not tidy up when it is ended.
    folder = Path(tempfile.gettempdir()) / "bench-ray"
    shutil.rmtree(folder, ignore_errors=True)
    ray.init(include_dashboard=False, _temp_dir=str(folder), num_cpus=4, object_store_memory=128 << 20)
    serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
    deployment: Any = Batched if work.workload_name() == "batched" else Single
    serve.run(deployment.bind(), route_prefix="/score", blocking=True)
