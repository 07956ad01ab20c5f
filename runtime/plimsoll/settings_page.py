"""Writes docs/settings.md from the declarations: ``python -m plimsoll.settings_page > docs/settings.md``."""

from __future__ import annotations

import sys
from typing import Literal, get_args, get_origin

from plimsoll.declarations import Setting, declared
from plimsoll.settings import ProfileSettings, ServeSettings, environment_names, flag

_HEAD = """# Settings

Made from the declarations in `plimsoll/settings.py`; a test keeps it current.

A setting comes from its flag, else from the first of its environment variables that is set, else from the config
file (`--config-file`, `AZUREML_CONFIG_FILE`, or a `config.json` in the app root or beside the script), where both its
name and its variables are keys, else it has its default. Flags may be written with `-` or `_`.
"""


def page() -> str:
    """The whole page, in Markdown."""
    parts = [_HEAD, "## Serving\n", _table(ServeSettings), "\n## Profiling\n", _table(ProfileSettings)]
    return "\n".join(parts) + "\n"


def _table(model: type[ServeSettings] | type[ProfileSettings]) -> str:
    rows = ["| Flag | Default | What it does | Environment |", "|---|---|---|---|"]
    return "\n".join(rows + [_row(name, setting) for name, setting in declared(model).items()])


def _row(name: str, setting: Setting) -> str:
    flags = ", ".join(f"`{flag(text)}`" for text in (name, *setting.aliases.flags))
    default = "" if setting.default is None or setting.default == "" else f"`{setting.default}`"
    choices = (
        f" One of {', '.join(map(str, get_args(setting.annotation)))}."
        if get_origin(setting.annotation) is Literal
        else ""
    )
    variables = ", ".join(f"`{variable}`" for variable in environment_names(name, setting))
    return f"| {flags} | {default} | {setting.description}{choices} | {variables} |"


if __name__ == "__main__":
    sys.stdout.write(page())
