"""The command `plimsoll`: serves a score.py or, with `--profile`, measures it.

Flags come from the settings' declarations. Every error that is foreseen ends as one line on stderr and the exit
code of its class.
"""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any, Literal, NoReturn, get_args, get_origin

import click
from pydantic.fields import FieldInfo

from plimsoll import __version__
from plimsoll.config_file import find_config
from plimsoll.errors import InternalError, StartError, UsageError
from plimsoll.settings import ProfileSettings, ServeSettings, aliases_of, environment_names, flag, resolve

_EPILOG = """\b
Exit codes: 0 answered or served, 1 command line, 2 dataset, 3 the script did not start, 4 rows failed,
5 a gate failed, 6 required grade not reached, 70 internal error.
"""

# Flags of Azure ML's server for services of its own; a command line that has them still starts.
_IGNORED = ("--appinsights-instrumentation-key",)


def main() -> NoReturn:
    try:
        sys.exit(_command().main(standalone_mode=False, prog_name="plimsoll"))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        _fail(UsageError(error.format_message(), remedy="see plimsoll --help"))
    except KeyboardInterrupt:
        sys.exit(130)
    except StartError as error:
        _fail(error)
    except Exception as error:
        traceback.print_exc()
        _fail(InternalError(f"{type(error).__name__}: {error}"))


def _fail(error: StartError) -> NoReturn:
    sys.stderr.write(f"plimsoll: error: {error}\n")
    sys.exit(error.exit_code)


def _command() -> click.Command:
    options: list[click.Parameter] = [
        *_options(ServeSettings, "serving"),
        *_options(ProfileSettings, "profiling"),
        click.Option(
            ["--config-file"], type=str, metavar="TEXT", help="JSON file with settings. [env AZUREML_CONFIG_FILE]"
        ),
        *(click.Option([name], hidden=True, expose_value=False, callback=_without_meaning) for name in _IGNORED),
        click.Option(["--rest"], is_flag=True, hidden=True, expose_value=False),
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_print_version),
    ]
    return click.Command(
        "plimsoll",
        params=options,
        callback=_run,
        help="Serve a score.py over HTTP or, with --profile, find out how much CPU and memory it needs.",
        epilog=_EPILOG,
        context_settings={
            "token_normalize_func": lambda token: token.replace("_", "-"),
            "help_option_names": ["-h", "--help"],
            "max_content_width": 110,
        },
    )


def _options(model: type[ServeSettings] | type[ProfileSettings], purpose: str) -> list[click.Parameter]:
    return [_option(name, info, purpose) for name, info in model.model_fields.items()]


def _option(name: str, info: FieldInfo, purpose: str) -> click.Option:
    default = "" if info.default is None else f" [default: {info.default}]"
    names = ", ".join(environment_names(name, info))
    flags = [flag(name), *map(flag, aliases_of(info).flags)]
    if info.annotation is bool:
        both = f"{flag(name)}/{_no(name)}"
        return click.Option([both, name], default=None, help=f"{info.description}{default} [{purpose}; env {names}]")
    return click.Option(
        [*flags, name],
        type=str,
        metavar=_metavar(info),
        help=f"{info.description}{default} [{purpose}; env {names}]",
    )


def _no(name: str) -> str:
    return flag("no_" + name)


def _metavar(info: FieldInfo) -> str:
    if get_origin(info.annotation) is Literal:
        return "|".join(map(str, get_args(info.annotation)))
    kinds = [kind for kind in get_args(info.annotation) or (info.annotation,) if kind is not type(None)]
    return {int: "N", float: "X"}.get(kinds[0], "TEXT")


def _without_meaning(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        click.echo(f"plimsoll: warning: {parameter.opts[0]} has no meaning here and is ignored", err=True)


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"plimsoll {__version__}")
        context.exit()


def _run(**flags: Any) -> int:
    config = find_config(flags, os.environ)
    serving, sources = resolve(ServeSettings, flags, os.environ, config)
    profiling, _ = resolve(ProfileSettings, flags, os.environ, config)
    from_flag = sources.get("entry_script", "").startswith("flag")
    if profiling.profile is None:
        return _serve(serving, from_flag)
    return _profile(serving, profiling, from_flag, flags)


# Each way of use imports what it needs, when it is chosen: a server carries no profiler in its memory.


def _serve(settings: ServeSettings, from_flag: bool) -> int:
    from plimsoll.server.run import serve

    serve(settings, from_flag)
    return 0


def _profile(serving: ServeSettings, profiling: ProfileSettings, from_flag: bool, flags: dict[str, Any]) -> int:
    from rich.console import Console

    from plimsoll.profiling.options import ProfileOptions
    from plimsoll.profiling.run import profile
    from plimsoll.reports.console import print_profile
    from plimsoll.reports.progress import open_progress
    from plimsoll.server.paths import entry_spec

    spec = entry_spec(serving, from_flag)
    options = ProfileOptions(
        dataset=Path(str(profiling.profile)),
        server_arguments=_server_arguments(spec.entry_script, flags),
        output_dir=Path(profiling.output),
        budget_s=_budget_s(profiling.budget),
        target_rps=profiling.target_rps,
        max_cpu_cores=profiling.max_cpu,
        max_memory_gb=profiling.max_memory_gb,
        content_type=profiling.content_type,
        name=profiling.name or Path(spec.entry_script).stem,
        description=profiling.description,
        workers=serving.workers,
        threads=serving.threads,
        seed=profiling.seed,
    )
    try:
        with open_progress(sys.stderr) as progress:
            result = profile(options, progress)
    except (KeyboardInterrupt, SystemExit):
        sys.stderr.write(f"plimsoll: interrupted; what was measured is in {options.output_dir}/profile.json\n")
        raise
    print_profile(result, Console())
    return result.exit_code


def _server_arguments(entry_script: str, flags: dict[str, Any]) -> list[str]:
    """The serving flags of this command, for the server that is measured; it finds its own port."""
    own = {"entry_script", "host", "port"}
    given = [(name, value) for name, value in flags.items() if name in ServeSettings.model_fields and value is not None]
    pairs = [("entry_script", entry_script), *((name, value) for name, value in given if name not in own)]
    return [part for name, value in pairs for part in _as_flag(name, value)]


def _as_flag(name: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, bool):
        return (flag(name) if value else _no(name),)
    return (flag(name), value)


def _budget_s(text: str) -> float:
    from plimsoll.profiling.options import NAMED_BUDGETS_S

    try:
        return NAMED_BUDGETS_S[text] if text in NAMED_BUDGETS_S else float(text)
    except ValueError:
        names = ", ".join(NAMED_BUDGETS_S)
        raise UsageError(f"{flag('budget')} = {text!r}: neither one of {names} nor a number of seconds") from None
