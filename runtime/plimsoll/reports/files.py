"""The files that people and pipelines read, beside `profile.json`."""

from __future__ import annotations

from pathlib import Path

from plimsoll.profiling.result.files import write_whole
from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.html.page import render_html
from plimsoll.reports.kubernetes import render_resources
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.variables import render_env


def write_reports(profile: Profile, folder: Path) -> None:
    """`profile.html`, `profile.md`, `profile.env`, and `resources.yaml` where there is a recommendation."""
    write_whole(folder / "profile.html", render_html(profile))
    write_whole(folder / "profile.md", render_markdown(profile))
    write_whole(folder / "profile.env", render_env(profile))
    _write_or_remove(folder / "resources.yaml", render_resources(profile))


def _write_or_remove(path: Path, text: str | None) -> None:
    """One of an earlier run must not be taken for this one's."""
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, text)
