"""`profile.html`: the whole profile on one page that fetches nothing, for a screen, a phone and paper."""

from __future__ import annotations

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.html.cards import cards
from plimsoll.reports.html.facts import duration, facts, machine, when
from plimsoll.reports.html.figures import figures
from plimsoll.reports.html.template import render


def render_html(profile: Profile) -> str:
    """The page; a profile that failed has one too, with what was measured until then."""
    return render(
        "profile.html.j2",
        profile=profile,
        cards=cards(profile),
        figures=figures(profile),
        facts=facts(profile),
        when=when(profile),
        duration=duration(profile),
        machine=machine(profile),
    )
