"""One call of run(): what goes in and what comes out, independent of HTTP servers and processes.

The front makes a `Call` of a request, a model worker makes an `Answer` of it. Nothing here
imports Werkzeug or json: the front loads this module too, and a worker that never needs them
should not pay for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plimsoll.entry.bodies import SharedBody

Headers = list[tuple[str, str]]


@dataclass(slots=True, frozen=True)
class Head:
    """The request line and headers of a call.

    `target` is the raw path with its query string, still percent-encoded. Header names are
    lower case, in the order received, duplicates kept. `client` is ``host:port`` or empty. `contract`: the name
    of the one that the request speaks; empty for Azure ML's.
    """

    method: str = "POST"
    target: str = "/score"
    headers: Headers = field(default_factory=list)
    scheme: str = "http"
    client: str = ""
    contract: str = ""
    kept: Any = field(init=False, repr=False, compare=False)
    """What a contract's codec keeps of the request until its answer; not there before."""

    def keep(self, note: Any) -> None:
        object.__setattr__(self, "kept", note)


@dataclass(slots=True, frozen=True)
class Call:
    """One request for run(). A body that is lent, not given, is there until the call's answer is complete."""

    head: Head
    body: bytes | SharedBody

    @property
    def data(self) -> bytes | memoryview:
        """The body, to be copied from: nothing that a script gets may refer to it."""
        return self.body if isinstance(self.body, bytes) else self.body.view


# Not frozen: that alone would cost a tenth of an echo.
@dataclass(slots=True)
class Answer:
    """What run() made of a call, ready for the wire.

    `run_function_failed` None leaves that header out. `run_s` is the time inside the user's run(), in
    seconds; None where run() did not return. `is_error`: Plimsoll itself refuses or reports here, with
    a JSON object that has a `message`; the front may add to it. What the script chose to answer, an
    error status included, is never marked.
    """

    status: int
    headers: Headers
    body: bytes | Iterator[bytes]
    run_function_failed: bool | None = False
    run_s: float | None = None
    is_error: bool = False
