"""Which GPUs the environment leaves to this process, by the rules of CUDA.

CUDA_VISIBLE_DEVICES names devices by index, by UUID or by the beginning of a UUID; the first name that fits nothing
ends the list, and an empty list hides all. An index counts as nvidia-smi does.

NVIDIA_VISIBLE_DEVICES is an order to the container runtime, which has been carried out before any process started:
its indices are the host's, and a device plugin may leave "void" there although it has given GPUs. So only UUIDs in
it count, for containers that see every GPU of the host because they are privileged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar


class Device(Protocol):
    @property
    def index(self) -> int: ...
    @property
    def uuid(self) -> str: ...
    @property
    def parent(self) -> str | None: ...


Found = TypeVar("Found", bound=Device)


def visible(found: Sequence[Found], environment: Mapping[str, str]) -> tuple[Found, ...]:
    """Those of `found` that CUDA would show, in its order; an index in MIG mode stands for all slices there."""
    given = _narrowed(found, environment.get("NVIDIA_VISIBLE_DEVICES", ""))
    wanted = environment.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return given
    chosen: list[Found] = []
    for name in wanted.split(","):
        fitting = _named(given, name.strip())
        if not fitting:
            break
        chosen += fitting
    return tuple(dict.fromkeys(chosen))


def _narrowed(found: Sequence[Found], names: str) -> tuple[Found, ...]:
    uuids = [name.strip() for name in names.split(",") if name.strip().startswith(("GPU-", "MIG-"))]
    named = tuple(gpu for gpu in found if any(_is_called(gpu, uuid) for uuid in uuids))
    return named or tuple(found)


def _named(given: Sequence[Found], name: str) -> list[Found]:
    if name.isdecimal():
        return [gpu for gpu in given if gpu.index == int(name)]
    return [gpu for gpu in given if name and _is_called(gpu, name)]


def _is_called(gpu: Device, name: str) -> bool:
    return gpu.uuid.startswith(name) or (gpu.parent is not None and gpu.parent.startswith(name))
