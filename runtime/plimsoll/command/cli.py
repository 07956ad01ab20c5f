"""The command `plimsoll`: serves a score.py or, with `--profile`, measures it.

Every error that is foreseen ends as one line on stderr and the exit code of its class.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from plimsoll.command.flags import command
from plimsoll.command.settings import CommandSettings, read_settings
from plimsoll.contracts.platform import SERVE, Start
from plimsoll.errors import InternalError, StartError, UsageError
from plimsoll.settings.resolution import came_by_flag
from plimsoll.settings.serving import ServeSettings
from plimsoll.version import __version__
from plimsoll.warning import warn

if TYPE_CHECKING:
    from plimsoll.workers.spec import WarmUpCall

_VERBS = {
    "collect": "plimsoll.command.collect",
    "manifest": "plimsoll.deploy.manifest.command",
    "fit": "plimsoll.deploy.fit.command",
    "plan": "plimsoll.deploy.plan.command",
}
"""Each module has a `command`, and is imported when it is asked for."""

# Flags of Azure ML's server for services of its own; a command line that has them still starts.
_IGNORED = ("--appinsights-instrumentation-key",)


def main() -> NoReturn:
    try:
        sys.exit(_called(sys.argv[1:]))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _fail(UsageError(error.format_message(), remedy=f"see {_asked(sys.argv[1:])} --help"))
    except KeyboardInterrupt:
        sys.exit(130)
    except StartError as error:
        _fail(error)
    except Exception as error:
        traceback.print_exc()
        _fail(InternalError(f"{type(error).__name__}: {error}"))


def _called(arguments: list[str]) -> Any:
    """The exit code of what the command line asks for."""
    verb = arguments[0] if arguments else None
    if verb not in _VERBS:
        serves = verb == SERVE
        start = Start(os.environ, serves)
        return _command(start).main(arguments[serves:], standalone_mode=False, prog_name="plimsoll")
    command: click.Command = import_module(_VERBS[verb]).command
    return command.main(arguments[1:], standalone_mode=False, prog_name=f"plimsoll {verb}")


def _asked(arguments: list[str]) -> str:
    """The command whose help says more."""
    return " ".join(["plimsoll", *(word for word in arguments[:1] if word in _VERBS)])


def _fail(error: StartError) -> NoReturn:
    sys.stderr.write(f"plimsoll: error: {error}\n")
    sys.exit(error.exit_code)


def _command(start: Start) -> click.Command:
    return command(
        partial(_run, start),
        click.Option(
            ["--config-file"], type=str, metavar="FILE", help="JSON file with settings.  [env: AZUREML_CONFIG_FILE]"
        ),
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version and exit.",
        ),
        *(click.Option([name], hidden=True, expose_value=False, callback=_warn_that_ignored) for name in _IGNORED),
        click.Option(["--rest"], is_flag=True, hidden=True, expose_value=False),
    )


def _warn_that_ignored(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        warn(f"{parameter.opts[0]} has no meaning here and is ignored")


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"plimsoll {__version__}")
        context.exit()


def _run(start: Start, **given: Any) -> int:
    settings = read_settings(given, start)
    _set_variables(settings)
    if settings.profiling.profile is not None:
        return _profile(settings)
    if settings.profiling.verify is not None:
        raise UsageError("--verify has no requests to send", remedy="give them with --profile")
    return _serve(settings.serving, settings.sources)


def _set_variables(settings: CommandSettings) -> None:
    """Of the deployment file, for the script: where it runs, they are set before it is started."""
    for name, said in settings.deployment.variables.items() if settings.deployment else ():
        os.environ.setdefault(name, said.value)


# Each way of use imports what it needs, when it is chosen: a server carries no profiler in its memory.


def _serve(settings: ServeSettings, sources: Mapping[str, str]) -> int:
    from plimsoll.server.run import serve

    from_flag = came_by_flag("entry_script", sources)
    serve(settings, from_flag, _warmup(settings), worker_per_gpu="workers" not in sources)
    return 0


def _warmup(settings: ServeSettings) -> tuple[WarmUpCall, ...]:
    if settings.warmup is None:
        return ()
    from plimsoll.command.warmup_file import read_warmup
    from plimsoll.contracts.fronts import Fronts

    return read_warmup(Path(settings.warmup), Fronts(settings, os.environ))


def _profile(settings: CommandSettings) -> int:
    from plimsoll.command.profile import run_profile

    target = settings.deployment.target if settings.deployment else None
    return run_profile(settings.serving, settings.profiling, settings.sources, settings.model_folder, target)
