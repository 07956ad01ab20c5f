"""The one place that makes the command line and the environment of a server under test from resolved settings.

They were resolved once, by the command that profiles, and the server is not to find other ones by itself. A flag beats
a variable, and a variable a config file: so what was set by a variable reaches the server by the same one, which a
variable that is recommended replaces as it will where it is deployed; all else goes as a flag, and no config file is
read. A tag beside the model is not read either, as the configuration is always given.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from plimsoll.profiling.options import ProfileOptions
from plimsoll.settings.declarations import declared
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import as_flags, came_by_variable, environment_names
from plimsoll.settings.serving import ServeSettings

HOST = "127.0.0.1"
NOT_SERVED: Mapping[str, str] = MappingProxyType(
    {
        "host": "the load comes over the loopback",
        "port": "any free one, so that a server that runs here is not disturbed",
        "health_port": "none, for the same reason",
        "tls_cert": "the load driver does not encrypt: what TLS costs is not measured",
        "tls_key": "the load driver does not encrypt: what TLS costs is not measured",
        "collect": "records go to a folder of the run's own and are removed: they are not requests of clients",
    }
)
"""The settings in which the measured server differs from the one that will serve, and why."""
_NO_CONFIG_FILE = ""


def arguments_of(script: str, settings: ServeSettings, sources: Mapping[str, str]) -> list[str]:
    """The settings that did not come by a variable, as flags; `script` is the entry script as it was found."""
    arguments = [*as_flags("entry_script", script)]
    for name, setting in declared(ServeSettings).items():
        own = name in NOT_SERVED or name == "entry_script"
        if name in sources and not own and not came_by_variable(name, setting, sources):
            arguments += as_flags(name, getattr(settings, name))
    return arguments


def server_arguments(options: ProfileOptions, timeout_s: float) -> list[str]:
    """With the configuration and the time that a request may take; of a flag that is given twice the last counts.

    The server itself ends what takes longer: it answers 504 and replaces the stuck worker.
    """
    timeout_ms = max(1, round(timeout_s * 1000))
    limit = as_flags("scoring_timeout_ms", timeout_ms)
    return [*options.server_arguments, *options.configuration.arguments(), *limit]


def command_line(arguments: Sequence[str], port: int) -> list[str]:
    """`python -m plimsoll` on a port of the loopback interface."""
    own = [*as_flags("config_file", _NO_CONFIG_FILE), *as_flags("host", HOST), *as_flags("port", port)]
    return [sys.executable, "-m", "plimsoll", *arguments, *own]


def command_environment(environment: Mapping[str, str], variables: Mapping[str, str]) -> dict[str, str]:
    """The user's own, without what would make the server differ, and with the variables of what is tried."""
    return {name: value for name, value in environment.items() if name not in _own_variables()} | dict(variables)


def _own_variables() -> frozenset[str]:
    """Those of `NOT_SERVED`, and the profiler's: one would have a profile made, and another models linked anew."""
    serving = {name: one for name, one in declared(ServeSettings).items() if name in NOT_SERVED}
    settings = serving | dict(declared(ProfileSettings))
    return frozenset(variable for name, setting in settings.items() for variable in environment_names(name, setting))
