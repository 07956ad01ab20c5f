"""What pipelines read: variables, Markdown, the Kubernetes block, and which files appear."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
from rich.console import Console

from plimsoll.reports.console import print_profile
from plimsoll.reports.files import write_reports
from plimsoll.reports.html.page import render_html
from plimsoll.reports.kubernetes import cpu_quantity, memory_quantity, render_resources
from plimsoll.reports.markdown import render_markdown
from plimsoll.reports.variables import announce, render_env, variables
from support.finished import failed_profile, profile_with


def test_a_shell_can_source_the_variables(tmp_path: Path) -> None:
    (tmp_path / "profile.env").write_text(render_env(profile_with()))
    names = ("CPU", "CPU_LIMIT", "CPU_REQUEST", "MEMORY_MI", "REPLICAS")
    shown = subprocess.run(
        ["sh", "-c", f". ./profile.env; echo {' '.join('$RECOMMENDED_' + name for name in names)}"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.split() == ["2", "2", "1.25", "192", "3"]


def test_what_is_not_known_is_no_variable() -> None:
    assert "RECOMMENDED_CPU" not in variables(failed_profile())
    assert variables(failed_profile())["PROFILE_STATE"] == "Failed"


def test_github_gets_outputs_and_a_summary_after_what_is_there(tmp_path: Path) -> None:
    output, summary = tmp_path / "output", tmp_path / "summary"
    output.write_text("before=1\n")
    stdout = io.StringIO()
    announce(profile_with(), tmp_path, {"GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}, stdout)
    lines = output.read_text().splitlines()
    assert lines[0] == "before=1"
    assert "recommended_cpu_request=1.25" in lines
    assert summary.read_text().startswith("### Profile of digits")
    assert stdout.getvalue() == ""


def test_azure_pipelines_gets_variables_and_a_summary(tmp_path: Path) -> None:
    stdout = io.StringIO()
    announce(profile_with(), tmp_path, {"TF_BUILD": "True"}, stdout)
    lines = stdout.getvalue().splitlines()
    assert "##vso[task.setvariable variable=RECOMMENDED_CPU]2" in lines
    assert "##vso[task.setvariable variable=RECOMMENDED_CPU;isOutput=true]2" in lines
    assert lines[-1] == f"##vso[task.uploadsummary]{tmp_path / 'profile.md'}"


def test_elsewhere_nothing_is_announced(tmp_path: Path) -> None:
    stdout = io.StringIO()
    announce(profile_with(), tmp_path, {}, stdout)
    assert stdout.getvalue() == ""


def test_markdown_says_the_answer() -> None:
    text = render_markdown(profile_with())
    assert "| CPU | limit **2** cores, request **1.25** | 10.3 ms per request |" in text
    assert "| Memory | **192 Mi (0.20 GB)** | peak 56 MB |" in text
    assert "| Rate | up to **63.6** requests/s, 3 replicas for the target |" in text
    assert "- not verified" in text


def test_markdown_of_a_failed_profile() -> None:
    text = render_markdown(failed_profile())
    assert "> init() failed: no model" in text
    assert "No recommendation." in text


def test_words_of_others_are_no_markup_and_mention_nobody() -> None:
    text = render_markdown(profile_with(name="a|b *c* <img> @everyone", warnings=["x\n# y"]))
    assert "a\\|b \\*c\\* \\<img\\> @\u200beveryone" in text
    assert "\n# y" not in text


def test_the_kubernetes_block() -> None:
    text = render_resources(profile_with(name="a\nb: c"))
    assert text is not None
    assert [line for line in text.splitlines() if not line.startswith("#")] == [
        "resources:", "  requests:", "    cpu: 1250m", "    memory: 192Mi",
        "  limits:", '    cpu: "2"', "    memory: 192Mi",
        "env:", "  - name: PLIMSOLL_WORKERS", '    value: "1"', "  - name: PLIMSOLL_THREADS", '    value: "1"',
    ]  # fmt: skip
    assert "# Replicas: 3 for 150 requests/s." in text
    assert render_resources(failed_profile()) is None


def test_the_environment_that_belongs_to_the_limits() -> None:
    whole = profile_with().model_dump(by_alias=True)["recommendation"]
    profile = profile_with(recommendation=whole | {"environment": {"OMP_NUM_THREADS": "2"}})
    assert '  - name: OMP_NUM_THREADS\n    value: "2"\n' in (render_resources(profile) or "")
    assert "OMP_NUM_THREADS=2\n" in render_env(profile)
    assert "Set OMP\\_NUM\\_THREADS=2." in render_markdown(profile)
    assert "OMP_NUM_THREADS=2" in render_html(profile)


@pytest.mark.parametrize(("cores", "quantity"), [(0.15, "150m"), (1.0, "1"), (2.5, "2500m"), (12.0, "12")])
def test_cores_as_kubernetes_writes_them(cores: float, quantity: str) -> None:
    assert cpu_quantity(cores) == quantity


def test_memory_is_never_rounded_down() -> None:
    assert memory_quantity((192 << 20) + 1) == "193Mi"


def test_the_second_best_is_named_everywhere() -> None:
    runner_up = {"workers": 2, "requestCores": 2.0, "memoryBytes": 300_000_000, "maxRequestsPerSecond": 90.0}
    runner_up |= {"replicas": 2, "priceRatio": 1.4, "reason": "Two workers would cost 40 % more."}
    whole = profile_with().model_dump(by_alias=True)["recommendation"]
    profile = profile_with(recommendation=whole | {"runnerUp": runner_up})
    stream = io.StringIO()
    print_profile(profile, Console(file=stream, width=100))
    for text in (render_markdown(profile), render_html(profile), stream.getvalue()):
        assert "Two workers would cost 40 % more." in text


def test_the_files_of_a_run(tmp_path: Path) -> None:
    write_reports(profile_with(), tmp_path)
    names = {"profile.html", "profile.md", "profile.env", "resources.yaml"}
    assert {file.name for file in tmp_path.iterdir()} == names
    write_reports(failed_profile(), tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == names - {"resources.yaml"}
