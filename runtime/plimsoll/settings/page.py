"""Writes docs/settings.md from the declarations: ``python -m plimsoll.settings.page > docs/settings.md``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Literal, get_args, get_origin

from plimsoll.settings.declarations import Group, Setting, grouped
from plimsoll.settings.profiling import ProfileSettings
from plimsoll.settings.resolution import environment_names, flag
from plimsoll.settings.serving import ServeSettings

_HEAD = """# Settings

Generated from the declarations in `plimsoll/settings`; a test keeps it up to date. `plimsoll --help` lists
the same settings in the same groups.

The value of a setting is taken from its flag, else from the first of its environment variables that is set, else from
the config file, else it is the default. The config file is the one named by `--config-file` or `AZUREML_CONFIG_FILE`,
or a `config.json` in the app root or beside the script; its keys are names of settings or of their variables. Flags can
be written with `-` or `_`. `--config-file ""` reads no file.

A setting that can be repeated takes several values from a variable, separated by commas, and from a file as a list.
What `--inference-config-file` and `--model` say about the script, the app root and the model folder counts as if it had
been set in the same place: on the command line, by one of our own variables, or in the file. What was itself set there
takes precedence. What the file of `--deployment` says comes after all of these (`docs/deployment-files.md`). In a
`config.json` that was found rather than named, `model` and `deployment` are left to the model; write `PLIMSOLL_MODEL`
there.
"""


def page() -> str:
    """The whole page, in Markdown."""
    groups = grouped(ServeSettings, ProfileSettings).items()
    return "\n".join([_HEAD, *(_section(group, settings) for group, settings in groups)])


def _section(group: Group, settings: Mapping[str, Setting]) -> str:
    rows = [f"## {group.value}", "", "| Flag | Default | What it does | Environment |", "|---|---|---|---|"]
    return "\n".join([*rows, *(_row(name, setting) for name, setting in settings.items())]) + "\n"


def _row(name: str, setting: Setting) -> str:
    value = f" {setting.field.value}" if setting.field.value else ""
    flags = ", ".join(f"`{flag(text)}{value}`" for text in (name, *setting.aliases.flags))
    default = "" if setting.default in (None, "", ()) else f"`{setting.default}`"
    choices = (
        f" One of {', '.join(map(str, get_args(setting.annotation)))}."
        if get_origin(setting.annotation) is Literal
        else ""
    )
    variables = ", ".join(f"`{variable}`" for variable in environment_names(name, setting))
    return f"| {flags} | {default} | {setting.description}{choices} | {variables} |"


if __name__ == "__main__":
    sys.stdout.write(page())
