"""Templates of pages: one frame, one style sheet, and the parts that all of them are put together from."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from plimsoll.version import __version__


def render(template: str, package: str = "plimsoll.reports", **values: object) -> str:
    """`template` is in the folder `templates` of the package, and may build on those of the reports."""
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(_read("style.css"))  # noqa: S704  our own file
    return environment.from_string(_read(template, package)).render(style=style, version=__version__, **values)


def _read(name: str, package: str = "plimsoll.reports") -> str:
    return resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")
