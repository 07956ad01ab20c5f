"""The numbers that gates speak about: each is found in a profile, and quantities read and show what people write."""

from __future__ import annotations

import contextlib
import operator
import re
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import BaseModel

from plimsoll.errors import UsageError
from plimsoll.profiling.gates.check import check_conditions, parse_conditions
from plimsoll.profiling.gates.metrics import _UNITS, METRICS, Dimension, Metric, parse_quantity, show_quantity
from plimsoll.profiling.result.profile import Azureml, Profile
from support.finished import failed_profile, profile_with

UNITS = [(dimension, unit, factor) for dimension, units in _UNITS.items() for unit, factor in units.items()]
LATENCY = {"p50": 0.1, "p90": 0.15, "p95": 0.2, "p99": 0.3, "p999": 0.4}
TRUE = {">": operator.gt, "<": operator.lt, ">=": operator.ge, "<=": operator.le}


@pytest.mark.parametrize(
    ("text", "dimension", "value"),
    [
        # SI for time and for memory in powers of ten, IEC 60027-2 for those of two, Kubernetes' own short forms.
        ("1us", Dimension.TIME, 1e-6), ("250 ms", Dimension.TIME, 0.25), ("2min", Dimension.TIME, 120.0),
        (".5s", Dimension.TIME, 0.5), ("5.s", Dimension.TIME, 5.0), ("1 B", Dimension.MEMORY, 1.0),
        ("1kB", Dimension.MEMORY, 1e3), ("1Ki", Dimension.MEMORY, 1024.0), ("1KiB", Dimension.MEMORY, 1024.0),
        ("1.5Gi", Dimension.MEMORY, 1.5 * 2**30), ("1G", Dimension.MEMORY, 1e9), ("128M", Dimension.MEMORY, 1.28e8),
        ("250m", Dimension.CORES, 0.25), ("2", Dimension.CORES, 2.0), ("0.5cores", Dimension.CORES, 0.5),
        ("99.9%", Dimension.SHARE, 0.999), ("0.999", Dimension.SHARE, 0.999), ("100 %", Dimension.SHARE, 1.0),
        ("40/s", Dimension.RATE, 40.0), ("40 rps", Dimension.RATE, 40.0), ("3", Dimension.COUNT, 3.0),
    ],
)  # fmt: skip
def test_quantities_as_people_write_them(text: str, dimension: Dimension, value: float) -> None:
    assert parse_quantity(text, dimension) == value


@given(st.sampled_from(UNITS), st.decimals(0, 10**6, places=3))
def test_every_unit_is_read_exactly(unit: tuple[Dimension, str, float], number: Decimal) -> None:
    """In decimal arithmetic: 99.9 % must not become a little more than 0.999."""
    dimension, name, factor = unit
    assert parse_quantity(f"{number}{name}", dimension) == float(number * Decimal(str(factor)))


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("", Dimension.TIME), ("ms", Dimension.TIME), ("-1ms", Dimension.TIME), ("1,5s", Dimension.TIME),
        ("1e3ms", Dimension.TIME), ("1h", Dimension.TIME), ("5", Dimension.TIME), ("1 m s", Dimension.TIME),
        ("4", Dimension.MEMORY), ("4m", Dimension.MEMORY), ("4g", Dimension.MEMORY), ("4 bytes", Dimension.MEMORY),
        ("1M", Dimension.CORES), ("nan", Dimension.SHARE), ("inf", Dimension.SHARE), ("1%%", Dimension.SHARE),
    ],
)  # fmt: skip
def test_what_is_no_quantity_names_the_units(text: str, dimension: Dimension) -> None:
    """A bare 4 could be bytes or gigabytes, and m is a thousandth, not a million."""
    with pytest.raises(UsageError) as caught:
        parse_quantity(text, dimension)
    assert all(unit in str(caught.value) for unit in _UNITS[dimension])


@given(st.sampled_from(list(Dimension)), st.floats(1e-4, 1.0) | st.floats(1.0, 1e12))
def test_what_is_shown_is_what_it_is_to_three_digits_and_never_in_powers_of_ten(
    dimension: Dimension, value: float
) -> None:
    assume(dimension is not Dimension.SHARE or value <= 1.0)
    shown = show_quantity(value, dimension)
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(ms|s|MB|GB|%|cores|requests/s)?", shown)
    assert found, shown
    factor = {"ms": 1e-3, "MB": 1e6, "GB": 1e9, "%": 0.01}.get(found[2] or "", 1.0)
    smallest = 5e5 if dimension is Dimension.MEMORY else 0.0
    assert float(found[1]) * factor == pytest.approx(value, rel=0.006, abs=smallest)


