"""The faults of the storm: what each does to the server, and what it may cost.

`deaths` is the least and the most workers that one strike ends. `front_deaths` is the same for the front, whose end
cuts every connection. An `own` outcome is what the request that carries the fault may end with.
"""

from __future__ import annotations

import contextlib
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from plimsoll.workers.dispatch.slot import MAX_AHEAD
from storm.scene import Scene
from storm.scripts.harm import GARBAGE
from support.families import wait_all_ended
from support.server import wait_for

SCORING_TIMEOUT_S = 5.0
"""Far above what any call takes, a second under a fault and two in which the machine stands still included."""
_SHORT_S = (0.1, 1.0)
_LONG_S = SCORING_TIMEOUT_S + 2.5
_RIGHT = frozenset({"right"})
_DIED = frozenset({"502 worker_died"})
_FAILED = frozenset({"500 script_failed"})
_STUCK = frozenset({"504 scoring_timeout"})
_BUSY = frozenset({"503 not_ready", "429 queue_full"})
"""What any request may get while workers are being replaced."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`strike` returns when the harm was done (monotonic), and the outcome of its own request where it has one."""

    weight: float
    strike: Callable[[Scene, random.Random], tuple[float, str | None]]
    deaths: tuple[int, int] = (0, 0)
    own: frozenset[str] = frozenset()
    front_deaths: int = 0
    begun: int = 1
    """Calls that a slot may lose to it: a worker that talks nonsense is not believed in what it has sent since."""


def _signalled(number: signal.Signals) -> Callable[[Scene, random.Random], tuple[float, str | None]]:
    def strike(scene: Scene, rng: random.Random) -> tuple[float, None]:
        workers = wait_for(scene.workers, "a worker")
        victim = rng.choice(workers)
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(number)
        at = time.monotonic()
        wait_for(lambda: victim not in scene.workers(), f"end of worker {victim.pid} by {number.name}")
        return at, None

    return strike


def _frozen(least_s: float, most_s: float) -> Callable[[Scene, random.Random], tuple[float, str | None]]:
    def strike(scene: Scene, rng: random.Random) -> tuple[float, None]:
        victim = rng.choice(wait_for(scene.workers, "a worker"))
        _freeze(victim, rng.uniform(least_s, most_s))
        return time.monotonic(), None

    return strike


def _freeze(victim: psutil.Process, for_s: float) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        victim.suspend()
        time.sleep(for_s)
        victim.resume()


def _asked(action: str, *arguments: object) -> Callable[[Scene, random.Random], tuple[float, str | None]]:
    def strike(scene: Scene, rng: random.Random) -> tuple[float, str]:
        found = scene.ask(action, rng.choice(arguments or (0,)))
        return time.monotonic(), found

    return strike


def _kill_front(scene: Scene, rng: random.Random) -> tuple[float, None]:
    front = scene.front()
    front.kill()
    at = time.monotonic()
    wait_all_ended([front], "the front")
    return at, None


def _end_front(scene: Scene, rng: random.Random) -> tuple[float, None]:
    front = scene.front()
    front.terminate()
    wait_all_ended([front], "the front")
    return time.monotonic(), None


def _freeze_front(scene: Scene, rng: random.Random) -> tuple[float, None]:
    _freeze(scene.front(), rng.uniform(*_SHORT_S))
    return time.monotonic(), None


def _freeze_master(scene: Scene, rng: random.Random) -> tuple[float, None]:
    _freeze(psutil.Process(scene.server.process.pid), rng.uniform(*_SHORT_S))
    return time.monotonic(), None


def _reload(scene: Scene, rng: random.Random) -> tuple[float, None]:
    before = {worker.pid for worker in scene.workers()}
    scene.server.signal(signal.SIGHUP)
    wait_for(lambda: not before & {worker.pid for worker in scene.workers()}, "fresh workers")
    return time.monotonic(), None


WORKER_FAULTS = {
    "kill": Fault(4, _signalled(signal.SIGKILL), deaths=(1, 1)),
    "term": Fault(1, _signalled(signal.SIGTERM), deaths=(1, 1)),
    "hangup": Fault(1, _signalled(signal.SIGHUP), deaths=(1, 1)),
    "freeze": Fault(2, _frozen(*_SHORT_S)),
    "freeze_long": Fault(1, _frozen(_LONG_S, _LONG_S), deaths=(0, 1)),
    "leave": Fault(2, _asked("leave"), deaths=(1, 1), own=_DIED),
    "segfault": Fault(2, _asked("segfault"), deaths=(1, 1), own=_DIED),
    "hang": Fault(1, _asked("hang"), deaths=(1, 1), own=_STUCK),
    "hang_in_c": Fault(1, _asked("hang_in_c"), deaths=(1, 1), own=_STUCK),
    "hold_lock": Fault(2, _asked("hold_lock", 100, 500, 1000), own=_RIGHT),
    "exhaust": Fault(1, _asked("exhaust"), own=_FAILED),
    "threads": Fault(1, _asked("start_threads", 10, 500), own=_RIGHT),
    "threads_without_end": Fault(0.3, _asked("start_threads_without_end"), own=_RIGHT | _FAILED),
    "exec": Fault(1, _asked("become_another_program"), deaths=(1, 1), own=_DIED),
    "fork": Fault(1, _asked("fork"), own=_RIGHT),
    "fork_and_exec": Fault(1, _asked("fork_and_exec"), own=_RIGHT),
    "daemon": Fault(1, _asked("start_daemon"), own=_RIGHT),
    "program": Fault(1, _asked("start_program"), own=_RIGHT),
    "close_all": Fault(1, _asked("close_all"), deaths=(1, 1), own=_DIED),
    "signals": Fault(1, _asked("change_signals"), own=_RIGHT),
    "shout": Fault(1, _asked("shout", 10_000, 50_000), own=_RIGHT),
    "long_line": Fault(1, _asked("shout_without_end_of_line", 3_000_000), own=_RIGHT),
    "garbage": Fault(4, _asked("write_garbage", *GARBAGE), deaths=(0, 1), begun=MAX_AHEAD),
    "reload": Fault(1, _reload),
}
FRONT_FAULTS = {
    "kill": WORKER_FAULTS["kill"],
    "kill_front": Fault(3, _kill_front, front_deaths=1),
    "end_front": Fault(1, _end_front, front_deaths=1),
    "freeze_front": Fault(2, _freeze_front),
    "freeze_master": Fault(2, _freeze_master),
    "reload": WORKER_FAULTS["reload"],
}
