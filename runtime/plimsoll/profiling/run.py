"""One profile from beginning to end: phases in order, whatever happens the children end and the results are kept."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from types import FrameType

from plimsoll.errors import InternalError, RowsFailed, StartError, UsageError
from plimsoll.host.cpus import describe_host
from plimsoll.host.memory import read_memory
from plimsoll.profiling.answer.decision import decide, warn_of_bounds
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.gpu.answer import judge_gpu
from plimsoll.profiling.gpu.preallocation import TakesTheWholeCard
from plimsoll.profiling.gpu.session import watch_gpus
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.command import gpu_wanted, request_timeout_s
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.noise import spin, throttled_s
from plimsoll.profiling.measure.placement import place
from plimsoll.profiling.measure.server import NotMeasured, ServerLost, Stopwatch
from plimsoll.profiling.measure.timeline import Recorder
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.census import Census, describe_failed
from plimsoll.profiling.phases.cpu_sweep import sweep
from plimsoll.profiling.phases.preflight import measure_ceiling
from plimsoll.profiling.phases.quota import sweep_by_quota
from plimsoll.profiling.phases.search import search
from plimsoll.profiling.phases.verify import verify
from plimsoll.profiling.result.files import make_output_folder, write_profile
from plimsoll.profiling.result.profile import Profile
from plimsoll.profiling.session import Session
from plimsoll.profiling.unlimited import run_phases

_SERVER_LOST_EXIT = 3
_INTERRUPTED_EXIT = 130


def profile(options: ProfileOptions, progress: Progress) -> Profile:
    """Measures and writes DIR/profile.json, DIR/levels.csv and DIR/server.log.

    Raises DatasetError or UsageError before anything is started; after writing, EntryError when the server does not
    come up and RowsFailed when every row failed. A server that is lost in the middle gives a profile with state
    Failed. KeyboardInterrupt and SystemExit (SIGTERM) pass through after the children are gone.
    """
    findings = prepare(options)
    watch = Stopwatch(options.budget_s)
    try:
        with terminable():
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
            f"every row failed: {describe_failed(findings.census, findings.dataset)}",
            remedy=f"see {options.output_dir}/server.log",
        )
    return result


def prepare(options: ProfileOptions) -> Findings:
    """Reads the dataset and looks at the machine; nothing is started."""
    if options.budget_s <= 0:
        raise UsageError("the budget must be longer than 0 s")
    dataset = load_dataset(
        options.dataset, options.content_type, options.format, options.max_rows, options.max_dataset_bytes
    )
    make_output_folder(options.output_dir)
    host = describe_host()
    return Findings(
        options=options,
        dataset=dataset,
        host=host,
        placement=place(host.allowed_cpus, options.max_cpu_cores),
        request_timeout_s=request_timeout_s(options, os.environ),
        created=datetime.now(UTC),
        warnings=list(dataset.warnings),
    )


def _measure(findings: Findings, progress: Progress) -> None:
    options = findings.options
    (options.output_dir / "server.log").unlink(missing_ok=True)
    findings.spin_before = spin()
    with DriverClient(options.output_dir / "driver.log", findings.placement.driver) as driver:
        findings.ceiling = measure_ceiling(driver, findings.dataset.rows, options.seed, progress)
        findings.recorder = Recorder()
        session = Session(findings, progress, driver, Stopwatch(options.budget_s))
        with watch_gpus(findings.gpu, findings.recorder, gpu_wanted(options.server_arguments, os.environ)):
            grab = _first_server(session)
            if grab is not None:
                progress.note(f"{grab}: it is started again, told to take only what it needs")
                findings.startup, findings.census = None, Census()
                _first_server(session)
            _second_servers(session)
    findings.spin_after = spin()


def _first_server(session: Session) -> TakesTheWholeCard | None:
    """All phases on the server without limits; answers where it broke off because the server must be started anew."""
    findings, throttled_before_s = session.findings, throttled_s()
    with session.server() as server:
        try:
            run_phases(session, server)
        except TakesTheWholeCard as grab:
            return grab
        except ServerLost as lost:
            details = tuple(server.process.last_lines())
            findings.problem = Problem(lost.code, str(lost), _SERVER_LOST_EXIT, details)
        except NotMeasured as lost:
            _leave_out(findings, lost)
        findings.gpu.note_allocator(allocator_peaks_bytes(server.process.metrics()))
        findings.peak_unknown = server.meter.peak_unknown
        findings.memory_unknown = server.meter.memory_unknown
        findings.driver_memory = read_memory(session.driver.pid)
        findings.throttled_s = throttled_s() - throttled_before_s
    return None


def _leave_out(findings: Findings, lost: NotMeasured) -> None:
    """Without an answer for CPU there is nothing to recommend; else only the open loop is missing."""
    if findings.cpu is None:
        findings.problem = Problem("driver_lost", str(lost), InternalError.exit_code)
    else:
        findings.warnings.append(f"no latency at a steady rate: {lost}")


def _second_servers(session: Session) -> None:
    """What goes wrong with them spoils only what they were to show."""
    findings = session.findings
    try:
        sweep(session)
        sweep_by_quota(session)
        decide(findings)
        search(session)
    except (ServerLost, StartError, NotMeasured) as error:
        findings.warnings.append(f"the search for a better size broke off: {error}")
    decide(findings)
    verify(session)


def _finish(findings: Findings, watch: Stopwatch) -> Profile:
    if findings.verification is None:
        decide(findings)
    warn_of_bounds(findings)
    judge_gpu(findings)
    result = build_profile(findings, watch.elapsed_s())
    write_profile(result, findings.options.output_dir)
    return result


@contextlib.contextmanager
def terminable() -> Iterator[None]:
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
