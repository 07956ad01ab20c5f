"""Every case of the corpus, whole, byte by byte and in two pieces: its answers, in order, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest
from corpus import THEMES
from corpus.known import KNOWN, NOTHING_HIDDEN, known
from http_servers import echo_server, keyed_server
from talk.pieces import SEED
from talk.play import deviations

from support.server import Server


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[bool, Server]]:
    """By whether they ask for a key."""
    folder = tmp_path_factory.mktemp("http")
    with echo_server(folder / "open") as plain, keyed_server(folder / "keyed") as keyed:
        yield {False: plain, True: keyed}


@pytest.mark.parametrize("theme", THEMES)
def test_every_case_has_its_outcome(servers: Mapping[bool, Server], theme: str) -> None:
    print(f"seed {SEED} (set PLIMSOLL_SEED for another)")
    found: dict[str, str] = {}
    for keyed, server in servers.items():
        cases = [case for case in THEMES[theme] if case.keyed is keyed]
        logged = len(server.log())
        found |= deviations(server.port, cases)
        assert server.process.poll() is None
        server.get(f"/score?last-of-{theme}")
        server.wait_log(f"/score?last-of-{theme}")  # lines come in order, a moment after the answer
        if "/score?evil" in server.log()[logged:]:
            found[NOTHING_HIDDEN] = (
                "the access log has a request that was hidden in another, or lay behind the last one"
            )
    expected = known(theme)
    lines = [f"{theme}: {name}: {what}" for name, what in found.items() if name not in expected]
    assert not lines, "\n".join(lines)
    assert not expected - found.keys(), "these cases are right now: take them off corpus/known.py"


def test_known_deviations_are_cases() -> None:
    for theme in KNOWN:
        assert known(theme) <= {NOTHING_HIDDEN, *(case.name for case in THEMES[theme])}
