"""The files that people and pipelines read, beside `profile.json`."""

from __future__ import annotations

from pathlib import Path

from plimsoll.profiling.result.files import write_whole
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.kubernetes import render_resources
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.variables import render_env


def write_reports(profile: Profile, folder: Path) -> list[str]:
    """`profile.html`, `profile.md`, `profile.env`, and `resources.yaml` where there is a recommendation.

    Answers what the user should know about files that are not there.
    """
    page = _page(profile)
    _write_or_remove(folder / "profile.html", page)
    write_whole(folder / "profile.md", render_markdown(profile))
    write_whole(folder / "profile.env", render_env(profile))
    _write_or_remove(folder / "resources.yaml", render_resources(profile))
    return [] if page else ["no profile.html: it needs jinja2 (pip install 'plimsoll-runtime[report]')"]


def _page(profile: Profile) -> str | None:
    """None where the template engine, which is an extra, is not installed."""
    try:
        from plimsoll.reports.html import render_html
    except ModuleNotFoundError as error:
        if error.name != "jinja2":
            raise
        return None
    return render_html(profile)


def _write_or_remove(path: Path, text: str | None) -> None:
    """One of an earlier run must not be taken for this one's."""
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, text)
