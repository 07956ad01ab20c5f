"""From the samples of py-spy and perf to shares of a process's CPU, by module and function."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_FRAME = re.compile(r"(?P<function>.*) \((?P<module>[^):]*)(:\d+)?\)$")
# Behind the symbol come columns that stay empty without branch records.
_PERF_LINE = re.compile(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\] (.*?)[\s-]*$")


@dataclass(frozen=True, slots=True)
class Share:
    """`itself`: of the samples in which it was the innermost; `total`: in which it was on the stack at all."""

    module: str
    function: str
    itself: float
    total: float


def by_function(lines: Iterable[str]) -> list[Share]:
    """py-spy's raw form: frames from the outermost to the innermost, a blank, and how often they were seen."""
    itself: Counter[tuple[str, str]] = Counter()
    total: Counter[tuple[str, str]] = Counter()
    for line in lines:
        stack, _, count = line.rpartition(" ")
        frames = [_frame(text) for text in stack.split(";")]
        itself[frames[-1]] += int(count)
        for frame in set(frames):
            total[frame] += int(count)
    samples = itself.total()
    shares = (Share(*frame, itself[frame] / samples, count / samples) for frame, count in total.items())
    return sorted(shares, key=lambda share: (-share.itself, -share.total))


def by_module(shares: Iterable[Share]) -> list[Share]:
    """Only what is spent in a module itself: of stacks, one would have to know in which several functions were."""
    itself: dict[str, float] = defaultdict(float)
    for share in shares:
        itself[share.module] += share.itself
    return sorted((Share(module, "", share, share) for module, share in itself.items()), key=lambda one: -one.itself)


def by_symbol(report: Iterable[str]) -> Iterator[Share]:
    """perf's report sorted by object and symbol; `k` marks the kernel."""
    for line in report:
        if found := _PERF_LINE.match(line):
            share = float(found[1]) / 100
            yield Share("kernel" if found[3] == "k" else found[2], found[4], share, share)


def _frame(text: str) -> tuple[str, str]:
    found = _FRAME.match(text)
    return (_short(found["module"]), found["function"]) if found else ("", text)


def _short(path: str) -> str:
    """From the package on, where it can be told."""
    return re.sub(r"^.*?(site-packages/|runtime/|lib/python[\d.]+/)", "", path)
