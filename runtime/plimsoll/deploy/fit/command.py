"""The command `plimsoll fit`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from plimsoll.deploy import flags
from plimsoll.deploy.fit.facts import answer
from plimsoll.deploy.fit.fitting import FitOptions
from plimsoll.deploy.fit.reserved import Overrides
from plimsoll.deploy.fit.table import BUNDLED, table_text
from plimsoll.deploy.fit.text import lines
from plimsoll.deploy.needs import read_needs
from plimsoll.errors import GateFailed, UsageError
from plimsoll.profiling.advice.slo import parse_slo
from plimsoll.profiling.gates.metrics import Dimension, parse_quantity
from plimsoll.profiling.result.profile import Grade

_HELP = """Which type of node, how many, and at what price, for the replicas that a rate needs.

Reads what `plimsoll --profile` measured, and a table of nodes. The tables that come along have no prices, because they
change: `plimsoll fit --nodes azure --print-table > nodes.csv`, fill the column price_per_hour, and give that file.
"""


@click.command("fit", help=_HELP, context_settings=flags.CONTEXT)
@click.option("--profile", metavar="FILE", help="profile.json of the service.")
@click.option("--nodes", metavar=f"{'|'.join(BUNDLED)}|FILE.csv", required=True, help="The table of node types.")
@click.option(
    "--target-rps", type=flags.ABOVE_ZERO, metavar="R", help="Requests/s to be carried.  [default: the profile's]"
)
@click.option("--replicas", type=flags.COUNT, metavar="N", help="So many replicas, instead of a rate.")
@click.option("--slo", metavar="p99=200ms", help="Compared with the measured latency; exit code 5 if not met.")
@click.option(
    "--spare-nodes",
    type=flags.COUNT_OR_NONE,
    default=1,
    show_default=True,
    metavar="N",
    help="Nodes that may be lost at once.",
)
@click.option("--guaranteed", is_flag=True, help="Pack by limits: pods whose requests are their limits.")
@click.option("--daemonset-cpu", metavar="CORES", help="What DaemonSets request on each node, as 0.35 or 350m.")
@click.option("--daemonset-memory", metavar="SIZE", help="The same of memory, as 470Mi.")
@click.option("--max-pods", type=flags.COUNT, metavar="N", help="Most pods on a node, instead of the table's.")
@click.option("--any-gpu", is_flag=True, help="Also types with another GPU than the one measured.")
@flags.require
@flags.format_
@click.option("--top", type=flags.COUNT, default=5, show_default=True, metavar="N", help="So many pools are shown.")
@click.option("--print-table", is_flag=True, help="Print the table of --nodes as CSV, and nothing else.")
def command(profile: str | None, nodes: str, require: Grade, format_: str, print_table: bool, **given: Any) -> int:
    if print_table:
        flags.put_out(table_text(nodes))
        return 0
    if profile is None:
        raise UsageError("--profile is missing", remedy="give the profile.json of the service")
    options = _options(nodes, given)
    found = answer(*read_needs(Path(profile), require), options)
    flags.show(found, lines(found), format_)
    if found.objective is not None and not found.objective.met:
        raise GateFailed(f"--slo {found.objective.sentence}", remedy="profile with --slo, for a rate that keeps it")
    return 0


def _options(nodes: str, given: dict[str, Any]) -> FitOptions:
    slo, cpu, memory = given.pop("slo"), given.pop("daemonset_cpu"), given.pop("daemonset_memory")
    known = Overrides(
        None if cpu is None else math.ceil(_quantity("--daemonset-cpu", cpu, Dimension.CORES) * 1000 - 1e-6),
        None if memory is None else math.ceil(_quantity("--daemonset-memory", memory, Dimension.MEMORY)),
        given.pop("max_pods"),
    )
    return FitOptions(nodes=nodes, known=known, slo=parse_slo(slo) if slo else None, **given)


def _quantity(name: str, text: str, dimension: Dimension) -> float:
    try:
        return parse_quantity(text, dimension)
    except UsageError as error:
        raise UsageError(f"{name}: {error.message}", remedy=error.hint) from None
