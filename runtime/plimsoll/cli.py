"""The command `plimsoll`: serves a score.py or, with `--profile`, measures it.

Flags come from the settings' declarations. Every error that is foreseen ends as one line on stderr and the exit
code of its class.
"""

from __future__ import annotations

import os
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args, get_origin

import click

from plimsoll.config_file import find_config
from plimsoll.declarations import Setting, declared
from plimsoll.errors import InternalError, StartError, UsageError
from plimsoll.model_tag import read_tag
from plimsoll.settings import ProfileSettings, ServeSettings, environment_names, flag, no_flag, resolve
from plimsoll.version import __version__
from plimsoll.warning import warn

if TYPE_CHECKING:
    from plimsoll.workers.spec import WarmUpCall

_EPILOG = """\b
plimsoll healthcheck asks the server in this container whether it is ready: exit code 0 or 1 (healthcheck --help).
\b
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
    return [_option(name, setting, purpose) for name, setting in declared(model).items()]


def _option(name: str, setting: Setting, purpose: str) -> click.Option:
    default = "" if setting.default is None else f" [default: {setting.default}]"
    names = ", ".join(environment_names(name, setting))
    flags = [flag(name), *map(flag, setting.aliases.flags)]
    if setting.annotation is bool:
        both = f"{flag(name)}/{no_flag(name)}"
        return click.Option([both, name], default=None, help=f"{setting.description}{default} [{purpose}; env {names}]")
    return click.Option(
        [*flags, name],
        multiple=get_origin(setting.annotation) is tuple,
        type=str,
        metavar=_metavar(setting),
        help=f"{setting.description}{default} [{purpose}; env {names}]",
    )


def _metavar(setting: Setting) -> str:
    if get_origin(setting.annotation) is Literal:
        return "|".join(map(str, get_args(setting.annotation)))
    kinds = [kind for kind in get_args(setting.annotation) or (setting.annotation,) if kind is not type(None)]
    return {int: "N", float: "X"}.get(kinds[0], "TEXT")


def _without_meaning(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        warn(f"{parameter.opts[0]} has no meaning here and is ignored")


def _print_version(context: click.Context, parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"plimsoll {__version__}")
        context.exit()


def _run(**flags: Any) -> int:
    flags = _from_inference_config(flags)
    config = find_config(flags, os.environ)
    serving, sources = resolve(ServeSettings, flags, os.environ, config)
    profiling, _ = resolve(ProfileSettings, flags, os.environ, config)
    if profiling.profile is None:
        tagged = _as_tagged(serving, sources)
        return _serve(tagged, sources, worker_per_gpu="workers" not in sources and tagged is serving)
    return _profile(serving, profiling, sources)


def _as_tagged(serving: ServeSettings, sources: dict[str, str]) -> ServeSettings:
    """The shape that the tag beside the model recommends, where nobody has said otherwise."""
    shape = ("workers", "threads", "max_batch_size")
    if serving.model_dir is None or set(shape) & set(sources):
        return serving
    tag = read_tag(Path(serving.model_dir))
    return serving if tag is None else replace(serving, **{name: getattr(tag, name) for name in shape})


# Each way of use imports what it needs, when it is chosen: a server carries no profiler in its memory.


def _serve(settings: ServeSettings, sources: dict[str, str], worker_per_gpu: bool) -> int:
    from plimsoll.server.run import serve

    from_flag = sources.get("entry_script", "").startswith("flag")
    serve(settings, from_flag, _warmup(settings.warmup), worker_per_gpu=worker_per_gpu)
    return 0


def _warmup(file: str | None) -> tuple[WarmUpCall, ...]:
    if file is None:
        return ()
    from plimsoll.warmup_file import read_warmup

    return read_warmup(Path(file))


def _profile(serving: ServeSettings, profiling: ProfileSettings, sources: dict[str, str]) -> int:
    from plimsoll.profile_command import run_profile

    return run_profile(serving, profiling, sources)


def _from_inference_config(flags: dict[str, Any]) -> dict[str, Any]:
    """Fills in what Azure's inference configuration and `--model` say and no flag does."""
    if flags.get("inference_config_file"):
        from plimsoll.inference_config import read_inference_config

        found = read_inference_config(Path(flags["inference_config_file"]))
        for note in found.notes:
            click.echo(f"plimsoll: {note}", err=True)
        flags = flags | {name: value for name, value in found.flags.items() if flags.get(name) is None}
    if flags.get("model"):
        from plimsoll.inference_config import link_models

        folder = link_models(flags["model"], Path(flags.get("output") or "plimsoll-profile"))
        flags = flags | {"model_dir": flags.get("model_dir") or str(folder)}
    return flags
