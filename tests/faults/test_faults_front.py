"""What may happen to the front and the master: open connections are cut at most, and nothing is left or wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from storm.alone import alone
from storm.audit import LOST


@pytest.mark.parametrize("fault", ["kill_front", "end_front"])
def test_a_front_that_ends_cuts_its_connections_and_is_replaced(tmp_path: Path, fault: str) -> None:
    """Nobody is refused a connection meanwhile: the master keeps the port open."""
    result = alone("front", fault, tmp_path)
    assert not any(how.endswith("refused") for how in result.outcomes)


@pytest.mark.parametrize("fault", ["freeze_front", "freeze_master"])
def test_a_front_or_master_that_stands_still_for_a_while_costs_nothing(tmp_path: Path, fault: str) -> None:
    result = alone("front", fault, tmp_path)
    assert not any(how.partition(": ")[2] in (*LOST, "cut") for how in result.outcomes)


def test_reloads_under_load_fail_no_request(tmp_path: Path) -> None:
    result = alone("workers", "reload", tmp_path)
    assert not any(how.partition(": ")[2] in (*LOST, "cut", "503 not_ready") for how in result.outcomes)
