"""The phases on the unlimited server, in order; each leaves what it found behind before the next begins."""

from __future__ import annotations

import dataclasses

from plimsoll.errors import RowsFailed
from plimsoll.profiling.answer.decision import decide
from plimsoll.profiling.findings import Findings, Problem
from plimsoll.profiling.gpu.preallocation import check_grab
from plimsoll.profiling.measure.server import NotMeasured, ServerUnderTest, Stopwatch
from plimsoll.profiling.phases.capacity import find_capacity
from plimsoll.profiling.phases.census import describe_failed, rows_for_load, take_census
from plimsoll.profiling.phases.cpu_sweep import is_elastic
from plimsoll.profiling.phases.growth import watch_growth
from plimsoll.profiling.phases.open_loop import run_rate, search_slo, seconds_for
from plimsoll.profiling.phases.start import wait_for_start
from plimsoll.profiling.phases.warmup import warm_up
from plimsoll.profiling.plan import Plan
from plimsoll.profiling.session import Session

# What is left for the load even when the model loaded longer than the whole budget.
_LEAST_LOAD_SHARE = 0.6


def run_phases(session: Session, server: ServerUnderTest) -> None:
    """From the start of the server to its operating point."""
    findings = session.findings
    options, plan = findings.options, _start(session, server)
    check_grab(server, findings)
    take_census(server, findings.census, plan.census_s)
    check_grab(server, findings)
    _note_rows(findings)
    indexes = rows_for_load(findings.census, len(findings.dataset.rows))
    latency_s = findings.census.mean_latency_s()
    if not findings.census.succeeded() or not indexes or not latency_s:
        return
    findings.loaded_rows = indexes
    plan = findings.plan = dataclasses.replace(plan, elastic=is_elastic(findings) and server.cpus > 1)
    server.choose(indexes, frozenset(row.index for row in findings.census.failed()))
    warm_up(server, findings.warmup, options.slots / latency_s, plan.warmup_s(server.watch.left_s()))
    find_capacity(server, findings.capacity, 1 / latency_s, plan.capacity_s(server.watch.left_s()))
    _watch_growth(server, findings, plan)
    _operate(server, findings, plan)


def _note_rows(findings: Findings) -> None:
    """Failed rows are the run's problem; those that harm the others are left out of the load."""
    failed, harmful = findings.census.failed(), findings.census.harmful()
    if failed:
        words = describe_failed(findings.census, findings.dataset)
        message = f"{len(failed)} of {len(findings.census.rows)} rows failed: {words}"
        findings.problem = Problem(RowsFailed.code, message, RowsFailed.exit_code)
        findings.warnings.append(message)
    if harmful:
        findings.warnings.append(
            f"{len(harmful)} row(s) that cost a model worker its life or hung were left out of the load"
        )


def _start(session: Session, server: ServerUnderTest) -> Plan:
    findings, options = session.findings, session.findings.options
    findings.startup = wait_for_start(server)
    session.watch = server.watch = Stopwatch(max(server.watch.left_s(), _LEAST_LOAD_SHARE * options.budget_s))
    session.aim(server)
    start_s = findings.startup.seconds_to_ready
    findings.plan = Plan(options.budget_s, start_s, options.verify, options.slo is not None, search=options.searches)
    return findings.plan


def _watch_growth(server: ServerUnderTest, findings: Findings, plan: Plan) -> None:
    if not plan.growth_s:
        findings.growth_unknown = "the budget is too short for it"
        return
    try:
        findings.growth = watch_growth(server, findings.capacity, plan.growth_s)
    except NotMeasured as lost:
        findings.growth_unknown = str(lost)


def _operate(server: ServerUnderTest, findings: Findings, plan: Plan) -> None:
    slo = findings.options.slo
    decide(findings)
    if findings.cpu is None:
        return
    if slo is not None:
        findings.slo_rps = search_slo(server, slo, findings.cpu.capacity_rps, plan.slo_s, findings.rates)
        decide(findings)
    left_s = server.watch.left_s() - plan.verify_s
    rate_rps = findings.cpu.operating_rps
    findings.rates.append(run_rate(server, rate_rps, seconds_for(rate_rps, plan.rate_s, left_s)))
    if findings.rates[-1].window.elsewhere_cores > findings.noisy_cores():
        _repeat(server, findings, plan)


def _repeat(server: ServerUnderTest, findings: Findings, plan: Plan) -> None:
    """The trial inside the limits is held against this level: a disturbed one would let anything pass."""
    disturbed = findings.rates[-1]
    if server.watch.left_s() - plan.verify_s < disturbed.seconds:
        return
    findings.rates.append(run_rate(server, disturbed.rate_rps, disturbed.seconds))
    if (findings.rates[-1].latency.mean_s() or 0.0) > (disturbed.latency.mean_s() or 0.0):
        findings.rates[-2:] = reversed(findings.rates[-2:])
