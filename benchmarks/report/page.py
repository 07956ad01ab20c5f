"""The three results: the page, in which only what stands between two markers is replaced; the picture; the record."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from benchmarks.folders import PAGE, PICTURE, RECORD
from benchmarks.options import Options
from benchmarks.peers.peer import Peer
from benchmarks.peers.registry import BASE, PEERS
from benchmarks.report.machine import machine
from benchmarks.report.picture import picture
from benchmarks.report.summary import Summary
from benchmarks.report.tables import DISTURBED, Tables, one_line, table
from benchmarks.run import Results

PARTS = ("servers", "figures")


class NoMarkers(Exception):
    """A page has no place for the figures."""


def write(options: Options, results: Results) -> Path:
    """Into the folder of the options; answers the page."""
    options.output.mkdir(parents=True, exist_ok=True)
    summary, found = Summary(results.samples, BASE), machine()
    page = options.output / PAGE.name
    text = page.read_text() if page.exists() else "".join(f"{_begin(part)}\n{_end(part)}\n" for part in PARTS)
    text = replaced(text, "servers", servers(PEERS), page)
    page.write_text(replaced(text, "figures", _lines(options, results, summary, found), page))
    (options.output / PICTURE.name).write_text(picture(summary, options.peers, options.workloads))
    record = {
        "machine": found,
        "versions": results.versions,
        "rounds": options.rounds,
        "seconds": options.seconds,
        "gate": asdict(options.gate),
        "samples": [asdict(sample) for sample in results.samples],
        "failures": [asdict(failure) for failure in results.failures],
    }
    (options.output / RECORD.name).write_text(json.dumps(record, indent=1) + "\n")
    return page


def replaced(page: str, part: str, lines: Iterable[str], path: Path) -> str:
    """The page with other lines between the markers of that part."""
    before, begin, rest = page.partition(_begin(part))
    _, end, after = rest.partition(_end(part))
    if not begin or not end:
        raise NoMarkers(f"{path} lacks {_begin(part)} or {_end(part)}: put both where the {part} are to be")
    return "\n".join([before + begin, *lines, end + after])


def servers(peers: Iterable[Peer]) -> list[str]:
    """What each does, as its adapter says."""
    return ["", *table(["server", "what it does"], ([peer.title, peer.treats] for peer in peers), numbers=False), ""]


def _begin(part: str) -> str:
    return f"<!-- {part}: begin -->"


def _end(part: str) -> str:
    return f"<!-- {part}: end -->"


def _lines(options: Options, results: Results, summary: Summary, found: dict[str, str]) -> Iterator[str]:
    known = (one for one in options.peers if one.name in results.versions)
    versions = dict.fromkeys(f"{one.distribution} {results.versions[one.name]}" for one in known)
    yield "; ".join(f"{name} {value}" for name, value in found.items()) + "."
    yield f"Versions: {', '.join(versions)}."
    yield f"Medians of {options.rounds} rounds of {options.seconds} s, with the least and the most."
    yield f"{DISTURBED} marks figures that were disturbed by others each time they were taken."
    yield from (f"Without {one.peer}: {one_line(one.reason)}" for one in results.failures if one.workload is None)
    yield from ("", f"![Throughput and CPU per request]({PICTURE.name})", "")
    yield from Tables(summary, options.peers, options.workloads, results.failures).lines()
