"""The request that a @rawhttp script gets: Werkzeug's, filled from a call."""

from __future__ import annotations

from werkzeug.wrappers import Request as WerkzeugRequest

from plimsoll.entry.call import Call
from plimsoll.entry.environ import environ_of


class Request(WerkzeugRequest):
    """Werkzeug's request: `method`, `args`, `headers`, `get_data()`, `form`, `files`, `json` and the rest."""

    @classmethod
    def of(cls, call: Call) -> Request:
        return cls(environ_of(call))


AMLRequest = Request
