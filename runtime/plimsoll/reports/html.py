"""`profile.html`: the whole profile on one page that fetches nothing, for a screen, a phone and paper."""

from __future__ import annotations

from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.html_cards import cards
from plimsoll.reports.html_facts import duration, facts, machine, when
from plimsoll.reports.html_figures import figures
from plimsoll.version import __version__


def render_html(profile: Profile) -> str:
    """The page; a profile that failed has one too, with what was measured until then."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_template("profile.html.j2")).render(
        profile=profile,
        style=Markup(_template("style.css")),  # noqa: S704  our own file
        cards=cards(profile),
        figures=figures(profile),
        facts=facts(profile),
        when=when(profile),
        duration=duration(profile),
        machine=machine(profile),
        version=__version__,
    )


def _template(name: str) -> str:
    return resources.files("plimsoll.reports").joinpath("templates", name).read_text(encoding="utf-8")
