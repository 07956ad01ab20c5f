"""One profile from beginning to end: phases in order, whatever happens the children end and the results are kept."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType

from plimsoll.errors import RowsFailed, StartError, UsageError
from plimsoll.host.cpus import describe_host
from plimsoll.host.memory import read_memory
from plimsoll.profiling.bench import Bench, ServerLost, Stopwatch
from plimsoll.profiling.build import build_profile
from plimsoll.profiling.capacity import find_capacity
from plimsoll.profiling.census import take_census
from plimsoll.profiling.dataset import load_dataset
from plimsoll.profiling.decide import decide
from plimsoll.profiling.driver_client import DriverClient
from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.meter import ServerMeter
from plimsoll.profiling.noise import spin
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.placement import place
from plimsoll.profiling.refine import refine
from plimsoll.profiling.result import Profile
from plimsoll.profiling.rows import check_rows, describe_failed, rows_for_load
from plimsoll.profiling.server_process import ServerProcess
from plimsoll.profiling.start import wait_for_start
from plimsoll.profiling.timeline import Recorder
from plimsoll.profiling.timeouts import request_timeout_s, server_arguments
from plimsoll.profiling.warmup import warm_up
from plimsoll.profiling.write import make_output_folder, write_profile

_CENSUS_SHARE = 0.3
_WARMUP_SHARE = 0.3
_SERVER_LOST_EXIT = 3
_INTERRUPTED_EXIT = 130
# What is left for the load even when the model loaded longer than the whole budget.
_LEAST_LOAD_SHARE = 0.6


def profile(options: ProfileOptions, progress: Progress) -> Profile:
    """Measures and writes DIR/profile.json, DIR/levels.csv and DIR/server.log.

    Raises DatasetError or UsageError before anything is started; after writing, EntryError when the server does not
    come up and RowsFailed when every row failed. A server that is lost in the middle gives a profile with state
    Failed. KeyboardInterrupt and SystemExit (SIGTERM) pass through after the children are gone.
    """
    findings = _prepare(options)
    watch = Stopwatch(options.budget_s)
    try:
        with _terminable():
            _measure(findings, progress)
    except StartError as error:
        findings.problem = Problem(error.code, error.message, error.exit_code)
        _finish(findings, watch)
        raise
    except (KeyboardInterrupt, SystemExit):
        findings.problem = Problem("interrupted", "the run was interrupted", _INTERRUPTED_EXIT)
        _finish(findings, watch)
        raise
    result = _finish(findings, watch)
    if findings.census.rows and not findings.census.succeeded():
        raise RowsFailed(
            f"every row failed: {describe_failed(findings)}", remedy=f"see {options.output_dir}/server.log"
        )
    return result


def _prepare(options: ProfileOptions) -> Findings:
    if options.budget_s <= 0:
        raise UsageError("the budget must be longer than 0 s")
    dataset = load_dataset(options.dataset, options.content_type)
    make_output_folder(options.output_dir)
    host = describe_host()
    return Findings(
        options=options,
        dataset=dataset,
        host=host,
        placement=place(host.allowed_cpus, options.max_cpu_cores),
        request_timeout_s=request_timeout_s(options, os.environ),
        created=datetime.now(UTC),
    )


def _measure(findings: Findings, progress: Progress) -> None:
    options, placement = findings.options, findings.placement
    findings.spin_before = spin()
    arguments = server_arguments(options, findings.request_timeout_s, os.environ)
    with (
        ServerProcess(arguments, options.output_dir / "server.log", placement.server) as server,
        DriverClient(options.output_dir / "driver.log", placement.driver) as driver,
    ):
        meter = ServerMeter(server.tree)
        watch = Stopwatch(options.budget_s)
        bench = Bench(options, findings.dataset, server, driver, meter, watch, progress, findings.request_timeout_s)
        bench.recorder = findings.recorder = Recorder()
        try:
            _run_phases(bench, findings)
        except ServerLost as lost:
            details = tuple(server.last_lines())
            findings.problem = Problem("server_lost", str(lost), _SERVER_LOST_EXIT, details)
        findings.peak_unknown = meter.peak_unknown
        findings.driver_memory = read_memory(driver.pid)
    findings.spin_after = spin()


def _run_phases(bench: Bench, findings: Findings) -> None:
    options = bench.options
    findings.startup = wait_for_start(bench)
    bench.watch = Stopwatch(max(bench.watch.left_s(), _LEAST_LOAD_SHARE * options.budget_s))
    timeout_s = bench.request_timeout_s + 5.0
    bench.driver.open(options.dataset, options.content_type, bench.server.port, timeout_s, options.seed)
    take_census(bench, findings.census, _CENSUS_SHARE * bench.watch.budget_s)
    check_rows(findings)
    indexes = rows_for_load(findings)
    latency_s = findings.census.mean_latency_s()
    if not findings.census.succeeded() or not indexes or not latency_s:
        return
    bench.driver.choose_rows(indexes, options.seed)
    rate_rps, failing = 1 / latency_s, frozenset(row.index for row in findings.census.failed())
    warm_up(bench, findings.warmup, rate_rps * options.slots, len(indexes), _WARMUP_SHARE * bench.watch.left_s())
    find_capacity(bench, findings.capacity, rate_rps, len(indexes), failing)
    refine(bench, findings.capacity, failing)


def _finish(findings: Findings, watch: Stopwatch) -> Profile:
    decide(findings)
    result = build_profile(findings, watch.elapsed_s())
    write_profile(result, findings.options.output_dir)
    return result


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM becomes SystemExit, so that every `with` on the way out ends its child."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
