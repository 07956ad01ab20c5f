"""What the commands about deployments have in common: options, their types, and how an answer is printed."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterable
from typing import Any, get_args

import click

from plimsoll.errors import UsageError
from plimsoll.profiling.result.base import Model
from plimsoll.profiling.result.profile import Grade

MOST = 10**12
"""Of whatever is counted: far more than there is, and far less than a float can hold."""

MOST_REPLICAS = 10**9
"""Twice as many are still a number of 32 bits, which is what Kubernetes has for them."""


class Number(click.ParamType[float]):
    """Click's own ranges let nan pass, which is neither below nor above anything."""

    name = "number"

    def __init__(self, least: float, most: float = MOST, *, kind: type[int] | type[float] = float) -> None:
        self._least, self._most, self._kind = least, most, kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = self._kind(value)
        except ValueError:
            number = math.nan
        if not self._least <= number <= self._most:
            what = "a whole number" if self._kind is int else "a number"
            self.fail(f"{value} is not {what} from {self._least:g} to {self._most:g}", param, ctx)
        return number


ABOVE_ZERO = Number(1 / MOST)
COUNT = Number(1, kind=int)
REPLICAS = Number(1, MOST_REPLICAS, kind=int)
COUNT_OR_NONE = Number(0, kind=int)
CONTEXT: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 120}
REQUIRE: dict[str, Any] = {
    "type": click.Choice(get_args(Grade)),
    "default": "estimated",
    "show_default": True,
    "help": "The least grade of the profile.",
}
require = click.option("--require", **REQUIRE)
format_ = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or programs.",
)


def parse_bounds(text: str, lowest: int) -> tuple[int, int]:
    """Least and most replicas: `2:10`. Raises UsageError."""
    parts = text.split(":")
    # int() refuses texts of thousands of digits with an error of its own.
    numbers = [int(part) for part in parts if part.isdecimal() and len(part) <= len(str(MOST_REPLICAS))]
    if len(parts) != 2 or len(numbers) != 2:
        raise UsageError(f"--autoscale {text!r}: not two numbers of replicas", remedy="give min:max, as in 2:10")
    least, most = numbers
    if not lowest <= least <= most <= MOST_REPLICAS or not most:
        allowed = f"from {lowest} to {MOST_REPLICAS:g}"
        raise UsageError(
            f"--autoscale {text!r}: not two numbers of replicas {allowed}, the lower one first",
            remedy="give min:max, as in 2:10",
        )
    return least, most


def as_json(answer: Model) -> str:
    return answer.model_dump_json(by_alias=True, indent=2)


def show(answer: Model, lines: Iterable[str], kind: str) -> None:
    """As `--format` asks: `lines` are for people. Raises UsageError."""
    if kind == "json":
        put_out(as_json(answer) + "\n")
    else:
        # A terminal that cannot show a character shows a question mark.
        put_out("".join(f"{line}\n" for line in lines), sys.stdout.encoding or "utf-8")


def put_out(text: str, encoding: str = "utf-8") -> None:
    """On standard output. What programs read is UTF-8 whatever the locale: YAML and JSON are. Raises UsageError."""
    try:
        click.echo(text.encode(encoding, "replace"), nl=False)
    except BrokenPipeError:
        raise  # whoever reads has seen enough, which click knows
    except OSError as error:
        # Else Python would try again at its end, and end with an error of its own.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        raise UsageError(f"standard output: {error.strerror}", remedy="give it room, or --output") from error
