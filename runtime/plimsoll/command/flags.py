"""The command line: an option for each declared setting, and `--help` in the groups of the declarations.

With click's own means, because a server imports click anyway: a library for prettier help (rich-click, cloup) would
have to be imported before the options are made, and so by every start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from textwrap import wrap
from typing import Literal, get_args, get_origin

import click

from plimsoll.settings.declarations import Setting, declared, grouped
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import flag, no_flag
from plimsoll.settings.serving import ServeSettings

_HELP = """\
Serve a score.py over HTTP, or profile it: find out how much CPU, memory and GPU the model needs, and prove it.
Without --entry-script, score.py in the current folder is used.

\b
Examples:
  serve    plimsoll --entry-script app/score.py --model-dir model
  profile  plimsoll --profile requests.txt --target-rps 50
  verify   plimsoll --profile requests.txt --verify old/profile.json

Every option can also be set in the environment (--max-queue as PLIMSOLL_MAX_QUEUE) or in a config file. The command
line takes precedence over the environment, and the environment over the file.
"""
_EPILOG = """\
\b
Exit codes:
   0  served, or profiled        4  rows of the dataset failed
   1  bad command line           5  a gate failed
   2  unreadable dataset, table  6  the required grade was not reached
   3  the script did not start  70  internal error

'plimsoll healthcheck' asks the server in this container whether it is ready.
'plimsoll manifest' writes what a cluster needs to run a profiled model, 'plimsoll fit' finds the nodes for it, and
'plimsoll plan' simulates its replicas under given traffic. Each has a --help of its own.
"""
_WIDEST_FLAG = 28
_WIDEST_PAGE = 120
_NO_BREAK = "\xa0"


class Plimsoll(click.Command):
    """Its help lists the options under the titles of their groups, all in the same two columns."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections = {title: list(_rows(ctx, options)) for title, options in self._sections(ctx)}
        widths = [len(names) for rows in sections.values() for names, _ in rows]
        column = max(width for width in widths if width <= _WIDEST_FLAG)
        for title, rows in sections.items():
            with formatter.section(title):
                for names, text in rows:
                    formatter.write(_entry(names, text, column, formatter.width))

    def _sections(self, ctx: click.Context) -> Iterator[tuple[str, list[click.Parameter]]]:
        others = {parameter.name: parameter for parameter in self.get_params(ctx)}
        for group, settings in grouped(ServeSettings, ProfileSettings).items():
            yield group.value, [others.pop(name) for name in settings]
        yield "Other options", list(others.values())


def _rows(ctx: click.Context, options: list[click.Parameter]) -> Iterator[tuple[str, str]]:
    """Names and text; a hidden option has neither."""
    return (row for option in options if (row := option.get_help_record(ctx)) is not None)


def _entry(names: str, text: str, column: int, width: int) -> str:
    """Names in one column, text in the other; click's own lists break the text at the hyphens of flags."""
    indent = " " * (column + 4)
    lines = wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    if len(names) <= column:
        lines[0] = f"  {names}".ljust(len(indent)) + lines[0].removeprefix(indent)
    else:
        lines.insert(0, f"  {names}")
    return "\n".join(lines).replace(_NO_BREAK, " ") + "\n"


def command(run: Callable[..., int], *others: click.Parameter) -> click.Command:
    """`run` gets what was given for each setting, by its name; None, or an empty tuple, where nothing was."""
    return Plimsoll(
        "plimsoll",
        params=[*_options(ServeSettings), *_options(ProfileSettings), *others],
        callback=run,
        help=_HELP,
        epilog=_EPILOG,
        context_settings={
            "token_normalize_func": lambda token: token.replace("_", "-"),
            "help_option_names": ["-h", "--help"],
            "max_content_width": _WIDEST_PAGE,
        },
    )


def _options(model: type[ServeSettings] | type[ProfileSettings]) -> list[click.Parameter]:
    return [_option(name, setting) for name, setting in declared(model).items()]


def _option(name: str, setting: Setting) -> click.Option:
    text = f"{setting.description}{_extra(setting)}"
    if setting.annotation is bool:
        return click.Option([f"{flag(name)}/{no_flag(name)}", name], default=None, help=text)
    return click.Option(
        [flag(name), *map(flag, setting.aliases.flags), name],
        multiple=get_origin(setting.annotation) is tuple,
        type=str,
        metavar=value_name(setting),
        help=text,
    )


def value_name(setting: Setting) -> str:
    """What stands for the value: its choices, else what the declaration calls it."""
    if get_origin(setting.annotation) is Literal:
        return "|".join(map(str, get_args(setting.annotation)))
    return setting.field.value


def _extra(setting: Setting) -> str:
    """The default, and Azure's variables: those of our own follow a rule that the help states once."""
    default = setting.default
    if isinstance(default, bool):
        default = "on" if default else "off"
    if isinstance(default, float):
        default = f"{default:g}"
    known = [f"default:{_NO_BREAK}{default}"] if default not in (None, "", ()) else []
    known += [f"env:{_NO_BREAK}{', '.join(setting.aliases.names)}"] if setting.aliases.names else []
    return f"  [{'; '.join(known)}]" if known else ""
