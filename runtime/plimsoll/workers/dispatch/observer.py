"""Who hears what happens on the dispatcher's slots: the supervisor, which owns the processes behind them."""

from __future__ import annotations

from typing import Protocol

from plimsoll.workers.dispatch.slot import Slot


class Observer(Protocol):
    def on_stuck(self, slot: Slot, request_id: str) -> None:
        """The slot's call passed the scoring timeout: its worker must end."""

    def on_broken(self, slot: Slot, reason: str) -> None:
        """The slot's worker does not keep to the protocol: it must end at once."""

    def on_idle(self, slot: Slot) -> None:
        """A retired slot has finished its last call."""

    def on_batch(self, size: int) -> None:
        """So many calls were handed over as one."""

    def on_batch_run(self, run_s: float) -> None:
        """run() took so long for one batch."""
