"""Phase: the server starts. How long until it is ready, what that costs, how much memory it took on the way."""

from __future__ import annotations

import time
from dataclasses import dataclass

from plimsoll.errors import EntryError, StartError, UsageError
from plimsoll.profiling.measure.meter import TreeMemory
from plimsoll.profiling.measure.server import ServerUnderTest, describe_exit

# Of the phases of a server that runs inside the recommended limits.
TRIAL_PREFIX = "verify: "
_FIRST_POLL_S = 0.02
_SLOWEST_POLL_S = 0.1
_EXPECTED_S = 5.0


@dataclass(frozen=True, slots=True)
class Startup:
    """`memory` when ready; its peaks are those of the loading."""

    seconds_to_ready: float
    cpu_s: float
    memory: TreeMemory


def wait_for_start(server: ServerUnderTest) -> Startup:
    """Polls `/health/ready`; raises EntryError or UsageError with the server's own message when it does not come up."""
    server.recorder.begin_server(server.options.configuration, server.prefix == TRIAL_PREFIX, server.meter)
    watch = server.begin("start", _EXPECTED_S)
    pause_s, reason = _FIRST_POLL_S, ""
    while True:
        ready, reason = server.process.readiness()
        if ready:
            break
        code = server.process.exit_code()
        if code is not None:
            raise _start_error(code, server)
        if watch.elapsed_s() > server.options.start_timeout_s:
            raise EntryError(f"the server was not ready after {server.options.start_timeout_s:.0f} s: {reason}")
        server.meter.cpu_ns()
        server.recorder.record(server.meter)
        server.progress.advance(watch.elapsed_s())
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, _SLOWEST_POLL_S)
    ready_s = watch.elapsed_s()
    startup = Startup(ready_s, server.meter.total_cpu_s(), server.meter.memory())
    server.meter.reset_peaks()
    return startup


def _start_error(code: int, server: ServerUnderTest) -> StartError:
    message = server.process.last_error()
    if code == UsageError.exit_code:
        return UsageError(message)
    if code == EntryError.exit_code:
        return EntryError(message)
    return EntryError(f"the server {describe_exit(code)} before it was ready: {message}")
