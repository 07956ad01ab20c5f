"""The Grafana dashboard: by Grafana's own model, for the deployment it belongs to, and the same each time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard

from support.manifests import IMAGE, PROFILES, SMALL, Made, made, profile_file

Json = dict[str, Any]


def dashboard(found: Made) -> Json:
    """As Grafana's sidecar finds it."""
    (text,) = found.one("ConfigMap")["data"].values()
    content: Json = json.loads(text)
    return content


def plots(content: Json) -> list[Json]:
    return [panel for panel in content["panels"] if panel["type"] != "row"]


def lost(ours: Any, theirs: Any, where: str = "") -> Iterator[str]:
    """What of ours did not come back the same."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs.get(key), f"{where}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{where}[{place}]")
    elif ours != theirs:
        yield f"{where}: {ours!r} became {theirs!r}"


def through_grafana(content: Json) -> Json:
    """Read and written by the classes that Grafana generates from its schemas: they drop what they do not know."""
    register_default_plugins()
    read: Json = json.loads(JSONEncoder().encode(Dashboard.from_json(json.loads(json.dumps(content)))))
    return read


@pytest.mark.parametrize("profile", PROFILES)
def test_grafana_knows_every_key_of_it(tmp_path: Path, profile: str) -> None:
    content = dashboard(made(tmp_path, PROFILES[profile], monitor=True, namespace="prod"))
    assert [*lost(content, through_grafana(content))] == []


@pytest.mark.parametrize(
    "change",
    [
        {"titel": "x"},
        {"templating": {"lists": []}},
        {"panels": [{"type": "row", "titel": "x"}]},
        {"panels": [{"type": "timeseries", "datasource": {"type": "prometheus"}, "targets": [{"query": "up"}]}]},
    ],
)
def test_a_key_that_grafana_does_not_know_is_noticed(tmp_path: Path, change: Json) -> None:
    """Or the test above would prove nothing."""
    content = dashboard(made(tmp_path, SMALL, monitor=True)) | change
    assert [*lost(content, through_grafana(content))] != []


def test_panels_have_a_place_of_their_own_and_an_explanation(tmp_path: Path) -> None:
    content = dashboard(made(tmp_path, PROFILES["gpu"], monitor=True))
    taken: set[tuple[int, int]] = set()
    for panel in content["panels"]:
        at = panel["gridPos"]
        squares = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert max(x for x, _ in squares) < 24
        assert taken.isdisjoint(squares), panel["title"]
        taken |= squares
    assert len({panel["id"] for panel in content["panels"]}) == len(content["panels"])
    assert all(panel["description"] and panel["targets"] for panel in plots(content))


def test_it_shows_what_was_profiled_where_there_is_no_tag(tmp_path: Path) -> None:
    content = dashboard(made(tmp_path, SMALL, monitor=True))
    queries = {panel["title"]: [target["expr"] for target in panel["targets"]] for panel in plots(content)}
    assert queries["Requests"][2].endswith('or 63.6 * count(plimsoll_slots{job="digits"} > 0)')
    assert [query.rpartition(" or ")[2] for query in queries["Cores of each replica"][1:]] == [
        "vector(1.25)",
        "vector(2)",
    ]
    assert queries["Memory of each replica"][1].endswith(f"or vector({192 << 20})")
    assert queries["Latency"][3] == "vector(0.03)"
    assert not any("gpu" in query for shown in queries.values() for query in shown)


def test_dashboards_of_two_deployments_do_not_replace_each_other(tmp_path: Path) -> None:
    kinds = ({}, {"namespace": "prod"}, {"name": "other"})
    found = [dashboard(made(tmp_path, SMALL, monitor=True, **options)) for options in kinds]
    assert len({content["uid"] for content in found}) == len({content["title"] for content in found}) == 3
    assert all(len(content["uid"]) <= 40 for content in found)
    again = dashboard(made(tmp_path, PROFILES["slow"], monitor=True))
    assert again["uid"] == found[0]["uid"], "a later profile replaces the dashboard of its deployment"


def test_the_sidecar_finds_it_by_its_label(tmp_path: Path) -> None:
    found = made(tmp_path, SMALL, monitor=True, name="d" * 63, labels={"grafana_dashboard": "0"}).one("ConfigMap")
    assert found["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(found["metadata"]["name"]) <= 63


def test_the_command_prints_it_alone(tmp_path: Path) -> None:
    path = profile_file(tmp_path, SMALL)
    command = [
        sys.executable,
        "-m",
        "plimsoll",
        "manifest",
        "--profile",
        str(path),
        "--image",
        IMAGE,
        "--namespace",
        "x",
    ]
    printed = subprocess.run([*command, "--dashboard"], capture_output=True, text=True, timeout=60)
    assert (printed.returncode, printed.stderr) == (0, "")
    assert json.loads(printed.stdout) == dashboard(made(tmp_path, SMALL, monitor=True, namespace="x"))
    output = tmp_path / "dashboard.json"
    subprocess.run([*command, "--dashboard", "-o", str(output)], check=True, timeout=60)
    assert output.read_text() == printed.stdout
