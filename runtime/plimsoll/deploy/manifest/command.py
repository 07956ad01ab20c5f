"""`plimsoll manifest`: writes what a cluster needs to run a profiled model, every number with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from plimsoll.deploy.manifest.checks.problems import problems
from plimsoll.deploy.manifest.document import Document, write
from plimsoll.deploy.manifest.flags import SECTIONS, Sectioned
from plimsoll.deploy.manifest.formats import FORMATS, check_taken
from plimsoll.deploy.manifest.kubernetes.job import job
from plimsoll.deploy.manifest.kubernetes.watch.grafana import dashboard
from plimsoll.deploy.manifest.options import (
    LABEL,
    VARIABLE,
    Bounds,
    ManifestOptions,
    pairs,
)
from plimsoll.deploy.manifest.platforms.files import put, put_text
from plimsoll.deploy.manifest.values import Values, make_values
from plimsoll.deploy.needs import read_needs
from plimsoll.errors import InternalError, UsageError
from plimsoll.profiling.result.profile import Grade


def _run(profile: Path | None, format_: str, require: Grade, output: Path | None, **given: Any) -> int:
    options = _options(given)
    check_taken(format_, options)
    documents, values = _documents(profile, format_, require, options)
    _check(write(documents), values)
    if options.dashboard and values is not None:
        put_text(dashboard(values, options), output)
    else:
        put(documents, output)
    return 0


command = Sectioned(
    "manifest",
    params=[option for options in SECTIONS.values() for option in options],
    callback=_run,
    help="""Write what a cluster needs to run a profiled model: sized as measured, every number with its reason.

\b
Examples:
  plimsoll manifest --profile profile.json --image registry/model:1 --target-rps 500 | kubectl apply -f -
  plimsoll manifest --profile profile.json --image registry/model:1 --autoscale 2:20 --scale keda --monitor
  plimsoll manifest --profile profile.json --image registry/model:1 --dashboard > dashboard.json
  plimsoll manifest --job --image registry/model:1 --data-claim profiling | kubectl apply -f -
""",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


def _options(given: dict[str, Any]) -> ManifestOptions:
    """Raises UsageError."""
    bounds = given.pop("autoscale")
    environment = pairs("--env", VARIABLE, given.pop("environment"))
    nodes = pairs("--node-selector", LABEL, given.pop("node_selector"))
    labels = pairs("--label", LABEL, given.pop("labels"))
    return ManifestOptions(
        **given,
        autoscale=Bounds.parse(bounds) if bounds else None,
        environment=environment,
        node_selector=nodes,
        labels=labels,
    )


def _documents(
    profile: Path | None, format_name: str, require: Grade, options: ManifestOptions
) -> tuple[Sequence[Document], Values | None]:
    """The values are None for a Job: what it will measure is not known."""
    if profile is None and not options.job:
        raise UsageError("--profile is missing", remedy="give the profile.json that plimsoll --profile has written")
    if profile is None and require != "estimated":
        raise UsageError(
            "--require has no meaning without --profile", remedy="give an earlier profile, or leave it out"
        )
    needs, content = read_needs(profile, require) if profile else (None, None)
    if options.job:
        return [job(options, needs)], None
    assert needs is not None and content is not None
    values = make_values(needs, content, options)
    return FORMATS[format_name].make(values, options), values


def _check(text: str, values: Values | None) -> None:
    """Of the text, not of what it was made of: what the reader will read counts."""
    found = problems([*yaml.safe_load_all(text)], values)
    if found:
        raise InternalError(f"the manifest contradicts itself: {'; '.join(found)}")