@pytest.mark.parametrize(
    ("value", "dimension", "shown"),
    [
        (0.0123, Dimension.TIME, "12.3 ms"), (9.99, Dimension.TIME, "9990 ms"), (9.99996, Dimension.TIME, "10000 ms"),
        (12.5, Dimension.TIME, "12.5 s"), (43210.4, Dimension.TIME, "43210 s"),
        (9_999.7, Dimension.RATE, "10000 requests/s"), (23_456.0, Dimension.RATE, "23456 requests/s"),
        (63.57, Dimension.RATE, "63.57 requests/s"), (12_345, Dimension.COUNT, "12345"), (3, Dimension.COUNT, "3"),
        (1.25, Dimension.CORES, "1.25 cores"), (0.999, Dimension.SHARE, "99.9 %"), (1.0, Dimension.SHARE, "100 %"),
        (55_600_000, Dimension.MEMORY, "56 MB"), (4.29e9, Dimension.MEMORY, "4.29 GB"), (0, Dimension.MEMORY, "0 MB"),
    ],
)  # fmt: skip
def test_what_is_shown(value: float, dimension: Dimension, shown: str) -> None:
    assert show_quantity(value, dimension) == shown


def field_of(model: type[BaseModel], path: str) -> Any:
    """The field that a path of profile.json leads to."""
    name, _, rest = path.partition(".")
    field = next(field for field in model.model_fields.values() if field.alias == name)
    if not rest:
        return field
    kinds = [kind for kind in (field.annotation, *get_args(field.annotation)) if isinstance(kind, type)]
    return field_of(next(kind for kind in kinds if issubclass(kind, BaseModel)), rest)


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_every_metric_names_a_place_in_profile_json(metric: Metric) -> None:
    """By which its reason is looked up where it is null."""
    assert field_of(Profile, metric.path) is not None


def unmeasured(unknown: dict[str, str]) -> Profile:
    """A run that ended before there was any number, and why."""
    return failed_profile().model_copy(update={"azureml": Azureml(), "unknown": unknown})


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_is_null_in_a_run_that_failed_and_its_gate_does_not_hold(name: str) -> None:
    """Silence must not turn a build green, whichever way the condition points."""
    failed = unmeasured({METRICS[name].path: "no model"})
    assert METRICS[name].read(failed) is None
    bound = {"time": "1s", "memory": "1GB", "share": "1"}.get(str(METRICS[name].dimension), "1")
    for sign in ("<", ">"):
        (result,) = check_conditions(failed, parse_conditions([f"{name}{sign}{bound}"]))
        assert (result.held, result.measured) == (False, None)
        assert "no model" in result.sentence


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory", 192 << 20), ("memory-peak", 56e6), ("gpu-memory", None), ("cpu", 1.25), ("p99", 0.04), ("p50", None),
        ("cpu-limit", 2.0),
        ("success", 0.999), ("rate", 63.6), ("replicas", 3), ("startup", 0.4), ("cpu-per-request", 0.01035),
    ],
)  # fmt: skip
def test_what_a_metric_reads(name: str, value: float | None) -> None:
    assert METRICS[name].read(profile_with()) == value


def with_point(latency: dict[str, float | None], **changes: Any) -> Profile:
    recommendation = profile_with().model_dump(by_alias=True)["recommendation"]
    point = {"requestsPerSecond": 50.0, "utilisation": 0.5, "latencySeconds": latency}
    return profile_with(recommendation=recommendation | {"operatingPoint": point}, **changes)


@pytest.mark.parametrize("name", LATENCY)
def test_latency_is_that_of_the_recommended_rate_else_that_of_the_knee(name: str) -> None:
    knee = {f"latencyPercentile{name[1:]}InMs": 70.0}
    assert METRICS[name].read(with_point(dict(LATENCY), azureml=knee)) == LATENCY[name]
    assert METRICS[name].read(with_point({}, azureml=knee)) == 0.07
    assert METRICS[name].read(with_point({}, azureml={})) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("recommendation.gpu", "gpu-memory"), ("recommendation.gpu.memoryBytes", "gpu-memory"),
        ("recommendation.operatingPoint", "p99"), ("recommendation.operatingPoint.latencySeconds.p99", "p99"),
        ("recommendation.memory", "memory"), ("recommendation.cpu", "cpu"),
        ("measurements.memory.peakBytes", "memory-peak"),
    ],
)  # fmt: skip
def test_the_reason_is_found_where_the_profile_has_it(path: str, name: str) -> None:
    """At the number itself, or at the part that is null as a whole."""
    failed = unmeasured({path: "because of the moon"})
    (result,) = check_conditions(
        failed, parse_conditions([f"{name}>1{'s' if name == 'p99' else 'GB' * (name != 'cpu')}"])
    )
    assert "because of the moon" in result.sentence


@given(st.text(max_size=20))
def test_any_text_is_conditions_or_a_usage_error(text: str) -> None:
    with contextlib.suppress(UsageError):
        for condition in parse_conditions([text]):
            assert condition.metric is METRICS[condition.metric.name]
            assert condition.limit >= 0


@given(st.sampled_from([">", "<", ">=", "<="]), st.floats(0, 3, allow_subnormal=False))
def test_a_condition_fails_where_it_is_true(sign: str, limit: float) -> None:
    """`--fail-if cpu>1` fails a build that needs 1.25 cores."""
    text = f"cpu {sign} {limit:.4f}"
    (result,) = check_conditions(profile_with(), parse_conditions([text]))
    assert result.held is not TRUE[sign](1.25, float(f"{limit:.4f}"))
    assert (result.kind, result.name, result.measured) == ("condition", "cpu", "1.25 cores")
