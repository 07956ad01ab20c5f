"""The contracts that are on, as the front asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import quote

from starlette.routing import Route

from plimsoll.contracts.front import Front, State
from plimsoll.contracts.names import DEFAULT, parse, part
from plimsoll.errors import UsageError
from plimsoll.settings.serving import ServeSettings

_SAFE = "/:@!$&'()*+,;="
"""What a path may hold as it is (RFC 3986 §3.3), beside letters and digits."""


@dataclass(frozen=True, slots=True)
class ScoringRoute:
    """`label`: the template of its path, as metrics and traces name it. `is_azures`: of Azure ML's contract."""

    front: Front
    label: str
    is_azures: bool
    methods: frozenset[str]

    @classmethod
    def of(cls, front: Front, label: str) -> ScoringRoute:
        return cls(front, label, front.name == DEFAULT, front.methods)


class Fronts:
    """One or more of them; the first answers for paths that no prefix gives to another.

    `main_routes`: by path those that most requests take, for who has no time to call `scoring`.
    """

    def __init__(self, settings: ServeSettings, environment: Mapping[str, str]) -> None:
        """Raises UsageError where two of them want the same route."""
        names = parse(settings.contract)
        self.all: tuple[Front, ...] = tuple(part(name, "front").make_front(environment, settings) for name in names)
        labels = {front.main: (front, front.label(front.main)) for front in self.all}
        self.main_routes = {path: ScoringRoute.of(front, label) for path, (front, label) in labels.items() if label}
        self._check(settings.contract)

    @property
    def main(self) -> str:
        """Where a client scores that knows nothing else."""
        return self.all[0].main

    @property
    def target(self) -> str:
        """`main` as it stands in the first line of a request."""
        return quote(self.main, safe=_SAFE)

    def scoring(self, path: str) -> ScoringRoute | None:
        return self.main_routes.get(path) or self._other(path)

    def of_path(self, path: str) -> Front:
        """Whose words a client expects at a path that nobody knows."""
        below = [front for front in self.all if front.prefix and path.startswith(front.prefix)]
        return max(below, key=lambda front: len(front.prefix), default=self.all[0])

    def routes(self, state_of: Mapping[str, State]) -> list[Route]:
        return [route for front in self.all for route in front.routes(state_of[front.name])]

    def _other(self, path: str) -> ScoringRoute | None:
        labels = ((front, front.label(path)) for front in self.all)
        return next((ScoringRoute.of(front, label) for front, label in labels if label is not None), None)

    def _check(self, setting: str) -> None:
        for one, other in combinations(self.all, 2):
            if shared := sorted(_taken(one, other) | _taken(other, one)):
                rivals = f"{one.name} and {other.name} both answer {shared[0]}"
                raise UsageError(f"--contract {setting}: {rivals}", remedy="serve one of them")


def _taken(mine: Front, other: Front) -> set[str]:
    """Of `mine` those that are a path of the other one's, or below the prefix that is its own."""
    below = f"{other.prefix}/"
    return {path for path in mine.paths if path in other.paths or (other.prefix and path.startswith(below))}
