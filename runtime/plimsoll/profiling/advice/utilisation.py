"""How busy a server may be kept before requests wait too long, from how much their cost varies.

M/G/c queue: mean wait = C(c, a) / (c·(1-u)) · (1 + Cs²)/2 · S, with Erlang's C, offered load a = c·u, service time S
and its squared coefficient of variation Cs² (Allen and Cunneen's approximation; exact for one server by Pollaczek
and Khinchine).
"""

from __future__ import annotations

DEFAULT_UTILISATION = 0.7
_STEPS = 40


def erlang_c(servers: int, offered: float) -> float:
    """The chance that an arrival has to wait, for `offered` load in erlangs below `servers`."""
    blocked = 1.0
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    utilisation = offered / servers
    return blocked / (1 - utilisation * (1 - blocked))


def relative_wait(servers: int, utilisation: float, squared_variation: float) -> float:
    """Mean wait as a multiple of the mean service time."""
    waits = erlang_c(servers, servers * utilisation)
    return waits / (servers * (1 - utilisation)) * (1 + squared_variation) / 2


def target_utilisation(servers: int, squared_variation: float, longest_wait: float = 1.0) -> float:
    """The greatest utilisation at which the mean wait is at most `longest_wait` service times."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if relative_wait(servers, middle, squared_variation) <= longest_wait:
            low = middle
        else:
            high = middle
    return low
