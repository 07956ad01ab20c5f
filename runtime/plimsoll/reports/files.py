"""The files that people and pipelines read, beside `profile.json`."""

from __future__ import annotations

from pathlib import Path

from plimsoll.profiling.result import Profile
from plimsoll.profiling.write import write_whole
from plimsoll.reports.html import render_html
from plimsoll.reports.kubernetes import render_resources
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.variables import render_env


def write_reports(profile: Profile, folder: Path) -> None:
    """`profile.html`, `profile.md`, `profile.env`, and `resources.yaml` where there is a recommendation."""
    write_whole(folder / "profile.html", render_html(profile))
    write_whole(folder / "profile.md", render_markdown(profile))
    write_whole(folder / "profile.env", render_env(profile))
    resources = render_resources(profile)
    if resources is None:
        # One of an earlier run must not be taken for this one's.
        (folder / "resources.yaml").unlink(missing_ok=True)
    else:
        write_whole(folder / "resources.yaml", resources)
