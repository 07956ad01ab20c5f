"""How gunicorn runs the front: its worker class, and the master that keeps one of it."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from typing import TYPE_CHECKING

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

from plimsoll.host.family.household import Household
from plimsoll.host.family.marks import mark_of, put_on
from plimsoll.host.parent import adopt_orphans, die_with

if TYPE_CHECKING:
    from plimsoll.server.front.front import Front


class FrontWorker(Worker):  # type: ignore[misc]
    """Serves gunicorn's listeners until a signal stops it.

    The master imports nothing of what serves. The front would inherit it, but half of its pages not be shared for long:
    both write to them, be it by counting references.
    """

    wsgi: Front

    def init_process(self) -> None:
        die_with(self.ppid)
        adopt_orphans()
        if (server := mark_of(0)) is not None:
            put_on(replace(server, front=self.age))
        super().init_process()

    def init_signals(self) -> None:
        """The event loop takes the signals that end or renew; gunicorn's own handlers would raise during a callback."""
        for number in self.SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        # While the front imports what serves there is nothing to renew, and by default SIGHUP would end it.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGUSR1, self.handle_usr1)
        signal.siginterrupt(signal.SIGUSR1, False)

    def run(self) -> None:
        from plimsoll.server.front.serving import Serving

        backlog = self.cfg.settings["backlog"].value
        Serving(self.wsgi, [listener.sock for listener in self.sockets], backlog, self.notify).run()


class FrontArbiter(Arbiter):  # type: ignore[misc]
    """gunicorn's master. On SIGHUP the front stays and replaces its workers one by one: no connection is lost."""

    def run(self) -> None:
        self.household = Household()
        own_pid = os.getpid()
        try:
            super().run()
        finally:
            if os.getpid() == own_pid:  # a front, forked inside run(), comes through here as well
                self.household.end()

    def murder_workers(self) -> None:
        """Called at every signal, and once a second."""
        super().murder_workers()
        self.household.look([worker.age for worker in self.WORKERS.values()], self.worker_age)

    def handle_hup(self) -> None:
        self.kill_workers(signal.SIGHUP)
