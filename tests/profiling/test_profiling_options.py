"""What a run is asked to do: other configurations of the same server, and whether any may be tried."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.advice.configuration import Configuration
from plimsoll.profiling.options import NAMED_BUDGETS_S, ProfileOptions
from support.made_up import setup


def options(**changes: Any) -> ProfileOptions:
    return ProfileOptions(Path("d.txt"), ["--entry-script", "score.py"], Path("out"), **changes)


def test_another_configuration_changes_nothing_else() -> None:
    """Its flags are added where the command line is made, behind the user's own."""
    given = ProfileOptions(Path("d.txt"), ["--max-queue", "7"], Path("out"), threads=2)
    tried = given.configured(Configuration(3, 1, 16))
    assert (tried.configuration, tried.slots) == (Configuration(3, 1, 16), 3)
    assert tried.server_arguments == ["--max-queue", "7"]
    assert given.configuration == Configuration(1, 2), "as it was"


def test_the_same_configuration_changes_nothing() -> None:
    given = options(workers=2, threads=3, max_batch_size=4)
    assert given.configured(None) is given
    assert given.configured(Configuration(2, 3, 4)) is given
    assert given.configured(Configuration(2, 3)) is not given
    assert given.slots == 6


@pytest.mark.parametrize("field", ["search_workers", "search_threads", "search_batches"])
def test_one_kind_of_search_is_a_search(field: str) -> None:
    assert not options().searches
    assert options(**{field: True}).searches


def test_the_named_budgets_rise() -> None:
    assert list(NAMED_BUDGETS_S) == ["quick", "default", "thorough"]
    assert list(NAMED_BUDGETS_S.values()) == sorted(NAMED_BUDGETS_S.values())


def test_what_counts_as_a_disturbance_follows_the_machine() -> None:
    """5 % of the machine: a twentieth of a core beside one, three quarters of one beside fifteen."""
    assert setup(cpus=1).noisy_cores == pytest.approx(0.05)
    assert setup(cpus=15).noisy_cores == pytest.approx(0.75)


def test_a_row_is_named_by_the_line_it_came_from() -> None:
    made = setup(rows=3)
    assert [made.row_number(index) for index in range(3)] == [1, 2, 3]
    assert made.server_cpus == (0, 1, 2, 3)
