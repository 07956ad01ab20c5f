"""How long one request may take: the user's own limit if there is one, else what the budget allows.

The limit is given to the server, which then answers 504 and replaces the stuck worker; the driver waits a little
longer, so that it sees that answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plimsoll.profiling.options import ProfileOptions

_FLAG = "--scoring-timeout-ms"
_VARIABLES = ("PLIMSOLL_SCORING_TIMEOUT_MS", "SCORING_TIMEOUT_MS")
_BUDGET_SHARE = 1 / 3
_SHORTEST_S, _LONGEST_S = 15.0, 120.0


def request_timeout_s(options: ProfileOptions, environment: Mapping[str, str]) -> float:
    """The first of: the option, the user's scoring timeout, a third of the budget between 15 s and two minutes."""
    given_ms = _given_ms(options.server_arguments, environment)
    by_budget_s = min(max(_SHORTEST_S, options.budget_s * _BUDGET_SHARE), _LONGEST_S)
    return options.request_timeout_s or (float(given_ms) / 1000 if given_ms else by_budget_s)


def server_arguments(options: ProfileOptions, timeout_s: float, environment: Mapping[str, str]) -> list[str]:
    """The user's flags, and the limit unless the user has set one."""
    if _given_ms(options.server_arguments, environment):
        return list(options.server_arguments)
    return [*options.server_arguments, _FLAG, str(max(1, round(timeout_s * 1000)))]


def _given_ms(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """As written: a value that is no number is for the server to refuse."""
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") == _FLAG:
            value = value if equals else "".join(arguments[place + 1 : place + 2])
            return value if value.isdecimal() else None
    values = (environment.get(name, "") for name in _VARIABLES)
    return next((value for value in values if value.isdecimal()), None)
