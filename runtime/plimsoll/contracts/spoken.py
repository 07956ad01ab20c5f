"""What a server says and hears, as far as whoever calls it, watches it or starts another one has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from plimsoll.contracts.azureml.routes import SCORE
from plimsoll.contracts.names import DEFAULT, parse
from plimsoll.settings.declarations import declared
from plimsoll.settings.resolution import environment_names
from plimsoll.settings.serving import ServeSettings

_SETTINGS = ("contract", "model_name", "model_version")
_ROUTES = {"vertex": ("AIP_HEALTH_ROUTE", "AIP_PREDICT_ROUTE")}
"""Variables by which a platform chooses where it calls."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """`path` is where requests are scored that name no path, `route` what metrics call it.

    `variables` make another server speak the same; none of them is at its default.
    """

    contract: str = DEFAULT
    path: str = SCORE
    route: str = SCORE
    variables: Mapping[str, str] = field(default_factory=dict)


def spoken(settings: ServeSettings, environment: Mapping[str, str]) -> Spoken:
    """Raises UsageError where contracts exclude each other."""
    from plimsoll.contracts.fronts import Fronts  # which brings Starlette along

    fronts = Fronts(settings, environment)
    route = fronts.scoring(fronts.main)
    usual = ServeSettings(contract=DEFAULT)
    changed = (name for name in _SETTINGS if getattr(settings, name) != getattr(usual, name))
    variables = {environment_names(name, declared(ServeSettings)[name])[0]: getattr(settings, name) for name in changed}
    chosen = (name for contract in parse(settings.contract) for name in _ROUTES.get(contract, ()))
    variables |= {name: environment[name] for name in chosen if environment.get(name)}
    return Spoken(settings.contract, fronts.target, route.label if route else fronts.main, variables)
