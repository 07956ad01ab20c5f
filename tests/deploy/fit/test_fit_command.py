"""`plimsoll fit` as a user types it, for a profile whose replica carries 50 requests/s on 1.25 cores and 192 Mi."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plimsoll.profiling.result.profile import Profile
from support.finished import failed_profile
from support.fitted import RUNNER_UP, deployable, on_gpu
from support.operated import written

# With nothing taken off but 100 Mi: 6 and 3 replicas on a node.
TABLE = """name,vcpu,memory_gib,processor,price_per_hour
big,8,32,AMD EPYC 7763,0.30
small,4,16,Intel Xeon Platinum 8370C,0.19
dear,8,32,AMD EPYC 7763,0.90
tiny,1,2,,0.05
unpriced,64,256,,
"""


def run(folder: Path, *arguments: str, profile: Profile | None = None) -> subprocess.CompletedProcess[str]:
    written(profile or deployable(), folder)
    (folder / "nodes.csv").write_text(TABLE)
    command = [sys.executable, "-m", "plimsoll", "fit", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def fit(folder: Path, *arguments: str, profile: Profile | None = None) -> dict[str, Any]:
    """Its JSON."""
    asked = ("--profile", "profile.json", "--nodes", "nodes.csv", "--format", "json", *arguments)
    done = run(folder, *asked, profile=profile)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def parts(pool: dict[str, Any]) -> list[tuple[str, int]]:
    return [(part["node"], part["count"]) for part in pool["parts"]]


def test_types_numbers_and_prices(tmp_path: Path) -> None:
    """700 requests/s are 14 replicas: by hand, and with any one node lost."""
    found = fit(tmp_path, "--target-rps", "700")
    assert found["best"]["replicasNeeded"] == 14
    # Four big ones cost 1.20, six small ones 1.14. Two big ones hold 12, a small one the other two; a big one is spare.
    first, second = found["best"]["pools"][:2]
    assert parts(first) == [("big", 3), ("small", 1)]
    assert first["pricePerHour"] == pytest.approx(1.09)
    assert first["pricePerMillionRequests"] == pytest.approx(1.09 / (700 * 3600) * 1e6)
    assert parts(second) == [("small", 6)]
    assert second["pricePerHour"] == pytest.approx(1.14)


def test_the_answer_for_people_says_the_same(tmp_path: Path) -> None:
    asked = ("--profile", "profile.json", "--nodes", "nodes.csv", "--target-rps", "700")
    done = run(tmp_path, *asked, "--top", "2")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert "target:    700 requests/s: 14 replicas, also when one node is lost" in lines
    assert "limit:     2 cores for each replica; a ceiling, which no node sets aside" in lines
    assert [line.split()[0] for line in lines if line[:1].isdigit()] == ["1", "2"]


@pytest.mark.parametrize(("spare", "count", "replicas"), [(0, 3, 14), (1, 4, 19), (2, 5, 24)])
def test_nodes_to_spare(tmp_path: Path, spare: int, count: int, replicas: int) -> None:
    """Of six on a node; so many replicas are to run that 14 are left."""
    table = "name,vcpu,memory_gib\nbig,8,32\n"
    (tmp_path / "own.csv").write_text(table)
    asked = ("--nodes", "own.csv", "--replicas", "14", "--spare-nodes", f"{spare}")
    (pool,) = fit(tmp_path, *asked)["best"]["pools"]
    assert (parts(pool), pool["replicas"]) == ([("big", count)], replicas)


def test_without_prices_the_smallest_pool_is_first(tmp_path: Path) -> None:
    done = run(tmp_path, "--profile", "profile.json", "--nodes", "gcp", "--target-rps", "700", "--top", "100")
    assert done.returncode == 0, done.stderr
    assert "ranked by size, as no price is known" in done.stdout
    assert "per hour" not in done.stdout
    found = fit(tmp_path, "--nodes", "gcp", "--target-rps", "700", "--top", "100")
    sizes = [pool["sizeCores"] for pool in found["best"]["pools"]]
    assert found["comparedBy"] == "size"
    assert sizes == sorted(sizes)
    assert len(sizes) > 50
    assert {pool["pricePerHour"] for pool in found["best"]["pools"]} == {None}
    assert {len(pool["parts"]) for pool in found["best"]["pools"]} == {1}


def test_the_target_of_the_profile_stands_in(tmp_path: Path) -> None:
    assert fit(tmp_path)["targetRequestsPerSecond"] == 150


def test_guaranteed_pods_are_packed_by_their_limits(tmp_path: Path) -> None:
    """2 cores instead of 1.25: four on a node of eight, not six."""
    (tmp_path / "own.csv").write_text("name,vcpu,memory_gib\nbig,8,32\n")
    best = fit(tmp_path, "--nodes", "own.csv", "--guaranteed")["best"]
    assert best["replica"]["packedBy"] == "limit"
    assert best["pools"][0]["parts"][0]["replicasPerNode"] == 4


def test_daemonsets_take_their_part(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("name,vcpu,memory_gib\nbig,8,32\n")
    asked = ("--nodes", "own.csv", "--daemonset-cpu", "600m", "--daemonset-memory", "1Gi")
    part = fit(tmp_path, *asked)["best"]["pools"][0]["parts"][0]
    assert (part["replicasPerNode"], part["freeCores"]) == (5, 7.4)
    assert part["freeMemoryBytes"] == (31 << 30) - (100 << 20)


def test_the_runner_up_is_fitted_too(tmp_path: Path) -> None:
    """3 cores and 1 GiB for 150 requests/s."""
    profile = deployable({"runnerUp": RUNNER_UP})
    found = fit(tmp_path, "--target-rps", "700", profile=profile)
    second = found["runnerUp"]
    assert (second["workers"], second["replicasNeeded"]) == (4, 5)
    assert second["replica"]["cpuCores"] == 3
    assert parts(second["pools"][0]) == [("big", 3), ("small", 1)]
    assert (
        "runner-up: 4 workers"
        in run(
            tmp_path, "--profile", "profile.json", "--nodes", "nodes.csv", "--target-rps", "700", profile=profile
        ).stdout
    )


def test_a_runner_up_that_is_cheaper_on_these_nodes(tmp_path: Path) -> None:
    """28 replicas, six to a big node and three to a small one, against 10, four and two to a node."""
    profile = deployable({"runnerUp": RUNNER_UP | {"requestCores": 2.0}})
    found = fit(tmp_path, "--target-rps", "1400", profile=profile)
    assert parts(found["runnerUp"]["pools"][0]) == [("big", 3), ("small", 1)]
    assert found["notes"][0] == "the runner-up is cheaper on these nodes: 1.09 an hour instead of 1.8"
    other = fit(tmp_path, "--target-rps", "1400", profile=deployable({"runnerUp": RUNNER_UP}))
    assert not any("runner-up" in note for note in other["notes"])


def test_a_runner_up_that_fits_nowhere_says_so(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("name,vcpu,memory_gib\nsmall,2,8\n")
    found = fit(tmp_path, "--nodes", "own.csv", profile=deployable({"runnerUp": RUNNER_UP}))
    assert found["runnerUp"]["pools"] == []
    assert found["runnerUp"]["nothingFits"].endswith("the nearest, small, lacks 1 core")


def test_another_processor_is_a_warning(tmp_path: Path) -> None:
    measured = deployable(cpu_model="AMD EPYC 7763 64-Core Processor")
    (tmp_path / "own.csv").write_text("name,vcpu,memory_gib,processor\nsmall,4,16,Intel Xeon Platinum 8370C\n")
    (warning,) = fit(tmp_path, "--nodes", "own.csv", profile=measured)["warnings"]
    assert warning.startswith(
        "measured on AMD EPYC 7763 64-Core Processor, but the processor of small is Intel Xeon Platinum 8370C"
    )
    (tmp_path / "own.csv").write_text("name,vcpu,memory_gib,processor\nsmall,4,16,AMD EPYC 7763\n")
    assert fit(tmp_path, "--nodes", "own.csv", profile=measured)["warnings"] == []


def test_only_types_with_the_gpu_that_was_measured(tmp_path: Path) -> None:
    profile = on_gpu("NVIDIA A100 80GB PCIe")
    found = fit(tmp_path, "--nodes", "azure", "--top", "50", profile=profile)
    pools = found["best"]["pools"]
    assert {part["gpu"] for pool in pools for part in pool["parts"]} == {"NVIDIA A100 80GB", "NVIDIA A100 40GB"}
    # One replica to a card, whatever else there is.
    assert parts(pools[0]) == [("Standard_NC24ads_A100_v4", 4)]
    assert any("with another GPU than the one measured, NVIDIA A100 80GB PCIe" in note for note in found["notes"])
    every = fit(tmp_path, "--nodes", "azure", "--top", "50", "--any-gpu", profile=profile)
    assert "its rate is another" in every["warnings"][0]
    assert len(every["best"]["pools"]) > len(pools)


def test_slices_of_a_gpu(tmp_path: Path) -> None:
    """Seven to a card."""
    profile = on_gpu("NVIDIA A100-SXM4-80GB MIG 1g.10gb", resource="nvidia.com/mig-1g.10gb")
    found = fit(tmp_path, "--nodes", "gcp", "--replicas", "7", "--spare-nodes", "0", profile=profile)
    assert parts(found["best"]["pools"][0]) == [("a2-ultragpu-1g", 1)]


def test_an_objective_that_was_kept_and_one_that_was_not(tmp_path: Path) -> None:
    asked = ("--profile", "profile.json", "--nodes", "nodes.csv", "--slo")
    kept = run(tmp_path, *asked, "p99=50ms")
    assert kept.returncode == 0
    assert "objective: p99 of 50 ms: met, p99 was 31 ms" in kept.stdout
    # On a full node it took 99 ms.
    assert "warning: p99 of 50 ms was not kept where neighbours use all other CPU" in kept.stdout
    assert "was not kept where" not in run(tmp_path, *asked, "p99=50ms", "--guaranteed").stdout
    for objective, said in (("p99=5ms", "NOT met"), ("p99.9=5s", "cannot be checked")):
        broken = run(tmp_path, *asked, objective)
        assert broken.returncode == 5
        assert "target:" in broken.stdout
        assert broken.stderr.startswith("plimsoll: error: --slo p99") and said in broken.stderr
        assert len(broken.stderr.splitlines()) == 1


def test_a_table_to_fill_with_prices(tmp_path: Path) -> None:
    done = run(tmp_path, "--nodes", "azure", "--print-table")
    assert done.returncode == 0
    head, *lines = done.stdout.splitlines()
    (tmp_path / "own.csv").write_text("\n".join([head, *(f"{line}0.5" for line in lines)]))
    found = fit(tmp_path, "--nodes", "own.csv", "--target-rps", "700")
    assert found["comparedBy"] == "price"
    # All cost the same here, so the fewest nodes win, of a type with room for 14 of them; and one to lose.
    assert [count for _, count in parts(found["best"]["pools"][0])] == [2]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((), 1, "Missing option '--nodes'"),
        (("--nodes", "azure"), 1, "--profile is missing"),
        (("--profile", "none.json", "--nodes", "azure"), 1, "--profile none.json: cannot be read"),
        (("--profile", "nodes.csv", "--nodes", "azure"), 1, "--profile nodes.csv: not a profile of this version"),
        (("--profile", "profile.json", "--nodes", "none.csv"), 1, "--nodes none.csv: cannot be read"),
        (("--profile", "profile.json", "--nodes", "profile.json"), 2, "--nodes profile.json: is no CSV"),
        (
            ("--profile", "profile.json", "--nodes", "azure", "--target-rps", "9", "--replicas", "2"),
            1,
            "--target-rps and --replicas exclude each other",
        ),
        (("--profile", "profile.json", "--nodes", "azure", "--target-rps", "0"), 1, "'--target-rps': 0"),
        (("--profile", "profile.json", "--nodes", "azure", "--target-rps", "nan"), 1, "'--target-rps': nan"),
        (("--profile", "profile.json", "--nodes", "azure", "--target-rps", "inf"), 1, "'--target-rps': inf"),
        (("--profile", "profile.json", "--nodes", "azure", "--replicas", "0"), 1, "'--replicas': 0"),
        (("--profile", "profile.json", "--nodes", "azure", "--spare-nodes", "-1"), 1, "'--spare-nodes': -1"),
        (("--profile", "profile.json", "--nodes", "azure", "--slo", "fast"), 1, "--slo 'fast' is not a latency"),
        (("--profile", "profile.json", "--nodes", "azure", "--daemonset-cpu", "-1"), 1, "--daemonset-cpu: '-1' is not"),
        (("--profile", "profile.json", "--nodes", "azure", "--daemonset-memory", "9x"), 1, "--daemonset-memory: '9x'"),
        (("--profile", "profile.json", "--nodes", "azure", "--require", "best"), 1, "'--require': 'best'"),
        (("--profile", "profile.json", "--nodes", "azure", "--format", "xml"), 1, "'--format': 'xml'"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = run(tmp_path, *arguments)
    assert done.returncode == code, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("plimsoll: error: ")
    assert said in line
    assert done.stdout == ""


def test_profiles_that_cannot_be_used(tmp_path: Path) -> None:
    asked = ("--profile", "profile.json", "--nodes", "azure")
    failed = run(tmp_path, *asked, profile=failed_profile())
    assert failed.returncode == 1
    assert "--profile profile.json: that profile failed: init() failed: no model" in failed.stderr
    estimated = deployable(grade="estimated")
    too_low = run(tmp_path, *asked, "--require", "verified", profile=estimated)
    assert too_low.returncode == 1
    assert "its grade is estimated, and --require asks for verified" in too_low.stderr
    assert "warning: the profile's grade is estimated" in run(tmp_path, *asked, profile=estimated).stdout
    untold = deployable(settings=deployable().settings.model_dump(by_alias=True) | {"targetRequestsPerSecond": None})
    assert "for which rate?" in run(tmp_path, *asked, profile=untold).stderr


@pytest.mark.parametrize(
    ("profile", "table", "said"),
    [
        (
            deployable({"memory": {"requestBytes": 40 << 30, "limitBytes": 40 << 30, "reason": ""}}),
            "name,vcpu,memory_gib\nsmall,4,16\nbig,8,32\n",
            "no type has room for a replica of 1.25 cores and 40960 Mi: the nearest, big, lacks 8.1 GiB of memory",
        ),
        (on_gpu("NVIDIA T4"), "name,vcpu,memory_gib\nbig,8,32\n", "none has the GPU that was measured, NVIDIA T4"),
        (
            on_gpu("NVIDIA T4"),
            "name,vcpu,memory_gib,gpu,gpu_count\nbig,8,32,NVIDIA A10,1\n",
            "none has the GPU that was measured, NVIDIA T4",
        ),
        (
            on_gpu("NVIDIA T4", 4 << 30, count=2),
            "name,vcpu,memory_gib,gpu,gpu_count\nbig,8,32,NVIDIA T4,1\n",
            "a replica of 1.25 cores, 192 Mi and 2 GPUs with 4096 Mi: the nearest, big, lacks 1 GPU",
        ),
    ],
)
def test_where_nothing_fits_the_nearest_and_what_it_lacks_are_named(
    tmp_path: Path, profile: Profile, table: str, said: str
) -> None:
    (tmp_path / "own.csv").write_text(table)
    done = run(tmp_path, "--profile", "profile.json", "--nodes", "own.csv", profile=profile)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("plimsoll: error: --nodes own.csv: ")
    assert said in line
