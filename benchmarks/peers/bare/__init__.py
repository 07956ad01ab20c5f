"""The least an ASGI server can do: gunicorn and uvicorn as Plimsoll has them, the model inline."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload

NO_BATCHES = {"batched": "does not batch"}


def gunicorn(site: Site, application: str) -> Start:
    """One uvicorn worker without an access log."""
    worker = ["-k", "uvicorn_worker.UvicornWorker", "-w", "1", "--no-control-socket", "--log-level", "error"]
    return Start([str(site.python), "-m", "gunicorn", *worker, "-b", f"127.0.0.1:{site.port}", application])


class Ceiling(Peer):
    """Runs in the environment of the harness: on the very packages that Plimsoll runs on."""

    ceiling = True
    lacks = NO_BATCHES

    @property
    def requirements(self) -> Path | None:
        return None


class Bare(Ceiling):
    name = "bare"
    title = "bare ASGI"
    distribution = "uvicorn"
    treats = (
        "gunicorn with one uvicorn worker (uvloop, httptools), no logs, metrics or limits; joins the body, decodes it "
        "as UTF-8 and calls the model on the event loop (with 4 slots: on 4 threads)"
    )
    in_short_run = True

    def start(self, site: Site, workload: Workload) -> Start:
        return gunicorn(site, "app:app")
