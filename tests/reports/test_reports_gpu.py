"""The GPU in every report, from made-up profiles."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from plimsoll.profiling.result.profile import Profile
from plimsoll.reports.console import answer_lines, print_profile
from plimsoll.reports.html.page import render_html
from plimsoll.reports.kubernetes import render_resources
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.variables import variables
from support.finished import profile_with

DEVICE = {
    "index": 0,
    "uuid": "GPU-0",
    "name": "NVIDIA <A100>",
    "isMigSlice": False,
    "totalBytes": 85_000_000_000,
    "baselineBytes": 500_000_000,
    "peakBytes": 4_100_000_000,
    "deltaBytes": 3_600_000_000,
    "method": "device",
    "methodReason": "no other process used the GPU",
    "otherProcesses": 0,
    "utilisation": {"mean": 0.42, "max": 0.9},
    "powerWatts": {"mean": 200.0, "max": 310.0},
    "hottestCelsius": 71.0,
    "throttling": {"power_cap": 0.25},
}
MEASURED = {
    "driverVersion": "580.1",
    "devices": [DEVICE],
    "heldBytes": 76_000_000_000,
    "neededBytes": 3_600_000_000,
    "preallocates": True,
    "allocatorPeakBytes": None,
    "polls": 100,
    "pollsPerSecond": 9.9,
    "pollCpuSeconds": 0.1,
}
AGAINST = {
    "recommended": "cpu",
    "priceRatio": 8.0,
    "gpuVcpuHoursPerMillion": 25.0,
    "cpuVcpuHoursPerMillion": 1.5,
    "reason": "CPU recommended: 25 against 1.5.",
}
ADVICE = {
    "count": 2,
    "memoryBytes": 4 * 2**30,
    "fraction": 0.05,
    "migProfile": "1g.10gb",
    "migReason": "the smallest slice with room for it (9.5 GiB)",
    "resource": "nvidia.com/gpu",
    "reason": "It needs up to 3.60 GB of GPU memory.",
    "againstCpu": AGAINST,
}


def profile_of(**changes: Any) -> Profile:
    plain = profile_with().model_dump(by_alias=True)
    advice = None if changes.get("advice", 0) is None else ADVICE | changes.pop("advice", {})
    return profile_with(
        recommendation=plain["recommendation"] | {"gpu": advice},
        measurements=plain["measurements"] | {"gpu": MEASURED | changes.pop("measured", {})},
        unknown=changes.pop("unknown", {}),
    )


@pytest.fixture
def shown() -> str:
    text = io.StringIO()
    print_profile(profile_of(), Console(file=text, width=200))
    return text.getvalue()


def test_the_console_has_a_line_and_what_stands_behind_it(shown: str) -> None:
    assert "gpu:    2 x 4096 Mi (4.29 GB), 5% of the card; MIG slice 1g.10gb\n" in shown
    assert "preallocates 76000 MB" in shown
    assert "on CPUs 1.5 h: cpu recommended" in shown
    assert "• CPU recommended: 25 against 1.5." in shown
    assert "42%" in shown


def test_without_a_gpu_nothing_is_said_of_one() -> None:
    assert not any("gpu" in line for line in answer_lines(profile_with()))
    assert "GPU" not in render_markdown(profile_with())
    assert "nvidia" not in (render_resources(profile_with()) or "")


def test_memory_that_is_not_known_is_said_to_be_so() -> None:
    changes = {"memoryBytes": None, "fraction": None, "migProfile": None}
    profile = profile_of(advice=changes, measured={"neededBytes": None, "preallocates": False})
    assert "gpu:    2 x unknown memory" in answer_lines(profile)
    assert "RECOMMENDED_GPU_MEMORY_MI" not in variables(profile)
    assert variables(profile)["RECOMMENDED_GPU"] == "2"
    assert "GPUs per replica: 2" in render_html(profile)


def test_the_page_and_the_comment_escape_names_and_say_both_numbers() -> None:
    page, comment = render_html(profile_of()), render_markdown(profile_of())
    assert "It preallocates 76000 MB but needs only 3600 MB." in page
    assert "NVIDIA &lt;A100&gt;" in page
    assert "<A100>" not in page
    assert "NVIDIA \\<A100\\>" in comment
    assert "power_cap 25%" in page
    assert "- CPU recommended: 25 against 1.5." in comment


def test_a_gpu_that_was_watched_and_not_used_has_its_reason_on_the_page() -> None:
    unknown = {"recommendation.gpu": "the GPU was never used"}
    page = render_html(profile_of(advice=None, unknown=unknown))
    assert "the GPU was never used" in page
    assert "GPU per replica" not in page


def test_the_manifest_asks_for_what_was_measured() -> None:
    whole = render_resources(profile_of()) or ""
    assert '    nvidia.com/gpu: "2"\n' in whole
    assert "nvidia.com/mig-1g.10gb instead of nvidia.com/gpu" in whole
    part = render_resources(profile_of(advice={"resource": "nvidia.com/mig-1g.10gb", "count": 1})) or ""
    assert '    nvidia.com/mig-1g.10gb: "1"\n' in part
    assert "instead of" not in part
