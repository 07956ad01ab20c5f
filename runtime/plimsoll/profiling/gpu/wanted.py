"""Whether the server under test was told to use a GPU, or to leave them alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_FLAG = "--gpu"
_VARIABLE = "PLIMSOLL_GPU"


def gpu_wanted(arguments: Sequence[str], environment: Mapping[str, str]) -> str:
    """`auto`, `required` or `off`; of a flag that is given twice the last counts."""
    wanted = environment.get(_VARIABLE) or "auto"
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == _FLAG:
            wanted = value if equals else "".join(arguments[place + 1 : place + 2])
    return wanted.strip().lower()
