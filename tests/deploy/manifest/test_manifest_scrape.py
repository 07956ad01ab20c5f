"""A real Prometheus scrapes a real server as the manifest says, and every query of the manifest returns a value."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from plimsoll.profiling.result.profile import Profile
from support.fixtures import Serve
from support.load import Load
from support.manifests import GPU, SMALL, Made, made
from support.nvml import Machine, gpu
from support.prometheus import Prometheus, prometheus
from support.scraped import scrape_config
from support.server import Server, wait_for

NAMESPACE, POD = "prod", "digits-5d9c7b-x2x4z"
SCRIPT = """
    import json, os
    def init(): pass
    def run(data):
        if json.loads(data) == "end": os._exit(1)
        return json.loads(data)
"""
TAG = {
    "profileName": "digits",
    "profiledTime": "2026-01-01T00:00:00Z",
    "grade": "verified",
    "requestedCpu": 1.25,
    "cpuLimit": 2.0,
    "requestedMemoryInGb": 0.2,
    "requestedMemoryBytes": 192 << 20,
    "workers": 1,
    "threads": 1,
    "maxRequestsPerSecond": 70.5,
}
Json = dict[str, Any]
_COMPARED = re.compile(r" (>|<|==) [\d.e+]+$")


def manifests(folder: Path, profile: Profile) -> list[Made]:
    """By both metrics that KEDA may scale on; all else is the same."""
    common: Json = {"monitor": True, "namespace": NAMESPACE, "scale": "keda"}
    return [made(folder, profile, scale_on=metric, **common) for metric in ("rate", "queue")]


def queries(found: Made) -> Iterator[str]:
    """Alerts without their threshold: below it they return nothing, which is right."""
    yield from (trigger["metadata"]["query"] for trigger in found.one("ScaledObject")["spec"]["triggers"])
    for group in found.one("PrometheusRule")["spec"]["groups"]:
        for rule in group["rules"]:
            gone = re.fullmatch(r"absent\((.*)\)", rule["expr"])
            yield gone[1] if gone else _COMPARED.sub("", rule["expr"])
    (text,) = found.one("ConfigMap")["data"].values()
    for panel in json.loads(text)["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


def scraping(folder: Path, found: Made, server: Server) -> Json:
    """Every second instead of every 15, so that four scrapes are soon over."""
    target = scrape_config(found.one("ServiceMonitor"), found.one("Service"), f"127.0.0.1:{server.port}", POD)
    (folder / "rules.yaml").write_text(yaml.safe_dump(found.one("PrometheusRule")["spec"]))
    return {
        "global": {"evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yaml")],
        "scrape_configs": [target | {"scrape_interval": "1s"}],
    }


def used(server: Server) -> None:
    """Answers, failures and a worker that is replaced: a series begins with the first of its kind."""
    with Load(server.port, 2) as load:
        load.wait_sent(50)
    server.post("/score", b"no json")
    server.post("/score", b'"end"')
    wait_for(server.is_ready, "the worker's successor")


@pytest.mark.parametrize("kind", ["tagged, with a GPU", "neither"])
def test_every_query_returns_a_value(serve: Serve, machine: Machine, tmp_path: Path, kind: str) -> None:
    tagged = kind != "neither"
    machine.has(gpu(0))
    if tagged:
        (tmp_path / "model").mkdir()
        (tmp_path / "model" / "plimsoll.json").write_text(json.dumps(TAG))
    flags = ("--threads", "1", *(("--model-dir", "model") if tagged else ()))
    server = serve(SCRIPT, *flags, env=machine.environment if tagged else None)
    used(server)
    by_rate, by_calls = manifests(tmp_path, GPU if tagged else SMALL)
    with prometheus(tmp_path / "prometheus", scraping(tmp_path, by_rate, server)) as running:
        wait_for(lambda: scraped(running), "two scrapes")
        used(server)
        asked = [*dict.fromkeys([*queries(by_rate), *queries(by_calls)])]
        assert len(asked) > 25
        wait_for(lambda: empty(running, asked) == [], "a value of every query")
        assert empty(running, ["sum(plimsoll_nothing)"]), "a query for what is not exported"
        assert target_labels(running) == {"job": "digits", "namespace": NAMESPACE, "pod": POD, "service": "digits"}
        wait_for(lambda: all(rule["health"] == "ok" for rule in running.rules()), "an evaluation of every rule")
        # A scrape that comes too late leaves nothing of the target until the next.
        wait_for(lambda: load_line(running) == (70.5 if tagged else 0), "the load line of the model's tag")


def scraped(running: Prometheus) -> bool:
    """A rate needs two."""
    found = running.query("count_over_time(up[1m]) >= 2 and up == 1")
    return [target["health"] for target in running.targets()] == ["up"] and len(found) == 1


def empty(running: Prometheus, asked: list[str]) -> list[str]:
    return [query for query in asked if not running.query(query)]


def load_line(running: Prometheus) -> float:
    (line,) = running.query("sum(plimsoll_load_line_requests_per_second) or vector(0)")
    return float(line["value"][1])


def target_labels(running: Prometheus) -> dict[str, str]:
    (target,) = running.targets()
    return {name: text for name, text in target["labels"].items() if name in ("job", "namespace", "pod", "service")}


def test_a_service_that_the_monitor_does_not_select_is_no_target(serve: Serve, tmp_path: Path) -> None:
    """Or the test above would scrape whatever it is given."""
    found = made(tmp_path, SMALL, monitor=True, namespace=NAMESPACE)
    other = made(tmp_path, SMALL, monitor=True, namespace=NAMESPACE, name="other")
    server = serve(SCRIPT)
    target = scrape_config(found.one("ServiceMonitor"), other.one("Service"), f"127.0.0.1:{server.port}", POD)
    with prometheus(tmp_path / "prometheus", {"scrape_configs": [target | {"scrape_interval": "1s"}]}) as running:
        wait_for(running.dropped, "a target that is dropped")
        assert running.targets() == []
