"""What one run has found out about GPUs, and whether it was to use any."""

from __future__ import annotations

from dataclasses import dataclass, field

from plimsoll.profiling.gpu.watch import GpuWatch


@dataclass(slots=True)
class GpuFindings:
    """`required`: the user wants a GPU or nothing. `unknown`: why nothing is known, empty where a GPU was watched.

    `grabbed_bytes` is what the server held of one device before `growth` made it take only what it needs;
    `allocator_bytes` what the framework's allocator counted at most in one worker.
    """

    required: bool = False
    unknown: str = "no GPU was looked for"
    driver_version: str | None = None
    watch: GpuWatch | None = None
    grabbed_bytes: int | None = None
    growth: dict[str, str] = field(default_factory=dict)
    allocator_bytes: int | None = None

    def note_allocator(self, sizes_bytes: list[int]) -> None:
        """One more reading of counts that only rise."""
        self.allocator_bytes = max([self.allocator_bytes or 0, *sizes_bytes]) or None

    def lost(self) -> str | None:
        """What was lost, and None while all is well."""
        return self.watch.lost if self.watch else None
