"""Writes docs/settings.md from the declarations: ``python -m plimsoll.settings_page > docs/settings.md``."""

from __future__ import annotations

import sys
from typing import Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from plimsoll.settings import ProfileSettings, ServeSettings, aliases_of, environment_names, flag

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
    return "\n".join(rows + [_row(name, info) for name, info in model.model_fields.items()])


def _row(name: str, info: FieldInfo) -> str:
    flags = ", ".join(f"`{flag(text)}`" for text in (name, *aliases_of(info).flags))
    default = "" if info.default is None or info.default == "" else f"`{info.default}`"
    choices = (
        f" One of {', '.join(map(str, get_args(info.annotation)))}." if get_origin(info.annotation) is Literal else ""
    )
    variables = ", ".join(f"`{variable}`" for variable in environment_names(name, info))
    return f"| {flags} | {default} | {info.description}{choices} | {variables} |"


if __name__ == "__main__":
    sys.stdout.write(page())
