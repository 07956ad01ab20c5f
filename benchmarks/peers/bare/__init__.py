"""The least an ASGI server can do: gunicorn and uvicorn as Plimsoll has them, the model inline."""

from __future__ import annotations

from benchmarks.peers.peer import Peer, Site, Start
from benchmarks.workloads import Workload

NO_BATCHES = {"batched": "does not batch"}


def gunicorn(site: Site, application: str) -> Start:
    """One uvicorn worker without an access log."""
    worker = ["-k", "uvicorn_worker.UvicornWorker", "-w", "1", "--no-control-socket", "--log-level", "error"]
    return Start([str(site.python), "-m", "gunicorn", *worker, "-b", f"127.0.0.1:{site.port}", application])


class Bare(Peer):
    name = "bare"
    title = "bare ASGI"
    distribution = "uvicorn"
    treats = (
        "gunicorn with one uvicorn worker (uvloop, httptools), no logs, metrics or limits; joins the body, decodes it "
        "as UTF-8 and calls the model on the event loop (with 4 slots: on 4 threads)"
    )
    ceiling = True
    in_short_run = True
    lacks = NO_BATCHES

    def start(self, site: Site, workload: Workload) -> Start:
        return gunicorn(site, "app:app")
