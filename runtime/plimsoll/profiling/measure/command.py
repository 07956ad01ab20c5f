"""The command line and the environment of the server under test, and what they say about it.

The limit on the time of a request is given to the server, which then answers 504 and replaces the stuck worker; the
driver waits a little longer, so that it sees that answer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from plimsoll.profiling.options import ProfileOptions

HOST = "127.0.0.1"
_TIMEOUT_FLAG, _TIMEOUT_VARIABLES = "--scoring-timeout-ms", ("PLIMSOLL_SCORING_TIMEOUT_MS", "SCORING_TIMEOUT_MS")
_GPU_FLAG, _GPU_VARIABLE = "--gpu", "PLIMSOLL_GPU"
# The child serves: what makes this process profile must not reach it.
_OWN_VARIABLES = {"PLIMSOLL_PROFILE", "PLIMSOLL_HOST", "PLIMSOLL_PORT"}
_BUDGET_SHARE = 1 / 3
_SHORTEST_S, _LONGEST_S = 15.0, 120.0


def command_line(arguments: Sequence[str], port: int) -> list[str]:
    """The server finds no port of its own: it gets one that is free."""
    return [sys.executable, "-m", "plimsoll", *arguments, "--host", HOST, "--port", str(port)]


def command_environment(environment: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """The user's own, with the variables that belong to what is tried."""
    return {name: value for name, value in environment.items() if name not in _OWN_VARIABLES} | dict(variables)


def server_arguments(options: ProfileOptions, timeout_s: float, environment: Mapping[str, str]) -> list[str]:
    """The user's flags, and the limit unless the user has set one."""
    if _given_ms(options.server_arguments, environment):
        return list(options.server_arguments)
    return [*options.server_arguments, _TIMEOUT_FLAG, str(max(1, round(timeout_s * 1000)))]


def request_timeout_s(options: ProfileOptions, environment: Mapping[str, str]) -> float:
    """The first of: the option, the user's scoring timeout, a third of the budget between 15 s and two minutes."""
    given_ms = _given_ms(options.server_arguments, environment)
    by_budget_s = min(max(_SHORTEST_S, options.budget_s * _BUDGET_SHARE), _LONGEST_S)
    return options.request_timeout_s or (float(given_ms) / 1000 if given_ms else by_budget_s)


def gpu_wanted(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """`auto`, `required` or `off`; of a flag that is given twice the last counts."""
    wanted = environment.get(_GPU_VARIABLE) or "auto"
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == _GPU_FLAG:
            wanted = value if equals else "".join(arguments[place + 1 : place + 2])
    return wanted.strip().lower()


def _given_ms(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """As written: a value that is no number is for the server to refuse."""
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name.replace("_", "-") == _TIMEOUT_FLAG:
            value = value if equals else "".join(arguments[place + 1 : place + 2])
            return value if value.isdecimal() else None
    values = (environment.get(name, "") for name in _TIMEOUT_VARIABLES)
    return next((value for value in values if value.isdecimal()), None)
