"""One profile from beginning to end: phases in order, whatever happens the children end and the results are kept."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from plimsoll.errors import InternalError, RowsFailed, StartError, UsageError
from plimsoll.host.cpus import describe_host
from plimsoll.host.memory import read_memory
from plimsoll.profiling.answer.decision import Decision, decide, warnings_of_bounds
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.dataset.load import load_dataset
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import NEVER_USED, GpuVerdict, decide_gpu, preallocation_sentence, why_unused
from plimsoll.profiling.gpu.session import TakesTheWholeCard, check_preallocation, watch_gpus
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.command import gpu_wanted, request_timeout_s
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.noise import spin, throttled_s
from plimsoll.profiling.measure.server import NotMeasured, ServerLost, ServerUnderTest, Stopwatch
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.candidate import cpu_answer
from plimsoll.profiling.phases.capacity import find_capacity
from plimsoll.profiling.phases.census import Census, describe_failed, load_of, take_census
from plimsoll.profiling.phases.cpu_sweep import is_elastic, sweep
from plimsoll.profiling.phases.growth import Growth, watch_growth
from plimsoll.profiling.phases.open_loop import measure_operating_point, search_slo, seconds_for
from plimsoll.profiling.phases.preflight import measure_ceiling
from plimsoll.profiling.phases.quota import sweep_by_quota
from plimsoll.profiling.phases.search import search
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.phases.trial import Rehearsal, reference_of
from plimsoll.profiling.phases.verify import verify
from plimsoll.profiling.phases.warmup import warm_up
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.files import make_output_folder, write_profile
from plimsoll.profiling.result.profile import Profile, ProfileError
from plimsoll.profiling.session import Session, Setup, place

_SERVER_LOST_EXIT, _GPU_EXIT = 3, 3
_INTERRUPTED_EXIT = 130
# What is left for the load even when the model loaded longer than the whole budget.
_LEAST_LOAD_SHARE = 0.6


def profile(options: ProfileOptions, progress: Progress) -> Profile:
    """Measures and writes DIR/profile.json, DIR/levels.csv and DIR/server.log.

    Raises DatasetError or UsageError before anything is started; after writing, EntryError when the server does not
    come up and RowsFailed when every row failed. A server that is lost during the run gives a profile with state
    Failed. KeyboardInterrupt and SystemExit (SIGTERM) pass through after the children are gone.
    """
    run, watch = Run(prepare(options)), Stopwatch(options.budget_s)
    try:
        with terminable():
            run.measure(progress)
    except StartError as error:
        run.spoil(_problem(error.code, error.message, error.exit_code))
        run.finish(watch)
        raise
    except (KeyboardInterrupt, SystemExit):
        run.spoil(_problem("interrupted", "the run was interrupted", _INTERRUPTED_EXIT))
        run.finish(watch)
        raise
    result, census = run.finish(watch), run.findings.census
    if census.rows and not census.succeeded():
        failed = describe_failed(census, run.findings.dataset)
        raise RowsFailed(f"every row failed: {failed}", remedy=f"see {options.output_dir}/server.log")
    return result


def prepare(options: ProfileOptions) -> Setup:
    """Reads the dataset and looks at the machine; nothing is started."""
    if options.budget_s <= 0:
        raise UsageError("the budget must be longer than 0 s")
    dataset = load_dataset(
        options.dataset, options.content_type, options.format, options.max_rows, options.max_dataset_bytes
    )
    make_output_folder(options.output_dir)
    host = describe_host()
    return Setup(
        options=options,
        dataset=dataset,
        host=host,
        placement=place(host.allowed_cpus, options.max_cpu_cores),
        request_timeout_s=request_timeout_s(options, os.environ),
        created=datetime.now(UTC),
    )


class Run:
    """The only place in which findings change: each result of a phase is kept as soon as there is one."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.findings = Findings(setup, warnings=setup.dataset.warnings)
        self._decision: Decision | None = None

    def keep(self, **found: Any) -> None:
        """Replaces what was known of a phase."""
        self.findings = dataclasses.replace(self.findings, **found)

    def spoil(self, problem: ProfileError) -> None:
        """What stopped the run, or spoiled part of it."""
        self.keep(problem=problem)

    def warn(self, *sentences: str) -> None:
        self.keep(warnings=(*self.findings.warnings, *sentences))

    def _note(self, **found: Any) -> None:
        self.keep(surroundings=dataclasses.replace(self.findings.surroundings, **found))

    def measure(self, progress: Progress) -> None:
        """All servers, one after the other."""
        options = self.setup.options
        (options.output_dir / "server.log").unlink(missing_ok=True)
        self._note(spin_before=spin())
        with DriverClient(options.output_dir / "driver.log", self.setup.placement.driver) as driver:
            self.keep(ceiling=measure_ceiling(driver, self.setup.dataset.rows, options.seed, progress))
            session = Session(self.setup, progress, driver, Stopwatch(options.budget_s))
            self.keep(timeline=session.recorder)
            with watch_gpus(gpu_wanted(options.server_arguments, os.environ)) as gpu:
                self.keep(gpu=gpu)
                session.recorder.gpu = gpu.watch
                self._measure_first(session)
                self._measure_others(session)
                self._verify(session)
        self._note(spin_after=spin())

    def _measure_first(self, session: Session) -> None:
        """The server without limits; once more where it took a whole GPU."""
        takes = self._first_server(session)
        if takes is not None:
            session.progress.note(f"{takes}: it is started again, with variables by which it takes only what it needs")
            self.keep(gpu=takes.found, startup=None, census=Census())
            session.variables = takes.found.growth
            self._first_server(session)

    def _first_server(self, session: Session) -> TakesTheWholeCard | None:
        """Answers where it broke off because the server must be started anew."""
        throttled_before_s = throttled_s()
        with session.server() as server:
            try:
                self._phases(session, server)
            except TakesTheWholeCard as takes:
                return takes
            except ServerLost as lost:
                self.spoil(_problem(lost.code, str(lost), _SERVER_LOST_EXIT, server.process.last_lines()))
            except NotMeasured as lost:
                self.spoil(_problem("driver_lost", str(lost), InternalError.exit_code))
            self.keep(gpu=self.findings.gpu.with_allocator(allocator_peaks_bytes(server.process.metrics())))
            self._note(
                peak_unknown=server.meter.peak_unknown,
                memory_unknown=server.meter.memory_unknown,
                driver_memory=read_memory(session.driver.pid),
                throttled_s=throttled_s() - throttled_before_s,
            )
        return None

    def _phases(self, session: Session, server: ServerUnderTest) -> None:
        """From the start of the server to its operating point."""
        plan = self._start(session, server)
        self.keep(gpu=check_preallocation(server, self.findings.gpu))
        for census in take_census(server, plan.census_s):
            self.keep(census=census)
        self.keep(gpu=check_preallocation(server, self.findings.gpu))
        self._judge_rows()
        census, options = self.findings.census, self.setup.options
        load, latency_s = load_of(census, len(self.setup.dataset.rows)), census.mean_latency_s()
        if not census.succeeded() or not load.rows or not latency_s:
            return
        plan = dataclasses.replace(plan, elastic=is_elastic(census, options.threads) and server.cpus > 1)
        self.keep(plan=plan)
        server.choose(load)
        for warmup in warm_up(server, options.slots / latency_s, plan.warmup_s(server.watch.left_s())):
            self.keep(warmup=warmup)
        for capacity in find_capacity(server, 1 / latency_s, plan.capacity_s(server.watch.left_s())):
            self.keep(capacity=capacity)
        self._watch_growth(server, plan)
        try:
            self._find_operating_point(server, plan)
        except NotMeasured as lost:
            self.warn(f"no latency at a steady rate: {lost}")

    def _start(self, session: Session, server: ServerUnderTest) -> Plan:
        options, startup = self.setup.options, wait_for_start(server)
        self.keep(startup=startup)
        session.watch = server.watch = Stopwatch(max(server.watch.left_s(), _LEAST_LOAD_SHARE * options.budget_s))
        session.aim(server)
        self._note(connections=session.connections)
        start_s, slo = startup.seconds_to_ready, options.slo is not None
        plan = Plan(options.budget_s, start_s, options.verify, slo, search=options.searches)
        session.overtime_s = plan.overtime_s
        self.keep(plan=plan)
        return plan

    def _judge_rows(self) -> None:
        """Failed rows are the run's problem; those that harm the others are left out of the load."""
        census = self.findings.census
        failed, harmful = census.failed(), census.harmful()
        if failed:
            rows = describe_failed(census, self.setup.dataset)
            message = f"{len(failed)} of {len(census.rows)} rows failed: {rows}"
            self.spoil(_problem(RowsFailed.code, message, RowsFailed.exit_code))
            self.warn(message)
        if harmful:
            self.warn(f"{len(harmful)} row(s) that cost a model worker its life or hung were left out of the load")

    def _watch_growth(self, server: ServerUnderTest, plan: Plan) -> None:
        capacity, knee = self.findings.capacity, self.findings.capacity.knee()
        if not plan.growth_s:
            self.keep(growth=Growth(unknown="the budget is too short for it"))
        elif knee is not None:
            try:
                longer, growth = watch_growth(server, knee, plan.growth_s)
            except NotMeasured as lost:
                self.keep(growth=Growth(unknown=str(lost)))
                return
            self.keep(capacity=capacity.in_place_of(knee, longer), growth=growth)

    def _find_operating_point(self, server: ServerUnderTest, plan: Plan) -> None:
        options, capacity, census = self.setup.options, self.findings.capacity, self.findings.census
        expected = cpu_answer(capacity, census, options, options.slots, None)
        if expected is None:
            return
        if options.slo is not None:
            for found in search_slo(server, options.slo, expected.capacity_rps, plan.slo_s):
                self.keep(open_loop=found)
            expected = cpu_answer(capacity, census, options, options.slots, self.findings.open_loop.slo_rps) or expected
        rate_rps, left_s = expected.operating_rps, server.watch.left_s() - plan.verify_s
        seconds = seconds_for(rate_rps, plan.rate_s, left_s)
        before = self.findings.open_loop
        for found in measure_operating_point(server, before, rate_rps, seconds, self.setup.noisy_cores, plan.verify_s):
            self.keep(open_loop=found)

    def _measure_others(self, session: Session) -> None:
        """Fewer CPUs, other configurations. What goes wrong with them spoils only what they were to show."""
        first = self.findings.first_server()
        if first is None:
            return
        try:
            for swept in sweep(session, first):
                self.keep(sweep=swept)
            for swept in sweep_by_quota(session, first, self.findings.sweep):
                self.keep(quota=swept)
            # Which is cheapest cannot be said without knowing what their memory is.
            for found in search(session, first) if not self.findings.surroundings.memory_unknown else ():
                self.keep(search=found)
        except (ServerLost, StartError, NotMeasured) as error:
            self.warn(f"the search for a better configuration broke off: {error}")

    def _verify(self, session: Session) -> None:
        findings, decision = self.findings, self.decide()
        gpu_so_far = decide_gpu(findings.gpu, decision.recommended.configuration)
        plan, recommended = findings.plan, decision.on_gpus(findings, gpu_so_far).recommended
        if plan is None or not plan.verifies or findings.broke_off():
            return
        if findings.startup is None or decision.operating is None or None in (recommended.cpu, recommended.memory):
            return
        load = load_of(findings.census, len(self.setup.dataset.rows))
        rehearsal = Rehearsal(findings.census, load, reference_of(decision.operating, findings.startup))
        for found in verify(session, recommended, rehearsal):
            self.keep(verification=found)

    def decide(self) -> Decision:
        """Once: before the verification, or at the end of a run that did not come so far."""
        if self._decision is None:
            self._decision = decide(self.findings)
            self.warn(*self._decision.warnings)
        return self._decision

    def finish(self, watch: Stopwatch) -> Profile:
        decision = self.decide().after(self.findings)
        self.warn(*warnings_of_bounds(self.findings, decision))
        # All readings are there only now, also those from after the last server.
        gpu = decide_gpu(self.findings.gpu, decision.recommended.configuration)
        self._judge_gpu(gpu)
        result = build_profile(self.findings, decision.on_gpus(self.findings, gpu), gpu, watch.elapsed_s())
        write_profile(result, self.setup.options.output_dir)
        return result

    def _judge_gpu(self, verdict: GpuVerdict) -> None:
        """A GPU that was lost or never used is a failure, where one was wanted."""
        found = self.findings.gpu
        if found.watch is None or not found.watch.servers:
            return
        if lost := found.lost():
            problem = _problem("gpu_lost", f"{lost} during the run", _GPU_EXIT)
            self.spoil(self.findings.problem or problem)
        elif not self.findings.census.succeeded():
            return
        elif verdict.answer is None:
            self._judge_unused(why_unused(verdict))
        elif found.preallocated_bytes is not None and verdict.need is not None:
            self.warn(preallocation_sentence(found.preallocated_bytes, verdict.need))

    def _judge_unused(self, why: str) -> None:
        found = self.findings.gpu
        self.keep(gpu=dataclasses.replace(found, unknown=why))
        if why == NEVER_USED and not found.required:
            self.warn(why)
        elif why == NEVER_USED and not self.findings.broke_off():
            self.spoil(_problem("gpu_unused", why, _GPU_EXIT))


def _problem(code: str, message: str, exit_code: int, details: Sequence[str] = ()) -> ProfileError:
    return ProfileError(code=code, message=message, exit_code=exit_code, details=list(details))


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
