"""Panels as Grafana's JSON model has them (schemaVersion 36: Grafana 9 and newer, which migrate it at loading).

By hand: Grafana's own library, grafana-foundation-sdk, would have to be installed with every server, has no stable
version yet, and its builders are no shorter than this page. The tests read the result back through its classes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from plimsoll.deploy.manifest.kubernetes.watch.panels import Panel, Query, Row, rows
from plimsoll.deploy.manifest.kubernetes.watch.queries import SCRAPE_S, Queries
from plimsoll.deploy.manifest.options import ManifestOptions
from plimsoll.deploy.manifest.values import Values

Json = dict[str, Any]

_SCHEMA_VERSION = 36
_WIDTH, _HEIGHT = 24, 8
_SOURCE: Json = {"type": "prometheus", "uid": "${source}"}
_UID_DIGITS = 16
_SHARE_COLOURS = (("green", None), ("yellow", 0.9), ("red", 1.0))


def dashboard(values: Values, options: ManifestOptions) -> str:
    """JSON with a line for each panel, so that a change shows as one of that panel."""
    whole = {
        "uid": _uid(values.name, options),
        "title": f"Plimsoll: {values.name}" + (f" ({options.namespace})" if options.namespace else ""),
        "description": f"{values.headline} {values.annotations['plimsoll.load-line'].value}",
        "tags": ["plimsoll"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": f"{2 * SCRAPE_S}s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_source()]},
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in whole.items()]
    panels = ",\n".join(json.dumps(panel) for panel in _placed(rows(values, Queries(values, options))))
    return "{\n" + ",\n".join([*lines, f'"panels": [\n{panels}\n]']) + "\n}\n"


def _uid(name: str, options: ManifestOptions) -> str:
    """The same for each profile of a deployment, so that a later one replaces the dashboard; at most 40 signs."""
    digest = hashlib.sha256(f"{options.namespace or ''}/{name}".encode()).hexdigest()
    return f"plimsoll-{digest[:_UID_DIGITS]}"


def _source() -> Json:
    """Which Prometheus, for who has several."""
    return {"id": "source", "name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _placed(found: Sequence[Row]) -> Iterator[Json]:
    number, top = 1, 0
    for row in found:
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top},
        }
        width = _WIDTH // len(row.panels)
        for place, panel in enumerate(row.panels):
            position = {"h": _HEIGHT, "w": width, "x": place * width, "y": top + 1}
            yield {"id": number + 1 + place, "gridPos": position, **_panel(panel)}
        number, top = number + 1 + len(row.panels), top + 1 + _HEIGHT


def _panel(panel: Panel) -> Json:
    defaults: Json = {"unit": panel.unit, "min": 0}
    if panel.share:
        steps = [{"color": colour, "value": least} for colour, least in _SHARE_COLOURS]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    return {
        "type": "stat" if panel.share else "timeseries",
        "title": panel.title,
        "description": panel.why,
        "datasource": _SOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": [_dashed(one) for one in panel.queries if one.line]},
        "targets": [_target(chr(ord("A") + place), one) for place, one in enumerate(panel.queries)],
    }


def _dashed(query: Query) -> Json:
    """By the query, as its legend may be one of many."""
    pattern = query.legend.replace("{{pod}}", ".*").replace("{{gpu}}", ".*")
    return {
        "matcher": {"id": "byRegexp", "options": f"/^{pattern}$/"},
        "properties": [
            {"id": "custom.lineStyle", "value": {"fill": "dash", "dash": [10, 10]}},
            {"id": "custom.lineWidth", "value": 2},
        ],
    }


def _target(name: str, query: Query) -> Json:
    return {"refId": name, "datasource": _SOURCE, "expr": query.expression, "legendFormat": query.legend}
