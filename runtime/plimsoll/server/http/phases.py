"""What a connection waits for, and what happens when that takes too long:

OPENING    a first byte                    closed silently
HEAD       the rest of a head              408
BODY       the rest of a body              408, by its total time or its rate
STARVED    memory for a large body         429
BUSY       the service, or a client that   closed when no more of the answer is taken for --send-timeout
           reads slowly
HALF       the service, for a client that  sounded out, if its request still waits for a
           will send nothing more          slot: it may be gone
IDLE       another request                 closed silently
LINGERING  a refused client to stop        closed
CLOSING    the last bytes to go out        cut off
CLOSED
"""

from __future__ import annotations

from enum import Enum, auto


class Phase(Enum):
    OPENING = auto()
    HEAD = auto()
    BODY = auto()
    STARVED = auto()
    BUSY = auto()
    HALF = auto()
    IDLE = auto()
    LINGERING = auto()
    CLOSING = auto()
    CLOSED = auto()


OVER_PHASES = (Phase.LINGERING, Phase.CLOSING, Phase.CLOSED)
"""Nothing more is answered. A tuple: a set would have Python compute the hash of an enum with each request."""
