"""Alert rules by promtool's unit tests: each fires when it should, and not before, nor for less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.alert_cases import NAMESPACE, Case, Line, cases, scored, slots
from support.finished import verified_profile
from support.manifests import PROFILES, SMALL, made
from support.prometheus import check_rules, unit_tests

Json = dict[str, Any]

LINES = {
    "small": Line(),
    # 104 s of start, and 320 s for a probe of three times that: 640 s are twice as long.
    "slow": Line(slots_minutes=11),
    "batches": Line(rate_rps=812.5, slots=8),
    "gpu": Line(gpu=True),
    "slice": Line(gpu=True),
}


def groups(folder: Path, profile: str, **options: Any) -> Json:
    """The rules of a PrometheusRule are a file of Prometheus' rules."""
    found = made(folder, PROFILES[profile], monitor=True, namespace=NAMESPACE, **options).one("PrometheusRule")
    spec: Json = found["spec"]
    return spec


def by_name(found: Json) -> dict[str, Json]:
    return {rule["alert"]: rule for group in found["groups"] for rule in group["rules"]}


def cases_for(found: Json, line: Line) -> list[Json]:
    rules = by_name(found)
    return [
        case.as_promtool(rules[case.alert]["annotations"]["summary"], rules[case.alert]["labels"]["severity"])
        for case in cases(line)
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_alert_fires_when_it_should_and_not_for_less(tmp_path: Path, profile: str) -> None:
    found, line = groups(tmp_path, profile), LINES[profile]
    assert {case.alert for case in cases(line) if case.fires_at} == {*by_name(found)}
    assert {case.alert for case in cases(line) if not case.fires_at} == {*by_name(found)}
    assert unit_tests(tmp_path, found, cases_for(found, line)) == ""
    check_rules(tmp_path / "rules.yaml")


ALERTS = (
    "PlimsollPastLoadLine", "PlimsollRefuses", "PlimsollMemoryPastProfile", "PlimsollSlow", "PlimsollSlotsMissing",
    "PlimsollWorkersRestart", "PlimsollGone", "PlimsollGpuLost",
)  # fmt: skip


@pytest.mark.parametrize("alert", ALERTS)
@pytest.mark.parametrize("expression", ["vector(1) > 2", "vector(1) > 0"], ids=["never", "always"])
def test_an_alert_that_never_or_always_fires_is_noticed(tmp_path: Path, alert: str, expression: str) -> None:
    """Or the tests above would prove nothing."""
    found, line = groups(tmp_path, "gpu"), LINES["gpu"]
    tests = [test for test in cases_for(found, line) if test["name"].startswith(alert)]
    by_name(found)[alert]["expr"] = expression
    assert f"alertname: {alert}" in unit_tests(tmp_path, found, tests)


def test_without_an_autoscaler_nothing_may_pass(tmp_path: Path) -> None:
    """Four per cent above the line: nobody adds replicas, so somebody has to be told."""
    found = groups(tmp_path, "small", replicas=2)
    series = scored("a", 1.04 * 63.6) | scored("b", 1.04 * 63.6) | slots("a", 1) | slots("b", 1)
    rule = by_name(found)["PlimsollPastLoadLine"]
    case = Case("PlimsollPastLoadLine", "4 % too much", series, fires_at=(20,))
    test = case.as_promtool(rule["annotations"]["summary"], rule["labels"]["severity"])
    assert unit_tests(tmp_path, found, [test]) == ""


def test_what_takes_longer_on_a_full_node_is_no_alert(tmp_path: Path) -> None:
    """Verified at 99 ms there: the next bound of the histogram is 100 ms."""
    verified = SMALL.model_copy(update={"verification": verified_profile().verification})
    found: Json = made(tmp_path, verified, monitor=True).one("PrometheusRule")["spec"]
    assert by_name(found)["PlimsollSlow"]["expr"].endswith(" > 0.1")
