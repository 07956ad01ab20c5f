"""How busy a server may be kept: known answers of queueing theory."""

from __future__ import annotations

import pytest

from plimsoll.profiling.advice.cpu import relative_wait, target_utilisation

WAIT_OF_ONE = {
    1: (0.67, 0.62, 0.50, 0.29, 0.15),
    2: (0.82, 0.78, 0.71, 0.53, 0.39),
    4: (0.90, 0.88, 0.83, 0.72, 0.60),
    8: (0.95, 0.94, 0.91, 0.83, 0.75),
}


@pytest.mark.parametrize("servers", WAIT_OF_ONE)
def test_utilisation_at_a_mean_wait_of_one_service_time(servers: int) -> None:
    found = tuple(round(target_utilisation(servers, variation), 2) for variation in (0, 0.25, 1, 4, 10))
    assert found == WAIT_OF_ONE[servers]


def test_utilisation_at_half_a_service_time() -> None:
    found = tuple(round(target_utilisation(4, variation, 0.5), 2) for variation in (0, 0.25, 1, 4, 10))
    assert found == (0.83, 0.81, 0.75, 0.62, 0.51)


def test_one_exponential_server_is_m_m_1() -> None:
    assert relative_wait(1, 0.8, 1.0) == pytest.approx(0.8 / 0.2)
