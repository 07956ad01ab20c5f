"""Health, readiness and metrics: answered by the front alone, whatever the model does."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plimsoll.server.gpu.health import GpuHealth
from plimsoll.server.metrics.exposition import Exposition, Format
from plimsoll.server.turns import Turns
from plimsoll.workers.supervisor import Supervisor


class Probes:
    """`is_draining`: whether the server is about to stop, and load balancers should look elsewhere."""

    def __init__(
        self,
        supervisor: Supervisor,
        exposition: Exposition,
        turns: Turns,
        gpus: GpuHealth | None,
        is_draining: Callable[[], bool],
    ) -> None:
        self._supervisor = supervisor
        self._exposition = exposition
        self._turns = turns
        self._gpus = gpus
        self._is_draining = is_draining

    def routes(self) -> list[Route]:
        return [
            Route("/health/live", self.live, methods=["GET"]),
            Route("/health/ready", self.ready, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def live(self, request: Request) -> Response:
        return JSONResponse({"status": "live"})

    async def ready(self, request: Request) -> Response:
        reason = await self.unready_reason("/health/ready")
        workers = {worker.name: worker.state.value for worker in self._supervisor.workers}
        if reason is None:
            return JSONResponse({"status": "ready", "workers": workers})
        body = {"status": "unavailable", "reason": reason, "workers": workers}
        return JSONResponse(body, status_code=503, headers={"retry-after": "1"})

    async def unready_reason(self, route: str) -> str | None:
        """None: ready. `route`: where somebody asks, in whose lane they wait."""
        if self._is_draining():
            return "the server is shutting down"
        await self._refresh_gpus(route)
        return (self._gpus.lost() if self._gpus is not None else None) or self._supervisor.unready_reason()

    async def metrics(self, request: Request) -> Response:
        wanted = Format.accepted(request.headers.get("accept", ""))
        await self._refresh_gpus("/metrics")
        text = await self._exposition.text(wanted)
        await self._turns.mine("/metrics")  # all who get this text have it at the same time
        return Response(text, headers={"content-type": wanted.content_type})

    async def _refresh_gpus(self, route: str) -> None:
        if self._gpus is not None:
            await self._gpus.refresh()
            await self._turns.mine(route)  # all who waited for the reading have it at the same time
