"""The table of slices against what NVIDIA documents of MIG, and the choice among them."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plimsoll.host.gpu.nvml import Gpu
from plimsoll.profiling.gpu.answer import GpuNeed, recommend_gpu
from plimsoll.profiling.gpu.mig import _CARDS, Slice, card_share, choose_slice, slice_name, slices_per_card

GIB = 2**30
# From the tables "GPU Instance Profiles" of NVIDIA's MIG user guide.
DOCUMENTED: dict[tuple[str, float], set[str]] = {
    ("A30", 24): {"1g.6gb", "2g.12gb", "4g.24gb"},
    ("A100", 40): {"1g.5gb", "1g.10gb", "2g.10gb", "3g.20gb", "4g.20gb", "7g.40gb"},
    ("A100", 80): {"1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"},
    ("H100", 80): {"1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "4g.40gb", "7g.80gb"},
    ("H100", 94): {"1g.12gb", "1g.24gb", "2g.24gb", "3g.47gb", "4g.47gb", "7g.94gb"},
    ("H200", 141): {"1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "4g.71gb", "7g.141gb"},
    ("B200", 180): {"1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "4g.90gb", "7g.180gb"},
}
CARDS = {(word, most): slices for word, most, slices in _CARDS}
NAMES = {
    "A30": "NVIDIA A30",
    "A100": "NVIDIA A100-SXM4-{}GB",
    "H100": "NVIDIA H100",
    "H200": "NVIDIA H200",
    "B200": "NVIDIA B200",
}


def parts(one: Slice) -> tuple[int, int]:
    """Compute and gigabytes that the name promises."""
    found = re.fullmatch(r"(\d+)g\.(\d+)gb", one.name)
    assert found, one
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("card", DOCUMENTED, ids=str)
def test_the_slices_are_those_that_nvidia_documents(card: tuple[str, float]) -> None:
    assert {one.name for one in CARDS[card]} == DOCUMENTED[card]


@pytest.mark.parametrize("card", CARDS, ids=str)
def test_they_stand_from_small_to_large_and_hold_a_little_less_than_they_promise(card: tuple[str, float]) -> None:
    slices = CARDS[card]
    for smaller, larger in itertools.pairwise(slices):
        assert smaller.usable_gib <= larger.usable_gib
        assert parts(smaller)[0] <= parts(larger)[0]
    for one in slices:
        assert 0.85 * parts(one)[1] <= one.usable_gib <= parts(one)[1]
    assert slices[-1].usable_gib <= card[1]


@settings(deadline=None)
@given(card=st.sampled_from(sorted(CARDS)), need=st.integers(1, 200 * GIB))
def test_the_smallest_that_has_room_is_chosen(card: tuple[str, float], need: int) -> None:
    word, most_gib = card
    gpu = Gpu(0, "GPU-0", NAMES[word].format(round(most_gib)), int((most_gib - 0.4) * GIB))
    choice, fitting = choose_slice(gpu, need), [one for one in CARDS[card] if one.usable_bytes >= need]
    assert choice.profile == (fitting[0].name if fitting else None)
    assert all(one.usable_bytes < need for one in CARDS[card][: len(CARDS[card]) - len(fitting)])


@pytest.mark.parametrize(
    "name",
    [
        "NVIDIA GH200 480GB",
        "NVIDIA RTX A3000",
        "NVIDIA A10",
        "NVIDIA A1000",
        "Tesla V100-SXM2-32GB",
        "NVIDIA H100X",
        "GPU",
    ],
)
def test_a_name_that_only_resembles_one_has_no_table(name: str) -> None:
    choice = choose_slice(Gpu(0, "GPU-0", name, 80 * GIB), GIB)
    assert choice.profile is None
    assert name in choice.reason


@pytest.mark.parametrize("total_gib", [0, 200])
def test_a_card_of_no_known_size_has_no_table(total_gib: int) -> None:
    assert choose_slice(Gpu(0, "GPU-0", "NVIDIA H100", total_gib * GIB or None), GIB).profile is None


@pytest.mark.parametrize(
    ("name", "profile"),
    [
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb", "1g.5gb"),
        ("NVIDIA H100 80GB HBM3 MIG 7g.80gb", "7g.80gb"),
        ("NVIDIA A100 MIG 1G.10GB", "1g.10gb"),
        ("NVIDIA A100-SXM4-40GB MIG 1g.5gb+me", "1g.5gb"),
        ("NVIDIA A100-SXM4-40GB", None),
        ("NVIDIA x1g.5gb", None),
    ],
)
def test_which_profile_a_slice_is(name: str, profile: str | None) -> None:
    assert slice_name(name) == profile


@pytest.mark.parametrize("card", CARDS, ids=str)
def test_a_need_that_just_fits_a_slice_is_told_to_take_it(card: tuple[str, float]) -> None:
    """Seen from such a slice: what it holds is asked for again, not the next bigger one."""
    for one in CARDS[card]:
        name = f"{NAMES[card[0]].format(round(card[1]))} MIG {one.name}"
        slice_ = Gpu(0, "MIG-0", name, one.usable_bytes, mig=True, parent="GPU-0", is_mig_slice=True)
        answer = recommend_gpu(1, GpuNeed(one.usable_bytes, "device"), slice_)
        assert answer.memory_bytes == one.usable_bytes
        smallest = next(other for other in CARDS[card] if other.usable_bytes >= one.usable_bytes)
        assert answer.mig_profile == smallest.name
        assert answer.resource == f"nvidia.com/mig-{smallest.name}"
        assert card_share(answer.resource) == pytest.approx(parts(smallest)[0] / parts(CARDS[card][-1])[0])


@pytest.mark.parametrize(
    ("resource", "share"),
    [
        ("nvidia.com/gpu", 1.0),
        ("nvidia.com/mig-1g.10gb", 1 / 7),
        ("nvidia.com/mig-3g.40gb", 3 / 7),
        ("nvidia.com/mig-7g.80gb", 1.0),
        ("nvidia.com/mig-1g.6gb", 1 / 4),
        ("nvidia.com/mig-4g.24gb", 1.0),
        ("nvidia.com/mig-2g.9999gb", 2 / 7),
    ],
)
def test_a_slice_costs_what_it_has_of_the_compute(resource: str, share: float) -> None:
    """In sevenths, but an A30 has quarters: its whole card is called 4g.24gb. A name of tomorrow counts in sevenths."""
    assert card_share(resource) == pytest.approx(share)


@pytest.mark.parametrize(
    ("name", "total_gib", "beside_each_other"),
    [
        ("NVIDIA A30", 24, {"1g.6gb": 4, "2g.12gb": 2, "4g.24gb": 1}),
        (
            "NVIDIA A100-SXM4-40GB",
            40,
            {"1g.5gb": 7, "1g.10gb": 4, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
        ),
        (
            "NVIDIA H100 80GB HBM3",
            79.6,
            {"1g.10gb": 7, "1g.20gb": 4, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1},
        ),
        (
            "NVIDIA H200",
            140.4,
            {"1g.18gb": 7, "1g.35gb": 4, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
        ),
    ],
)
def test_so_many_lie_side_by_side_as_nvidia_documents(
    name: str, total_gib: float, beside_each_other: dict[str, int]
) -> None:
    """NVIDIA's MIG user guide, supported profiles: the column of instances."""
    total_bytes = int(total_gib * 2**30)
    assert {one: slices_per_card(name, total_bytes, one) for one in beside_each_other} == beside_each_other
    assert slices_per_card(name, total_bytes, "9g.99gb") == 0
    assert slices_per_card("NVIDIA T4", total_bytes, "1g.10gb") == 0
