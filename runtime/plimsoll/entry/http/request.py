"""The request that a @rawhttp script gets: Werkzeug's, filled from a call."""

from __future__ import annotations

from werkzeug.wrappers import Request as WerkzeugRequest

from plimsoll.entry.call import Call
from plimsoll.entry.http.environ import environ_of


class Request(WerkzeugRequest):
    """Werkzeug's request: `method`, `args`, `headers`, `get_data()`, `form`, `files`, `json` and the rest."""

    @classmethod
    def of(cls, call: Call) -> Request:
        # Else Werkzeug puts the request into its own environ: a cycle, in which large bodies wait for the collector.
        return cls(environ_of(call), populate_request=False)

    def _get_current_object(self) -> Request:
        """In Azure ML's server run() gets a proxy of Flask's, and scripts that start threads ask it for this."""
        return self


AMLRequest = Request
