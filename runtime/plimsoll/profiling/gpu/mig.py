"""Which slice of which card (MIG) is large enough.

The sizes are those that `nvidia-smi mig -lgip` lists, in GiB: a little less than the name promises. Where drivers list
different sizes for the same card the smaller one stands here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from plimsoll.host.gpu.nvml import Gpu
from plimsoll.profiling.advice.rounding import GIBIBYTE


@dataclass(frozen=True, slots=True)
class Slice:
    """One profile; the number before the g is its share of the card's compute, in sevenths (quarters on an A30)."""

    name: str
    usable_gib: float

    @property
    def usable_bytes(self) -> int:
        """What is left for processes after the driver's own part."""
        return int(self.usable_gib * GIBIBYTE)


def _slices(**usable_gib: float) -> tuple[Slice, ...]:
    """`_1g_5gb=4.75` → 1g.5gb."""
    return tuple(Slice(name.lstrip("_").replace("_", "."), size) for name, size in usable_gib.items())


# Word in the card's name, GiB that the whole card has at most, slices from small to large.
_CARDS: tuple[tuple[str, float, tuple[Slice, ...]], ...] = (
    ("A30", 24, _slices(_1g_6gb=5.81, _2g_12gb=11.69, _4g_24gb=23.44)),
    ("A100", 40, _slices(_1g_5gb=4.75, _1g_10gb=9.62, _2g_10gb=9.62, _3g_20gb=19.62, _4g_20gb=19.62, _7g_40gb=39.5)),
    ("A100", 80, _slices(_1g_10gb=9.5, _1g_20gb=19.5, _2g_20gb=19.5, _3g_40gb=39.25, _4g_40gb=39.25, _7g_80gb=78.75)),
    ("H100", 80, _slices(_1g_10gb=9.75, _1g_20gb=19.62, _2g_20gb=19.62, _3g_40gb=39.5, _4g_40gb=39.5, _7g_80gb=79.25)),
    ("H100", 94, _slices(_1g_12gb=10.75, _1g_24gb=21.62, _2g_24gb=21.62, _3g_47gb=46.38, _4g_47gb=46.38, _7g_94gb=93)),
    ("H200", 141, _slices(_1g_18gb=16, _1g_35gb=32.25, _2g_35gb=32.25, _3g_71gb=69.5, _4g_71gb=69.5, _7g_141gb=139.75)),
    ("B200", 180, _slices(_1g_23gb=20.5, _1g_45gb=44.25, _2g_45gb=44.25, _3g_90gb=88, _4g_90gb=88, _7g_180gb=177)),
)


def least_usable_bytes(profile: str) -> int | None:
    """Of a slice of that name, on the card that has least of it; None for one that is in no table."""
    return min((one.usable_bytes for _, _, known in _CARDS for one in known if one.name == profile), default=None)


# In how many parts cards are divided, where it is not known better.
_MOST_COMPUTE = 7
_SLICE_NAME = re.compile(r"\b(\d+g\.\d+gb)\b")


@dataclass(frozen=True, slots=True)
class MigChoice:
    """`profile` is None where there is none to name; `reason` then says why."""

    profile: str | None
    reason: str


def choose_slice(gpu: Gpu, needed_bytes: int) -> MigChoice:
    """The smallest slice with room for `needed_bytes`, of a card such as this or as this is a slice of."""
    slices = _slices_of(gpu)
    if not slices:
        return MigChoice(None, f"no table of slices is known for {gpu.name}")
    fitting = next((one for one in slices if one.usable_bytes >= needed_bytes), None)
    if fitting is None:
        return MigChoice(None, f"no slice of such a card is large enough ({gpu.name})")
    return MigChoice(fitting.name, f"the smallest slice with room for it ({fitting.usable_gib:g} GiB)")


def _slices_of(gpu: Gpu) -> tuple[Slice, ...]:
    total_gib, own = (gpu.total_bytes or 0) / GIBIBYTE, slice_name(gpu.name)
    if not gpu.is_mig_slice:
        return _slices_of_card(gpu.name, total_gib)
    known = [(one.usable_gib, slices) for _, slices in _named(gpu.name) for one in slices if one.name == own]
    return min(known, key=lambda pair: abs(pair[0] - total_gib), default=(0.0, ()))[1]


def _named(name: str) -> list[tuple[float, tuple[Slice, ...]]]:
    words = set(re.split(r"[\s\-_]+", name.upper()))
    return [(most_gib, slices) for word, most_gib, slices in _CARDS if word in words]


def _slices_of_card(name: str, total_gib: float) -> tuple[Slice, ...]:
    """Of two cards of one name the smallest that holds the memory: the driver keeps some of it for itself."""
    return next((slices for most_gib, slices in _named(name) if 0 < total_gib <= most_gib), ())


def slices_per_card(name: str, total_bytes: int, profile: str) -> int:
    """So many of one profile lie side by side on such a card; 0 where it has none.

    Compute is divided into as many parts as the last slice has, memory by the sizes in the names (NVIDIA's MIG user
    guide, "supported profiles").
    """
    slices = _slices_of_card(name, total_bytes / GIBIBYTE)
    if profile not in {one.name for one in slices}:
        return 0
    whole = slices[-1].name
    return min(_compute(whole) // _compute(profile), round(_nominal_gb(whole) / _nominal_gb(profile)))


def slice_name(device: str) -> str | None:
    """`1g.5gb` from the name of a slice, such as `NVIDIA A100-SXM4-40GB MIG 1g.5gb`."""
    found = _SLICE_NAME.search(device.lower())
    return found[1] if found else None


def card_share(resource: str) -> float:
    """Of a card's price: a slice costs what it has of the compute, and the last slice of a card is all of it.

    `1g.10gb` is a seventh, `1g.6gb` of an A30 a quarter.
    """
    profile = slice_name(resource)
    if profile is None:
        return 1.0
    whole = next((slices[-1] for _, _, slices in _CARDS if profile in {one.name for one in slices}), None)
    return _compute(profile) / (_compute(whole.name) if whole else _MOST_COMPUTE)


def _compute(profile: str) -> int:
    return int(profile.partition("g.")[0])


def _nominal_gb(profile: str) -> int:
    return int(profile.partition("g.")[2].removesuffix("gb"))
