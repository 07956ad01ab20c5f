"""How the front's file descriptors are shared out before it starts, so that it never runs out of them.

A server without descriptors cannot accept, cannot refuse, and cannot hand a large body to a worker. So connections
get what is left when everything else has its part: the cap on them (503 beyond it) is then what gives way.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from plimsoll.errors import EntryError
from plimsoll.host.descriptors import descriptor_limit, open_descriptors, raise_descriptor_limit
from plimsoll.settings.serving import ServeSettings

_LOG = logging.getLogger("plimsoll.server")
_LOOP = 24
"""The event loop's own, gunicorn's, and the log's; 19 were counted, with the memory of large bodies."""
_PER_WORKER = 10
"""Control socket, process, two pipes of output, the board of cancelled calls (two), room for its answers, the channel
for records, and two while it is started."""
_COLLECTED = 64
"""Files of collections, at most."""
_PER_SLOT = 2
_RESERVE = 64
"""For what is opened and closed in passing: memory files of large bodies, /metrics, files that are read again."""
_MOST_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class DescriptorPlan:
    """`connections` may be open; `backlog` more may come at once, and are accepted to be refused.

    `found`: the soft limit as it was, for what the front starts.
    """

    found: int
    connections: int
    backlog: int


def plan_descriptors(settings: ServeSettings) -> DescriptorPlan:
    """Raises the limit as far as it goes, and says in one line what it bounds. Raises EntryError if nothing is left."""
    found = raise_descriptor_limit()
    limit = descriptor_limit()
    plan = _shared_out(settings, limit, found)
    if plan.connections < 1:
        raise EntryError(
            f"{limit} open files are too few for {settings.workers} worker(s) of {settings.threads} thread(s)",
            remedy="raise the limit: ulimit -n, or docker run --ulimit nofile=4096",
        )
    if plan.connections < settings.max_connections:
        message = "the limit of %d open files (ulimit -n) leaves room for %d connections at a time instead of %d"
        _LOG.warning(message, limit, plan.connections, settings.max_connections)
    return plan


def _shared_out(settings: ServeSettings, limit: int, found: int) -> DescriptorPlan:
    workers = settings.workers + 1  # one is replaced while it lives
    own = open_descriptors() + _LOOP + workers * (_PER_WORKER + settings.threads * _PER_SLOT) + _RESERVE
    own += _COLLECTED if settings.collect is not None else 0
    left = limit - own
    # Whoever connects while the cap is reached is accepted first: as many as the kernel holds, in one turn of the loop.
    backlog = max(1, min(_MOST_BACKLOG, left // 4))
    return DescriptorPlan(found, min(settings.max_connections, left - backlog), backlog)
