"""The life of a lease, as a table: a part of shared memory from the moment it is taken until it is free again.

Rules for editors. A lease is one call's, and once FREE it is nobody's for ever: who takes the memory next has a lease
of its own. While a worker may touch the memory (HANDED, UNWANTED, KEPT) only news of that worker frees it: its answer,
its frame taken back unread, or its death. That the caller has lost interest (RELEASE) is not enough: run() may
still read.

    body of a request   FILLING ─ QUEUED ─ HANDED ─┬─ FREE         answered
                                    └── (taken back)├─ KEPT ─ FREE  the script still refers to it: until its worker ends
                                                    └─ UNWANTED     answered with 504, client gone: as HANDED, but
                                                                    taken back or answered it is FREE
    room for an answer  FILLING ─ QUEUED ─ HANDED ─┬─ SENDING ─ FREE
                                                    └─ FREE         not used
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class LeaseState(StrEnum):
    FILLING = "filling"
    QUEUED = "queued"
    HANDED = "handed"
    UNWANTED = "unwanted"
    KEPT = "kept"
    SENDING = "sending"
    FREE = "free"


class LeaseEvent(StrEnum):
    SUBMIT = "submit"
    HAND = "hand"
    TAKE_BACK = "take_back"
    ANSWER = "answer"
    """The worker has answered, and no longer touches it."""
    KEEP = "keep"
    """The worker has answered, and the script still refers to it."""
    SEND = "send"
    """The worker has answered, and its answer is in it."""
    DIE = "die"
    """The worker is dead and cannot touch the memory any more."""
    RELEASE = "release"
    """Whoever took the lease has no more use for it; may be said at any time, and more than once."""


LEASE_TABLE: Mapping[LeaseState, Mapping[LeaseEvent, LeaseState]] = {
    LeaseState.FILLING: {
        LeaseEvent.SUBMIT: LeaseState.QUEUED,
        LeaseEvent.RELEASE: LeaseState.FREE,
    },
    LeaseState.QUEUED: {
        LeaseEvent.HAND: LeaseState.HANDED,
        LeaseEvent.RELEASE: LeaseState.FREE,
    },
    LeaseState.HANDED: {
        LeaseEvent.TAKE_BACK: LeaseState.QUEUED,
        LeaseEvent.ANSWER: LeaseState.FREE,
        LeaseEvent.KEEP: LeaseState.KEPT,
        LeaseEvent.SEND: LeaseState.SENDING,
        LeaseEvent.DIE: LeaseState.FREE,
        LeaseEvent.RELEASE: LeaseState.UNWANTED,
    },
    LeaseState.UNWANTED: {
        LeaseEvent.TAKE_BACK: LeaseState.FREE,
        LeaseEvent.ANSWER: LeaseState.FREE,
        LeaseEvent.KEEP: LeaseState.KEPT,
        LeaseEvent.DIE: LeaseState.FREE,
        LeaseEvent.RELEASE: LeaseState.UNWANTED,
    },
    LeaseState.KEPT: {
        LeaseEvent.DIE: LeaseState.FREE,
        LeaseEvent.RELEASE: LeaseState.KEPT,
    },
    LeaseState.SENDING: {
        LeaseEvent.RELEASE: LeaseState.FREE,
    },
    LeaseState.FREE: {
        LeaseEvent.RELEASE: LeaseState.FREE,
    },
}
