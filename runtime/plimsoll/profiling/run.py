"""One profile from beginning to end: phases in order, whatever happens the children end and the results are kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from plimsoll.errors import InternalError, RowsFailed, StartError
from plimsoll.host.cgroups.groups import enforcement
from plimsoll.host.cgroups.limits import find_cgroup
from plimsoll.host.children import terminable
from plimsoll.host.memory import read_memory
from plimsoll.profiling.answer.decision import Decision, decide, warnings_of_bounds
from plimsoll.profiling.answer.profile import build_profile
from plimsoll.profiling.findings import Findings
from plimsoll.profiling.gpu.answer import NEVER_USED, GpuVerdict, decide_gpu, preallocation_sentence, why_unused
from plimsoll.profiling.gpu.growth import growth_sentence, with_time_to_use_up
from plimsoll.profiling.gpu.session import TakesTheWholeCard, check_preallocation, watch_gpus
from plimsoll.profiling.load.client import DriverClient
from plimsoll.profiling.measure.metrics import allocator_peaks_bytes
from plimsoll.profiling.measure.server import NotMeasured, ServerLost, ServerUnderTest, Stopwatch
from plimsoll.profiling.options import ProfileOptions, Progress
from plimsoll.profiling.phases.candidate import cpu_answer
from plimsoll.profiling.phases.capacity import find_capacity
from plimsoll.profiling.phases.census import Census, describe_failed, load_of, take_census
from plimsoll.profiling.phases.cpu_sweep import is_elastic, sweep, sweep_by_quota
from plimsoll.profiling.phases.growth import watch_growth
from plimsoll.profiling.phases.open_loop import measure_rate, search_slo, seconds_for
from plimsoll.profiling.phases.preflight import measure_ceiling
from plimsoll.profiling.phases.search import search
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.phases.warmup import warm_up
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.result.files import write_profile
from plimsoll.profiling.result.profile import Profile, ProfileError
from plimsoll.profiling.session import Session, Setup, prepare
from plimsoll.profiling.trials.operating_point import ground_of, measure_operating_point
from plimsoll.profiling.trials.trial import rehearse
from plimsoll.profiling.trials.verify import verify

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
        run.spoil(error.code, error.message, error.exit_code)
        run.finish(watch)
        raise
    except (KeyboardInterrupt, SystemExit):
        run.spoil("interrupted", "the run was interrupted", _INTERRUPTED_EXIT)
        run.finish(watch)
        raise
    result, census = run.finish(watch), run.findings.census
    if census.rows and not census.succeeded():
        failed = describe_failed(census, run.findings.dataset)
        which = f"every row that was sent failed ({census.incomplete})" if census.incomplete else "every row failed"
        raise RowsFailed(f"{which}: {failed}", remedy=f"see {options.output_dir}/server.log")
    return result


class Run:
    """The only place in which findings change: each result of a phase is kept as soon as there is one."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self.findings = Findings(setup, warnings=setup.dataset.warnings)
        self._decision: Decision | None = None

    def keep(self, **found: Any) -> None:
        self.findings = dataclasses.replace(self.findings, **found)

    def follow(self, **phase: Iterable[object]) -> None:
        """Keeps what is known after each step, so that it is there even when the phase breaks off."""
        for name, results in phase.items():
            for found in results:
                self.keep(**{name: found})

    def spoil(self, code: str, message: str, exit_code: int, details: Sequence[str] = ()) -> None:
        problem = ProfileError(code=code, message=message, exit_code=exit_code, details=list(details))
        self.keep(problem=problem)

    def warn(self, *sentences: str) -> None:
        self.keep(warnings=(*self.findings.warnings, *sentences))

    def _note(self, **found: Any) -> None:
        self.keep(surroundings=dataclasses.replace(self.findings.surroundings, **found))

    def measure(self, progress: Progress) -> None:
        options = self.setup.options
        (options.output_dir / "server.log").unlink(missing_ok=True)
        with DriverClient(options.output_dir / "driver.log", self.setup.placement.driver) as driver:
            self.keep(ceiling=measure_ceiling(driver, self.setup.dataset.rows, options.seed, progress))
            session = Session(self.setup, progress, driver, Stopwatch(options.budget_s))
            self.keep(timeline=session.recorder)
            with watch_gpus(options.gpu) as gpu:
                self.keep(gpu=gpu)
                session.recorder.gpu = gpu.watch
                self._measure_first(session)
                self._measure_others(session)
                self._verify(session)

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
        # The server is in our own control group, and stands still for its CPU quota as we do.
        group = find_cgroup()
        throttled_before_s = group.throttled_s() or 0.0
        with session.server() as server:
            try:
                self._phases(session, server)
            except TakesTheWholeCard as takes:
                return takes
            except ServerLost as lost:
                self.spoil(lost.code, str(lost), _SERVER_LOST_EXIT, server.process.last_lines())
            except NotMeasured as lost:
                self.spoil("driver_lost", str(lost), InternalError.exit_code)
            self.keep(gpu=self.findings.gpu.with_allocator(allocator_peaks_bytes(server.process.metrics())))
            self._note(
                peak_unknown=server.meter.peak_unknown,
                memory_unknown=server.meter.memory_unknown,
                driver_memory=read_memory(session.driver.pid),
                throttled_s=(group.throttled_s() or 0.0) - throttled_before_s,
            )
        return None

    def _phases(self, session: Session, server: ServerUnderTest) -> None:
        plan = self._start(session, server)
        self.keep(gpu=check_preallocation(server, self.findings.gpu))
        self.follow(census=take_census(server, plan.census_s))
        self.keep(gpu=check_preallocation(server, self.findings.gpu))
        self._judge_rows()
        census, options = self.findings.census, self.setup.options
        load, latency_s = load_of(census, len(self.setup.dataset.rows)), census.mean_latency_s()
        if not census.succeeded() or not load.rows or not latency_s:
            return
        plan = dataclasses.replace(plan, elastic=is_elastic(census, options.threads) and server.cpus > 1)
        self.keep(plan=plan)
        server.choose(load)
        self.follow(warmup=warm_up(server, options.slots / latency_s, plan.warmup_s(server.watch.left_s())))
        self.follow(capacity=find_capacity(server, 1 / latency_s, plan.capacity_s(server.watch.left_s())))
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
            self.spoil(RowsFailed.code, message, RowsFailed.exit_code)
            self.warn(message)
        if harmful:
            self.warn(f"{len(harmful)} row(s) that cost a model worker its life or hung were left out of the load")

    def _watch_growth(self, server: ServerUnderTest, plan: Plan) -> None:
        capacity, knee = self.findings.capacity, self.findings.capacity.knee()
        if not plan.growth_s:
            self.keep(growth_unknown="the budget is too short for it")
        elif knee is not None:
            try:
                found = watch_growth(server, knee, plan.growth_s, plan.most_growth_s)
            except NotMeasured as lost:
                self.keep(growth_unknown=str(lost))
                return
            capacity = capacity.in_place_of(knee, found.knee)
            self.keep(capacity=capacity, growth=found.memory, gpu_growth=found.gpu)

    def _find_operating_point(self, server: ServerUnderTest, plan: Plan) -> None:
        options, capacity, census = self.setup.options, self.findings.capacity, self.findings.census
        expected = cpu_answer(capacity, census, options, options.slots, None)
        if expected is None:
            return
        if options.slo is not None:
            self.follow(open_loop=search_slo(server, options.slo, expected.capacity_rps, plan.slo_s))
            expected = cpu_answer(capacity, census, options, options.slots, self.findings.open_loop.slo_rps) or expected
        if plan.verifies:
            # It is measured on the configuration that will be recommended, which is not known yet.
            return
        rate_rps = expected.operating_rps
        seconds = seconds_for(rate_rps, plan.rate_s, server.watch.left_s())
        before = self.findings.open_loop
        self.follow(open_loop=measure_rate(server, before, rate_rps, seconds, self.setup.noisy_cores))

    def _measure_others(self, session: Session) -> None:
        """Fewer CPUs, other configurations. What goes wrong with them spoils only what they were to show."""
        first = self.findings.first_server()
        if first is None:
            return
        try:
            self.follow(sweep=sweep(session, first))
            self.follow(quota=sweep_by_quota(session, first, self.findings.sweep))
            # Which is cheapest cannot be said without knowing what their memory is.
            if not self.findings.surroundings.memory_unknown:
                self.follow(search=search(session, first))
        except (ServerLost, StartError, NotMeasured) as error:
            self.warn(f"the search for a better configuration was aborted: {error}")

    def _verify(self, session: Session) -> None:
        findings, decision = self.findings, self.decide()
        gpu_so_far = decide_gpu(findings.gpu, decision.recommended.configuration)
        plan, recommended = findings.plan, decision.on_gpus(findings, gpu_so_far).recommended
        if plan is None or not plan.verifies or findings.broke_off():
            return
        if recommended.cpu is None:
            return
        load, ground = load_of(findings.census, len(self.setup.dataset.rows)), ground_of(self.setup, decision.chosen)
        with enforcement() as (delegation, why_not):
            try:
                points = measure_operating_point(session, plan, recommended, ground, load, delegation)
                self.follow(operating=points)
            except (ServerLost, StartError, NotMeasured) as error:
                self.warn(f"the operating point could not be measured to the end: {error}")
            operating = self.findings.operating
            if operating is None or not operating.complete or recommended.memory is None:
                return
            rehearsal = rehearse(findings.census, load, operating.reference())
            self.follow(trials=verify(session, operating, rehearsal, delegation, why_not, ground.most_cores))

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
        growth = with_time_to_use_up(self.findings.gpu_growth, gpu, decision.recommended.operating_rps)
        self.keep(gpu_growth=growth)
        if grows := growth_sentence(growth):
            self.warn(grows)
        result = build_profile(self.findings, decision.on_gpus(self.findings, gpu), gpu, watch.elapsed_s())
        write_profile(result, self.setup.options.output_dir)
        return result

    def _judge_gpu(self, verdict: GpuVerdict) -> None:
        """A GPU that was lost or never used is a failure, where one was wanted."""
        found = self.findings.gpu
        if found.watch is None or not found.watch.servers:
            return
        if lost := found.lost():
            if self.findings.problem is None:
                self.spoil("gpu_lost", f"{lost} during the run", _GPU_EXIT)
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
            self.spoil("gpu_unused", why, _GPU_EXIT)
