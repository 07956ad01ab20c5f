"""Serving: checks the surroundings, binds the port, and hands over to gunicorn."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import socket
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from gunicorn.app.base import BaseApplication

from plimsoll.contracts.names import DEFAULT, parse
from plimsoll.entry.loading.environment import environment
from plimsoll.entry.spec import EntrySpec
from plimsoll.errors import EntryError, PortInUse
from plimsoll.host.cpus import describe_host
from plimsoll.server.front.gunicorn_worker import FrontArbiter, FrontWorker
from plimsoll.server.gpu.selection import GpuPlan, plan_gpus
from plimsoll.server.logs.lines import FrontLogger, LogStreams, configure
from plimsoll.server.startup.descriptors import plan_descriptors
from plimsoll.server.startup.memory import buffer_bytes, warn_of_little_memory
from plimsoll.server.startup.paths import check_files, entry_spec
from plimsoll.settings.collecting import collecting_of
from plimsoll.settings.serving import HEARTBEAT_TIMEOUT_S, ServeSettings, longest_stop_s
from plimsoll.version import __version__
from plimsoll.workers.spec import Limits, PoolSpec, RecordsSpec, WarmUpCall
from plimsoll.workers.threads import OWN as THREADS_VARIABLE
from plimsoll.workers.threads import thread_environment

if TYPE_CHECKING:
    from plimsoll.server.front.front import Front

_LOG = logging.getLogger("plimsoll.server")
_HEARTBEAT_FOLDERS = ("/dev/shm", "/run", "/tmp", "/var/tmp")  # noqa: S108


def serve(
    settings: ServeSettings, from_flag: bool, warmup: tuple[WarmUpCall, ...] = (), *, worker_per_gpu: bool = False
) -> None:
    """Serves until told to stop; ends the process.

    `from_flag`: the entry script was named on the command line, so it is relative to the current folder.
    `worker_per_gpu`: nobody has said how many workers, so that every GPU gets one.
    Raises UsageError, PortInUse or EntryError before anything is started.
    """
    spec = entry_spec(settings, from_flag)
    check_files(settings)
    contracts = parse(settings.contract)
    _check_routes(settings, contracts)
    streams = configure(settings.log_level, settings.log_format)
    plan = plan_gpus(settings.gpu, os.environ)
    if worker_per_gpu and plan.gpus:
        settings = replace(settings, workers=len(plan.gpus))
    ports = [port for port in (settings.port, settings.health_port) if port is not None]
    listeners = [bind(settings.host, port) for port in ports]
    descriptors = plan_descriptors(settings)
    settings = replace(settings, max_connections=descriptors.connections)
    options = _options(settings, listeners, descriptors.backlog)
    streams.stderr.write(_greeting(settings, spec))
    _LOG.debug("settings: %s", json.dumps(asdict(settings) | asdict(spec)))
    pool = PoolSpec(
        entry=spec,
        environment=_environment(settings, spec),
        workers=settings.workers,
        threads=settings.threads,
        limits=_limits(settings),
        grace_s=settings.grace_seconds,
        max_batch_size=settings.max_batch_size,
        warmup=warmup,
        own_environments=plan.environments(settings.workers, os.environ),
        descriptor_limit=descriptors.found,
        max_buffer_bytes=buffer_bytes(settings),
        contracts=contracts,
        records=_records(settings),
    )
    warn_of_little_memory(settings.workers)
    gc.freeze()  # what is loaded by now stays shared with the front
    _Gunicorn(options, partial(_front, settings, pool, plan, streams)).run()


def _check_routes(settings: ServeSettings, contracts: tuple[str, ...]) -> None:
    """The front would only find out when it has been started, again and again."""
    if contracts != (DEFAULT,):
        from plimsoll.contracts.fronts import Fronts

        Fronts(settings, os.environ)


def _front(settings: ServeSettings, pool: PoolSpec, plan: GpuPlan, streams: LogStreams) -> Front:
    """Called in the front, so that only it imports what serves."""
    from plimsoll.server.front.front import Front

    return Front(settings, pool, plan, streams)


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens, so that a port in use is known before anything else; the front sets its backlog."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise PortInUse(f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}") from None
    return listener


def heartbeat_folder(candidates: Sequence[str]) -> str:
    """Where gunicorn can keep the unlinked file into which the front beats its heart; memory rather than a disk."""
    for folder in candidates:
        with contextlib.suppress(OSError), tempfile.TemporaryFile(dir=folder):
            return folder
    raise EntryError(
        f"nothing can be written: {', '.join(candidates)} are all read-only or full",
        remedy="give the container a writable /tmp, as in docker run --read-only --tmpfs /tmp",
    )


def _environment(settings: ServeSettings, spec: EntrySpec) -> dict[str, str]:
    """What a worker inherits: ours, what the script may read, and its share of the cores as thread counts."""
    cores = describe_host().usable_cores
    threads = thread_environment(cores, settings.workers, os.environ)
    if threads:
        _LOG.info(
            "%.2f usable cores, %d worker(s): %s threads each", cores, settings.workers, threads[THREADS_VARIABLE]
        )
    return os.environ | environment(spec) | threads


def _limits(settings: ServeSettings) -> Limits:
    """A call may wait for a stuck one before it, for its worker's replacement, and then as long as it may run."""
    scoring_timeout_s = settings.scoring_timeout_ms / 1000
    return Limits(scoring_timeout_s, 2 * scoring_timeout_s + settings.grace_seconds, settings.max_queue)


def _records(settings: ServeSettings) -> RecordsSpec | None:
    """Raises UsageError where nothing could be named as it is asked for."""
    found = collecting_of(settings)
    if found is None:
        return None
    return RecordsSpec(found.source, found.sampling_rate, None if found.names is None else tuple(sorted(found.names)))


def _greeting(settings: ServeSettings, spec: EntrySpec) -> str:
    found = "" if settings.entry_script or settings.app_root else ", found in the current folder,"
    url = f"{'https' if settings.tls_cert else 'http'}://{settings.host}:{settings.port}"
    return (
        f"Plimsoll {__version__} serves {spec.entry_script}{found} on {url}"
        f" with {settings.workers} worker(s), {settings.threads} thread(s) each\n"
    )


def _options(settings: ServeSettings, listeners: list[socket.socket], backlog: int) -> dict[str, object]:
    return {
        # Given away: gunicorn closes these descriptors itself, and a socket of ours that closed them again would hit
        # whatever has the number by then (the heartbeat file).
        "bind": [f"fd://{listener.detach()}" for listener in listeners],
        "backlog": backlog,
        "workers": 1,
        "worker_class": FrontWorker,
        "logger_class": FrontLogger,
        "graceful_timeout": longest_stop_s(settings.drain_seconds, settings.grace_seconds),
        "timeout": HEARTBEAT_TIMEOUT_S,
        "worker_tmp_dir": heartbeat_folder(_HEARTBEAT_FOLDERS),
        "control_socket_disable": True,
        "proc_name": "plimsoll",
    }


class _Gunicorn(BaseApplication):  # type: ignore[misc]
    def __init__(self, options: dict[str, object], make_app: Callable[[], Front]) -> None:
        self._options = options
        self._make_app = make_app
        super().__init__()

    def load_config(self) -> None:
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> Front:
        return self._make_app()

    def run(self) -> None:
        FrontArbiter(self).run()
