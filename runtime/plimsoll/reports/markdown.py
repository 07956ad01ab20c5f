"""`profile.md`: the answer as a comment of a pull request."""

from __future__ import annotations

from collections.abc import Iterator

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.arrivals import arrivals_sentence
from plimsoll.reports.batches import batches_table
from plimsoll.reports.gates import gate_tables, gates_sentence
from plimsoll.reports.gpu import gpu_answer, gpu_table
from plimsoll.reports.html.trust import sweep_table
from plimsoll.reports.parts import TableData
from plimsoll.reports.tables import heaviest_table, levels_table
from plimsoll.reports.units import mebibytes, megabytes, milliseconds, number, replicas_for_target

_SPECIAL = str.maketrans({character: f"\\{character}" for character in "\\`*_{}[]<>#|~"} | {"\n": " ", "\r": " "})


def render_markdown(profile: Profile) -> str:
    """In the Markdown that GitHub and Azure DevOps both understand."""
    return "\n".join(_lines(profile)) + "\n"


def _lines(profile: Profile) -> Iterator[str]:
    yield f"### Profile of {escaped(profile.name)}: {profile.state.lower()}, {profile.grade}"
    yield ""
    if profile.error is not None:
        yield from (f"> {escaped(profile.error.message)}", "")
    yield from _gates(profile)
    yield from _answer(profile)
    yield from _bullets("Warnings", profile.warnings)
    yield from _bullets("Stalls", [stall.sentence() for stall in profile.measurements.stalls])
    levels = profile.measurements.concurrency_levels
    if levels:
        yield from _folded("Levels", levels_table(levels))
    if profile.measurements.cpu_levels:
        yield from _folded("CPUs", sweep_table(profile.measurements.cpu_levels))
    if profile.measurements.batch_levels:
        yield from _folded("Batches", batches_table(profile.measurements.batch_levels))
    if profile.measurements.rows.heaviest:
        yield from _folded("Most expensive rows", heaviest_table(profile.measurements.rows.heaviest))
    if profile.measurements.gpu is not None and profile.measurements.gpu.devices:
        yield from _folded("GPU", gpu_table(profile.measurements.gpu.devices))
    yield from _bullets(f"Why {profile.grade}", profile.grade_reasons)


def _answer(profile: Profile) -> Iterator[str]:
    recommendation, request = profile.recommendation, profile.measurements.request
    cpu, memory, rate_rps = recommendation.cpu, recommendation.memory, recommendation.max_requests_per_second
    if cpu is None or memory is None or rate_rps is None:
        yield from ("No recommendation.", "")
        return
    peak = megabytes(profile.measurements.memory.peak_bytes)
    cost, target = milliseconds(request.cpu_seconds.mean), replicas_for_target(recommendation.replicas)
    yield "| per replica | recommended | measured |"
    yield "|---|---|---|"
    yield f"| CPU | limit **{cpu.limit_cores:g}** cores, request **{cpu.request_cores:g}** | {cost} ms per request |"
    yield f"| Memory | **{mebibytes(memory.request_bytes)}** | peak {peak} MB |"
    for answer in gpu_answer(profile):
        needed_bytes = profile.measurements.gpu.needed_bytes if profile.measurements.gpu else None
        yield f"| GPU | **{answer}** | peak {megabytes(needed_bytes)} MB |"
    yield f"| Rate | up to **{number(rate_rps)}** requests/s{target} | {_latency(profile)} |"
    yield ""
    reasons = [*recommendation.reasons(), *filter(None, [arrivals_sentence(profile)])]
    yield from (f"- {escaped(reason)}" for reason in reasons)
    yield from (f"- Set {escaped(name)}={escaped(value)}." for name, value in recommendation.environment.items())
    yield ""


def _latency(profile: Profile) -> str:
    latency = profile.measurements.request.latency_seconds
    percentiles = (("p50", latency.p50), ("p99", latency.p99), ("max", latency.max))
    known = [(name, value) for name, value in percentiles if value is not None]
    return ", ".join(f"{name} {milliseconds(value)} ms" for name, value in known) + " with one request in flight"


def _gates(profile: Profile) -> Iterator[str]:
    if profile.gates:
        yield from (f"**Gates.** {escaped(gates_sentence(profile))}", "")
        for table in gate_tables(profile):
            yield from _table(table)


def _bullets(title: str, sentences: list[str]) -> Iterator[str]:
    if sentences:
        yield from (f"**{title}**", "")
        yield from (f"- {escaped(sentence)}" for sentence in sentences)
        yield ""


def _folded(title: str, table: TableData) -> Iterator[str]:
    yield from (f"<details><summary>{title}</summary>", "")
    yield from _table(table)
    yield from ("</details>", "")


def _table(table: TableData) -> Iterator[str]:
    yield "| " + " | ".join(table.columns) + " |"
    yield "|---|" + "---:|" * (len(table.columns) - 1)
    yield from ("| " + " | ".join(escaped(cell) for cell in row) + " |" for row in table.rows)
    yield ""


def escaped(text: str) -> str:
    """Names and messages come from elsewhere: they must not be taken for markup, nor mention people."""
    return text.translate(_SPECIAL).replace("@", "@\u200b")
