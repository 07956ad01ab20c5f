"""The command `plimsoll plan`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from plimsoll.deploy import flags
from plimsoll.deploy.needs import read_needs
from plimsoll.deploy.plan.cluster.hpa import SCALE_DOWN, SYNC_PERIOD_S
from plimsoll.deploy.plan.facts import answer
from plimsoll.deploy.plan.options import SCHEDULED_S, Balance, options_of
from plimsoll.deploy.plan.pages.page import render_page
from plimsoll.deploy.plan.pages.text import lines
from plimsoll.errors import GateFailed
from plimsoll.profiling.result.files import make_output_folder, write_whole
from plimsoll.profiling.result.profile import Grade
from plimsoll.settings.profiling import DEFAULT_SEED

_HELP = """What replicas would do under given traffic, simulated from a profile: latency, refused requests and cost, for
fixed numbers of replicas and for autoscalers; and the cheapest of these that keeps an objective.

The traffic is a table with the columns time and rps, in equal steps of a second to an hour; or a swing between two
rates.
"""


_Decorator = Callable[[Callable[..., int]], Callable[..., int]]
_THRESHOLD = flags.Number(1e-6)
_DAY_S = 86400.0


def _tried(name: str, kind: flags.Number, metavar: str, text: str) -> _Decorator:
    """Settings to try, instead of those that are tried by themselves."""
    return click.option(name, type=kind, multiple=True, metavar=metavar, help=text)


def _seconds(name: str, default: float, text: str, most: float = _DAY_S) -> _Decorator:
    kind = flags.Number(0, most)
    return click.option(name, type=kind, default=default, show_default=True, metavar="SECONDS", help=text)


@click.command("plan", help=_HELP, context_settings=flags.CONTEXT)
@click.option("--profile", type=click.Path(path_type=Path), metavar="FILE", required=True, help="profile.json.")
@click.option("--traffic", type=click.Path(path_type=Path), metavar="FILE.csv", help="Rates, a second to an hour each.")
@click.option("--rps", metavar="LOW:HIGH:PERIOD", help="Instead: from LOW to HIGH and back, as in 50:400:24h.")
@click.option("--slo", metavar="p99=200ms", help="What the choice must keep.  [default: at most 1% refused]")
@_tried("--replicas", flags.REPLICAS, "N", "Try this number. Can be repeated.")
@_tried("--hpa", flags.COUNT, "PERCENT", "The HPA with this CPU target.")
@_tried("--keda-rate", _THRESHOLD, "RPS", "KEDA with this rate for each.")
@_tried("--keda-queue", _THRESHOLD, "N", "KEDA with so many under way each.")
@click.option("--autoscale", metavar="MIN:MAX", help="Bounds of autoscalers.  [default: 1, and twice the peak's need]")
@_seconds("--scale-down-window", SCALE_DOWN.stabilization_window_s, "stabilizationWindowSeconds of scaleDown.", 3600.0)
@_seconds("--pod-start", SCHEDULED_S, "Until a new pod's process starts: scheduling, image, new node.")
@_seconds("--metrics-delay", SYNC_PERIOD_S, "Age of the metrics that autoscalers see.")
@click.option(
    "--request-timeout",
    type=flags.Number(0.001, _DAY_S),
    metavar="SECONDS",
    help="Clients' own deadline, which they send as x-request-timeout-ms.",
)
@click.option(
    "--balance",
    type=click.Choice(get_args(Balance)),
    default="random",
    show_default=True,
    help="How requests are shared out: as by a Service, or as by HAProxy and nginx.",
)
@click.option("--full-node", is_flag=True, help="Neighbours on the node want all CPU that they may have.")
@click.option(
    "--replicas-per-node", type=flags.COUNT, default=1, show_default=True, metavar="N", help="See plimsoll fit."
)
@click.option("--node-price", type=flags.ABOVE_ZERO, metavar="P", help="Of a node, per hour.")
@click.option("--replica-price", type=flags.ABOVE_ZERO, metavar="P", help="Of a replica, per hour.")
@click.option("--lose-node", multiple=True, metavar="TIME", help="A node is lost then, as in 90m, or at the peak.")
@click.option("--node-mtbf", metavar="TIME", help="Each node is lost at random, this long apart on average: 90d.")
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULT_SEED, show_default=True, metavar="N")
@flags.require
@flags.format_
@click.option("--output", type=click.Path(path_type=Path), metavar="FOLDER", help="Gets plan.html and plan.json.")
def command(profile: Path, require: Grade, format_: str, output: Path | None, **given: Any) -> int:
    options = options_of(given)
    needs, content = read_needs(profile, require)
    if output is not None:
        make_output_folder(output)
    found = answer(needs, content, options, f"--profile {profile}")
    if output is not None:
        write_whole(output / "plan.html", render_page(found))
        write_whole(output / "plan.json", flags.as_json(found) + "\n")
    flags.show(found, lines(found), format_)
    if options.slo is not None and found.best is None:
        raise GateFailed(f"--slo: no setting that was tried keeps {options.slo}", remedy="try others, or more replicas")
    return 0
