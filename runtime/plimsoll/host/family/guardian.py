"""A process that does nothing until the server's master is killed, and then ends what the kernel would leave behind.

The kernel ends front and workers with their master (see plimsoll.host.parent), but not what workers have started: that
is handed to a process outside. The master cannot do it, since a process that is killed gets no notice of it.

While it waits it is a shell, of 0.1 MB. A fork of the master would come to 3 MB: it would keep every page that both
master and front have written to since. The shell becomes
``python -m plimsoll.host.family.guardian MARK MASTER_PID START``.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys

from plimsoll.host.family.entrance import home_of_groups, pattern_of
from plimsoll.host.family.leftovers import Leftovers
from plimsoll.host.family.marks import Mark
from plimsoll.host.processes import Process

_LOG = logging.getLogger("plimsoll.server")
NAME = "plimsoll-guard"
"""As ps(1) and top(1) show it."""
_PATIENCE_S = 60.0
# The master holds the other end of the pipe, and so does the front, which dies with it. Groups are frozen by the shell,
# since a fork bomb would leave little time to the Python that starts then.
_WAIT = f"""
trap '' TERM INT HUP QUIT USR1 USR2
printf {NAME} > /proc/$$/comm
read _
cd "$1" && for group in $2; do
    [ -e "$group/cgroup.freeze" ] && echo 1 > "$group/cgroup.freeze"
done
cd /
shift 2
exec "$@"
"""


class Guardian:
    """Of this process; `mark` is the server's."""

    def __init__(self, mark: Mark) -> None:
        master = Process.read(os.getpid())
        assert master is not None
        what = [sys.executable, "-P", "-m", __name__, *map(str, (mark.number, *master.key))]
        home = home_of_groups() or ""
        self._command = ["/bin/sh", "-c", _WAIT, NAME, str(home), pattern_of(mark), *what]
        self._process: subprocess.Popen[bytes] | None = None
        self._has_failed = False

    def ensure(self) -> None:
        """Starts it, or starts it again; where that cannot be, the next call tries once more."""
        if self._process is not None and self._process.poll() is None:
            return
        self._forget()
        try:
            self._start()
        except OSError as failure:
            if not self._has_failed:
                _LOG.warning("%s cannot be started: %s; what scripts start may outlive a killed server", NAME, failure)
            self._has_failed = True

    def _start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            # Out of the terminal's reach.
            start_new_session=True,
        )

    def end(self) -> None:
        """The master is about to end, and has left nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def _forget(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


def main(arguments: list[str]) -> None:
    number, master_pid, started_ticks = map(int, arguments)
    mark, master = Mark.of_number(number), Process(master_pid, started_ticks, 0, ())
    if mark is not None and not master.alive():
        Leftovers(lambda other: other.server == mark.server).end_all(_PATIENCE_S)


if __name__ == "__main__":
    main(sys.argv[1:])
