"""Whether the place that a deployment file asks for holds a model whose replica needs 2 cores and 192 Mi at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from plimsoll.deploy.fit.table import MANAGED, read_nodes
from plimsoll.deploy.holding import holding_lines
from plimsoll.deployment_file.found import Resources, Target
from plimsoll.profiling.advice.rounding import GIBIBYTE, MEBIBYTE
from plimsoll.profiling.result.files import write_profile
from plimsoll.profiling.result.profile import Profile
from support.finished import failed_profile
from support.fitted import deployable, on_gpu


def lines(folder: Path, target: Target, profile: Profile | None = None) -> list[str]:
    write_profile(profile or deployable(), folder)
    return list(holding_lines(folder / "profile.json", target))


def on(instance_type: str) -> Target:
    return Target(file="d.yml", instance_type=instance_type)


NEEDS = "the limits of one replica, 2 cores and 192 Mi"


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Standard_F2s_v2", f"Standard_F2s_v2 (2 cores, 4 GiB) holds {NEEDS}; no smaller type would do"),
        ("standard_ds3_v2", f"Standard_DS3_v2 (4 cores, 14 GiB) holds {NEEDS}; Standard_F2s_v2 (2 cores, 4 GiB) would"),
        (
            "Standard_DS1_v2",
            f"Standard_DS1_v2 (1 core, 3.5 GiB) does not hold {NEEDS}: it lacks 1 core;"
            " Standard_F2s_v2 (2 cores, 4 GiB) would do",
        ),
        ("Standard_D4s_v5", f"Standard_D4s_v5 (4 cores, 16 GiB) holds {NEEDS}; "),
        ("Standard_X1", f"Standard_X1: its size is not known here; of those that are, for {NEEDS}, Standard_F2s_v2"),
    ],
)
def test_a_type_of_managed_endpoints(tmp_path: Path, name: str, line: str) -> None:
    (found,) = lines(tmp_path, on(name))
    assert found.startswith(line)


def test_a_gpu_must_be_the_one_that_was_measured(tmp_path: Path) -> None:
    profile = on_gpu("NVIDIA A100 80GB PCIe")
    (other,) = lines(tmp_path, on("Standard_NC4as_T4_v3"), profile)
    assert "it lacks the GPU that was measured, NVIDIA A100 80GB PCIe; Standard_NC24ads_A100_v4" in other
    (none,) = lines(tmp_path, on("Standard_DS3_v2"), profile)
    assert "it lacks 1 GPU; Standard_NC24ads_A100_v4 (24 cores, 220 GiB, 1 x NVIDIA A100 80GB) would do" in none


def test_a_model_without_gpus_needs_no_type_that_has_some(tmp_path: Path) -> None:
    """Though with so much memory the smallest type has a GPU."""
    memory = {"requestBytes": 90 * GIBIBYTE, "limitBytes": 90 * GIBIBYTE, "reason": "It needs it."}
    profile = deployable({"memory": memory})
    (small,) = lines(tmp_path, on("Standard_DS1_v2"), profile)
    assert small.endswith("; Standard_E16s_v3 (16 cores, 128 GiB) would do")
    (idle,) = lines(tmp_path, on("Standard_NC6s_v2"), profile)
    assert idle.startswith("Standard_NC6s_v2 (6 cores, 112 GiB, 1 x NVIDIA P100 16GB) holds ")
    assert idle.endswith("; Standard_E16s_v3 (16 cores, 128 GiB) would do")


@pytest.mark.parametrize(
    ("resource", "gpus", "line"),
    [
        ("nvidia.com/gpu", {}, "resources do not hold it: nvidia.com/gpu is 0, and 2 would"),
        ("nvidia.com/gpu", {"nvidia.com/gpu": 1.0}, "resources do not hold it: nvidia.com/gpu is 1, and 2 would"),
        ("nvidia.com/gpu", {"nvidia.com/gpu": 2.0}, "resources hold it"),
        ("nvidia.com/gpu", {"nvidia.com/mig-1g.10gb": 2.0}, "resources do not hold it: nvidia.com/gpu is 0, and 2"),
        ("nvidia.com/mig-1g.10gb", {"nvidia.com/mig-1g.10gb": 2.0}, "resources hold it"),
        ("nvidia.com/mig-1g.10gb", {"nvidia.com/gpu": 2.0}, "resources hold it"),
    ],
)
def test_resources_must_have_the_gpus(tmp_path: Path, resource: str, gpus: dict[str, float], line: str) -> None:
    target = Target(file="d.yml", resources=Resources(limit_cores=8.0, gpus=gpus))
    (found,) = lines(tmp_path, target, on_gpu("NVIDIA A100 80GB PCIe", resource=resource, count=2))
    assert found.startswith(line)
    assert lines(tmp_path, target) == ["resources hold it"]


def test_resources_are_compared_with_what_was_proved(tmp_path: Path) -> None:
    short = Resources(request_cores=0.1, request_bytes=1e9, limit_cores=2.0, limit_bytes=128 * MEBIBYTE)
    assert lines(tmp_path, Target(file="d.yml", resources=short)) == [
        "resources do not hold it: requests.cpu is 0.1 cores, and 1.25 cores would; limits.memory is 128 Mi, and 192 Mi"
        " would"
    ]
    enough = Resources(request_cores=1.25, limit_bytes=192 * MEBIBYTE)
    assert lines(tmp_path, Target(file="d.yml", resources=enough)) == ["resources hold it"]


@pytest.mark.parametrize(
    ("instances", "verdict"), [(2, "is too few, and 3 would do,"), (3, "is enough"), (4, "is enough")]
)
def test_the_number_of_instances_for_the_target(tmp_path: Path, instances: int, verdict: str) -> None:
    """150 requests/s, of which one replica carries 50."""
    (line,) = lines(tmp_path, Target(file="d.yml", instances=instances))
    assert line == f"instance_count {instances} {verdict} for 150 requests/s, of which one carries 50"


def test_a_profile_without_an_answer_has_none_here(tmp_path: Path) -> None:
    assert lines(tmp_path, on("Standard_DS3_v2"), failed_profile()) == []


def test_the_types_of_managed_endpoints_as_azure_publishes_them() -> None:
    """learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list, and their sizes."""
    types = {node.name: node for node in read_nodes(MANAGED)}
    for name, vcpu, gib, gpus in (
        ("Standard_DS2_v2", 2, 7, 0),
        ("Standard_D16as_v4", 16, 64, 0),
        ("Standard_FX12mds", 12, 252, 0),
        ("Standard_E64s_v3", 64, 432, 0),
        ("Standard_NC24s_v3", 24, 448, 4),
        ("Standard_ND96asr_v4", 96, 900, 8),
    ):
        node = types[name]
        assert (node.vcpu, node.memory_bytes, node.gpu_count) == (vcpu, gib * GIBIBYTE, gpus)
    both = {node.name: node for node in read_nodes("azure") if node.name in types}
    assert len(both) > 10
    for name, node in both.items():
        mine = types[name]
        assert (node.vcpu, node.memory_bytes, node.gpu, node.gpu_count, node.gpu_memory_bytes) == (
            mine.vcpu, mine.memory_bytes, mine.gpu, mine.gpu_count, mine.gpu_memory_bytes,
        )  # fmt: skip
